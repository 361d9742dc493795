#!/usr/bin/env bash
# usage: bash ci/bench-build.sh
#
# Every benchmark compiles and links, with the profile of the tests, whose dependencies are built
# already; the one they are measured with takes minutes of link-time optimisation. Running them
# belongs on a quiet machine; see BENCHMARKS.md.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

cargo test --locked --workspace --benches --no-run
