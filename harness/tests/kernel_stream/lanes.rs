//! Clients of a mount as the kernel sees processes: each with a file table, a directory and an
//! identity of its own.
//!
//! A thread is enough, for the kernel asks whose table a file is in, and not which process it is
//! part of. What a reader would get wrong: a new table begins as a copy, so that no file of the
//! mount may be open elsewhere while a lane lives, or it would be closed twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use fuserig::vfs::{Call, CallResult};
use fuserig_abi::Pid;
use rustix::thread::UnshareFlags;

use super::host::Host;

/// One client.
struct Lane {
    calls: Sender<Call>,
    results: Receiver<Option<CallResult>>,
    thread: JoinHandle<()>,
}

impl Lane {
    /// A client in the directory, as a user.
    fn start(directory: &Path, pid: Pid, uid: u32) -> Lane {
        let (calls, inbox) = channel::<Call>();
        let (outbox, results) = channel();
        let place = directory.to_path_buf();
        let live = move || {
            let mut host = enter(&place).expect("this thread moves in");
            host.become_user(uid, uid).expect("the superuser may");
            outbox.send(None).expect("it is waited for");
            for call in inbox {
                outbox.send(host.call(pid, &call)).expect("it is waited for");
            }
        };
        let thread = std::thread::Builder::new().spawn(live).expect("a thread is to be had");
        results.recv().expect("it moves in");
        Lane { calls, results, thread }
    }
}

/// Moves the calling thread into the directory, with a file table of its own.
#[expect(deprecated, reason = "nobody uses a descriptor that another thread opened")]
fn enter(directory: &Path) -> rustix::io::Result<Host> {
    rustix::thread::unshare(UnshareFlags::FILES)?;
    Host::enter(directory)
}

/// Every client of a mount.
pub(crate) struct Lanes(BTreeMap<Pid, Lane>);

impl Lanes {
    /// These clients in the directory, each with its user.
    pub(crate) fn start(directory: &Path, clients: &BTreeMap<Pid, u32>) -> Lanes {
        let start = |(&pid, &uid): (&Pid, &u32)| (pid, Lane::start(directory, pid, uid));
        Lanes(clients.iter().map(start).collect())
    }

    /// Performs one call of a client, or none when there is no way to.
    pub(crate) fn call(&self, pid: Pid, call: &Call) -> Option<CallResult> {
        let lane = &self.0[&pid];
        lane.calls.send(call.clone()).expect("it listens");
        lane.results.recv().expect("it answers")
    }

    /// All of them leave, and close what they have open.
    pub(crate) fn end(self) {
        for lane in self.0.into_values() {
            drop(lane.calls);
            lane.thread.join().expect("every call was made");
        }
    }
}
