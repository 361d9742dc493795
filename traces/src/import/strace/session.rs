//! The state of an import, and how a record is made.
//!
//! The translators (`translate`) look at one call and say what it is; everything that must hold
//! for all of them is here: numbering, implied records, losses. What a reader would get wrong: the
//! trace has its own idea of a client's working directory and user. It is told by implied records
//! as soon as the log shows them, and only when they differ from what the trace has.

use core::ops::ControlFlow;
use std::collections::BTreeSet;

use super::emit::Emitter;
use super::error::Trouble;
use super::links::Links;
use super::process::{Open, Tasks};
use super::report::{ImportReport, LossKind, Note};
use super::root::Root;
use super::syntax::{Annotation, Call};
use super::term::Term;
use crate::calls::{CallNr, OutField};
use crate::record::{CallFlags, CallRecord, Value};
use fuserig_abi::{Errno, FileKind, S_IFMT};

/// The type bits of a directory.
const S_IFDIR: u32 = FileKind::Directory.type_bits();

/// Everything an import remembers.
pub(super) struct Session<'s> {
    pub(super) root: Root,
    pub(super) tasks: Tasks,
    pub(super) links: Links,
    pub(super) emitter: Emitter<'s>,
    pub(super) report: ImportReport,
    /// Closes that have started and not returned: table and number. The number is free at once.
    closing: BTreeSet<(u64, i64)>,
    /// Whether what the root was at the start is known, or can no longer be.
    root_settled: bool,
}

/// One call on its way through the translators.
#[derive(Debug)]
pub(super) struct Scene<'c> {
    pub(super) call: &'c Call<'c>,
    pub(super) pid: u32,
    pub(super) line: u64,
    /// When the call started, in nanoseconds since the epoch.
    pub(super) time_ns: u64,
    /// Where the call started in the order; `None` for a call on one line.
    pub(super) begun: Option<u64>,
    /// The descriptor that the call has closed already, as far as the table is concerned.
    pub(super) closing: Option<Closing>,
}

/// A close between its start and its return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closing {
    table: u64,
    pub(super) fd: i64,
}

impl<'c> Scene<'c> {
    /// A call on one line.
    pub(super) fn of(call: &'c Call<'c>, pid: u32, line: u64, time_ns: u64) -> Scene<'c> {
        Scene { call, pid, line, time_ns, begun: None, closing: None }
    }
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It does not concern the root.
    Outside,
    /// It is in the trace.
    Recorded,
    /// It is in the trace because it changes the process, whatever the root.
    State,
    /// It concerns the root but neither reads nor changes a file.
    Quiet,
    /// It concerns the root and is not in the trace; the loss is in the report.
    Lost,
}

/// A record in the making.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) nr: CallNr,
    pub(super) args: Vec<Value>,
    pub(super) out: Vec<(OutField, Value)>,
    pub(super) flags: CallFlags,
    /// The result, where it is not that of the log.
    pub(super) result: Option<i64>,
}

impl Draft {
    pub(super) fn new(nr: CallNr, args: impl IntoIterator<Item = Value>) -> Draft {
        Draft {
            nr,
            args: args.into_iter().collect(),
            out: Vec::new(),
            flags: CallFlags::default(),
            result: None,
        }
    }

    /// Adds a mark.
    pub(super) fn mark(mut self, flag: CallFlags) -> Draft {
        self.flags = self.flags.with(flag);
        self
    }

    /// Adds a mark when it holds.
    pub(super) fn mark_if(self, holds: bool, flag: CallFlags) -> Draft {
        if holds { self.mark(flag) } else { self }
    }

    /// Marks the call as normalised unless the log used the name of the row.
    pub(super) fn named_by(self, name: &str) -> Draft {
        let is_same = self.nr.spec().is_some_and(|spec| spec.name == name);
        self.mark_if(!is_same, CallFlags::NORMALISED)
    }

    pub(super) fn out(mut self, field: OutField, value: Value) -> Draft {
        self.out.push((field, value));
        self
    }
}

