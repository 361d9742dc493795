//! Calls and lives that reach over several lines: `<unfinished ...>` and `resumed`, exit and death.
//!
//! A call is translated when its second half comes, but some of its effects are known at the
//! first: where the task is, and that a number is free once its close has started. What a reader
//! would get wrong: the last line of a task comes long after its exit, and what it held was free
//! in between.

use std::io::BufRead;

use super::error::ImportError;
use super::importer::Importer;
use super::report::{LossKind, Note};
use super::session::{Closing, Draft, Outcome, Scene};
use super::source::Line;
use super::syntax::Call;
use super::translate;
use crate::calls::CallNr;
use crate::record::Value;

/// Text of unfinished calls, over all tasks.
const PENDING_BYTES_MAX: usize = 256 << 20;

/// A call whose second half has not come.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) text: Vec<u8>,
    time_ns: u64,
    /// Its place in the order, when it may be recorded.
    begun: Option<u64>,
    pub(super) is_fork: bool,
    closing: Option<Closing>,
}

/// When a call happened, and what its first half did already.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) time_ns: u64,
    pub(super) begun: Option<u64>,
    pub(super) closing: Option<Closing>,
}

impl<R: BufRead> Importer<'_, R> {
    pub(super) fn unfinished(
        &mut self,
        pid: u32,
        line: &Line,
        name: &[u8],
        text: &[u8],
        time_ns: u64,
    ) -> Result<(), ImportError> {
        if self.pending.contains_key(&pid) {
            self.puzzle(line, 0, "the process is in another call already".to_owned());
            self.drop_pending(pid);
        }
        let name = core::str::from_utf8(name).unwrap_or("?");
        let is_fork = translate::FORKS.contains(&name);
        if translate::EXITS.contains(&name) {
            self.leave(pid, time_ns);
        }
        let mut closing = None;
        if let Ok(call) = Call::parse_open(text) {
            // What the trace must know before the call starts.
            self.observe(pid, line.number, time_ns, &call);
            if name == "close" {
                let scene = Scene::of(&call, pid, line.number, time_ns);
                closing = self.session.begin_close(&scene);
            }
        }
        let may_record = is_fork || translate::translator(name).is_some();
        let begun = may_record.then(|| self.session.emitter.begin());
        self.pending_bytes += text.len();
        if self.pending_bytes > PENDING_BYTES_MAX {
            let what = "the bytes of unfinished calls";
            let limit = PENDING_BYTES_MAX as u64;
            return Err(ImportError::Limit { line: line.number, what, limit });
        }
        self.pending.insert(pid, Pending { text: text.to_vec(), time_ns, begun, is_fork, closing });
        Ok(())
    }

    pub(super) fn resumed(&mut self, pid: u32, line: &Line, at: usize, name: &[u8], text: &[u8]) {
        let Some(pending) = self.take_pending(pid) else {
            let why = "the call was never unfinished; the log begins in the middle of it";
            self.puzzle(line, at, why.to_owned());
            return;
        };
        let is_same = pending.text.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"("));
        if is_same {
            let whole = [&pending.text[..], text].concat();
            let Pending { time_ns, begun, closing, .. } = pending;
            self.call(pid, line, 0, &whole, Times { time_ns, begun, closing });
        } else {
            self.puzzle(line, at, "another call than the unfinished one resumed".to_owned());
        }
        if let Some(seq) = pending.begun {
            self.session.emitter.end(seq);
        }
    }

    /// The first half of a call; whatever it holds back is still held.
    fn take_pending(&mut self, pid: u32) -> Option<Pending> {
        let pending = self.pending.remove(&pid)?;
        self.pending_bytes -= pending.text.len();
        if let Some(closing) = pending.closing {
            self.session.end_close(closing);
        }
        Some(pending)
    }

    /// The process died in a call on one line.
    pub(super) fn dead(&mut self, pid: u32, line: &Line, text: &[u8]) {
        if let Ok(call) = Call::parse_open(text) {
            let outcome = self.no_result(&Scene::of(&call, pid, line.number, 0));
            self.tally(outcome, call.name);
        }
    }

    /// The process died in a call that was unfinished before.
    pub(super) fn abandon(&mut self, pid: u32, line: &Line) {
        let Some(pending) = self.take_pending(pid) else { return };
        if let Ok(call) = Call::parse_open(&pending.text) {
            let outcome = self.no_result(&Scene::of(&call, pid, line.number, 0));
            self.tally(outcome, call.name);
        }
        if let Some(seq) = pending.begun {
            self.session.emitter.end(seq);
        }
    }

    pub(super) fn drop_pending(&mut self, pid: u32) {
        if let Some(seq) = self.take_pending(pid).and_then(|pending| pending.begun) {
            self.session.emitter.end(seq);
        }
    }

    /// A call of which nobody knows whether it had its effect.
    pub(super) fn no_result(&mut self, scene: &Scene<'_>) -> Outcome {
        let session = &mut self.session;
        session.report.note(Note::InFlight);
        let call = scene.call;
        if translate::translator(call.name).is_none() {
            return Outcome::Outside;
        }
        let is_relative = call
            .args
            .first()
            .is_some_and(|arg| arg.text.starts_with(b"\"") && !arg.text.starts_with(b"\"/"));
        let cwd = session.tasks.cwd(scene.pid).map(<[u8]>::to_vec);
        let concerns = is_relative && cwd.is_some_and(|cwd| session.root.contains(&cwd))
            || call.args.iter().any(|arg| translate::concerns_root(session, scene, *arg));
        if !concerns {
            return Outcome::Outside;
        }
        session.lose(scene, LossKind::NoResult, "in flight");
        Outcome::Lost
    }

    /// The task has called exit; its last line comes later.
    pub(super) fn leave(&mut self, pid: u32, time_ns: u64) {
        if !self.leaving.contains_key(&pid) {
            let seq = self.session.emitter.begin();
            self.leaving.insert(pid, (seq, time_ns));
        }
    }

    pub(super) fn exited(&mut self, pid: u32, line: &Line, time_ns: u64, status: i64) {
        self.abandon(pid, line);
        let leaving = self.leaving.remove(&pid);
        if self.session.tasks.contains(pid) {
            let draft = Draft::new(CallNr::EXIT, [Value::Int(status)]);
            match leaving {
                Some((seq, since)) => {
                    self.session.imply_since(seq, pid, line.number, since, draft);
                }
                None => self.session.imply(pid, line.number, time_ns, draft),
            }
            self.session.tasks.exit(pid);
        }
        if let Some((seq, _)) = leaving {
            self.session.emitter.end(seq);
        }
    }
}
