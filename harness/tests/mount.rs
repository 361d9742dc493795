//! Real mounts. Each test prints why it cannot run where there is no /dev/fuse.

mod support;

#[path = "mount/filtered.rs"]
mod filtered;
#[path = "support/rig.rs"]
mod rig;

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::process::Command;

use fuserig_traces::Trace;
use fuserig_traces::ops::OpSpec;
use fuserig_traces::record::{Payload, PayloadDigest, PayloadId, Record};
use rig::{Rig, errno, fuserig, is_mounted, on_both, runnable, text};
use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FileType, Mode, OFlags, RenameFlags, StatxFlags, XattrFlags,
};

#[test]
fn contents_links_and_kinds_are_those_of_a_filesystem() {
    on_both(|rig| {
        std::fs::write(rig.at("a"), "hello").expect("written");
        std::fs::create_dir(rig.at("d")).expect("made");
        std::fs::hard_link(rig.at("a"), rig.at("d/b")).expect("linked");
        std::os::unix::fs::symlink("d/b", rig.at("s")).expect("linked");
        assert_eq!(std::fs::read(rig.at("s")).expect("followed"), b"hello");
        let (a, b) = (rig.at("a").metadata(), rig.at("d/b").metadata());
        let (a, b) = (a.expect("there"), b.expect("there"));
        assert_eq!((a.ino(), a.nlink()), (b.ino(), 2));
        for (name, kind) in [("fifo", FileType::Fifo), ("sock", FileType::Socket)] {
            rustix::fs::mknodat(CWD, rig.at(name), kind, Mode::from(0o640), 0).expect("made");
            let made = rig.at(name).symlink_metadata().expect("there");
            assert_eq!(FileType::from_raw_mode(made.mode()), kind);
        }
        let device = rustix::fs::makedev(1, 3);
        let mode = Mode::from(0o600);
        rustix::fs::mknodat(CWD, rig.at("null"), FileType::CharacterDevice, mode, device)
            .expect("made");
        assert_eq!(rig.at("null").metadata().expect("there").rdev(), device);
        let mut names: Vec<_> = std::fs::read_dir(rig.at(""))
            .expect("listed")
            .map(|entry| entry.expect("read").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        assert_eq!(names, ["a", "d", "fifo", "null", "s", "sock"]);
    });
}

#[test]
fn an_unlinked_file_can_still_be_read_and_written() {
    on_both(|rig| {
        let path = rig.at("f");
        let mut options = File::options();
        options.create(true).truncate(true).read(true).write(true);
        let mut file = options.open(&path).expect("made");
        std::fs::remove_file(&path).expect("removed");
        file.write_all(b"still here").expect("written");
        file.rewind().expect("sought");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("read");
        assert_eq!((text.as_str(), file.metadata().expect("there").nlink()), ("still here", 0));
    });
}

#[test]
fn rename_understands_its_flags() {
    on_both(|rig| {
        let (a, b) = (rig.at("a"), rig.at("b"));
        std::fs::write(&a, "a").expect("written");
        std::fs::write(&b, "b").expect("written");
        let rename = |flags| rustix::fs::renameat_with(CWD, a.as_path(), CWD, b.as_path(), flags);
        assert_eq!(errno(rename(RenameFlags::NOREPLACE)), 17);
        rename(RenameFlags::EXCHANGE).expect("exchanged");
        assert_eq!(std::fs::read(&a).expect("read"), b"b");
        assert_eq!(std::fs::read(&b).expect("read"), b"a");
        rename(RenameFlags::WHITEOUT).expect("replaced");
        assert_eq!(std::fs::read(&b).expect("read"), b"b");
        let whiteout = a.symlink_metadata().expect("there");
        let kind = FileType::from_raw_mode(whiteout.mode());
        assert_eq!((kind, whiteout.rdev()), (FileType::CharacterDevice, 0));
        assert_eq!(errno(rename(RenameFlags::NOREPLACE | RenameFlags::EXCHANGE)), 22);
    });
}

#[test]
fn extended_attributes_and_figures_come_through() {
    on_both(|rig| {
        let path = rig.at("f");
        std::fs::write(&path, "x").expect("written");
        let set = |name: &str, value: &[u8], flags| rustix::fs::setxattr(&path, name, value, flags);
        set("trusted.a", b"one", XattrFlags::CREATE).expect("set");
        assert_eq!(errno(set("trusted.a", b"two", XattrFlags::CREATE)), 17);
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(&path, "trusted.a", &mut value[..]).expect("read");
        assert_eq!(&value[..length], b"one");
        assert_eq!(errno(rustix::fs::getxattr(&path, "trusted.a", &mut value[..1])), 34);
        rustix::fs::removexattr(&path, "trusted.a").expect("removed");
        assert_eq!(errno(rustix::fs::getxattr(&path, "trusted.a", &mut value[..])), 61);
        let figures = rustix::fs::statvfs(&path).expect("answered");
        assert_eq!(figures.f_namemax, 255);
        assert!(figures.f_bfree > 0);
    });
}

#[test]
fn space_positions_and_copies_come_through() {
    on_both(|rig| {
        let open = |name: &str| {
            let mut options = File::options();
            options.create(true).truncate(true).read(true).write(true);
            options.open(rig.at(name)).expect("made")
        };
        let (file, other) = (open("f"), open("g"));
        file.write_all_at(&[7; 8192], 65536).expect("written");
        let data = rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(0)).expect("sought");
        assert_eq!(data, 65536);
        rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, 1 << 20).expect("allocated");
        assert_eq!(file.metadata().expect("there").len(), 65536 + 8192);
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&file, punch, 65536, 4096).expect("punched");
        let mut bytes = [1; 2];
        file.read_exact_at(&mut bytes, 65536 + 4095).expect("read");
        assert_eq!(bytes, [0, 7]);
        let (mut from, mut to) = (65536 + 4096, 5);
        let copied =
            rustix::fs::copy_file_range(&file, Some(&mut from), &other, Some(&mut to), 4096);
        assert_eq!(copied.expect("copied"), 4096);
        other.read_exact_at(&mut bytes, 4).expect("read");
        assert_eq!(bytes, [0, 7]);
    });
}

