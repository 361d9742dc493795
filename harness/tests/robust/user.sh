# What an ordinary user may do, in a mount namespace of its own: $1 is a directory of the user's
# with `mnt` and `below`, $2 the binary. Says what is wrong, and ends with 77 where it cannot run.

set -eu
cd "$1"
chmod 755 .
rig=$2
mount=$1/mnt
# A shell has what it starts in the background ignore SIGINT.
user="env --default-signal=INT setpriv --reuid=1000 --regid=1000 --clear-groups"
other="setpriv --reuid=1001 --regid=1001 --clear-groups"

# Whatever happens, nothing goes on behind it.
pid= command= at=
trap 'code=$?; test $code = 0 || echo "the end, $code, in: $at" >&2
    kill -s KILL $pid $command 2> /dev/null || true; exit $code' EXIT
trap 'exit 1' INT TERM

fail() {
    echo "$*" >&2
    exit 1
}

# A command of the user: its code must be $1, and what it says has $2 in it.
says() {
    wanted=$1 word=$2
    shift 2
    at=$*
    code=0
    $user "$@" > said.txt 2>&1 || code=$?
    test "$code" = "$wanted" || fail "$* ended with $code: $(cat said.txt)"
    test -z "$word" || grep -q -- "$word" said.txt || fail "$* says: $(cat said.txt)"
}

is_mounted() {
    grep -q " $mount fuse" /proc/mounts
}

# Waits until the process in the background has said something with $1 in it, or is no more.
wait_for() {
    until grep -q -- "$1" said; do
        readlink "/proc/$pid/exe" > /dev/null || grep -q -- "$1" said || fail "$at: $(cat said)"
    done
}

# Starts `fuserig mount` with more arguments, and waits until it says that it is mounted.
start() {
    at="mount $*"
    : > said
    $user "$rig" mount "$mount" "$@" 2> said &
    pid=$!
    wait_for mounted
    is_mounted || fail "$at: it is not mounted"
}

# Ends it by a signal; the code must be $2.
finish() {
    at="$at, $1"
    kill -s "$1" "$pid"
    code=0
    wait "$pid" || code=$?
    pid=
    test "$code" = "$2" || fail "$1 ends it with $code"
}

# Every machine's /dev/fuse as distributions have it, and none of its settings.
mknod fuse c 10 229
chmod 666 fuse
mount --bind fuse /dev/fuse
touch fuse.conf
if test -e /etc/fuse.conf; then mount --bind fuse.conf /etc/fuse.conf; fi
cp "$rig" rig
chmod 755 rig
rig=$1/rig
$user "$rig" --version > /dev/null 2>&1 || { echo "a user cannot run the binary"; exit 77; }
$user fusermount3 --version > /dev/null 2>&1 || { echo "there is no fusermount3"; exit 77; }

for lower in sim "host:$1/below"; do
    # A recording of what the user does replays.
    rm -f t.frt
    says 0 "replies equal\|operations" "$rig" record -o t.frt --mount "$mount" --lower "$lower" \
        -- sh -ec 'mkdir d; echo one > d/f; cat d/f; chmod 640 d/f; ln -s f d/l; mv d e
            test "$(stat -c "%u %g %a" e/f)" = "1000 1000 640"; rm -r e'
    is_mounted && fail "$lower: a recording leaves a mount"
    says 0 " 0 divergences" "$rig" replay t.frt
    says 7 "" "$rig" record --force -o t.frt --mount "$mount" --lower "$lower" -- sh -c 'exit 7'
    is_mounted && fail "$lower: a failed recording leaves a mount"

    # A signal ends a mount, and nobody else is let in while it is there.
    for signal in INT TERM; do
        start --lower "$lower"
        $user sh -c 'echo text > "$1/f"; cat "$1/f" > /dev/null; rm "$1/f"' sh "$mount"
        ls "$mount" > /dev/null 2>&1 && fail "$lower: root is let in"
        $other ls "$mount" > /dev/null 2>&1 && fail "$lower: another user is let in"
        finish "$signal" 0
        is_mounted && fail "$lower: a mount is left by $signal"
    done
    # Killed, it is a mount that says so, and the user can take it away.
    start --lower "$lower"
    finish KILL 137
    is_mounted || fail "$lower: the kernel took the mount away by itself"
    says 1 "not connected" stat -f "$mount"
    says 5 "not connected" "$rig" mount "$mount" --lower "$lower"
    says 0 "" fusermount3 -u "$mount"
    is_mounted && fail "$lower: it cannot be taken away"
    start --lower "$lower"
    finish TERM 0
done

# The same for a recording whose command still runs.
begin() {
    at="record over $1"
    rm -f t.frt
    : > said
    $user "$rig" record -o t.frt --mount "$mount" --lower "$1" -- \
        sh -c 'echo $$; exec sleep 1000' > said 2> said.txt &
    pid=$!
    wait_for .
    command=$(cat said)
    is_mounted || fail "$at: it is not mounted"
}

for lower in sim "host:$1/below"; do
    for signal in INT TERM; do
        begin "$lower"
        # As a terminal does it: the command gets it as well.
        test "$signal" = TERM || kill -s INT "$command"
        kill -s "$signal" "$pid"
        code=0
        wait "$pid" || code=$?
        pid=
        test "$code" = 130 || test "$code" = 143 || fail "$signal ends record with $code"
        kill -0 "$command" 2> /dev/null && fail "$signal leaves the command of record"
        command=
        is_mounted && fail "$lower: record leaves a mount by $signal"
        says 0 " 0 divergences" "$rig" replay t.frt
    done
    begin "$lower"
    finish KILL 137
    kill "$command"
    command=
    says 0 "" fusermount3 -u -z "$mount"
    is_mounted && fail "$lower: a killed recording leaves a mount"
done

# What a user may not, and who says it.
allow="$rig mount $mount --allow-other"
says 5 "allow_other only allowed if 'user_allow_other' is set in /etc/fuse.conf" $allow
says 5 "user_allow_other" "$rig" record -o u.frt --mount "$mount" --allow-other -- true
says 2 "passthrough needs root" "$rig" mount "$mount" --passthrough --lower "host:$1/below"
mkdir foreign
says 5 "no write access to mountpoint" "$rig" mount "$1/foreign"
mkdir -m 700 closed
says 3 "Permission denied" "$rig" mount "$mount" --lower "host:$1/closed"
echo secret > below/foreign
chmod 600 below/foreign
says 3 "not all of it may be read" "$rig" record -o u.frt --lower "host:$1/below" -- true
is_mounted && fail "something was mounted all the same"

# Files of others below a mount are as closed to its user as without it.
start --lower "host:$1/below"
says 1 "Permission denied" cat "$mount/foreign"
says 1 "not permitted" chown 1001 "$mount"
says 0 "" sh -c 'echo y > "$1/own"' sh "$mount"
test "$(stat -c '%u %g %s' below/own)" = "1000 1000 2" || fail "own: $(stat below/own)"
finish TERM 0

# Where the machine allows it, others are let in.
echo user_allow_other > fuse.conf
start --allow-other
says 0 "" sh -c 'echo x > "$1/f"' sh "$mount"
test "$($other cat "$mount/f") $(cat "$mount/f")" = "x x" || fail "others are not let in"
finish TERM 0
