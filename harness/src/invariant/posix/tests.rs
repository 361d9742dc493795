//! Each fact is right about what happens and finds what must not.

use fuserig_abi::{
    Abi, Caller, Credentials, Device, Errno, Fidelity, FileKind, Gid, Ino, Pid, StatFs, Timespec,
    Uid,
};
use fuserig_sim_fs::{
    AttrChanges, FallocateMode, Lower, LowerExt, MemFs, OpenFlags, RenameFlags, SetTime, XattrFlags,
};

use super::judge::judge;
use super::judged::{Judged, OpenFile, ways};
use super::listing::Listing;
use super::path::{Start, Way};
use crate::pipeline::DirRecord;
use crate::sim::{Action, Stamp, Text};
use crate::vfs::{CallResult, Output};

pub(super) const ROOT: Ino = Ino(1);
/// When the calls are made, and when they are not.
pub(super) const NOW: Timespec = Timespec::from_secs(7);
pub(super) const LATER: Timespec = Timespec::from_secs(8);

/// One call over a tree in which `/f` is open at 2 for reading and writing.
pub(super) struct Check {
    pub(super) tree: &'static str,
    pub(super) user: u32,
    pub(super) flags: OpenFlags,
    pub(super) positions: (i64, i64),
    /// What a copy reads.
    pub(super) source: &'static str,
    pub(super) output: Output,
    pub(super) was_broken: bool,
    pub(super) mistaken: Vec<Ino>,
    pub(super) kept_size: Option<u64>,
    pub(super) skips_descriptor: bool,
}

impl Default for Check {
    fn default() -> Check {
        Check {
            tree: "/f mode=0644 'hello'\n/d/\n/d/x 'x'\n/t/ mode=01777 uid=1000 gid=1000\n\
                   /t/root 'r'\n/l -> f",
            user: 0,
            flags: OpenFlags::RDWR,
            positions: (2, 2),
            source: "/f",
            output: Output::None,
            was_broken: false,
            mistaken: Vec::new(),
            kept_size: None,
            skips_descriptor: false,
        }
    }
}

/// The super-user at that time.
pub(super) fn at(now: Timespec) -> Caller {
    Caller::new(Credentials::root(), Pid(1), now)
}

pub(super) fn node(fs: &MemFs, path: &str) -> Ino {
    fs.find(path.as_bytes()).expect("the tree has it").ino
}

impl Check {
    /// What is said of a call with that result which did that.
    pub(super) fn judge(
        self,
        action: Action,
        value: Result<i64, Errno>,
        change: impl FnOnce(&mut MemFs),
    ) -> Result<(), String> {
        let before = MemFs::from_tree(self.tree).expect("a tree");
        let mut after = before.clone();
        change(&mut after);
        let result = CallResult { value, output: self.output };
        let file = OpenFile {
            description: 0,
            node: node(&before, "/f"),
            flags: self.flags,
            positions: (Some(self.positions.0), Some(self.positions.1)),
        };
        let start = Start { root: before.root(), directory: Some(before.root()) };
        let is_open = action.named_paths()[0].is_none();
        let ways = ways(&action, &before, start);
        let credentials = match self.user {
            0 => Credentials::root(),
            user => Credentials::user(Uid(user), Gid(user)),
        };
        judge(&Judged {
            action: &action,
            result: &result,
            before: &before,
            after: &after,
            now: NOW,
            abi: Abi::V4,
            fidelity: Fidelity::Intended,
            credentials,
            umask: 0o022,
            interrupted: false,
            was_broken: self.was_broken,
            mounted: false,
            overlapped: false,
            rights_were_set: false,
            mistaken: self.mistaken,
            kept_size: self.kept_size,
            file: is_open.then_some(file),
            source: is_open.then_some(OpenFile { node: node(&before, self.source), ..file }),
            blocked: ways.clone().map(Way::blocked),
            slashed: ways.clone().map(Way::slashed),
            dots: [ways[0].dots(), ways[1].dots()],
            skips_descriptor: self.skips_descriptor,
            paths: ways.map(Way::led),
        })
    }
}

/// Nothing is wrong with what was said.
pub(super) fn right(said: Result<(), String>) {
    assert_eq!(said, Ok(()));
}

/// What was said has these words.
#[track_caller]
pub(super) fn wrong(said: Result<(), String>, words: &str) {
    let said = said.expect_err("it is wrong on purpose");
    assert!(said.contains(words), "{said}");
}

fn check(
    action: Action,
    value: Result<i64, Errno>,
    change: impl FnOnce(&mut MemFs),
) -> Result<(), String> {
    Check::default().judge(action, value, change)
}

pub(super) fn put(now: Timespec, offset: u64, bytes: &'static [u8]) -> impl FnOnce(&mut MemFs) {
    move |fs| {
        let file = fs.open(&at(now), node(fs, "/f"), OpenFlags::RDWR).expect("a file");
        fs.write(&at(now), file, offset, bytes).expect("room");
        fs.release(&at(now), file).expect("open");
    }
}

pub(super) fn set_size(size: u64) -> impl FnOnce(&mut MemFs) {
    move |fs| {
        let changes = AttrChanges { size: Some(size), ..AttrChanges::default() };
        fs.setattr(&at(NOW), node(fs, "/f"), changes).expect("a file");
    }
}

