//! The kernel's tracepoints `fuse_request_send` and `fuse_request_end` as operations.
//!
//! Reads the text of ftrace (`/sys/kernel/tracing/trace` or `trace_pipe`), of `trace-cmd report`
//! and of `perf script`. The tracepoints know operation, number, length, error and time, but no
//! names, nodes or data: good for the mix of operations, for timing, and to see whether another
//! recording lost something. Every record is marked as cut, and nothing is made up for what is
//! missing. What a reader would get wrong: the numbers of requests go up by two, so a gap in them
//! is a request that the log does not show.

use core::fmt;
use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::io::BufRead;

use super::LogError;
use super::lines::Lines;
use super::log_error::excerpt;
use crate::ops::{DataPlace, OpSpec};
use crate::record::{NoteKind, NoteRecord, OpFlags, OpRecord, Payload, Record};
use crate::wire::InOrder;

const HINT: &str = "enable events/fuse/fuse_request_send and fuse_request_end, then save \
                    /sys/kernel/tracing/trace";
/// Problems that are kept with their text.
const KEPT_MAX: usize = 1_000;
/// Requests that wait for their end.
const PENDING_MAX: usize = 1 << 20;
/// Lines before the first event that may be of something else (the head of ftrace, perf's notes).
const FOREIGN_LINES_MAX: u64 = 1_000;
const IN_HEADER: u64 = 40;
const OUT_HEADER: u64 = 16;

/// What came of importing tracepoints.
///
/// ```
/// use fuserig_traces::import::import_tracepoints;
/// let log = "\
/// cat-812 [001] 10.000001: fuse_request_send: connection 43 req 2 opcode 3 (FUSE_GETATTR) len 56
/// cat-812 [001] 10.000004: fuse_request_end: connection 43 req 2 len 120 error 0
/// ";
/// let mut records = Vec::new();
/// let mut keep = |record| {
///     records.push(record);
///     std::ops::ControlFlow::Continue(())
/// };
/// let report = import_tracepoints(log.as_bytes(), None, &mut keep)?;
/// assert_eq!((report.requests, report.ends, records.len()), (1, 1, 1));
/// # Ok::<(), fuserig_traces::import::LogError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TracepointReport {
    /// Lines of the log.
    pub lines: u64,
    /// Requests of the connection.
    pub requests: u64,
    /// Their ends.
    pub ends: u64,
    /// Requests that had not ended when the log did.
    pub in_flight: u64,
    /// Ends whose request is not in the log.
    pub ends_alone: u64,
    /// Events that the tracer says it lost.
    pub lost: u64,
    /// Requests that are not in the log although their neighbours are, by the gaps of numbers.
    pub gaps: u64,
    /// Events of each connection.
    pub connections: BTreeMap<u64, u64>,
    /// The connection that was imported.
    pub connection: Option<u64>,
    /// The first lines that are not understood.
    pub problems: Vec<String>,
    /// How many are not understood.
    pub problems_total: u64,
}

impl TracepointReport {
    /// Whether the log has every event between its first and its last.
    pub fn is_lossless(&self) -> bool {
        self.lost == 0 && self.gaps == 0 && self.ends_alone == 0 && self.problems_total == 0
    }
}

impl fmt::Display for TracepointReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 20;
        writeln!(out, "lines           {:>9}", self.lines)?;
        writeln!(out, "requests        {:>9}", self.requests)?;
        writeln!(out, "ends            {:>9}", self.ends)?;
        writeln!(out, "in flight       {:>9}", self.in_flight)?;
        writeln!(out, "ends alone      {:>9}", self.ends_alone)?;
        writeln!(out, "lost by tracer  {:>9}", self.lost)?;
        writeln!(out, "gaps            {:>9}", self.gaps)?;
        writeln!(out, "not understood  {:>9}", self.problems_total)?;
        writeln!(out, "note: tracepoints have no names, nodes, credentials or data")?;
        if self.connections.len() > 1 {
            let all: Vec<String> = self
                .connections
                .iter()
                .map(|(connection, count)| format!("{connection} ({count} events)"))
                .collect();
            writeln!(out, "note: connections {}; choose with --connection", all.join(", "))?;
        }
        let listed = self.problems.iter().take(SHOWN_MAX);
        listed.into_iter().try_for_each(|problem| writeln!(out, "not understood: {problem}"))
    }
}

/// One event.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    pid: u32,
    time_ns: u64,
    connection: u64,
    unique: u64,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Send { opcode: u32, len: u64 },
    End { len: u64, error: i64 },
}

