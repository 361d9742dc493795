//! Listing order, positions, inode numbers and sizes, as observed on tmpfs of Linux 6.12 and 6.18.

use fuserig_abi::{Errno, FileKind, Ino};

use super::{ROOT, root_at, tree};
use crate::{LowerExt, LowerFh, MemFs, OpenFlags, RenameFlags};

fn open(fs: &mut MemFs, node: Ino) -> LowerFh {
    fs.open(&root_at(0), node, OpenFlags::DIRECTORY).expect("the super-user opens directories")
}

/// A listing as `name@position`, with the end position in the last place.
fn listing(fs: &mut MemFs, node: Ino, from: u64) -> String {
    let fh = open(fs, node);
    let (entries, end) = fs.read_dir(&root_at(0), fh, from, usize::MAX).unwrap();
    let text = |entry: &crate::DirEntry| {
        format!("{}@{} ", String::from_utf8_lossy(&entry.name), entry.position)
    };
    entries.iter().map(text).collect::<String>() + &end.to_string()
}

fn rename(fs: &mut MemFs, name: &str, new_name: &str, flags: RenameFlags) {
    let (name, new_name) = (name.as_bytes(), new_name.as_bytes());
    fs.rename(&root_at(0), ROOT, name, ROOT, new_name, flags).expect("the fixture allows it");
}

/// Runs renames in a directory with the files a to e, and compares the listing without the dots.
fn check(renames: &[(&str, &str, RenameFlags)], expected: &str) {
    let mut fs = tree("/a\n/b\n/c\n/d\n/e");
    for (name, new_name, flags) in renames {
        rename(&mut fs, name, new_name, *flags);
    }
    let found = listing(&mut fs, ROOT, 2);
    assert_eq!(found, format!("{expected} 2147483647"), "{renames:?}");
}

const PLAIN: RenameFlags = RenameFlags::empty();

#[test]
fn renames_move_names_in_the_listing() {
    check(&[], "e@7 d@6 c@5 b@4 a@3");
    check(&[("a", "z", PLAIN)], "z@8 e@7 d@6 c@5 b@4");
    check(&[("b", "d", PLAIN)], "d@6 e@7 c@5 a@3");
    check(&[("c", "e", RenameFlags::EXCHANGE)], "e@7 c@5 d@6 b@4 a@3");
    check(&[("a", "y", RenameFlags::WHITEOUT)], "y@8 a@9 e@7 d@6 c@5 b@4");
    check(&[("a", "b", RenameFlags::WHITEOUT)], "b@4 a@8 e@7 d@6 c@5");
    check(&[("a", "a", RenameFlags::EXCHANGE)], "e@7 d@6 c@5 b@4 a@3");
    let twice = ("a", "b", RenameFlags::EXCHANGE);
    check(&[twice, twice], "b@4 a@3 e@7 d@6 c@5");
}

#[test]
fn an_exchange_puts_the_source_node_first() {
    let mut fs = tree("/a\n/b");
    rename(&mut fs, "a", "b", RenameFlags::EXCHANGE);
    let fh = open(&mut fs, ROOT);
    let (entries, _) = fs.read_dir(&root_at(0), fh, 2, 9).unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry.ino).collect();
    assert_eq!(numbers, [Ino(2), Ino(3)]);
}

#[test]
fn a_listing_goes_on_where_it_stopped() {
    let mut fs = tree("/a\n/b\n/c");
    let check = |fs: &mut MemFs, from, expected: &str| {
        assert_eq!(listing(fs, ROOT, from), expected, "from {from}");
    };
    check(&mut fs, 0, ".@0 ..@1 c@5 b@4 a@3 2147483647");
    check(&mut fs, 1, "..@1 c@5 b@4 a@3 2147483647");
    check(&mut fs, 2, "c@5 b@4 a@3 2147483647");
    check(&mut fs, 4, "b@4 a@3 2147483647");
    check(&mut fs, 6, "c@5 b@4 a@3 2147483647");
    check(&mut fs, 2_147_483_647, "2147483647");
    fs.unlink(&root_at(0), ROOT, b"b").unwrap();
    check(&mut fs, 4, "a@3 2147483647");
    fs.unlink(&root_at(0), ROOT, b"a").unwrap();
    // With nothing at or below the position, Linux starts over.
    check(&mut fs, 4, "c@5 2147483647");
    fs.unlink(&root_at(0), ROOT, b"c").unwrap();
    check(&mut fs, 4, "2147483647");
    check(&mut fs, 1, "..@1 2147483647");
}