#[test]
fn what_fuse_cannot_carry_fails_with_the_kernels_errno() {
    on_both(|rig| {
        let unnamed = OFlags::TMPFILE | OFlags::WRONLY;
        let opened = rustix::fs::openat(CWD, rig.at(""), unnamed, Mode::from(0o600));
        assert_eq!(errno(opened), 95, "O_TMPFILE is EOPNOTSUPP");
        let file = File::create(rig.at("f")).expect("made");
        file.write_all_at(&[1; 8192], 0).expect("written");
        for mode in [FallocateFlags::COLLAPSE_RANGE, FallocateFlags::INSERT_RANGE] {
            assert_eq!(errno(rustix::fs::fallocate(&file, mode, 0, 4096)), 95, "{mode:?}");
        }
        let flags = rustix::fs::ioctl_getflags(&file);
        assert_eq!(errno(flags), 25, "an ioctl is ENOTTY");
        // statx succeeds, and says that nobody knows when the file was made and what marks it has.
        let extras = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let found = rustix::fs::statx(&file, "", AtFlags::EMPTY_PATH, extras).expect("answered");
        let told = StatxFlags::from_bits_retain(found.stx_mask);
        assert!(told.contains(StatxFlags::BASIC_STATS) && !told.contains(StatxFlags::BTIME));
        assert_eq!((found.stx_size, found.stx_attributes.bits()), (8192, 0));
        // syncfs is the kernel's own business on a mount that has no server for it.
        rustix::fs::syncfs(&file).expect("answered");
    });
}

#[test]
fn locks_conflict_between_open_files_and_processes() {
    on_both(|rig| {
        use rustix::fs::{FlockOperation, flock};
        let first = File::create(rig.at("f")).expect("made");
        let second = File::open(rig.at("f")).expect("opened");
        flock(&first, FlockOperation::LockExclusive).expect("locked");
        assert_eq!(errno(flock(&second, FlockOperation::NonBlockingLockShared)), 11);
        flock(&first, FlockOperation::Unlock).expect("unlocked");
        flock(&second, FlockOperation::NonBlockingLockShared).expect("locked");
    });
}

