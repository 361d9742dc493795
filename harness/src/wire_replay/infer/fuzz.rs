//! Strangers' bytes as the session of a daemon: whatever it was, a tree or an error comes of it.

use fuserig_abi::{NodeId, Opcode, Timespec};
use fuserig_sim_fs::MemFsOptions;

use super::Observer;
use crate::serve::Head;
use crate::wire_replay::{Exchange, Replied};

/// Exchanges of one session.
const EXCHANGES_MAX: usize = 64;

/// Bytes are exchanges one after the other: opcode, node, errno, the lengths of request and reply
/// (a byte each), and both. The highest bit of the errno says that the reply was cut. Both kinds of
/// observer see them.
#[doc(hidden)]
pub fn fuzz_entry(bytes: &[u8]) {
    see(bytes, Observer::default());
    see(bytes, Observer::of_a_part());
}

fn see(bytes: &[u8], mut observer: Observer) {
    let mut rest = bytes;
    for count in 0..EXCHANGES_MAX {
        let [opcode, node, errno, asked, told, tail @ ..] = rest else { break };
        let (body, tail) = tail.split_at(usize::from(*asked).min(tail.len()));
        let (reply, tail) = tail.split_at(usize::from(*told).min(tail.len()));
        rest = tail;
        observer.see(&Exchange {
            sequence: count as u64,
            head: Head { nodeid: NodeId(u64::from(*node)), ..Head::default() },
            opcode: Opcode(u32::from(*opcode)),
            body: body.to_vec(),
            data_known: true,
            reply: Some(Replied {
                error: -i32::from(*errno & 0x7f),
                body: reply.to_vec(),
                data_known: true,
            }),
            cut: *errno & 0x80 != 0,
            now: Timespec::ZERO,
        });
    }
    let known_max = 1 + EXCHANGES_MAX * 256;
    assert!(observer.known() <= known_max, "each name takes a byte of the session");
    let unseen = observer.unseen();
    assert!(unseen.nodes() <= known_max && unseen.nameless() <= unseen.nodes(), "{unseen:?}");
    let options = MemFsOptions { capacity_bytes: 1 << 20, ..MemFsOptions::default() };
    if let Ok(tree) = observer.build(options) {
        let text = tree.to_tree();
        assert!(fuserig_sim_fs::MemFs::from_tree(&text).is_ok(), "it can be written: {text}");
    }
}