/// Imports tracepoints of one connection; of the first in the log, if none is named.
///
/// # Errors
/// When the log cannot be read or has no such events. Events that are not understood are in the
/// report.
pub fn import_tracepoints<R: BufRead>(
    log: R,
    connection: Option<u64>,
    sink: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> Result<TracepointReport, LogError> {
    let mut lines = Lines::new(log);
    let mut state = State { connection, ..State::default() };
    let mut events = 0_u64;
    while let Some(line) = lines.next_line()? {
        state.report.lines = line.number;
        state.report.lost = state.report.lost.saturating_add(lost_events(line.text));
        match event(line.text) {
            None if events == 0 && line.number > FOREIGN_LINES_MAX => break,
            None => {}
            Some(Ok(event)) => {
                events += 1;
                state.event(event, line.number)?;
            }
            Some(Err(why)) => {
                events += 1;
                state.problem(format!("line {}: {why}: `{}`", line.number, excerpt(line.text)));
            }
        }
        if state.hand_out(sink).is_break() {
            return Err(LogError::Stopped { line: line.number });
        }
    }
    if state.report.lines == 0 {
        return Err(LogError::Empty { hint: HINT });
    }
    if events == 0 {
        return Err(LogError::Foreign {
            line: 1,
            what: "part of a log of fuse tracepoints",
            column: 1,
            why: "no line has fuse_request_send or fuse_request_end".to_owned(),
            text: String::new(),
            hint: HINT,
        });
    }
    let line = state.report.lines;
    match state.finish(sink) {
        ControlFlow::Continue(report) => Ok(report),
        ControlFlow::Break(()) => Err(LogError::Stopped { line }),
    }
}

#[derive(Debug, Default)]
struct State {
    connection: Option<u64>,
    base_ns: Option<u64>,
    seq: u64,
    pending: BTreeMap<u64, OpRecord>,
    order: InOrder,
    /// Numbers of ordinary requests, to find gaps.
    seen: std::collections::BTreeSet<u64>,
    report: TracepointReport,
}

impl State {
    fn problem(&mut self, text: String) {
        self.report.problems_total += 1;
        if self.report.problems.len() < KEPT_MAX {
            self.report.problems.push(text);
        }
    }

    fn event(&mut self, event: Event, line: u64) -> Result<(), LogError> {
        if self.report.connections.len() < KEPT_MAX {
            *self.report.connections.entry(event.connection).or_default() += 1;
        }
        if *self.connection.get_or_insert(event.connection) != event.connection {
            return Ok(());
        }
        let base = *self.base_ns.get_or_insert(event.time_ns);
        let time_ns = event.time_ns.saturating_sub(base);
        self.seq += 1;
        match event.what {
            What::Send { opcode, len } => {
                if self.pending.len() >= PENDING_MAX {
                    let what = "the requests that have not ended";
                    return Err(LogError::Limit { line, what, limit: PENDING_MAX as u64 });
                }
                self.report.requests += 1;
                self.note_number(event.unique);
                let op = self.request(&event, opcode, len, time_ns);
                self.order.begin(op.seq_send);
                if op.flags.contains(OpFlags::NO_REPLY) {
                    self.order.push(op);
                } else if let Some(lost) = self.pending.insert(event.unique, op) {
                    self.order.push(lost);
                    self.problem(format!("line {line}: request {} begins twice", event.unique));
                }
            }
            What::End { len, error } => match self.pending.remove(&event.unique) {
                None => self.report.ends_alone += 1,
                Some(mut op) => {
                    self.report.ends += 1;
                    op.seq_reply = self.seq;
                    op.duration_ns = time_ns.saturating_sub(op.time_ns);
                    op.result = error;
                    let reads = OpSpec::by_number(op.opcode)
                        .is_some_and(|spec| spec.data == DataPlace::Reply);
                    if reads && error == 0 {
                        op.payload = Payload::Len(len.saturating_sub(OUT_HEADER));
                    }
                    self.order.push(op);
                }
            },
        }
        Ok(())
    }

    fn request(&self, event: &Event, opcode: u32, len: u64, time_ns: u64) -> OpRecord {
        const PREFILTER: u32 = 0x1_0000;
        const POSTFILTER: u32 = 0x2_0000;
        let number = u16::try_from(opcode & 0xffff).unwrap_or(u16::MAX);
        let mut flags = OpFlags::TRUNCATED;
        if opcode & PREFILTER != 0 {
            flags = flags.with(OpFlags::PREFILTER);
        }
        if opcode & POSTFILTER != 0 {
            flags = flags.with(OpFlags::POSTFILTER);
        }
        // FORGET, NOTIFY_REPLY and BATCH_FORGET end without an event of their own.
        if matches!(number, 2 | 41 | 42) {
            flags = flags.with(OpFlags::NO_REPLY);
        }
        let payload = match OpSpec::by_number(number).map(|spec| spec.data) {
            Some(DataPlace::Request { after }) => {
                Payload::Len(len.saturating_sub(IN_HEADER + after as u64))
            }
            _ => Payload::None,
        };
        OpRecord {
            opcode: number,
            flags,
            seq_send: self.seq,
            time_ns,
            unique: event.unique,
            pid: event.pid,
            payload,
            ..OpRecord::default()
        }
    }

    /// Ordinary requests have even numbers, one after the other; 0 is a FORGET's.
    fn note_number(&mut self, unique: u64) {
        const SEEN_MAX: usize = 1 << 22;
        if unique != 0 && unique.is_multiple_of(2) && self.seen.len() < SEEN_MAX {
            self.seen.insert(unique);
        }
    }

    fn hand_out(&mut self, sink: &mut dyn FnMut(Record) -> ControlFlow<()>) -> ControlFlow<()> {
        while let Some(op) = self.order.pop() {
            self.report.in_flight += u64::from(op.in_flight());
            sink(op.into())?;
        }
        ControlFlow::Continue(())
    }

    fn finish(
        mut self,
        sink: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> ControlFlow<(), TracepointReport> {
        for op in core::mem::take(&mut self.pending).into_values() {
            self.order.push(op);
        }
        self.order.finish();
        self.hand_out(sink)?;
        if let (Some(first), Some(last)) = (self.seen.first(), self.seen.last()) {
            let all = (last - first) / 2 + 1;
            self.report.gaps = all - self.seen.len() as u64;
        }
        self.report.connection = self.connection;
        let lost = self.report.lost.saturating_add(self.report.gaps);
        if lost > 0 {
            let note = NoteRecord {
                seq: 0,
                kind: NoteKind::LOSS,
                count: lost,
                text: format!(
                    "events the tracer lost {}, gaps in the numbers of requests {}",
                    self.report.lost, self.report.gaps
                ),
            };
            sink(note.into())?;
        }
        ControlFlow::Continue(self.report)
    }
}

/// The event of a line; `None` when the line has none. The name of a program may be any bytes.
fn event(line: &[u8]) -> Option<Result<Event, &'static str>> {
    let text = String::from_utf8_lossy(line);
    let marks = ["fuse_request_send:", "fuse_request_end:"];
    let (at, mark) = marks.iter().find_map(|mark| Some((text.find(mark)?, *mark)))?;
    if text.trim_start().starts_with('#') {
        return None;
    }
    let (head, body) = (&text[..at], &text[at + mark.len()..]);
    Some(parse(head, body, mark == marks[0]))
}

fn parse(head: &str, body: &str, is_send: bool) -> Result<Event, &'static str> {
    // perf puts the group before the name: `10.000001: fuse:fuse_request_send:`.
    let head = head.trim_end().strip_suffix("fuse:").unwrap_or(head).trim_end();
    let head = head.strip_suffix(':').ok_or("expected a time before the event")?;
    let (rest, time) = head.rsplit_once([' ', '\t']).unwrap_or(("", head));
    let time_ns = super::words::seconds(time.as_bytes()).ok_or("expected a time")?;
    if !time.contains('.') {
        // A counter, cycles: nobody knows how long one takes.
        return Err("the time is no time in seconds; `echo local > trace_clock` before recording");
    }
    let pid = pid(rest).ok_or("expected a process before `[CPU]`")?;
    let mut words = body.split_whitespace();
    let mut number = |name: &str| -> Option<&str> {
        words.by_ref().find(|word| *word == name)?;
        words.next().map(|word| word.trim_end_matches(','))
    };
    let natural = |number: Option<&str>| number.and_then(|number| number.parse().ok());
    let connection = natural(number("connection")).ok_or("expected `connection N`")?;
    let unique = natural(number("req")).ok_or("expected `req N`")?;
    let what = if is_send {
        let opcode = opcode(body).ok_or("expected `opcode N`")?;
        What::Send { opcode, len: natural(number("len")).ok_or("expected `len N`")? }
    } else {
        let len = natural(number("len")).ok_or("expected `len N`")?;
        let error = number("error").and_then(|number| number.parse().ok());
        What::End { len, error: error.ok_or("expected `error N`")? }
    };
    Ok(Event { pid, time_ns, connection, unique, what })
}

