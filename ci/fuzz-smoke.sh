#!/usr/bin/env bash
# usage: bash ci/fuzz-smoke.sh [SECONDS]
#
# Every fuzz target over its corpus on stable, as an ordinary test; then, where cargo-fuzz and a
# nightly toolchain are there, each target for SECONDS (5), with a fixed seed: two runs of one
# tree try the same inputs, a faster machine more of them. What the fuzzer finds new is kept
# out of the tree; a crash stays in harness/fuzz/artifacts and fails the gate.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

seconds=${1:-5}
part="fuzz-smoke fuzzing"
cargo test --locked --workspace --test fuzz_corpus

# The corpus has passed; what is missing from here on skips only the fuzzing itself.
lacks() {
    note_skip "$part" "$1"
    exit 0
}
nightly=$(toolchain "^nightly") || lacks "no nightly toolchain"
have c++ || apt_install g++ || lacks "no C++ compiler"
have cargo-fuzz || cargo_install cargo-fuzz || lacks "cargo-fuzz cannot be installed"

# libFuzzer writes what it finds to the first corpus directory and only reads the second.
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
export CARGO_TARGET_DIR=$CARGO_TARGET_DIR/fuzz
# What runs for a few seconds is not worth minutes of optimising.
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1
for file in harness/fuzz/fuzz_targets/*.rs; do
    target=$(basename "$file" .rs)
    echo "fuzzing $target for $seconds seconds"
    mkdir "$found/$target"
    cargo "+$nightly" fuzz run --fuzz-dir harness/fuzz "$target" \
        "$found/$target" "harness/fuzz/corpus/$target" -- \
        -seed=1 -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -verbosity=0 -print_final_stats=1
done
