//! The tree as a table, in the form of recorded captures.

use fuserig_abi::{FileKind, Stat};

use crate::MemFs;

/// One line of the table that [`MemFs::tree_rows`] makes.
///
/// ```
/// use fuserig_sim_fs::MemFs;
/// let fs = MemFs::from_tree("/cover mode=0600 'abc'").unwrap();
/// let line = fs.tree_rows().next().unwrap().to_line();
/// assert_eq!(line, b"cover\tf\t600\t0\t0\t1\t3\t\n");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRow {
    /// The path below the root, without a slash in front.
    pub path: Vec<u8>,
    /// The attributes.
    pub stat: Stat,
    /// Where a symbolic link points; empty for other kinds.
    pub target: Vec<u8>,
}

impl TreeRow {
    /// The type as `find -printf %y` writes it.
    pub fn type_letter(&self) -> char {
        match self.stat.kind {
            FileKind::Fifo => 'p',
            FileKind::CharDevice => 'c',
            FileKind::Directory => 'd',
            FileKind::BlockDevice => 'b',
            FileKind::Regular => 'f',
            FileKind::Symlink => 'l',
            FileKind::Socket => 's',
        }
    }

    /// The row as one line: path, type, octal permissions, uid, gid, nlink, size, link target,
    /// with tabs between. Path and target are written as they are; a name with a tab or a line end
    /// makes a row that no reader can tell apart, as with `find`.
    pub fn to_line(&self) -> Vec<u8> {
        let Stat { permissions, uid, gid, nlink, size, .. } = self.stat;
        let letter = self.type_letter();
        let middle = format!("\t{letter}\t{permissions:o}\t{uid}\t{gid}\t{nlink}\t{size}\t");
        [self.path.as_slice(), middle.as_bytes(), &self.target, b"\n"].concat()
    }
}

impl MemFs {
    /// Every name below the root as a row, sorted by the bytes of the path.
    pub fn tree_rows(&self) -> impl Iterator<Item = TreeRow> + use<> {
        self.walk().skip(1).map(|entry| TreeRow {
            path: entry.path[1..].to_vec(),
            stat: entry.stat,
            target: entry.target,
        })
    }
}
