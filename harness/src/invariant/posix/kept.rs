//! Tests of what is kept of a file: access times, space behind the end, and what the
//! kernel goes by.

use fuserig_abi::{Errno, StatFs, Timespec, Uid};
use fuserig_sim_fs::{
    AttrChanges, FallocateMode, Lower, LowerExt, MemFs, OpenFlags, RenameFlags, XattrFlags,
};

use super::path::{Start, walk};
use super::shown::{blocks_in_the_end, nodes_in_the_end};
use super::tests::{Check, LATER, NOW, at, node, put, right, set_size, wrong};
use crate::sim::Action;
use crate::vfs::Output;

/// Reads a byte at that time.
fn read(now: Timespec) -> impl FnOnce(&mut MemFs) {
    move |fs| {
        let file = fs.open(&at(now), node(fs, "/f"), OpenFlags::empty()).expect("a file");
        fs.read(&at(now), file, 0, 1).expect("there");
        fs.release(&at(now), file).expect("open");
    }
}

#[test]
fn access_times_move_where_they_must_and_stay_where_that_was_asked_for() {
    let call = |flags, from, change: Box<dyn FnOnce(&mut MemFs)>| {
        let output = Output::Bytes(b"h".to_vec());
        let check = Check { flags, output, positions: (from, from), ..Check::default() };
        check.judge(Action::Read { file: 0, size: 1, offset: Some(0) }, Ok(1), change)
    };
    let (plain, still) = (OpenFlags::RDWR, OpenFlags::RDWR | OpenFlags::NOATIME);
    right(call(plain, 0, Box::new(read(NOW))));
    right(call(still, 0, Box::new(|_| ())));
    wrong(call(plain, 0, Box::new(|_| ())), "does not move the atime");
    wrong(call(plain, 0, Box::new(read(LATER))), "does not move the atime");
    // What is read on from somewhere may have been marked already.
    right(call(plain, 2, Box::new(|_| ())));
    wrong(call(plain, 2, Box::new(read(LATER))), "moves the atime");
    wrong(call(still, 0, Box::new(read(NOW))), "moves the atime");
}

/// Allocates two pages and leaves the length.
fn reserve(fs: &mut MemFs) {
    let file = fs.open(&at(NOW), node(fs, "/f"), OpenFlags::RDWR).expect("a file");
    fs.fallocate(&at(NOW), file, FallocateMode::KEEP_SIZE, 0, 8192).expect("room");
    fs.release(&at(NOW), file).expect("open");
}

#[test]
fn a_target_is_read_as_far_as_there_is_room() {
    let look = |space, target: &[u8], value| {
        let tree = "/f 'x'\n/l -> target";
        let check = Check { tree, output: Output::Bytes(target.to_vec()), ..Check::default() };
        check.judge(Action::Readlink { path: "l".into(), space }, value, |_| {})
    };
    right(look(4, b"targ", Ok(4)));
    right(look(6, b"target", Ok(6)));
    right(look(7, b"target", Ok(6)));
    right(look(0, b"", Err(Errno::EINVAL)));
    wrong(look(4, b"target", Ok(6)), "gives another target");
    wrong(look(4, b"tar", Ok(3)), "gives another target");
    wrong(look(4, b"targ", Ok(6)), "reports another length");
    wrong(look(4, b"", Err(Errno::ERANGE)), "fails with ERANGE, and there is no reason for it");
    wrong(look(4, b"", Err(Errno::EINVAL)), "fails with EINVAL, and there is no reason for it");
    wrong(look(0, b"", Ok(0)), "reads a target into no room");
}

#[test]
fn an_open_file_is_duplicated_and_takes_flags() {
    let refused = |action, errno| Check::default().judge(action, Err(errno), |_| {});
    let no_reason = "and there is no reason for it";
    wrong(refused(Action::Dup { file: 0 }, Errno::EBADF), no_reason);
    wrong(refused(Action::SetFlags { file: 0, flags: 0o2000 }, Errno::EINVAL), no_reason);
    let times = |action: Action| Check::default().judge(action, Ok(3), set_size(4));
    wrong(times(Action::Dup { file: 0 }), "only looks and changes the tree");
    right(Check::default().judge(Action::Dup { file: 0 }, Ok(3), |_| {}));
}

#[test]
fn a_truncated_file_has_nothing_behind_its_end() {
    let truncate = |size: u32, change: fn(&mut MemFs)| {
        let action = Action::Truncate { path: "f".into(), size: size.into() };
        Check::default().judge(action, Ok(0), |fs| {
            set_size(size.into())(fs);
            change(fs);
        })
    };
    right(truncate(5, |_| ()));
    wrong(truncate(5, reserve), "leaves 16 blocks to a file of 5 bytes");
    // A file grows into what was put aside for it.
    right(truncate(6, reserve));
}

