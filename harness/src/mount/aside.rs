//! A thread that works for the one that answers, round by round, until that one gives it up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

/// The thread, as its owner has it. Dropping it lets the thread end after its round; nobody waits.
#[derive(Debug)]
pub(super) struct Aside {
    over: Arc<AtomicBool>,
    thread: Thread,
}

impl Aside {
    /// A thread that does `round` again and again; none where there is no thread to be had. A round
    /// with nothing to do should sleep until it is woken (`std::thread::park`).
    pub(super) fn start(name: &str, mut round: impl FnMut() + Send + 'static) -> Option<Aside> {
        let over = Arc::<AtomicBool>::default();
        let ends = Arc::clone(&over);
        let works = move || {
            while !ends.load(Ordering::Acquire) {
                round();
            }
        };
        let builder = std::thread::Builder::new().name(name.to_owned());
        let thread = builder.spawn(works).ok()?.thread().clone();
        Some(Aside { over, thread })
    }

    /// There is something to do.
    pub(super) fn wake(&self) {
        self.thread.unpark();
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::Aside;

    #[test]
    fn each_waking_is_a_round_and_dropping_ends_them() {
        let (tell, told) = channel();
        let aside = Aside::start("aside", move || {
            let _ = tell.send(());
            std::thread::park();
        });
        let aside = aside.expect("a thread");
        for _ in 0..3 {
            told.recv().expect("a round");
            aside.wake();
        }
        drop(aside);
        // What a round holds is given up with the thread.
        while told.recv().is_ok() {}
    }
}
