//! Path walks: from bytes to dentries, with a permission check and a lookup a component.
//!
//! A path is read where it is; only the names of a symlink's target are copied, because that text
//! goes when its last component has been taken.

use std::borrow::Cow;
use std::sync::Arc;

use fuserig_abi::{AccessMask, Errno, FileKind, Pid, Timespec};

use super::call::{At, PathAt, Target};
use super::fail::Fail;
use super::locks::LockMode;
use super::state::State;
use super::system::Vfs;
use crate::kernel::{DentryId, InodeId};
use crate::pipeline::{Operation, Ordinary, Validity, Value, Want};

/// `PATH_MAX` with its NUL.
const PATH_MAX: usize = 4096;
/// Symlinks followed in one walk (`MAXSYMLINKS`).
const SYMLINKS_MAX: u32 = 40;

/// The last component of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Last<'p> {
    /// A name.
    Name {
        /// The name.
        name: Cow<'p, [u8]>,
        /// Whether slashes follow.
        slashes: bool,
    },
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// `/`
    Root,
}

/// A directory and the component that was not walked into. Owns a reference on the directory and
/// on the symlink whose text ends here, which is let go once the component was looked up.
#[derive(Debug)]
pub(super) struct Parent<'p> {
    pub(super) dentry: DentryId,
    pub(super) last: Last<'p>,
    pub(super) held: Option<DentryId>,
    /// Symlinks followed so far, which count for what the last component leads to.
    pub(super) symlinks: u32,
}

/// A walk in progress. Owns a reference on `at`.
struct Walk<'p> {
    at: DentryId,
    /// What is left of the path, without slashes before it.
    path: &'p [u8],
    /// Symlinks whose text is walked first, the innermost last.
    links: Vec<LinkText>,
    rcu: bool,
    symlinks: u32,
}

/// What is left of a symlink's text: at least one component.
struct LinkText {
    text: Vec<u8>,
    /// Where the next component begins.
    next: usize,
    /// Held until the last component was looked up, so that a link to itself is found in the
    /// cache (LOOK-4).
    link: DentryId,
}

struct Component<'p> {
    name: Cow<'p, [u8]>,
    slashes: bool,
    /// The symlink whose text ends with this component.
    link: Option<DentryId>,
}

/// What follows the slashes at the beginning.
fn after_slashes(path: &[u8]) -> &[u8] {
    let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
    &path[slashes..]
}

/// The first name of a path that begins with one, and what follows it.
fn split_first(path: &[u8]) -> (&[u8], &[u8]) {
    path.split_at(path.iter().position(|&byte| byte == b'/').unwrap_or(path.len()))
}

impl<'p> Walk<'p> {
    fn new(at: DentryId, path: &'p [u8]) -> Walk<'p> {
        Walk { at, path: after_slashes(path), links: Vec::new(), rcu: true, symlinks: 0 }
    }

    /// Whether every component was taken.
    fn is_over(&self) -> bool {
        self.path.is_empty() && self.links.is_empty()
    }

    /// Takes the next component, which comes from the innermost symlink.
    fn take(&mut self) -> Option<Component<'p>> {
        let Some(inner) = self.links.last_mut() else {
            if self.path.is_empty() {
                return None;
            }
            let (name, rest) = split_first(self.path);
            self.path = after_slashes(rest);
            let slashes = !rest.is_empty();
            return Some(Component { name: Cow::Borrowed(name), slashes, link: None });
        };
        let (name, rest) = split_first(&inner.text[inner.next..]);
        let (name, slashes) = (Cow::Owned(name.to_vec()), !rest.is_empty());
        let left = after_slashes(rest).len();
        inner.next = inner.text.len() - left;
        let link = if left == 0 { self.links.pop().map(|inner| inner.link) } else { None };
        Some(Component { name, slashes, link })
    }
}