fn set_mode(path: &'static str, mode: u32, now: Timespec) -> impl FnOnce(&mut MemFs) {
    move |fs| {
        let changes = AttrChanges { permissions: Some(mode), ..AttrChanges::default() };
        fs.setattr(&at(now), node(fs, path), changes).expect("a file");
    }
}

pub(super) fn unlink(
    now: Timespec,
    parent: &'static str,
    name: &'static [u8],
) -> impl FnOnce(&mut MemFs) {
    move |fs| fs.unlink(&at(now), node(fs, parent), name).expect("there")
}

fn rename(old: &'static [u8], new: &'static [u8], flags: RenameFlags) -> impl FnOnce(&mut MemFs) {
    move |fs| fs.rename(&at(NOW), ROOT, old, ROOT, new, flags).expect("there")
}

#[test]
fn what_was_written_is_there_and_nothing_else_changed() {
    let write = |offset| Action::Write { file: 0, size: 2, fill: b'a', offset: Some(offset) };
    right(check(write(1), Ok(2), put(NOW, 1, b"aa")));
    right(check(write(9), Ok(2), put(NOW, 9, b"aa")));
    wrong(check(write(1), Ok(2), put(NOW, 1, b"ab")), "at 2, where");
    wrong(check(write(1), Ok(2), put(NOW, 1, b"aaa")), "at 3, where");
    wrong(check(write(1), Ok(2), put(NOW, 9, b"aa")), "which must have 5");
    wrong(check(write(9), Ok(2), put(NOW, 8, b"xaa")), "at 8, where 0x00");
    wrong(check(write(1), Ok(3), put(NOW, 1, b"aaa")), "reports 3 bytes");
    wrong(check(write(1), Ok(2), put(LATER, 1, b"aa")), "does not move the ctime");
    let moving = Action::Write { file: 0, size: 2, fill: b'a', offset: None };
    let at_four = Check { positions: (2, 4), ..Check::default() };
    right(at_four.judge(moving.clone(), Ok(2), put(NOW, 2, b"aa")));
    wrong(check(moving, Ok(2), put(NOW, 2, b"aa")), "leaves the position at 2");
}

#[test]
fn a_truncated_file_has_zeros_where_it_grew() {
    let truncate = |size| Action::Truncate { path: "l".into(), size };
    right(check(truncate(2), Ok(0), set_size(2)));
    right(check(truncate(9), Ok(0), set_size(9)));
    wrong(check(truncate(9), Ok(0), put(NOW, 8, b"x")), "at 8, where 0x00");
    wrong(check(truncate(2), Ok(0), set_size(3)), "which must have 2");
    let open = Action::Open { path: "f".into(), flags: 0o1001, mode: 0 };
    right(check(open.clone(), Ok(3), set_size(0)));
    wrong(check(open, Ok(3), |_| {}), "which must have 0");
}

#[test]
fn fallocate_does_what_its_mode_says() {
    let call = |mode, offset, length| Action::Fallocate { file: 0, mode, offset, length };
    let does = |mode, offset, length| {
        move |fs: &mut MemFs| {
            let file = fs.open(&at(NOW), node(fs, "/f"), OpenFlags::RDWR).expect("a file");
            let mode = FallocateMode::from_bits_retain(mode);
            fs.fallocate(&at(NOW), file, mode, offset, length).expect("room");
            fs.release(&at(NOW), file).expect("open");
        }
    };
    right(check(call(0, 4, 4), Ok(0), does(0, 4, 4)));
    right(check(call(1, 4, 4), Ok(0), does(1, 4, 4)));
    right(check(call(3, 1, 2), Ok(0), does(3, 1, 2)));
    wrong(check(call(1, 4, 4), Ok(0), does(0, 4, 4)), "which must have 5");
    wrong(check(call(0, 4, 4), Ok(0), does(1, 4, 4)), "which must have 8");
    wrong(check(call(3, 1, 2), Ok(0), does(3, 1, 3)), "at 3, where");
    wrong(check(call(3, 1, 2), Ok(0), does(3, 1, 1)), "at 2, where 0x00");
    wrong(check(call(8, 0, 4096), Ok(0), |_| ()), "moves what is behind 0+4096 of 5 bytes");
}

#[test]
fn reads_give_what_is_there() {
    let read = || Action::Read { file: 0, size: 9, offset: Some(1) };
    let given = |bytes: &[u8]| {
        let output = Output::Bytes(bytes.to_vec());
        Check { output, ..Check::default() }.judge(read(), Ok(bytes.len() as i64), |_| {})
    };
    right(given(b"ello"));
    wrong(given(b"ell"), "gives 3 bytes at 1 of 4");
    wrong(given(b"ellx"), "bytes that are not in the file");
}

#[test]
fn a_copy_moves_on_where_no_offset_is_given() {
    let here = Action::HERE;
    let copy = |from_at, to_at| Action::Copy { from: 1, to: 0, length: 1, from_at, to_at };
    let copies = |from_at, to_at, to: u64, positions| {
        let check = Check { positions, source: "/d/x", ..Check::default() };
        check.judge(copy(from_at, to_at), Ok(1), put(NOW, to, b"x"))
    };
    right(copies(0, 4, 4, (2, 2)));
    right(copies(here, here, 0, (0, 1)));
    wrong(copies(here, here, 3, (0, 1)), "at 0, where 0x78");
    wrong(copies(0, 4, 4, (2, 3)), "leaves the source at 3 instead of 2");
    wrong(copies(here, here, 0, (0, 0)), "leaves the source at 0 instead of 1");
    wrong(copies(here, 4, 4, (0, 1)), "leaves the target at 1 instead of 0");
    let flags = OpenFlags::RDWR | OpenFlags::APPEND;
    let check = Check { flags, source: "/d/x", ..Check::default() };
    wrong(check.judge(copy(0, 4), Ok(1), put(NOW, 4, b"x")), "into a file that is open to append");
}

