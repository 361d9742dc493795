#!/usr/bin/env bash
# usage: bash ci/main-job.sh
#
# The first command of the README does what the README shows. Every line of the block below
# `<!-- main-output -->` must be a line of the output, in that order (which includes the line
# with the change that the filter made), and a second run must give the same bytes.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

job=$(readme_block main-command)
[[ -n $job ]] || fail "README.md has no block of commands below <!-- main-command -->"
shown=$(readme_block main-output)
[[ -n $shown ]] || fail "README.md shows no output below <!-- main-output -->"

outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
for run in first second; do
    bash -euo pipefail -c "$job" >"$outputs/$run" </dev/null
done
cat "$outputs/first"

cmp "$outputs/first" "$outputs/second" || fail "the same command gave other bytes the second time"
printf '%s\n' "$shown" >"$outputs/shown"
awk '
    NR == FNR { shown[++count] = $0; next }
    matched < count && $0 == shown[matched + 1] { matched++ }
    END {
        if (matched == count) exit 0
        print "the output lacks this line of the README, or has it too early:"
        print shown[matched + 1]
        exit 1
    }
' "$outputs/shown" "$outputs/first" || fail "the README shows what the command does not print"
echo "the output is as the README shows it, twice"
