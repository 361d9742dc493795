#!/usr/bin/env bash
# usage: bash ci/deny.sh
#
# Licences, bans and sources of every dependency as deny.toml wants them. Installs cargo-deny
# when it can. Advisories need a database from a git host; without it they are skipped by name.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

have cargo-deny || cargo_install cargo-deny || skip deny "cargo-deny cannot be installed"
cargo deny --locked --workspace --all-features check licenses bans sources
if timeout 60 cargo deny fetch db >/dev/null 2>&1; then
    cargo deny --locked --workspace --all-features check advisories
else
    note_skip "deny advisories" "the advisory database cannot be fetched"
fi
