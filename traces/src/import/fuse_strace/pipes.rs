//! Messages that a daemon moves through a pipe: splice(2) from the device and read(2) behind it,
//! vmsplice(2) and splice(2) to the device.
//!
//! A log of everything that the daemon does (without `-P`) shows the bytes at the end of the pipe
//! that is in memory, and they are joined with the message by task and length. What a reader would
//! get wrong: libfuse leaves the data of a WRITE in the pipe, so that only the head is read.

use std::collections::BTreeMap;

use crate::wire::{ReplyHead, RequestHead};

/// A request that went into a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spliced {
    /// The device.
    pub(super) fd: u64,
    /// How long the message is.
    pub(super) bytes: u64,
    /// Where the log says so.
    pub(super) line: u64,
}

/// What stands in the pipes, by task.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    requests: BTreeMap<u64, Spliced>,
    replies: BTreeMap<u64, Vec<u8>>,
}

impl Pipes {
    /// A task moved a request into a pipe; gives back the one before that nobody read.
    pub(super) fn put_request(&mut self, pid: u64, request: Spliced) -> Option<Spliced> {
        self.requests.insert(pid, request)
    }

    /// The request whose beginning a task has read as `data`.
    pub(super) fn take_request(&mut self, pid: u64, data: &[u8]) -> Option<Spliced> {
        let waiting = *self.requests.get(&pid)?;
        let fits = RequestHead::parse(data).is_some_and(|head| head.is_plausible(waiting.bytes));
        let fits = fits && data.len() as u64 <= waiting.bytes;
        fits.then(|| self.requests.remove(&pid)).flatten()
    }

    /// A task put bytes of its memory into a pipe.
    pub(super) fn put_reply(&mut self, pid: u64, data: &[u8]) {
        self.replies.entry(pid).or_default().extend_from_slice(data);
    }

    /// The reply of that length, if the task put all of it into the pipe. What it put there is
    /// gone in any case.
    pub(super) fn take_reply(&mut self, pid: u64, bytes: u64) -> Option<Vec<u8>> {
        let data = self.replies.remove(&pid)?;
        let head = ReplyHead::parse(&data)?;
        (data.len() as u64 == bytes && u64::from(head.len) == bytes).then_some(data)
    }

    /// The task is gone; gives back the request that nobody read.
    pub(super) fn forget(&mut self, pid: u64) -> Option<Spliced> {
        self.replies.remove(&pid);
        self.requests.remove(&pid)
    }

    /// Requests that nobody read, at the end.
    pub(super) fn left(&mut self) -> Vec<Spliced> {
        core::mem::take(&mut self.requests).into_values().collect()
    }
}