#[test]
fn times_before_1970_and_with_nanoseconds_come_back() {
    on_both(|rig| {
        std::fs::write(rig.at("f"), "x").expect("written");
        let at = |sec, nsec| rustix::fs::Timespec { tv_sec: sec, tv_nsec: nsec };
        let times =
            rustix::fs::Timestamps { last_access: at(5, 6), last_modification: at(-2, 300) };
        rustix::fs::utimensat(CWD, rig.at("f"), &times, AtFlags::empty()).expect("set");
        let found = rig.at("f").metadata().expect("there");
        assert_eq!((found.atime(), found.atime_nsec()), (5, 6));
        assert_eq!((found.mtime(), found.mtime_nsec()), (-2, 300));
    });
}

#[test]
fn a_change_of_owner_spares_setgid_where_the_group_executes_nothing() {
    on_both(|rig| {
        for (before, after) in [(0o6644, 0o2644), (0o6744, 0o2744), (0o6654, 0o654)] {
            let path = rig.at("f");
            std::fs::write(&path, "x").expect("written");
            let mode = std::fs::Permissions::from_mode(before);
            std::fs::set_permissions(&path, mode).expect("changed");
            std::os::unix::fs::chown(&path, Some(0), None).expect("changed");
            let found = path.metadata().expect("there").mode() & 0o7777;
            assert_eq!(found, after, "{before:o} became {found:o}");
        }
    });
}

#[test]
fn a_user_who_writes_sees_setuid_go_at_once() {
    use rustix::fs::{StatxFlags, statx};
    on_both(|rig| {
        for command in ["printf y >>", "fallocate -l 9", "truncate -s 3"] {
            let path = rig.at("f");
            std::fs::write(&path, "x").expect("written");
            for at in ["", "f"] {
                let mode = std::fs::Permissions::from_mode(if at == "f" { 0o4777 } else { 0o777 });
                std::fs::set_permissions(rig.at(at), mode).expect("changed");
            }
            // Nobody asks for times, so the kernel answers from what it remembers.
            let seen = || statx(CWD, &path, AtFlags::empty(), StatxFlags::MODE).map(|s| s.stx_mode);
            assert_eq!(seen().expect("there") & 0o7000, 0o4000);
            let line = format!("{command} {}", path.display());
            let user = Command::new("setpriv")
                .args(["--reuid=1000", "--regid=1000", "--clear-groups", "sh", "-c", &line])
                .status();
            assert!(user.expect("util-linux is there").success(), "{line}");
            assert_eq!(seen().expect("there") & 0o7000, 0, "{command}");
        }
    });
}

#[test]
fn reads_move_access_times_as_the_flags_of_the_mount_say() {
    use rustix::mount::{MountFlags, mount_remount};
    on_both(|rig| {
        let path = rig.at("f");
        let moved = |flags: MountFlags| {
            mount_remount(rig.at(""), MountFlags::BIND | flags, "").expect("remounted");
            let before = path.metadata().expect("there");
            assert_eq!(std::fs::read(&path).expect("read"), b"x");
            let after = path.metadata().expect("there");
            assert_eq!(before.ctime_nsec(), after.ctime_nsec(), "nothing else changed");
            before.atime_nsec() != after.atime_nsec()
        };
        std::fs::write(&path, "x").expect("written");
        assert!(!moved(MountFlags::NOATIME), "noatime");
        assert!(!moved(MountFlags::RDONLY), "read-only");
        assert!(moved(MountFlags::RELATIME), "not read since it was written");
        assert!(!moved(MountFlags::RELATIME), "read since it was written");
    });
    if runnable() {
        // Below a host directory the host's own mount decides.
        let rig = Rig::mount(&[]);
        let listed = |flags: MountFlags| {
            mount_remount(rig.at(""), MountFlags::BIND | flags, "").expect("remounted");
            let before = rig.at("d").metadata().expect("there");
            let names = std::fs::read_dir(rig.at("d")).expect("opened").count();
            assert_eq!(names, 0);
            before.atime_nsec() != rig.at("d").metadata().expect("there").atime_nsec()
        };
        std::fs::create_dir(rig.at("d")).expect("made");
        assert!(!listed(MountFlags::STRICTATIME | MountFlags::NODIRATIME), "nodiratime");
        assert!(listed(MountFlags::STRICTATIME), "strictatime");
        assert!(listed(MountFlags::STRICTATIME), "strictatime, again");
    }
}