#[test]
fn who_changes_a_program_takes_its_bits_away() {
    let write = Action::Write { file: 0, size: 1, fill: b'a', offset: Some(0) };
    let writes = |tree, user, mode| {
        let changes = |fs: &mut MemFs| {
            put(NOW, 0, b"a")(fs);
            set_mode("/f", mode, NOW)(fs);
        };
        Check { tree, user, ..Check::default() }.judge(write.clone(), Ok(1), changes)
    };
    let program = "/f mode=06775 'hello'";
    right(writes(program, 0, 0o6775));
    right(writes(program, 1000, 0o775));
    let of_others = "/f mode=02765 'hello'";
    right(writes(of_others, 1000, 0o765));
    wrong(writes(of_others, 1000, 0o2765), "leaves the mode 2765");
    let of_own_group = "/f mode=02765 gid=1000 'hello'";
    right(writes(of_own_group, 1000, 0o2765));
    wrong(writes(of_own_group, 1000, 0o765), "changes the mode to 765");
    wrong(writes(program, 1000, 0o4775), "leaves the mode 4775");
    wrong(writes(program, 1000, 0o2775), "leaves the mode 2775");
    wrong(writes(program, 1000, 0o755), "changes the mode to 755");
    wrong(writes(program, 0, 0o775), "changes the mode to 775");
    let gives = |mode| {
        let given = |fs: &mut MemFs| {
            let changes = AttrChanges { uid: Some(Uid(5)), ..AttrChanges::default() };
            fs.setattr(&at(NOW), node(fs, "/f"), changes).expect("a file");
            set_mode("/f", mode, NOW)(fs);
        };
        let chown = Action::Chown { path: "f".into(), uid: 5, gid: u32::MAX };
        Check { tree: program, ..Check::default() }.judge(chown, Ok(0), given)
    };
    right(gives(0o775));
    wrong(gives(0o4775), "to a new owner");
}

#[test]
fn lseek_gives_the_position_and_moves_there() {
    let seek = |offset, whence, value: i64| {
        let positions = (2, value);
        let check = Check { positions, ..Check::default() };
        check.judge(Action::Seek { file: 0, offset, whence }, Ok(value), |_| {})
    };
    for (offset, whence, value) in [(4, 0, 4), (1, 1, 3), (-1, 2, 4), (1, 3, 1), (1, 4, 5)] {
        right(seek(offset, whence, value));
    }
    wrong(seek(4, 0, 3), "gives 3 instead of 4");
    wrong(seek(1, 1, 1), "gives 1 instead of 3");
    wrong(seek(-1, 2, -1), "gives -1 instead of 4");
    wrong(seek(1, 3, 0), "before the offset");
    wrong(seek(1, 3, 2), "there is data before it");
    wrong(seek(1, 4, 4096), "the file ends at 5");
    wrong(seek(1, 4, 2), "where there is data");
    let end = Action::Seek { file: 0, offset: 0, whence: 2 };
    wrong(check(end.clone(), Ok(5), |_| {}), "leaves the position at 2 instead of 5");
    wrong(check(end, Err(Errno::EINVAL), |_| {}), "and the position is a right one");
    let hole = Action::Seek { file: 0, offset: 0, whence: 4 };
    wrong(check(hole, Err(Errno::ENXIO), |_| {}), "finds no hole");
}

#[test]
fn what_is_made_has_the_mode_and_the_owner_that_it_must() {
    let mkdir = |mode| Action::Mkdir { path: "n".into(), mode };
    let makes = |mode, now| {
        move |fs: &mut MemFs| {
            fs.mkdir(&at(now), ROOT, b"n", mode).expect("room");
        }
    };
    right(check(mkdir(0o777), Ok(0), makes(0o755, NOW)));
    wrong(check(mkdir(0o777), Ok(0), makes(0o777, NOW)), "of mode 777");
    wrong(check(mkdir(0o777), Ok(0), makes(0o755, LATER)), "does not move the ctime");
    wrong(check(mkdir(0o777), Ok(0), |_| {}), "makes nothing");
    let open = Check { tree: "/f ''\n/ mode=0777", user: 1000, ..Check::default() };
    let create = Action::Open { path: "n".into(), flags: 0o101, mode: 0o644 };
    let made = |fs: &mut MemFs| {
        fs.create(&at(NOW), ROOT, b"n", 0o644).expect("room");
    };
    wrong(open.judge(create, Ok(3), made), "makes a file of 0:0");
    let symlink = Action::Symlink { target: "a".into(), path: "n".into() };
    let other = |fs: &mut MemFs| {
        fs.symlink(&at(NOW), ROOT, b"n", b"b").expect("room");
    };
    wrong(check(symlink, Ok(0), other), "a symlink to something else");
}

