#!/usr/bin/env bash
# usage: bash ci/tidy.sh
#
# Imports, lengths, strays: the rules in harness/tests/tidy/. The test command of the README runs
# them too; this gate gives them a line of their own.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

cargo test --locked --workspace --test tidy
