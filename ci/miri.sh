#!/usr/bin/env bash
# usage: bash ci/miri.sh
#
# The vocabulary crate under Miri, if a nightly toolchain has it: byte layouts and dynptr rules
# are where undefined behaviour would hide in a dependency. The others touch files or are slow.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

readonly seconds_max=900
nightly=$(toolchain "^nightly") || skip miri "no nightly toolchain"
cargo "+$nightly" miri --version >/dev/null 2>&1 || skip miri "miri is not part of $nightly"
# Building the standard library for Miri needs its sources and, on first use, the network.
cargo "+$nightly" miri setup >/dev/null 2>&1 || skip miri "miri cannot set itself up here"

export CARGO_TARGET_DIR=$CARGO_TARGET_DIR/miri PROPTEST_CASES=4
export MIRIFLAGS="-Zmiri-disable-isolation ${MIRIFLAGS:-}"
timeout "$seconds_max" cargo "+$nightly" miri test --locked --package fuserig-abi --lib
