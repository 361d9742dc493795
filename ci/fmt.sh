#!/usr/bin/env bash
# usage: bash ci/fmt.sh
#
# Every Rust file is as rustfmt writes it, the fuzz crate included.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

cargo fmt --all -- --check
cargo fmt --manifest-path harness/fuzz/Cargo.toml -- --check