#[test]
fn who_appends_may_stand_where_nobody_can_write() {
    let append = |at: i64| {
        let check = Check { positions: (at, at), ..Check::default() };
        check.judge(Action::Append { file: 0, size: 0, fill: b'x' }, Err(Errno::EINVAL), |_| ())
    };
    wrong(append(2), "fails with EINVAL, and there is no reason for it");
    // The patches leave an error as the position.
    right(append(-6));
}

#[test]
fn the_kernel_goes_by_what_it_showed_and_by_what_was_written() {
    let write = |kept_size| {
        let check = Check { kept_size, ..Check::default() };
        let action = Action::Write { file: 0, size: 4, fill: b'x', offset: Some(2) };
        check.judge(action, Ok(4), put(NOW, 2, b"xxxx"))
    };
    right(write(Some(6)));
    wrong(write(Some(5)), "the kernel takes the file for 5 bytes");
    let reserve = |mode, kept_size| {
        let check = Check { kept_size, ..Check::default() };
        check.judge(Action::Fallocate { file: 0, mode, offset: 0, length: 3 }, Ok(0), |_| ())
    };
    wrong(reserve(0, Some(2)), "reaches 3, and the kernel takes the file for 2 bytes");
    right(reserve(0, Some(3)));
    right(reserve(1, Some(2)));
    let stat = |is_kept: bool| {
        let tree = MemFs::from_tree(Check::default().tree).expect("a tree");
        let file = node(&tree, "/f");
        let output = Output::Stat(Box::new(tree.stat(file).expect("there")));
        let mistaken = if is_kept { Vec::new() } else { vec![file] };
        let check = Check { output, mistaken, ..Check::default() };
        check.judge(Action::Stat { path: "f".into(), follow: true }, Ok(0), |_| ())
    };
    right(stat(true));
    wrong(stat(false), "and the kernel goes by others");
}

#[test]
fn space_that_was_reserved_is_taken() {
    let reserve = |does: &dyn Fn(&mut MemFs)| {
        let action = Action::Fallocate { file: 0, mode: 0, offset: 1, length: 12_288 };
        Check::default().judge(action, Ok(0), |fs| does(fs))
    };
    right(reserve(&|fs| {
        let file = fs.open(&at(NOW), node(fs, "/f"), OpenFlags::RDWR).expect("a file");
        fs.fallocate(&at(NOW), file, FallocateMode::empty(), 1, 12_288).expect("room");
        fs.release(&at(NOW), file).expect("open");
    }));
    let longer = AttrChanges { size: Some(12_289), ..AttrChanges::default() };
    let found = reserve(&|fs| {
        fs.setattr(&at(NOW), node(fs, "/f"), longer).expect("room");
    });
    wrong(found, "reserves 16384 bytes, and the file takes 8 blocks");
}

#[test]
fn a_node_that_nobody_can_reach_is_gone_when_all_have_gone() {
    let mut fs = MemFs::from_tree("/f 'x'\n/d/g 'y'").expect("a tree");
    right(nodes_in_the_end(&fs, true));
    let root = fs.root();
    let file = fs.open(&at(NOW), node(&fs, "/f"), OpenFlags::empty()).expect("a file");
    fs.unlink(&at(NOW), root, b"f").expect("there");
    right(nodes_in_the_end(&fs, false));
    wrong(nodes_in_the_end(&fs, true), "1 nodes have no name");
    fs.release(&at(NOW), file).expect("open");
    right(nodes_in_the_end(&fs, true));
}

#[test]
fn a_path_leads_up_to_where_a_directory_is_now() {
    let mut fs = MemFs::from_tree("/p/d/x 'x'\n/q/y 'y'").expect("a tree");
    let inside = node(&fs, "/p/d");
    let led = |fs: &MemFs, path: &[u8]| {
        let start = Start { root: fs.root(), directory: Some(inside) };
        walk(fs, start, path, true).led()?.node
    };
    assert_eq!(led(&fs, b"../d/x"), Some(node(&fs, "/p/d/x")));
    assert_eq!(led(&fs, b"../../../q/y"), Some(node(&fs, "/q/y")), "there is nothing above");
    assert_eq!(led(&fs, b".."), None, "which is no name");
    let (from, to) = (node(&fs, "/p"), node(&fs, "/q"));
    fs.rename(&at(NOW), from, b"d", to, b"d", RenameFlags::empty()).expect("there");
    assert_eq!(led(&fs, b"../y"), Some(node(&fs, "/q/y")));
    assert_eq!(led(&fs, b"../d/x"), Some(node(&fs, "/q/d/x")));
}

