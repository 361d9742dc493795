//! Where a path leads in a tree, asked of nothing but its names, and why it leads nowhere.
//!
//! It refuses what it would have to know more about: `..` and `.` at the end of what is looked at.
//! The permission to search is not asked here; the directories that were searched are kept for
//! whoever asks.

use fuserig_abi::{Errno, FileKind, Ino};
use fuserig_sim_fs::MemFs;

/// The longest name (`NAME_MAX`).
const NAME_MAX: usize = 255;
/// The longest path, without the byte that ends it (`PATH_MAX` of Linux counts that as well).
pub(super) const PATH_MAX: usize = 4095;
/// Symlinks that Linux follows in one path (`MAXSYMLINKS`).
const SYMLINKS_MAX: usize = 40;

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

/// What prevents a path from leading anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    pub(super) errno: Errno,
    /// Every directory that had to be searched before.
    pub(super) searched: Vec<Ino>,
    /// Whether a symlink was followed, which a kernel may refuse in directories that all may write.
    pub(super) followed: bool,
}

/// What a path ends in that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dots {
    One,
    Two,
}

/// What becomes of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It leads to a name in a directory.
    To(Walked),
    /// It leads nowhere, for that reason.
    Nowhere(Blocked),
    /// It leads to a name in a directory, and a slash behind it says what it is not.
    Slashed(Walked),
    /// It ends in `.` or `..`, and leads to a directory.
    Dotted(Dots),
    /// There is none, or nothing can be told of it.
    Untold,
}

impl Way {
    pub(super) fn led(self) -> Option<Walked> {
        match self {
            Way::To(walked) => Some(walked),
            _ => None,
        }
    }

    pub(super) fn slashed(self) -> Option<Walked> {
        match self {
            Way::Slashed(walked) => Some(walked),
            _ => None,
        }
    }

    pub(super) fn blocked(self) -> Option<Blocked> {
        match self {
            Way::Nowhere(blocked) => Some(blocked),
            _ => None,
        }
    }

    pub(super) fn dots(&self) -> Option<Dots> {
        match self {
            Way::Dotted(dots) => Some(*dots),
            _ => None,
        }
    }
}

/// Walks from a beginning.
pub(super) fn walk(fs: &MemFs, start: Start, path: &[u8], follow: bool) -> Way {
    let mut walk = Walk { fs, start, searched: Vec::new(), symlinks: 0 };
    match path.len() {
        0 => walk.blocked(Errno::ENOENT),
        length if length > PATH_MAX => walk.blocked(Errno::ENAMETOOLONG),
        _ => walk.all(path, follow),
    }
}

/// As [`walk`], of what slashes stand behind.
pub(super) fn walk_to_slash(fs: &MemFs, start: Start, path: &[u8], follow: bool) -> Way {
    let Some(end) = path.iter().rposition(|byte| *byte != b'/') else { return Way::Untold };
    let looked_for = if path.len() > PATH_MAX { path } else { &path[..=end] };
    walk(fs, start, looked_for, follow)
}

