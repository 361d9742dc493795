//! What answers the requests of a mount. It belongs to one thread, which [`super::home`] finds.

use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use fuser::Notifier;
use fuserig_abi::Errno;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::MountError;
use super::atime::MountFlags;
use super::backing::Backings;
use super::batch::Started;
use super::beside::{self, Beside};
use super::eager::Eager;
use super::job::{Job, ReplyTo};
use super::place::Place;
use super::tape::{Stamp, Tape};
use crate::rim;
use crate::serve::{Head, Incoming, Listed, Outgoing, Server};

/// Makes the server, on the thread that will own it: a world is not for moving.
pub(super) type Build = Box<dyn FnOnce() -> Result<Server, MountError> + Send>;

/// What is known when the mount is there.
pub(super) struct Start {
    /// Where it is, to take it away when nobody answers any longer.
    pub(super) place: Arc<Place>,
    /// The recording, if there is one.
    pub(super) tape: Option<Tape>,
    /// Whether the kernel reads and writes files of this machine by itself.
    pub(super) passthrough: bool,
    /// What the mount's flags say about access times, where the kernel tells.
    pub(super) flags: Option<MountFlags>,
    /// Tells the kernel what it should not believe any longer.
    pub(super) notifier: Option<Notifier>,
    /// Where requests come from, to look whether there is one.
    pub(super) device: Option<OwnedFd>,
}

/// How serving ended, or went so far.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Requests that were answered.
    pub(super) requests: u64,
    /// How the modelled kernel crashed, when it did.
    pub(super) crash: Option<fuserig_abi::Quirk>,
    /// Why nothing is answered any longer, when that is so.
    pub(super) failure: Option<MountError>,
}

/// Everything that a [`Worker`] is made of, as long as it may move between threads.
pub(super) struct Birth {
    pub(super) build: Build,
    pub(super) start: Receiver<Start>,
    pub(super) sequence: Arc<AtomicU64>,
    pub(super) ended: Arc<Mutex<Ended>>,
}

/// A worker and what becomes of it.
pub(super) struct Resident {
    worker: Option<Worker>,
    ended: Arc<Mutex<Ended>>,
    place: Option<Arc<Place>>,
    device: Option<OwnedFd>,
    eager: Eager,
    beside: Beside,
}

impl Resident {
    /// Builds the world on this thread, which keeps it.
    pub(super) fn born(birth: Birth) -> Resident {
        let Birth { build, start, sequence, ended } = birth;
        let mut resident = Resident {
            worker: None,
            ended,
            place: None,
            device: None,
            eager: Eager::default(),
            beside: Beside::here(),
        };
        let built = catch_unwind(AssertUnwindSafe(build)).unwrap_or(Err(MountError::Panicked));
        let start = start.recv().ok();
        resident.place = start.as_ref().map(|start| Arc::clone(&start.place));
        match (built, start) {
            (Err(error), _) => resident.fail(error),
            // The mount did not come to be.
            (Ok(_), None) => {}
            (Ok(server), Some(mut start)) => {
                resident.device = start.device.take();
                if let Some(tape) = &start.tape {
                    resident.beside.helped_by(tape.helper());
                }
                resident.worker = Some(Worker::new(server, start, sequence));
            }
        }
        resident
    }

    /// Whether requests are answered.
    pub(super) fn is_serving(&self) -> bool {
        self.worker.is_some()
    }

    /// Answers a request, and those that waited for it. Without a worker it is dropped, which
    /// fuser answers with `EIO`; so are those that waited when the pipeline panics.
    pub(super) fn take(&mut self, job: Job) {
        let Some(worker) = &mut self.worker else { return };
        if catch_unwind(AssertUnwindSafe(|| worker.take(job))).is_err() {
            return self.fail(MountError::Panicked);
        }
        let crash = worker.server.world().crashed;
        let mut ended = self.ended.lock().expect("nobody panics with this lock");
        ended.requests += 1;
        ended.crash = crash;
    }

    /// As [`Resident::take`] on the thread that receives: it goes to where the next request is had
    /// soonest, or waits a moment for it.
    pub(super) fn take_and_look(&mut self, job: Job) {
        let (asker, waited_for) = (job.head.pid, beside::is_waited_for(&job.incoming));
        self.beside.asked();
        let crossed = waited_for && self.device.as_ref().is_some_and(has_request);
        self.take(job);
        let Some(device) = &self.device else { return };
        if waited_for {
            self.beside.answered(asker, crossed);
        }
        // On the client's processor there is nothing to be seen while this thread looks.
        if !self.beside.follows() {
            self.eager.look(|| has_request(device));
        }
    }

    fn fail(&mut self, error: MountError) {
        self.worker = None;
        self.ended.lock().expect("nobody panics with this lock").failure = Some(error);
        if let Some(place) = self.place.take() {
            // Not here: whoever unmounts may ask the mount first. Without a thread it stays, and
            // every request is answered `EIO`.
            let thread = std::thread::Builder::new().name("fuserig-unmount".to_owned());
            let _ = thread.spawn(move || place.take_away());
        }
    }
}

/// Whether a request can be received.
fn has_request(device: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(device, PollFlags::IN)];
    // An error is something to be seen by whoever reads.
    poll(&mut fds, Some(&Timespec::default())) != Ok(0)
}

/// A request that waits for a lock, and its record so far.
struct Waiting {
    head: Head,
    incoming: Incoming,
    reply: ReplyTo,
    started: Option<Box<Started>>,
}

impl Waiting {
    /// Who waits.
    fn owner(&self) -> Option<u64> {
        match &self.incoming {
            Incoming::Setlkw { lock } => Some(lock.owner),
            _ => None,
        }
    }
}

