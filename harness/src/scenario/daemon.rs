//! The daemon that a scenario scripts: each request must be the next line's, and gets its reply.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use fuserig_abi::{
    AbiTable, Arg, CallArgs, Dir, Errno, FUSE_ENTRY_REMOVE_BACKING, FUSE_ENTRY_REMOVE_BPF,
    FuseBpfEntryOut, FuseDirent, NodeId, Op, Opcode, Phase, Reply, Request,
};
use zerocopy::{FromBytes, IntoBytes};

use super::matching::{arguments_of, body_of, unmet, zeroed_outs};
use super::model::{Condition, DaemonAnswer, DaemonLine, EntryLine, RecordLine, SuccessLine};
use super::report::Failure;
use crate::daemon::init_reply;
use crate::pipeline::{Daemon, Device};

/// Where `flags` is in `struct fuse_init_out`.
const INIT_FLAGS_AT: usize = 12;

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
    init_flags: u32,
}

impl ScriptedDaemon {
    pub(super) fn new(
        table: &'static AbiTable,
        script: SharedScript,
        init_flags: u32,
    ) -> ScriptedDaemon {
        ScriptedDaemon { table, script, init_flags }
    }
}

impl ScriptedDaemon {
    /// The line that expects this request, after what is wrong with it was noted.
    fn expected(&self, request: &Request) -> Option<DaemonLine> {
        let mut script = self.script.borrow_mut();
        let Some(line) = script.pending.pop_front() else {
            let what = format!("the daemon got {}, which no line expects", shown(request));
            let failure = Failure { line: script.step_line, what };
            script.failures.push(failure);
            return None;
        };
        if let Some(what) = mismatch(self.table, &line, request) {
            script.failures.push(Failure { line: line.line, what });
        }
        Some(line)
    }

    fn wrong(&self, line: usize, what: String) {
        self.script.borrow_mut().failures.push(Failure { line, what });
    }

    /// Answers as the line says; false when nobody is to answer.
    fn answer(&self, line: &DaemonLine, request: &Request, device: &mut Device<'_>) -> bool {
        let (reply, ioctl) = match &line.answer {
            DaemonAnswer::Nothing => return false,
            DaemonAnswer::Code(error) => {
                (Reply { unique: request.unique, error: *error, body: Vec::new() }, false)
            }
            DaemonAnswer::Body(body) => (Reply::success(request.unique, body.clone()), false),
            DaemonAnswer::Success(success) => {
                match success_body(self.table, success, request, device) {
                    Ok(body) => (Reply::success(request.unique, body), success.ioctl),
                    Err(what) => {
                        self.wrong(line.line, what);
                        (Reply::error(request.unique, Errno::EIO), false)
                    }
                }
            }
        };
        let bytes = reply.encode();
        let written = if ioctl { device.respond_by_ioctl(&bytes) } else { device.write(&bytes) };
        let refused = written.err();
        if refused.is_some() != line.refused {
            let what = match refused {
                Some(errno) => format!("the kernel refuses the reply with {errno}"),
                None => "the kernel takes the reply, which was to be refused".to_owned(),
            };
            self.wrong(line.line, what);
        }
        true
    }
}

impl Daemon for ScriptedDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        // No line stands for the handshake.
        if request.opcode == Opcode::INIT {
            let mut reply = init_reply(request);
            let flags = reply.body.get_mut(INIT_FLAGS_AT..INIT_FLAGS_AT + 4);
            flags.expect("INIT replies are longer").copy_from_slice(&self.init_flags.to_le_bytes());
            device.reply(&reply).expect("a plain INIT reply is accepted");
            return;
        }
        let answered = match self.expected(request) {
            Some(line) => self.answer(&line, request, device),
            None => device.error(Errno::ENOSYS).is_ok(),
        };
        // A refused reply leaves the caller waiting; a server gives up with an error.
        if answered && !device.is_settled() {
            device.error(Errno::EIO).expect("an error needs no body");
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
    let shown = &request.body[..request.body.len().min(64)];
    let more = if shown.len() < request.body.len() { "..." } else { "" };
    format!("{name}{phase} {} \"{}\"{more}", request.nodeid, shown.escape_ascii())
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
    // The kernel asks with the same struct for both kinds of listing.
    let asked = match request.opcode.base() {
        Opcode::READDIRPLUS => Opcode::READDIR,
        base => base,
    };
    let Some(op) = Op::of_opcode(asked) else {
        return Some("the arguments of this request have no names".to_owned());
    };
    let post = request.opcode.phase() == Some(Phase::Post);
    let mut args = arguments_of(table, op, &request.body, post);
    args.meta.error_in = request.error_in.unwrap_or(0);
    args.meta.nodeid = request.nodeid.0;
    unmet(table, &args, &line.conditions)
}

