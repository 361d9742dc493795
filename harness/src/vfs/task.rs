//! System calls as resumable tasks, without threads: a future that gives way between steps.
//!
//! A system call makes several requests, each of several steps, and waits for locks in between.
//! Written as an `async fn` it can be suspended at each of those points, so that a scheduler
//! decides which client moves next. It gives way where another client can make a difference:
//! before a request enters, before the lower operation, before the postfilter, and while a lock
//! is not free; what lies between touches nothing that is shared.
//!
//! What a reader would get wrong: [`Vfs::call`] never gives way, so that a single client costs
//! nothing for being interruptible.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use fuserig_abi::{Op, Pid};

use super::call::{Call, CallResult};
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
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Point::Start => f.write_str("start"),
            Point::Lock => f.write_str("lock"),
            Point::Step(op, step) => match step {
                Step::Enter => write!(f, "{op} enter"),
                Step::Lower => write!(f, "{op} lower"),
                Step::Stop => write!(f, "{op} post"),
                other => write!(f, "{op} P{}", other.number()),
            },
        }
    }
}

/// A future that is pending once: the point where another client may move.
#[derive(Debug)]
pub(super) struct Yield<'v> {
    vfs: &'v Vfs,
    point: Point,
    given_way: bool,
}

impl<'v> Yield<'v> {
    pub(super) fn at(vfs: &'v Vfs, op: Op, step: Step) -> Yield<'v> {
        Yield { vfs, point: Point::Step(op, step), given_way: vfs.alone.get() }
    }

    /// A lock that is not free is waited for even by a client that is alone.
    pub(super) fn waiting(vfs: &'v Vfs) -> Yield<'v> {
        Yield { vfs, point: Point::Lock, given_way: false }
    }
}

impl Future for Yield<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if core::mem::replace(&mut self.given_way, true) {
            return Poll::Ready(());
        }
        self.vfs.point.set(self.point);
        Poll::Pending
    }
}

/// A system call under way. Dropping it leaves its request where it is, as a crash would.
pub struct Task<'v> {
    vfs: &'v Vfs,
    pid: Pid,
    point: Point,
    future: Pin<Box<dyn Future<Output = CallResult> + 'v>>,
}

impl<'v> Task<'v> {
    /// Performs the call up to the next point where another client may move; its result when it
    /// returned. A call that is blocked makes no progress.
    pub fn step(&mut self) -> Option<CallResult> {
        let mut context = Context::from_waker(Waker::noop());
        match self.future.as_mut().poll(&mut context) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => {
                self.point = self.vfs.point.get();
                None
            }
        }
    }

    /// Where the call stands.
    pub fn point(&self) -> Point {
        self.point
    }

    /// Whether the call cannot go on until somebody else does.
    pub fn is_blocked(&self) -> bool {
        self.point == Point::Lock && self.vfs.is_blocked(self.pid)
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
        let future = Box::pin(async move { self.perform_call(pid, &call).await });
        Task { vfs: self, pid, point: Point::Start, future }
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
