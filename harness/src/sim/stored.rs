//! A finding in the forms it is kept in: a report entry, a scenario.
//!
//! What a reader would get wrong: a scenario has one client after the other, so a finding that
//! needs forced switches has no scenario and is kept as a case.

use super::{Action, Class, Ending, Finding, show_result};
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
        let filtered = !case.filter.is_empty() && case.crash.is_none();
        if !serial || !filtered {
            return None;
        }
        let mut text = format!("title {}\n", self.violation);
        text.push_str(&format!("abi {}\nfidelity {}\n", case.abi, case.fidelity.name()));
        if case.filter != "none" {
            text.push_str(&format!("mount filter=f\n\nfilter f = {}\n", case.filter));
        }
        text.push_str("\nlower\n");
        for line in case.tree.lines() {
            text.push_str(&format!("  {line}\n"));
        }
        for (client, program) in case.clients.iter().enumerate() {
            let (pid, uid) = (client + 1, program.uid);
            text.push_str(&format!("\nclient c{pid} pid={pid} uid={uid} gid={uid} umask=022\n"));
        }
        text.push_str("\nrun\n");
        let mut files = vec![Vec::new(); case.clients.len()];
        for entry in &self.record.calls {
            let action = &case.clients[entry.client].actions[entry.action];
            let open: &mut Vec<i64> = &mut files[entry.client];
            let call = call_text(action, open)?;
            let result = entry.result.as_ref();
            let seen = result.map_or("never returned".to_owned(), show_result);
            let client = entry.client + 1;
            text.push_str(&format!("  c{client}: {call} = ?   # {action}: {seen}\n"));
            match (action, result.and_then(|result| result.value.ok())) {
                (Action::Open { .. }, Some(fd)) => open.push(fd),
                (Action::Close { file }, _) if !open.is_empty() => {
                    let place = open.len() - 1 - usize::from(*file) % open.len();
                    open.remove(place);
                }
                _ => {}
            }
        }
        Some(text)
    }
}

/// A call as scenarios spell it; none for the few that have no spelling here.
fn call_text(action: &Action, files: &[i64]) -> Option<String> {
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
