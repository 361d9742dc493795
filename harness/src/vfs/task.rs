//! System calls as resumable tasks, without threads: a future that gives way between steps.
//!
//! A system call makes several requests, each of several steps, and waits for locks in between.
//! Written as an `async fn` it can be suspended at each of those points, so that a scheduler
//! decides which client moves next. It gives way where another client can make a difference:
//! before a request enters, before the lower operation, before the postfilter, while a lock is not
//! free, and while a daemon that takes several requests has one; what lies between touches nothing
//! that is shared.
//!
//! What a reader would get wrong: [`Vfs::call`] never gives way, so that a single client costs
//! nothing for being interruptible. And a task is one future for all calls that a client makes one
//! after the other: it takes a call from its box of mail and leaves the result there, so that the
//! room for its states is found once.

use core::cell::Cell;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::rc::Rc;

use fuserig_abi::{Op, Opcode, Pid};

use super::call::{Call, CallResult};
use super::errand::Errand;
use super::system::Vfs;
use crate::pipeline::Step;

/// Where a call stands between two steps.
///
/// ```
/// use fuserig::vfs::Point;
/// assert_eq!(Point::Start.to_string(), "start");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Point {
    /// Before anything happened.
    #[default]
    Start,
    /// Before a step of a request.
    Step(Op, Step),
    /// Before a lock is taken.
    Lock,
    /// Before the reply to a request is taken, which the daemon has while others go on.
    Reply(Opcode),
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Point::Start => f.write_str("start"),
            Point::Lock => f.write_str("lock"),
            Point::Reply(opcode) => write!(f, "reply to {opcode}"),
            Point::Step(op, step) => match step {
                Step::Enter => write!(f, "{op} enter"),
                Step::Lower => write!(f, "{op} lower"),
                Step::Stop => write!(f, "{op} post"),
                other => write!(f, "{op} P{}", other.number()),
            },
        }
    }
}

/// A future that is pending once: while a lock is not free, which even a client that is alone
/// waits for.
#[derive(Debug)]
pub(super) struct Yield<'v> {
    vfs: &'v Vfs,
    given_way: bool,
}

impl<'v> Yield<'v> {
    pub(super) fn waiting(vfs: &'v Vfs) -> Yield<'v> {
        Yield { vfs, given_way: false }
    }
}

impl Future for Yield<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if core::mem::replace(&mut self.given_way, true) {
            return Poll::Ready(());
        }
        self.vfs.point.set(Point::Lock);
        Poll::Pending
    }
}

/// What a client and its task hand to each other.
#[derive(Default)]
struct Mail {
    call: Cell<Option<Call>>,
    result: Cell<Option<CallResult>>,
    /// Whether there is a result: most steps leave none, and taking one out moves all of it.
    returned: Cell<bool>,
}

/// A system call under way, and after it the next of the same client. Dropping it leaves its
/// request where it is, as a crash would.
pub struct Task<'v> {
    vfs: &'v Vfs,
    pid: Pid,
    point: Point,
    returned: bool,
    mail: Rc<Mail>,
    /// The request that the call waits for.
    errand: Option<Box<Errand>>,
    future: Pin<Box<dyn Future<Output = ()> + 'v>>,
}

impl<'v> Task<'v> {
    /// Performs the call up to the next point where another client may move; its result when it
    /// returned. A call that is blocked makes no progress.
    pub fn step(&mut self) -> Option<CallResult> {
        if let Some(mut errand) = self.errand.take() {
            if !errand.asks_daemon() {
                errand.move_on(self.vfs);
                if !errand.is_done() {
                    self.point = errand.point();
                    self.errand = Some(errand);
                    return None;
                }
            }
            self.vfs.on_its_way.replace(Some(errand));
        }
        let mut context = Context::from_waker(Waker::noop());
        let ended = self.future.as_mut().poll(&mut context).is_ready();
        debug_assert!(!ended, "a task waits for another call");
        if !self.mail.returned.replace(false) {
            self.point = self.vfs.point.get();
            self.errand = self.vfs.on_its_way.take();
            return None;
        }
        self.returned = true;
        self.mail.result.take()
    }

    /// Begins the next call of the same client without performing any of it.
    ///
    /// # Panics
    /// When the call before it has not returned: a client makes one at a time.
    pub fn begin(&mut self, call: Call) {
        assert!(self.returned, "client {} is in a call", self.pid);
        (self.returned, self.point) = (false, Point::Start);
        self.mail.call.set(Some(call));
    }

