//! The time column of strace in each of its forms, and the columns behind it.
//!
//! `-ttt`, `-tt`, `-t`, `-r` and none are read; what the times are worth is said by
//! [`LogClock::worth`]. The columns of `-i` and `-n` say nothing that is kept.

use super::words::{decimal, seconds};

const DAY_NS: u64 = 24 * 3600 * 1_000_000_000;

/// The time column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// `-ttt`: nanoseconds since the epoch.
    Epoch(u64),
    /// `-t`, `-tt`: nanoseconds since midnight.
    Day(u64),
    /// `-r`: nanoseconds since the call before.
    Step(u64),
}

/// The time column as nanoseconds after the first line.
#[derive(Debug, Default)]
pub(super) struct LogClock {
    form: Option<Stamp>,
    base: u64,
    days: u64,
    last: u64,
    now: u64,
}

impl LogClock {
    /// The time of a line. A line without one keeps that of the line before.
    pub(super) fn at(&mut self, stamp: Option<Stamp>) -> u64 {
        let Some(stamp) = stamp else { return self.now };
        let first = self.form.is_none();
        self.form.get_or_insert(stamp);
        match stamp {
            Stamp::Epoch(ns) => {
                if first {
                    self.base = ns;
                }
                self.now = ns.saturating_sub(self.base);
            }
            Stamp::Day(ns) => {
                // Past midnight the hands go back by most of a day.
                if !first && ns.saturating_add(DAY_NS / 2) < self.last {
                    self.days += 1;
                }
                self.last = ns;
                let absolute = self.days.saturating_mul(DAY_NS).saturating_add(ns);
                if first {
                    self.base = absolute;
                }
                self.now = absolute.saturating_sub(self.base);
            }
            Stamp::Step(ns) => {
                if !first {
                    self.now = self.now.saturating_add(ns);
                }
            }
        }
        self.now
    }

    /// The first time since the epoch, where the log has dates.
    pub(super) fn first_ns(&self) -> Option<u64> {
        matches!(self.form, Some(Stamp::Epoch(_))).then_some(self.base)
    }

    pub(super) fn worth(&self) -> &'static str {
        match self.form {
            Some(Stamp::Epoch(_)) => "since the epoch",
            Some(Stamp::Day(_)) => "of the day, without a date; the first line is time 0",
            Some(Stamp::Step(_)) => "steps from call to call; the first line is time 0",
            None => "none; record with -ttt",
        }
    }
}

pub(super) fn skip_blank(rest: &mut &[u8]) {
    *rest = rest.trim_ascii_start();
}

/// Takes away the columns of `-i` (`[00007f12ab34cd56] `, with question marks where the pointer is
/// not known) and of `-n` (`[ 257] `).
pub(super) fn skip_columns(rest: &mut &[u8]) {
    while let Some(inside) = rest.strip_prefix(b"[") {
        let is_number = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b' ' | b'?' | b'-');
        let len = inside.iter().position(|byte| !is_number(byte)).unwrap_or(inside.len());
        let Some(behind) = inside[len..].strip_prefix(b"]").filter(|_| len > 0) else { return };
        *rest = behind;
        skip_blank(rest);
    }
}

/// Takes the time column away, if there is one.
pub(super) fn stamp(rest: &mut &[u8]) -> Result<Option<Stamp>, &'static str> {
    const EPOCH_DIGITS_MIN: usize = 9;
    let is_time = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b':');
    let len = rest.iter().position(|byte| !is_time(byte)).unwrap_or(rest.len());
    if len == 0 {
        return Ok(None);
    }
    let (text, behind) = rest.split_at(len);
    let whole = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let stamp = if text.contains(&b':') {
        Stamp::Day(clock(text).ok_or("expected a time of day")?)
    } else {
        let nanos = seconds(text).ok_or("expected seconds")?;
        if whole >= EPOCH_DIGITS_MIN { Stamp::Epoch(nanos) } else { Stamp::Step(nanos) }
    };
    *rest = behind;
    skip_blank(rest);
    // `-r` beside `-t`: `12:00:00 (+     0.000123) read(...`.
    if rest.starts_with(b"(+") {
        let end = rest.iter().position(|byte| *byte == b')').ok_or("`(+` lacks its `)`")?;
        *rest = &rest[end + 1..];
        skip_blank(rest);
    }
    Ok(Some(stamp))
}

/// `HH:MM:SS` with or without a fraction.
fn clock(text: &[u8]) -> Option<u64> {
    const NANOS: u64 = 1_000_000_000;
    let mut parts = text.splitn(3, |byte| *byte == b':');
    let (hours, minutes) = (decimal(parts.next()?)?, decimal(parts.next()?)?);
    let nanos = seconds(parts.next()?)?;
    if hours > 24 || minutes > 59 || nanos >= 61 * NANOS {
        return None;
    }
    Some((hours * 3600 + minutes * 60) * NANOS + nanos)
}

#[cfg(test)]
mod tests {
    use super::{DAY_NS, LogClock, Stamp, skip_columns};

    #[test]
    fn times_begin_at_the_first_line_whatever_their_form() {
        let run = |stamps: &[Stamp]| {
            let mut clock = LogClock::default();
            stamps.iter().map(|stamp| clock.at(Some(*stamp))).collect::<Vec<u64>>()
        };
        assert_eq!(run(&[Stamp::Epoch(70), Stamp::Epoch(75), Stamp::Epoch(60)]), [0, 5, 0]);
        assert_eq!(run(&[Stamp::Day(DAY_NS - 3), Stamp::Day(2)]), [0, 5]);
        assert_eq!(run(&[Stamp::Day(9), Stamp::Day(8)]), [0, 0]);
        assert_eq!(run(&[Stamp::Step(9), Stamp::Step(5), Stamp::Step(1)]), [0, 5, 6]);
    }

    #[test]
    fn columns_of_numbers_are_skipped_and_words_are_not() {
        let check = |line: &str, left: &str| {
            let mut rest = line.as_bytes();
            skip_columns(&mut rest);
            assert_eq!(rest, left.as_bytes(), "{line}");
        };
        check("[ 257] openat(", "openat(");
        check("[0000ffff] [ -1] --- SIGINT", "--- SIGINT");
        check("[ Process PID=7 runs in 32 bit mode. ]", "[ Process PID=7 runs in 32 bit mode. ]");
        check("[] x", "[] x");
        check("[77", "[77");
    }
}
