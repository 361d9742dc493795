//! A daemon that looks up its answer in a list: the first policy with the request's opcode and
//! phase wins.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{Abi, Errno, NodeId, Opcode, Reply, Request};

use super::init_reply;
use crate::pipeline::{Daemon, Device, Route};

/// What a policy answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A header with this error, negative as on the wire, and no body.
    Error(i32),
    /// The whole body back.
    Echo,
    /// So many bytes from the start of the body.
    EchoFirst(usize),
    /// Bytes of the body from an offset; what lies behind its end reads as zero.
    Slice {
        /// Where they begin.
        offset: usize,
        /// How many.
        length: usize,
    },
    /// This body, by this route.
    Data(Vec<u8>, Route),
    /// A header with this error, and a body.
    ErrorData(i32, Vec<u8>),
}

/// A request as the daemon got it, and what became of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The request.
    pub request: Request,
    /// The reply it wrote.
    pub reply: Reply,
    /// What the device said.
    pub written: Result<usize, Errno>,
}

/// A daemon with a list of policies. INIT is answered plainly, FORGET is noted. A refused reply is
/// followed by EIO, so that nobody waits for ever.
///
/// ```
/// use std::rc::Rc;
/// use fuserig::daemon::{Action, PolicyDaemon};
/// use fuserig_abi::{Opcode, Phase};
///
/// let mut daemon = PolicyDaemon::new(Action::Error(-38));
/// daemon.policy(Opcode::OPEN.with_phase(Phase::Pre), Action::Echo);
/// let heard = Rc::clone(daemon.heard());
/// assert!(heard.borrow().is_empty(), "nothing was asked yet");
/// ```
#[derive(Debug)]
pub struct PolicyDaemon {
    policies: Vec<(Opcode, Action)>,
    otherwise: Action,
    heard: Rc<RefCell<Vec<Heard>>>,
    forgotten: Rc<RefCell<Vec<(NodeId, u64)>>>,
}

impl PolicyDaemon {
    /// The opcode of a policy for every request.
    pub const ANY: Opcode = Opcode(u32::MAX);

    /// A daemon that answers everything but INIT like this.
    pub fn new(otherwise: Action) -> PolicyDaemon {
        PolicyDaemon {
            policies: Vec::new(),
            otherwise,
            heard: Rc::default(),
            forgotten: Rc::default(),
        }
    }

    /// Adds a policy behind those there are.
    pub fn policy(&mut self, opcode: Opcode, action: Action) {
        self.policies.push((opcode, action));
    }

    /// What was asked, INIT included, and answered; shared with the daemon.
    pub fn heard(&self) -> &Rc<RefCell<Vec<Heard>>> {
        &self.heard
    }

    /// Nodes and counts of every FORGET; shared with the daemon.
    pub fn forgotten(&self) -> &Rc<RefCell<Vec<(NodeId, u64)>>> {
        &self.forgotten
    }

    fn answer(&self, request: &Request, abi: Abi) -> (Reply, Route) {
        if request.opcode == Opcode::INIT {
            return (init_reply(request), Route::Write);
        }
        let meant = |opcode: Opcode| opcode == request.opcode || opcode == PolicyDaemon::ANY;
        let known = self.policies.iter().find(|(opcode, _)| meant(*opcode));
        let action = known.map_or(&self.otherwise, |(_, action)| action);
        // A POSTFILTER request's extension is part of what a daemon reads.
        let bytes = request.encode_for(abi);
        let body = &bytes[size_of::<fuserig_abi::FuseInHeader>()..];
        let unique = request.unique;
        let plain = |body: Vec<u8>| (Reply::success(unique, body), Route::Write);
        match action {
            Action::Error(error) => {
                (Reply { unique, error: *error, body: Vec::new() }, Route::Write)
            }
            Action::Echo => plain(body.to_vec()),
            Action::EchoFirst(count) => plain(body[..(*count).min(body.len())].to_vec()),
            Action::Slice { offset, length } => {
                let mut data: Vec<u8> = body.iter().skip(*offset).take(*length).copied().collect();
                data.resize(*length, 0);
                plain(data)
            }
            Action::Data(data, route) => (Reply::success(unique, data.clone()), *route),
            Action::ErrorData(error, data) => {
                (Reply { unique, error: *error, body: data.clone() }, Route::Write)
            }
        }
    }
}

impl Daemon for PolicyDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        let (reply, route) = self.answer(request, device.abi());
        let bytes = reply.encode();
        let written = match route {
            Route::Write => device.write(&bytes),
            Route::Ioctl => device.respond_by_ioctl(&bytes),
        };
        let heard = Heard { request: request.clone(), reply, written };
        self.heard.borrow_mut().push(heard);
        if written.is_err() && !device.is_settled() {
            let settled = device.error(Errno::EIO);
            debug_assert!(settled.is_ok(), "an error without body is always accepted");
        }
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.forgotten.borrow_mut().push((nodeid, nlookup));
    }
}
