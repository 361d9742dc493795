//! Strangers' bytes as what a filesystem writes to the device: replies, notifications, nonsense.

use fuserig_abi::{
    Credentials, FuseAttr, FuseAttrOut, FuseEntryOut, FuseOpenOut, FuseOutHeader, NodeId, Opcode,
    Pid, Request,
};
use fuserig_sim_fs::{MemFs, MemFsOptions, OpenFlags};
use zerocopy::IntoBytes;

use crate::daemon::init_reply;
use crate::kernel::{MountOptions, World, WorldConfig};
use crate::pipeline::{Daemon, Device, NullSink};
use crate::vfs::{Call, PathAt, PollWait, Target, Vfs, VfsConfig};

/// Messages before each good reply.
const MESSAGES_MAX: usize = 4;
const CLIENT: Pid = Pid(7);

/// Writes the stranger's messages, then a reply that is good.
#[derive(Debug)]
struct Fed {
    rest: Vec<u8>,
}

impl Fed {
    /// One message: its kind, its code or error, a length in two bytes, the body. Kind 0 is a
    /// notification, 1 a reply to the request, any other the bytes as they are.
    fn next(&mut self, request: &Request) -> Option<Vec<u8>> {
        let &[kind, code, low, high, ref tail @ ..] = &self.rest[..] else { return None };
        let length = usize::from(u16::from_le_bytes([low, high])).min(tail.len());
        let (body, tail) = tail.split_at(length);
        let (body, tail) = (body.to_vec(), tail.to_vec());
        self.rest = tail;
        let (unique, error) = match kind {
            0 => (0, i32::from(code)),
            1 => (request.unique.0, -i32::from(code)),
            _ => return Some(body),
        };
        Some(message(unique, error, &body))
    }
}

fn message(unique: u64, error: i32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(16 + body.len()).expect("bodies are short");
    let mut bytes = FuseOutHeader { len, error, unique }.as_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

fn attr(node: u64) -> FuseAttr {
    let mode = if node == 1 || node == 3 { 0o040_777 } else { 0o100_666 };
    FuseAttr { ino: node, mode, nlink: 1, size: 6000, ..FuseAttr::default() }
}

/// A plain answer: two files and a directory that are whatever they are called.
fn good(request: &Request) -> Vec<u8> {
    match request.opcode {
        Opcode::LOOKUP | Opcode::MKDIR => {
            let node = 2 + u64::from(request.body.first().is_some_and(|first| first % 2 == 0));
            let entry_valid = 1000;
            let entry =
                FuseEntryOut { nodeid: node, entry_valid, attr: attr(node), ..Default::default() };
            entry.as_bytes().to_vec()
        }
        Opcode::GETATTR => {
            let attr = attr(request.nodeid.0);
            FuseAttrOut { attr_valid: 1000, attr, ..FuseAttrOut::default() }.as_bytes().to_vec()
        }
        Opcode::OPEN | Opcode::OPENDIR => FuseOpenOut::default().as_bytes().to_vec(),
        Opcode::READ => vec![b'r'; 4096],
        _ => Vec::new(),
    }
}

impl Daemon for Fed {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        if request.opcode == Opcode::INIT {
            let settled = device.reply(&init_reply(request));
            assert!(settled.is_ok(), "a plain INIT reply is accepted");
            return;
        }
        for _ in 0..MESSAGES_MAX {
            let Some(bytes) = self.next(request) else { break };
            let _ = device.write(&bytes);
            if let Some(contents) = device.take_retrieved() {
                assert!(contents.body.len() >= 40, "a retrieval has its struct");
            }
            if device.is_settled() {
                return;
            }
        }
        if device.write(&message(request.unique.0, 0, &good(request))).is_err()
            && !device.is_settled()
        {
            let settled = device.error(fuserig_abi::Errno::EIO);
            assert!(settled.is_ok(), "an error needs no body");
        }
    }

    fn forget(&mut self, _: NodeId, _: u64) {}
}

/// Bytes are the messages of a filesystem while a client uses it.
#[doc(hidden)]
pub fn fuzz_entry(bytes: &[u8]) {
    let options = MountOptions {
        allow_other: true,
        no_daemon: false,
        delete_stale: false,
        nodev: true,
        ..MountOptions::default()
    };
    let config = WorldConfig { options, ..WorldConfig::default() };
    let unused = Box::new(MemFs::new(MemFsOptions::default()));
    let fed = Box::new(Fed { rest: bytes.to_vec() });
    let world = World::new(&config, unused, None, fed, Box::new(NullSink));
    let mut world = world.expect("an empty filesystem has a root");
    world.attach_root(false, None);
    let vfs = Vfs::new(world, &VfsConfig::default());
    vfs.add_client(CLIENT, Credentials::root(), 0o022);
    let path = || PathAt::cwd("/b/a");
    let calls = [
        Call::Stat { target: Target::follow("/b/a"), flags: 0 },
        Call::Open { path: path(), flags: OpenFlags::RDWR, mode: 0, fd: Some(3) },
        Call::Read { fd: 3, size: 9000, offset: Some(0) },
        Call::Stat { target: Target::follow("/b"), flags: 0 },
        Call::Read { fd: 3, size: 100, offset: Some(4000) },
        Call::Readlink { target: Target::nofollow("/a"), size: 100 },
        Call::Unlink { path: path() },
        Call::Rmdir { path: PathAt::cwd("/b") },
        Call::Close { fd: 3 },
    ];
    for call in &calls {
        let _ = vfs.call(CLIENT, call);
        let _ = vfs.poll(CLIENT, 3, 1, PollWait::ForWakeup);
    }
}