#[test]
fn names_that_are_there_are_not_made_again() {
    let mkdir = || Action::Mkdir { path: "d".into(), mode: 0o755 };
    right(check(mkdir(), Err(Errno::EEXIST), |_| {}));
    wrong(check(mkdir(), Err(Errno::ENOSPC), |_| {}), "EEXIST");
    wrong(check(mkdir(), Ok(0), |_| {}), "makes a name that is there");
    let exclusive = Action::Open { path: "f".into(), flags: 0o301, mode: 0 };
    wrong(check(exclusive, Ok(3), |_| {}), "makes what is there");
    let absent = Action::Open { path: "n".into(), flags: 0, mode: 0 };
    wrong(check(absent, Ok(3), |_| {}), "opens what is not there");
}

#[test]
fn a_removed_name_is_gone_and_an_empty_directory_only() {
    let rm = || Action::Unlink { path: "f".into() };
    right(check(rm(), Ok(0), unlink(NOW, "/", b"f")));
    wrong(check(rm(), Ok(0), |_| {}), "leaves the name");
    wrong(check(rm(), Ok(0), unlink(LATER, "/", b"f")), "does not move the ctime");
    wrong(check(rm(), Err(Errno::EIO), unlink(NOW, "/", b"f")), "fails and changes the tree");
    let rmdir = || Action::Rmdir { path: "d".into() };
    right(check(rmdir(), Err(Errno::ENOTEMPTY), |_| {}));
    wrong(check(rmdir(), Ok(0), unlink(NOW, "/d", b"x")), "that is not empty");
    let empty = Action::Rmdir { path: "t".into() };
    let tree = "/f ''\n/t/";
    let said = Check { tree, ..Check::default() }.judge(empty, Err(Errno::ENOTEMPTY), |_| {});
    wrong(said, "not empty that is empty");
}

#[test]
fn link_counts_follow_the_names() {
    let link = || Action::Link { source: "f".into(), path: "n".into() };
    let links = |fs: &mut MemFs| {
        fs.link(&at(NOW), node(fs, "/f"), ROOT, b"n").expect("room");
    };
    right(check(link(), Ok(0), links));
    let twice = |fs: &mut MemFs| {
        links(fs);
        fs.link(&at(NOW), node(fs, "/f"), ROOT, b"m").expect("room");
    };
    wrong(check(link(), Ok(0), twice), "leaves a link count of 3");
    let other = |fs: &mut MemFs| {
        fs.create(&at(NOW), ROOT, b"n", 0o644).expect("room");
    };
    wrong(check(link(), Ok(0), other), "leads to something else");
    let whole = MemFs::from_tree("/d/e/\n/f 'x'").expect("a tree");
    right(super::links::every_count(&whole));
    // No operation leaves a directory with another count, so the comparison is asked alone.
    right(super::links::compare_count(3, 3));
    wrong(super::links::compare_count(2, 3), "a link count of 2 instead of 3");
}

#[test]
fn a_rename_moves_or_exchanges() {
    let call = |flags| Action::Rename { old: "f".into(), new: "l".into(), flags };
    let (none, exchange) = (RenameFlags::empty(), RenameFlags::EXCHANGE);
    right(check(call(0), Ok(0), rename(b"f", b"l", none)));
    right(check(call(2), Ok(0), rename(b"f", b"l", exchange)));
    right(check(call(1), Err(Errno::EEXIST), |_| {}));
    wrong(check(call(1), Err(Errno::ENOSPC), |_| {}), "EEXIST");
    wrong(check(call(1), Ok(0), rename(b"f", b"l", none)), "replaces what it must not");
    wrong(check(call(2), Ok(0), rename(b"f", b"l", none)), "does not exchange");
    wrong(check(call(0), Ok(0), rename(b"f", b"l", exchange)), "leaves the old name");
    wrong(check(call(0), Ok(0), |_| {}), "leads to something else");
}

#[test]
fn chmod_and_chown_do_what_they_are_asked_and_no_more() {
    let chmod = || Action::Chmod { path: "f".into(), mode: 0o600 };
    right(check(chmod(), Ok(0), set_mode("/f", 0o600, NOW)));
    wrong(check(chmod(), Ok(0), set_mode("/f", 0o640, NOW)), "leaves the mode 640");
    wrong(check(chmod(), Ok(0), set_mode("/f", 0o600, LATER)), "does not move the ctime");
    let both = |fs: &mut MemFs| {
        set_mode("/f", 0o600, NOW)(fs);
        set_size(2)(fs);
    };
    wrong(check(chmod(), Ok(0), both), "changes more than the mode");
    let owner = |uid| {
        move |fs: &mut MemFs| {
            let changes = AttrChanges { uid: Some(Uid(uid)), ..AttrChanges::default() };
            fs.setattr(&at(NOW), node(fs, "/f"), changes).expect("a file");
        }
    };
    let chown = || Action::Chown { path: "f".into(), uid: 5, gid: u32::MAX };
    right(check(chown(), Ok(0), owner(5)));
    wrong(check(chown(), Ok(0), owner(6)), "leaves 6:0");
}

