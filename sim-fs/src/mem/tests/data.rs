//! Holes, allocation and access times.

use fuserig_abi::Errno;

use super::{ROOT, audit::audit, root_at, tree};
use crate::{
    AtimePolicy, FallocateMode, FallocateProfile, LowerExt, MemFs, MemFsOptions, OpenFlags, Whence,
};

const ALLOCATE: FallocateMode = FallocateMode::empty();
const KEEP: FallocateMode = FallocateMode::KEEP_SIZE;
const PUNCH: FallocateMode = FallocateMode::KEEP_SIZE.union(FallocateMode::PUNCH_HOLE);
const ZERO: FallocateMode = FallocateMode::ZERO_RANGE;
const COLLAPSE: FallocateMode = FallocateMode::COLLAPSE_RANGE;
const INSERT: FallocateMode = FallocateMode::INSERT_RANGE;

/// Does one `fallocate` on a file given as tree text and compares the text afterwards.
fn check(before: &str, mode: FallocateMode, offset: u64, length: u64, after: Result<&str, Errno>) {
    let mut fs = tree(&format!("/f {before}"));
    let caller = root_at(0);
    let node = fs.lookup(&caller, ROOT, b"f").unwrap().ino;
    let fh = fs.open(&caller, node, OpenFlags::RDWR).unwrap();
    let result = fs.fallocate(&caller, fh, mode, offset, length);
    let text = fs.to_tree();
    let text = text.trim_end().strip_prefix("/f").unwrap_or_default().trim_start();
    assert_eq!(result.map(|()| text), after, "{before} {mode:?} {offset} {length}");
    audit(&fs);
}

#[test]
fn allocation_reserves_pages_and_may_grow_the_file() {
    check("", ALLOCATE, 0, 10, Ok("size=10 alloc=0+4096"));
    check("'abc'", ALLOCATE, 4095, 2, Ok("'abc' size=4097 alloc=4096+4096"));
    check("'abc'", KEEP, 0, 8193, Ok("'abc' alloc=4096+8192"));
    check("'abc'", ALLOCATE, 0, 0, Err(Errno::EINVAL));
    check("'abc'", ALLOCATE, 1 << 63, 1, Err(Errno::EINVAL));
    check("'abc'", ALLOCATE, (1 << 63) - 1, 1, Err(Errno::EFBIG));
    check("'abc'", FallocateMode::PUNCH_HOLE, 0, 1, Err(Errno::EOPNOTSUPP));
    check("'abc'", PUNCH | ZERO, 0, 1, Err(Errno::EOPNOTSUPP));
    check("'abc'", KEEP | COLLAPSE, 0, 4096, Err(Errno::EOPNOTSUPP));
    check("'abc'", FallocateMode::from_bits_retain(0x40), 0, 1, Err(Errno::EOPNOTSUPP));
}

#[test]
fn a_hole_frees_whole_pages_and_zeroes_the_edges() {
    let three = "'a' @4096 'b' @8192 'c'";
    check(three, PUNCH, 4096, 4096, Ok("'a' @8192 'c'"));
    check(three, PUNCH, 4097, 4096, Ok("'a' @4096 'b' @8192 '\\x00'"));
    check(three, PUNCH, 1, 8191, Ok("'a' @8192 'c'"));
    check(three, PUNCH, 0, 1 << 40, Ok("size=8193"));
    check(three, PUNCH, 0, 8193, Ok("@8192 '\\x00'"));
    check("'abcdef'", PUNCH, 2, 2, Ok("'ab\\x00\\x00ef'"));
    check("size=9 alloc=0+8192", PUNCH, 1, 4096, Ok("size=9 alloc=0+8192"));
}

#[test]
fn zeroing_keeps_the_space() {
    let three = "'a' @4096 'b' @8192 'c'";
    check(three, ZERO, 4096, 4096, Ok("'a' @8192 'c' alloc=4096+4096"));
    check(three, ZERO, 4096, 8192, Ok("'a' size=12288 alloc=4096+8192"));
    check(three, ZERO | KEEP, 8193, 8192, Ok("'a' @4096 'b' @8192 'c' alloc=12288+8192"));
}

#[test]
fn ranges_collapse_and_open_up_in_whole_blocks() {
    let three = "'a' @4096 'b' @8192 'c'";
    check(three, COLLAPSE, 0, 4096, Ok("'b' @4096 'c'"));
    check(three, COLLAPSE, 4096, 4096, Ok("'a' @4096 'c'"));
    check(three, COLLAPSE, 4096, 8192, Err(Errno::EINVAL));
    check(three, COLLAPSE, 1, 4096, Err(Errno::EINVAL));
    check(three, COLLAPSE, 0, 1, Err(Errno::EINVAL));
    check(three, INSERT, 4096, 8192, Ok("'a' @12288 'b' @16384 'c'"));
    check(three, INSERT, 0, 4096, Ok("@4096 'a' @8192 'b' @12288 'c'"));
    check(three, INSERT, 12_288, 4096, Err(Errno::EINVAL));
    check(three, INSERT, 0, (1 << 63) - 4096, Err(Errno::EFBIG));
    check(three, INSERT, 0, 5, Err(Errno::EINVAL));
}

