//! What the importer knows of each task: its descriptors, its directory, whom it shares them with.
//!
//! Only descriptors *inside* the root are kept; every other number is simply not here. Tables are
//! shared by number, as clone(2) lets tasks share them (`CLONE_FILES`, `CLONE_FS`). What a reader
//! would get wrong: the annotations of `-y` are the truth about where a descriptor leads, and this
//! table is the truth about whether the trace has it.

use std::collections::BTreeMap;

/// Descriptors over all tables, so that a log of forks cannot multiply them without end.
pub(super) const DESCRIPTORS_MAX: usize = 4 << 20;

/// Strangers remembered for one table; more are reported at every use.
const STRANGERS_MAX: usize = 64;

/// A descriptor inside the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    /// Where it was opened, as the log's machine sees it; empty when unknown.
    pub(super) path: Vec<u8>,
    pub(super) cloexec: bool,
}

/// What a task knows of its own user and group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) uid: Option<i64>,
    pub(super) gid: Option<i64>,
}

#[derive(Clone, Debug)]
struct Task {
    files: u64,
    place: u64,
    identity: Identity,
}

#[derive(Clone, Debug, Default)]
struct Table {
    users: u32,
    open: BTreeMap<i64, Open>,
    /// Inside descriptors that are not in the trace, already reported.
    strangers: BTreeMap<i64, Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
struct Place {
    users: u32,
    cwd: Option<Vec<u8>>,
    traced: TracedCwd,
}

/// Which directory the trace has a client in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TracedCwd {
    /// From the root on; `None` when the trace does not know or the client is outside.
    full: Option<Vec<u8>>,
    /// The trace has a chdir whose path was not confirmed by an annotation yet; it may have gone
    /// through symbolic links.
    fresh: bool,
}

impl TracedCwd {
    /// The trace has a chdir to `full` since now, or the client went outside.
    pub(super) fn moved(&mut self, full: Option<Vec<u8>>) {
        self.fresh = full.is_some();
        self.full = full;
    }

    /// The log says where the client is. Whether the trace has it there, too.
    pub(super) fn settle(&mut self, full: Option<Vec<u8>>) -> bool {
        let agrees = self.fresh || self.full == full;
        self.fresh = false;
        self.full = full;
        agrees
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.fresh
    }

    pub(super) fn is_settled(&self) -> bool {
        !self.fresh
    }
}

/// Which tables a new task shares with its parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) files: bool,
    pub(super) place: bool,
}

/// All tasks that live.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    tasks: BTreeMap<u32, Task>,
    tables: BTreeMap<u64, Table>,
    places: BTreeMap<u64, Place>,
    next: u64,
    descriptors: usize,
}

impl Tasks {
    /// Whether the task is known.
    pub(super) fn contains(&self, pid: u32) -> bool {
        self.tasks.contains_key(&pid)
    }

    /// The only task that lives, if there is one.
    pub(super) fn only(&self) -> Option<u32> {
        match self.tasks.len() {
            1 => self.tasks.keys().next().copied(),
            _ => None,
        }
    }

    /// A task nobody forked, with nothing open and its directory unknown.
    pub(super) fn appear(&mut self, pid: u32) {
        if !self.tasks.contains_key(&pid) {
            let (files, place) = (self.new_table(), self.new_place());
            let identity = Identity::default();
            self.tasks.insert(pid, Task { files, place, identity });
        }
    }

    /// A task forked by `parent`, which must be another one.
    pub(super) fn fork(&mut self, parent: u32, child: u32, share: Share) {
        assert!(parent != child, "callers refuse a task that forks itself");
        self.appear(parent);
        self.exit(child);
        let mut task = self.task(parent).clone();
        if share.files {
            self.table(parent).users += 1;
        } else {
            let copy = self.table(parent).open.clone();
            let strangers = self.table(parent).strangers.clone();
            task.files = self.new_table();
            self.descriptors = self.descriptors.saturating_add(copy.len());
            self.tables.insert(task.files, Table { users: 1, open: copy, strangers });
        }
        if share.place {
            self.place(parent).users += 1;
        } else {
            let copy = Place { users: 1, ..self.place(parent).clone() };
            task.place = self.new_place();
            self.places.insert(task.place, copy);
        }
        self.tasks.insert(child, task);
    }

