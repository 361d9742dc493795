#!/usr/bin/env bash
# usage: bash ci/doc.sh
#
# The documentation builds without a warning: no broken link, no missing item. Its examples are
# compiled and run by the test command.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