#[test]
fn each_part_of_a_listing_ends_at_the_next_record() {
    let mut fs = tree("/a\n/b");
    let fh = open(&mut fs, ROOT);
    let mut ends = Vec::new();
    let mut position = 0;
    while position != 2_147_483_647 {
        let (entries, end) = fs.read_dir(&root_at(0), fh, position, 1).unwrap();
        assert_eq!((entries.len(), entries[0].position), (1, position));
        ends.push(end);
        position = end;
    }
    assert_eq!(ends, [1, 4, 3, 2_147_483_647]);
    assert_eq!(fs.read_dir(&root_at(0), fh, 0, 0).unwrap().0.len(), 1);
}

#[test]
fn a_removed_directory_lists_nothing() {
    let mut fs = tree("/d/");
    let node = fs.lookup(&root_at(0), ROOT, b"d").unwrap().ino;
    let fh = open(&mut fs, node);
    fs.rmdir(&root_at(0), ROOT, b"d").unwrap();
    assert_eq!(fs.read_dir(&root_at(0), fh, 0, 9), Err(Errno::ENOENT));
    assert_eq!(fs.create(&root_at(0), node, b"x", 0o644), Err(Errno::ENOENT));
    assert_eq!(fs.getattr(&root_at(0), node).unwrap().nlink, 0);
    assert_eq!(fs.parent(&root_at(0), node).unwrap().ino, ROOT);
}

#[test]
fn numbers_count_up_from_the_root_and_are_not_used_again() {
    let caller = root_at(0);
    let mut fs = MemFs::default();
    let made = [
        fs.create(&caller, ROOT, b"a", 0o644).unwrap().ino,
        fs.mkdir(&caller, ROOT, b"b", 0o755).unwrap().ino,
        fs.link(&caller, Ino(2), ROOT, b"c").unwrap().ino,
        fs.symlink(&caller, ROOT, b"d", b"a").unwrap().ino,
        fs.tmpfile(&caller, ROOT, 0o600, OpenFlags::RDWR).unwrap().0.ino,
    ];
    assert_eq!(made, [Ino(2), Ino(3), Ino(2), Ino(4), Ino(5)]);
    fs.unlink(&caller, ROOT, b"d").unwrap();
    fs.forget(&caller, Ino(4)).unwrap();
    assert_eq!(fs.create(&caller, ROOT, b"e", 0o644).unwrap().ino, Ino(6));
    assert_eq!(fs.getattr(&caller, Ino(4)), Err(Errno::ESTALE));
}

#[test]
fn sizes_and_blocks_are_those_of_tmpfs() {
    let long = "x".repeat(127);
    let text = format!("/d/\n/d/e/\n/f 'x'\n/g @8192 'x'\n/s -> {long}\n/t -> {long}y\n/n c 1:3");
    let rows: Vec<_> = tree(&text)
        .walk()
        .map(|entry| {
            let stat = entry.stat;
            (String::from_utf8_lossy(&entry.path).into_owned(), stat.size, stat.blocks, stat.nlink)
        })
        .collect();
    let row = |path: &str, size, blocks, nlink| (path.to_owned(), size, blocks, nlink);
    let expected = [
        row("/", 160, 0, 3),
        row("/d", 60, 0, 3),
        row("/d/e", 40, 0, 2),
        row("/f", 1, 8, 1),
        row("/g", 8193, 8, 1),
        row("/n", 0, 0, 1),
        row("/s", 127, 0, 1),
        row("/t", 128, 8, 1),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_whiteout_is_a_device_without_permissions() {
    let mut fs = tree("/a 'x'");
    rename(&mut fs, "a", "b", RenameFlags::WHITEOUT);
    let whiteout = fs.lookup(&root_at(0), ROOT, b"a").unwrap();
    assert_eq!((whiteout.ino, whiteout.kind), (Ino(3), FileKind::CharDevice));
    assert_eq!((whiteout.permissions, whiteout.rdev.encode()), (0, 0));
}