/// A descriptor argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// Not below the root.
    Outside,
    /// In the trace.
    Inside(i64),
    /// Below the root, but the log does not show how it came to be.
    Stranger,
}

impl<'s> Session<'s> {
    pub(super) fn new(
        root: Root,
        sink: &'s mut dyn FnMut(CallRecord) -> ControlFlow<()>,
    ) -> Session<'s> {
        Session {
            root,
            tasks: Tasks::default(),
            links: Links::default(),
            emitter: Emitter::new(sink),
            report: ImportReport::default(),
            closing: BTreeSet::new(),
            root_settled: false,
        }
    }

    /// Learns from a stat of the root what it was at the start.
    pub(super) fn learn_root(&mut self, full: &[u8], draft: &Draft) {
        if self.root_settled || full != b"/" {
            return;
        }
        let value = |wanted: OutField| {
            let found = draft.out.iter().find(|(field, _)| *field == wanted);
            let number = found.and_then(|(_, value)| {
                value.as_uint().or(value.as_int().and_then(|id| u64::try_from(id).ok()))
            });
            number.and_then(|number| u32::try_from(number).ok())
        };
        let Some(mode) = value(OutField::MODE).filter(|mode| mode & S_IFMT == S_IFDIR) else {
            return;
        };
        self.root_settled = true;
        let lower = &mut self.report.lower;
        lower.root_mode = Some(mode & !S_IFMT);
        lower.root_uid = value(OutField::UID);
        lower.root_gid = value(OutField::GID);
    }

    /// The attributes of a file change; of the root, what it was can no longer be seen.
    pub(super) fn attributes_change(&mut self, full: &[u8]) {
        self.root_settled |= full == b"/";
    }

    /// Where an inside descriptor leads, from the root on; empty when that is not known.
    pub(super) fn full_of(&mut self, pid: u32, fd: i64) -> Vec<u8> {
        let path = self.tasks.open(pid, fd).map(|open| open.path.clone());
        path.and_then(|path| self.root.strip(&path)).unwrap_or_default()
    }

    /// A close has started. Its number can be given out again before it returns, to another thread
    /// whose line comes first, so the table loses it now.
    pub(super) fn begin_close(&mut self, scene: &Scene<'_>) -> Option<Closing> {
        let Ok(Descriptor::Inside(fd)) = self.descriptor(scene, 0) else { return None };
        self.tasks.remove(scene.pid, fd);
        let closing = Closing { table: self.tasks.table_id(scene.pid), fd };
        self.closing.insert((closing.table, closing.fd));
        Some(closing)
    }

    /// The close has returned, or its task is gone.
    pub(super) fn end_close(&mut self, closing: Closing) {
        self.closing.remove(&(closing.table, closing.fd));
    }

    /// Where a call started. Where the log proves that it had its effect only after another call
    /// had started (it was given a number that a close set free), the start is moved behind that.
    fn started(&mut self, scene: &Scene<'_>, draft: &Draft) -> Option<u64> {
        let installs =
            [CallNr::OPENAT, CallNr::OPENAT2, CallNr::DUP, CallNr::FCNTL_DUPFD].contains(&draft.nr);
        let fd = scene.call.ret.value.filter(|_| installs && scene.call.succeeded());
        match fd {
            Some(fd) if !self.closing.is_empty() => {
                let table = self.tasks.table_id(scene.pid);
                scene.begun.filter(|_| !self.closing.contains(&(table, fd)))
            }
            _ => scene.begun,
        }
    }

    /// Puts a call into the trace.
    pub(super) fn record(&mut self, scene: &Scene<'_>, draft: Draft) -> Result<Outcome, Trouble> {
        let errno = match scene.call.ret.errno {
            None => 0,
            Some(name) => errno(name)?,
        };
        let value = scene.call.ret.value.unwrap_or(0);
        let seq_send = self.started(scene, &draft).unwrap_or_else(|| self.emitter.tick());
        let seq_reply = self.emitter.tick();
        self.report.recorded += 1;
        self.emitter.push(CallRecord {
            seq_send,
            seq_reply,
            time_ns: self.since_first(scene.time_ns),
            duration_ns: scene.call.duration_ns,
            client: scene.pid,
            nr: draft.nr,
            flags: draft.flags,
            args: draft.args,
            result: draft.result.unwrap_or(value),
            errno,
            out: draft.out,
            source_line: scene.line,
        });
        Ok(Outcome::Recorded)
    }

    /// Puts something into the trace that the log implies. Its result is 0.
    pub(super) fn imply(&mut self, pid: u32, line: u64, time_ns: u64, draft: Draft) {
        let seq_send = self.emitter.tick();
        self.imply_since(seq_send, pid, line, time_ns, draft);
    }

    /// The same, for something that started earlier.
    pub(super) fn imply_since(
        &mut self,
        seq_send: u64,
        pid: u32,
        line: u64,
        time_ns: u64,
        draft: Draft,
    ) {
        let seq_reply = self.emitter.tick();
        self.report.recorded += 1;
        self.report.implied += 1;
        self.emitter.push(CallRecord {
            seq_send,
            seq_reply,
            time_ns: self.since_first(time_ns),
            duration_ns: 0,
            client: pid,
            nr: draft.nr,
            flags: draft.flags.with(CallFlags::IMPLIED),
            args: draft.args,
            result: draft.result.unwrap_or(0),
            errno: 0,
            out: draft.out,
            source_line: line,
        });
    }

    fn since_first(&self, time_ns: u64) -> u64 {
        time_ns.saturating_sub(self.report.first_ns.unwrap_or(0))
    }

    /// Counts a loss.
    pub(super) fn lose(&mut self, scene: &Scene<'_>, kind: LossKind, what: impl Into<String>) {
        let text = format!("{}: {}", scene.call.name, what.into());
        self.report.lose(scene.line, kind, text);
    }

    /// Counts a loss that is all there is to a call.
    pub(super) fn lost(
        &mut self,
        scene: &Scene<'_>,
        kind: LossKind,
        what: impl Into<String>,
    ) -> Result<Outcome, Trouble> {
        self.lose(scene, kind, what);
        Ok(Outcome::Lost)
    }

    /// Whether an annotation is a path below the root.
    pub(super) fn is_inside(&mut self, annotation: &Annotation) -> bool {
        let inside = annotation.path().is_some_and(|path| self.root.contains(path));
        self.report.root_seen |= inside;
        inside
    }

    /// What the descriptor at `index` of the arguments is.
    pub(super) fn descriptor(
        &mut self,
        scene: &Scene<'_>,
        index: usize,
    ) -> Result<Descriptor, Trouble> {
        let arg = scene.call.arg(index)?;
        if !arg.text.first().is_some_and(u8::is_ascii_digit) {
            return Ok(Descriptor::Outside);
        }
        match Term::parse(arg)? {
            Term::Int(number) => Ok(self.known_descriptor(scene, number, None)),
            Term::Fd(number, annotation) => {
                Ok(self.known_descriptor(scene, number, Some(annotation)))
            }
            _ => Err(Trouble::new(arg.at, "expected a descriptor")),
        }
    }

    fn known_descriptor(
        &mut self,
        scene: &Scene<'_>,
        number: i128,
        annotation: Option<Annotation>,
    ) -> Descriptor {
        let Ok(fd) = i64::try_from(number) else { return Descriptor::Outside };
        let inside = annotation.as_ref().is_some_and(|found| self.is_inside(found));
        if let Some(open) = self.tasks.open(scene.pid, fd) {
            let vanished = annotation.is_none() && scene.call.ret.errno == Some("EBADF");
            let elsewhere = annotation.as_ref().is_some_and(|found| !inside && !found.deleted);
            if !vanished && !elsewhere {
                // A rename moves the file under its descriptors.
                if let Some(found) = annotation.filter(|found| inside && !found.deleted) {
                    open.path = found.text;
                }
                return Descriptor::Inside(fd);
            }
            let what = format!("descriptor {fd} was {}", open.path.escape_ascii());
            if vanished {
                self.report.note(Note::ClosedUnseen);
            } else {
                self.lose(scene, LossKind::Contradiction, what);
            }
            self.close_implied(scene, fd);
            return Descriptor::Outside;
        }
        let Some(found) = annotation.filter(|_| inside) else { return Descriptor::Outside };
        if self.tasks.note_stranger(scene.pid, fd, &found.text) {
            let what = format!("descriptor {fd} is {}", found.text.escape_ascii());
            self.lose(scene, LossKind::InheritedDescriptor, what);
        }
        Descriptor::Stranger
    }

    /// A descriptor of the trace is gone, although no call closed it.
    pub(super) fn close_implied(&mut self, scene: &Scene<'_>, fd: i64) {
        if self.tasks.remove(scene.pid, fd).is_some() {
            let draft = Draft::new(CallNr::CLOSE, [Value::Int(fd)]);
            self.imply(scene.pid, scene.line, scene.time_ns, draft);
        }
    }

    /// A number is given out again, so what the trace has under it is closed by now.
    pub(super) fn closed_unseen(&mut self, scene: &Scene<'_>, fd: i64) {
        if self.tasks.open(scene.pid, fd).is_some() {
            self.report.note(Note::ClosedUnseen);
            self.close_implied(scene, fd);
        }
    }

    /// A new descriptor below the root. What the trace had under its number is closed by the call
    /// itself (dup2) or was closed without a trace.
    pub(super) fn opened(&mut self, pid: u32, fd: i64, path: Vec<u8>, cloexec: bool) {
        self.tasks.insert(pid, fd, Open { path, cloexec });
    }

    /// Learns the directory of a task from an annotation or a result, which is the truth, and
    /// tells the trace if it has another idea.
    pub(super) fn learn_cwd(&mut self, pid: u32, line: u64, time_ns: u64, path: &[u8]) {
        if self.tasks.cwd(pid) == Some(path) && self.tasks.traced_cwd(pid).is_settled() {
            return;
        }
        self.tasks.set_cwd(pid, Some(path.to_vec()));
        let Some(full) = self.root.strip(path) else {
            if self.tasks.traced_cwd(pid).is_fresh() {
                self.report.note(Note::LeadsOut);
            }
            self.tasks.traced_cwd(pid).settle(None);
            return;
        };
        self.report.root_seen = true;
        if !self.tasks.traced_cwd(pid).settle(Some(full.clone())) {
            let draft = Draft::new(CallNr::CHDIR, [Value::Bytes(full)]);
            self.imply(pid, line, time_ns, draft);
        }
    }

    /// Learns who a task is, from a get*id call.
    pub(super) fn learn_identity(&mut self, scene: &Scene<'_>, uid: Option<i64>, gid: Option<i64>) {
        let known = self.tasks.identity(scene.pid);
        let news_uid = uid.filter(|uid| known.uid != Some(*uid));
        let news_gid = gid.filter(|gid| known.gid != Some(*gid));
        known.uid = news_uid.or(known.uid);
        known.gid = news_gid.or(known.gid);
        if news_uid.is_none() && news_gid.is_none() {
            return;
        }
        let first = |slot: &mut Option<u32>, news: Option<i64>| {
            *slot = slot.or(news.and_then(|id| u32::try_from(id).ok()));
        };
        first(&mut self.report.uid_initial, news_uid);
        first(&mut self.report.gid_initial, news_gid);
        let args = [Value::Int(news_uid.unwrap_or(-1)), Value::Int(news_gid.unwrap_or(-1))];
        let draft = Draft::new(CallNr::SET_CREDENTIALS, args);
        self.imply(scene.pid, scene.line, scene.time_ns, draft);
    }
}

/// The number of an error name; strace writes unknown ones as `ERRNO_524`.
fn errno(name: &str) -> Result<u16, Trouble> {
    let digits = name.strip_prefix("ERRNO_").unwrap_or(name);
    let number = match digits.parse() {
        Ok(number) => Some(number),
        Err(_) => Errno::from_name(name).map(|errno| errno.0),
    };
    let number = number.and_then(|number| u16::try_from(number).ok());
    number.ok_or_else(|| Trouble::new(0, format!("the error `{name}` has no number here")))
}
