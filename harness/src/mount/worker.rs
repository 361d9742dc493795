//! The thread that owns the pipeline of a mount.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use fuser::Notifier;
use fuserig_abi::Errno;
use fuserig_traces::record::OpRecord;

use super::MountError;
use super::atime::MountFlags;
use super::backing::Backings;
use super::job::{Job, ReplyTo};
use super::record::Tape;
use crate::rim;
use crate::serve::{Head, Incoming, Outgoing, Server};

/// Makes the server, on the thread that will own it: a world is not for moving.
pub(super) type Build = Box<dyn FnOnce() -> Result<Server, MountError> + Send>;

/// What the worker learns when the mount is there.
#[derive(Default)]
pub(super) struct Start {
    /// The recording, if there is one.
    pub(super) tape: Option<Tape>,
    /// Whether the kernel reads and writes files of this machine by itself.
    pub(super) passthrough: bool,
    /// What the mount's flags say about access times, where the kernel tells.
    pub(super) flags: Option<MountFlags>,
    /// Tells the kernel what it should not believe any longer.
    pub(super) notifier: Option<Notifier>,
}

/// How the worker ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ended {
    /// Requests that were answered.
    pub(super) requests: u64,
    /// How the modelled kernel crashed, when it did.
    pub(super) crash: Option<fuserig_abi::Quirk>,
    /// Whether the pipeline panicked.
    pub(super) panicked: bool,
}

/// Starts the worker and waits until its world is built.
pub(super) fn start(
    build: Build,
    jobs: Receiver<Job>,
    sequence: Arc<AtomicU64>,
    ready_to_serve: Receiver<Start>,
    on_panic: Box<dyn FnOnce() + Send>,
) -> Result<JoinHandle<Ended>, MountError> {
    let (ready, built) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("fuserig-pipeline".to_owned())
        .spawn(move || {
            let server = match build() {
                Ok(server) => server,
                Err(error) => {
                    let _ = ready.send(Err(error));
                    return Ended::default();
                }
            };
            let _ = ready.send(Ok(()));
            // The mount comes after the world, so that a lower directory is never the mount itself.
            let Ok(Start { tape, passthrough, flags, notifier }) = ready_to_serve.recv() else {
                return Ended::default();
            };
            let mut ended = Ended::default();
            let backings = passthrough.then(Backings::default);
            let waiting = Vec::new();
            let mut worker = Worker { server, sequence, tape, backings, flags, notifier, waiting };
            let served = catch_unwind(AssertUnwindSafe(|| worker.serve(&jobs, &mut ended)));
            // Requests that wait are dropped, which answers them with EIO.
            drop(jobs);
            if served.is_err() {
                ended.panicked = true;
                on_panic();
            }
            ended.crash = worker.server.world().crashed;
            ended
        })
        .map_err(MountError::Thread)?;
    match built.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(MountError::Panicked),
    }
}

/// A request that waits for a lock, and its record so far.
struct Waiting {
    head: Head,
    incoming: Incoming,
    reply: ReplyTo,
    started: Option<(OpRecord, Vec<u8>)>,
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
    fn serve(&mut self, jobs: &Receiver<Job>, ended: &mut Ended) {
        while let Ok(job) = jobs.recv() {
            let frees = frees_locks(&job.incoming);
            self.answer(job);
            ended.requests += 1;
            if frees && !self.waiting.is_empty() {
                for waiting in core::mem::take(&mut self.waiting) {
                    self.lock_or_wait(waiting);
                }
            }
        }
    }

    /// Answers a request that waits for a lock once the lock can be had.
    fn lock_or_wait(&mut self, waiting: Waiting) {
        let outgoing = self.server.handle(&waiting.head, waiting.incoming.clone(), rim::now());
        if outgoing == Outgoing::Error(Errno::EAGAIN) {
            self.waiting.push(waiting);
            return;
        }
        self.tell(waiting.started, &outgoing);
        waiting.reply.send(&outgoing);
    }

    /// Records an answer where it was made: the order of replies is the order of effects.
    fn tell(&mut self, started: Option<(OpRecord, Vec<u8>)>, outgoing: &Outgoing) {
        if let (Some(tape), Some(started)) = (&mut self.tape, started) {
            let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
            tape.reply(started, outgoing, sequence, rim::now());
        }
    }

    fn answer(&mut self, job: Job) {
        let now = rim::now();
        let started = self.tape.as_ref().map(|tape| tape.request(&job, now));
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
                self.server
                    .handle_listing(&head, &incoming, now, &mut |record| reply.accept(record))
            }
            _ => self.server.handle(&head, incoming, now),
        };
        self.tell(started, &outgoing);
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
