//! The driver: lines in, calls put together, tasks followed, records out.
//!
//! It pairs `<unfinished ...>` with `resumed`, finds the parent of a task whose first line comes
//! before its fork returns, and hands whole calls to the translators. It refuses to guess: what it
//! cannot place is reported with its line. What a reader would get wrong: a child's first lines
//! may stand before the line that tells its number, so forks are looked up ahead.

use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::io::BufRead;

use super::super::clock::LogClock;
use super::super::words::decimal;
use super::error::{ImportError, Trouble, excerpt};
use super::halves::{Pending, Times};
use super::line::{self, Event, Head};
use super::options::StraceOptions;
use super::process::{DESCRIPTORS_MAX, Share};
use super::report::{ImportReport, NotUnderstood, Note, count};
use super::root::Root;
use super::session::{Draft, Outcome, Scene, Session};
use super::source::{Line, Source};
use super::syntax::Call;
use super::term::Term;
use super::translate;
use crate::calls::CallNr;
use crate::record::{CallRecord, Value};

/// Lines that may be foreign (a shell's greeting, `script`) before the first one of strace.
const FOREIGN_LINES_MAX: u64 = 20;
/// Tasks of a log that lists no numbers.
const LONE_PID: u32 = 0;

/// The state of an import, besides that of the translators.
pub(super) struct Importer<'s, R> {
    source: Source<R>,
    pub(super) session: Session<'s>,
    pub(super) pending: BTreeMap<u32, Pending>,
    pub(super) pending_bytes: usize,
    /// Tasks on their way out: where and when they started to leave. What they held is free
    /// from then on, although their last line comes later.
    pub(super) leaving: BTreeMap<u32, (u64, u64)>,
    /// Children bound to their parent before the fork returned, with the parent.
    early: BTreeMap<u32, u32>,
    /// The number by which a log without numbers at its start later calls its first task.
    lone_number: Option<u32>,
    clock: LogClock,
    /// The first line that is not of strace, until one is.
    foreign: Option<ImportError>,
    start: Option<Vec<u8>>,
}

/// Imports a log of `strace -f -ttt -T -y`; every record goes to `sink`, which may stop the import.
///
/// Records come in the order of their starts (`seq_send`), apart from a call that blocked while
/// tens of thousands of others came and went. A path that begins with `/` begins at the root.
/// Calls that the log shows only in part, and lines that are no strace, are in the report.
///
/// ```
/// use fuserig_traces::import::{StraceOptions, import_strace};
/// let log = "7 1795354603.000001 openat(AT_FDCWD</srv/work>, \"a\", O_RDONLY) = 3</srv/work/a>\n\
///            7 1795354603.000002 close(3</srv/work/a>) = 0\n";
/// let mut calls = Vec::new();
/// let mut keep = |call: fuserig_traces::record::CallRecord| {
///     calls.push(call.nr.to_string());
///     std::ops::ControlFlow::Continue(())
/// };
/// import_strace(log.as_bytes(), &StraceOptions::new("/srv/work"), &mut keep)?;
/// assert_eq!(calls, ["chdir", "openat", "close"]);
/// # Ok::<(), fuserig_traces::import::ImportError>(())
/// ```
///
/// # Errors
///
/// When the log cannot be read, is not one of strace, or exceeds a limit; never for a single call.
pub fn import_strace(
    log: impl BufRead,
    options: &StraceOptions,
    sink: &mut dyn FnMut(CallRecord) -> ControlFlow<()>,
) -> Result<ImportReport, ImportError> {
    let root = Root::new(&options.root)?;
    let mut importer = Importer {
        source: Source::new(log),
        session: Session::new(root, sink),
        pending: BTreeMap::new(),
        pending_bytes: 0,
        leaving: BTreeMap::new(),
        early: BTreeMap::new(),
        lone_number: None,
        clock: LogClock::default(),
        foreign: None,
        start: options.start.clone(),
    };
    while let Some(line) = importer.source.next_line()? {
        importer.line(&line)?;
        importer.check_limits(line.number)?;
    }
    importer.finish()
}