/// As [`walk`], of a path that ends in `.` or `..`; none when it does not.
pub(super) fn walk_to_dots(fs: &MemFs, start: Start, path: &[u8]) -> Option<Way> {
    let end = path.iter().rposition(|byte| *byte != b'/')?;
    let begin = path[..=end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let dots = match &path[begin..=end] {
        b"." => Dots::One,
        b".." => Dots::Two,
        _ => return None,
    };
    if path.len() > PATH_MAX {
        return Some(walk(fs, start, path, false));
    }
    let way = &path[..begin];
    let is_start = way.iter().all(|byte| *byte == b'/');
    Some(match is_start {
        true => Way::Dotted(dots),
        false => match walk_to_directory(fs, start, way) {
            Way::To(walked) if walked.node.is_some() => Way::Dotted(dots),
            Way::To(Walked { is_no_directory, searched, .. }) => {
                let errno = if is_no_directory { Errno::ENOTDIR } else { Errno::ENOENT };
                // Whether it was by a symlink is not known any more.
                Way::Nowhere(Blocked { errno, searched, followed: true })
            }
            other => other,
        },
    })
}

/// As [`walk_to_slash`], of what is not made or removed: it is followed and must be a directory.
pub(super) fn walk_to_directory(fs: &MemFs, start: Start, path: &[u8]) -> Way {
    let mut walked = match walk_to_slash(fs, start, path, true) {
        Way::To(walked) => walked,
        other => return other,
    };
    let is_directory = |node: &Ino| Some(fs.stat(*node)?.kind == FileKind::Directory);
    walked.is_no_directory = walked.node.as_ref().and_then(is_directory) == Some(false);
    walked.node = walked.node.filter(|_| !walked.is_no_directory);
    Way::To(walked)
}

/// A walk on its way.
struct Walk<'a> {
    fs: &'a MemFs,
    start: Start,
    searched: Vec<Ino>,
    symlinks: usize,
}

impl Walk<'_> {
    fn begin(&self, path: &[u8], at: Option<Ino>) -> Option<Ino> {
        match path.first() {
            Some(b'/') => Some(self.start.root),
            _ => at,
        }
    }

    fn blocked(&mut self, errno: Errno) -> Way {
        let (searched, followed) = (core::mem::take(&mut self.searched), self.symlinks > 0);
        Way::Nowhere(Blocked { errno, searched, followed })
    }

    fn all(&mut self, path: &[u8], follow: bool) -> Way {
        let begin = self.begin(path, self.start.directory);
        let (Some(mut at), Some(mut pending)) = (begin, names_of(path)) else {
            return Way::Untold;
        };
        while let Some(name) = pending.pop() {
            let Some(stat) = self.fs.stat(at) else { return Way::Untold };
            if stat.kind != FileKind::Directory {
                return self.blocked(Errno::ENOTDIR);
            }
            self.searched.push(at);
            if name == b".." {
                // Whoever comes out there has found no name.
                let parent = if at == self.start.root { Some(at) } else { self.fs.parent_of(at) };
                let (Some(parent), true) = (parent, stat.nlink > 0) else { return Way::Untold };
                at = parent;
                continue;
            }
            // Nothing is looked up in what was removed.
            if stat.nlink == 0 {
                return self.blocked(Errno::ENOENT);
            }
            if name.len() > NAME_MAX {
                return self.blocked(Errno::ENAMETOOLONG);
            }
            let node = self.fs.leads_to(at, &name);
            let target = node.and_then(|node| self.fs.target(node));
            let is_last = pending.is_empty() && !(follow && target.is_some());
            match (node, target) {
                _ if is_last => return self.arrived(at, name, node),
                (None, _) => return self.blocked(Errno::ENOENT),
                (Some(node), None) => at = node,
                (Some(_), Some(target)) => {
                    self.symlinks += 1;
                    if self.symlinks > SYMLINKS_MAX {
                        return self.blocked(Errno::ELOOP);
                    }
                    let begin = self.begin(target, Some(at));
                    let (Some(next), Some(names)) = (begin, names_of(target)) else {
                        return Way::Untold;
                    };
                    at = next;
                    pending.extend(names);
                }
            }
        }
        Way::Untold
    }

    fn arrived(&mut self, directory: Ino, name: Vec<u8>, node: Option<Ino>) -> Way {
        let searched = core::mem::take(&mut self.searched);
        Way::To(Walked { directory, name, node, is_no_directory: false, searched })
    }
}

/// The names of a path, the first one last.
fn names_of(path: &[u8]) -> Option<Vec<Vec<u8>>> {
    if path.ends_with(b"/") {
        return None;
    }
    let mut names = Vec::new();
    for name in path.split(|byte| *byte == b'/').rev().filter(|name| !name.is_empty()) {
        if name == b".." && names.is_empty() || name.contains(&0) {
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
