//! A server in the process of the kernel that asks it: the daemon of an ordinary mount, with bytes
//! between the two and neither a device nor a clock of this machine.
//!
//! It does what the mount does with a request: reads it, has the server answer, says which node
//! has other attributes than the kernel was told, and writes the reply. It refuses to know what
//! the requests mean. What a reader would get wrong: it is a handle. Whoever keeps a clone looks
//! at the world behind the daemon while the kernel has the daemon. And what a client asks is done
//! when it is sent, while its reply lies in the device until somebody comes for one, so that other
//! clients ask in between, and what they were told is older than it was when they hear of it.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;

use fuserig_abi::{
    Errno, FUSE_AUTO_INVAL_DATA, FUSE_BIG_WRITES, FUSE_CACHE_SYMLINKS, FUSE_DO_READDIRPLUS,
    FUSE_DONT_MASK, FUSE_HANDLE_KILLPRIV_V2, FUSE_MAX_PAGES, FUSE_POSIX_ACL, FUSE_READDIRPLUS_AUTO,
    NodeId, Opcode, Reply, Request, Timespec,
};

use super::incoming::{Head, Incoming};
use super::outgoing::Outgoing;
use super::server::Server;
use crate::kernel::World;
use crate::pipeline::{Daemon, Device, Patience};

/// What a mount with its defaults agrees on and fuser adds, as far as the modelled kernel acts on
/// it: `mount::MountOptions` has the reasons. Locks are the kernel's own.
const FLAGS: u64 = FUSE_BIG_WRITES
    | FUSE_DONT_MASK
    | FUSE_AUTO_INVAL_DATA
    | FUSE_DO_READDIRPLUS
    | FUSE_READDIRPLUS_AUTO
    | FUSE_POSIX_ACL
    | FUSE_MAX_PAGES
    | FUSE_CACHE_SYMLINKS
    | FUSE_HANDLE_KILLPRIV_V2;
/// As a mount asks for it.
const MAX_WRITE: u32 = 1 << 20;
/// So many pages are one such write.
const MAX_PAGES: u16 = 256;
/// What fuser says: requests in the background, and how many are a crowd.
const BACKGROUND: [u16; 2] = [64, 48];
/// As the kernel offers it.
const MAX_READAHEAD: u32 = 128 << 10;
/// `FUSE_NOTIFY_INVAL_INODE`.
const INVAL_INODE: i32 = 2;

/// A server as a daemon.
#[derive(Clone, Debug)]
pub(crate) struct InProcess {
    server: Rc<RefCell<Server>>,
    /// What was written to requests that were taken, the oldest first.
    written: VecDeque<Answer>,
}

/// What the server writes to one request.
#[derive(Clone, Debug)]
struct Answer {
    /// A node whose attributes are others than the kernel was told, which is said first.
    stale: Option<NodeId>,
    reply: Reply,
}

impl InProcess {
    /// The daemon that has this server.
    pub(crate) fn new(server: Server) -> InProcess {
        InProcess { server: Rc::new(RefCell::new(server)), written: VecDeque::new() }
    }

    /// The server, for looking.
    pub(crate) fn server(&self) -> Ref<'_, Server> {
        self.server.borrow()
    }

    /// The server, for changing what is around it.
    pub(crate) fn server_mut(&self) -> RefMut<'_, Server> {
        self.server.borrow_mut()
    }
}

/// The reply to INIT: the version that was asked for, and [`FLAGS`].
fn init_reply(request: &Request) -> Vec<u8> {
    let mut body = 7_u32.to_le_bytes().to_vec();
    body.extend(request.body.get(4..8).unwrap_or(&[0; 4]));
    body.extend(MAX_READAHEAD.to_le_bytes());
    let flags = u32::try_from(FLAGS).expect("all are in the first word");
    body.extend(flags.to_le_bytes());
    BACKGROUND.iter().for_each(|number| body.extend(number.to_le_bytes()));
    body.extend(MAX_WRITE.to_le_bytes());
    body.extend(1_u32.to_le_bytes()); // time_gran
    body.extend(MAX_PAGES.to_le_bytes());
    body.resize(64, 0);
    body
}

/// Bytes of `struct fuse_out_header`, which a notification begins with.
const OUT_HEADER: usize = 16;

/// The notification that a node has other attributes, and the data that it had.
fn invalidation(node: NodeId) -> Vec<u8> {
    let mut bytes = 40_u32.to_le_bytes().to_vec();
    bytes.extend(INVAL_INODE.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(node.0.to_le_bytes());
    bytes.extend((-1_i64).to_le_bytes());
    bytes.extend(0_i64.to_le_bytes());
    bytes
}

impl InProcess {
    /// Does what a request asks.
    fn answer(&mut self, request: &Request, now: Timespec) -> Answer {
        let &Request { unique, nodeid, uid, gid, pid, .. } = request;
        let head = Head { unique, nodeid, uid, gid, pid };
        let incoming = Incoming::decode(request.opcode, &request.body)
            .expect("the kernel's requests are what their opcodes promise");
        let mut server = self.server_mut();
        let outgoing = server.handle(&head, incoming, now);
        let error = outgoing.result();
        let reply = match outgoing {
            Outgoing::Error(_) => Reply::error(unique, Errno(-error)),
            _ => Reply::success(unique, outgoing.encode()),
        };
        Answer { stale: server.take_stale(), reply }
    }
}

impl Daemon for InProcess {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        if request.opcode == Opcode::INIT {
            device.success(&init_reply(request)).expect("a plain reply is accepted");
            return;
        }
        let Answer { stale, reply } = self.answer(request, device.now());
        if let Some(stale) = stale {
            // A node that the kernel has forgotten meanwhile is no error.
            let _ = device.write(&invalidation(stale));
        }
        // What the kernel refuses it fails with EIO, which whoever judges the call sees.
        let _ = device.reply(&reply);
    }

    fn takes(&mut self, request: &Request, now: Timespec) -> bool {
        let answer = self.answer(request, now);
        self.written.push_back(answer);
        true
    }

    fn receive(&mut self, world: &mut World, _: Patience) -> Option<Vec<u8>> {
        let Answer { stale, reply } = self.written.pop_front()?;
        if let Some(stale) = stale {
            // As above.
            let _ = world.take_notification(INVAL_INODE, &invalidation(stale)[OUT_HEADER..]);
        }
        Some(reply.encode())
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        let mut server = self.server_mut();
        let now = server.world().now;
        let head = Head { nodeid, ..Head::default() };
        server.handle(&head, Incoming::Forget { nlookup }, now);
    }
}
