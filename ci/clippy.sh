#!/usr/bin/env bash
# usage: bash ci/clippy.sh
#
# No warning from rustc or clippy: with default features and, where a crate has features, with
# all, with none and with each of the harness's own. Clippy also refuses std items newer than
# the promised Rust version.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

clippy() {
    echo "clippy ${*:-with default features}"
    cargo clippy --locked --workspace --all-targets "$@" -- -D warnings
}

clippy
if grep -qs '^\[features\]' ./*/Cargo.toml filters/abi/Cargo.toml; then
    clippy --all-features
    clippy --no-default-features
    # Each feature of the harness is enough for its own modules.
    for feature in fuser proptest; do
        echo "clippy --no-default-features --features fuserig/$feature"
        cargo clippy --locked --workspace --lib --no-default-features \
            --features "fuserig/$feature" -- -D warnings
    done
fi
