//! The way of a line: head, halves, call, message, operation, record.

use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::io::BufRead;

use super::super::clock::LogClock;
use super::super::words::decimal;
use super::call::{self, Io, Outcome, Scan, UNKNOWN_FD, Way};
use super::head::{self, Event, Head};
use super::pipes::{Pipes, Spliced};
use super::session::{Devices, Half};
use super::{FuseStraceOptions, FuseStraceReport, ProblemKind};
use crate::import::LogError;
use crate::import::lines::{Lines, LogLine};
use crate::import::log_error::excerpt;
use crate::record::{OpFlags, Record};
use crate::wire::{
    Channel, InOrder, MessageError, Moment, Pairing, PayloadStore, ReplyHead, RequestHead, Written,
};

const HINT: &str = "record the daemon with `strace -f -e trace=read,write,readv,writev \
                    -P /dev/fuse -xx -s 16800000 -ttt -o FILE DAEMON`";
/// Calls that have begun and not ended; a task has one at most.
const HALVES_MAX: usize = 1 << 20;
/// Lines that may be foreign (a shell's greeting, `script`) before the first one of strace.
const FOREIGN_LINES_MAX: u64 = 20;
const INIT: u32 = 26;

/// Imports the log of a daemon: hands out each record as soon as its turn has come, operations in
/// the order of their requests, file data before the operation that refers to them.
///
/// # Errors
/// When the log cannot be read or is none of strace. Lines that are not understood are problems
/// in the report.
pub fn import_fuse_strace<R: BufRead>(
    log: R,
    options: &FuseStraceOptions,
    sink: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> Result<FuseStraceReport, LogError> {
    let mut lines = Lines::new(log);
    let mut importer = Importer::new(options, sink);
    while let Some(line) = lines.next_line()? {
        importer.line(line)?;
        if importer.stopped {
            return Err(LogError::Stopped { line: importer.report.lines });
        }
    }
    importer.finish()
}

struct Importer<'a> {
    options: FuseStraceOptions,
    sink: &'a mut dyn FnMut(Record) -> ControlFlow<()>,
    clock: LogClock,
    devices: Devices,
    halves: BTreeMap<u64, Half>,
    /// Tasks that the log has shown, so that the end of a call whose beginning is missing can be
    /// told from the first that the log has of a task; and those that have read a request.
    tasks: BTreeMap<u64, Task>,
    /// The smallest number of a request; the kernel counts up.
    first_unique: Option<u64>,
    /// The request that a task read last: who answers it by splice.
    reading: BTreeMap<u64, (Channel, u64)>,
    pipes: Pipes,
    pairing: Pairing,
    order: InOrder,
    store: PayloadStore,
    seq: u64,
    strace_seen: bool,
    /// The first line that is not of strace, until one is.
    foreign: Option<LogError>,
    stopped: bool,
    report: FuseStraceReport,
}

/// What the log has shown of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Task {
    #[default]
    Seen,
    HasRead,
}

/// When a call began and ended, and in whose name.
#[derive(Clone, Copy)]
struct Span {
    line: u64,
    pid: u64,
    /// The number that was taken when the call began, if that was an earlier line.
    begun: Option<Moment>,
    now_ns: u64,
}

