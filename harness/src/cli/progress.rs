//! The line that says how far a long command is: only on a terminal, only after two seconds (or as
//! `--progress-after` says), with a rate and, where the end is known, the time that is left.

use core::cell::Cell;
use std::time::Duration;

use crate::rim::Stopwatch;

/// Nobody reads faster.
const PAUSE: Duration = Duration::from_millis(100);

/// How much is done of how much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Advance<'a> {
    /// What is going on.
    pub(super) what: &'a str,
    /// What is counted, in the plural.
    pub(super) unit: &'a str,
    /// How many are done.
    pub(super) done: u64,
    /// How many there are; none where nobody knows.
    pub(super) total: Option<u64>,
}

/// When the next line is due.
#[derive(Debug)]
pub(super) struct Pace {
    watch: Stopwatch,
    /// A command that ends sooner shows nothing.
    patience: Duration,
    /// Between two lines.
    pause: Duration,
    last: Cell<Option<Duration>>,
    /// When this counting began, for its rate: the work and the time.
    begun: Cell<Option<(u64, Duration)>>,
}

impl Pace {
    /// The first line comes after so many seconds; with 0 no step is passed over.
    pub(super) fn new(seconds: u64) -> Pace {
        let patience = Duration::from_secs(seconds);
        let pause = if patience.is_zero() { Duration::ZERO } else { PAUSE };
        let watch = Stopwatch::start();
        Pace { watch, patience, pause, last: Cell::new(None), begun: Cell::new(None) }
    }

    /// The line for a text, when one is due.
    pub(super) fn due(&self) -> bool {
        let now = self.watch.elapsed();
        let due =
            now >= self.patience && self.last.get().is_none_or(|last| now >= last + self.pause);
        if due {
            self.last.set(Some(now));
        }
        due
    }

    /// The line for an advance, when one is due. Counting that starts again has a rate of its own.
    pub(super) fn line(&self, advance: &Advance<'_>) -> Option<String> {
        let now = self.watch.elapsed();
        let begun = match self.begun.get() {
            Some((done, since)) if done <= advance.done => (done, since),
            _ => (advance.done, now),
        };
        self.begun.set(Some(begun));
        self.due().then(|| text(advance, advance.done - begun.0, now.saturating_sub(begun.1)))
    }

    /// Whether a line stands on the terminal.
    pub(super) fn is_shown(&self) -> bool {
        self.last.get().is_some()
    }

    /// The line is gone.
    pub(super) fn clear(&self) {
        self.last.set(None);
        self.begun.set(None);
    }
}

/// `replayed 1200 of 5000 calls  24 %  600/s  6 s left`.
fn text(advance: &Advance<'_>, since: u64, elapsed: Duration) -> String {
    let Advance { what, unit, done, total } = *advance;
    let mut text = match total {
        Some(total) => {
            let percent = done.saturating_mul(100) / total.max(1);
            format!("{what} {done} of {total} {unit}  {percent} %")
        }
        None => format!("{what} {done} {unit}"),
    };
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if since == 0 || millis == 0 {
        return text;
    }
    let rate = since.saturating_mul(1000) / millis;
    text.push_str(&match rate {
        0 => format!("  {}/min", since.saturating_mul(60_000) / millis),
        rate => format!("  {rate}/s"),
    });
    if let Some(left) = total.and_then(|total| total.checked_sub(done)) {
        let seconds = left.saturating_mul(millis) / since / 1000;
        text.push_str(&format!("  {} left", duration(seconds)));
    }
    text
}

/// The two largest units.
fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(done: u64, total: Option<u64>, seconds: u64, expected: &str) {
        let advance = Advance { what: "replayed", unit: "calls", done, total };
        assert_eq!(text(&advance, done, Duration::from_secs(seconds)), expected);
    }

    #[test]
    fn the_line_has_a_rate_and_what_is_left() {
        check(1200, Some(5000), 2, "replayed 1200 of 5000 calls  24 %  600/s  6 s left");
        check(1200, None, 4, "replayed 1200 calls  300/s");
        check(1, Some(400), 10, "replayed 1 of 400 calls  0 %  6/min  1 h 06 min left");
        check(100, Some(200), 90, "replayed 100 of 200 calls  50 %  1/s  1 min 30 s left");
        check(0, Some(9), 3, "replayed 0 of 9 calls  0 %");
        check(9, Some(9), 3, "replayed 9 of 9 calls  100 %  3/s  0 s left");
        check(u64::MAX, Some(1), 1, &text_of_the_impossible());
    }

    /// Counts that make no sense are shown and not computed with.
    fn text_of_the_impossible() -> String {
        let percent = u64::MAX;
        format!("replayed {} of 1 calls  {percent} %  {}/s", u64::MAX, u64::MAX / 1000)
    }

    #[test]
    fn a_command_of_less_than_two_seconds_shows_nothing() {
        let pace = Pace::new(2);
        let advance = Advance { what: "ran", unit: "runs", done: 7, total: None };
        assert_eq!(pace.line(&advance), None);
        assert!(!pace.is_shown());
    }

    #[test]
    fn without_patience_every_step_is_shown() {
        let pace = Pace::new(0);
        for done in 0..3 {
            let advance = Advance { what: "ran", unit: "runs", done, total: None };
            let line = pace.line(&advance).expect("it is due");
            assert!(line.starts_with(&format!("ran {done} runs")), "{line}");
        }
        assert!(pace.is_shown());
    }
}
