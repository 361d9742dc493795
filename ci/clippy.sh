#!/usr/bin/env bash
# usage: bash ci/clippy.sh
#
# No warning from rustc or clippy: with all features, with none, and of the libraries with each of
# the harness's own. What is only there without a feature is there with none, so that the default
# features have no pass of their own. Clippy also refuses std items newer than the promised Rust
# version.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

clippy() {
    echo "clippy $*"
    cargo clippy --locked --workspace "$@" -- -D warnings
}

clippy --all-targets --all-features
clippy --all-targets --no-default-features
# Each feature of the harness is enough for its own modules.
for feature in fuser proptest; do
    clippy --lib --no-default-features --features "fuserig/$feature"
done
