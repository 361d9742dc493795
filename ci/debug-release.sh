#!/usr/bin/env bash
# usage: bash ci/debug-release.sh
#
# A seed means the same in every build: the test `determinism` pins history digests and stream
# ids as constants, so that passing in debug and in release is equality.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

[[ -f harness/tests/determinism.rs || -d harness/tests/determinism ]] ||
    skip debug-release "there is no test named determinism"
cargo test --locked --workspace --test determinism
cargo test --locked --package fuserig --test determinism --release
