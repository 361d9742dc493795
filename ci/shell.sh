#!/usr/bin/env bash
# usage: bash ci/shell.sh
#
# Every script parses, and shellcheck has nothing to say. Installs shellcheck when it can.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

mapfile -t scripts < <(printf '%s\n' .ci/run && find ci -name '*.sh' | LC_ALL=C sort)
for script in "${scripts[@]}"; do
    bash -n "$script"
done
have shellcheck || apt_install shellcheck ||
    skip shell "shellcheck cannot be installed; bash -n found nothing"
shellcheck --external-sources "${scripts[@]}"
echo "${#scripts[@]} scripts checked"
