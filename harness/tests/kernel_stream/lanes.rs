//! Clients of a mount as the kernel sees processes: each with a file table, a directory and an
//! identity of its own.
//!
//! A thread is enough, for the kernel asks whose table a file is in, and not which process it is
//! part of; one that a lane starts, and that leaves the table and the directory to it, has what the
//! child of a fork has (`dup_fd` and `copy_fs_struct` do it for both). What a reader would get
//! wrong: a new table begins as a copy, so that no file of the mount may be open elsewhere while a
//! lane lives, or it would be closed twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use fuserig::vfs::{Call, CallResult};
use fuserig_abi::Pid;
use rustix::thread::UnshareFlags;

use super::host::Host;

/// What comes of a call, and the lane of the child that it forked.
type Answer = (Option<CallResult>, Option<Lane>);

/// One client.
struct Lane {
    calls: Sender<Call>,
    results: Receiver<Answer>,
    thread: JoinHandle<()>,
}

impl Lane {
    /// A thread that begins so and then makes the calls of a client.
    fn start(pid: Pid, begin: impl FnOnce() -> Host + Send + 'static) -> Lane {
        let (calls, inbox) = channel::<Call>();
        let (outbox, results) = channel::<Answer>();
        let live = move || {
            let mut host = begin();
            outbox.send((None, None)).expect("it is waited for");
            for call in inbox {
                let answer = match call {
                    Call::Fork { child, .. } if child != pid => fork(&host, pid, child),
                    call => (host.call(pid, &call), None),
                };
                outbox.send(answer).expect("it is waited for");
            }
        };
        let thread = std::thread::Builder::new().spawn(live).expect("a thread is to be had");
        results.recv().expect("it moves in");
        Lane { calls, results, thread }
    }

    /// It leaves, and closes what it has open.
    fn end(self) {
        drop(self.calls);
        self.thread.join().expect("every call was made");
    }
}

/// Moves the calling thread into the directory, with a file table of its own.
#[expect(deprecated, reason = "nobody uses a descriptor that another thread opened")]
fn enter(directory: &Path) -> rustix::io::Result<Host> {
    rustix::thread::unshare(UnshareFlags::FILES)?;
    Host::enter(directory)
}

/// What a thread has that is forked by this one, which is `parent`.
fn forked(host: &Host, parent: Pid, child: Pid) -> Host {
    let own = host.files.iter().filter(|((pid, _), _)| *pid == parent);
    let files = own.map(|((_, fd), file)| ((child, *fd), *file)).collect();
    let mask = host.masks.get(&parent).map(|mask| (child, *mask));
    Host { home: host.home, files, masks: mask.into_iter().collect() }
}

/// A child of the calling thread, which waits until the child has a table of its own.
fn fork(host: &Host, pid: Pid, child: Pid) -> Answer {
    let copy = forked(host, pid, child);
    let lane = Lane::start(child, move || {
        leave_parent().expect("this thread leaves its parent");
        copy
    });
    (Some(CallResult::value(i64::from(child.0))), Some(lane))
}

/// Gives the calling thread a file table and a directory of its own, as they are now.
#[expect(deprecated, reason = "who has the same table waits meanwhile")]
fn leave_parent() -> rustix::io::Result<()> {
    rustix::thread::unshare(UnshareFlags::FILES | UnshareFlags::FS)
}

/// Every client of a mount.
pub(crate) struct Lanes(BTreeMap<Pid, Lane>);

impl Lanes {
    /// These clients in the directory, each with its user.
    pub(crate) fn start(directory: &Path, clients: &BTreeMap<Pid, u32>) -> Lanes {
        let start = |(&pid, &uid): (&Pid, &u32)| {
            let place = directory.to_path_buf();
            let lane = Lane::start(pid, move || {
                let host = enter(&place).expect("this thread moves in");
                host.become_user(uid, uid).expect("the superuser may");
                host
            });
            (pid, lane)
        };
        Lanes(clients.iter().map(start).collect())
    }

    /// Performs one call of a client, or none when there is no way to.
    pub(crate) fn call(&mut self, pid: Pid, call: &Call) -> Option<CallResult> {
        let lane = &self.0[&pid];
        lane.calls.send(call.clone()).expect("it listens");
        let (result, child) = lane.results.recv().expect("it answers");
        if let (Call::Fork { child: pid, .. }, Some(lane)) = (call, child) {
            self.0.insert(*pid, lane);
        }
        if *call == Call::Exit
            && let Some(lane) = self.0.remove(&pid)
        {
            lane.end();
        }
        result
    }

    /// All of them leave, and close what they have open.
    pub(crate) fn end(self) {
        self.0.into_values().rev().for_each(Lane::end);
    }
}