impl<'a> Importer<'a> {
    fn new(
        options: &FuseStraceOptions,
        sink: &'a mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Importer<'a> {
        Importer {
            options: *options,
            sink,
            clock: LogClock::default(),
            devices: Devices::default(),
            halves: BTreeMap::new(),
            tasks: BTreeMap::new(),
            first_unique: None,
            reading: BTreeMap::new(),
            pipes: Pipes::default(),
            pairing: Pairing::default(),
            order: InOrder::default(),
            store: PayloadStore::new(options.payload),
            seq: 0,
            strace_seen: false,
            foreign: None,
            stopped: false,
            report: FuseStraceReport::default(),
        }
    }

    fn tick(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn line(&mut self, line: LogLine<'_>) -> Result<(), LogError> {
        self.report.lines = line.number;
        let head = match head::parse(line.text) {
            Ok(head) => head,
            Err((column, why)) => return self.not_a_line(line, column, why),
        };
        if matches!(head.event, Event::Noise) {
            return Ok(());
        }
        let now_ns = self.clock.at(head.stamp);
        let strace_was_seen = self.strace_seen;
        self.strace_seen = true;
        let Head { pid, event, .. } = head;
        let span = Span { line: line.number, pid, begun: None, now_ns };
        let is_new = !self.tasks.contains_key(&pid);
        self.tasks.entry(pid).or_default();
        match event {
            Event::Noise => {}
            Event::Ended => {
                if let Some(half) = self.halves.remove(&pid) {
                    self.torn(half);
                }
                self.reading.remove(&pid);
                let left = self.pipes.forget(pid);
                self.unread(left);
            }
            Event::Begun { name, text } => self.begun(name, text, span)?,
            Event::Resumed { name, text } => match self.halves.remove(&pid) {
                Some(half) if half.name == name => {
                    let begun = Moment { seq: half.seq, time_ns: half.time_ns };
                    let mut whole = half.text;
                    whole.push(b' ');
                    whole.extend_from_slice(text);
                    self.call(name, &whole, line, Span { begun: Some(begun), ..span });
                }
                // A filtered log shows the end of a call that it did not show the beginning of.
                Some(half) => self.torn(half),
                None if call::way(name).is_none() => {}
                None if is_new => self.began_before(name, text, span),
                None => {
                    let text = "the beginning of the call is missing";
                    self.report.problem(line.number, ProblemKind::NotUnderstood, text);
                }
            },
            Event::Call { name, text } => {
                let understood = self.call(name, text, line, span);
                self.strace_seen = understood || strace_was_seen;
                if !self.strace_seen {
                    self.foreign.get_or_insert(foreign(line, 0, "expected a whole system call"));
                }
            }
        }
        self.drain();
        Ok(())
    }

    fn not_a_line(
        &mut self,
        line: LogLine<'_>,
        column: usize,
        why: &'static str,
    ) -> Result<(), LogError> {
        let text = excerpt(line.text);
        if self.strace_seen {
            let (kind, text) = match line.whole {
                true => {
                    (ProblemKind::NotUnderstood, format!("column {}: {why}: `{text}`", column + 1))
                }
                false => (ProblemKind::Torn, format!("`{text}`")),
            };
            self.report.problem(line.number, kind, text);
            return Ok(());
        }
        self.report.greeting += 1;
        let first = self.foreign.take().unwrap_or_else(|| foreign(line, column, why));
        if line.number > FOREIGN_LINES_MAX {
            return Err(first);
        }
        self.foreign = Some(first);
        Ok(())
    }

    fn begun(&mut self, name: &[u8], text: &[u8], span: Span) -> Result<(), LogError> {
        if !call::matters(name) {
            return Ok(());
        }
        if self.halves.len() >= HALVES_MAX {
            let what = "the calls that have not ended";
            return Err(LogError::Limit { line: span.line, what, limit: HALVES_MAX as u64 });
        }
        let half = Half {
            line: span.line,
            name: name.to_vec(),
            text: text.to_vec(),
            seq: self.tick(),
            time_ns: span.now_ns,
        };
        if let Some(lost) = self.halves.insert(span.pid, half) {
            self.torn(lost);
        }
        Ok(())
    }

    /// A call that never returned: nothing for a read, a lost reply for a write.
    fn torn(&mut self, half: Half) {
        if call::way(&half.name) == Some(Way::Out) {
            let text = excerpt(&half.text);
            self.report.problem(half.line, ProblemKind::Torn, format!("write({text}"));
        }
    }

    /// The end of the first call of a task, which began before the log did. A read shows its
    /// request all the same; the bytes of a write were in the beginning.
    fn began_before(&mut self, name: &[u8], text: &[u8], span: Span) {
        let read = if call::way(name) == Some(Way::In) { call::parse_end(text) } else { None };
        match read {
            Some(io) => {
                self.report.calls += 1;
                self.read(io, span);
            }
            None => self.report.earlier += 1,
        }
    }

    /// A whole call; returns whether it is one of strace's for sure.
    fn call(&mut self, name: &[u8], text: &[u8], line: LogLine<'_>, span: Span) -> bool {
        let Some(way) = call::way(name) else {
            self.other_call(name, text, span);
            return text.contains(&b'=');
        };
        self.report.calls += 1;
        let io = match call::parse(text) {
            Ok(io) => io,
            Err((at, why)) => {
                let kind = if line.whole { ProblemKind::NotUnderstood } else { ProblemKind::Torn };
                let place = format!("byte {} of the arguments: {why}: `", at + 1);
                self.report.problem(line.number, kind, place + &excerpt(text) + "`");
                return false;
            }
        };
        match way {
            Way::In => self.read(io, span),
            Way::Out => self.write(io, span),
        }
        true
    }

    /// Calls that say something about descriptors, or that move bytes past the log.
    fn other_call(&mut self, name: &[u8], text: &[u8], span: Span) {
        let mut scan = Scan::new(text);
        let Ok((fd, annotation)) = scan.descriptor() else { return };
        match name {
            b"ioctl" => {
                let marks: [&[u8]; 2] = [b"FUSE_DEV_IOC_CLONE", b"0xe5, 0"];
                let has = |mark: &&[u8]| text.windows(mark.len()).any(|window| window == *mark);
                if let Some(source) = bracketed(text).filter(|_| marks.iter().any(has)) {
                    self.devices.cloned(fd, source);
                }
            }
            b"splice" => {
                let Ok((outcome, _)) = scan.ending() else { return };
                let Outcome::Moved(moved) = outcome else { return };
                if self.is_device(fd, annotation.as_deref()) {
                    // Whose mount it is the request says, which may be the INIT of another.
                    let request = Spliced { fd, bytes: moved, line: span.line };
                    let left = self.pipes.put_request(span.pid, request).filter(|_| moved > 0);
                    self.unread(left);
                } else if let Some((fd, annotation)) = splice_target(text)
                    && self.is_device(fd, annotation.as_deref())
                {
                    self.devices.connection(fd);
                    self.spliced_reply(fd, moved, span);
                }
            }
            b"vmsplice" => {
                let Ok(Io { mut data, outcome: Outcome::Moved(moved), .. }) = call::parse(text)
                else {
                    return;
                };
                data.truncate(usize::try_from(moved).unwrap_or(usize::MAX));
                self.pipes.put_reply(span.pid, &data);
            }
            _ => {}
        }
    }

    /// A request went through a pipe, and the log does not show who read it.
    fn unread(&mut self, left: Option<Spliced>) {
        if let Some(Spliced { bytes, line, .. }) = left {
            let text = format!("{bytes} bytes from the device");
            self.report.problem(line, ProblemKind::Splice, text);
        }
    }

    fn spliced_reply(&mut self, fd: u64, moved: u64, span: Span) {
        if let Some(data) = self.pipes.take_reply(span.pid, moved) {
            let outcome = Outcome::Moved(moved);
            let io = Io { fd, annotation: None, data, cut: false, outcome, took_ns: None };
            return self.write(io, span);
        }
        let text = format!("a reply of {moved} bytes");
        self.report.problem(span.line, ProblemKind::Splice, text);
        if let Some((channel, unique)) = self.reading.remove(&span.pid) {
            let moment = Moment { seq: self.tick(), time_ns: span.now_ns };
            self.pairing.reply_unseen(channel, unique, moment);
        }
    }

    /// Whether a descriptor is the device: by its annotation, or by what was read from it before.
    fn is_device(&self, fd: u64, annotation: Option<&[u8]>) -> bool {
        match annotation {
            Some(path) => [&b"/dev/fuse"[..], b"/dev/cuse", b"char 10:229"]
                .iter()
                .any(|mark| path.windows(mark.len()).any(|window| window == *mark)),
            None => self.devices.is_known(fd),
        }
    }

    fn read(&mut self, mut io: Io, span: Span) {
        let Outcome::Moved(mut moved) = io.outcome else {
            self.report.idle += 1;
            return;
        };
        // Old versions print the whole buffers of a vector.
        io.data.truncate(usize::try_from(moved).unwrap_or(usize::MAX));
        let piped = self.pipes.take_request(span.pid, &io.data);
        if let Some(Spliced { fd, bytes, .. }) = piped {
            (io.fd, io.annotation, moved) = (fd, None, bytes);
        }
        let head = RequestHead::parse(&io.data);
        let plausible = head.is_some_and(|head| head.is_plausible(moved));
        let device = piped.is_some() || self.is_device(io.fd, io.annotation.as_deref());
        if !device && io.annotation.is_none() && is_cut_head(&io.data, moved) {
            let text = format!("{} of {moved} bytes of a request", io.data.len());
            self.report.problem(span.line, ProblemKind::Cut, text);
            return;
        }
        if !device && (io.annotation.is_some() || !plausible) {
            self.report.other += 1;
            return;
        }
        if moved == 0 {
            self.report.idle += 1;
            return;
        }
        let is_init = head.is_some_and(|head| plausible && head.opcode == INIT);
        let connection = match io.fd {
            UNKNOWN_FD => self.devices.latest(),
            fd => self.devices.request(fd, is_init),
        };
        if connection != self.options.connection {
            self.report.elsewhere += 1;
            return;
        }
        if (io.data.len() as u64) < moved {
            let text = format!("{} of {moved} bytes of a request", io.data.len());
            let kind = if piped.is_some() { ProblemKind::Splice } else { ProblemKind::Cut };
            self.report.problem(span.line, kind, text);
        }
        // A request exists when the read returns: the end of the line, or its time and duration.
        let late = if span.begun.is_none() { io.took_ns.unwrap_or(0) } else { 0 };
        let moment = Moment { seq: self.tick(), time_ns: span.now_ns.saturating_add(late) };
        let channel = Channel(io.fd);
        self.order.begin(moment.seq);
        match self.pairing.request(channel, &io.data, moved, moment) {
            Ok(()) => {
                self.report.requests += 1;
                self.tasks.insert(span.pid, Task::HasRead);
                if let Some(head) = head {
                    let first = self.first_unique.map_or(head.unique, |min| min.min(head.unique));
                    self.first_unique = Some(first);
                    self.reading.insert(span.pid, (channel, head.unique));
                }
            }
            Err(MessageError::Short { .. }) if (io.data.len() as u64) < moved => {
                self.order.cancel(moment.seq);
            }
            Err(error) => {
                self.order.cancel(moment.seq);
                let text = format!("a request: {error}");
                self.report.problem(span.line, ProblemKind::BadMessage, text);
            }
        }
    }

    fn write(&mut self, io: Io, span: Span) {
        let head = ReplyHead::parse(&io.data);
        let waiting = head.is_some_and(|head| self.pairing.is_waiting(head.unique));
        let device = self.is_device(io.fd, io.annotation.as_deref());
        if !device && (io.annotation.is_some() || !waiting) {
            self.report.other += 1;
            return;
        }
        if self.devices.connection(io.fd) != self.options.connection {
            self.report.elsewhere += 1;
            return;
        }
        let whole =
            if io.cut { head.map_or(0, |head| u64::from(head.len)) } else { io.data.len() as u64 };
        let (moved, written) = match io.outcome {
            Outcome::Moved(moved) => (moved, Written::Taken),
            Outcome::Failed(ref name) if name == "ENOENT" => (whole, Written::Gone),
            Outcome::Failed(name) => {
                let text = format!("{name}, {} bytes", io.data.len());
                self.report.problem(span.line, ProblemKind::Refused, text);
                return;
            }
            Outcome::Unknown => {
                self.report.problem(span.line, ProblemKind::Torn, "a reply");
                return;
            }
        };
        if (io.data.len() as u64) < moved {
            let text = format!("{} of {moved} bytes of a reply", io.data.len());
            self.report.problem(span.line, ProblemKind::Cut, text);
        }
        // A reply counts from when its write began.
        let moment = match span.begun {
            Some(begun) => begun,
            None => Moment { seq: self.tick(), time_ns: span.now_ns },
        };
        if head.is_some_and(|head| head.unique == 0) {
            self.order.begin(moment.seq);
        }
        match self.pairing.reply(Channel(io.fd), &io.data, moved, moment, written) {
            Ok(()) => self.replied(span.pid, head, written),
            Err(MessageError::Short { .. }) if (io.data.len() as u64) < moved => {}
            Err(MessageError::NoRequest { unique }) if self.is_from_before(span.pid, unique) => {
                self.report.earlier += 1;
            }
            Err(error) => {
                self.order.cancel(moment.seq);
                let kind = match error {
                    MessageError::NoRequest { .. } => ProblemKind::NoRequest,
                    _ => ProblemKind::BadMessage,
                };
                self.report.problem(span.line, kind, error.to_string());
            }
        }
    }

    /// Whether a request that the log does not show was read before the log began: its number is
    /// smaller than all, or the task that answers has read nothing yet.
    fn is_from_before(&self, pid: u64, unique: u64) -> bool {
        let smaller = self.first_unique.is_none_or(|first| unique < first);
        let first_of_task = self.tasks.get(&pid) != Some(&Task::HasRead);
        !self.report.survey.has_init() && (smaller || first_of_task)
    }

    fn replied(&mut self, pid: u64, head: Option<ReplyHead>, written: Written) {
        let unique = head.map_or(0, |head| head.unique);
        if unique == 0 {
            self.report.notifications += 1;
            return;
        }
        self.report.replies += 1;
        self.report.interrupted += u64::from(written == Written::Gone);
        if self.reading.get(&pid).is_some_and(|(_, reading)| *reading == unique) {
            self.reading.remove(&pid);
        }
    }

    /// Hands out what is complete.
    fn drain(&mut self) {
        while let Some(note) = self.pairing.take_note() {
            self.hand_out(note.into());
        }
        while let Some(op) = self.pairing.take() {
            self.report.survey.add(&op.as_ref());
            self.order.push(op);
        }
        while let Some(mut op) = self.order.pop() {
            let stored = self.store.keep(&mut op);
            if let Some(stored) = stored {
                self.hand_out(stored.into());
            }
            self.report.in_flight +=
                u64::from(op.in_flight() && !op.flags.contains(OpFlags::REPLY_UNSEEN));
            self.hand_out(op.into());
        }
    }

    fn hand_out(&mut self, record: Record) {
        if !self.stopped {
            self.report.records += 1;
            self.stopped = (self.sink)(record).is_break();
        }
    }

    fn finish(mut self) -> Result<FuseStraceReport, LogError> {
        if !self.strace_seen {
            return Err(self.foreign.unwrap_or(LogError::Empty { hint: HINT }));
        }
        for half in core::mem::take(&mut self.halves).into_values() {
            self.torn(half);
        }
        self.pipes.left().into_iter().for_each(|left| self.unread(Some(left)));
        self.pairing.finish();
        self.drain();
        self.order.finish();
        self.drain();
        if self.stopped {
            return Err(LogError::Stopped { line: self.report.lines });
        }
        self.report.problems.sort_by_key(|problem| problem.line);
        self.report.connections = self.devices.connections();
        self.report.descriptors = self.devices.count();
        self.report.first_ns = self.clock.first_ns();
        self.report.times = self.clock.worth();
        Ok(self.report)
    }
}

fn foreign(line: LogLine<'_>, column: usize, why: &str) -> LogError {
    LogError::Foreign {
        line: line.number,
        what: "a line of strace",
        column: column + 1,
        why: why.to_owned(),
        text: excerpt(line.text),
        hint: HINT,
    }
}

/// The number in the first `[N]`.
fn bracketed(text: &[u8]) -> Option<u64> {
    let open = text.iter().position(|byte| *byte == b'[')?;
    let inside = &text[open + 1..];
    let digits = inside.iter().take_while(|byte| byte.is_ascii_digit()).count();
    decimal(&inside[..digits])
}

/// Whether bytes that strace cut before the end of a head can be those of a request of `moved`
/// bytes.
fn is_cut_head(data: &[u8], moved: u64) -> bool {
    const SEEN_MIN: usize = 16;
    let len = RequestHead::LEN;
    if !(SEEN_MIN..len).contains(&data.len()) || moved < len as u64 {
        return false;
    }
    let mut padded = data.to_vec();
    padded.resize(len, 0);
    RequestHead::parse(&padded).is_some_and(|head| head.is_plausible(moved))
}

/// The third argument of `splice(in, off, out, off, len, flags)`.
fn splice_target(text: &[u8]) -> Option<(u64, Option<Vec<u8>>)> {
    let mut commas = text.iter().enumerate().filter(|(_, byte)| **byte == b',');
    let (second, _) = commas.nth(1)?;
    Scan::new(&text[second + 1..]).descriptor().ok()
}
