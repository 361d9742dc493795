//! The daemon that a scenario scripts: each request must be the next line's, and gets its reply.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use fuserig_abi::{AbiTable, Dir, Errno, NodeId, Op, Opcode, Phase, Reply, Request};

use super::matching::{arguments_of, body_of, unmet, zeroed_outs};
use super::model::{DaemonAnswer, DaemonLine};
use super::report::Failure;
use crate::daemon::init_reply;
use crate::pipeline::{Daemon, Device};

/// The lines that wait, and what was wrong so far.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) pending: VecDeque<DaemonLine>,
    pub(super) failures: Vec<Failure>,
    /// The line of the step that runs, for requests that no line expects.
    pub(super) step_line: usize,
}

/// Shared between the daemon, which the world owns, and the run.
pub(super) type SharedScript = Rc<RefCell<Script>>;

/// The scripted daemon.
#[derive(Debug)]
pub(super) struct ScriptedDaemon {
    table: &'static AbiTable,
    script: SharedScript,
}

impl ScriptedDaemon {
    pub(super) fn new(table: &'static AbiTable, script: SharedScript) -> ScriptedDaemon {
        ScriptedDaemon { table, script }
    }
}

/// What a line gives.
enum Answer {
    Reply(Reply),
    /// The caller waits for ever.
    Never,
}

impl ScriptedDaemon {
    fn answer(&self, request: &Request) -> Answer {
        let mut script = self.script.borrow_mut();
        let Some(line) = script.pending.pop_front() else {
            let what = format!("the daemon got {}, which no line expects", shown(request));
            let failure = Failure { line: script.step_line, what };
            script.failures.push(failure);
            return Answer::Reply(Reply::error(request.unique, Errno::ENOSYS));
        };
        let mut wrong = |what: String| script.failures.push(Failure { line: line.line, what });
        if let Some(what) = mismatch(self.table, &line, request) {
            wrong(what);
        }
        match answer(self.table, &line.answer, request) {
            Ok(answer) => answer,
            Err(what) => {
                wrong(what);
                Answer::Reply(Reply::error(request.unique, Errno::EIO))
            }
        }
    }
}

impl Daemon for ScriptedDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        // No line stands for the handshake.
        let answer = match request.opcode {
            Opcode::INIT => Answer::Reply(init_reply(request)),
            _ => self.answer(request),
        };
        if let Answer::Reply(reply) = answer {
            let refused = device.reply(&reply).is_err();
            // A refused reply leaves the caller waiting; a server gives up with an error.
            if refused && !device.is_settled() {
                device.error(Errno::EIO).expect("an error needs no body");
            }
        }
    }

    fn forget(&mut self, _: NodeId, _: u64) {}
}

/// `LOOKUP+post 1 "body"`.
fn shown(request: &Request) -> String {
    let phase = match request.opcode.phase() {
        Some(Phase::Pre) => "+pre",
        Some(Phase::Post) => "+post",
        None => "",
    };
    let name = request.opcode.base().name().unwrap_or("an unknown request");
    let name = name.strip_prefix("FUSE_").unwrap_or(name);
    format!("{name}{phase} {} \"{}\"", request.nodeid, request.body.escape_ascii())
}

fn mismatch(table: &AbiTable, line: &DaemonLine, request: &Request) -> Option<String> {
    if request.opcode != line.opcode {
        return Some(format!("the daemon got {} here", shown(request)));
    }
    if let Some(nodeid) = line.nodeid.filter(|&nodeid| nodeid != request.nodeid.0) {
        return Some(format!("the request is for node {}, not {nodeid}", request.nodeid));
    }
    if line.conditions.is_empty() {
        return None;
    }
    let Some(op) = Op::of_opcode(request.opcode.base()) else {
        return Some("the arguments of this request have no names".to_owned());
    };
    let post = request.opcode.phase() == Some(Phase::Post);
    let mut args = arguments_of(table, op, &request.body, post);
    args.meta.error_in = request.error_in.unwrap_or(0);
    args.meta.nodeid = request.nodeid.0;
    unmet(table, &args, &line.conditions)
}

fn answer(table: &AbiTable, answer: &DaemonAnswer, request: &Request) -> Result<Answer, String> {
    let reply = |body| Answer::Reply(Reply::success(request.unique, body));
    match answer {
        DaemonAnswer::Nothing => Ok(Answer::Never),
        DaemonAnswer::Code(error) => {
            Ok(Answer::Reply(Reply { unique: request.unique, error: *error, body: Vec::new() }))
        }
        DaemonAnswer::Body(body) => Ok(reply(body.clone())),
        DaemonAnswer::Success { changes, entries, ioctl } => {
            if !entries.is_empty() || *ioctl {
                return Err("entries are not answered yet".to_owned());
            }
            let Some(op) = Op::of_opcode(request.opcode.base()) else {
                return if changes.is_empty() {
                    Ok(reply(Vec::new()))
                } else {
                    Err("the reply of this request has no names; write `body \"...\"`".to_owned())
                };
            };
            let (mut args, dir) = match request.opcode.phase() {
                Some(Phase::Pre) => (arguments_of(table, op, &request.body, false), Dir::In),
                Some(Phase::Post) => (arguments_of(table, op, &request.body, true), Dir::Out),
                None => (zeroed_outs(table, op), Dir::Out),
            };
            Ok(reply(body_of(table, &mut args, dir, changes)?))
        }
    }
}