    /// The task is gone; tables without a task go with it.
    pub(super) fn exit(&mut self, pid: u32) {
        let Some(task) = self.tasks.remove(&pid) else { return };
        self.drop_table(task.files);
        self.drop_place(task.place);
    }

    /// execve(2): the table becomes private and loses what is marked close-on-exec.
    pub(super) fn exec(&mut self, pid: u32) {
        self.unshare(pid, Share { files: true, place: true });
        let table = self.table(pid);
        let before = table.open.len();
        table.open.retain(|_, open| !open.cloexec);
        table.strangers.clear();
        let closed = before - table.open.len();
        self.descriptors = self.descriptors.saturating_sub(closed);
    }

    /// unshare(2): the named tables become private.
    pub(super) fn unshare(&mut self, pid: u32, what: Share) {
        self.appear(pid);
        if what.files && self.table(pid).users > 1 {
            let mut copy = self.table(pid).clone();
            copy.users = 1;
            self.descriptors = self.descriptors.saturating_add(copy.open.len());
            let (old, new) = (self.task(pid).files, self.new_table());
            self.tables.insert(new, copy);
            self.task(pid).files = new;
            self.drop_table(old);
        }
        if what.place && self.place(pid).users > 1 {
            let mut copy = self.place(pid).clone();
            copy.users = 1;
            let (old, new) = (self.task(pid).place, self.new_place());
            self.places.insert(new, copy);
            self.task(pid).place = new;
            self.drop_place(old);
        }
    }

    /// The descriptor, if it is inside the root and in the trace.
    pub(super) fn open(&mut self, pid: u32, fd: i64) -> Option<&mut Open> {
        self.table(pid).open.get_mut(&fd)
    }

    /// Names the table of a task; threads share one.
    pub(super) fn table_id(&mut self, pid: u32) -> u64 {
        self.appear(pid);
        self.task(pid).files
    }

    /// Puts a descriptor in its place; what was there is closed.
    pub(super) fn insert(&mut self, pid: u32, fd: i64, open: Open) {
        let table = self.table(pid);
        table.strangers.remove(&fd);
        if table.open.insert(fd, open).is_none() {
            self.descriptors = self.descriptors.saturating_add(1);
        }
    }

    /// Takes a descriptor away.
    pub(super) fn remove(&mut self, pid: u32, fd: i64) -> Option<Open> {
        let table = self.table(pid);
        table.strangers.remove(&fd);
        let open = table.open.remove(&fd);
        self.descriptors = self.descriptors.saturating_sub(usize::from(open.is_some()));
        open
    }

    /// The numbers of the inside descriptors from `first` to `last`.
    pub(super) fn range(&mut self, pid: u32, first: i64, last: i64) -> Vec<i64> {
        if first > last {
            return Vec::new();
        }
        self.table(pid).open.range(first..=last).map(|(fd, _)| *fd).collect()
    }

    /// Whether this is news: a descriptor inside the root that the trace has not opened.
    pub(super) fn note_stranger(&mut self, pid: u32, fd: i64, path: &[u8]) -> bool {
        let strangers = &mut self.table(pid).strangers;
        if strangers.len() >= STRANGERS_MAX && !strangers.contains_key(&fd) {
            return true;
        }
        strangers.insert(fd, path.to_vec()).is_none_or(|known| known != path)
    }

    /// The working directory, as the log's machine sees it.
    pub(super) fn cwd(&mut self, pid: u32) -> Option<&[u8]> {
        self.place(pid).cwd.as_deref()
    }

    /// Learns the working directory.
    pub(super) fn set_cwd(&mut self, pid: u32, cwd: Option<Vec<u8>>) {
        self.place(pid).cwd = cwd;
    }

