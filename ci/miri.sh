#!/usr/bin/env bash
# usage: bash ci/miri.sh
#
# The memory and dynptr rules of the vocabulary crate and the persistent structures of the
# filesystem in memory under Miri, if a nightly toolchain has it: there undefined behaviour of a
# dependency would hide. What reads the ABI tables takes Miri minutes each, and the rest of the
# filesystem most of an hour; they run on demand (ci/on-demand/miri.sh). The other crates touch
# files or the system.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

# On demand everything has all the time it needs.
seconds_max=$([[ -n ${MIRI_WHOLE:-} ]] && echo 7200 || echo 600)
readonly seconds_max
nightly=$(toolchain "^nightly") || skip miri "no nightly toolchain"
cargo "+$nightly" miri --version >/dev/null 2>&1 || skip miri "miri is not part of $nightly"
# Building the standard library for Miri needs its sources and, on first use, the network.
cargo "+$nightly" miri setup >/dev/null 2>&1 || skip miri "miri cannot set itself up here"

export CARGO_TARGET_DIR=$CARGO_TARGET_DIR/miri PROPTEST_CASES=4
export MIRIFLAGS="-Zmiri-disable-isolation ${MIRIFLAGS:-}"
words=(dynptr memory:: verdict:: buffer::grouped buffer::meant wire::dir)
structures=(mem::trie mem::page mem::map mem::contents mem::xattrs)
if [[ -n ${MIRI_WHOLE:-} ]]; then
    words=() structures=()
fi
miri() { # PACKAGE TEST...
    local code=0
    timeout "$seconds_max" cargo "+$nightly" miri test --locked --package "$1" --lib -- "${@:2}" ||
        code=$?
    [[ $code != 124 ]] || fail "Miri did not end $1 in $seconds_max s, and found nothing until then"
    [[ $code == 0 ]] || fail "Miri found something in $1, or a test failed (exit $code)"
}
miri fuserig-abi "${words[@]}"
miri fuserig-sim-fs "${structures[@]}"
