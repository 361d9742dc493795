//! Where the pipeline of a mount lives.
//!
//! A world cannot move between threads. With one receiving thread it lives there: a request is
//! answered by the thread that read it, without a second change of threads, which costs more than
//! the pipeline. Several receiving threads hand their requests to one thread of its own.

use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use super::MountError;
use super::eager::Eager;
use super::job::Job;
use super::worker::{Birth, Resident};

thread_local! {
    /// The pipeline of the mount whose requests this thread reads. fuser starts such a thread for
    /// one session and ends it with the session, so one place is enough.
    static RESIDENT: RefCell<Option<Resident>> = const { RefCell::new(None) };
}

/// The way from a receiving thread to the pipeline.
pub(super) enum Home {
    /// On the receiving thread, which builds it when the first request comes.
    Here(Mutex<Option<Birth>>),
    /// On a thread of its own.
    Elsewhere(Sender<Job>),
}

impl core::fmt::Debug for Home {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Home::Here(_) => "Home::Here",
            Home::Elsewhere(_) => "Home::Elsewhere",
        })
    }
}

impl Home {
    /// A home for the number of threads that receive, and the thread that was started for it.
    pub(super) fn new(
        birth: Birth,
        receivers: usize,
    ) -> Result<(Home, Option<JoinHandle<()>>), MountError> {
        if receivers == 1 {
            return Ok((Home::Here(Mutex::new(Some(birth))), None));
        }
        let (jobs, received) = channel();
        let thread = std::thread::Builder::new()
            .name("fuserig-pipeline".to_owned())
            .spawn(move || {
                let mut resident = Resident::born(birth);
                let mut eager = Eager::default();
                while resident.is_serving() {
                    let mut soon = None;
                    eager.look(|| {
                        soon = received.try_recv().ok();
                        soon.is_some()
                    });
                    let Some(job) = soon.or_else(|| received.recv().ok()) else { break };
                    resident.take(job);
                }
            })
            .map_err(MountError::Thread)?;
        Ok((Home::Elsewhere(jobs), Some(thread)))
    }

    /// Hands a request to the pipeline. When that is gone the reply is dropped with the request,
    /// and fuser answers `EIO`.
    pub(super) fn take(&self, job: Job) {
        match self {
            Home::Elsewhere(jobs) => drop(jobs.send(job)),
            Home::Here(birth) => RESIDENT.with_borrow_mut(|resident| {
                if let Some(birth) = birth.lock().expect("nobody panics with this lock").take() {
                    *resident = Some(Resident::born(birth));
                }
                if let Some(resident) = resident {
                    resident.take_and_look(job);
                }
            }),
        }
    }
}
