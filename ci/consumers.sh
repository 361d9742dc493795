#!/usr/bin/env bash
# usage: bash ci/consumers.sh
#
# What fuserig writes for other tools, opened by those tools: DuckDB from PyPI (JSONL and, with the
# feature `parquet`, Parquet), tshark, Chromium, GNU parallel. A tool that cannot be had is named
# and its tests skip; without any of them the whole gate does.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
found=0
# want COMMAND PACKAGE: counts what is there, or can be installed.
want() {
    if have "$1" || { [[ -n $2 ]] && apt_install "$2"; }; then
        found=$((found + 1))
    else
        note_skip "$1" "it cannot be installed"
    fi
}
# The package moreutils has another program of this name.
if parallel --version 2>/dev/null | grep -q '^GNU parallel' || apt_install parallel; then
    found=$((found + 1))
else
    note_skip parallel "GNU parallel cannot be installed"
fi
want tshark tshark
# A browser is a large thing to install for one page.
want chromium ''
if have python3 && { python3 -m venv "$work/venv" || { apt_install python3-venv &&
    python3 -m venv "$work/venv"; }; } >/dev/null 2>&1 &&
    timeout 300 "$work/venv/bin/pip" install --quiet duckdb >/dev/null 2>&1; then
    export FUSERIG_PYTHON=$work/venv/bin/python
    found=$((found + 1))
else
    note_skip duckdb "it cannot be installed from PyPI"
fi
((found > 0)) || skip consumers "none of the tools is there"

cargo test --locked --quiet --workspace --features fuserig/parquet \
    --test field --test html --test campaign -- --nocapture
cargo test --locked --quiet --package fuserig-traces --features parquet --lib columns