struct Worker {
    server: Server,
    sequence: Arc<AtomicU64>,
    tape: Option<Tape>,
    backings: Option<Backings>,
    flags: Option<MountFlags>,
    notifier: Option<Notifier>,
    /// Requests that wait for locks, the oldest first.
    waiting: Vec<Waiting>,
}

impl Worker {
    fn new(server: Server, start: Start, sequence: Arc<AtomicU64>) -> Worker {
        let Start { tape, passthrough, flags, notifier, .. } = start;
        let backings = passthrough.then(Backings::default);
        Worker { server, sequence, tape, backings, flags, notifier, waiting: Vec::new() }
    }

    fn take(&mut self, job: Job) {
        let frees = frees_locks(&job.incoming);
        self.answer(job);
        if frees && !self.waiting.is_empty() {
            for waiting in core::mem::take(&mut self.waiting) {
                self.lock_or_wait(waiting);
            }
        }
    }

    /// Answers a request that waits for a lock once the lock can be had, or never can.
    fn lock_or_wait(&mut self, mut waiting: Waiting) {
        let mut outgoing = self.server.handle(&waiting.head, waiting.incoming.clone(), rim::now());
        if outgoing == Outgoing::Error(Errno::EAGAIN) {
            if !self.waits_for_itself(&waiting) {
                self.waiting.push(waiting);
                return;
            }
            outgoing = Outgoing::Error(Errno::EDEADLK);
        }
        self.made(waiting.started.as_deref_mut(), &outgoing);
        waiting.reply.send(&outgoing);
        self.tell(waiting.started, outgoing);
    }

    /// Whether those who have the lock wait, one for the other, for the one who asks.
    fn waits_for_itself(&mut self, asking: &Waiting) -> bool {
        let Some(owner) = asking.owner() else { return false };
        let mut blocker = self.server.blocker(&asking.head, &asking.incoming);
        // Nobody waits twice, so a longer chain goes in a circle without the one who asks.
        for _ in 0..=self.waiting.len() {
            if blocker == Some(owner) {
                return true;
            }
            let Some(next) = self.waiting.iter().find(|other| other.owner() == blocker) else {
                return false;
            };
            blocker = self.server.blocker(&next.head, &next.incoming);
        }
        false
    }

    /// Records that an answer was made: the order of replies is the order of effects.
    fn made(&self, started: Option<&mut Started>, outgoing: &Outgoing) {
        if let (Some(tape), Some(started)) = (&self.tape, started) {
            let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
            tape.answered(started, outgoing, Stamp { sequence, end: rim::now() });
        }
    }

    /// Records an answer that was sent. Whoever waited for it need not wait for this as well, and
    /// its data can be had without a copy.
    fn tell(&mut self, started: Option<Box<Started>>, outgoing: Outgoing) {
        if let (Some(tape), Some(started)) = (&mut self.tape, started) {
            tape.reply(started, outgoing);
        }
    }

    /// Fills the reply to a listing; the outcome has the records when they are recorded.
    fn list(
        &mut self,
        head: &Head,
        incoming: &Incoming,
        reply: &mut ReplyTo,
        now: fuserig_abi::Timespec,
    ) -> Outgoing {
        let mut records = Vec::new();
        let recorded = self.tape.is_some();
        let mut accept = |record: Listed| {
            if !reply.accept(&record) {
                return Some(record);
            }
            if recorded {
                records.push(record);
            }
            None
        };
        match self.server.handle_listing(head, incoming, now, &mut accept) {
            Outgoing::Records(_) => Outgoing::Records(records),
            other => other,
        }
    }

    fn answer(&mut self, job: Job) {
        let now = rim::now();
        let mut started = self.tape.as_mut().map(|tape| tape.request(&job, now));
        let Job { head, incoming, mut reply, .. } = job;
        if matches!(incoming, Incoming::Setlkw { .. }) {
            return self.lock_or_wait(Waiting { head, incoming, reply, started });
        }
        if moves_access_time(&incoming)
            && let Some((files, directories)) = self.flags.as_mut().and_then(MountFlags::changed)
        {
            self.server.keep_access_times(files, directories);
        }
        if let Some(backings) = &mut self.backings {
            backings.released(&incoming);
        }
        let outgoing = match &incoming {
            Incoming::Readdir { .. } | Incoming::Readdirplus { .. } => {
                self.list(&head, &incoming, &mut reply, now)
            }
            _ => self.server.handle(&head, incoming, now),
        };
        self.made(started.as_deref_mut(), &outgoing);
        if let (Some(stale), Some(notifier)) = (self.server.take_stale(), &self.notifier) {
            // Attributes only; a node that the kernel has forgotten meanwhile is no error.
            let _ = notifier.inval_inode(fuser::INodeNo(stale.0), -1, 0);
        }
        let left = match &mut self.backings {
            Some(backings) => backings.answer(&self.server, &head, &outgoing, reply),
            None => Some(reply),
        };
        if let Some(reply) = left {
            reply.send(&outgoing);
        }
        self.tell(started, outgoing);
    }
}

/// Whether somebody who waits for a lock may get it after this.
fn frees_locks(incoming: &Incoming) -> bool {
    matches!(
        incoming,
        Incoming::Setlk { .. }
            | Incoming::Setlkw { .. }
            | Incoming::Flush { .. }
            | Incoming::Release { .. }
    )
}

/// Whether a request reads, or opens what will be read.
fn moves_access_time(incoming: &Incoming) -> bool {
    matches!(
        incoming,
        Incoming::Open { .. }
            | Incoming::Read { .. }
            | Incoming::Readdir { .. }
            | Incoming::Readdirplus { .. }
            | Incoming::CopyFileRange { .. }
    )
}
