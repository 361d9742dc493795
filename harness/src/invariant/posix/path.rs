//! Where a path leads in a tree, asked of nothing but its names.
//!
//! It refuses what it would have to know more about: `..` and `.` at the end, a slash at the end of
//! what is made or removed, long names and many symlinks. The permission to search is not asked
//! here; the directories that were searched are kept for whoever asks.

use fuserig_abi::{FileKind, Ino};
use fuserig_sim_fs::MemFs;

/// The longest name (`NAME_MAX`) and the longest path that are walked.
const NAME_MAX: usize = 255;
const PATH_MAX: usize = 4095;
/// Symlinks that are followed; Linux follows 40, and nobody needs that many.
const SYMLINKS_MAX: usize = 8;

/// Where paths begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) root: Ino,
    pub(super) directory: Option<Ino>,
}

/// Where a path led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Walked {
    /// The directory of the last name.
    pub(super) directory: Ino,
    pub(super) name: Vec<u8>,
    /// What the name leads to; none when it is not there.
    pub(super) node: Option<Ino>,
    /// Whether something is there that a slash at the end says to be a directory, and is none.
    pub(super) is_no_directory: bool,
    /// Every directory that was searched, that of the last name at the end.
    pub(super) searched: Vec<Ino>,
}

/// Walks; none where it leads to no name in a directory, or where that cannot be told.
pub(super) fn walk(fs: &MemFs, start: Start, path: &[u8], follow: bool) -> Option<Walked> {
    let begin = |path: &[u8], at: Option<Ino>| match path.first() {
        Some(b'/') => Some(start.root),
        _ => at,
    };
    let mut at = begin(path, start.directory)?;
    let mut pending = names_of(path)?;
    let mut searched = Vec::new();
    let mut symlinks = 0;
    while let Some(name) = pending.pop() {
        fs.stat(at).filter(|stat| stat.kind == FileKind::Directory && stat.nlink > 0)?;
        searched.push(at);
        if name == b".." {
            // Whoever comes out there has found no name.
            at = if at == start.root { at } else { fs.parent_of(at)? };
            continue;
        }
        let node = fs.leads_to(at, &name);
        if pending.is_empty() && !(follow && node.is_some_and(|node| fs.target(node).is_some())) {
            return Some(Walked { directory: at, name, node, is_no_directory: false, searched });
        }
        let node = node?;
        match fs.target(node) {
            Some(target) => {
                symlinks += 1;
                if symlinks > SYMLINKS_MAX {
                    return None;
                }
                at = begin(target, Some(at))?;
                pending.extend(names_of(target)?);
            }
            None => at = node,
        }
    }
    None
}

/// As [`walk`], of what is not made or removed, where slashes may stand at the end: it is followed
/// and must be a directory.
pub(super) fn walk_to_directory(fs: &MemFs, start: Start, path: &[u8]) -> Option<Walked> {
    let end = path.iter().rposition(|byte| *byte != b'/')?;
    let mut walked = walk(fs, start, &path[..=end], true)?;
    let is_directory = |node: &Ino| Some(fs.stat(*node)?.kind == FileKind::Directory);
    walked.is_no_directory = walked.node.as_ref().and_then(is_directory) == Some(false);
    walked.node = walked.node.filter(|_| !walked.is_no_directory);
    Some(walked)
}

/// The names of a path, the first one last.
fn names_of(path: &[u8]) -> Option<Vec<Vec<u8>>> {
    if path.is_empty() || path.len() > PATH_MAX || path.ends_with(b"/") {
        return None;
    }
    let mut names = Vec::new();
    for name in path.split(|byte| *byte == b'/').rev().filter(|name| !name.is_empty()) {
        if name == b".." && names.is_empty() || name.len() > NAME_MAX || name.contains(&0) {
            return None;
        }
        if name != b"." {
            names.push(name.to_vec());
        } else if names.is_empty() {
            return None;
        }
    }
    Some(names)
}
