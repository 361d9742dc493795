#!/usr/bin/env bash
# usage: source ci/lib/common.sh
#
# What the gates share. Sourcing it changes to the root of the tree.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# The exit status of a gate that cannot run here. It has printed `skipped: <gate>: <reason>`.
export SKIPPED=77

export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
export RUST_BACKTRACE=${RUST_BACKTRACE:-1}
# Snapshots are accepted by a person; no run writes one.
export INSTA_UPDATE=no

have() {
    command -v "$1" >/dev/null 2>&1
}

fail() {
    printf 'failed: %s\n' "$1" >&2
    exit 1
}

# note_skip WHAT REASON: a part of a gate cannot run here; the rest goes on.
note_skip() {
    printf 'skipped: %s: %s\n' "$1" "$2"
}

# skip GATE REASON: the whole gate cannot run here.
skip() {
    note_skip "$1" "$2"
    exit "$SKIPPED"
}

# apt_install PACKAGE...: quietly, as root or through sudo that asks nothing. May fail.
apt_install() {
    have apt-get || return 1
    local as_root=()
    if [[ $(id -u) -ne 0 ]]; then
        { have sudo && sudo -n true 2>/dev/null; } || return 1
        as_root=(sudo -n)
    fi
    echo "installing: $*"
    export DEBIAN_FRONTEND=noninteractive
    local apt=("${as_root[@]}" timeout 300 apt-get -qq)
    local install=("${apt[@]}" install -y --no-install-recommends "$@")
    "${install[@]}" >/dev/null 2>&1 && return 0
    # The package lists may be absent or old.
    "${apt[@]}" update >/dev/null 2>&1 && "${install[@]}" >/dev/null 2>&1
}

# cargo_install CRATE: built from the registry. May fail.
cargo_install() {
    echo "installing: $1"
    timeout 900 cargo install --locked --quiet "$1"
}

# Makes debug/fuserig. What `cargo test --workspace` built is not built again: what a package is
# made with depends on which packages are asked for, and on whether tests are among it.
build_fuserig() {
    cargo build --locked --quiet --workspace --bin fuserig --test tidy
}

# The oldest Rust that the workspace promises to build with.
msrv() {
    sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml
}

# toolchain PATTERN: the name of the first installed toolchain that matches; fails without one. It
# installs none.
toolchain() {
    have rustup || return 1
    rustup toolchain list 2>/dev/null |
        awk -v pattern="$1" '$1 ~ pattern && !found { print $1; found = 1 } END { exit !found }'
}

# readme_block MARK: the lines of the first fenced block below `<!-- MARK -->` in README.md,
# without prompts. Prints nothing when there is no such block.
readme_block() {
    [[ -f README.md ]] || return 0
    awk -v mark="<!-- $1 -->" '
        $0 == mark { marked = 1; next }
        marked && /^```/ { if (inside) exit; inside = 1; next }
        inside { sub(/^\$ /, ""); print }
    ' README.md
}