#[test]
fn chown_is_for_who_may() {
    // The owner gives a file to a group of its own, and nobody else does.
    let give = |user, gid, value: Result<i64, Errno>| {
        let tree = "/f mode=0644 uid=1000 gid=7 'x'";
        let chown = Action::Chown { path: "f".into(), uid: 1000, gid };
        let done = value.is_ok();
        Check { tree, user, ..Check::default() }.judge(chown, value, move |fs| {
            let changes = AttrChanges { gid: done.then_some(Gid(gid)), ..AttrChanges::default() };
            fs.setattr(&at(NOW), node(fs, "/f"), changes).expect("a file");
        })
    };
    wrong(give(1000, 1000, Err(Errno::EPERM)), "the caller may");
    right(give(1000, 8, Err(Errno::EPERM)));
    right(give(1000, 1000, Ok(0)));
    wrong(give(1000, 8, Ok(0)), "the caller may not");
    wrong(give(1001, 1001, Ok(0)), "the caller may not");
}

#[test]
fn attributes_have_lengths_and_values() {
    let tree = "/f xattr.user.k='vvv' ''";
    let get = |size, value, output: &[u8]| {
        let output = Output::Bytes(output.to_vec());
        let name = "user.k".into();
        let call = Action::Getxattr { path: "f".into(), name, size };
        Check { tree, output, ..Check::default() }.judge(call, value, |_| {})
    };
    right(get(3, Ok(3), b"vvv"));
    right(get(0, Ok(3), b""));
    right(get(2, Err(Errno::ERANGE), b""));
    wrong(get(3, Err(Errno::ERANGE), b""), "has no room in 3 bytes for 3");
    wrong(get(2, Ok(3), b"vvv"), "fills 2 bytes with 3");
    wrong(get(0, Ok(4), b""), "the length is 3");
    wrong(get(9, Ok(3), b"vvx"), "another value");
    let list = |size, value, output: &[u8]| {
        let output = Output::Bytes(output.to_vec());
        let call = Action::Listxattr { path: "f".into(), size };
        Check { tree, output, ..Check::default() }.judge(call, value, |_| {})
    };
    right(list(7, Ok(7), b"user.k\0"));
    wrong(list(7, Err(Errno::ERANGE), b""), "has no room in 7 bytes for 7");
    wrong(list(9, Ok(7), b"user.x\0"), "gives other names");
    let call = |flags| {
        let (name, value) = ("user.k".into(), "n".into());
        Action::Setxattr { path: "f".into(), name, value, flags }
    };
    let set = |value: &'static [u8]| {
        move |fs: &mut MemFs| {
            let none = XattrFlags::empty();
            fs.set_xattr(&at(NOW), node(fs, "/f"), b"user.k", value, none).expect("room");
        }
    };
    let over = || Check { tree, ..Check::default() };
    right(over().judge(call(2), Ok(0), set(b"n")));
    wrong(over().judge(call(0), Ok(0), set(b"m")), "leaves 'm' in user.k instead of 'n'");
    wrong(over().judge(call(1), Ok(0), set(b"n")), "makes what is there");
    let remove = Action::Removexattr { path: "f".into(), name: "user.k".into() };
    wrong(over().judge(remove, Ok(0), set(b"")), "leaves '' in user.k instead of none");
}

#[test]
fn what_is_shown_is_what_is_there() {
    let fs = MemFs::from_tree(Check::default().tree).expect("a tree");
    let stat = |change: fn(&mut fuserig_abi::Stat)| {
        let mut shown = fs.find(b"/f").expect("there");
        change(&mut shown);
        let output = Output::Stat(Box::new(shown));
        let call = Action::Stat { path: "f".into(), follow: true };
        Check { output, ..Check::default() }.judge(call, Ok(0), |_| {})
    };
    right(stat(|_| {}));
    wrong(stat(|shown| shown.size = 1), "another length");
    wrong(stat(|shown| shown.nlink = 2), "another link count");
    let link = |target: &[u8]| {
        let output = Output::Bytes(target.to_vec());
        let call = Action::readlink("l");
        Check { output, ..Check::default() }.judge(call, Ok(1), |_| {})
    };
    right(link(b"f"));
    wrong(link(b"g"), "gives another target");
}

#[test]
fn rights_are_those_of_the_mode_bits_and_of_the_sticky_bit() {
    let by = |user| Check { user, ..Check::default() };
    let rm = || Action::Unlink { path: "t/root".into() };
    right(by(1001).judge(rm(), Err(Errno::EPERM), |_| {}));
    right(by(1000).judge(rm(), Ok(0), unlink(NOW, "/t", b"root")));
    wrong(by(1000).judge(rm(), Err(Errno::EPERM), |_| {}), "and the caller may");
    wrong(by(1001).judge(rm(), Ok(0), unlink(NOW, "/t", b"root")), "and the caller may not");
    let access = |mode| Action::Access { path: "f".into(), mode };
    right(by(1000).judge(access(4), Ok(0), |_| {}));
    right(by(1000).judge(access(6), Err(Errno::EACCES), |_| {}));
    wrong(by(1000).judge(access(6), Ok(0), |_| {}), "and the caller may not");
    wrong(by(1000).judge(access(4), Err(Errno::EACCES), |_| {}), "and the caller may");
    let chmod = Action::Chmod { path: "f".into(), mode: 0o600 };
    let said = by(1000).judge(chmod, Ok(0), set_mode("/f", 0o600, NOW));
    wrong(said, "and the caller may not");
    let open = Action::Open { path: "f".into(), flags: 1, mode: 0 };
    wrong(by(1000).judge(open, Ok(3), |_| {}), "and the caller may not");
}

