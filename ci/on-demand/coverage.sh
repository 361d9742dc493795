#!/usr/bin/env bash
# usage: bash ci/on-demand/coverage.sh [CARGO TEST ARGUMENTS]
#
# Lines that the tests run, by crate, and for the pipeline and the engine apart. On demand, because
# it builds our crates once more and takes a quarter of an hour. Without arguments all tests run;
# with `--package fuserig-abi` only those. Needs llvm-profdata and llvm-cov that read what this
# rustc writes: of the component llvm-tools, or Debian's llvm-19 or newer.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

readonly target_percent=90

# tool NAME: the newest there is.
tool() {
    local bundled
    bundled=$(find "$(rustc --print sysroot)" -name "$1" -type f -print -quit)
    if [[ -n $bundled ]]; then
        echo "$bundled"
        return
    fi
    local version
    for version in $(seq 30 -1 19); do
        if have "$1-$version"; then
            echo "$1-$version"
            return
        fi
    done
    return 1
}

have llvm-profdata-19 || tool llvm-profdata >/dev/null || apt_install llvm-19 || true
hint="rustup component add llvm-tools, or apt install llvm-19"
profdata=$(tool llvm-profdata) || skip coverage "llvm-profdata is missing: $hint"
cov=$(tool llvm-cov) || skip coverage "llvm-cov is missing: $hint"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Only our own crates are instrumented, so that what they depend on is built once for all gates.
cat >"$work/wrapper" <<'WRAPPER'
#!/bin/sh
exec "$@" -Cinstrument-coverage
WRAPPER
chmod +x "$work/wrapper"
export RUSTC_WORKSPACE_WRAPPER=$work/wrapper
export LLVM_PROFILE_FILE=$work/%8m.profraw

which=("$@")
((${#which[@]} > 0)) || which=(--workspace)
cargo test --locked "${which[@]}" --no-run --message-format=json >"$work/built.json"
mapfile -t objects < <(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' "$work/built.json" | sort -u)
((${#objects[@]} > 0)) || fail "nothing was built"
status=0
cargo test --locked "${which[@]}" --no-fail-fast >"$work/tests.log" 2>&1 || status=$?
((status == 0)) || grep -E '^test .*FAILED|^error' "$work/tests.log" || true

"$profdata" merge --sparse "$work"/*.profraw --output "$work/all.profdata"
flags=()
for object in "${objects[@]:1}"; do
    flags+=(--object "$object")
done
"$cov" report "${objects[0]}" "${flags[@]}" --instr-profile "$work/all.profdata" \
    --ignore-filename-regex '/([.]cargo|[.]rustup|rustc)/' >"$work/report.txt"

# Columns of the report: file, then regions, functions and lines with what was missed of each.
# It leaves out what all names begin with, which may be all of the root or a part.
awk -v root="${PWD#/}/" -v target="$target_percent" '
    function add(group) { lines[group] += $8; missed[group] += $9 }
    index($1, "/src/") && $8 ~ /^[0-9]+$/ {
        name = $1
        sub(/^\//, "", name)
        sub(root, "", name)
        crate = name
        sub(/\/src\/.*/, "", crate)
        add(crate)
        if (name ~ /^harness\/src\/pipeline\//) add("harness: pipeline")
        if (name ~ /^filters\/src\/engine\//) add("filters: engine")
        add("together")
    }
    END {
        groups = "filters/abi,sim-fs,traces,filters,filters: engine,harness,harness: pipeline"
        split(groups ",together", order, ",")
        printf "%-20s %8s %8s %8s\n", "lines of", "all", "run", "percent"
        for (at = 1; at in order; at++) {
            group = order[at]
            if (!lines[group]) continue
            run = lines[group] - missed[group]
            percent = 100 * run / lines[group]
            printf "%-20s %8d %8d %7.1f%%%s\n", group, lines[group], run, percent,
                percent < target ? "  below " target " %" : ""
        }
    }' "$work/report.txt"
((status == 0)) || fail "some tests failed; the figures are those of what ran"
