//! Programs written by hand, for what chance rarely does.

use fuserig::sim::{Action, Stamp, Text};

use super::Step;

const CREATE: u32 = 0o100;
const EXCLUSIVE: u32 = 0o200;
const TRUNCATE: u32 = 0o1000;
const APPEND: u32 = 0o2000;
const DIRECTORY: u32 = 0o200_000;
const NONBLOCK: u32 = 0o4000;
const PATH: u32 = 0o10_000_000;

pub(crate) fn open(path: &str, flags: u32) -> Action {
    Action::Open { path: path.into(), flags, mode: 0o644 }
}

pub(crate) fn stat(path: &str) -> Action {
    Action::Stat { path: path.into(), follow: true }
}

pub(crate) fn write(size: u32) -> Action {
    Action::Write { file: 0, size, fill: b'w', offset: None }
}

pub(crate) fn read(size: u64) -> Action {
    Action::Read { file: 0, size, offset: Some(0) }
}

fn chmod(path: &str, mode: u32) -> Action {
    Action::Chmod { path: path.into(), mode }
}

fn rename(old: &str, new: &str, flags: u32) -> Action {
    Action::Rename { old: old.into(), new: new.into(), flags }
}

pub(crate) fn close() -> Action {
    Action::Close { file: 0 }
}

fn list(space: u64) -> Action {
    Action::List { file: 0, space }
}

fn unlink(path: &str) -> Action {
    Action::Unlink { path: path.into() }
}

fn chown(path: &str) -> Action {
    Action::Chown { path: path.into(), uid: 1000, gid: 1000 }
}

pub(crate) fn fstat() -> Action {
    Action::Fstat { file: 0 }
}

fn setxattr(path: &str, name: &str) -> Action {
    Action::Setxattr { path: path.into(), name: name.into(), value: "v".into(), flags: 0 }
}

