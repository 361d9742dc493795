//! How long nodes live, and what limits do.

use fuserig_abi::{Errno, Ino};

use super::{ROOT, audit::audit, root_at, tree};
use crate::{LowerExt, MemFs, MemFsOptions, OpenFlags, RenameFlags};

#[test]
fn an_unlinked_node_lives_until_it_is_forgotten_and_released() {
    for forget_first in [true, false] {
        let caller = root_at(0);
        let mut fs = MemFs::default();
        let (stat, fh) = fs.create_open(&caller, ROOT, b"f", 0o644, OpenFlags::RDWR).unwrap();
        fs.write(&caller, fh, 0, b"kept").unwrap();
        fs.unlink(&caller, ROOT, b"f").unwrap();
        assert_eq!(fs.getattr(&caller, stat.ino).unwrap().nlink, 0);
        assert_eq!(fs.read(&caller, fh, 0, 9).unwrap(), b"kept");
        let last = |first: bool, fs: &mut MemFs| {
            if first == forget_first {
                fs.forget(&caller, stat.ino).unwrap();
            } else {
                fs.release(&caller, fh).unwrap();
            }
        };
        last(true, &mut fs);
        assert_eq!(fs.node_count(), 2);
        last(false, &mut fs);
        assert_eq!((fs.node_count(), fs.pages_used), (1, 0));
        assert_eq!(fs.getattr(&caller, stat.ino), Err(Errno::ESTALE));
        assert_eq!(fs.read(&caller, fh, 0, 9), Err(Errno::EBADF));
    }
}

#[test]
fn a_node_that_nobody_knows_goes_with_its_last_name() {
    let caller = root_at(0);
    let mut fs = tree("/a 'x'\n/b = /a\n/c\n/d/");
    fs.unlink(&caller, ROOT, b"a").unwrap();
    assert_eq!(fs.node_count(), 4);
    fs.unlink(&caller, ROOT, b"b").unwrap();
    fs.rename(&caller, ROOT, b"c", ROOT, b"e", RenameFlags::empty()).unwrap();
    fs.rmdir(&caller, ROOT, b"d").unwrap();
    assert_eq!(fs.node_count(), 2);
    // A lookup after a forget makes the number known again.
    let e = fs.lookup(&caller, ROOT, b"e").unwrap().ino;
    fs.forget(&caller, e).unwrap();
    fs.lookup(&caller, ROOT, b"e").unwrap();
    fs.unlink(&caller, ROOT, b"e").unwrap();
    assert_eq!(fs.node_count(), 2);
    fs.forget(&caller, e).unwrap();
    assert_eq!(fs.node_count(), 1);
    audit(&fs);
}

#[test]
fn a_temporary_file_may_get_a_name_unless_it_is_exclusive() {
    let caller = root_at(0);
    let mut fs = MemFs::default();
    let (free, _) = fs.tmpfile(&caller, ROOT, 0o600, OpenFlags::RDWR).unwrap();
    let flags = OpenFlags::RDWR | OpenFlags::EXCL;
    let (bound, _) = fs.tmpfile(&caller, ROOT, 0o600, flags).unwrap();
    assert_eq!((free.nlink, bound.nlink), (0, 0));
    assert_eq!(fs.link(&caller, bound.ino, ROOT, b"b"), Err(Errno::ENOENT));
    assert_eq!(fs.link(&caller, free.ino, ROOT, b"f").unwrap().nlink, 1);
    fs.unlink(&caller, ROOT, b"f").unwrap();
    assert_eq!(fs.link(&caller, free.ino, ROOT, b"f"), Err(Errno::ENOENT));
}

