//! A lower filesystem that fails when it is told to.
//!
//! It stands between the pipeline and any other lower, looks at each operation once, and either
//! answers itself or hands it on. It refuses to fail the kernel's own calls (pid 0), which no
//! kernel expects to fail.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use fuserig_abi::{Caller, Errno, Ino, Pid};
use fuserig_sim_fs::{Lower, LowerOp, LowerReply};

use super::FaultKind;

/// The faults that wait for an operation, by the client whose action they belong to.
///
/// ```
/// use fuserig::fault::{Armed, FaultKind};
/// use fuserig_abi::Pid;
/// let mut armed = Armed::default();
/// armed.arm(Pid(1), vec![FaultKind::ShortRead { size: 1 }]);
/// assert_eq!(armed.disarm(Pid(1)).len(), 1);
/// ```
#[derive(Debug, Default)]
pub struct Armed {
    waiting: BTreeMap<Pid, Vec<FaultKind>>,
    fired: u64,
    /// Whose daemon took its time in this step.
    late: Option<Pid>,
}

impl Armed {
    /// Arms the faults of the client's next action.
    pub fn arm(&mut self, pid: Pid, faults: Vec<FaultKind>) {
        self.waiting.insert(pid, faults);
    }

    /// Takes back those that did not happen.
    pub fn disarm(&mut self, pid: Pid) -> Vec<FaultKind> {
        self.waiting.remove(&pid).unwrap_or_default()
    }

    /// Whether faults of the client wait.
    pub fn is_armed(&self, pid: Pid) -> bool {
        self.waiting.get(&pid).is_some_and(|faults| !faults.is_empty())
    }

    /// Counts a fault that happened elsewhere.
    pub fn note_fired(&mut self) {
        self.fired += 1;
    }

    /// The daemon takes its time over a request of that client.
    pub fn note_late(&mut self, pid: Pid) {
        self.late = Some(pid);
    }

    /// Whose daemon took its time since this was asked last.
    pub fn take_late(&mut self) -> Option<Pid> {
        self.late.take()
    }

    /// How many faults happened so far.
    pub fn fired(&self) -> u64 {
        self.fired
    }

    /// The first waiting fault of the client that `wanted` accepts; it happens now.
    pub fn fire(&mut self, pid: Pid, wanted: impl Fn(&FaultKind) -> bool) -> Option<FaultKind> {
        let faults = self.waiting.get_mut(&pid)?;
        let place = faults.iter().position(wanted)?;
        self.fired += 1;
        Some(faults.remove(place))
    }
}

/// Any lower filesystem, with faults.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use fuserig::fault::{Armed, FaultKind, FaultyLower};
/// use fuserig_abi::{Caller, Credentials, Errno, Ino, Pid, Timespec};
/// use fuserig_sim_fs::{LowerExt, MemFs};
///
/// let armed = Rc::new(RefCell::new(Armed::default()));
/// let fs = MemFs::from_tree("/a 'x'").expect("well-formed");
/// let mut lower = FaultyLower::new(Box::new(fs), Rc::clone(&armed));
/// let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
/// armed.borrow_mut().arm(Pid(1), vec![FaultKind::Lower { op: "lookup".to_owned(), errno: 5 }]);
/// assert_eq!(lower.lookup(&caller, Ino(1), b"a"), Err(Errno::EIO));
/// assert!(lower.lookup(&caller, Ino(1), b"a").is_ok(), "a fault happens once");
/// ```
#[derive(Debug)]
pub struct FaultyLower {
    inner: Box<dyn Lower>,
    armed: Rc<RefCell<Armed>>,
}

impl FaultyLower {
    /// `inner` with the faults that `armed` holds.
    pub fn new(inner: Box<dyn Lower>, armed: Rc<RefCell<Armed>>) -> FaultyLower {
        FaultyLower { inner, armed }
    }
}

impl Lower for FaultyLower {
    fn root(&self) -> Ino {
        self.inner.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        let fault = self.armed.borrow_mut().fire(caller.pid, |fault| match fault {
            FaultKind::Lower { op: wanted, .. } => wanted == op_name(op),
            FaultKind::ShortRead { .. } => matches!(op, LowerOp::Read { .. }),
            FaultKind::ShortWrite { .. } => matches!(op, LowerOp::Write { .. }),
            FaultKind::NoMemory
            | FaultKind::ClockJump { .. }
            | FaultKind::Signal
            | FaultKind::Killed
            | FaultKind::Daemon { .. } => false,
        });
        match (fault, op) {
            (Some(FaultKind::Lower { errno, .. }), _) => Err(Errno(errno)),
            (Some(FaultKind::ShortRead { size }), &LowerOp::Read { fh, offset, size: asked }) => {
                self.inner.apply(caller, &LowerOp::Read { fh, offset, size: asked.min(size) })
            }
            (Some(FaultKind::ShortWrite { size }), &LowerOp::Write { fh, offset, data }) => {
                let data = &data[..data.len().min(size as usize)];
                self.inner.apply(caller, &LowerOp::Write { fh, offset, data })
            }
            _ => self.inner.apply(caller, op),
        }
    }
}

/// The name of an operation of the lower filesystem, as fault plans and reports spell it.
pub(crate) fn op_name(op: &LowerOp<'_>) -> &'static str {
    match op {
        LowerOp::Lookup { .. } => "lookup",
        LowerOp::Parent { .. } => "parent",
        LowerOp::Forget { .. } => "forget",
        LowerOp::Getattr { .. } => "getattr",
        LowerOp::Setattr { .. } => "setattr",
        LowerOp::Access { .. } => "access",
        LowerOp::Create { .. } => "create",
        LowerOp::Mknod { .. } => "mknod",
        LowerOp::Mkdir { .. } => "mkdir",
        LowerOp::Symlink { .. } => "symlink",
        LowerOp::Link { .. } => "link",
        LowerOp::Unlink { .. } => "unlink",
        LowerOp::Rmdir { .. } => "rmdir",
        LowerOp::Rename { .. } => "rename",
        LowerOp::Readlink { .. } => "readlink",
        LowerOp::Open { .. } => "open",
        LowerOp::CreateOpen { .. } => "create_open",
        LowerOp::Tmpfile { .. } => "tmpfile",
        LowerOp::Release { .. } => "release",
        LowerOp::Flush { .. } => "flush",
        LowerOp::Fsync { .. } => "fsync",
        LowerOp::Read { .. } => "read",
        LowerOp::Write { .. } => "write",
        LowerOp::Fallocate { .. } => "fallocate",
        LowerOp::Seek { .. } => "seek",
        LowerOp::CopyRange { .. } => "copy_range",
        LowerOp::ReadDir { .. } => "read_dir",
        LowerOp::Statfs { .. } => "statfs",
        LowerOp::GetXattr { .. } => "get_xattr",
        LowerOp::ListXattr { .. } => "list_xattr",
        LowerOp::SetXattr { .. } => "set_xattr",
        LowerOp::RemoveXattr { .. } => "remove_xattr",
        LowerOp::GetLock { .. } => "get_lock",
        LowerOp::SetLock { .. } => "set_lock",
        LowerOp::Flock { .. } => "flock",
    }
}