/// `opcode 3 (FUSE_GETATTR)`, or the name alone as some tools print it.
fn opcode(body: &str) -> Option<u32> {
    let word = body.split_once("opcode ")?.1.split_whitespace().next()?;
    let name = word.trim_matches(['(', ')']);
    let by_name = || OpSpec::by_name(name.strip_prefix("FUSE_")?).map(|s| u32::from(s.number));
    word.parse().ok().or_else(by_name)
}

/// `comm-812 [001] ...` of ftrace, `comm 812 [001]` of perf; a comm may have spaces, dashes, and
/// what looks like another process or another CPU, so that all is read from the right.
fn pid(head: &str) -> Option<u32> {
    let cpu = |rest: &str| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && rest[digits..].starts_with(']')
    };
    let mut places = head.rmatch_indices(" [");
    let before = places.find(|(at, _)| cpu(&head[at + 2..])).map_or(head, |(at, _)| &head[..at]);
    // `trace` may print the thread group: `comm-812   (   800) [001]`, or `(-----)`.
    let before = before.trim_end();
    let group = |inside: &str| inside.bytes().all(|byte| matches!(byte, b' ' | b'-' | b'0'..=b'9'));
    let before = match before.strip_suffix(')').and_then(|inside| inside.rsplit_once(" (")) {
        Some((before, inside)) if group(inside) => before.trim_end(),
        _ => before,
    };
    let word = before.rsplit([' ', '\t', '-']).next()?;
    word.split('/').next()?.parse().ok()
}

