//! The `daemon` lines of a scenario: a request that must come next, and its reply.

use fuserig_abi::{Opcode, Phase};

use super::ScenarioError;
use super::lex::{Line, code};
use super::model::{DaemonAnswer, DaemonLine, EntryLine, RecordLine, SuccessLine};
use super::parse::condition;

/// `LOOKUP+post 1 name="a" -> out.nodeid=2 entry BPF "trace_ops"`.
pub(super) fn daemon_line(line: &mut Line<'_>) -> Result<DaemonLine, ScenarioError> {
    let number = line.number();
    let opcode = opcode(line)?;
    let nodeid = match line.rest().chars().next() {
        Some('0'..='9') => Some(line.integer()?),
        _ => None,
    };
    let mut conditions = Vec::new();
    while !line.eat("->") {
        if line.at_end() {
            let what = "expected `-> ok`, `-> ENOENT`, `-> out.nodeid=2`, `-> body \"...\"` or \
                        `-> nothing`";
            return Err(line.error(what));
        }
        conditions.push(condition(line)?);
    }
    let refused = line.eat_word("refused");
    let answer = answer(line)?;
    line.end()?;
    Ok(DaemonLine { line: number, opcode, nodeid, conditions, answer, refused })
}

fn opcode(line: &mut Line<'_>) -> Result<Opcode, ScenarioError> {
    let column = line.column();
    let word = line.word();
    let (name, phase) = match word.split_once('+') {
        Some((name, "pre")) => (name, Some(Phase::Pre)),
        Some((name, "post")) => (name, Some(Phase::Post)),
        Some(_) => return Err(line.error_at(column, "a phase is +pre or +post")),
        None => (word, None),
    };
    match (Opcode::from_name(name), phase) {
        (Some(opcode), Some(phase)) => Ok(opcode.with_phase(phase)),
        (Some(opcode), None) => Ok(opcode),
        (None, _) => {
            let what =
                format!("no request is called `{name}`; write one such as LOOKUP or OPEN+post");
            Err(line.error_at(column, what))
        }
    }
}

fn answer(line: &mut Line<'_>) -> Result<DaemonAnswer, ScenarioError> {
    if line.eat_word("nothing") {
        return Ok(DaemonAnswer::Nothing);
    }
    if line.eat_word("body") {
        return Ok(DaemonAnswer::Body(line.bytes()?));
    }
    let mut success = SuccessLine::default();
    let _ = line.eat_word("ok");
    let first = line.rest().split(' ').next().unwrap_or("");
    if let Some(code) = code(first) {
        let _ = line.word();
        return Ok(DaemonAnswer::Code(code));
    }
    while !line.at_end() {
        if line.eat_word("ioctl") {
            success.ioctl = true;
        } else if line.eat_word("entry") {
            success.entries.push(entry(line)?);
        } else if line.eat_word("only") {
            let only = success.only.get_or_insert_default();
            while line.at_bytes() {
                only.push(line.bytes()?);
            }
        } else if line.eat_word("record") {
            success.records.push(record(line)?);
        } else {
            success.changes.push(condition(line)?);
        }
    }
    Ok(DaemonAnswer::Success(success))
}

/// `record "fake" ino=100 off=5 type=8`.
fn record(line: &mut Line<'_>) -> Result<RecordLine, ScenarioError> {
    let mut record = RecordLine { name: line.bytes()?, ino: 1, off: 0, kind: 0 };
    for key in ["ino=", "off=", "type="] {
        if line.eat(key) {
            let column = line.column();
            let value = line.integer()?;
            match key {
                "ino=" => record.ino = value,
                "off=" => record.off = value,
                _ => {
                    let narrow = u32::try_from(value);
                    record.kind =
                        narrow.map_err(|error| line.error_at(column, error.to_string()))?;
                }
            }
        }
    }
    Ok(record)
}

fn entry(line: &mut Line<'_>) -> Result<EntryLine, ScenarioError> {
    let column = line.column();
    match line.word() {
        "BPF" => {
            let column = line.column();
            let name = String::from_utf8(line.bytes()?);
            let name = name.map_err(|error| line.error_at(column, error.to_string()))?;
            Ok(EntryLine::Bpf(name))
        }
        "BACKING" => Ok(EntryLine::Backing(line.bytes()?)),
        "REMOVE_BPF" => Ok(EntryLine::RemoveBpf),
        "REMOVE_BACKING" => Ok(EntryLine::RemoveBacking),
        other => {
            let what = format!(
                "no entry is called `{other}`; write BPF \"name\", BACKING \"/path\", REMOVE_BPF \
                 or REMOVE_BACKING"
            );
            Err(line.error_at(column, what))
        }
    }
}
