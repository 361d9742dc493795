//! A finding in the forms it is kept in: a report entry, a scenario.
//!
//! What a reader would get wrong: a scenario has one client after the other, so a finding that
//! needs forced switches or faults has no scenario and is kept as a case. One that needs a loss of
//! power has one, which ends in the tree that was found afterwards.

use core::fmt::Write as _;

use fuserig_traces::text::{CallForm, ExpectedResult};

use super::recorded::call_record;
use super::{Action, CallEntry, Class, Ending, Finding, show_result};
use crate::report;

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

    /// The finding as a scenario with the results that were seen, when one client after the other
    /// is enough and no fault is needed.
    pub fn to_scenario(&self) -> Option<String> {
        let case = &self.case;
        let serial = case.schedule.switches.is_empty() && case.faults.is_empty();
        if !serial || case.filter.is_empty() {
            return None;
        }
        let mut text = self.stage_text();
        text.push_str("\nrun\n");
        let mut files = vec![Vec::new(); case.clients.len()];
        let mut under_way = None;
        for entry in &self.record.calls {
            let action = &case.clients[entry.client].actions[entry.action];
            let open: &mut Vec<i32> = &mut files[entry.client];
            let call = call_text(action, open)?;
            let result = entry.result.as_ref();
            let client = entry.client + 1;
            if self.record.power.is_some() && entry.end.is_none() {
                under_way = Some((entry, format!("{call}   # {action}: never returned")));
                continue;
            }
            let seen = result.map_or("never returned".to_owned(), show_result);
            let _ = writeln!(text, "  c{client}: {call} = ?   # {action}: {seen}");
            let number = result.and_then(|result| result.value.ok());
            match (action, number.and_then(|number| i32::try_from(number).ok())) {
                (Action::Open { .. }, Some(fd)) => open.push(fd),
                (Action::Close { file }, _) if !open.is_empty() => {
                    let place = open.len() - 1 - usize::from(*file) % open.len();
                    open.remove(place);
                }
                _ => {}
            }
        }
        self.power_text(&mut text, under_way);
        Some(text)
    }

    /// What is there before anything happens.
    fn stage_text(&self) -> String {
        let case = &self.case;
        let mut text = format!("title {}\n", self.violation);
        let _ = writeln!(text, "abi {}\nfidelity {}", case.abi, case.fidelity.name());
        if let Some(crash) = &case.crash {
            let _ = writeln!(text, "durability {}", crash.durability);
        }
        if case.filter != "none" {
            let _ = writeln!(text, "mount filter=f\n\nfilter f = {}", case.filter);
        }
        text.push_str("\nlower\n");
        for line in case.tree.lines() {
            let _ = writeln!(text, "  {line}");
        }
        for (client, program) in case.clients.iter().enumerate() {
            let (pid, uid) = (client + 1, program.uid);
            let _ = writeln!(text, "\nclient c{pid} pid={pid} uid={uid} gid={uid} umask=022");
        }
        text
    }

    /// The loss of power, in the call that was under way if there was one, and what was found.
    fn power_text(&self, text: &mut String, under_way: Option<(&CallEntry, String)>) {
        let Some(power) = &self.record.power else { return };
        let client = under_way.as_ref().map_or(1, |(entry, _)| entry.client + 1);
        let _ = write!(text, "  c{client}: power lost");
        for number in &power.crash.lost {
            let _ = write!(text, " {number}");
        }
        if let Some((entry, call)) = under_way {
            let _ = write!(text, " after {} of {call}", power.crash.step - entry.begin);
        }
        text.push('\n');
        for line in &power.lost {
            let _ = writeln!(text, "  # lost: {line}");
        }
        text.push_str("\ntree\n");
        for line in self.record.lower.to_tree().lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
}

/// A call as a scenario has it: as people spell it, and else by the names of its table.
fn call_text(action: &Action, files: &[i32]) -> Option<String> {
    let short = short_text(action, files).filter(|text| CallForm::parse(text).is_ok());
    short.or_else(|| {
        let record = call_record(&action.call(files))?;
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
        Action::Readlink { path } => format!("readlink(\"{path}\", 4096)"),
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