#[test]
fn what_only_looks_changes_nothing() {
    let stat = || Action::Access { path: "f".into(), mode: 0 };
    right(check(stat(), Ok(0), |_| {}));
    wrong(check(stat(), Ok(0), set_mode("/f", 0o600, NOW)), "only looks and changes the tree");
    wrong(check(stat(), Ok(0), set_mode("/f", 0o644, NOW)), "moves the times");
}

#[test]
fn a_listing_has_every_name_once() {
    let fs = || MemFs::from_tree("/a ''\n/b ''").expect("a tree");
    let whole = [&b"."[..], b"..", b"b", b"a"];
    let list = |names: &[&'static [u8]], change: fn(&mut MemFs)| {
        let mut listing = Listing::begin(&fs(), ROOT);
        listing.give(b".", true)?;
        let mut after = fs();
        change(&mut after);
        listing.note(&after);
        names.iter().skip(1).try_for_each(|name| listing.give(name, true))?;
        listing.end(true)
    };
    right(list(&whole, |_| {}));
    right(list(&whole[..3], |fs| unlink(NOW, "/", b"a")(fs)));
    right(list(&[b".", b"..", b"b", b"a", b"b"], |fs| unlink(NOW, "/", b"a")(fs)));
    wrong(list(&whole[..3], |_| {}), "ends without a");
    wrong(list(&whole[..2], |fs| unlink(NOW, "/", b"a")(fs)), "ends without b");
    wrong(list(&[b".", b"..", b"b", b"b", b"a"], |_| {}), "lists b twice");
    wrong(list(&[b".", b"..", b"b", b"c", b"a"], |_| {}), "lists c, which never was there");
}

#[test]
fn a_listing_tells_the_type_of_what_was_there_all_the_time() {
    let fs = MemFs::from_tree("/a ''\n/d/").expect("a tree");
    let listing = Listing::begin(&fs, ROOT);
    let tell = |name: &[u8], kind| {
        let name = name.to_vec();
        listing.tell(&fs, &DirRecord { ino: 1, next: 1, kind, name })
    };
    let [file, directory] = [FileKind::Regular, FileKind::Directory].map(FileKind::dirent_type);
    right(tell(b"a", file));
    // DT_UNKNOWN, which says that the filesystem does not know.
    right(tell(b"a", 0));
    right(tell(b"new", directory));
    wrong(tell(b"a", directory), "lists a as Directory, and it is Regular");
    wrong(tell(b"d", 3), "lists d as nothing that is");
}

#[test]
fn a_device_has_the_number_that_it_was_made_with() {
    let device = Device { major: 259, minor: 0x1_0003 };
    let call = || Action::Mknod { path: "n".into(), mode: 0o020_644, device: device.encode() };
    let makes = |rdev| {
        move |fs: &mut MemFs| {
            fs.mknod(&at(NOW), ROOT, b"n", 0o020_644, rdev).expect("room");
        }
    };
    right(check(call(), Ok(0), makes(device)));
    wrong(check(call(), Ok(0), makes(Device { major: 3, minor: 3 })), "makes the device 3:3");
}

#[test]
fn a_whiteout_is_left_behind() {
    let call = || Action::Rename { old: "f".into(), new: "n".into(), flags: 4 };
    right(check(call(), Ok(0), rename(b"f", b"n", RenameFlags::WHITEOUT)));
    wrong(check(call(), Ok(0), rename(b"f", b"n", RenameFlags::empty())), "leaves no whiteout");
    let file = |fs: &mut MemFs| {
        rename(b"f", b"n", RenameFlags::empty())(fs);
        fs.create(&at(NOW), ROOT, b"f", 0).expect("room");
    };
    wrong(check(call(), Ok(0), file), "leaves no whiteout");
}

#[test]
fn times_are_those_that_are_given() {
    const GIVEN: Timespec = Timespec { sec: -3, nsec: 5 };
    let given = Stamp::At { sec: -3, nsec: 5 };
    let call = |atime, mtime| Action::Times { path: "f".into(), atime, mtime };
    let set = |now, atime, mtime| {
        move |fs: &mut MemFs| {
            let changes = AttrChanges { atime, mtime, ..AttrChanges::default() };
            fs.setattr(&at(now), node(fs, "/f"), changes).expect("a file");
        }
    };
    let (there, now) = (Some(SetTime::At(GIVEN)), Some(SetTime::Now));
    right(check(call(Stamp::Omit, given), Ok(0), set(NOW, None, there)));
    right(check(call(given, Stamp::Now), Ok(0), set(NOW, there, now)));
    right(check(call(Stamp::Omit, Stamp::Omit), Ok(0), |_| {}));
    wrong(check(call(given, given), Ok(0), set(NOW, there, now)), "leaves the mtime at 7");
    wrong(check(call(given, Stamp::Now), Ok(0), set(NOW, None, now)), "leaves the atime at 0");
    wrong(check(call(Stamp::Omit, given), Ok(0), set(NOW, there, there)), "leaves the atime at -3");
    wrong(check(call(Stamp::Omit, given), Ok(0), set(LATER, None, there)), "move the ctime");
    let omits = call(Stamp::Omit, Stamp::Omit);
    wrong(check(omits, Ok(0), set_mode("/f", 0o644, NOW)), "and changes nothing");
}

