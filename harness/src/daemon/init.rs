//! The INIT exchange from the daemon's side.

use fuserig_abi::{Reply, Request};

/// A plain reply to INIT: the version that was asked for, writes and read-ahead of one page, no
/// features. It is what the recorded kernels were told.
///
/// ```
/// use fuserig_abi::{Gid, NodeId, Opcode, Pid, Request, Uid, Unique};
///
/// let mut request = Request {
///     unique: Unique(2),
///     nodeid: NodeId(0),
///     opcode: Opcode::INIT,
///     uid: Uid(0),
///     gid: Gid(0),
///     pid: Pid(0),
///     body: vec![0; 64],
///     error_in: None,
/// };
/// request.body[4] = 41;
/// let reply = fuserig::daemon::init_reply(&request);
/// assert_eq!((reply.body.len(), reply.body[0], reply.body[4]), (64, 7, 41));
/// ```
pub fn init_reply(request: &Request) -> Reply {
    let mut body = Vec::with_capacity(64);
    let minor = request
        .body
        .get(4..8)
        .map_or([0; 4], |bytes| bytes.try_into().expect("four bytes were taken"));
    body.extend(7_u32.to_le_bytes());
    body.extend(minor);
    body.extend(4096_u32.to_le_bytes()); // max_readahead
    body.extend(0_u32.to_le_bytes()); // flags
    body.extend([0; 4]); // max_background, congestion_threshold
    body.extend(4096_u32.to_le_bytes()); // max_write
    body.extend(1000_u32.to_le_bytes()); // time_gran
    body.extend(12_u16.to_le_bytes()); // max_pages
    body.extend(4096_u16.to_le_bytes()); // map_alignment
    body.resize(64, 0);
    Reply::success(request.unique, body)
}
