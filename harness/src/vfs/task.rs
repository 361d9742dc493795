//! System calls as resumable tasks, without threads: a future that gives way between steps.
//!
//! A system call makes several requests, each of several steps, and waits for locks in between.
//! Written as an `async fn` it can be suspended at each of those points, so that a scheduler
//! decides which client moves next. [`run`] is the scheduler of a single client: it never waits.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

/// A future that is pending once: the point where another client may move.
#[derive(Debug, Default)]
pub(super) struct Yield {
    given_way: bool,
}

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if core::mem::replace(&mut self.given_way, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Polls a task to its end.
pub(super) fn run<F: Future>(task: F) -> F::Output {
    let mut task = pin!(task);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = task.as_mut().poll(&mut context) {
            return output;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Yield, run};

    #[test]
    fn a_task_that_gives_way_is_resumed() {
        let steps = run(async {
            let mut steps = 0;
            for _ in 0..3 {
                Yield::default().await;
                steps += 1;
            }
            steps
        });
        assert_eq!(steps, 3);
    }
}
