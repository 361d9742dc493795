//! A finding in the forms it is kept in: a report entry, a scenario.
//!
//! What a reader would get wrong: a scenario is written from the steps of the run and not from the
//! forced switches, so that it needs no scheduler: a call is held where another client was let in.

use core::fmt::Write as _;
use std::collections::BTreeSet;

use fuserig_traces::text::{CallForm, ExpectedResult};

use super::recorded::call_record;
use super::stage::pid_of;
use super::{Action, CallEntry, Class, Ending, Finding, Processes, StepRow, show_result};
use crate::fault::FaultKind;
use crate::report;
use crate::scenario::Scenario;
use crate::vfs::Point;

impl Class {
    /// The class in reports.
    pub fn report_class(self) -> report::FindingClass {
        match self {
            Class::Violation | Class::Nondeterminism => report::FindingClass::Violation,
            Class::Divergence => report::FindingClass::Divergence,
            Class::Crash => report::FindingClass::Crash,
            Class::Trap => report::FindingClass::Trap,
            Class::Deadlock => report::FindingClass::Deadlock,
            Class::Leak => report::FindingClass::Leak,
        }
    }
}

impl Finding {
    /// The finding as an entry of a report.
    pub fn to_report(&self) -> report::Finding {
        let place = match self.violation.at {
            Some((client, action)) => self.case.clients[client].actions[action].to_string(),
            None => "the end of the run".to_owned(),
        };
        let class = self.class.report_class();
        let id = &self.violation.invariant;
        let mut finding = report::Finding::new(class, id, place, &self.violation.message)
            .message(self.to_string())
            .case("case", self.case.to_json())
            .lanes(self.lanes())
            .fact("seed", self.seed.to_string())
            .fact("run", self.run.to_string());
        if let Ending::Trapped { trap, .. } = &self.record.ending {
            finding = finding
                .fact("member", &trap.member)
                .fact("function", &trap.function)
                .fact("instruction", trap.insn.to_string());
            if let Some(line) = &trap.line {
                finding = finding.at(report::Location::line(&line.file, line.line));
            }
        }
        if let Some(command) = self.command() {
            finding = finding.reproduce(command);
        }
        finding
    }

    /// The finding as a scenario with the results that were seen: which call was held where others
    /// went on, what went wrong in each, and what is below at the end. It holds as long as the
    /// finding stands. None for a filter that the command line cannot name, and for what no
    /// scenario has words for.
    pub fn to_scenario(&self) -> Option<String> {
        let case = &self.case;
        // The requests to a daemon are not kept, and a scenario has to have each.
        if case.filter.is_empty() || self.asks_a_daemon() {
            return None;
        }
        let mut text = self.stage_text();
        text.push_str("\nrun\n  # As it was seen; no longer so once the finding is mended.\n");
        let mut lines = Lines {
            finding: self,
            processes: (0..case.clients.len()).map(pid_of).map(Processes::new).collect(),
            done: BTreeSet::new(),
        };
        let same = |one: &StepRow, other: &StepRow| {
            (one.client, one.action) == (other.client, other.action)
        };
        let together = self.record.rows.chunk_by(same);
        let pieces: Vec<&[StepRow]> = together.flat_map(|rows| self.at_signal(rows)).collect();
        for (place, rows) in pieces.iter().enumerate() {
            text.push_str(&lines.piece(rows, place + 1 == pieces.len())?);
        }
        self.end_text(&mut text);
        Scenario::parse(&text).is_ok().then_some(text)
    }

