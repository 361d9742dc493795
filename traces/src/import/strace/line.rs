//! The outside of a line: who, when, and what sort of event.
//!
//! Accepts a pid column (`6682  `, `[pid  6682] `, `6682<bash> ` or none), then a time column
//! (`-ttt`, `-tt`, `-t`, `-r` or none), then those of `-n` and `-i`, then the event. Knows nothing
//! of arguments. What a reader would get wrong: a line without a pid is normal (`strace` without
//! `-f`, or `-f` on a terminal while one process lives), and `<unfinished ...>` also ends calls
//! that never return.

use super::super::clock::{Stamp, skip_columns, stamp};
use super::super::words::decimal;
use super::cursor::{Cursor, find};
use super::error::Trouble;

/// One line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) pid: Option<u32>,
    pub(super) stamp: Option<Stamp>,
    /// Where the event begins in the line.
    pub(super) at: usize,
    pub(super) event: Event<'a>,
}

/// What the line tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// `name(args) = result`; the whole text.
    Call { name: &'a [u8], text: &'a [u8] },
    /// `name(args <unfinished ...>`; the text before the mark.
    Unfinished { name: &'a [u8], text: &'a [u8] },
    /// `<... name resumed>rest`.
    Resumed { name: &'a [u8], text: &'a [u8] },
    /// `name(args <unfinished ...>) = ?`: the task died in the call.
    Dead { name: &'a [u8], text: &'a [u8] },
    /// `<... name resumed> <unfinished ...>) = ?`: the same, after it had been interrupted.
    DeadResumed,
    /// `+++ exited with 0 +++`, or `+++ killed by SIGKILL +++` with -1.
    Exited { status: i64 },
    /// `+++ superseded by execve in pid 12 +++`.
    Superseded { by: u32 },
    /// A signal, an attach message, a hex dump of `-e read=`: nothing that touches files.
    Noise,
}

/// Takes a line apart.
pub(super) fn parse(text: &[u8]) -> Result<Head<'_>, Trouble> {
    let mut cursor = Cursor::new(text);
    // Messages, the hex dumps of `-e read=`, the stack traces of `-k`.
    if [&b"strace: "[..], b" | ", b" > "].iter().any(|mark| text.starts_with(mark))
        || text.trim_ascii().is_empty()
    {
        return Ok(Head { pid: None, stamp: None, at: 0, event: Event::Noise });
    }
    cursor.skip_spaces();
    let mut pid = None;
    if cursor.eat(b"[pid ") {
        cursor.skip_spaces();
        pid = Some(number(&mut cursor)?);
        skip_command(&mut cursor)?;
        if !cursor.eat(b"]") {
            return Err(cursor.trouble("`[pid N` lacks its `]`"));
        }
        cursor.skip_spaces();
    }
    if pid.is_none() && is_pid(cursor.rest()) {
        pid = Some(number(&mut cursor)?);
        skip_command(&mut cursor)?;
        cursor.skip_spaces();
    }
    let mut rest = cursor.rest();
    let stamp = stamp(&mut rest).map_err(|why| cursor.trouble(why))?;
    let has_words = stamp.is_none() && rest.first().is_some_and(u8::is_ascii_digit);
    if has_words {
        return Err(cursor.trouble("expected a process number or a time"));
    }
    skip_columns(&mut rest);
    let at = text.len() - rest.len();
    let mut cursor = Cursor::at_offset(text, at);
    let event = event(&mut cursor)?;
    Ok(Head { pid, stamp, at, event })
}

/// Whether the next word is the number of a process. Seconds since the epoch have nine digits or
/// more since 1973, and a time has a point or a colon.
fn is_pid(rest: &[u8]) -> bool {
    const PID_DIGITS_MAX: usize = 9;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=PID_DIGITS_MAX).contains(&digits) && matches!(rest.get(digits), Some(b' ' | b'<'))
}

fn number(cursor: &mut Cursor<'_>) -> Result<u32, Trouble> {
    let at = cursor.at();
    let digits = cursor.take_while(|byte| byte.is_ascii_digit());
    decimal(digits)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| Trouble::new(at, "expected a process number"))
}

/// `-Y` puts the command after the number: `6682<bash>`.
fn skip_command(cursor: &mut Cursor<'_>) -> Result<(), Trouble> {
    if cursor.peek() == Some(b'<') {
        cursor.angle()?;
    }
    Ok(())
}

const UNFINISHED: &[u8] = b"<unfinished ...>";
const DEAD: &[u8] = b"<unfinished ...>) = ?";

fn event<'a>(cursor: &mut Cursor<'a>) -> Result<Event<'a>, Trouble> {
    let text = cursor.rest().trim_ascii_end();
    if text.starts_with(b"--- ") || text.starts_with(b"[ Process PID=") {
        return Ok(Event::Noise);
    }
    if cursor.eat(b"+++ ") {
        return ending(cursor);
    }
    if cursor.eat(b"<... ") {
        let name = cursor.take_while(is_name);
        if !cursor.eat(b" resumed>") {
            return Err(cursor.trouble("expected ` resumed>`"));
        }
        let text = cursor.rest();
        if dead(text).is_some() {
            return Ok(Event::DeadResumed);
        }
        return Ok(Event::Resumed { name, text });
    }
    if text.starts_with(b"Process ") || text.starts_with(b"strace: ") {
        return Ok(Event::Noise);
    }
    let name = cursor.take_while(is_name);
    if name.is_empty() || cursor.peek() != Some(b'(') {
        return Err(cursor.trouble("expected the name of a system call and `(`"));
    }
    if let Some(text) = dead(text) {
        return Ok(Event::Dead { name, text });
    }
    if let Some(text) = text.strip_suffix(UNFINISHED) {
        let text = text.strip_suffix(b" ").unwrap_or(text);
        return Ok(Event::Unfinished { name, text });
    }
    Ok(Event::Call { name, text })
}

