#!/usr/bin/env bash
# usage: bash ci/bench-build.sh
#
# Every benchmark compiles, with the profile of a release, whose dependencies are there already; the
# one they are measured with takes minutes of link-time optimisation. Running them belongs on a
# quiet machine; see BENCHMARKS.md.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

cargo bench --locked --workspace --no-run --profile release