/// The body of a reply: the arguments it carries, then what the line changes.
fn success_body(
    table: &AbiTable,
    success: &SuccessLine,
    request: &Request,
    device: &mut Device<'_>,
) -> Result<Vec<u8>, String> {
    let Some(op) = Op::of_opcode(request.opcode.base()) else {
        return if success.changes.is_empty() {
            Ok(Vec::new())
        } else {
            Err("the reply of this request has no names; write `body \"...\"`".to_owned())
        };
    };
    let (mut args, dir) = match request.opcode.phase() {
        Some(Phase::Pre) => (arguments_of(table, op, &request.body, false), Dir::In),
        Some(Phase::Post) => (arguments_of(table, op, &request.body, true), Dir::Out),
        None => (zeroed_outs(table, op), Dir::Out),
    };
    let mut changes = success.changes.clone();
    if !success.entries.is_empty() {
        let value = entries_of(&success.entries, device)?;
        changes.push(Condition::Bytes { name: "entries".to_owned(), value });
    }
    if success.only.is_some() || !success.records.is_empty() {
        let old = records_in(table, &args)?;
        let value = edit_records(&old, success.only.as_deref(), &success.records);
        changes.push(Condition::Bytes { name: "buffer".to_owned(), value });
    }
    body_of(table, &mut args, dir, &changes)
}

fn entries_of(entries: &[EntryLine], device: &mut Device<'_>) -> Result<Vec<u8>, String> {
    let kind = |entry_type| FuseBpfEntryOut { entry_type, ..FuseBpfEntryOut::default() };
    let mut bytes = Vec::new();
    for entry in entries {
        let entry = match entry {
            EntryLine::Backing(path) => {
                let shown = path.escape_ascii();
                let fd = device.open_lower(path);
                let fd = fd.map_err(|errno| format!("open \"{shown}\" below: {errno}"))?;
                FuseBpfEntryOut::backing(fd)
            }
            EntryLine::Bpf(name) => FuseBpfEntryOut::program(name.as_bytes())
                .ok_or_else(|| format!("`{name}` is longer than the 15 bytes of an entry"))?,
            EntryLine::RemoveBacking => kind(FUSE_ENTRY_REMOVE_BACKING),
            EntryLine::RemoveBpf => kind(FUSE_ENTRY_REMOVE_BPF),
        };
        bytes.extend_from_slice(entry.as_bytes());
    }
    Ok(bytes)
}

/// The directory records that a READDIR request for the postfilter carries.
fn records_in(table: &AbiTable, args: &CallArgs) -> Result<Vec<u8>, String> {
    let buffer = args.arg_named(table, "buffer").and_then(Arg::as_buffer);
    let Some(buffer) = buffer else { return Ok(Vec::new()) };
    buffer.bytes(&args.arena).map(<[u8]>::to_vec).map_err(|fault| fault.to_string())
}

/// Keeps the records with these names (all without `only`) and appends new ones.
fn edit_records(old: &[u8], only: Option<&[Vec<u8>]>, new: &[RecordLine]) -> Vec<u8> {
    const HEAD: usize = size_of::<FuseDirent>();
    let mut bytes = Vec::new();
    let mut rest = old;
    while let Ok((dirent, names)) = FuseDirent::read_from_prefix(rest) {
        let length = dirent.namelen as usize;
        let whole = (HEAD + length).next_multiple_of(8).min(rest.len());
        let name = names.get(..length).unwrap_or(names);
        if only.is_none_or(|only| only.iter().any(|kept| kept == name)) {
            bytes.extend_from_slice(&rest[..whole]);
        }
        rest = &rest[whole..];
    }
    for record in new {
        let namelen = u32::try_from(record.name.len()).expect("a name fits its line");
        let dirent = FuseDirent { ino: record.ino, off: record.off, namelen, r#type: record.kind };
        bytes.extend_from_slice(dirent.as_bytes());
        bytes.extend_from_slice(&record.name);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}
