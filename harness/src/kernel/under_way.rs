//! Requests that the daemon has while others are sent (`fpq->processing` of Linux).
//!
//! A daemon of several threads is asked by several clients at once. What each of them waits for is
//! here, and its reply once that has come. What a reader would get wrong: a reply that has come is
//! not taken before its client goes on, so that the order in which threads answer decides nothing.

use fuserig_abi::{FuseOutHeader, Opcode, Pid, Request, Unique};
use zerocopy::FromBytes;

/// A request that a client waits for while other clients go on.
///
/// ```
/// use fuserig::kernel::Connection;
/// assert!(Connection::default().under_way().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// Its identity, minted by [`Connection::next_unique`](super::Connection::next_unique).
    pub unique: Unique,
    /// Who waits for it; a client waits for one at a time.
    pub client: Pid,
    /// What it asks.
    pub opcode: Opcode,
    reply: Awaited,
}

/// What has become of a request under way.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Awaited {
    /// Nobody has waited for the reply yet.
    Sent,
    /// It did not come while it was waited for.
    Late,
    /// What the daemon wrote.
    Come(Vec<u8>),
    /// Nobody waits for it any more.
    GivenUp,
}

/// What a client finds that comes for the reply to its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// What the daemon wrote.
    Reply(Vec<u8>),
    /// There will be none.
    Nothing,
}

impl UnderWay {
    /// Whether the daemon has not answered it.
    pub fn is_awaited(&self) -> bool {
        matches!(self.reply, Awaited::Sent | Awaited::Late)
    }

    /// Whether it was waited for in vain, so that its client cannot go on.
    pub fn is_late(&self) -> bool {
        self.reply == Awaited::Late
    }
}

/// Every request under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Processing {
    requests: Vec<UnderWay>,
    /// Most requests that the daemon had at once.
    most: usize,
}

impl Processing {
    pub(super) fn requests(&self) -> &[UnderWay] {
        &self.requests
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// One more request is with the daemon, whether somebody waits for it here or not.
    pub(super) fn note_issued(&mut self) {
        let awaited = self.requests.iter().filter(|request| request.is_awaited()).count();
        self.most = self.most.max(awaited + 1);
    }

    pub(super) fn push(&mut self, request: &Request) {
        let &Request { unique, pid: client, opcode, .. } = request;
        self.requests.push(UnderWay { unique, client, opcode, reply: Awaited::Sent });
    }

    /// Keeps what the daemon wrote for whoever waits for it; false when nobody does. What a write
    /// on the device refuses without ending the request is no reply (SEMANTICS 2.6.1).
    pub(super) fn keep(&mut self, message: &[u8]) -> bool {
        let Ok((header, _)) = FuseOutHeader::read_from_prefix(message) else { return false };
        let whole = header.len as usize == message.len() && (-511..=0).contains(&header.error);
        let mut awaited = self.requests.iter_mut().filter(|request| request.is_awaited());
        let request = awaited.find(|request| whole && request.unique.0 == header.unique);
        let Some(request) = request else { return false };
        request.reply = Awaited::Come(message.to_vec());
        true
    }

    /// What was awaited has not come.
    pub(super) fn note_late(&mut self) {
        for request in &mut self.requests {
            if request.reply == Awaited::Sent {
                request.reply = Awaited::Late;
            }
        }
    }

    /// Nobody waits any more for what has not come.
    pub(super) fn give_up(&mut self) {
        for request in &mut self.requests {
            if request.is_awaited() {
                request.reply = Awaited::GivenUp;
            }
        }
    }

    /// What its client finds; none while it has to wait. What was found is under way no longer.
    pub(super) fn take(&mut self, unique: Unique) -> Option<Found> {
        let place = self.requests.iter().position(|request| request.unique == unique)?;
        if self.requests[place].is_awaited() {
            return None;
        }
        match self.requests.remove(place).reply {
            Awaited::Come(message) => Some(Found::Reply(message)),
            Awaited::Sent | Awaited::Late | Awaited::GivenUp => Some(Found::Nothing),
        }
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Errno, Gid, NodeId, Opcode, Pid, Reply, Request, Uid, Unique};

    use super::{Found, Processing};

    fn of_two() -> Processing {
        let mut processing = Processing::default();
        for (unique, pid) in [(2, 1), (4, 2)] {
            processing.note_issued();
            processing.push(&Request {
                unique: Unique(unique),
                nodeid: NodeId::ROOT,
                opcode: Opcode::GETATTR,
                uid: Uid::ROOT,
                gid: Gid::ROOT,
                pid: Pid(pid),
                body: Vec::new(),
                error_in: None,
            });
        }
        processing
    }

    #[test]
    fn a_reply_is_kept_for_whoever_waits_for_it_and_once() {
        let mut processing = of_two();
        assert_eq!(processing.most(), 2);
        let reply = Reply::error(Unique(4), Errno::EIO).encode();
        assert!(processing.keep(&reply));
        assert!(!processing.keep(&reply), "a second one is nobody's");
        assert_eq!(processing.take(Unique(2)), None);
        assert_eq!(processing.take(Unique(4)), Some(Found::Reply(reply)));
        assert_eq!(processing.requests().len(), 1);
    }

    #[test]
    fn what_a_write_refuses_is_no_reply() {
        let mut processing = of_two();
        let good = Reply::error(Unique(2), Errno::EIO).encode();
        let longer = [&good[..], &[0]].concat();
        let positive = Reply { unique: Unique(2), error: 1, body: Vec::new() }.encode();
        let of_nobody = Reply::error(Unique(6), Errno::EIO).encode();
        for message in [&longer[..], &positive, &of_nobody, &good[..8]] {
            assert!(!processing.keep(message), "{message:?}");
        }
        assert!(processing.keep(&good));
    }

    #[test]
    fn what_never_came_is_late_and_then_given_up() {
        let mut processing = of_two();
        assert!(processing.keep(&Reply::error(Unique(2), Errno::EIO).encode()));
        processing.note_late();
        let late: Vec<bool> = processing.requests().iter().map(super::UnderWay::is_late).collect();
        assert_eq!(late, [false, true]);
        assert_eq!(processing.take(Unique(4)), None);
        processing.give_up();
        assert_eq!(processing.take(Unique(4)), Some(Found::Nothing));
        assert!(matches!(processing.take(Unique(2)), Some(Found::Reply(_))));
    }
}