#[test]
fn times_are_given_by_owners_and_moved_on_by_whoever_may_write() {
    let tree = "/f mode=0666 uid=1000 gid=1000 ''\n/g mode=0644 ''";
    let by = |user| Check { tree, user, ..Check::default() };
    let given = || {
        let mtime = Stamp::At { sec: 5, nsec: 0 };
        Action::Times { path: "f".into(), atime: Stamp::Omit, mtime }
    };
    let touch = |path: &str| Action::Touch { path: path.into() };
    let set = |fs: &mut MemFs| {
        let mtime = Some(SetTime::At(Timespec::from_secs(5)));
        let changes = AttrChanges { mtime, ..AttrChanges::default() };
        fs.setattr(&at(NOW), node(fs, "/f"), changes).expect("a file");
    };
    right(by(1000).judge(given(), Ok(0), set));
    right(by(1001).judge(given(), Err(Errno::EPERM), |_| {}));
    wrong(by(1001).judge(given(), Ok(0), set), "and the caller may not");
    wrong(by(1000).judge(given(), Err(Errno::EPERM), |_| {}), "and the caller may");
    right(by(1001).judge(touch("g"), Err(Errno::EACCES), |_| {}));
    wrong(by(1001).judge(touch("f"), Err(Errno::EACCES), |_| {}), "and the caller may");
    let touched = |fs: &mut MemFs| {
        let mtime = Some(SetTime::Now);
        let changes = AttrChanges { mtime, ..AttrChanges::default() };
        fs.setattr(&at(NOW), node(fs, "/g"), changes).expect("a file");
    };
    wrong(by(1001).judge(touch("g"), Ok(0), touched), "and the caller may not");
}

#[test]
fn statfs_shows_the_numbers_of_the_filesystem() {
    let mut fs = MemFs::from_tree(Check::default().tree).expect("a tree");
    let is = fs.statfs(&at(NOW), ROOT).expect("there");
    let statfs = |change: fn(&mut StatFs)| {
        let mut shown = is;
        change(&mut shown);
        let output = Output::StatFs(Box::new(shown));
        let call = Action::Statfs { path: "f".into() };
        Check { output, ..Check::default() }.judge(call, Ok(0), |_| {})
    };
    right(statfs(|_| {}));
    wrong(statfs(|shown| shown.files = shown.ffree), "nodes");
    wrong(statfs(|shown| shown.ffree += 1), "free nodes");
    wrong(statfs(|shown| shown.bavail -= 1), "available blocks");
    wrong(statfs(|shown| shown.frsize = 512), "length of a block");
}

#[test]
fn rights_are_lacked_for_a_reason() {
    let tree = "/f mode=0600 ''\n/d/ mode=0700\n/d/x ''";
    let by = |user| Check { tree, user, ..Check::default() };
    let none = "there is no reason for it";
    let stat = |path: &str| Action::Stat { path: path.into(), follow: true };
    right(by(1000).judge(stat("d/x"), Err(Errno::EACCES), |_| {}));
    wrong(by(1000).judge(stat("f"), Err(Errno::EACCES), |_| {}), none);
    wrong(by(0).judge(stat("d/x"), Err(Errno::EACCES), |_| {}), none);
    let chdir = || Action::Chdir { path: "d".into() };
    right(by(1000).judge(chdir(), Err(Errno::EACCES), |_| {}));
    wrong(by(0).judge(chdir(), Err(Errno::EACCES), |_| {}), "the caller may");
    wrong(by(1000).judge(chdir(), Ok(0), |_| {}), "the caller may not");
    let get = || Action::Getxattr { path: "f".into(), name: "user.k".into(), size: 0 };
    right(by(1000).judge(get(), Err(Errno::EACCES), |_| {}));
    wrong(by(0).judge(get(), Err(Errno::EACCES), |_| {}), none);
}

/// What is said of a call that fails.
fn fails(action: Action, errno: Errno) -> Result<(), String> {
    check(action, Err(errno), |_| {})
}

