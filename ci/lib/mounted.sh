#!/usr/bin/env bash
# usage: source ci/lib/mounted.sh
#
# What the gates share that judge a mount from outside. Sourced, not run.
set -euo pipefail

gate=$(basename "$0" .sh)

# Says why there can be no mount here, and ends the gate as skipped.
need_mounts() {
    [[ $(id -u) == 0 ]] || skip "$gate" "mounting for several users needs root"
    [[ -c /dev/fuse ]] || skip "$gate" "there is no /dev/fuse"
    have unshare || skip "$gate" "unshare (util-linux) is missing"
    unshare --mount --pid --fork true 2>/dev/null ||
        skip "$gate" "this machine allows no namespaces"
}

# need_crate NAME VERSION: sets REPLY to the program, which is installed when it is missing.
need_crate() {
    local name=$1 version=$2 root=$CARGO_TARGET_DIR/judges
    if [[ ! -x $root/bin/$name ]]; then
        cargo install "$name" --version "$version" --locked --root "$root" \
            --quiet </dev/null || skip "$gate" "cargo could not install $name $version"
    fi
    REPLY=$(readlink -f "$root/bin/$name")
}

# in_namespaces ARGUMENT...: goes on in namespaces of its own. Whatever is mounted or
# running there ends with it.
in_namespaces() {
    [[ ${FUSERIG_NAMESPACES:-} == 1 ]] && return
    FUSERIG_NAMESPACES=1 exec unshare --mount --pid --fork --mount-proc --kill-child \
        --propagation private bash "$PWD/ci/$gate.sh" "$@"
}

# begin_mount sim|host: sets REPLY to a working directory with the mount at mnt.
begin_mount() {
    local lower=sim tries
    REPLY=$(mktemp -d)
    mount -t tmpfs -o mode=0755 fuserig-judge "$REPLY"
    mkdir "$REPLY/mnt" "$REPLY/back"
    chmod 0777 "$REPLY/back"
    [[ $1 == sim ]] || lower=host:$REPLY/back
    "$CARGO_TARGET_DIR/debug/fuserig" mount "$REPLY/mnt" --lower "$lower" \
        >"$REPLY/daemon" 2>&1 </dev/null &
    for tries in {1..100}; do
        ! mountpoint -q "$REPLY/mnt" || return 0
        sleep 0.1
    done
    cat "$REPLY/daemon"
    fail "nothing was mounted after $tries tries"
}

# end_mount DIRECTORY: takes the mount away and waits for its server.
end_mount() {
    umount "$1/mnt" || umount --lazy "$1/mnt"
    wait
    umount --lazy "$1"
    rmdir "$1"
}