/// The text before `<unfinished ...>) = ?`, whose last part is padded to the result column.
fn dead(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_end();
    if !text.ends_with(b"= ?") {
        return None;
    }
    let tail = &text[text.len().saturating_sub(DEAD.len() + 48)..];
    let mark = find(tail, UNFINISHED)?;
    let after = tail[mark + UNFINISHED.len()..].strip_prefix(b")")?;
    (after.trim_ascii_start() == b"= ?").then(|| &text[..text.len() - tail.len() + mark])
}

fn ending<'a>(cursor: &mut Cursor<'a>) -> Result<Event<'a>, Trouble> {
    if cursor.eat(b"killed by ") {
        return Ok(Event::Exited { status: -1 });
    }
    if cursor.eat(b"exited with ") {
        return Ok(Event::Exited { status: i64::from(number(cursor)?) });
    }
    if cursor.eat(b"superseded by execve in pid ") {
        return Ok(Event::Superseded { by: number(cursor)? });
    }
    Err(cursor.trouble("expected `exited`, `killed` or `superseded`"))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'?'
}

#[cfg(test)]
mod tests {
    use super::{Event, Stamp, parse};

    fn check(line: &str, pid: Option<u32>, stamp: Option<Stamp>, event: Event<'_>) {
        let head = parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error:?}"));
        assert_eq!((head.pid, head.stamp, head.event), (pid, stamp, event), "{line}");
        assert!(line[head.at..].starts_with("close"), "{line}");
    }

    fn call<'a>(text: &'a str) -> Event<'a> {
        let name = &text.as_bytes()[..text.find('(').expect("a call has a parenthesis")];
        Event::Call { name, text: text.as_bytes() }
    }

    #[test]
    fn columns_before_the_event_are_recognised() {
        let time = Some(Stamp::Epoch(1_795_354_603_621_087_000));
        let close = || call("close(3) = 0");
        check("6682  1795354603.621087 close(3) = 0", Some(6682), time, close());
        check("[pid  6682] 1795354603.621087 close(3) = 0", Some(6682), time, close());
        check("[pid 6682<bash>] close(3) = 0", Some(6682), None, close());
        check("6682<b c> 1795354603.621087000 close(3) = 0", Some(6682), time, close());
        check("1795354603.621087 close(3) = 0", None, time, close());
        check("6682 close(3) = 0", Some(6682), None, close());
        check("close(3) = 0", None, None, close());
    }

    #[test]
    fn events_are_told_apart() {
        let event = |line: &'static str| parse(line.as_bytes()).unwrap().event;
        let name = &b"read"[..];
        assert_eq!(event("1 +++ exited with 7 +++"), Event::Exited { status: 7 });
        let killed = event("1 +++ killed by SIGKILL (core dumped) +++");
        assert_eq!(killed, Event::Exited { status: -1 });
        assert_eq!(event("1 +++ superseded by execve in pid 7 +++"), Event::Superseded { by: 7 });
        assert_eq!(event("1 --- SIGCHLD {si_signo=SIGCHLD} ---"), Event::Noise);
        assert_eq!(event("strace: Process 12 attached"), Event::Noise);
        assert_eq!(event(" | 00000  61 62 |"), Event::Noise);
        assert_eq!(
            event("1 read(3</a>,  <unfinished ...>"),
            Event::Unfinished { name, text: b"read(3</a>, " }
        );
        assert_eq!(
            event("1 read(3</a>,  <unfinished ...>) = ?"),
            Event::Dead { name, text: b"read(3</a>,  " }
        );
        assert_eq!(
            event("1 <... read resumed>\"a\", 1) = 1 <0.1>"),
            Event::Resumed { name, text: b"\"a\", 1) = 1 <0.1>" }
        );
        assert_eq!(event("1 <... read resumed> <unfinished ...>) = ?"), Event::DeadResumed);
    }

    #[test]
    fn other_clocks_and_more_columns_are_read_and_other_files_are_refused() {
        let close = || call("close(3) = 0");
        let noon = Some(Stamp::Day(43_201_000_000_000));
        check("12:00:01 close(3) = 0", None, noon, close());
        check("77 12:00:01.000000 close(3) = 0", Some(77), noon, close());
        check("     0.000123 close(3) = 0", None, Some(Stamp::Step(123_000)), close());
        check("7 12:00:01 (+     0.000123) close(3) = 0", Some(7), noon, close());
        check("7 12:00:01 [   3] close(3) = 0", Some(7), noon, close());
        check("[pid 7] [   3] [00007f12ab34cd56] close(3) = 0", Some(7), None, close());
        check("[00007f12ab34cd56] close(3) = 0", None, None, close());
        for line in ["hello", "{\"a\": 1}", "1795354603.6210x close(3)", "5: close(3)", "(x)"] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
