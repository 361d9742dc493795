//! The userspace server as the pipeline meets it.

use core::fmt;

use fuserig_abi::{Errno, NodeId, Reply, Request};

/// What came of a request to the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A reply, to be checked like any FUSE reply.
    Reply(Reply),
    /// The connection has no server: the request fails with this errno.
    Refused(Errno),
    /// Nobody will ever answer: the caller hangs (KERNEL-OBSERVED N4).
    Never,
}

/// Answers FUSE requests: ordinary ones after USER, and PREFILTER and POSTFILTER ones.
pub trait Daemon: fmt::Debug {
    /// Answers one request.
    fn answer(&mut self, request: &Request) -> Answer;

    /// Takes a FORGET, which has no reply.
    fn forget(&mut self, nodeid: NodeId, nlookup: u64);
}

/// A connection mounted with `no_daemon`: INIT never happened, so a request fails at once with
/// ECONNREFUSED, and a forced one is queued for ever (SEMANTICS 7.1, KERNEL-OBSERVED N4).
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDaemon;

impl Daemon for NoDaemon {
    fn answer(&mut self, _: &Request) -> Answer {
        Answer::Refused(Errno::ECONNREFUSED)
    }

    fn forget(&mut self, _: NodeId, _: u64) {}
}