#[test]
fn the_tmpfs_profile_knows_allocation_and_holes_only() {
    let fallocate = FallocateProfile::Tmpfs;
    let mut fs = MemFs::new(MemFsOptions { fallocate, ..MemFsOptions::default() });
    let caller = root_at(0);
    let (_, fh) = fs.create_open(&caller, ROOT, b"f", 0o644, OpenFlags::RDWR).unwrap();
    fs.write(&caller, fh, 0, &[1; 10_000]).unwrap();
    for (mode, expected) in [
        (ALLOCATE, Ok(())),
        (KEEP, Ok(())),
        (PUNCH, Ok(())),
        (ZERO, Err(Errno::EOPNOTSUPP)),
        (COLLAPSE, Err(Errno::EOPNOTSUPP)),
        (INSERT, Err(Errno::EOPNOTSUPP)),
    ] {
        assert_eq!(fs.fallocate(&caller, fh, mode, 0, 4096), expected, "{mode:?}");
    }
}

#[test]
fn seek_finds_data_and_holes_by_pages() {
    let mut fs = tree("/f size=20000 @4096 'x' @12288 'y' alloc=8192+4096");
    let caller = root_at(0);
    let node = fs.lookup(&caller, ROOT, b"f").unwrap().ino;
    let fh = fs.open(&caller, node, OpenFlags::empty()).unwrap();
    let mut check = |offset, whence, expected: Result<u64, Errno>| {
        assert_eq!(fs.seek(&caller, fh, offset, whence, 100), expected, "{offset} {whence:?}");
    };
    check(0, Whence::Data, Ok(4096));
    check(5000, Whence::Data, Ok(5000));
    check(8192, Whence::Data, Ok(12_288));
    check(16_384, Whence::Data, Err(Errno::ENXIO));
    check(0, Whence::Hole, Ok(0));
    check(4096, Whence::Hole, Ok(8192));
    check(13_000, Whence::Hole, Ok(16_384));
    check(20_000, Whence::Hole, Err(Errno::ENXIO));
    check(-1, Whence::Data, Err(Errno::ENXIO));
    check(5, Whence::Set, Ok(5));
    check(5, Whence::Cur, Ok(105));
    check(5, Whence::End, Ok(20_005));
    check(-1, Whence::Set, Err(Errno::EINVAL));
    check(i64::MAX, Whence::Cur, Err(Errno::EINVAL));
}

#[test]
fn truncation_gives_space_back_and_leaves_no_bytes_behind() {
    let caller = root_at(0);
    let mut fs = tree("/f 'abcdef' alloc=4096+8192");
    let node = fs.lookup(&caller, ROOT, b"f").unwrap().ino;
    let mut check = |size, expected: &str| {
        let changes = crate::AttrChanges { size: Some(size), ..Default::default() };
        fs.setattr(&caller, node, changes).unwrap();
        assert_eq!(fs.to_tree().trim_end(), expected);
    };
    check(10_000, "/f 'abcdef' size=10000 alloc=4096+8192");
    check(10_000, "/f 'abcdef' size=10000 alloc=4096+8192");
    check(4097, "/f 'abcdef' size=4097 alloc=4096+4096");
    check(3, "/f 'abc'");
    check(6, "/f 'abc' size=6");
    check(0, "/f");
}

#[test]
fn reads_move_access_times_as_the_policy_says() {
    let check = |atime, flags: OpenFlags, expected: [i64; 3]| {
        let mut fs = MemFs::new(MemFsOptions { atime, ..MemFsOptions::default() });
        let stat = fs.create(&root_at(10), ROOT, b"f", 0o644).unwrap();
        let fh = fs.open(&root_at(10), stat.ino, flags).unwrap();
        // In the second of the creation, a second later, and a day after that.
        let found = [20, 21, 20 + 86_400].map(|now| {
            fs.read(&root_at(now), fh, 0, 1).unwrap();
            fs.getattr(&root_at(now), stat.ino).unwrap().atime.sec
        });
        assert_eq!(found, expected, "{atime:?} {flags:?}");
    };
    check(AtimePolicy::Relatime, OpenFlags::empty(), [20, 20, 20 + 86_400]);
    check(AtimePolicy::Strictatime, OpenFlags::empty(), [20, 21, 20 + 86_400]);
    check(AtimePolicy::Noatime, OpenFlags::empty(), [10, 10, 10]);
    check(AtimePolicy::Strictatime, OpenFlags::NOATIME, [10, 10, 10]);
}

#[test]
fn locks_end_with_the_handle_and_with_the_owner() {
    use crate::{Lock, LockKind, Lower, LowerFh, LowerOp, LowerReply};
    let caller = root_at(0);
    let mut fs = tree("/f 'x'");
    let node = fs.lookup(&caller, ROOT, b"f").unwrap().ino;
    let [one, two] = [(); 2].map(|()| fs.open(&caller, node, OpenFlags::RDWR).unwrap());
    let lock = |owner| Lock { kind: LockKind::Write, owner, start: 0, end: 9 };
    let set = |fs: &mut MemFs, fh: LowerFh, owner| {
        fs.apply(&caller, &LowerOp::SetLock { fh, lock: lock(owner) }).map(|_| ())
    };
    assert_eq!(set(&mut fs, one, 1), Ok(()));
    assert_eq!(set(&mut fs, two, 2), Err(Errno::EAGAIN));
    let held = fs.apply(&caller, &LowerOp::GetLock { fh: two, lock: lock(2) });
    assert_eq!(held, Ok(LowerReply::Lock(lock(1))));
    fs.apply(&caller, &LowerOp::Flush { fh: two, owner: 1 }).unwrap();
    assert_eq!(set(&mut fs, two, 2), Ok(()), "the owner closed another descriptor");
    assert_eq!(set(&mut fs, one, 1), Err(Errno::EAGAIN));
    fs.release(&caller, two).unwrap();
    assert_eq!(set(&mut fs, one, 1), Ok(()), "the handle took its locks along");
    fs.release(&caller, one).unwrap();
    assert_eq!(fs.locks.iter().count(), 0);
}
