//! The outside of a line: who, when, and what sort of event.
//!
//! Every form of the time column is read (`-ttt`, `-tt`, `-t`, `-r`, none), because what matters
//! here are the messages; what the times are worth is said in the report.

use super::super::clock::{Stamp, skip_blank, skip_columns, stamp};
use super::super::words::decimal;

/// One line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// Whose line; 0 when the log does not say (no `-f`).
    pub(super) pid: u64,
    pub(super) stamp: Option<Stamp>,
    pub(super) event: Event<'a>,
}

/// What the line tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// `name(args) = result`: the name and everything behind the `(`.
    Call { name: &'a [u8], text: &'a [u8] },
    /// `name(args <unfinished ...>`: the text before the mark.
    Begun { name: &'a [u8], text: &'a [u8] },
    /// `<... name resumed>rest`.
    Resumed { name: &'a [u8], text: &'a [u8] },
    /// The task has ended, or its call will never return.
    Ended,
    /// Signals, messages of strace, hex dumps.
    Noise,
}

/// Takes a line apart; the error is a column from 0 and what was expected there.
pub(super) fn parse(line: &[u8]) -> Result<Head<'_>, (usize, &'static str)> {
    let noise = [&b"strace: "[..], b" | ", b" > ", b"Process "];
    let is_noise = noise.iter().any(|mark| line.starts_with(mark));
    if is_noise || line.trim_ascii().is_empty() || is_summary(line) {
        return Ok(Head { pid: 0, stamp: None, event: Event::Noise });
    }
    let mut rest = line;
    let mut pid = None;
    skip_blank(&mut rest);
    let at = |rest: &[u8]| line.len() - rest.len();
    if let Some(inside) = rest.strip_prefix(b"[pid ") {
        rest = inside;
        skip_blank(&mut rest);
        let number = digits(&mut rest).ok_or((at(rest), "expected a process number"))?;
        pid = Some(number);
        skip_command(&mut rest);
        rest = rest.strip_prefix(b"]").ok_or((at(rest), "`[pid N` lacks its `]`"))?;
        skip_blank(&mut rest);
    }
    if pid.is_none() && is_pid(rest) {
        pid = digits(&mut rest);
        skip_command(&mut rest);
        skip_blank(&mut rest);
    }
    let stamp = stamp(&mut rest).map_err(|why| (at(rest), why))?;
    skip_columns(&mut rest);
    let pid = pid.unwrap_or(0);
    let event = event(rest).map_err(|why| (at(rest), why))?;
    Ok(Head { pid, stamp, event })
}

/// Whether a line is of the table of counts that `-C` puts behind the calls.
fn is_summary(line: &[u8]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let number = |word: Option<&[u8]>, digits: usize| {
        let word = word.unwrap_or_default();
        let point = word.iter().position(|byte| *byte == b'.');
        let plain = word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
        plain && point.is_some_and(|point| word.len() == point + 1 + digits)
    };
    // ` 50.00    0.000010           1        10           read`
    line.starts_with(b"% time ")
        || line.starts_with(b"------ ")
        || (number(words.next(), 2) && number(words.next(), 6) && !line.contains(&b'('))
}

/// `-Y` puts the command behind the number: `6682<bash>`.
fn skip_command(rest: &mut &[u8]) {
    if rest.first() != Some(&b'<') {
        return;
    }
    if let Some(end) = rest.iter().position(|byte| *byte == b'>') {
        *rest = &rest[end + 1..];
    }
}

fn digits(rest: &mut &[u8]) -> Option<u64> {
    let len = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let (number, behind) = rest.split_at(len);
    *rest = behind;
    decimal(number)
}

/// Whether a number that begins the line is a process: no point or colon behind it, and fewer
/// digits than seconds since the epoch have had since 1973. Linux stops at 4,194,304.
fn is_pid(rest: &[u8]) -> bool {
    const PID_DIGITS_MAX: usize = 8;
    let len = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    (1..=PID_DIGITS_MAX).contains(&len) && matches!(rest.get(len), Some(b' ' | b'\t' | b'<'))
}