#[test]
fn names_are_refused_for_a_reason() {
    let rename =
        |old: &str, new: &str, flags| Action::Rename { old: old.into(), new: new.into(), flags };
    let none = "there is no reason for it";
    right(fails(rename("d", "d/n", 0), Errno::EINVAL));
    right(fails(rename("f", "n", 6), Errno::EINVAL));
    right(fails(rename("d/x", "d", 2), Errno::EINVAL));
    right(fails(rename("d/x", "d", 0), Errno::ENOTEMPTY));
    right(fails(rename("d", "t", 0), Errno::ENOTEMPTY));
    right(fails(rename("f", "d", 0), Errno::EISDIR));
    right(fails(rename("d", "f", 0), Errno::ENOTDIR));
    wrong(fails(rename("d", "t/n", 0), Errno::EINVAL), none);
    wrong(fails(rename("f", "d", 2), Errno::EISDIR), none);
    wrong(fails(rename("d", "n", 0), Errno::ENOTDIR), none);
    wrong(fails(rename("f", "l", 0), Errno::EEXIST), none);
    wrong(fails(rename("f", "n", 0), Errno::EXDEV), none);
    let link = |source: &str| Action::Link { source: source.into(), path: "n".into() };
    right(fails(link("d"), Errno::EPERM));
    right(fails(link("none"), Errno::ENOENT));
    wrong(fails(link("l"), Errno::EPERM), none);
    wrong(fails(link("f"), Errno::EMLINK), none);
    let symlink = |target: Vec<u8>| Action::Symlink { target: Text(target), path: "n".into() };
    right(fails(symlink(vec![b'a'; 4096]), Errno::ENAMETOOLONG));
    let large =
        |value| Action::Setxattr { path: "n".into(), name: "user.k".into(), value, flags: 0 };
    right(fails(large(Text(vec![0; 65_537])), Errno::E2BIG));
    wrong(fails(large(Text(vec![0; 65_536])), Errno::E2BIG), none);
    wrong(fails(symlink(vec![b'a'; 4095]), Errno::ENAMETOOLONG), none);
    wrong(fails(symlink(vec![b'a']), Errno::ENOSPC), none);
    let rm = |path: &str| Action::Unlink { path: path.into() };
    right(fails(rm("d"), Errno::EISDIR));
    wrong(fails(rm("l"), Errno::EISDIR), none);
    wrong(fails(rm("f"), Errno::EBUSY), none);
    let rmdir = |path: &str| Action::Rmdir { path: path.into() };
    right(fails(rmdir("f"), Errno::ENOTDIR));
    wrong(fails(rmdir("d"), Errno::ENOTDIR), none);
    let mknod = |mode| Action::Mknod { path: "n".into(), mode, device: 0x100 };
    right(fails(mknod(0o120_644), Errno::EINVAL));
    wrong(fails(mknod(0o010_644), Errno::EPERM), none);
    let open = |path: &str, flags| Action::Open { path: path.into(), flags, mode: 0 };
    right(fails(open("l", 0o400_000), Errno::ELOOP));
    right(fails(open("d", 1), Errno::EISDIR));
    wrong(fails(open("l", 0), Errno::ELOOP), none);
    wrong(fails(open("d", 0), Errno::EISDIR), none);
    wrong(fails(open("f", 0o102), Errno::EEXIST), none);
    wrong(fails(open("f", 0), Errno::ENXIO), none);
}

#[test]
fn files_are_refused_for_a_reason() {
    let none = "there is no reason for it";
    let copy = |from_at, to_at, length| Action::Copy { from: 0, to: 0, length, from_at, to_at };
    right(fails(copy(0, 1, 2), Errno::EINVAL));
    wrong(fails(copy(0, 2, 2), Errno::EINVAL), none);
    wrong(fails(copy(2, 0, 2), Errno::EINVAL), none);
    // It ends where the file does.
    wrong(fails(copy(3, 5, 9), Errno::EINVAL), none);
    let reads = Check { flags: OpenFlags::empty(), ..Check::default() };
    let write = |offset| Action::Write { file: 0, size: 2, fill: b'a', offset: Some(offset) };
    right(reads.judge(write(0), Err(Errno::EBADF), |_| {}));
    right(fails(write(-1), Errno::EINVAL));
    right(fails(write(i64::MAX), Errno::EFBIG));
    for errno in [Errno::EBADF, Errno::EINVAL, Errno::EFBIG, Errno::ENOSPC, Errno::EIO] {
        wrong(fails(write(9), errno), none);
    }
    let broken = |errno| {
        let before = Check { was_broken: true, ..Check::default() };
        before.judge(write(9), Err(errno), |_| {})
    };
    right(broken(Errno::EIO));
    let allocate = |mode, offset, length| Action::Fallocate { file: 0, mode, offset, length };
    right(fails(allocate(0, 0, 0), Errno::EINVAL));
    right(fails(allocate(0, 0, 1 << 40), Errno::ENOSPC));
    right(fails(allocate(2, 0, 1), Errno::EOPNOTSUPP));
    wrong(fails(allocate(3, 0, 1), Errno::EOPNOTSUPP), none);
    wrong(fails(allocate(1, 4, 4), Errno::EINVAL), none);
    wrong(fails(allocate(1, 4, 4), Errno::EFBIG), none);
    let seek = |offset, whence| Action::Seek { file: 0, offset, whence };
    right(fails(seek(5, 3), Errno::ENXIO));
    wrong(fails(seek(5, 0), Errno::ENXIO), none);
    wrong(fails(seek(1, 3), Errno::EINVAL), none);
    let truncate = |size| Action::Truncate { path: "f".into(), size };
    right(fails(truncate(-1), Errno::EINVAL));
    wrong(fails(truncate(1), Errno::EINVAL), none);
    wrong(fails(Action::Ftruncate { file: 0, size: 1 }, Errno::EINVAL), none);
    wrong(fails(Action::Fsync { file: 0, datasync: false }, Errno::EINVAL), none);
    let readlink = |path: &str| Action::readlink(path);
    right(fails(readlink("f"), Errno::EINVAL));
    wrong(fails(readlink("l"), Errno::EINVAL), none);
    let get = |name: &str| Action::Getxattr { path: "f".into(), name: name.into(), size: 0 };
    right(fails(get("user.k"), Errno::ENODATA));
    wrong(fails(get("user.k"), Errno::EOPNOTSUPP), none);
    let set = |flags| {
        let (name, value) = ("user.k".into(), "v".into());
        Action::Setxattr { path: "f".into(), name, value, flags }
    };
    right(fails(set(2), Errno::ENODATA));
    wrong(fails(set(0), Errno::ENODATA), none);
    wrong(fails(set(0), Errno::EPERM), none);
}