    /// Where the call stands.
    pub fn point(&self) -> Point {
        self.point
    }

    /// Whether the call cannot go on until somebody else does.
    pub fn is_blocked(&self) -> bool {
        match self.point {
            Point::Lock => self.vfs.is_blocked(self.pid),
            Point::Reply(_) => self.vfs.waits_in_vain(self.pid),
            Point::Start | Point::Step(..) => false,
        }
    }
}

impl fmt::Debug for Task<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("pid", &self.pid).field("point", &self.point).finish()
    }
}

impl Vfs {
    /// Begins a system call without performing any of it.
    pub fn begin_call(&self, pid: Pid, call: Call) -> Task<'_> {
        let mail = Rc::new(Mail::default());
        mail.call.set(Some(call));
        let future = Box::pin(self.serve(pid, Rc::clone(&mail)));
        let point = Point::Start;
        Task { vfs: self, pid, point, returned: false, mail, errand: None, future }
    }

    /// Performs what comes by mail, and never ends.
    async fn serve(&self, pid: Pid, mail: Rc<Mail>) {
        loop {
            if let Some(call) = mail.call.take() {
                let result = self.perform_call(pid, &call).await;
                mail.result.set(Some(result));
                mail.returned.set(true);
            }
            let mut waited = false;
            poll_fn(|_| match core::mem::replace(&mut waited, true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
        }
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Credentials, Pid};
    use fuserig_sim_fs::MemFs;

    use super::Point;
    use crate::kernel::{World, WorldConfig};
    use crate::pipeline::{NoDaemon, NullSink};
    use crate::vfs::{Call, PathAt, Target, Vfs, VfsConfig};

    fn vfs(tree: &str) -> Vfs {
        let lower = Box::new(MemFs::from_tree(tree).expect("the tree is well-formed"));
        let config = WorldConfig::default();
        let world = World::new(&config, lower, None, Box::new(NoDaemon), Box::new(NullSink));
        let vfs = Vfs::new(world.expect("it mounts"), &VfsConfig::default());
        for pid in [Pid(1), Pid(2)] {
            vfs.add_client(pid, Credentials::root(), 0o022);
        }
        vfs
    }

    #[test]
    fn a_call_gives_way_before_each_lower_operation() {
        let vfs = vfs("/a 'x'");
        let mut task = vfs.begin_call(Pid(1), Call::Stat { target: Target::follow("a"), flags: 0 });
        let mut points = Vec::new();
        while task.step().is_none() {
            points.push(task.point().to_string());
        }
        assert!(points.iter().any(|point| point == "getattr lower"), "{points:?}");
        assert_eq!(task.pid, Pid(1));
    }

    #[test]
    fn a_client_makes_one_call_after_the_other_in_one_task() {
        let vfs = vfs("/a 'x'");
        let stat = |path: &str| Call::Stat { target: Target::follow(path), flags: 0 };
        let mut task = vfs.begin_call(Pid(1), stat("a"));
        let finish = |task: &mut super::Task<'_>| loop {
            if let Some(result) = task.step() {
                break result;
            }
        };
        let first = finish(&mut task);
        assert!(task.step().is_none(), "nothing to do");
        task.begin(stat("absent"));
        assert_eq!(task.point(), Point::Start);
        assert_eq!(finish(&mut task).value, Err(fuserig_abi::Errno::ENOENT));
        task.begin(stat("a"));
        assert_eq!(finish(&mut task), first);
    }

    #[test]
    fn a_second_creation_in_one_directory_waits_for_the_first() {
        let vfs = vfs("/d/");
        let make = |name: &str| Call::Mkdir { path: PathAt::cwd(name), mode: 0o755 };
        let mut one = vfs.begin_call(Pid(1), make("d/one"));
        while one.step().is_none()
            && !matches!(one.point(), Point::Step(op, _) if op.name() == "mkdir")
        {}
        let mut two = vfs.begin_call(Pid(2), make("d/two"));
        for _ in 0..100 {
            assert!(two.step().is_none(), "it cannot return while the directory is locked");
        }
        assert!(two.is_blocked());
        let waiting = vfs.waiting(Pid(2)).expect("it waits");
        assert_eq!(waiting.to_string(), "/d exclusively, held by client 1");
        while one.step().is_none() {}
        assert!(!two.is_blocked());
        while two.step().is_none() {}
    }
}
