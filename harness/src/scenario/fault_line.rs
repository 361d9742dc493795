//! `fault` lines: what goes wrong below and around a call, in the words of reports.

use fuserig_abi::Errno;

use super::ScenarioError;
use super::lex::{Line, code};
use super::model::Act;
use crate::fault::{DaemonFault, FaultKind, lower_ops};

/// Whether something can go wrong in it: calls, and what is made of calls.
pub(super) fn can_fail(act: &Act) -> bool {
    match act {
        Act::Call(_) | Act::List { .. } | Act::Cat { .. } | Act::Put { .. } | Act::Held { .. } => {
            true
        }
        Act::Lower { .. } | Act::Power(_) | Act::GoesOn { .. } | Act::Signal => false,
    }
}

/// What stands behind `fault`.
pub(super) fn fault(line: &mut Line<'_>) -> Result<FaultKind, ScenarioError> {
    if line.eat_word("lower") {
        return lower(line);
    }
    if line.eat("the clock jumps ") {
        let column = line.column();
        let word = line.word();
        let seconds = word.parse().map_err(|_none: core::num::ParseIntError| {
            line.error_at(column, format!("`{word}` is no number of seconds"))
        })?;
        words(line, "s")?;
        return Ok(FaultKind::ClockJump { seconds });
    }
    let column = line.column();
    let rest = line.rest();
    let daemon = FaultKind::DAEMON.into_iter().map(|fault| FaultKind::Daemon { fault });
    let plain = [FaultKind::NoMemory, FaultKind::Signal, FaultKind::Killed];
    let known: Vec<FaultKind> = plain.into_iter().chain(daemon).collect();
    if let Some(fault) = known.iter().find(|fault| fault.to_string() == rest) {
        return Ok(fault.clone());
    }
    if rest.starts_with("the daemon answers E") && line.eat("the daemon answers ") {
        let fault = DaemonFault::Refuses { errno: errno(line)?.0 };
        return Ok(FaultKind::Daemon { fault });
    }
    let known: Vec<String> = known.iter().map(|fault| format!("`{fault}`")).collect();
    let known = known.join(", ");
    let what = format!(
        "unknown fault `{rest}`; known are `lower OP fails with ERRNO`, `lower read returns N \
         bytes`, `lower write takes N bytes`, `the clock jumps N s`, {known}"
    );
    Err(line.error_at(column, what))
}

/// An operation of the filesystem below, and what becomes of it.
fn lower(line: &mut Line<'_>) -> Result<FaultKind, ScenarioError> {
    let column = line.column();
    let op = line.word().to_owned();
    if !lower_ops().any(|known| known == op) {
        let known: Vec<&str> = lower_ops().collect();
        let what = format!("no lower operation is called `{op}`; known are {}", known.join(", "));
        return Err(line.error_at(column, what));
    }
    if line.eat_word("fails") {
        if !line.eat_word("with") {
            return Err(line.error("expected `with` and an errno"));
        }
        return Ok(FaultKind::Lower { op, errno: errno(line)?.0 });
    }
    let takes = op == "write" && line.eat_word("takes");
    let returns = op == "read" && line.eat_word("returns");
    if !takes && !returns {
        let what = "expected `fails with ERRNO`; a read also `returns N bytes`, a write `takes N \
                    bytes`";
        return Err(line.error(what));
    }
    let column = line.column();
    let size = u32::try_from(line.integer()?).ok();
    let size = size.ok_or_else(|| line.error_at(column, "a number of 32 bits is expected"))?;
    words(line, "bytes")?;
    Ok(if takes { FaultKind::ShortWrite { size } } else { FaultKind::ShortRead { size } })
}

/// An errno, with which the line ends.
fn errno(line: &mut Line<'_>) -> Result<Errno, ScenarioError> {
    let column = line.column();
    let word = line.word();
    let errno = code(word).filter(|code| *code < 0).map(|code| Errno(-code));
    let errno = errno.ok_or_else(|| {
        line.error_at(column, format!("`{word}` is no errno; write EIO or ENOSPC"))
    })?;
    line.end()?;
    Ok(errno)
}

/// The last word of the line.
fn words(line: &mut Line<'_>, last: &str) -> Result<(), ScenarioError> {
    if !line.eat_word(last) {
        return Err(line.error(format!("expected `{last}`")));
    }
    line.end()
}

#[cfg(test)]
mod tests {
    use super::{FaultKind, Line, fault};
    use crate::fault::{DaemonFault, lower_ops};

    #[test]
    fn every_fault_is_read_as_reports_write_it() {
        let mut all = vec![
            FaultKind::ShortRead { size: 3 },
            FaultKind::ShortWrite { size: 0 },
            FaultKind::NoMemory,
            FaultKind::ClockJump { seconds: -7 },
            FaultKind::ClockJump { seconds: 1 << 30 },
            FaultKind::Signal,
            FaultKind::Killed,
            FaultKind::Daemon { fault: DaemonFault::Late },
        ];
        all.extend(FaultKind::DAEMON.map(|fault| FaultKind::Daemon { fault }));
        all.extend(lower_ops().map(|op| FaultKind::Lower { op: op.to_owned(), errno: 28 }));
        for kind in all {
            let text = kind.to_string();
            assert_eq!(fault(&mut Line::new(&text, 1)), Ok(kind), "{text}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_column_and_what_is_known() {
        let check = |text: &str, column: usize, hint: &str| {
            let error = fault(&mut Line::new(text, 1)).expect_err(text);
            assert_eq!(error.column, column, "{error}");
            assert!(error.what.contains(hint), "{error}");
        };
        check("lower mkdri fails with EIO", 7, "mkdir");
        check("lower mkdir fails with EWHAT", 24, "EIO");
        check("lower mkdir fails", 18, "with");
        check("lower mkdir takes 3 bytes", 13, "fails with");
        check("lower read returns x bytes", 20, "no number");
        check("lower read returns 3", 21, "bytes");
        check("the clock jumps far s", 17, "seconds");
        check("the daemon answers EWHAT", 20, "EIO");
        check("the daemon answers EPERM too", 26, "");
        check("the moon", 1, "the daemon dies");
    }
}