    /// Which directory the trace has the task in.
    pub(super) fn traced_cwd(&mut self, pid: u32) -> &mut TracedCwd {
        &mut self.place(pid).traced
    }

    /// What the task knows of its user.
    pub(super) fn identity(&mut self, pid: u32) -> &mut Identity {
        self.appear(pid);
        &mut self.task(pid).identity
    }

    /// How many descriptors all tables hold.
    pub(super) fn descriptors(&self) -> usize {
        self.descriptors
    }

    fn task(&mut self, pid: u32) -> &mut Task {
        self.tasks.get_mut(&pid).expect("callers let the task appear first")
    }

    fn table(&mut self, pid: u32) -> &mut Table {
        self.appear(pid);
        let files = self.task(pid).files;
        self.tables.get_mut(&files).expect("a task's table lives as long as the task")
    }

    fn place(&mut self, pid: u32) -> &mut Place {
        self.appear(pid);
        let place = self.task(pid).place;
        self.places.get_mut(&place).expect("a task's place lives as long as the task")
    }

    fn new_table(&mut self) -> u64 {
        self.next = self.next.checked_add(1).expect("a log has fewer than 2^64 tasks");
        self.tables.insert(self.next, Table { users: 1, ..Table::default() });
        self.next
    }

    fn new_place(&mut self) -> u64 {
        self.next = self.next.checked_add(1).expect("a log has fewer than 2^64 tasks");
        self.places.insert(self.next, Place { users: 1, ..Place::default() });
        self.next
    }

    fn drop_table(&mut self, id: u64) {
        let table = self.tables.get_mut(&id).expect("a table is dropped once for each user");
        table.users -= 1;
        if table.users == 0 {
            self.descriptors = self.descriptors.saturating_sub(table.open.len());
            self.tables.remove(&id);
        }
    }

    fn drop_place(&mut self, id: u64) {
        let place = self.places.get_mut(&id).expect("a place is dropped once for each user");
        place.users -= 1;
        if place.users == 0 {
            self.places.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Open, Share, Tasks};

    fn tasks_with(fds: &[(i64, bool)]) -> Tasks {
        let mut tasks = Tasks::default();
        for (fd, cloexec) in fds {
            tasks.insert(1, *fd, Open { path: b"/w/a".to_vec(), cloexec: *cloexec });
        }
        tasks
    }

    fn fds(tasks: &mut Tasks, pid: u32) -> Vec<i64> {
        tasks.range(pid, 0, i64::MAX)
    }

    #[test]
    fn a_forked_process_has_copies_and_a_thread_shares() {
        let mut tasks = tasks_with(&[(3, false)]);
        tasks.fork(1, 2, Share::default());
        tasks.fork(1, 3, Share { files: true, place: true });
        tasks.remove(1, 3);
        assert_eq!(fds(&mut tasks, 2), [3]);
        assert_eq!(fds(&mut tasks, 3), Vec::<i64>::new());
        tasks.set_cwd(3, Some(b"/w".to_vec()));
        assert_eq!(tasks.cwd(1), Some(&b"/w"[..]));
        assert_eq!(tasks.cwd(2), None);
        for pid in 1..=3 {
            tasks.exit(pid);
        }
        assert_eq!((tasks.tables.len(), tasks.places.len(), tasks.descriptors()), (0, 0, 0));
    }

    #[test]
    fn exec_closes_what_is_marked_and_stops_sharing() {
        let mut tasks = tasks_with(&[(3, true), (4, false)]);
        tasks.fork(1, 2, Share { files: true, place: true });
        tasks.exec(2);
        assert_eq!(fds(&mut tasks, 2), [4]);
        assert_eq!(fds(&mut tasks, 1), [3, 4]);
        assert_eq!(tasks.descriptors(), 3);
    }

    #[test]
    fn a_stranger_is_news_once() {
        let mut tasks = tasks_with(&[]);
        assert!(tasks.note_stranger(1, 0, b"/w/in"));
        assert!(!tasks.note_stranger(1, 0, b"/w/in"));
        assert!(tasks.note_stranger(1, 0, b"/w/other"));
    }
}
