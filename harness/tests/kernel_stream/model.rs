//! The modelled kernel in front of the server of a mount.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig::kernel::{MountOptions, World, WorldConfig};
use fuserig::pipeline::{Daemon, Device, NoDaemon, NullSink};
use fuserig::serve::{Head, Incoming, Outgoing, Server, ServerConfig};
use fuserig::vfs::{Call, CallResult, Vfs, VfsConfig};
use fuserig::wire_replay::{Exchange, Replied};
use fuserig_abi::{
    Credentials, Errno, Fidelity, Gid, NodeId, Opcode, Pid, Reply, Request, Timespec, Uid, Unique,
};
use fuserig_sim_fs::{MemFs, MemFsOptions};

/// A fresh server over a tree, as both arms have it.
pub(crate) fn server(tree: &str, valid: Timespec, open_flags: u32) -> Server {
    let lower = Box::new(MemFs::from_tree(tree).expect("the tree is good"));
    let config = WorldConfig { fidelity: Fidelity::Intended, ..WorldConfig::default() };
    let world = World::new(&config, lower, None, Box::new(NoDaemon), Box::new(NullSink));
    let config =
        ServerConfig { entry_valid: valid, attr_valid: valid, open_flags, ..Default::default() };
    Server::new(world.expect("the root answers"), config)
}

/// Flags of INIT that a mount has with its defaults: those of `MountOptions` and fuser's own.
const FLAGS: u32 = 1
    | 1 << 5
    | 1 << 6
    | 1 << 12
    | 1 << 13
    | 1 << 14
    | 1 << 15
    | 1 << 18
    | 1 << 20
    | 1 << 22
    | 1 << 23
    | 1 << 28;

type Log = Rc<RefCell<Vec<Exchange>>>;

#[derive(Debug)]
struct ServerDaemon {
    server: Server,
    log: Log,
    now: Timespec,
}

impl ServerDaemon {
    fn init(minor: [u8; 4]) -> Vec<u8> {
        let mut body = 7_u32.to_le_bytes().to_vec();
        body.extend(minor);
        body.extend((128_u32 << 10).to_le_bytes());
        body.extend(FLAGS.to_le_bytes());
        body.extend([64, 0, 48, 0]);
        body.extend((1_u32 << 20).to_le_bytes());
        body.extend(1_u32.to_le_bytes());
        body.extend(256_u16.to_le_bytes());
        body.resize(64, 0);
        body
    }

    fn note(&self, request: &Request, reply: Option<Replied>) {
        self.log.borrow_mut().push(Exchange {
            sequence: 0,
            head: head(request),
            opcode: request.opcode,
            body: request.body.clone(),
            data_known: true,
            reply,
            cut: false,
            now: self.now,
        });
    }
}

/// `FUSE_NOTIFY_INVAL_INODE` for the attributes alone.
fn inval_inode(node: NodeId) -> Vec<u8> {
    let mut bytes = 40_u32.to_le_bytes().to_vec();
    bytes.extend(2_i32.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(node.0.to_le_bytes());
    bytes.extend((-1_i64).to_le_bytes());
    bytes.extend(0_i64.to_le_bytes());
    bytes
}

fn head(request: &Request) -> Head {
    let &Request { unique, nodeid, uid, gid, pid, .. } = request;
    Head { unique, nodeid, uid, gid, pid }
}

impl Daemon for ServerDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        if request.opcode == Opcode::INIT {
            let minor = request.body[4..8].try_into().expect("four bytes");
            device.success(&ServerDaemon::init(minor)).expect("a good reply");
            return;
        }
        self.now = device.now();
        let incoming = Incoming::decode(request.opcode, &request.body).expect("the model's own");
        let outgoing = self.server.handle(&head(request), incoming, self.now);
        let (error, body) = (outgoing.result(), outgoing.encode());
        let reply = match outgoing {
            Outgoing::Error(_) => Reply::error(request.unique, Errno(-error)),
            _ => Reply::success(request.unique, body.clone()),
        };
        // As a mount does before it answers.
        if let Some(stale) = self.server.take_stale() {
            device.write(&inval_inode(stale)).expect("a notification that fits");
        }
        device.reply(&reply).expect("the server's replies fit");
        self.note(request, Some(Replied { error, body, data_known: true }));
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        let incoming = Incoming::Forget { nlookup };
        let request = Request {
            unique: Unique(0),
            nodeid,
            opcode: Opcode::FORGET,
            uid: Uid::ROOT,
            gid: Gid::ROOT,
            pid: Pid(0),
            body: incoming.encode(),
            error_in: None,
        };
        self.server.handle(&head(&request), incoming, self.now);
        self.note(&request, None);
    }
}

/// The model with its clients.
pub(crate) struct Model {
    vfs: Vfs,
    log: Log,
    now: Timespec,
}

impl Model {
    pub(crate) fn start(tree: &str, valid: Timespec, open_flags: u32) -> Model {
        let log = Log::default();
        let server = server(tree, valid, open_flags);
        let now = Timespec::from_secs(1_700_000_000);
        let daemon = Box::new(ServerDaemon { server, log: Rc::clone(&log), now });
        let options = MountOptions {
            allow_other: true,
            no_daemon: false,
            local_locks: true,
            default_permissions: true,
            delete_stale: false,
            nodev: true,
            ..MountOptions::default()
        };
        let config =
            WorldConfig { options, fidelity: Fidelity::Intended, start: now, ..Default::default() };
        let unused = Box::new(MemFs::new(MemFsOptions::default()));
        let mut world =
            World::new(&config, unused, None, daemon, Box::new(NullSink)).expect("it starts");
        world.attach_root(false, None);
        Model { vfs: Vfs::new(world, &VfsConfig::default()), log, now }
    }

    pub(crate) fn add_client(&self, pid: Pid, uid: u32) {
        let credentials = match uid {
            0 => Credentials::root(),
            uid => Credentials::user(Uid(uid), Gid(uid)),
        };
        self.vfs.add_client(pid, credentials, 0o022);
    }

    pub(crate) fn call(&mut self, pid: Pid, call: &Call) -> CallResult {
        self.now = Timespec { nsec: self.now.nsec + 1000, ..self.now };
        self.vfs.advance_to(self.now);
        self.vfs.call(pid, call)
    }

    /// Whether a call moves data through a fifo.
    pub(crate) fn carries(&self, pid: Pid, call: &Call) -> bool {
        match call {
            Call::Read { fd, offset: None, .. }
            | Call::Write { fd, offset: None, .. }
            | Call::Append { fd, .. } => self.vfs.is_special(pid, *fd),
            Call::CopyFileRange { from, to, .. } | Call::Sendfile { to, from, .. } => {
                self.vfs.is_special(pid, *from) || self.vfs.is_special(pid, *to)
            }
            _ => false,
        }
    }

    /// The requests since the last call.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        core::mem::take(&mut self.log.borrow_mut())
    }
}