#[test]
fn a_filter_stands_in_the_way_of_every_process() {
    if !runnable() {
        return;
    }
    let rig = Rig::mount(&["--filter", "hide:*.jpg", "--fidelity", "intended"]);
    std::fs::write(rig.at("keep"), "x").expect("written");
    let hidden = std::fs::metadata(rig.at("a.jpg")).expect_err("it is hidden");
    assert_eq!(hidden.kind(), std::io::ErrorKind::NotFound);
    let readonly = Rig::mount(&["--filter", "readonly"]);
    assert!(std::fs::write(readonly.at("f"), "x").is_err());
}

#[test]
fn a_host_directory_shows_what_is_below_and_gets_what_is_written() {
    if !runnable() {
        return;
    }
    let rig = Rig::mount(&["--lower", "host:{}/below"]);
    let below = rig.directory.path().join("below");
    std::fs::write(below.join("old"), "was here").expect("written");
    assert_eq!(std::fs::read(rig.at("old")).expect("read"), b"was here");
    std::fs::write(rig.at("new"), "came through").expect("written");
    std::fs::set_permissions(rig.at("new"), std::fs::Permissions::from_mode(0o640)).expect("set");
    let new = below.join("new").metadata().expect("there");
    assert_eq!((new.len(), new.mode() & 0o7777), (12, 0o640));
}

#[test]
fn a_signal_ends_a_mount_cleanly_also_when_it_is_in_use() {
    if !runnable() {
        return;
    }
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let rig = Rig::mount(&[]);
        let path = rig.at("");
        assert!(is_mounted(&path));
        assert_eq!(rig.end(signal), Some(0));
        assert!(!is_mounted(&path));
    }
    let rig = Rig::mount(&[]);
    let path = rig.at("");
    let file = File::create(rig.at("f")).expect("made");
    let mut process = { rig };
    let child = process.process.as_ref().expect("it runs").id();
    let pid = rustix::process::Pid::from_raw(i32::try_from(child).expect("a pid")).expect("not 0");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    // Out of the tree at once; the process ends when the last user is gone.
    while is_mounted(&path) {
        std::thread::yield_now();
    }
    drop(file);
    let status = process.process.take().expect("it runs").wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}

/// A workload of everyday tools.
const WORK: &str = "set -e
    mkdir -p a/b; echo one > a/one; cp a/one a/b/two; ln a/one a/three; ln -s one a/link
    cat a/link a/b/two; mv a/b/two a/b/four; chmod 600 a/one; touch -d @5 a/three
    for i in 1 2 3 4 5 6 7 8 9; do echo $i >> a/log; done
    dd if=/dev/zero of=a/big bs=4096 count=40 2>/dev/null; truncate -s 100 a/big
    ls -lR . > /dev/null; rm a/three; test ! -e a/three; find . -name 'f*'
    rm -r a/b; mkfifo a/pipe; stat a/pipe > /dev/null; df . > /dev/null";