impl<R: BufRead> Importer<'_, R> {
    fn line(&mut self, line: &Line) -> Result<(), ImportError> {
        self.session.report.lines = line.number;
        let head = match line::parse(&line.text) {
            Ok(head) => head,
            Err(error) => return self.bad_head(line, error),
        };
        if head.event != Event::Noise {
            self.foreign = None;
        }
        let since_ns = self.clock.at(head.stamp);
        let report = &mut self.session.report;
        report.first_ns = self.clock.first_ns();
        report.times = self.clock.worth();
        let time_ns = report.first_ns.unwrap_or(0).saturating_add(since_ns);
        if report.first_ns.is_some() {
            report.last_ns = Some(time_ns);
        }
        if head.event == Event::Noise {
            return Ok(());
        }
        let Some(pid) = self.pid(&head) else {
            let why = "the line has no process number, and more than one process lives";
            self.puzzle(line, head.at, why.to_owned());
            return Ok(());
        };
        self.meet(pid, &head, time_ns)?;
        self.event(pid, line, head, time_ns)
    }

    /// A log that begins with no line of strace is an error; a few foreign lines are reported.
    fn bad_head(&mut self, line: &Line, trouble: Trouble) -> Result<(), ImportError> {
        let is_first = self.session.report.calls == 0 && self.session.report.clients.is_empty();
        if is_first {
            let first = self.foreign.take().unwrap_or_else(|| ImportError::NotStrace {
                line: line.number,
                column: trouble.at + 1,
                why: "expected `PID TIME NAME(ARGS) = RESULT`",
                text: excerpt(&line.text),
            });
            if line.number > FOREIGN_LINES_MAX {
                return Err(first);
            }
            self.foreign = Some(first);
        }
        self.puzzle(line, trouble.at, trouble.why);
        Ok(())
    }

    pub(super) fn puzzle(&mut self, line: &Line, at: usize, why: String) {
        self.session.report.puzzle(NotUnderstood {
            line: line.number,
            column: at + 1,
            text: excerpt(&line.text),
            why,
        });
    }

    /// Whose line it is. Lines without a number belong to the only task there is.
    fn pid(&mut self, head: &Head<'_>) -> Option<u32> {
        let tasks = &self.session.tasks;
        match head.pid {
            Some(pid) if self.lone_number == Some(pid) => Some(LONE_PID),
            // On a terminal strace names the first process only once there is a second.
            Some(pid)
                if tasks.contains(LONE_PID)
                    && self.lone_number.is_none()
                    && !tasks.contains(pid)
                    && !self.is_child(pid) =>
            {
                self.lone_number = Some(pid);
                Some(LONE_PID)
            }
            Some(pid) => Some(pid),
            None if self.session.report.clients.is_empty() => Some(LONE_PID),
            None => tasks.only(),
        }
    }

    fn is_child(&self, pid: u32) -> bool {
        self.pending.values().any(|pending| pending.is_fork) || self.early.contains_key(&pid)
    }

    /// Lets a task appear: as the child of a fork under way, or out of nowhere.
    fn meet(&mut self, pid: u32, head: &Head<'_>, time_ns: u64) -> Result<(), ImportError> {
        if self.session.tasks.contains(pid) || matches!(head.event, Event::Exited { .. }) {
            return Ok(());
        }
        self.session.report.clients.insert(pid);
        let parents: Vec<u32> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.is_fork)
            .map(|(parent, _)| *parent)
            .collect();
        if !parents.is_empty() {
            let parent = self.source.look_ahead(|text| fork_result(text, pid))?;
            if let Some(parent) = parent.filter(|parent| parents.contains(parent)) {
                let share = self.pending.get(&parent).map_or_else(Share::default, |pending| {
                    Call::parse_open(&pending.text)
                        .map_or_else(|_| Share::default(), |call| translate::shares(&call).0)
                });
                self.session.tasks.fork(parent, pid, share);
                self.early.insert(pid, parent);
                return Ok(());
            }
        }
        let is_first = self.session.report.clients.len() == 1;
        self.session.tasks.appear(pid);
        if !is_first {
            self.session.report.note(Note::ClientWithoutFork);
        } else if let Some(start) = self.start.take() {
            self.session.learn_cwd(pid, 0, time_ns, &start);
        }
        Ok(())
    }

    fn event(
        &mut self,
        pid: u32,
        line: &Line,
        head: Head<'_>,
        time_ns: u64,
    ) -> Result<(), ImportError> {
        match head.event {
            Event::Noise => {}
            Event::Call { text, .. } => {
                self.session.report.calls += 1;
                let times = Times { time_ns, begun: None, closing: None };
                self.call(pid, line, head.at, text, times);
            }
            Event::Unfinished { name, text } => {
                self.session.report.calls += 1;
                self.unfinished(pid, line, name, text, time_ns)?;
            }
            Event::Resumed { name, text } => self.resumed(pid, line, head.at, name, text),
            Event::Dead { text, .. } => {
                self.session.report.calls += 1;
                self.dead(pid, line, text);
            }
            Event::DeadResumed => self.abandon(pid, line),
            Event::Exited { status } => self.exited(pid, line, time_ns, status),
            Event::Superseded { by } => {
                // The thread goes on under the number of its leader, in its execve.
                if let Some(pending) = self.pending.remove(&by) {
                    self.drop_pending(pid);
                    self.pending.insert(pid, pending);
                }
                self.exited(by, line, time_ns, 0);
            }
        }
        Ok(())
    }

    /// Learns what stands in the arguments of any call.
    pub(super) fn observe(&mut self, pid: u32, line: u64, time_ns: u64, call: &Call<'_>) {
        for arg in &call.args {
            if !arg.text.starts_with(b"AT_FDCWD<") {
                continue;
            }
            if let Ok(Term::Name(_, Some(found))) = Term::parse(*arg)
                && let Some(path) = found.path().filter(|_| !found.deleted)
            {
                self.session.learn_cwd(pid, line, time_ns, path);
            }
            return;
        }
    }

    pub(super) fn call(&mut self, pid: u32, line: &Line, at: usize, text: &[u8], times: Times) {
        let call = match Call::parse(text) {
            Ok(call) => call,
            Err(trouble) => {
                self.puzzle(line, at + trouble.at, trouble.why);
                return;
            }
        };
        let Times { time_ns, begun, closing } = times;
        if begun.is_none() {
            self.observe(pid, line.number, time_ns, &call);
        }
        let scene = Scene { begun, closing, ..Scene::of(&call, pid, line.number, time_ns) };
        match self.translate(&scene) {
            Ok(outcome) => self.tally(outcome, call.name),
            Err(trouble) => {
                self.session.report.inside += 1;
                self.puzzle(line, at + trouble.at, trouble.why);
            }
        }
    }

    /// Counts a call by what became of it.
    pub(super) fn tally(&mut self, outcome: Outcome, name: &str) {
        let report = &mut self.session.report;
        match outcome {
            Outcome::Outside => count(&mut report.outside, name),
            Outcome::State => report.state += 1,
            Outcome::Recorded | Outcome::Lost => report.inside += 1,
            Outcome::Quiet => {
                report.inside += 1;
                count(&mut report.without_effect, name);
            }
        }
    }

    fn translate(&mut self, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
        let call = scene.call;
        if translate::FORKS.contains(&call.name) {
            return self.fork(scene);
        }
        if translate::EXITS.contains(&call.name) {
            self.leave(scene.pid, scene.time_ns);
        }
        let Some(translator) = translate::translator(call.name) else {
            return translate::other(&mut self.session, scene);
        };
        if call.ret.value.is_none() {
            if call.ret.errno.is_none() {
                return Ok(self.no_result(scene));
            }
            self.session.report.note(Note::Restarted);
            return Ok(Outcome::Outside);
        }
        translator(&mut self.session, scene)
    }

    fn fork(&mut self, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
        let child = scene.call.ret.value.filter(|_| scene.call.succeeded());
        let Some(child) = child.and_then(|child| u32::try_from(child).ok()) else {
            return Ok(Outcome::Outside);
        };
        if child == scene.pid {
            return Err(Trouble::new(0, "a process cannot be its own child"));
        }
        let (share, bits) = translate::shares(scene.call);
        if self.early.remove(&child) != Some(scene.pid) {
            if self.session.tasks.contains(child) {
                // Its end is not in the log, but the number is given out again.
                let draft = Draft::new(CallNr::EXIT, [Value::Int(-1)]);
                self.session.imply(child, scene.line, scene.time_ns, draft);
            }
            self.session.report.clients.insert(child);
            self.session.tasks.fork(scene.pid, child, share);
        }
        let args = [Value::UInt(u64::from(child)), Value::UInt(bits)];
        let draft = Draft::new(CallNr::FORK, args).named_by(scene.call.name);
        self.session.record(scene, draft).map(|_recorded| Outcome::State)
    }

    fn check_limits(&self, line: u64) -> Result<(), ImportError> {
        if self.session.emitter.stopped() {
            return Err(ImportError::Stopped { line });
        }
        if self.session.tasks.descriptors() > DESCRIPTORS_MAX {
            let what = "the open descriptors of all processes";
            return Err(ImportError::Limit { line, what, limit: DESCRIPTORS_MAX as u64 });
        }
        Ok(())
    }

    fn finish(mut self) -> Result<ImportReport, ImportError> {
        if self.session.report.lines == 0 {
            return Err(ImportError::Empty);
        }
        if let Some(foreign) = self.foreign {
            return Err(foreign);
        }
        let line = Line { number: self.session.report.lines, text: Vec::new() };
        for pid in self.pending.keys().copied().collect::<Vec<_>>() {
            self.abandon(pid, &line);
        }
        self.session.emitter.finish();
        self.check_limits(line.number)?;
        Ok(self.session.report)
    }
}

/// The parent, if the line says that its fork returned `child`.
fn fork_result(text: &[u8], child: u32) -> Option<u32> {
    let head = line::parse(text).ok()?;
    let Event::Resumed { name, text } = head.event else { return None };
    let name = core::str::from_utf8(name).ok()?;
    if !translate::FORKS.contains(&name) {
        return None;
    }
    let result = text.windows(2).rposition(|pair| pair == b"= ")?;
    let digits = &text[result + 2..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    (decimal(&digits[..end]) == Some(u64::from(child))).then_some(head.pid)?
}
