//! Everything that must hold of the tables after every operation.

use std::collections::BTreeMap;

use fuserig_abi::{FileKind, Ino};

use crate::mem::{
    fs::MemFs,
    inode::Body,
    page::{PAGE_U64, Page},
};

pub(crate) fn audit(fs: &MemFs) {
    let mut names: BTreeMap<Ino, u32> = BTreeMap::new();
    let mut subdirectories: BTreeMap<Ino, u32> = BTreeMap::new();
    let (mut pages, mut inodes) = (0, 0);
    for (number, inode) in fs.inodes.iter() {
        let ino = Ino(number);
        pages += inode.pages();
        let further_links = if inode.is_directory() { 0 } else { inode.nlink.saturating_sub(1) };
        inodes += 1 + u64::from(further_links);
        assert_eq!(inode.contribution, inode.contribution(), "contribution of {ino}");
        let opens = fs.handles.iter().filter(|(_, handle)| handle.ino == ino).count();
        assert_eq!(inode.opens as usize, opens, "open handles of {ino}");
        assert!(inode.nlink > 0 || opens > 0 || inode.referenced, "{ino} is a leak");
        match &inode.body {
            Body::Regular(contents) => {
                assert_eq!(contents.allocated(), contents.digest_from_scratch().1);
                assert_eq!(contents.digest(), contents.digest_from_scratch().0, "data of {ino}");
                for (index, page) in contents.pages() {
                    if let Page::Data(data) = page {
                        let start = index * PAGE_U64;
                        assert!(start < inode.size, "{ino} has data behind its end");
                        let inside = (inode.size - start).min(data.bytes().len() as u64) as usize;
                        let behind = &data.bytes()[inside..];
                        assert!(behind.iter().all(|byte| *byte == 0), "{ino} has dirt at its end");
                    }
                }
            }
            Body::Directory(directory) => {
                assert_eq!(directory.count(), directory.entries().count() as u64);
                for entry in directory.entries() {
                    assert_eq!(directory.get(&entry.name).map(|found| found.ino), Some(entry.ino));
                    let at = directory.at(entry.position).map(|found| &*found.name);
                    assert_eq!(at, Some(&*entry.name), "position {}", entry.position);
                    let child = fs.inode(entry.ino).expect("a name always has a node");
                    assert_eq!(child.kind, entry.kind);
                    *names.entry(entry.ino).or_default() += 1;
                    if let Some(below) = child.directory() {
                        assert_eq!(below.parent, ino, "parent of {}", entry.ino);
                        *subdirectories.entry(ino).or_default() += 1;
                    }
                }
            }
            Body::Symlink(_) | Body::Special => {}
        }
    }
    for (number, inode) in fs.inodes.iter() {
        let ino = Ino(number);
        let named = names.get(&ino).copied().unwrap_or(0);
        let is_root = ino == fs.options.root_ino;
        let expected = match inode.kind {
            FileKind::Directory if named == 1 || is_root => {
                2 + subdirectories.get(&ino).copied().unwrap_or(0)
            }
            FileKind::Directory => 0,
            _ => named,
        };
        assert_eq!(inode.nlink, expected, "nlink of {ino}");
    }
    assert_eq!(fs.pages_used, pages, "pages in use");
    assert_eq!(fs.inodes_used, inodes, "inodes in use");
    assert_eq!(fs.digest(), fs.digest_from_scratch(), "digest");
}