#[test]
fn a_recorded_session_replays_without_a_difference() {
    if !runnable() {
        return;
    }
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let rows = [("sim", "full", "1"), ("sim", "hash", "3"), ("host", "full", "1")];
    for (lower, payload, threads) in rows {
        let trace = scratch.path().join(format!("{lower}-{payload}.frt"));
        let trace = trace.to_str().expect("text");
        let below = tempfile::tempdir().expect("a temporary directory");
        let host = format!("host:{}", below.path().display());
        let lower = if lower == "sim" { "sim" } else { &host };
        let recorded = fuserig(&[
            "record",
            "-o",
            trace,
            "--lower",
            lower,
            "--payload",
            payload,
            "--threads",
            threads,
            "--",
            "sh",
            "-c",
            WORK,
        ]);
        let said = text(&recorded.stderr);
        assert_eq!(recorded.status.code(), Some(0), "{said}");
        assert!(said.contains(trace) && said.contains("operations"), "{said}");
        let mut traces = vec![trace.to_owned()];
        if payload == "hash" {
            traces.push(with_names_for_digests(trace));
        }
        for trace in &traces {
            let replayed = fuserig(&["replay", trace]);
            let shown = text(&replayed.stdout);
            assert_eq!(replayed.status.code(), Some(0), "{trace}:\n{shown}");
            assert!(shown.contains(" 0 divergences"), "{shown}");
            let without_data = shown.contains("every byte compared but those of files");
            assert_eq!(without_data, payload == "hash", "{shown}");
            let verified = fuserig(&["trace", "verify", trace]);
            assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stdout));
        }
    }
}

/// Checks that a recording has digests of all its data, and writes one with names instead, as
/// recordings of format 1.0 have them.
fn with_names_for_digests(path: &str) -> String {
    let file = std::fs::read(path).expect("it was recorded");
    let mut trace = Trace::read(&file[..]).expect("it is a trace");
    let mut seen = Vec::new();
    for record in &mut trace.records {
        let Record::Op(op) = record else { continue };
        match op.payload {
            Payload::None => {}
            Payload::Digest { len, digest } => {
                seen.push((OpSpec::name_of(op.opcode).to_string(), len, digest));
                // No name of any data: nobody has the bytes that it would be compared with.
                op.payload = Payload::Ref { len, id: PayloadId(digest.0) };
            }
            ref other => panic!("not a digest: {other:?}"),
        }
    }
    let digest = PayloadDigest::of(b"one\n");
    for name in ["WRITE", "READ"] {
        assert!(seen.contains(&(name.to_owned(), 4, digest)), "{name}: {seen:?}");
    }
    let path = format!("{path}.names.frt");
    let mut file = Vec::new();
    trace.write(&mut file).expect("memory takes it");
    std::fs::write(&path, file).expect("written");
    path
}

/// A parent and a child that meet at the locks of one file. `KIND` is how they take them.
const LOCKING: &str = r#"
use strict; use Fcntl qw(:DEFAULT :flock :seek);
my ($kind) = @ARGV;
sub file { open(my $file, "+<", "f") or die "open: $!"; return $file }
# Bytes 10 to 19, or the whole file.
sub lock {
    my ($file, $type, $wait) = @_;
    if ($kind eq "flock") {
        my %of = (F_RDLCK, LOCK_SH, F_WRLCK, LOCK_EX, F_UNLCK, LOCK_UN);
        return flock($file, $of{$type} | ($wait ? 0 : LOCK_NB));
    }
    my $range = pack("s s x4 q q l x4", $type, SEEK_SET, 10, 10, 0);
    return fcntl($file, $wait ? F_SETLKW : F_SETLK, $range);
}
open(my $new, ">", "f") or die; print $new "x" x 100; close $new;
my $file = file();
lock($file, F_WRLCK, 0) or die "first: $!";
pipe(my $from, my $to); pipe(my $back, my $forth);
my $child = fork() // die;
if (!$child) {
    my $mine = file();
    lock($mine, F_RDLCK, 0) and die "it is locked"; $!{EAGAIN} or die "not EAGAIN: $!";
    if ($kind eq "posix") {
        my $asked = pack("s s x4 q q l x4", F_RDLCK, SEEK_SET, 0, 0, 0);
        fcntl($mine, F_GETLK, $asked) or die "asked: $!";
        my ($type, $whence, $start, $length, $pid) = unpack("s s x4 q q l x4", $asked);
        "$type $start $length" eq F_WRLCK . " 10 10" or die "$type $start $length";
        $pid == getppid() or die "held by $pid";
    }
    syswrite($forth, "w");
    lock($mine, F_WRLCK, 1) or die "waited: $!";
    exit 0;
}
sysread($back, my $word, 1);
select(undef, undef, undef, 0.1);
lock($file, F_UNLCK, 0) or die "unlocked: $!";
waitpid($child, 0); $? == 0 or die "the child failed";
lock($file, F_RDLCK, 0) or die "the lock of the child outlived it: $!";
exit 0 if $kind eq "flock";
# Three processes in a circle: each has a byte and waits for that of the next. The last to wait is
# told, and goes.
sub byte {
    my ($type, $at, $wait) = @_;
    my $range = pack("s s x4 q q l x4", $type, SEEK_SET, 50 + $at, 1, 0);
    return fcntl($file, $wait ? F_SETLKW : F_SETLK, $range);
}
pipe(my $held, my $holds); pipe(my $go, my $gone);
my @children = map {
    my $at = $_;
    my $child = fork() // die;
    if (!$child) {
        close $gone;
        byte(F_WRLCK, $at, 0) or die "byte $at: $!";
        syswrite($holds, "h");
        sysread($go, my $nothing, 1);
        byte(F_WRLCK, ($at + 1) % 3, 1) and exit 0;
        $!{EDEADLK} or die "not EDEADLK: $!";
        exit 99;
    }
    $child
} (0, 1, 2);
close $holds;
sysread($held, my $word, 1) == 1 or die "a child died" for @children;
close $gone;
my $refused = 0;
for (@children) { waitpid($_, 0); $refused += $? == 99 << 8; $? == 0 or $? == 99 << 8 or die "$?" }
$refused == 1 or die "$refused of three were told of the deadlock";
"#;

