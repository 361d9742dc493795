#!/usr/bin/env bash
# usage: bash ci/on-demand/robust.sh [--fuserig PROGRAM] [--files N] [--clients N] [--seconds S]
#
# A mount over the simulated lower filesystem, and one over a directory of a host tmpfs, each with a
# million files in one directory, and with 64 clients for two minutes: nothing is lost, nothing
# hangs, and the server has no more memory than 2 KiB a file and 1 MiB a client beside 64 MiB. On
# demand, because it takes several minutes; the tests do the same in small
# (harness/tests/robust.rs). Needs root and /dev/fuse. Without --fuserig a release is built.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

program="" files=1000000 clients=64 seconds=120
while (($# > 0)); do
    case $1 in
    --fuserig) program=$2 ;;
    --files) files=$2 ;;
    --clients) clients=$2 ;;
    --seconds) seconds=$2 ;;
    *) fail "unknown option $1" ;;
    esac
    shift 2
done
[[ $(id -u) == 0 && -c /dev/fuse ]] || skip robust "needs root and /dev/fuse"
if [[ -z $program ]]; then
    cargo build --quiet --release --package fuserig
    program=$CARGO_TARGET_DIR/release/fuserig
fi

# begin: mounts $lower at $work/mnt. The server of a simulated filesystem has everything in memory.
begin() {
    work=$(mktemp -d)
    mkdir "$work/mnt" "$work/below"
    local over=()
    if [[ $lower == host ]]; then
        mount -t tmpfs fuserig "$work/below"
        over=(--lower "host:$work/below")
    fi
    "$program" mount "$work/mnt" "${over[@]}" 2>"$work/said" &
    server=$!
    local tries
    for tries in {1..100}; do
        ! mountpoint -q "$work/mnt" || return 0
        sleep 0.1
    done
    fail "nothing was mounted after $tries tries: $(cat "$work/said")"
}

end() {
    umount "$work/mnt" || fail "the mount is still in use"
    wait "$server" || fail "the server ended with $?: $(cat "$work/said")"
    if [[ $lower == host ]]; then
        [[ -z $(ls -A "$work/below") ]] || fail "something is left below"
        umount "$work/below"
    fi
    rm -r "$work"
}

# memory FIELD: of the server, in MiB.
memory() {
    awk -v field="$1:" '$1 == field { printf "%.0f", $2 / 1024 }' "/proc/$server/status"
}

# within MIB: whether the server never had more than that, which is said.
within() {
    local most
    most=$(memory VmHWM)
    ((most <= $1)) || fail "the server has had $most MiB, and $1 are enough"
    printf '%s MiB at most' "$most"
}

many_files() {
    begin
    local before start made listed most
    before=$(memory VmRSS)
    mkdir "$work/mnt/many"
    start=$SECONDS
    (cd "$work/mnt/many" && seq -f 'file-%.0f' "$files" | xargs --max-args=5000 touch)
    made=$((SECONDS - start)) start=$SECONDS
    listed=$(find "$work/mnt/many" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -u | wc -l)
    ((listed == files)) || fail "$listed of $files files are listed"
    [[ -f $work/mnt/many/file-1 && -f $work/mnt/many/file-$files ]] || fail "a file is lost"
    printf '%s: %s files in one directory: made in %s s, listed in %s s' \
        "$lower" "$files" "$made" "$((SECONDS - start))"
    most=$(within $((64 + files / 512)))
    printf ', server %s MiB before, %s\n' "$before" "$most"
    start=$SECONDS
    (cd "$work/mnt/many" && seq -f 'file-%.0f' "$files" | xargs --max-args=5000 rm)
    rmdir "$work/mnt/many" || fail "something is left in the directory"
    printf '  removed in %s s, server %s MiB\n' "$((SECONDS - start))" "$(memory VmRSS)"
    end
}

# client NUMBER: works in a directory of its own until the time is over, and says how often.
client() {
    local directory=$work/mnt/client-$1 until=$((SECONDS + seconds)) rounds=0 text
    mkdir "$directory"
    while ((SECONDS < until)); do
        printf -v text 'client %s round %s %01000d' "$1" "$rounds" "$rounds"
        printf '%s' "$text" >"$directory/old"
        mv "$directory/old" "$directory/new"
        [[ $(<"$directory/new") == "$text" ]] || fail "client $1 reads something else"
        printf 'more' >>"$directory/new"
        [[ $(<"$directory/new") == "${text}more" ]] || fail "client $1 lost an append"
        ln "$directory/new" "$directory/link"
        [[ $(cd "$directory" && printf '%s ' *) == "link new " ]] || fail "client $1 lists wrongly"
        rm "$directory/new" "$directory/link"
        rounds=$((rounds + 1))
    done
    rmdir "$directory" || fail "client $1 leaves something behind"
    echo "$rounds" >"$work/rounds-$1"
}

many_clients() {
    begin
    local number jobs=() least total most
    for ((number = 0; number < clients; number++)); do
        client "$number" &
        jobs+=($!)
    done
    for number in "${jobs[@]}"; do
        wait "$number" || fail "a client failed"
    done
    [[ -z $(ls -A "$work/mnt") ]] || fail "something is left at the root"
    least=$(cat "$work"/rounds-* | sort -n | head -n 1)
    total=$(cat "$work"/rounds-* | awk '{ sum += $1 } END { print sum }')
    ((least > 0)) || fail "a client did nothing"
    printf '%s: %s clients for %s s: %s rounds, the slowest client %s, nothing lost' \
        "$lower" "$clients" "$seconds" "$total" "$least"
    most=$(within $((64 + clients)))
    printf ', server %s\n' "$most"
    end
}

for lower in sim host; do
    many_files
    many_clients
done