/// `CPU:1 [LOST 123 EVENTS]` of ftrace, `PERF_RECORD_LOST lost 123` of perf.
fn lost_events(line: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(line);
    let ftrace = || {
        let rest = text.split_once("[LOST ")?.1;
        rest.split_once(" EVENTS]")?.0.parse().ok()
    };
    let perf = || {
        let rest = text.split_once("PERF_RECORD_LOST")?.1.split_once("lost ")?.1;
        rest.split_whitespace().next()?.parse().ok()
    };
    ftrace().or_else(perf).unwrap_or(0)
}

/// Imports whatever the bytes are. Must not panic.
#[doc(hidden)]
pub fn fuzz_entry_tracepoints(bytes: &[u8]) {
    let mut drop = |_record| ControlFlow::Continue(());
    let _outcome = import_tracepoints(bytes, None, &mut drop);
}

#[cfg(test)]
mod tests {
    use super::{Event, What, event, import_tracepoints, lost_events};
    use crate::text;

    fn check(line: &str, pid: u32, time_ns: u64, what: What) {
        let got = event(line.as_bytes()).expect("the line has an event");
        let expected = Event { pid, time_ns, connection: 43, unique: 2, what };
        assert_eq!(got, Ok(expected), "{line}");
    }

    #[test]
    fn lines_of_every_tool_are_read() {
        let send = || What::Send { opcode: 1, len: 42 };
        let body = "connection 43 req 2 opcode 1 (FUSE_LOOKUP) len 42";
        let time = 100_123_456_000;
        check(
            &format!("  touch-12 [001] ..... 100.123456: fuse_request_send: {body} "),
            12,
            time,
            send(),
        );
        check(
            &format!(" a b-c-12 (  9) [001] d..1. 100.123456: fuse_request_send: {body}"),
            12,
            time,
            send(),
        );
        check(
            &format!("touch  12 [001] 100.123456: fuse:fuse_request_send: {body}"),
            12,
            time,
            send(),
        );
        let named = "connection 43 req 2 opcode FUSE_LOOKUP len 42";
        check(&format!("touch-12 [001] 100.123456: fuse_request_send: {named}"), 12, time, send());
        let end = What::End { len: 16, error: -2 };
        let body = "connection 43 req 2 len 16 error -2";
        check(&format!("touch-12 [001] 100.123456: fuse_request_end: {body}"), 12, time, end);
        assert!(event(b"# tracer: nop").is_none());
        let body = "connection 43 req 2 opcode 1 (FUSE_LOOKUP) len 42";
        for head in [
            "  <...>-12    [001] .....   100.123456: ",
            "\t\u{fffd}-12 (-----) [001] d.... 100.123456: ",
            "evil-9 [000] x-12 (    9) [001] ..... 100.123456: ",
            "a (7)-12 [001] ..... 100.123456: ",
            "perf  12/13 [001] 100.123456000: ",
            "Web Content 12 100.123456: ",
            "kworker/u8:3-ev-12    [001]   100.123456: ",
        ] {
            check(&format!("{head}fuse_request_send: {body}"), 12, time, send());
        }
        // A program whose name is no text is no reason to lose its event.
        let bytes = [&b"\xff\xfe-12 [001] 100.123456: fuse_request_send: "[..], body.as_bytes()];
        assert_eq!(event(&bytes.concat()).and_then(Result::ok).map(|event| event.pid), Some(12));
        let largest = body.replace("req 2", "req 18446744073709551615");
        let line = format!("a-12 [001] 100.123456: fuse_request_send: {largest}");
        let unique = event(line.as_bytes()).and_then(Result::ok).map(|event| event.unique);
        assert_eq!(unique, Some(u64::MAX));
        for (line, says) in [
            (format!("a-12 [001] 123456: fuse_request_send: {body}"), "trace_clock"),
            (format!("a-12 [001] fuse_request_send: {body}"), "expected a time"),
            (format!("a [001] 100.1: fuse_request_send: {body}"), "expected a process"),
            (format!("a-12 [001] 100.1: fuse_request_send: {}", &body[..20]), "expected `opcode"),
            ("a-12 [001] 1.0: fuse_request_send: connection x req 2".to_owned(), "`connection N`"),
            ("a-12 [001] 1.0: fuse_request_end: connection 1 req 2 len 3".to_owned(), "`error N`"),
        ] {
            let why = event(line.as_bytes()).expect("an event").expect_err("it is not whole");
            assert!(why.contains(says), "{line}: {why}");
        }
        assert_eq!(lost_events(b"swapper 0 [001] 1.0: PERF_RECORD_LOST lost 12"), 12);
        assert_eq!(lost_events(b"CPU:1 [LOST 12 EVENTS]"), 12);
        assert_eq!(lost_events(b"CPU:1 [LOST many EVENTS]"), 0);
        assert!(event(b"touch-12 [001] fuse_request_end: req").expect("an event").is_err());
    }