pub(crate) type Script = (&'static str, u32, Vec<Action>);

/// Every script with its name.
pub(crate) fn all() -> Vec<(String, Vec<Step>)> {
    let steps = |uid, actions: Vec<Action>| actions.into_iter().map(|act| (uid, act)).collect();
    let scripts = [
        about_privileges(),
        about_contents(),
        about_reading_ahead(),
        about_kinds(),
        about_names(),
        about_descriptors(),
        about_targets(),
        about_lists(),
        about_locks(),
        about_sends(),
        super::family::about_processes(),
        about_becoming(),
    ];
    let all = scripts.into_iter().flatten();
    all.map(|(name, uid, actions)| (name.to_owned(), steps(uid, actions))).collect()
}

fn about_privileges() -> Vec<Script> {
    let truncate = Action::Ftruncate { file: 0, size: 0 };
    let may_not = vec![
        chmod("a", 0o600),
        chown("a"),
        Action::Touch { path: "a".into() },
        open("n", 2 | CREATE),
        open("d/n", 2 | CREATE),
        chmod("d/n", 0o2755),
        stat("d/n"),
        Action::Access { path: "a".into(), mode: 2 },
        setxattr("d/n", "security.s"),
        setxattr("d/n", "trusted.t"),
    ];
    let namespaces =
        ["user.", "usera", "xuser.a", "u", "user-x.y"].map(|name| setxattr("a", name)).to_vec();
    let device = |mode| Action::Mknod { path: "d/dev".into(), mode, device: 0x0130_0a05 };
    let remove = || Action::Unlink { path: "d/dev".into() };
    let devices = vec![
        device(0o020_666),
        open("d/dev", 0),
        open("d/dev", 1 | TRUNCATE),
        remove(),
        device(0o060_000),
        open("d/dev", 2),
        stat("d/dev"),
    ];
    let writes = vec![open("suid", 1), write(4), stat("suid"), write(4), close(), stat("suid")];
    let cuts = vec![open("suid", 1), truncate, stat("suid"), open("suid", 1 | TRUNCATE)];
    let opens = vec![stat("d/b"), chmod("d", 0o700), stat("d/b"), chmod("d", 0o777), stat("d/e")];
    let times = |atime, mtime| Action::Times { path: "open".into(), atime, mtime };
    let given = vec![
        times(Stamp::Now, Stamp::Now),
        times(Stamp::Omit, Stamp::Now),
        times(Stamp::Now, Stamp::Omit),
        times(Stamp::At { sec: 5, nsec: 0 }, Stamp::Now),
        times(Stamp::Omit, Stamp::Omit),
        stat("open"),
    ];
    vec![
        ("times of what a user may write and does not own", 1000, given),
        ("writes of a user to a setuid file", 1000, writes),
        ("a truncation by a user of a setuid file", 1000, cuts),
        ("writes of root to a setuid file", 0, vec![open("suid", 2), write(4), stat("suid")]),
        ("a chown of a setuid file", 0, vec![chown("suid"), stat("suid")]),
        ("what a user may not", 1000, may_not),
        ("attributes whose names are almost names", 0, namespaces),
        ("devices", 0, devices),
        ("a directory that changes its mode", 0, opens),
    ]
}

fn about_contents() -> Vec<Script> {
    let appends = vec![
        open("a", 2 | APPEND),
        write(5000),
        read(9000),
        write(3),
        read(9000),
        write(9000),
        Action::Seek { file: 0, offset: 0, whence: 2 },
        close(),
        stat("a"),
    ];
    let listings = vec![
        open("d", DIRECTORY),
        list(64),
        stat("d/b"),
        list(64),
        list(4096),
        list(4096),
        close(),
        open("d", DIRECTORY),
        list(4096),
        stat("d/e"),
        close(),
        open("d", DIRECTORY),
        list(64),
    ];
    let copy = |from_at, to_at, length| Action::Copy { from: 0, to: 0, length, from_at, to_at };
    let copies = vec![
        open("a", 2),
        copy(i64::MAX, i64::MAX, 9000),
        copy(0, i64::MAX, 0),
        copy(0, i64::MAX - 1, 3),
        copy(511, -1, 9000),
        copy(-1, 511, 9000),
        copy(-9000, 511, 1),
        copy(-9000, i64::MAX, 1),
        copy(0, -1, 0),
        stat("a"),
    ];
    vec![
        ("copies at the places where a file ends at the latest", 0, copies),
        ("appends and reads in turn", 0, appends),
        ("listings in pieces with uses between", 0, listings),
    ]
}

/// Reads of a long file of which nothing is cached but what was written.
fn about_reading_ahead() -> Vec<Script> {
    let at = |file, size, offset| Action::Read { file, size, offset: Some(offset) };
    let next = |file, size| Action::Read { file, size, offset: None };
    let wrote = |size, offset| Action::Write { file: 0, size, fill: b'r', offset: Some(offset) };
    let long = |reads: Vec<Action>| {
        let begin = [open("long", CREATE), open("long", 2), wrote(1, 600_000)];
        begin.into_iter().chain(reads).collect::<Vec<_>>()
    };
    let backwards = (1..40).map(|page| at(0, 4096, 400_000 - page * 4096)).collect();
    let strides = (0..40).map(|step| at(0, 3000, step * 12_288 + 100)).collect();
    let two = (0..60).map(|step| next(step % 2, 6000)).collect();
    let follows = vec![at(0, 9000, 50_000), at(0, 9000, 59_000), at(0, 9000, 68_000)];
    let islands = (0..12).map(|step| wrote(5000, 30_000 + step * 40_000));
    let islands = islands.chain((0..100).map(|_| next(1, 5000))).collect();
    // Read backwards, pages come one by one. What was written is read again: its time is new.
    let behind = (16..21).rev().map(|page| at(0, 4096, page * 4096));
    let behind = behind.chain([at(1, 4096, 21 * 4096), next(1, 9000)]).collect();
    let whole = (0..9).rev().map(|page| at(0, 4096, page * 4096));
    let whole = whole.chain([at(1, 4096, 9 * 4096), next(1, 9000)]).collect();
    let end = vec![at(0, 4096, 593_920), next(0, 200_000), at(1, 65_536, 540_000)];
    vec![
        ("a stream of small reads", 0, long(vec![next(0, 4096); 150])),
        ("a stream of pieces of pages", 0, long(vec![next(0, 1000); 80])),
        ("a stream of odd reads", 0, long(vec![next(0, 10_000); 62])),
        ("a stream of reads beyond a window", 0, long(vec![next(0, 200_000); 4])),
        ("reads that go backwards", 0, long(backwards)),
        ("reads with gaps", 0, long(strides)),
        ("two streams in one file", 0, long(two)),
        ("a stream that begins in the middle", 0, long(follows)),
        ("a stream across what is cached", 0, long(islands)),
        ("a read behind what is cached", 0, long(behind)),
        ("a read behind a cached beginning", 0, long(whole)),
        ("reads at the end", 0, long(end)),
    ]
}

/// Fifos, opened so that nobody waits, and flags of open that exclude each other.
fn about_kinds() -> Vec<Script> {
    const READ_AND_WRITE: u32 = 2;
    let fifo = vec![
        Action::Mknod { path: "p".into(), mode: 0o010_644, device: 0 },
        open("p", READ_AND_WRITE),
        read(4),
        Action::Write { file: 0, size: 4, fill: b'w', offset: Some(0) },
        Action::Seek { file: 0, offset: 1, whence: 0 },
        Action::Ftruncate { file: 0, size: 0 },
        Action::Fallocate { file: 0, mode: 0, offset: 0, length: 1 },
        Action::Fallocate { file: 0, mode: 0, offset: 0, length: 0 },
        Action::Fsync { file: 0, datasync: false },
        fstat(),
        close(),
        open("p", 1 | NONBLOCK),
        open("p", NONBLOCK),
        read(4),
        list(64),
        close(),
        open("p", DIRECTORY),
        unlink("p"),
    ];
    let both = vec![
        open("n", CREATE | DIRECTORY),
        open("d", CREATE | DIRECTORY),
        open("nowhere/n", CREATE | EXCLUSIVE | DIRECTORY),
        open("d", PATH | CREATE | DIRECTORY),
        close(),
        stat("n"),
        open("d", CREATE),
        open("a", DIRECTORY),
        open("d", TRUNCATE),
    ];
    vec![
        ("a fifo and what it cannot do", 0, fifo.clone()),
        ("a fifo of a user", 1000, fifo),
        ("directories that open does not make", 0, both),
    ]
}

fn about_names() -> Vec<Script> {
    let life = vec![
        stat("n"),
        open("n", 2 | CREATE | EXCLUSIVE),
        write(3),
        stat("n"),
        unlink("n"),
        fstat(),
        read(3),
        close(),
        stat("n"),
        open("n", 2 | CREATE),
        stat("n"),
    ];
    let renames = vec![
        rename("a", "d/b", 0),
        stat("d/b"),
        stat("a"),
        rename("d/b", "notes.txt", 2),
        stat("d/b"),
        stat("notes.txt"),
        rename("notes.txt", "d/b", 1),
        rename("d/e", "e", 0),
        stat("e"),
        stat("d/e"),
    ];
    let link = Action::Link { source: "a".into(), path: "d/a".into() };
    let links =
        vec![open("a", 2), link, fstat(), write(2), stat("d/a"), unlink("a"), stat("d/a"), read(9)];
    // What was looked for in a directory goes with it.
    let over = vec![
        Action::Mkdir { path: "was".into(), mode: 0o755 },
        stat("was/absent"),
        rename("d/e", "was", 0),
        stat("was"),
        Action::Mkdir { path: "d/e".into(), mode: 0o755 },
        stat("d/e/absent"),
        rename("was", "d/e", 2),
        stat("d/e/absent"),
    ];
    let readlink = Action::readlink("l");
    let symlink = Action::Symlink { target: "d/e".into(), path: "l".into() };
    let walks =
        vec![stat("l/b"), stat("l/b"), readlink, stat("l/e"), unlink("l"), symlink, stat("l")];
    let itself = Action::Symlink { target: "self".into(), path: "d/self".into() };
    let way = Action::Symlink { target: "d".into(), path: "way".into() };
    let create = 2 | CREATE;
    let loops = vec![itself, way, stat("way/self"), open("way/self", 0), open("way/self", create)];
    vec![
        ("a symlink to itself, behind another", 0, loops),
        ("a name comes and goes", 0, life),
        ("a directory over one that was looked into", 0, over),
        ("renames over, across and in exchange", 0, renames),
        ("links of a file that is open", 0, links),
        ("a walk through a symlink, again and again", 0, walks),
    ]
}

/// Duplicates of descriptors, and flags that are changed.
fn about_descriptors() -> Vec<Script> {
    let dup = Action::Dup { file: 0 };
    let set = |file, flags| Action::SetFlags { file, flags };
    let at_zero = Action::Seek { file: 0, offset: 0, whence: 0 };
    let stands = |file| Action::Seek { file, offset: 0, whence: 1 };
    let read = |file| Action::Read { file, size: 2, offset: None };
    let other = Action::Write { file: 1, size: 2, fill: b'o', offset: None };
    let closes_other = Action::Close { file: 1 };
    let duplicates = vec![
        dup.clone(),
        open("a", 2),
        read(0),
        dup.clone(),
        read(0),
        stands(1),
        other.clone(),
        stands(0),
        fstat(),
        closes_other.clone(),
        write(3),
        dup.clone(),
        unlink("a"),
        close(),
        fstat(),
        stands(0),
        close(),
        fstat(),
        open("d", DIRECTORY),
        dup.clone(),
        list(64),
        closes_other.clone(),
        list(4096),
        list(4096),
        close(),
    ];
    let flags = vec![
        open("a", 2),
        dup,
        set(0, APPEND),
        write(3),
        at_zero.clone(),
        other.clone(),
        stands(0),
        Action::Write { file: 0, size: 1, fill: b'p', offset: Some(0) },
        at_zero.clone(),
        read(1),
        set(1, NONBLOCK),
        other,
        stands(1),
        set(0, 1 | TRUNCATE | APPEND),
        read(0),
        write(1),
        closes_other,
        at_zero,
        write(1),
        stat("a"),
        close(),
        set(0, APPEND),
        open("d", PATH),
        set(0, APPEND),
    ];
    vec![
        ("duplicates share where they stand", 0, duplicates.clone()),
        ("duplicates of a user", 1000, duplicates),
        ("flags that are changed", 0, flags.clone()),
        ("flags that a user changes", 1000, flags),
    ]
}

fn about_targets() -> Vec<Script> {
    let readlink = |space| Action::Readlink { path: "l".into(), space };
    let absent = Action::Readlink { path: "absent".into(), space: 0 };
    let file = Action::Readlink { path: "a".into(), space: 1 };
    let long = Action::Symlink { target: "long".into(), path: "m".into() };
    let part = Action::Readlink { path: "m".into(), space: 3 };
    let targets = vec![readlink(0), readlink(1), readlink(2), absent, file, long, part];
    vec![("targets without room", 0, targets)]
}

/// Access control lists, and what is kept of them.
fn about_lists() -> Vec<Script> {
    const ACCESS: &str = "system.posix_acl_access";
    const DEFAULT: &str = "system.posix_acl_default";
    let get = |name: &str, size| Action::Getxattr { path: "d".into(), name: name.into(), size };
    let set = |name: &str, value: Vec<u8>| Action::Setxattr {
        path: "d".into(),
        name: name.into(),
        value: Text(value),
        flags: 0,
    };
    let remove = |name: &str| Action::Removexattr { path: "d".into(), name: name.into() };
    // Owner, user 1000, group, mask, others.
    let entries: [(u16, u16, u32); 5] =
        [(1, 7, u32::MAX), (2, 5, 1000), (4, 5, u32::MAX), (16, 7, u32::MAX), (32, 5, u32::MAX)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(rights.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let none = 2_u32.to_le_bytes().to_vec();
    let life = |name: &str, other: &str| {
        vec![
            get(name, 200),
            get(name, 200),
            get(name, 0),
            get(other, 0),
            set(name, list.clone()),
            get(name, 200),
            get(name, 10),
            get(other, 0),
            stat("d"),
            set(name, none.clone()),
            get(name, 200),
            stat("d/b"),
            set(name, none.clone()),
            get(name, 0),
            stat("d"),
            remove(name),
            get(other, 200),
            stat("d/b"),
            stat("d"),
        ]
    };
    vec![
        ("an access list comes and goes", 0, life(ACCESS, DEFAULT)),
        ("a default list comes and goes", 0, life(DEFAULT, ACCESS)),
        ("an access list for which a user has no right", 1000, life(ACCESS, DEFAULT)),
        ("a default list for which a user has no right", 1000, life(DEFAULT, ACCESS)),
    ]
}

/// Locks of one process, which meet themselves only where they belong to open files.
fn about_locks() -> Vec<Script> {
    let flock = |file, kind| Action::Flock { file, kind, waits: false };
    let waits = false;
    let range = |kind, start, length| Action::Lock { file: 0, kind, start, length, waits };
    let locks = vec![
        open("a", 0),
        open("a", 2),
        flock(0, 1),
        flock(1, 0),
        flock(0, 0),
        flock(1, 0),
        flock(1, 1),
        range(0, 0, 5),
        range(1, 2, 0),
        range(1, -1, 5),
        range(0, 4, -5),
        range(2, 1, 1),
        close(),
        flock(0, 1),
        open("d", DIRECTORY),
        flock(1, 1),
        range(0, 0, 0),
        range(1, 0, 0),
        open("a", PATH),
        flock(2, 2),
        Action::GetLock { file: 1, kind: 1, start: 0, length: 0 },
        Action::GetLock { file: 1, kind: 2, start: 0, length: 0 },
        Action::GetLock { file: 1, kind: 0, start: 3, length: -4 },
    ];
    vec![("locks of both kinds", 0, locks.clone()), ("locks of a user", 1000, locks)]
}

/// What is sent from where to where, and what cannot be.
fn about_sends() -> Vec<Script> {
    let send = |from, to, from_at, length| Action::Sendfile { from, to, length, from_at };
    let stands = |file| Action::Seek { file, offset: 0, whence: 1 };
    let created = |path: &str| Action::Open { path: path.into(), flags: 0o102, mode: 0o644 };
    let sends = vec![
        created("d/from"),
        write(9000),
        created("d/to"),
        send(1, 0, 0, 5000),
        stands(1),
        send(1, 0, 8000, 2000),
        send(1, 0, Action::HERE, 10),
        Action::Seek { file: 1, offset: 3000, whence: 0 },
        send(1, 0, Action::HERE, 100),
        stands(1),
        stands(0),
        send(0, 0, 0, 50),
        stands(0),
        send(1, 0, 0, 0),
        send(1, 0, -5, 5),
        send(1, 0, i64::MAX, 5),
        read(20_000),
        open("a", 0),
        send(1, 0, 0, 5),
        open("a", 0o2001),
        send(2, 0, 0, 5),
        send(2, 0, 0, 0),
        send(0, 2, 0, 5),
        open("d", DIRECTORY),
        send(0, 3, 0, 5),
        send(0, 3, 0, 0),
        send(3, 0, 0, 5),
        open("a", PATH),
        send(4, 0, 0, 5),
        send(0, 4, 0, 5),
        stat("d/to"),
    ];
    vec![("files are sent", 0, sends)]
}

/// Users that become others, and what they leave and meet.
fn about_becoming() -> Vec<Script> {
    let become_user = |uid, gid| Action::Become { uid, gid };
    let server = vec![
        become_user(1000, 1000),
        open("d/n", 2 | CREATE),
        stat("d/n"),
        chmod("a", 0o600),
        become_user(1001, 1000),
        write(3),
        open("d/n", 1),
        unlink("d/n"),
        become_user(0, 0),
        stat("d/n"),
        chown("a"),
        become_user(1000, 7),
        setxattr("a", "trusted.t"),
        Action::Truncate { path: "a".into(), size: 2 },
        Action::Truncate { path: "notes.txt".into(), size: 2 },
        Action::Truncate { path: "d".into(), size: 2 },
        Action::Truncate { path: "a".into(), size: -1 },
        Action::Truncate { path: "absent".into(), size: 1 },
    ];
    // Of whose group it is not, nor one that may execute it.
    let set_group = vec![
        become_user(1001, 1001),
        open("d/g", 2 | CREATE),
        become_user(0, 0),
        Action::Chown { path: "d/g".into(), uid: 1001, gid: 7 },
        chmod("d/g", 0o2644),
        become_user(1001, 1001),
        write(5),
        stat("d/g"),
        become_user(1001, 7),
        write(5),
        become_user(0, 0),
        write(5),
    ];
    vec![
        ("a server that works for users", 0, server),
        ("writes to a setgid file that its group may not execute", 0, set_group),
    ]
}
