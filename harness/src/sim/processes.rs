//! The processes of one client: who calls, who waits for whose exit, and what each has open.
//!
//! A child goes on in the place of whoever forked it, and that one waits: at any time one process
//! of a client calls. It refuses to perform anything: it says which call an action is, and takes
//! what came of it. What a reader would get wrong: a case has no processes in it. Which actions are
//! the child's follows from what returned, so that any action may be left out of a case: without a
//! fork its exit is none, and without an exit the child goes on to the end of the run.

use std::collections::BTreeSet;

use fuserig_abi::{Errno, Pid};

use super::Action;
use crate::vfs::Call;

/// Most processes of a client that wait, each for the next: a shell that runs a script that runs a
/// program.
pub(crate) const WAITING_MAX: usize = 3;

/// How far apart the pids of one client's processes are: more than there are clients.
const APART: u32 = 1000;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    pid: Pid,
    /// Its open descriptors, the newest last.
    files: Vec<i32>,
    /// Those of them that close when a program is executed.
    marked: BTreeSet<i32>,
}

/// The processes of one client.
///
/// ```
/// use fuserig::sim::{Action, Processes};
/// use fuserig_abi::Pid;
/// let mut processes = Processes::new(Pid(1));
/// processes.note(&Action::Fork, Ok(1001));
/// assert_eq!(processes.pid(), Pid(1001));
/// processes.note(&Action::Exit, Ok(0));
/// assert_eq!(processes.pid(), Pid(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processes {
    calls: Process,
    waiting: Vec<Process>,
    /// How many children there have been: none has the pid of another.
    forked: u32,
}

impl Processes {
    /// A client that has not forked, and has nothing open.
    pub fn new(pid: Pid) -> Processes {
        let calls = Process { pid, files: Vec::new(), marked: BTreeSet::new() };
        Processes { calls, waiting: Vec::new(), forked: 0 }
    }

    /// The process that calls.
    pub fn pid(&self) -> Pid {
        self.calls.pid
    }

    /// The open descriptors of the process that calls, the newest last.
    pub fn files(&self) -> &[i32] {
        &self.calls.files
    }

    /// Whether another waits for the exit of the process that calls.
    pub fn is_child(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The system call that an action is now. One fork too many names a child that there is
    /// already, which is `EAGAIN`; the exit of whoever nobody waits for asks to become nobody else.
    pub fn call(&self, action: &Action) -> Call {
        match action {
            Action::Fork => Call::Fork { child: self.child(), share_files: false, share_fs: false },
            Action::Exit if !self.is_child() => Call::SetIds { uid: None, gid: None },
            other => other.call(&self.calls.files),
        }
    }

    /// The next child.
    fn child(&self) -> Pid {
        match self.waiting.first() {
            _ if self.waiting.len() >= WAITING_MAX => self.calls.pid,
            Some(first) => Pid(first.pid.0 + APART * (self.forked + 1)),
            None => Pid(self.calls.pid.0 + APART * (self.forked + 1)),
        }
    }

    /// An action of the process that calls returned.
    pub fn note(&mut self, action: &Action, value: Result<i64, Errno>) {
        match action {
            Action::Fork if value.is_ok() => {
                let child = Process { pid: self.child(), ..self.calls.clone() };
                self.waiting.push(core::mem::replace(&mut self.calls, child));
                self.forked += 1;
            }
            Action::Exit => {
                if let Some(parent) = self.waiting.pop() {
                    self.calls = parent;
                }
            }
            Action::Exec => {
                let Process { files, marked, .. } = &mut self.calls;
                files.retain(|fd| !marked.contains(fd));
                marked.clear();
            }
            _ => {
                let Process { files, marked, .. } = &mut self.calls;
                action.note_marks(files, marked, value);
                action.note_slots(files, value);
                marked.retain(|fd| files.contains(fd));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fuserig_sim_fs::OpenFlags;

    use super::*;

    fn open(flags: OpenFlags) -> Action {
        Action::Open { path: "f".into(), flags: flags.bits(), mode: 0 }
    }

    #[test]
    fn a_child_has_a_table_of_its_own_and_the_parent_keeps_its() {
        let mut processes = Processes::new(Pid(2));
        processes.note(&open(OpenFlags::empty()), Ok(0));
        processes.note(&Action::Fork, Ok(1002));
        assert_eq!((processes.pid(), processes.files()), (Pid(1002), &[0][..]));
        processes.note(&open(OpenFlags::empty()), Ok(1));
        processes.note(&Action::Close { file: 1 }, Ok(0));
        assert_eq!(processes.files(), [1]);
        processes.note(&Action::Exit, Ok(0));
        assert_eq!((processes.pid(), processes.files()), (Pid(2), &[0][..]));
        processes.note(&Action::Fork, Ok(2002));
        assert_eq!(processes.pid(), Pid(2002), "nobody is anybody else");
    }

    #[test]
    fn whoever_nobody_waits_for_stays() {
        let mut processes = Processes::new(Pid(1));
        assert_eq!(processes.call(&Action::Exit), Call::SetIds { uid: None, gid: None });
        processes.note(&open(OpenFlags::empty()), Ok(0));
        processes.note(&Action::Exit, Ok(0));
        assert_eq!((processes.pid(), processes.files()), (Pid(1), &[0][..]));
    }

    #[test]
    fn one_fork_too_many_names_who_is_there() {
        let mut processes = Processes::new(Pid(1));
        for _ in 0..WAITING_MAX {
            assert_ne!(processes.child(), processes.pid());
            processes.note(&Action::Fork, Ok(0));
        }
        assert_eq!(processes.child(), processes.pid());
        processes.note(&Action::Fork, Err(Errno::EAGAIN));
        assert_eq!(processes.waiting.len(), WAITING_MAX);
    }

    #[test]
    fn what_is_marked_closes_when_a_program_is_executed() {
        let mut processes = Processes::new(Pid(1));
        for (fd, flags) in
            [OpenFlags::CLOEXEC, OpenFlags::empty(), OpenFlags::CLOEXEC].into_iter().enumerate()
        {
            processes.note(&open(flags), Ok(fd as i64));
        }
        // A duplicate is not marked, and neither is a number that means something else.
        processes.note(&Action::Dup { file: 0 }, Ok(3));
        processes.note(&Action::Dup2 { file: 0, onto: 3 }, Ok(0));
        processes.note(&Action::Dup2 { file: 1, onto: 1 }, Ok(2));
        processes.note(&Action::SetCloexec { file: 2, on: true }, Ok(0));
        processes.note(&Action::Exec, Ok(0));
        assert_eq!(processes.files(), [0, 3]);
        processes.note(&Action::Exec, Ok(0));
        assert_eq!(processes.files(), [0, 3]);
    }
}
