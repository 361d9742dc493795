#!/usr/bin/env bash
# usage: bash ci/on-demand/miri.sh
#
# Every unit test of the vocabulary crate and of the filesystem in memory under Miri. On demand,
# because it takes most of an hour; ci/miri.sh runs the part that fits into CI.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

MIRI_WHOLE=1 exec bash ci/miri.sh
