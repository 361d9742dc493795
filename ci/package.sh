#!/usr/bin/env bash
# usage: bash ci/package.sh
#
# What a user installs and what a registry would take: the tool is installed into an empty
# directory and answers there, and every crate is packaged and built from nothing but its package.
# Nothing is uploaded. Local changes are packaged as they are.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo install --locked --quiet --path harness --root "$work"
(cd "$work" && ./bin/fuserig --version && ./bin/fuserig filter list >/dev/null)

# Cargo knows these packages by their version and the place of its own registry, and would take what
# an earlier run unpacked and built for those of this one: the place is a new one, the old goes.
rm -rf "${CARGO_HOME:-$HOME/.cargo}"/registry/src/-*/fuserig*
# It must compile; nobody looks for a line in it.
export CARGO_PROFILE_DEV_DEBUG=false
cargo publish --locked --workspace --dry-run --allow-dirty --target-dir "$work/target"
