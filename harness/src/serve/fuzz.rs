//! Strangers' bytes as a conversation: whatever a client sends, the server answers and lives.

use fuserig_abi::{Gid, NodeId, Opcode, Pid, Timespec, Uid, Unique};
use fuserig_sim_fs::MemFs;

use super::{Head, Incoming, Outgoing, Server, ServerConfig};
use crate::kernel::{World, WorldConfig};
use crate::pipeline::{NoDaemon, NullSink};

/// Requests of one conversation.
const REQUESTS_MAX: usize = 64;

/// Bytes are requests one after the other: opcode, node, length of the body (two bytes), body.
#[doc(hidden)]
pub fn fuzz_entry(bytes: &[u8]) {
    let lower = MemFs::from_tree("/a 'hello'\n/d/\n/d/f 'x'\n/l -> a\n").expect("the tree is good");
    let world = WorldConfig { fidelity: fuserig_abi::Fidelity::Intended, ..Default::default() };
    let world = World::new(&world, Box::new(lower), None, Box::new(NoDaemon), Box::new(NullSink));
    let mut server = Server::new(world.expect("the root answers"), ServerConfig::default());
    let mut rest = bytes;
    for count in 0..REQUESTS_MAX {
        let [opcode, node, low, high, tail @ ..] = rest else { return };
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(tail.len());
        let (body, tail) = tail.split_at(length);
        rest = tail;
        let opcode = Opcode(u32::from(*opcode));
        for length_asked in [false, true] {
            let _ = Outgoing::decode(opcode, length_asked, 0, body);
        }
        let Ok(incoming) = Incoming::decode(opcode, body) else { continue };
        let again = Incoming::decode(incoming.opcode(), &incoming.encode());
        assert_eq!(again.as_ref(), Ok(&incoming), "a request survives the wire");
        let head = Head {
            unique: Unique(count as u64),
            nodeid: NodeId(u64::from(*node)),
            uid: Uid(u32::from(*node) * 100),
            gid: Gid(0),
            pid: Pid(1),
        };
        let reply = server.handle(&head, incoming, Timespec::from_secs(count as i64));
        assert!((-511..=0).contains(&reply.result()), "the device takes it: {reply:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::fuzz_entry;

    /// Conversations that are mostly well formed, from a fixed stream of numbers.
    #[test]
    fn no_conversation_breaks_the_server() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut draw = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let sizes = [8, 16, 24, 40, 56, 88];
        let edges = [0, 1, 2, 3, 5, 4096, u64::from(u32::MAX), i64::MAX as u64, u64::MAX];
        for _ in 0..300 {
            let mut bytes = Vec::new();
            for _ in 0..40 {
                let mut body = Vec::new();
                if draw(2) == 0 {
                    let words = sizes[draw(6) as usize] / 8;
                    for _ in 0..words {
                        let word = edges[draw(9) as usize];
                        body.extend_from_slice(&word.to_le_bytes());
                    }
                }
                for _ in 0..draw(3) {
                    let name: &[u8] =
                        [&b"a\0"[..], b"d\0", b"n\0", b"f\0", b".\0", b"\0", b"a/b\0"]
                            [draw(7) as usize];
                    body.extend_from_slice(name);
                }
                let length = u16::try_from(body.len()).expect("short").to_le_bytes();
                bytes.extend_from_slice(&[draw(53) as u8, 1 + draw(7) as u8]);
                bytes.extend_from_slice(&length);
                bytes.extend_from_slice(&body);
            }
            fuzz_entry(&bytes);
        }
    }
}