    /// Steps of one call as what comes before a signal and what comes after it, which is how the
    /// call returns.
    fn at_signal<'r>(&self, rows: &'r [StepRow]) -> impl Iterator<Item = &'r [StepRow]> {
        let call = self.record.calls.iter().find(|call| {
            (call.client, call.action) == (rows[0].client, rows[0].action) && call.interrupted
        });
        let returns = rows.iter().position(|row| row.returned);
        let (before, after) = rows.split_at(call.and(returns).unwrap_or(0));
        [before, after].into_iter().filter(|rows| !rows.is_empty())
    }

    /// What is there before anything happens.
    fn stage_text(&self) -> String {
        let case = &self.case;
        // Behind a space it would begin a comment.
        let title = self.violation.to_string().replace(" #", " file ");
        let mut text = format!("title {title}\n");
        let _ = writeln!(text, "abi {}\nfidelity {}", case.abi, case.fidelity.name());
        if let Some(crash) = &case.crash {
            let _ = writeln!(text, "durability {}", crash.durability);
        }
        let served = if case.mounted { " served" } else { "" };
        match case.filter.as_str() {
            "none" => {
                let _ = writeln!(text, "mount local_locks{served}");
            }
            filter => {
                let _ = writeln!(text, "mount filter=f local_locks{served}\n\nfilter f = {filter}");
            }
        }
        text.push_str("\nlower\n");
        for line in case.tree.lines() {
            let _ = writeln!(text, "  {line}");
        }
        for (client, program) in case.clients.iter().enumerate() {
            let (pid, uid, gid) = (client + 1, program.uid, program.group());
            let groups = match program.groups.is_empty() {
                true => String::new(),
                false => format!(" groups={}", program.listed_groups()),
            };
            let _ =
                writeln!(text, "\nclient c{pid} pid={pid} uid={uid} gid={gid}{groups} umask=022");
        }
        text
    }

    /// What power took, and what is below at the end.
    fn end_text(&self, text: &mut String) {
        if let Some(power) = &self.record.power {
            for line in &power.lost {
                let _ = writeln!(text, "  # lost: {line}");
            }
        }
        // Nobody looks below after a crash of the kernel, or where a caller hangs.
        match self.record.ending {
            Ending::Finished | Ending::Stopped | Ending::PowerLost => {}
            Ending::Crashed(_)
            | Ending::Hung { .. }
            | Ending::Trapped { .. }
            | Ending::Panicked { .. }
            | Ending::Deadlock(_)
            | Ending::StepLimit(_) => return,
        }
        text.push_str("\ntree\n");
        for line in self.record.lower.to_tree().lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
}

/// The lines of a scenario while they are written.
struct Lines<'f> {
    finding: &'f Finding,
    /// What each client has open.
    processes: Vec<Processes>,
    /// The calls that have returned.
    done: BTreeSet<(usize, usize)>,
}

impl Lines<'_> {
    /// What one client did until another was let in, all of it in one call.
    fn piece(&mut self, rows: &[StepRow], last: bool) -> Option<String> {
        let Finding { case, record, .. } = self.finding;
        let StepRow { client, action: number, .. } = rows[0];
        let entry =
            record.calls.iter().find(|call| (call.client, call.action) == (client, number))?;
        if self.done.contains(&(client, number)) {
            // What the kernel does for a client that is gone, which nobody holds.
            return Some(String::new());
        }
        let action = &case.clients[client].actions[number];
        let begins = rows[0].point == Point::Start;
        let taken = rows.iter().take_while(|row| !row.returned).count();
        let returns = taken < rows.len();
        let name = client + 1;
        let power = record.power.as_ref().filter(|_| last);
        let mut text = String::new();
        let call = call_text(action, &self.processes[client])?;
        let seen = entry.result.as_ref().map_or("never returned".to_owned(), show_result);
        let result = self.result(entry);
        if entry.interrupted && returns {
            let _ = writeln!(text, "  c{name}: gets a signal");
        }
        match (begins, returns, power) {
            (true, true, _) => {
                let _ = writeln!(text, "  c{name}: {call} = {result}   # {action}: {seen}");
            }
            (true, false, None) if last && self.never_ends() => {
                let _ = writeln!(text, "  c{name}: {call} = {result}   # {action}: {seen}");
            }
            (true, false, Some(_)) => {
                let _ = write!(text, "  c{name}: power lost{}", self.lost());
                let _ = writeln!(text, " after {taken} of {call}   # {action}: {seen}");
            }
            (true, false, None) => {
                let _ = write!(text, "  c{name}: held after {taken} of {call} = {result}");
                let _ = writeln!(text, "   # {action}: {seen}");
            }
            (false, true, _) => {
                let _ = writeln!(text, "  c{name}: goes on   # {action}: {seen}");
            }
            (false, false, None) if last && self.never_ends() => {
                let _ = writeln!(text, "  c{name}: goes on   # {action}: {seen}");
            }
            (false, false, _) => {
                let _ = writeln!(text, "  c{name}: goes on {taken}");
            }
        }
        if begins {
            for fault in case.faults.of(client, number) {
                if !(entry.interrupted && fault == FaultKind::Signal) {
                    let _ = writeln!(text, "    fault {fault}");
                }
            }
        }
        if power.is_some() && (returns || !begins) {
            let _ = writeln!(text, "  c1: power lost{}", self.lost());
        }
        if returns {
            self.done.insert((client, number));
            self.note_file(client, action, entry);
        }
        Some(text)
    }

    /// Whether the call that came last stopped the modelled kernel.
    fn never_ends(&self) -> bool {
        matches!(self.finding.record.ending, Ending::Crashed(_) | Ending::Hung { .. })
    }

    /// The numbers of the changes that power took.
    fn lost(&self) -> String {
        let power = self.finding.record.power.as_ref();
        let numbers = power.map_or(&[][..], |power| &power.crash.lost);
        numbers.iter().map(|number| format!(" {number}")).collect()
    }

    /// What the call must return.
    fn result(&self, entry: &CallEntry) -> String {
        let Some(result) = &entry.result else {
            return match &self.finding.record.ending {
                Ending::Crashed(_) => "crash".to_owned(),
                Ending::Hung { client, .. } if *client == entry.client => "hang".to_owned(),
                _ => "?".to_owned(),
            };
        };
        match (result.value, &result.output) {
            (Err(errno), _) => errno.to_string(),
            (Ok(value), _) => value.to_string(),
        }
    }

    /// Which files the client has open then.
    fn note_file(&mut self, client: usize, action: &Action, entry: &CallEntry) {
        if let Some(result) = &entry.result {
            self.processes[client].note(action, result.value);
        }
    }
}

