//! One call with everything that facts are stated in.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::{
    Abi, Credentials, Errno, Fidelity, FileKind, Ino, Pid, Stat, Timespec, XATTR_POSIX_ACL_ACCESS,
};
use fuserig_sim_fs::{MemFs, OpenFlags, RenameFlags};

use super::path::{
    Blocked, Dots, Start, Walked, Way, walk, walk_to_directory, walk_to_dots, walk_to_slash,
};
use crate::invariant::Seen;
use crate::invariant::data::contents;
use crate::invariant::descriptions::{Description, Descriptions};
use crate::sim::{Action, CallEntry, Case};
use crate::vfs::CallResult;

/// Bytes of a file that are looked at; what is longer has a length and no more.
pub(super) const BYTES_MAX: usize = 1 << 16;

/// An open file.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFile {
    /// What its duplicates share with it.
    pub(super) description: Description,
    pub(super) node: Ino,
    pub(super) flags: OpenFlags,
    /// Where it stood before the call, and where it stands now.
    pub(super) positions: (Option<i64>, Option<i64>),
}

/// What is remembered of each client between its calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) descriptions: Descriptions,
    /// Where each open file stood.
    pub(super) positions: BTreeMap<Description, i64>,
    /// Their flags, as they were opened and as they were told since; none of those that no longer
    /// append and were opened so: the file below goes on with what it was opened with.
    pub(super) flags: BTreeMap<Description, OpenFlags>,
    /// Those that were opened to append.
    pub(super) appending: BTreeSet<Description>,
    /// Where those are who have moved.
    pub(super) directories: BTreeMap<Pid, Ino>,
    /// What those make files with who have said so.
    pub(super) masks: BTreeMap<Pid, u32>,
}

impl Memory {
    /// man 2 fork: the child is where its parent is, and makes files with the same mask.
    pub(super) fn inherit(&mut self, seen: &Seen<'_>) {
        if let Some(directory) = self.directories.get(&seen.caller).copied() {
            self.directories.insert(seen.pid, directory);
        }
        if let Some(mask) = self.masks.get(&seen.caller).copied() {
            self.masks.insert(seen.pid, mask);
        }
    }
}

/// One call that nothing disturbed.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub(super) action: &'a Action,
    pub(super) result: &'a CallResult,
    pub(super) before: &'a MemFs,
    pub(super) after: &'a MemFs,
    /// When it was made.
    pub(super) now: Timespec,
    pub(super) abi: Abi,
    pub(super) fidelity: Fidelity,
    /// Whether it went through an ordinary mount.
    pub(super) mounted: bool,
    /// Whether it went through an ordinary mount in a run in which calls of several clients were
    /// under way at once, before or now.
    pub(super) overlapped: bool,
    /// Whether it did in a run in which somebody set a list of rights, which changes the mode too.
    pub(super) rights_were_set: bool,
    pub(super) credentials: Credentials,
    pub(super) umask: u32,
    /// Whether a signal came while it waited for an advisory lock.
    pub(super) interrupted: bool,
    /// Whether something was made to fail in this run, and may be broken since.
    pub(super) was_broken: bool,
    /// Nodes whose owner, mode or (for a copy) length the modelled kernel has wrong, as those of
    /// the patches may.
    pub(super) mistaken: Vec<Ino>,
    /// How long the kernel takes a file for that was written to.
    pub(super) kept_size: Option<u64>,
    /// The file that its descriptor means, and for a copy the one that is read.
    pub(super) file: Option<OpenFile>,
    pub(super) source: Option<OpenFile>,
    /// Where its paths led before; none where that cannot be told.
    pub(super) paths: [Option<Walked>; 2],
    /// Where they led with a slash behind what is no directory.
    pub(super) slashed: [Option<Walked>; 2],
    /// The dots that they end in.
    pub(super) dots: [Option<Dots>; 2],
    /// Whether a descriptor with a lower number than the one that came back is free.
    pub(super) skips_descriptor: bool,
    /// Why they led nowhere.
    pub(super) blocked: [Option<Blocked>; 2],
}