/// Sets what the file may do, in the form of the second revision.
fn capable(fs: &mut MemFs) {
    let mut value = [0; 20];
    value[3] = 2;
    let (file, name) = (node(fs, "/f"), b"security.capability");
    fs.set_xattr(&at(NOW), file, name, &value, XattrFlags::empty()).expect("valid");
}

#[test]
fn who_changes_a_file_takes_away_what_it_may_do_and_no_other_attribute() {
    let write = || Action::Write { file: 0, size: 1, fill: b'a', offset: Some(0) };
    let chown = || Action::Chown { path: "f".into(), uid: 5, gid: u32::MAX };
    let given = |fs: &mut MemFs| {
        let changes = AttrChanges { uid: Some(Uid(5)), ..AttrChanges::default() };
        fs.setattr(&at(NOW), node(fs, "/f"), changes).expect("a file");
    };
    let tree = "/f 'hello' xattr.user.k='v'";
    let check = || Check { tree, ..Check::default() };
    right(check().judge(write(), Ok(1), put(NOW, 0, b"a")));
    right(check().judge(chown(), Ok(0), given));
    let keeps = |fs: &mut MemFs| {
        put(NOW, 0, b"a")(fs);
        capable(fs);
    };
    wrong(check().judge(write(), Ok(1), keeps), "leaves security.capability to what was changed");
    let keeps = |fs: &mut MemFs| {
        given(fs);
        capable(fs);
    };
    wrong(check().judge(chown(), Ok(0), keeps), "leaves security.capability to what was changed");
    let loses = |fs: &mut MemFs| {
        put(NOW, 0, b"a")(fs);
        fs.remove_xattr(&at(NOW), node(fs, "/f"), b"user.k").expect("there");
    };
    wrong(check().judge(write(), Ok(1), loses), "leaves none in user.k instead of '");
}

/// Gives the file to user 5 and sets its mode.
fn given(mode: u32) -> impl Fn(&mut MemFs) {
    move |fs| {
        let owner = AttrChanges { uid: Some(Uid(5)), ..AttrChanges::default() };
        fs.setattr(&at(NOW), node(fs, "/f"), owner).expect("a file");
        let mode = AttrChanges { permissions: Some(mode), ..AttrChanges::default() };
        fs.setattr(&at(NOW), node(fs, "/f"), mode).expect("a file");
    }
}

#[test]
fn setgid_goes_with_the_owner_of_a_program_alone() {
    let chown = |tree: &'static str, mode| {
        let action = Action::Chown { path: "f".into(), uid: 5, gid: u32::MAX };
        Check { tree, ..Check::default() }.judge(action, Ok(0), given(mode))
    };
    right(chown("/f mode=2755 'x'", 0o755));
    right(chown("/f mode=2644 'x'", 0o2644));
    wrong(chown("/f mode=2644 'x'", 0o644), "takes setgid from the mode 2644");
}

#[test]
fn what_takes_bytes_away_changes_the_contents() {
    let punch = |mode: u32, now| {
        let action = Action::Fallocate { file: 0, mode, offset: 1, length: 2 };
        let mode = FallocateMode::from_bits_retain(mode);
        Check::default().judge(action, Ok(0), move |fs| {
            let file = fs.open(&at(now), node(fs, "/f"), OpenFlags::RDWR).expect("a file");
            fs.fallocate(&at(now), file, mode, 1, 2).expect("room");
            fs.release(&at(now), file).expect("open");
        })
    };
    let hole = (FallocateMode::PUNCH_HOLE | FallocateMode::KEEP_SIZE).bits();
    right(punch(hole, NOW));
    wrong(punch(hole, LATER), "does not move the ctime");
    // Room within the length is none that anybody reads.
    right(punch(0, LATER));
}

#[test]
fn a_block_is_free_or_some_file_has_it() {
    let mut fs = MemFs::from_tree("/f 'x'\n/d/g 'y'").expect("a tree");
    right(nodes_in_the_end(&fs, true));
    let stat = fs.stat(node(&fs, "/f")).expect("there");
    let shown = fs.statfs(&at(NOW), fs.root()).expect("there");
    let lost = StatFs { bfree: shown.bfree - stat.blocks / 8, ..shown };
    wrong(blocks_in_the_end(&fs, Some(&lost)), "blocks are free, and 2 are used");
}
