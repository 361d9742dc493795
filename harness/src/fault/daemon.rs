//! A daemon that agrees with everything, and one that fails when it is told to.
//!
//! The echo daemon answers PREFILTER and POSTFILTER requests so that nothing changes: what it was
//! sent is what it sends back. It serves no ordinary request. What a reader would get wrong: a
//! daemon that died stays dead for the rest of the run.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{Caller, Errno, NodeId, Op, Opcode, Reply, Request};

use super::{Armed, DaemonFault, FaultKind};
use crate::daemon::init_reply;
use crate::pipeline::{Daemon, Device};
use crate::sim::Action;

/// A userspace server that changes nothing.
///
/// ```
/// use fuserig::fault::EchoDaemon;
/// use fuserig::pipeline::Daemon;
/// let mut daemon = EchoDaemon::default();
/// daemon.forget(fuserig_abi::NodeId(2), 1);
/// assert_eq!(daemon.forgotten(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct EchoDaemon {
    forgotten: u64,
}

impl EchoDaemon {
    /// How many FORGETs arrived.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

/// The bit of the opcode that says a request belongs to a filter's prefilter.
const PREFILTER: u32 = 0x10000;

/// Writes a reply; what the device says of it is the kernel's business.
fn answer(device: &mut Device<'_>, request: &Request, error: i32, body: Vec<u8>) {
    let _ = device.reply(&Reply { unique: request.unique, error, body });
}

impl Daemon for EchoDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        if request.opcode == Opcode::INIT {
            let _ = device.reply(&init_reply(request));
        } else if request.opcode.0 & PREFILTER != 0 {
            // The in arguments come back as they went out.
            answer(device, request, 0, request.body.clone());
        } else {
            answer(device, request, Errno::ENOSYS.negative(), Vec::new());
        }
    }

    fn forget(&mut self, _: NodeId, _: u64) {
        self.forgotten += 1;
    }
}

/// Any daemon, with faults.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use fuserig::fault::{Armed, EchoDaemon, FaultyDaemon};
/// let armed = Rc::new(RefCell::new(Armed::default()));
/// let daemon = FaultyDaemon::new(Box::new(EchoDaemon::default()), armed);
/// # let _ = daemon;
/// ```
#[derive(Debug)]
pub struct FaultyDaemon {
    inner: Box<dyn Daemon>,
    armed: Rc<RefCell<Armed>>,
    dead: bool,
}

impl FaultyDaemon {
    /// `inner` with the faults that `armed` holds.
    pub fn new(inner: Box<dyn Daemon>, armed: Rc<RefCell<Armed>>) -> FaultyDaemon {
        FaultyDaemon { inner, armed, dead: false }
    }
}

impl Daemon for FaultyDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        let wanted = |fault: &FaultKind| matches!(fault, FaultKind::Daemon { .. });
        let fault = self.armed.borrow_mut().fire(request.pid, wanted);
        if let Some(FaultKind::Daemon { fault: DaemonFault::Dies }) = fault {
            self.dead = true;
        }
        match fault {
            // A connection without a server fails what it is asked (man 4 fuse: ENOTCONN).
            _ if self.dead => answer(device, request, Errno::ENOTCONN.negative(), Vec::new()),
            Some(FaultKind::Daemon { fault: DaemonFault::Never }) => {}
            Some(FaultKind::Daemon { fault: DaemonFault::WrongLength }) => {
                answer(device, request, 0, vec![0; request.body.len() + 3]);
            }
            Some(FaultKind::Daemon { fault: DaemonFault::ErrorWithBody }) => {
                answer(device, request, Errno::EIO.negative(), vec![0; 8]);
            }
            Some(FaultKind::Daemon { fault: DaemonFault::Fails }) => {
                answer(device, request, Errno::EIO.negative(), Vec::new());
            }
            Some(FaultKind::Daemon { fault: DaemonFault::Twice }) => {
                self.inner.serve(request, device);
                answer(device, request, 0, request.body.clone());
            }
            _ => self.inner.serve(request, device),
        }
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.inner.forget(nodeid, nlookup);
    }

    fn uses_mount(&mut self, op: Op, caller: &Caller) -> Option<Action> {
        if self.dead { None } else { self.inner.uses_mount(op, caller) }
    }
}