impl<'a> Judged<'a> {
    pub(super) fn of(seen: &'a Seen<'_>, before: &'a MemFs, memory: &Memory) -> Judged<'a> {
        let (file, source) = files_of(seen.action);
        let open = |file: u8| {
            let fd = seen.file(file)?;
            let description = memory.descriptions.of(seen.pid, fd)?;
            let was = memory.positions.get(&description).copied();
            Some(OpenFile {
                description,
                node: seen.vfs.lower_inode(seen.pid, fd)?,
                flags: memory.flags.get(&description).copied()?,
                positions: (was, seen.vfs.position(seen.pid, fd)),
            })
        };
        let (credentials, umask) = seen.vfs.standing(seen.pid);
        let root = fuserig_sim_fs::Lower::root(before);
        // After a chdir it is the one that was found.
        let directory = match seen.action {
            Action::Chdir { .. } => {
                Some(memory.directories.get(&seen.pid).copied().unwrap_or(root))
            }
            _ => seen.vfs.working_directory(seen.pid),
        };
        let ways = ways(seen.action, before, Start { root, directory });
        Judged {
            action: seen.action,
            result: seen.result,
            before,
            after: seen.lower,
            now: seen.vfs.world().now,
            abi: seen.case.abi,
            fidelity: seen.case.fidelity,
            mounted: seen.case.mounted,
            overlapped: seen.case.mounted && overlapped(seen.calls),
            rights_were_set: seen.case.mounted
                && seen.calls.iter().any(|call| sets_rights(seen.case, call)),
            credentials,
            umask: memory.masks.get(&seen.pid).copied().unwrap_or(umask),
            interrupted: seen.interrupted,
            was_broken: !seen.case.faults.faults.is_empty(),
            mistaken: mistaken(seen),
            kept_size: kept_size(seen),
            file: file.and_then(open),
            source: source.and_then(open),
            blocked: ways.clone().map(Way::blocked),
            slashed: ways.clone().map(Way::slashed),
            dots: [ways[0].dots(), ways[1].dots()],
            skips_descriptor: skips_descriptor(seen),
            paths: ways.map(Way::led),
        }
    }

    pub(super) fn succeeded(&self) -> bool {
        self.result.value.is_ok()
    }

    pub(super) fn errno(&self) -> Option<Errno> {
        self.result.value.err()
    }

    /// How many bytes were moved, or what number came back.
    pub(super) fn count(&self) -> Option<u64> {
        u64::try_from(self.result.value.ok()?).ok()
    }

    /// Whether each of its paths leads to a directory, and for a link to what gets a name.
    pub(super) fn leads_everywhere(&self) -> bool {
        let is_link = matches!(self.action, Action::Link { .. });
        let found = |place: &Walked| !is_link || place.node.is_some();
        let named = self.action.named_paths();
        (0..2).all(|path| {
            let is_found = || self.paths[path].as_ref().is_some_and(found);
            named[path].is_none() || self.dots[path].is_some() || is_found()
        })
    }

    /// Whether it writes to the end, wherever the file stands.
    pub(super) fn appends(&self) -> bool {
        let is_opened_so = || self.file.is_some_and(|file| file.flags.contains(OpenFlags::APPEND));
        match self.action {
            Action::Append { .. } => true,
            Action::Write { .. } => is_opened_so(),
            _ => false,
        }
    }

    /// Where a copy reads and writes, if that can be told.
    pub(super) fn copy_places(&self, from_at: i64, to_at: i64) -> Option<(i64, i64)> {
        let place = |at: i64, file: Option<OpenFile>| match at {
            Action::HERE => file?.positions.0,
            at => Some(at),
        };
        Some((place(from_at, self.source)?, place(to_at, self.file)?))
    }

    /// The regular file that the descriptor means, or that the path leads to.
    pub(super) fn regular(&self) -> Option<Ino> {
        let node = self.target()?;
        (self.before.stat(node)?.kind == FileKind::Regular).then_some(node)
    }

    /// Whether it can be told where every path led.
    pub(super) fn knows_paths(&self) -> bool {
        let named = self.action.named_paths().iter().flatten().count();
        self.paths.iter().flatten().count() == named
    }

    /// What the descriptor means, or the first path led to.
    pub(super) fn target(&self) -> Option<Ino> {
        match self.file {
            Some(file) => Some(file.node),
            None => self.node(),
        }
    }

    /// What the first path led to.
    pub(super) fn node(&self) -> Option<Ino> {
        self.paths[0].as_ref()?.node
    }

    /// The attributes of a node before and after; none unless it was and is there.
    pub(super) fn stats(&self, node: Ino) -> Option<(Stat, Stat)> {
        Some((self.before.stat(node)?, self.after.stat(node)?))
    }

    pub(super) fn bytes_before(&self, node: Ino) -> Option<Vec<u8>> {
        contents(self.before, node, BYTES_MAX)
    }

    pub(super) fn bytes_after(&self, node: Ino) -> Option<Vec<u8>> {
        contents(self.after, node, BYTES_MAX)
    }

    /// What this call made under the name that it gives: nothing had that name before.
    pub(super) fn made(&self) -> Option<(&Walked, Option<Ino>)> {
        let place = match self.action {
            Action::Open { flags, .. } if flags & OpenFlags::CREAT.bits() == 0 => return None,
            Action::Open { .. }
            | Action::Mkdir { .. }
            | Action::Mknod { .. }
            | Action::Symlink { .. } => &self.paths[0],
            Action::Link { .. } => &self.paths[1],
            _ => return None,
        };
        let place = place.as_ref()?;
        let made = self.succeeded() && place.node.is_none();
        made.then(|| (place, self.after.leads_to(place.directory, &place.name)))
    }
}

/// Whether some call began before one of another client had returned.
fn overlapped(calls: &[CallEntry]) -> bool {
    let mut latest = 0;
    calls.iter().any(|call| {
        let overlaps = call.begin < latest;
        latest = latest.max(call.end.unwrap_or(u64::MAX));
        overlaps
    })
}

/// Whether it gives a file a list of who may do what.
fn sets_rights(case: &Case, call: &CallEntry) -> bool {
    let program = case.clients.get(call.client);
    let action = program.and_then(|program| program.actions.get(call.action));
    matches!(action, Some(Action::Setxattr { name, .. }) if name.0 == XATTR_POSIX_ACL_ACCESS)
}

/// Looked for only where a refusal, or a short copy, may come from it, and after a look at a file.
fn mistaken(seen: &Seen<'_>) -> Vec<Ino> {
    let copies = matches!(seen.action, Action::Copy { .. } | Action::Sendfile { .. });
    let is_asked = match (seen.action, seen.result.value) {
        (Action::Stat { .. } | Action::Fstat { .. }, Ok(_)) => true,
        (_, value) => seen.case.fidelity == Fidelity::Faithful && (value.is_err() || copies),
    };
    if !is_asked {
        return Vec::new();
    }
    let world = seen.vfs.world();
    let nodes = world.mount.inodes.iter().filter_map(|(_, inode)| {
        let is = seen.lower.stat(inode.backing?)?;
        let other = (inode.uid, inode.permissions) != (is.uid, is.permissions);
        (other || copies && inode.size != is.size).then_some(is.ino)
    });
    nodes.collect()
}

/// The length that decides how far a copy reads.
fn kept_size(seen: &Seen<'_>) -> Option<u64> {
    let file = match seen.action {
        Action::Write { file, .. }
        | Action::Append { file, .. }
        | Action::Sendfile { to: file, .. }
        | Action::Fallocate { file, .. } => file,
        _ => return None,
    };
    let node = seen.vfs.lower_inode(seen.pid, seen.file(*file)?)?;
    let world = seen.vfs.world();
    let mut inodes = world.mount.inodes.iter();
    let (_, inode) = inodes.find(|(id, _)| world.mount.lower_of(*id) == Some(node))?;
    Some(inode.size)
}

/// The file of a call's descriptor, and the one that a copy reads.
fn files_of(action: &Action) -> (Option<u8>, Option<u8>) {
    match action {
        Action::Read { file, .. }
        | Action::Write { file, .. }
        | Action::Append { file, .. }
        | Action::Seek { file, .. }
        | Action::Ftruncate { file, .. }
        | Action::Fallocate { file, .. }
        | Action::Fsync { file, .. }
        | Action::Fstat { file }
        | Action::Dup { file }
        | Action::Dup2 { file, .. }
        | Action::SetFlags { file, .. }
        | Action::SetCloexec { file, .. }
        | Action::Flock { file, .. }
        | Action::Lock { file, .. }
        | Action::GetLock { file, .. }
        | Action::Fchmod { file, .. }
        | Action::Fchown { file, .. }
        | Action::Futimens { file, .. }
        | Action::List { file, .. } => (Some(*file), None),
        Action::Copy { from, to, .. } | Action::Sendfile { from, to, .. } => {
            (Some(*to), Some(*from))
        }
        _ => (None, None),
    }
}

/// Whether what was opened has not the lowest number that is free: POSIX 2.14.
fn skips_descriptor(seen: &Seen<'_>) -> bool {
    let Ok(fd) = seen.result.value else { return false };
    let is_free = |fd: i64| i32::try_from(fd).is_ok_and(|fd| !seen.vfs.is_open(seen.pid, fd));
    matches!(seen.action, Action::Open { .. } | Action::Dup { .. }) && (0..fd).any(is_free)
}

/// Whether a call follows a symlink that its first path ends in.
fn follows(action: &Action) -> bool {
    match action {
        Action::Open { flags, .. } => {
            let stays = OpenFlags::NOFOLLOW.bits();
            let exclusive = (OpenFlags::CREAT | OpenFlags::EXCL).bits();
            flags & stays == 0 && flags & exclusive != exclusive
        }
        Action::Stat { follow, .. } => *follow,
        Action::Readlink { .. } => false,
        // What makes, removes or moves a name is about the link itself.
        other => !other.changes_names(),
    }
}

/// What became of the paths of a call.
pub(super) fn ways(action: &Action, before: &MemFs, start: Start) -> [Way; 2] {
    let [first, second] = action.named_paths();
    // The source of a link is there, though the call makes a name.
    let is_looked_for = !action.changes_names() || matches!(action, Action::Link { .. });
    let first = first.map_or(Way::Untold, |path| match is_looked_for {
        true => looked_for(action, before, start, &path.0),
        false => named(before, start, &path.0, action, before_slash),
    });
    let new_before_slash =
        |action: &Action, fs: &MemFs, way| new_before_slash(action, fs, &first, way);
    let second =
        second.map_or(Way::Untold, |path| named(before, start, &path.0, action, new_before_slash));
    [first, second]
}

/// Where something is that a call is about.
fn looked_for(action: &Action, fs: &MemFs, start: Start, path: &[u8]) -> Way {
    match action {
        _ if !path.ends_with(b"/") => walk(fs, start, path, follows(action)),
        // It is followed to a directory, which no readlink reads.
        Action::Readlink { .. } => Way::Untold,
        _ => walk_to_directory(fs, start, path),
    }
}

/// Where a name is made, removed or moved.
fn named(
    fs: &MemFs,
    start: Start,
    path: &[u8],
    action: &Action,
    before_slash: impl FnOnce(&Action, &MemFs, Way) -> Way,
) -> Way {
    let is_open = matches!(action, Action::Open { .. });
    if let Some(dotted) = walk_to_dots(fs, start, path).filter(|_| !is_open) {
        return dotted;
    }
    match path.ends_with(b"/") {
        true => before_slash(action, fs, walk_to_slash(fs, start, path, false)),
        false => walk(fs, start, path, follows(action)),
    }
}

fn is_directory(fs: &MemFs, place: &Walked) -> bool {
    let kind = place.node.and_then(|node| fs.stat(node)).map(|stat| stat.kind);
    kind == Some(FileKind::Directory)
}

/// What is made, removed or moved may have a slash behind it only where it is a directory.
fn before_slash(action: &Action, fs: &MemFs, way: Way) -> Way {
    match (action, way) {
        // It makes nothing, whatever else it says.
        (Action::Open { flags, .. }, _) if flags & OpenFlags::PATH.bits() != 0 => Way::Untold,
        (Action::Mkdir { .. }, way) => way,
        (Action::Rmdir { .. } | Action::Rename { .. }, Way::To(place))
            if place.node.is_none() || is_directory(fs, &place) =>
        {
            Way::To(place)
        }
        (_, Way::To(place)) => Way::Slashed(place),
        (_, way) => way,
    }
}

/// The same of the new name of a link or a rename, where what gets it has been found.
fn new_before_slash(action: &Action, fs: &MemFs, old: &Way, new: Way) -> Way {
    let Way::To(place) = new else { return new };
    match (action, old) {
        (Action::Link { .. }, _) => Way::Slashed(place),
        (Action::Rename { flags, .. }, Way::To(moved)) => {
            let trades = flags & RenameFlags::EXCHANGE.bits() != 0;
            match is_directory(fs, if trades { &place } else { moved }) {
                true => Way::To(place),
                false => Way::Slashed(place),
            }
        }
        _ => Way::Untold,
    }
}