#[test]
fn locks_of_the_lower_filesystem_are_recorded_and_replay_without_a_difference() {
    if !runnable() {
        return;
    }
    if Command::new("perl").arg("-v").output().is_err() {
        return support::print_skip("there is no perl to take locks with");
    }
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let below = scratch.path().join("below");
    std::fs::create_dir(&below).expect("fresh");
    let host = format!("host:{}", below.display());
    for (kind, lower) in [("posix", "sim"), ("flock", "sim"), ("flock", host.as_str())] {
        let trace = scratch.path().join("locks.frt");
        let trace = trace.to_str().expect("text");
        let recorded = fuserig(&[
            "record", "--force", "-o", trace, "--lower", lower, "--locks", kind, "--", "perl",
            "-e", LOCKING, kind,
        ]);
        let said = text(&recorded.stderr);
        assert_eq!(recorded.status.code(), Some(0), "{kind} {lower}: {said}");
        let shown = text(&fuserig(&["trace", "show", trace]).stdout);
        let expected: &[&str] = match kind {
            "posix" => &["GETLK", "SETLK", "SETLKW"],
            _ => &["SETLK", "SETLKW"],
        };
        for name in expected {
            assert!(shown.contains(&format!(" {name} ")), "{name}: {shown}");
        }
        let replayed = fuserig(&["replay", trace]);
        let shown = text(&replayed.stdout);
        assert_eq!(replayed.status.code(), Some(0), "{kind} {lower}:\n{shown}");
        assert!(shown.contains(" 0 divergences"), "{shown}");
    }
    let refused = fuserig(&["record", "--lower", &host, "--locks", "posix", "--", "true"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn record_returns_the_status_of_its_command_and_leaves_nothing_mounted() {
    if !runnable() {
        return;
    }
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mount = scratch.path().join("mnt");
    std::fs::create_dir(&mount).expect("fresh");
    let trace = scratch.path().join("t.frt");
    let (mount_text, trace) = (mount.to_str().expect("text"), trace.to_str().expect("text"));
    let base = ["record", "--force", "-o", trace, "--mount", mount_text, "--", "sh", "-c"];
    for (script, code) in [("exit 0", 0), ("echo x > f; exit 7", 7), ("kill -9 $$", 137)] {
        let output = fuserig(&[&base[..], &[script]].concat());
        assert_eq!(output.status.code(), Some(code), "{script}: {}", text(&output.stderr));
        assert!(!is_mounted(&mount));
    }
    let output = fuserig(&[&base[..], &["umask; ulimit -n"]].concat());
    let plain = Command::new("sh").args(["-c", "umask; ulimit -n"]).output().expect("sh runs");
    assert_eq!(text(&output.stdout), text(&plain.stdout));
}

#[test]
fn a_mount_that_cannot_be_says_why_and_how_it_ends_is_documented() {
    if !runnable() {
        return;
    }
    let output = fuserig(&["mount", "/no/such/directory"]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("existing directory"));
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let file = scratch.path().join("file");
    std::fs::write(&file, "x").expect("written");
    let output = fuserig(&["mount", file.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("existing directory"));
    let here = scratch.path().to_str().expect("text");
    let output = fuserig(&["mount", here, "--lower", "host:/no/such"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let output = fuserig(&["mount", here, "--lower", "floppy"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(!is_mounted(scratch.path()));
}

#[test]
fn with_passthrough_the_kernel_reads_and_writes_by_itself() {
    if !runnable() {
        return;
    }
    let directory = tempfile::tempdir_in("/dev/shm").expect("a tmpfs, which is not stacked");
    for name in ["mnt", "below"] {
        std::fs::create_dir(directory.path().join(name)).expect("fresh");
    }
    let trace = directory.path().join("t.frt");
    let below = directory.path().join("below");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuserig"));
    command.arg("mount").arg(directory.path().join("mnt")).arg("--passthrough");
    command.arg("--lower").arg(format!("host:{}", below.display())).arg("-o").arg(&trace);
    let rig = match Rig::try_start(command, directory) {
        Ok(rig) => rig,
        Err(said) => return support::print_skip(&said),
    };
    let data: Vec<u8> = (0..300_000_u32).map(|number| (number / 5) as u8).collect();
    std::fs::write(rig.at("a"), &data).expect("written");
    assert_eq!(std::fs::read(below.join("a")).expect("it is below"), data);
    std::fs::write(below.join("b"), &data).expect("written below");
    assert_eq!(std::fs::read(rig.at("b")).expect("read"), data);
    // Two handles of one node, one of which appends and one of which outlives the name.
    let mut reader = File::open(rig.at("a")).expect("opened");
    let mut writer = File::options().append(true).open(rig.at("a")).expect("opened");
    writer.write_all(b"more").expect("appended");
    assert_eq!(rig.at("a").metadata().expect("there").len(), data.len() as u64 + 4);
    std::fs::remove_file(rig.at("a")).expect("removed");
    let mut whole = Vec::new();
    reader.read_to_end(&mut whole).expect("read");
    assert_eq!((whole.len(), &whole[data.len()..]), (data.len() + 4, &b"more"[..]));
    writer.set_len(3).expect("cut");
    assert_eq!(reader.metadata().expect("there").len(), 3);
    drop((reader, writer));
    // The trace is in the directory, which lives as long as the rig.
    let mut rig = rig;
    let mut process = rig.process.take().expect("it runs");
    let _ = rustix::process::kill_process(rig::pid(&process), rustix::process::Signal::TERM);
    assert_eq!(process.wait().expect("it ends").code(), Some(0));
    let bytes = std::fs::read(&trace).expect("it was written");
    let trace = fuserig_traces::Trace::read(&*bytes).expect("a whole trace");
    assert!(trace.header.passthrough);
    let opcodes = trace.records.iter().filter_map(|record| match record.as_ref() {
        fuserig_traces::record::RecordRef::Op(op) => Some(op.opcode),
        _ => None,
    });
    let opcodes: Vec<u16> = opcodes.collect();
    assert!(opcodes.contains(&14), "opens come: {opcodes:?}");
    assert!(!opcodes.contains(&15) && !opcodes.contains(&16), "no READ, no WRITE: {opcodes:?}");
}

#[test]
fn passthrough_is_refused_where_it_would_go_past_something() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let here = directory.path().to_str().expect("text");
    let host = format!("host:{here}");
    for (arguments, says) in [
        (vec!["--passthrough"], "--lower host:DIR"),
        (vec!["--passthrough", "--lower", &host, "--filter", "hide:x"], "past the filter"),
        (vec!["--passthrough", "--lower", &host, "--writeback"], "--writeback"),
    ] {
        let mut all = vec!["mount", here];
        all.extend(arguments);
        let output = fuserig(&all);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
    }
}
