#!/usr/bin/env bash
# usage: bash ci/msrv.sh
#
# The workspace builds with the Rust version it promises, if that toolchain is installed. It
# installs none. Without it clippy still refuses std items that are newer (incompatible_msrv).
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

version=$(msrv)
[[ -n $version ]] || fail "Cargo.toml has no rust-version"
name=$(toolchain "^${version//./[.]}([.][0-9]+)?(-|\$)") ||
    skip msrv "toolchain $version is not installed"
CARGO_TARGET_DIR=$CARGO_TARGET_DIR/msrv cargo "+$name" check --locked --workspace