#[test]
fn limits_are_errnos_and_cost_nothing() {
    let caller = root_at(0);
    let options = MemFsOptions { inodes_max: 3, links_max: 3, ..MemFsOptions::default() };
    let mut fs = MemFs::new(options);
    fs.create(&caller, ROOT, b"a", 0o644).unwrap();
    fs.link(&caller, Ino(2), ROOT, b"b").unwrap();
    let before = fs.digest();
    // Every further link counts as an inode, as on tmpfs.
    assert_eq!(fs.link(&caller, Ino(2), ROOT, b"c"), Err(Errno::ENOSPC));
    assert_eq!(fs.create(&caller, ROOT, b"c", 0o644), Err(Errno::ENOSPC));
    assert_eq!(fs.mkdir(&caller, ROOT, b"c", 0o755), Err(Errno::ENOSPC));
    let whiteout = RenameFlags::WHITEOUT;
    assert_eq!(fs.rename(&caller, ROOT, b"a", ROOT, b"c", whiteout), Err(Errno::ENOSPC));
    assert_eq!(fs.digest(), before);
    let statfs = fs.statfs(&caller, ROOT).unwrap();
    assert_eq!((statfs.files, statfs.ffree), (3, 0));
    fs.unlink(&caller, ROOT, b"b").unwrap();
    fs.mkdir(&caller, ROOT, b"d", 0o755).unwrap();
    assert_eq!(fs.mkdir(&caller, ROOT, b"e", 0o755), Err(Errno::EMLINK));
}

#[test]
fn space_is_counted_in_pages_and_given_back() {
    let caller = root_at(0);
    let options = MemFsOptions { capacity_bytes: 4 * 4096 + 1, ..MemFsOptions::default() };
    let mut fs = MemFs::new(options);
    let (_, fh) = fs.create_open(&caller, ROOT, b"f", 0o644, OpenFlags::RDWR).unwrap();
    let free = |fs: &mut MemFs| fs.statfs(&root_at(0), ROOT).unwrap().bfree;
    assert_eq!(free(&mut fs), 4);
    assert_eq!(fs.write(&caller, fh, 4095, b"xy"), Ok(2));
    assert_eq!(free(&mut fs), 2);
    assert_eq!(fs.write(&caller, fh, 8192, &[1; 3 * 4096]), Ok(8192), "what fits is written");
    assert_eq!(fs.write(&caller, fh, 1 << 20, b"x"), Err(Errno::ENOSPC));
    assert_eq!(fs.write(&caller, fh, 0, &[2; 4096]), Ok(4096), "no new page is needed");
    let long = [b'x'; 128];
    assert_eq!(fs.symlink(&caller, ROOT, b"s", &long), Err(Errno::ENOSPC));
    assert_eq!(fs.symlink(&caller, ROOT, b"s", &long[1..]).map(|stat| stat.blocks), Ok(0));
    let mode = crate::FallocateMode::empty();
    assert_eq!(fs.fallocate(&caller, fh, mode, 0, 1 << 60), Err(Errno::ENOSPC));
    fs.release(&caller, fh).unwrap();
    fs.unlink(&caller, ROOT, b"f").unwrap();
    assert_eq!(free(&mut fs), 0, "the number is still known");
    fs.forget(&caller, Ino(2)).unwrap();
    assert_eq!(free(&mut fs), 4);
}

#[test]
fn a_fork_and_its_origin_go_their_own_ways() {
    let caller = root_at(3);
    let fs = tree("/d/a 'one'\n/d/b 'two'");
    let mut fork = fs.clone();
    let d = fork.lookup(&caller, ROOT, b"d").unwrap().ino;
    let a = fork.lookup(&caller, d, b"a").unwrap().ino;
    let fh = fork.open(&caller, a, OpenFlags::WRONLY).unwrap();
    fork.write(&caller, fh, 0, b"ONE").unwrap();
    fork.unlink(&caller, d, b"b").unwrap();
    assert_eq!(fs.to_tree(), "/d/\n/d/a 'one'\n/d/b 'two'\n");
    assert_eq!(fork.to_tree(), "/d/ mtime=3\n/d/a mtime=3 'ONE'\n");
    assert_eq!(fs.digest(), fs.digest_from_scratch());
    assert_ne!(fs.digest(), fork.digest());
}

#[test]
fn forks_may_go_to_other_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<MemFs>();
}