impl State {
    /// The directory an open descriptor stands for.
    fn start_of(&self, pid: Pid, at: At) -> Result<DentryId, Fail> {
        match at {
            At::Cwd => Ok(self.cwd(pid)),
            At::Fd(fd) => {
                let dentry = self.file(pid, fd)?.dentry;
                let inode = self.world.mount.inode_of(dentry);
                if self.world.mount.inodes[inode].kind != FileKind::Directory {
                    return Err(Errno::ENOTDIR.into());
                }
                Ok(dentry)
            }
        }
    }

    /// Where a path that begins with a slash starts, and what is left of it: below the mount
    /// point, or the root of the mount when the mount is everything.
    pub(super) fn absolute_target<'a>(&self, target: &'a [u8]) -> Result<&'a [u8], Fail> {
        let mount_point = &self.mount_point;
        if mount_point.is_empty() || mount_point == b"/" {
            return Ok(target);
        }
        match target.strip_prefix(&mount_point[..]) {
            Some(rest) if rest.is_empty() || rest.starts_with(b"/") => Ok(rest),
            _ => Err(Fail::Outside),
        }
    }
}

impl Vfs {
    fn begin<'p>(&self, pid: Pid, path: &'p PathAt) -> Result<Walk<'p>, Fail> {
        if path.path.is_empty() {
            return Err(Errno::ENOENT.into());
        }
        if path.path.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG.into());
        }
        let mut state = self.state();
        let at = if path.path.starts_with(b"/") {
            state.world.mount.root
        } else {
            state.start_of(pid, path.at)?
        };
        state.world.mount.hold(at);
        Ok(Walk::new(at, &path.path))
    }

    /// Walks to the directory of the last component.
    pub(super) async fn walk_parent<'p>(
        &self,
        pid: Pid,
        path: &'p PathAt,
    ) -> Result<Parent<'p>, Fail> {
        let mut walk = self.begin(pid, path)?;
        match self.to_parent(pid, &mut walk).await {
            Ok((last, held)) => Ok(Parent { dentry: walk.at, last, held, symlinks: walk.symlinks }),
            Err(fail) => {
                self.abandon(walk);
                Err(fail)
            }
        }
    }

    /// Lets go of everything an unfinished walk holds.
    fn abandon(&self, walk: Walk<'_>) {
        for inner in walk.links.iter().rev() {
            self.put(inner.link);
        }
        self.put(walk.at);
    }

    /// Drops the reference on a symlink that was held during a walk.
    pub(super) fn let_go(&self, link: Option<DentryId>) {
        if let Some(link) = link {
            self.put(link);
        }
    }

    /// Walks to what the path names; the caller owns a reference. `directory` demands one.
    pub(super) async fn walk(
        &self,
        pid: Pid,
        path: &PathAt,
        follow: bool,
    ) -> Result<DentryId, Fail> {
        let mut walk = self.begin(pid, path)?;
        match self.to_end(pid, &mut walk, follow).await {
            Ok(()) => Ok(walk.at),
            Err(fail) => {
                self.abandon(walk);
                Err(fail)
            }
        }
    }

    /// What a target names, with a reference.
    pub(super) async fn resolve(&self, pid: Pid, target: &Target) -> Result<DentryId, Fail> {
        match target {
            Target::Path { path, follow } => self.walk(pid, path, *follow).await,
            Target::Fd(fd) => {
                let mut state = self.state();
                let dentry = state.file(pid, *fd)?.dentry;
                state.world.mount.hold(dentry);
                Ok(dentry)
            }
            Target::Cwd => {
                let mut state = self.state();
                let dentry = state.cwd(pid);
                state.world.mount.hold(dentry);
                Ok(dentry)
            }
        }
    }

    /// Continues a walk that followed so many symlinks and whose last component turned out to be
    /// one more.
    pub(super) async fn follow_last(
        &self,
        pid: Pid,
        parent: DentryId,
        link: DentryId,
        symlinks: u32,
    ) -> Result<Parent<'static>, Fail> {
        let mut walk = Walk { rcu: false, symlinks, ..Walk::new(parent, b"") };
        let followed = match self.push_link(pid, &mut walk, link).await {
            Ok(()) => self.to_parent(pid, &mut walk).await,
            Err(errno) => Err(errno),
        };
        match followed {
            Ok((last, held)) => Ok(Parent { dentry: walk.at, last, held, symlinks: walk.symlinks }),
            Err(fail) => {
                self.abandon(walk);
                Err(fail)
            }
        }
    }

    async fn to_parent<'p>(
        &self,
        pid: Pid,
        walk: &mut Walk<'p>,
    ) -> Result<(Last<'p>, Option<DentryId>), Fail> {
        loop {
            let Some(component) = walk.take() else { return Ok((Last::Root, None)) };
            if let Err(fail) = self.search_permission(pid, walk).await {
                self.let_go(component.link);
                return Err(fail);
            }
            if walk.is_over() {
                let last = match &component.name[..] {
                    b"." => Last::Dot,
                    b".." => Last::DotDot,
                    _ => Last::Name { name: component.name, slashes: component.slashes },
                };
                return Ok((last, component.link));
            }
            self.enter(pid, walk, &component, true).await?;
        }
    }

    async fn to_end(&self, pid: Pid, walk: &mut Walk<'_>, follow: bool) -> Result<(), Fail> {
        // A slash at the end, of the path or of a symlink's text, has every link behind it followed
        // and is about what is found last (`lookup_last`).
        let mut wants_directory = false;
        while let Some(component) = walk.take() {
            if let Err(fail) = self.search_permission(pid, walk).await {
                self.let_go(component.link);
                return Err(fail);
            }
            let last = walk.is_over();
            wants_directory |= last && component.slashes;
            self.enter(pid, walk, &component, follow || wants_directory || !last).await?;
            if walk.is_over() && wants_directory && !self.is_directory(walk.at) {
                return Err(Errno::ENOTDIR.into());
            }
        }
        Ok(())
    }

    /// `may_lookup`: the first check of a walk is made in RCU mode (N20).
    async fn search_permission(&self, pid: Pid, walk: &Walk<'_>) -> Result<(), Fail> {
        let inode = self.inode_of(walk.at);
        if self.state().world.mount.inodes[inode].kind != FileKind::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        let mut mask = AccessMask::EXEC;
        mask.set(AccessMask::NOT_BLOCK, walk.rcu);
        self.permission(pid, inode, mask).await
    }

    /// Steps into one component; follows it when it is a symlink and `follow` says so.
    async fn enter(
        &self,
        pid: Pid,
        walk: &mut Walk<'_>,
        component: &Component<'_>,
        follow: bool,
    ) -> Result<(), Fail> {
        match &component.name[..] {
            b"." => {
                self.let_go(component.link);
                return Ok(());
            }
            b".." => {
                self.let_go(component.link);
                let mut state = self.state();
                let parent = state.world.mount.dentries[walk.at].parent;
                state.world.mount.hold(parent);
                state.world.mount.put(walk.at);
                walk.at = parent;
                return Ok(());
            }
            _ => {}
        }
        walk.rcu = false;
        let child = self.lookup_positive(pid, walk.at, &component.name).await;
        self.let_go(component.link);
        let child = child?;
        if follow && self.kind_of(child) == FileKind::Symlink {
            return self.push_link(pid, walk, child).await;
        }
        let mut state = self.state();
        state.world.mount.put(walk.at);
        walk.at = child;
        Ok(())
    }

    /// Reads a symlink and queues its target, which takes over the reference on `link`. The walk
    /// stays in the link's directory for a relative target.
    async fn push_link(&self, pid: Pid, walk: &mut Walk<'_>, link: DentryId) -> Result<(), Fail> {
        walk.symlinks += 1;
        if walk.symlinks > SYMLINKS_MAX {
            self.put(link);
            return Err(Errno::ELOOP.into());
        }
        let queued = match self.read_link(pid, link).await {
            Ok(target) => self.queue_target(walk, target, link),
            Err(fail) => Err(fail),
        };
        if queued.is_err() {
            self.put(link);
        }
        queued
    }

    fn queue_target(
        &self,
        walk: &mut Walk<'_>,
        target: Vec<u8>,
        link: DentryId,
    ) -> Result<(), Fail> {
        if target.is_empty() {
            return Err(Errno::ENOENT.into());
        }
        let mut rest = &target[..];
        if target.starts_with(b"/") {
            let mut state = self.state();
            rest = state.absolute_target(&target)?;
            let root = state.world.mount.root;
            state.world.mount.hold(root);
            state.world.mount.put(walk.at);
            walk.at = root;
        }
        match after_slashes(rest).len() {
            0 => self.put(link),
            left => {
                let next = target.len() - left;
                walk.links.push(LinkText { text: target, next, link });
            }
        }
        Ok(())
    }

    /// Reads a symlink's target through the pipeline.
    pub(super) async fn read_link(&self, pid: Pid, link: DentryId) -> Result<Vec<u8>, Fail> {
        let read = self.operate_checked(pid, Operation::GetLink { dentry: link }).await;
        let outcome = read.map_err(Fail::as_pointer)?;
        match outcome.value {
            Value::Number(code) if code < 0 => Err(Fail::of(code)),
            _ => Ok(outcome.data),
        }
    }

    /// Finds a name that must exist; the caller owns a reference.
    pub(super) async fn lookup_positive(
        &self,
        pid: Pid,
        parent: DentryId,
        name: &[u8],
    ) -> Result<DentryId, Fail> {
        let dentry = self.lookup(pid, parent, name).await?;
        if self.is_negative(dentry) {
            self.put(dentry);
            return Err(Errno::ENOENT.into());
        }
        Ok(dentry)
    }

    /// Finds a name, from the cache if somebody uses it (LOOK-4), else through the pipeline. The
    /// caller owns a reference on the dentry, which may be negative and unhashed (LOOK-3).
    pub(super) async fn lookup(
        &self,
        pid: Pid,
        parent: DentryId,
        name: &[u8],
    ) -> Result<DentryId, Fail> {
        self.lookup_for(pid, parent, name, Want::Use).await
    }

    /// As [`Vfs::lookup`], with what the name is wanted for.
    pub(super) async fn lookup_for(
        &self,
        pid: Pid,
        parent: DentryId,
        name: &[u8],
        want: Want,
    ) -> Result<DentryId, Fail> {
        if let Some(cached) = self.cached(pid, parent, name, want).await? {
            return Ok(cached);
        }
        let directory = self.inode_of(parent);
        let lock = self.lock(pid, directory, LockMode::Shared).await;
        let own: Arc<[u8]> = Arc::from(name);
        let turn = self.turn(pid, parent, &own).await;
        if (lock.waited || turn.waited)
            && let Some(cached) = self.cached(pid, parent, name, want).await?
        {
            return Ok(cached);
        }
        self.check_alive(parent)?;
        let dentry = self.state().world.mount.new_shared_child(parent, own);
        let found = self.operate_checked(pid, Operation::Lookup { dentry }).await;
        match found.map_err(Fail::as_pointer) {
            Ok(outcome) => match outcome.value {
                Value::Dentry(Some(found)) if found != dentry => {
                    self.put(dentry);
                    Ok(found)
                }
                _ => Ok(dentry),
            },
            Err(errno) => {
                self.put(dentry);
                Err(errno)
            }
        }
    }

    /// A dentry in use that revalidation accepts (SEMANTICS 7.7).
    pub(super) async fn cached(
        &self,
        pid: Pid,
        parent: DentryId,
        name: &[u8],
        want: Want,
    ) -> Result<Option<DentryId>, Fail> {
        let Some(dentry) = self.state().world.mount.cached_child(parent, name) else {
            return Ok(None);
        };
        let valid = match self.on_path_unasked(pid, |path| path.revalidate(dentry, want)) {
            Validity::Known(valid) => Ok(valid),
            Validity::Asked => {
                let look = async |path: &mut Ordinary<'_>| path.look_again(dentry).await;
                self.on_ordinary_path(pid, 0, look).await
            }
        };
        match valid {
            Ok(true) => return Ok(Some(dentry)),
            Ok(false) => {
                let mut state = self.state();
                state.world.mount.shrink(dentry);
                state.world.mount.unhash(dentry);
            }
            Err(_) => {}
        }
        self.put(dentry);
        valid.map(|_| None)
    }

    /// Nothing can be found, made or listed in a directory that was removed.
    pub(super) fn check_alive(&self, directory: DentryId) -> Result<(), Fail> {
        let inode = self.inode_of(directory);
        if self.state().world.mount.inodes[inode].dead {
            return Err(Errno::ENOENT.into());
        }
        Ok(())
    }

    /// Marks a directory as removed.
    pub(super) fn kill_directory(&self, dentry: DentryId) {
        let inode = self.inode_of(dentry);
        self.state().world.mount.inodes[inode].dead = true;
    }

    pub(super) fn now(&self) -> Timespec {
        self.state().world.now
    }

    pub(super) fn put(&self, dentry: DentryId) {
        self.state().world.mount.put(dentry);
    }

    pub(super) fn inode_of(&self, dentry: DentryId) -> InodeId {
        self.state().world.mount.inode_of(dentry)
    }

    pub(super) fn kind_of(&self, dentry: DentryId) -> FileKind {
        let state = self.state();
        state.world.mount.inodes[state.world.mount.inode_of(dentry)].kind
    }

    pub(super) fn is_directory(&self, dentry: DentryId) -> bool {
        self.kind_of(dentry) == FileKind::Directory
    }

    pub(super) fn is_negative(&self, dentry: DentryId) -> bool {
        self.state().world.mount.dentries[dentry].inode.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::{LinkText, Walk};
    use crate::kernel::{DentryId, Key};

    fn take_all(mut walk: Walk<'_>) -> Vec<(String, bool, Option<usize>)> {
        let mut taken = Vec::new();
        while let Some(component) = walk.take() {
            let name = String::from_utf8(component.name.into_owned()).expect("ascii");
            taken.push((name, component.slashes, component.link.map(Key::index)));
        }
        assert!(walk.is_over());
        taken
    }

    fn names(path: &str) -> Vec<(String, bool)> {
        let walk = Walk::new(DentryId::from_index(0), path.as_bytes());
        take_all(walk).into_iter().map(|(name, slashes, _)| (name, slashes)).collect()
    }

    #[test]
    fn a_path_splits_into_components_that_know_their_slashes() {
        assert_eq!(names("a/b"), [("a".into(), true), ("b".into(), false)]);
        assert_eq!(names("//a//"), [("a".into(), true)]);
        assert_eq!(names("/"), []);
        assert_eq!(names("a/./.."), [("a".into(), true), (".".into(), true), ("..".into(), false)]);
    }

    #[test]
    fn the_text_of_a_symlink_comes_first_and_its_last_name_lets_go_of_it() {
        let mut walk = Walk::new(DentryId::from_index(0), b"left");
        let text = |text: &str, number| LinkText {
            text: text.as_bytes().to_vec(),
            next: 0,
            link: DentryId::from_index(number),
        };
        walk.links.extend([text("x//y/", 7), text("z", 8)]);
        let expected = [("z", false, Some(8)), ("x", true, None), ("y", true, Some(7))];
        let expected = expected.into_iter().chain([("left", false, None)]);
        let expected: Vec<_> =
            expected.map(|(name, slashes, link)| (name.to_owned(), slashes, link)).collect();
        assert_eq!(take_all(walk), expected);
    }
}
