#!/usr/bin/env bash
# usage: bash ci/examples.sh
#
# Runs every example of harness/examples. Each ends with an assertion, so that running is testing.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

cargo build --locked --quiet --workspace --examples
count=0
for source in harness/examples/*.rs; do
    name=$(basename "$source" .rs)
    "$CARGO_TARGET_DIR/debug/examples/$name" >/dev/null || fail "the example $name"
    count=$((count + 1))
done
[[ $count -gt 0 ]] || fail "no example was found"
echo "$count examples ran"
