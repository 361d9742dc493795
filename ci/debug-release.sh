#!/usr/bin/env bash
# usage: bash ci/debug-release.sh
#
# A seed means the same in every build: what the tests made in debug and what the README's first
# command made in release write the same bytes, which are traces of replays, the end of their
# trees, the programs that a guided search keeps, and a finding as it is stored. The test
# `determinism` pins the streams of the same replays as constants.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

build_fuserig
cargo build --locked --quiet --release -p fuserig
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# outputs FUSERIG DIRECTORY
outputs() {
    local rig=$1 to=$2 status=0 name filter
    mkdir "$to"
    while read -r name filter; do
        "$rig" replay "traces/corpus/$name.frt" --filter "$filter" --against none --show 4 \
            --output "$to/$name.frt" --tree-out "$to/$name.tree" >"$to/$name.said"
    done <<<$'shell hide:*.jpg\nsqlite audit\ngit none'
    "$rig" fuzz none --seed 7 --runs 300 --corpus "$to/kept" --output none >"$to/right.said"
    # What this one promises it does not keep: that is found, shrunk and stored.
    "$rig" fuzz filters/bpf/alias_lookup.o --require 'promises:hide:*.jpg' \
        --output "$to/found" >"$to/wrong.said" || status=$?
    ((status == 1)) || fail "$rig: $status, and not a finding"
}

outputs "$(readlink -f "$CARGO_TARGET_DIR/debug/fuserig")" "$work/debug"
outputs "$(readlink -f "$CARGO_TARGET_DIR/release/fuserig")" "$work/release"
# What they print names the directory they wrote to.
sed -i "s|$work/release|$work/debug|g" "$work"/release/*.said
diff --recursive --brief "$work/debug" "$work/release" ||
    fail "a debug build and a release build do not do the same"
count=$(find "$work/debug" -type f | wc -l)
((count > 12)) || fail "only $count files were written"
echo "$count files are the same from both builds"
