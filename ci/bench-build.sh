#!/usr/bin/env bash
# usage: bash ci/bench-build.sh
#
# Every benchmark compiles. Running them belongs on a quiet machine; see BENCHMARKS.md.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

cargo bench --locked --workspace --no-run