    #[test]
    fn losses_are_counted() {
        let line = |time: u64, event: &str| format!("a-7 [0] {time}.0: {event}\n");
        let send = |unique: u64| {
            format!("fuse_request_send: connection 1 req {unique} opcode 3 (FUSE_GETATTR) len 56")
        };
        let end =
            |unique: u64| format!("fuse_request_end: connection 1 req {unique} len 16 error -5");
        let log = [
            "# tracer: nop\n".to_owned(),
            line(1, &send(2)),
            line(2, &end(2)),
            "CPU:1 [LOST 12 EVENTS]\n".to_owned(),
            line(3, &end(4)),
            line(4, &send(8)),
            line(5, "fuse_request_send: connection 2 req 2 opcode 26 (FUSE_INIT) len 104"),
        ]
        .concat();
        let mut lines = Vec::new();
        let mut keep = |record: crate::record::Record| {
            lines.push(text::record_line(&record.as_ref()));
            core::ops::ControlFlow::Continue(())
        };
        let report = import_tracepoints(log.as_bytes(), None, &mut keep).expect("events are there");
        assert_eq!((report.lost, report.gaps, report.ends_alone, report.in_flight), (12, 2, 1, 1));
        assert_eq!(
            lines,
            [
                "op 1-2 +0ns 1s pid=7 u=0:0 unique=2 flags=truncated GETATTR 0 -> EIO",
                "op 4- +3s 0ns pid=7 u=0:0 unique=8 flags=truncated GETATTR 0",
                "note 0 loss 14 \"events the tracer lost 12, gaps in the numbers of requests 2\"",
            ]
        );
    }

    #[test]
    fn losses_beyond_counting_are_as_many_as_can_be_counted() {
        let log = format!(
            "CPU:1 [LOST {0} EVENTS]\na-7 [0] 1.0: fuse_request_end: connection 1 req 2 len 16 error 0\n\
             CPU:1 [LOST {0} EVENTS]\n",
            u64::MAX
        );
        let mut drop = |_| core::ops::ControlFlow::Continue(());
        let report = import_tracepoints(log.as_bytes(), None, &mut drop).expect("an event");
        assert_eq!(report.lost, u64::MAX);
    }
}
