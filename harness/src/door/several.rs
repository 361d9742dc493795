//! Requests that the filesystem has at once: those that are sent together, and those it owes.
//!
//! What is taken is not sent before somebody waits for replies. Then all of it goes at once, so
//! that threads of the filesystem have it at the same time, however long the model took between one
//! request and the next.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use fuserig_abi::{Abi, Request};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno as HostErrno;

use super::MockOptions;
use super::log::{Exchanged, Log};
use super::socket::send;

/// The requests of clients that go on while the filesystem has them.
#[derive(Debug)]
pub(super) struct Several {
    /// As many as the filesystem has threads.
    most: usize,
    stall: Timespec,
    unsent: Vec<Request>,
    /// The identities of those that have no reply.
    owed: BTreeSet<u64>,
}

impl Several {
    pub(super) fn new(options: &MockOptions) -> Several {
        let millis = i64::try_from(options.stall_millis).unwrap_or(i64::MAX);
        let stall = Timespec { tv_sec: millis / 1000, tv_nsec: ((millis % 1000) * 1_000_000) as _ };
        Several { most: options.threads, stall, unsent: Vec::new(), owed: BTreeSet::new() }
    }

    /// Takes a request, if there are several threads and one of them is free for it. So what is
    /// sent is read, and nobody waits for room in a socket.
    pub(super) fn take(&mut self, request: &Request) -> bool {
        let takes = self.most > 1 && self.unsent.len() + self.owed.len() < self.most;
        if takes {
            self.unsent.push(request.clone());
        }
        takes
    }

    /// Sends what was taken.
    pub(super) fn send(&mut self, socket: &OwnedFd, abi: Abi, log: &Mutex<Log>) {
        for request in self.unsent.drain(..) {
            // Where nobody listens, nobody answers.
            send(socket, &request.encode_for(abi));
            self.owed.insert(request.unique.0);
            let mut log = log.lock().expect("nobody panics with this lock");
            log.exchanged.push(Exchanged { request, reply: None });
        }
    }

    /// A reply has come.
    pub(super) fn note_reply(&mut self, unique: u64) {
        self.owed.remove(&unique);
    }

    /// Whether some request has no reply, so that a callback may never return.
    pub(super) fn is_owed(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Waits until there is something to receive, or for so long that others go on without it.
    pub(super) fn is_silent(&self, socket: &OwnedFd) -> bool {
        let mut fds = [PollFd::new(socket, PollFlags::IN)];
        loop {
            match rustix::event::poll(&mut fds, Some(&self.stall)) {
                Ok(ready) => return ready == 0,
                Err(HostErrno::INTR) => {}
                Err(_) => return true,
            }
        }
    }
}
