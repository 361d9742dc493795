//! What no crash makes: a file that is longer than it ever was, a link count that is not the number
//! of names, and room that is taken by nothing. A filesystem that was not unmounted counts again
//! before it is used.

use std::collections::BTreeMap;

use fuserig_abi::{FileKind, Ino};
use fuserig_sim_fs::{MemFs, WalkEntry};

/// Bytes of the blocks that `stat` counts.
const SECTOR: u64 = 512;

/// How long each file was at most.
#[derive(Clone, Debug, Default)]
pub(super) struct Lengths(BTreeMap<Ino, u64>);

impl Lengths {
    /// Files are as long as they are there; some have no name any more.
    pub(super) fn note(&mut self, fs: &MemFs) {
        for (node, most) in &mut self.0 {
            *most = fs.stat(*node).map_or(0, |stat| stat.size).max(*most);
        }
        for entry in fs.walk().filter(|entry| entry.stat.kind == FileKind::Regular) {
            self.0.entry(entry.stat.ino).or_insert(entry.stat.size);
        }
    }

    /// Nobody knows how long they were between two calls at the same time.
    pub(super) fn forget(&mut self) {
        self.0.values_mut().for_each(|most| *most = u64::MAX);
    }

    /// A file that is longer than it ever was, and how long that was.
    pub(super) fn beyond(&self, recovered: &MemFs) -> Option<String> {
        let mut files = recovered.walk().filter(|entry| entry.stat.kind == FileKind::Regular);
        files.find_map(|entry| {
            let most = self.0.get(&entry.stat.ino)?;
            let (path, size) = (entry.path.escape_ascii(), entry.stat.size);
            (size > *most)
                .then(|| format!("{path} has {size} bytes after the crash, and had {most} at most"))
        })
    }
}

/// A node whose link count is not the number of its names; of a directory, of its own two and of
/// those that its directories have for it.
pub(super) fn miscounted(recovered: &MemFs) -> Option<String> {
    counted_wrongly(&recovered.walk().collect::<Vec<_>>())
}

fn counted_wrongly(entries: &[WalkEntry]) -> Option<String> {
    let paths: BTreeMap<&[u8], Ino> =
        entries.iter().map(|entry| (&entry.path[..], entry.stat.ino)).collect();
    let mut links = BTreeMap::<Ino, u32>::new();
    for entry in entries {
        let is_directory = entry.stat.kind == FileKind::Directory;
        *links.entry(entry.stat.ino).or_default() += 1 + u32::from(is_directory);
        let slash = entry.path.iter().rposition(|byte| *byte == b'/');
        let parent = slash.and_then(|slash| paths.get(&entry.path[..slash.max(1)]));
        if let Some(parent) = parent.filter(|_| is_directory && entry.path.len() > 1) {
            *links.entry(*parent).or_default() += 1;
        }
    }
    entries.iter().find_map(|entry| {
        let (names, shown) = (links[&entry.stat.ino], entry.stat.nlink);
        let path = entry.path.escape_ascii();
        let message = || format!("{path} has a link count of {shown} after the crash, and {names}");
        (names != shown).then(message)
    })
}

/// Room that is not free although nothing has it, or is free although something has it, where it
/// was as it should be at the start: each name takes an inode, and each node its blocks.
pub(super) fn misjudged_room(initial: &MemFs, recovered: &MemFs) -> Option<String> {
    let (was, is) = (unexplained(initial), unexplained(recovered));
    let said = |what, beyond: i128| {
        let (more, count) = (if beyond > 0 { "more" } else { "fewer" }, beyond.abs());
        Some(format!("after the crash {more} {what}, by {count}"))
    };
    match (is.0 - was.0, is.1 - was.1) {
        (0, 0) => None,
        (0, pages) => said("pages are taken than the files have", pages),
        (inodes, _) => said("inodes are taken than there are names", inodes),
    }
}

/// Inodes and pages that are taken beyond those of what can be found.
fn unexplained(fs: &MemFs) -> (i128, i128) {
    let (mut names, mut sectors) = (0, BTreeMap::new());
    for entry in fs.walk() {
        names += 1;
        sectors.insert(entry.stat.ino, entry.stat.blocks);
    }
    let room = fs.room();
    let found = sectors.values().sum::<u64>() * SECTOR / u64::from(room.frsize);
    let beyond =
        |all: u64, free: u64, found: u64| i128::from(all) - i128::from(free) - i128::from(found);
    (beyond(room.files, room.ffree, names), beyond(room.blocks, room.bfree, found))
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Caller, Credentials, Pid, Timespec};
    use fuserig_sim_fs::{Lower, LowerExt, MemFs, OpenFlags, WalkEntry};

    use super::{Lengths, counted_wrongly, miscounted, misjudged_room, unexplained};

    fn tree(text: &str) -> MemFs {
        MemFs::from_tree(text).expect("the tree is well-formed")
    }

    #[test]
    fn links_are_counted_as_they_are() {
        let fs = tree("/a 'x'\n/b = /a\n/d/\n/d/e/\n/d/e/f 'y'\n/l -> a");
        assert_eq!(miscounted(&fs), None);
        let entries: Vec<WalkEntry> = fs.walk().collect();
        for place in 0..entries.len() {
            let mut wrong = entries.clone();
            wrong[place].stat.nlink += 1;
            let message = counted_wrongly(&wrong).expect("it is wrong");
            assert!(message.contains("link count"), "{message}");
        }
    }

    #[test]
    fn a_file_is_not_longer_than_it_ever_was() {
        let mut lengths = Lengths::default();
        lengths.note(&tree("/a 'long'"));
        lengths.note(&tree("/a 'x'"));
        assert_eq!(lengths.beyond(&tree("/a 'four'")), None);
        let message = lengths.beyond(&tree("/a 'longer'")).expect("it is longer");
        assert_eq!(message, "/a has 6 bytes after the crash, and had 4 at most");
        lengths.forget();
        assert_eq!(lengths.beyond(&tree("/a 'longer'")), None);
    }

    #[test]
    fn every_name_takes_an_inode_and_every_node_its_blocks() {
        let one = tree("/a 'x'\n/b = /a\n/d/\n/d/e 'y'\n/l -> a");
        assert_eq!(misjudged_room(&MemFs::default(), &one), None);
        assert_eq!(unexplained(&one), (0, 0), "so that nothing hides behind a difference");
        // A file that is open and has no name any more takes both.
        let mut nameless = tree("/a 'x'");
        let caller = Caller::new(Credentials::root(), Pid(1), Timespec::default());
        let root = nameless.root();
        let node = nameless.find(b"/a").expect("it is there").ino;
        nameless.open(&caller, node, OpenFlags::empty()).expect("it opens");
        nameless.unlink(&caller, root, b"a").expect("it goes");
        let message = misjudged_room(&MemFs::default(), &nameless).expect("nothing has it");
        assert_eq!(message, "after the crash more inodes are taken than there are names, by 1");
        let back = misjudged_room(&nameless, &MemFs::default()).expect("it was taken");
        assert_eq!(back, "after the crash fewer inodes are taken than there are names, by 1");
        assert_eq!(unexplained(&nameless), (1, 1));
    }
}
