#!/usr/bin/env bash
# usage: bash ci/miri.sh
#
# The vocabulary crate and the persistent structures of the filesystem in memory under Miri, if a
# nightly toolchain has it: byte layouts, dynptr rules and shared pages are where undefined
# behaviour would hide in a dependency. The rest of the filesystem takes most of an hour and runs on
# demand (ci/on-demand/miri.sh); the other crates touch files or the system.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

readonly seconds_max=900
# On demand the whole filesystem has all the time it needs.
seconds_max_lower=$([[ -n ${MIRI_WHOLE:-} ]] && echo 7200 || echo 120)
readonly seconds_max_lower
nightly=$(toolchain "^nightly") || skip miri "no nightly toolchain"
cargo "+$nightly" miri --version >/dev/null 2>&1 || skip miri "miri is not part of $nightly"
# Building the standard library for Miri needs its sources and, on first use, the network.
cargo "+$nightly" miri setup >/dev/null 2>&1 || skip miri "miri cannot set itself up here"

export CARGO_TARGET_DIR=$CARGO_TARGET_DIR/miri PROPTEST_CASES=4
export MIRIFLAGS="-Zmiri-disable-isolation ${MIRIFLAGS:-}"
timeout "$seconds_max" cargo "+$nightly" miri test --locked --package fuserig-abi --lib
some=(mem::trie mem::page mem::map mem::contents mem::xattrs)
if [[ -n ${MIRI_WHOLE:-} ]]; then
    some=()
fi
timeout "$seconds_max_lower" cargo "+$nightly" miri test --locked --package fuserig-sim-fs --lib \
    -- "${some[@]}"