/// A call as a scenario has it: as people spell it, and else by the names of its table.
fn call_text(action: &Action, processes: &Processes) -> Option<String> {
    let short = short_text(action, processes.files()).filter(|text| CallForm::parse(text).is_ok());
    short.or_else(|| {
        let record = call_record(&processes.call(action))?;
        Some(CallForm { record, expected: ExpectedResult::Success }.to_string())
    })
}

/// A call as people spell it; none for those that are rare in scenarios.
fn short_text(action: &Action, files: &[i32]) -> Option<String> {
    let fd = |file: &u8| match files.len() {
        0 => -1,
        open => files[open - 1 - usize::from(*file) % open],
    };
    Some(match action {
        Action::Open { path, flags, mode } => format!("open(\"{path}\", {flags:#x}, 0{mode:o})"),
        Action::Close { file } => format!("close({})", fd(file)),
        Action::Read { file, size, offset: None } => format!("read({}, {size})", fd(file)),
        Action::Read { file, size, offset: Some(at) } => {
            format!("pread64({}, {size}, {at})", fd(file))
        }
        Action::Stat { path, follow: true } => format!("stat(\"{path}\")"),
        Action::Stat { path, follow: false } => format!("lstat(\"{path}\")"),
        Action::Fstat { file } => format!("fstat({})", fd(file)),
        Action::Mkdir { path, mode } => format!("mkdir(\"{path}\", 0{mode:o})"),
        Action::Unlink { path } => format!("unlink(\"{path}\")"),
        Action::Rmdir { path } => format!("rmdir(\"{path}\")"),
        Action::Rename { old, new, flags: 0 } => format!("rename(\"{old}\", \"{new}\")"),
        Action::Link { source, path } => format!("link(\"{source}\", \"{path}\")"),
        Action::Symlink { target, path } => format!("symlink(\"{target}\", \"{path}\")"),
        Action::Readlink { path, space } => format!("readlink(\"{path}\", {space})"),
        Action::Chmod { path, mode } => format!("chmod(\"{path}\", 0{mode:o})"),
        Action::Truncate { path, size } => format!("truncate(\"{path}\", {size})"),
        Action::Ftruncate { file, size } => format!("ftruncate({}, {size})", fd(file)),
        Action::Statfs { path } => format!("statfs(\"{path}\")"),
        Action::Chdir { path } => format!("chdir(\"{path}\")"),
        Action::List { file, space } => format!("getdents({}, {space})", fd(file)),
        Action::Fsync { file, datasync: false } => format!("fsync({})", fd(file)),
        _ => return None,
    })
}
