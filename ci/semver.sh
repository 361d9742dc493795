#!/usr/bin/env bash
# usage: bash ci/semver.sh [REVISION]
#
# The public interface against that of the last release: a change that breaks users needs a version
# that says so. The release is the newest tag `v*`, or REVISION. cargo-semver-checks builds for
# longer than a gate may take, so this runs where it is installed already;
# `bash ci/on-demand/semver.sh` installs it first.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

baseline=${1:-}
if [[ -z $baseline ]]; then
    baseline=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null) ||
        skip semver "there is no tag v* of a release to compare with; name a revision"
fi
git rev-parse --verify --quiet "$baseline^{commit}" >/dev/null ||
    skip semver "the history does not reach back to $baseline"
have cargo-semver-checks ||
    skip semver "cargo-semver-checks is not installed; bash ci/on-demand/semver.sh does it"

packages=(fuserig-abi fuserig-sim-fs fuserig-filters fuserig-traces fuserig)
flags=()
for package in "${packages[@]}"; do
    flags+=(--package "$package")
done
CARGO_TARGET_DIR=$CARGO_TARGET_DIR/semver \
    cargo semver-checks --baseline-rev "$baseline" --only-explicit-features "${flags[@]}"