fn event(text: &[u8]) -> Result<Event<'_>, &'static str> {
    let text = text.trim_ascii();
    if text.starts_with(b"+++ ") {
        return Ok(Event::Ended);
    }
    let noise = [&b"--- "[..], b"[ Process PID=", b"strace: ", b"Process "];
    if text.is_empty() || noise.iter().any(|mark| text.starts_with(mark)) {
        return Ok(Event::Noise);
    }
    if let Some(rest) = text.strip_prefix(b"<... ") {
        let len = name_len(rest);
        let (name, rest) = rest.split_at(len);
        let rest = rest.strip_prefix(b" resumed>").ok_or("expected ` resumed>`")?;
        if rest.trim_ascii_end().ends_with(b"= ?") && contains(rest, b"<unfinished ...>") {
            return Ok(Event::Ended);
        }
        return Ok(Event::Resumed { name, text: rest.trim_ascii_start() });
    }
    let len = name_len(text);
    let (name, rest) = text.split_at(len);
    let inside = rest.strip_prefix(b"(").filter(|_| len > 0);
    let inside = inside.ok_or("expected the name of a system call and `(`")?;
    for mark in [&b"<unfinished ...>"[..], b"<detached ...>"] {
        if let Some(text) = inside.strip_suffix(mark) {
            return Ok(Event::Begun { name, text: text.trim_ascii_end() });
        }
        // `read(3,  <unfinished ...>) = ?`: the task died in the call.
        let tail = &inside[inside.len().saturating_sub(80)..];
        if inside.ends_with(b"= ?") && contains(tail, mark) {
            return Ok(Event::Ended);
        }
    }
    Ok(Event::Call { name, text: inside })
}

fn name_len(text: &[u8]) -> usize {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.iter().position(|byte| !is_name(byte)).unwrap_or(text.len())
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::{Event, Stamp, parse};

    fn check(line: &str, pid: u64, stamp: Option<Stamp>) {
        let head = parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error:?}"));
        let event = Event::Call { name: b"read", text: b"3, \"\", 9) = 0" };
        assert_eq!((head.pid, head.stamp, head.event), (pid, stamp, event), "{line}");
    }

    #[test]
    fn every_form_of_the_columns_is_read() {
        let epoch = Some(Stamp::Epoch(1_795_353_559_785_428_000));
        let day = |nanos: u64| Some(Stamp::Day(45_296_000_000_000 + nanos));
        let call = "read(3, \"\", 9) = 0";
        check(&format!("2882  1795353559.785428 {call}"), 2882, epoch);
        check(&format!("[pid  2882] 1795353559.785428 {call}"), 2882, epoch);
        check(&format!("[pid 2882<a b>] 1795353559.785428000 {call}"), 2882, epoch);
        check(&format!("2882<fusermount3> {call}"), 2882, None);
        check(&format!("1795353559.785428 {call}"), 0, epoch);
        check(&format!("12:34:56 {call}"), 0, day(0));
        check(&format!("7 12:34:56.000001 {call}"), 7, day(1_000));
        check(&format!("7 12:34:56.000001 (+     0.000123) {call}"), 7, day(1_000));
        check(&format!("     0.000123 {call}"), 0, Some(Stamp::Step(123_000)));
        check(&format!("7      0.000123 {call}"), 7, Some(Stamp::Step(123_000)));
        check(call, 0, None);
        // `-n` and `-i`, in either order.
        check(&format!("7 12:34:56 [   0] {call}"), 7, day(0));
        check(&format!("7 [00007f12ab34cd56] {call}"), 7, None);
        check(&format!("[pid 7] 12:34:56 [   0] [????????????????] {call}"), 7, day(0));
        check(&format!("[00007f12ab34cd56] {call}"), 0, None);
    }

    #[test]
    fn events_are_told_apart() {
        let event = |line: &'static str| parse(line.as_bytes()).unwrap().event;
        let name = &b"read"[..];
        assert_eq!(event("1 read(3,  <unfinished ...>"), Event::Begun { name, text: b"3," });
        assert_eq!(event("1 read(3, <detached ...>"), Event::Begun { name, text: b"3," });
        let text = &b"\"\", 9) = 0"[..];
        assert_eq!(event("1 <... read resumed>\"\", 9) = 0"), Event::Resumed { name, text });
        assert_eq!(event("1 <... read resumed> \"\", 9) = 0"), Event::Resumed { name, text });
        assert_eq!(event("1 +++ exited with 0 +++"), Event::Ended);
        assert_eq!(event("1 read(3,  <unfinished ...>) = ?"), Event::Ended);
        assert_eq!(event("1 <... read resumed> <unfinished ...>) = ?"), Event::Ended);
        assert_eq!(event("1 --- SIGINT {si_signo=SIGINT} ---"), Event::Noise);
        assert_eq!(event("strace: Process 12 attached"), Event::Noise);
        assert!(parse(b"hello").is_err());
        assert!(parse(b"12:99:00 read(").is_err());
    }
}
