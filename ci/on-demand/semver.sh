#!/usr/bin/env bash
# usage: bash ci/on-demand/semver.sh [REVISION]
#
# Installs cargo-semver-checks, which takes ten minutes and more on two cores and is therefore no
# part of CI, and runs its gate against the newest tag `v*` or against REVISION.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

if ! have cargo-semver-checks; then
    echo "installing: cargo-semver-checks"
    cargo install --locked --quiet cargo-semver-checks ||
        skip semver "cargo-semver-checks cannot be installed"
fi
exec bash ci/semver.sh "$@"
