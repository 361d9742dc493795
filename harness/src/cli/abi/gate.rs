//! `abi gate`.

use std::path::Path;

use fuserig_abi::Abi;
use fuserig_abi::diff::FilterUse;
use fuserig_filters::Filter;
use fuserig_sim_fs::{Lower, MemFs, MemFsOptions};
use fuserig_traces::Trace;
use fuserig_traces::record::Record;

use super::args::{GateArgs, NoneOf};
use super::diff::write_reports;
use super::source;
use super::subject::{Subject, replayed};
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::files;
use crate::cli::meter::{Metered, SharedMeter};
use crate::cli::output::{Style, Terminal};
use crate::gate::{
    Counted, Date, GateInput, NOTHING_RAN, Policy, behaviour, behaviour_findings, gate as run, ran,
};
use crate::report::{Check, Outcome, Report, ReportForm, Severity, Verdict};
use crate::rim::now;

pub(super) fn gate(args: &GateArgs, terminal: &mut Terminal) -> Ended {
    let policy = policy(args)?;
    let names: Vec<String> =
        std::iter::once(&policy.baseline).chain(&policy.versions).cloned().collect();
    let mut specs = source::specs(&names, &policy.roots, 1, terminal)?;
    let versions = specs.split_off(1);
    let baseline = specs.remove(0);
    let subjects =
        policy.filters.iter().map(|spec| Subject::read(spec)).collect::<Result<Vec<_>, _>>()?;
    let mut measured = Vec::new();
    let mut filters: Vec<FilterUse> = Vec::new();
    for subject in &subjects {
        filters.push(subject.used(&baseline)?);
        for version in &versions {
            measured.push(subject.load_check(version));
        }
    }
    let replays = Replays { policy: &policy, meter: SharedMeter::default(), terminal };
    replays.all(&subjects, &mut measured)?;
    let sources = replays.meter.borrow().sources();
    let input = GateInput {
        baseline,
        versions,
        filters,
        measured,
        traces: policy.traces.len() as u64,
        today: args.date.unwrap_or_else(today),
    };
    let mut report = run(&policy, &input);
    report.sources = sources;
    let verdict = report.verdict();
    if terminal.json() {
        terminal.text(&report.write(ReportForm::Json));
    } else {
        print(&report, terminal);
        let style = if verdict == Verdict::Agreed { Style::Good } else { Style::Bad };
        terminal.line(terminal.styled(style, &ran(&report)));
    }
    write_reports(&report, &args.reports, terminal)?;
    Ok(match verdict {
        Verdict::Agreed => Exit::Agreed,
        Verdict::Finding if only_nothing_ran(&report) => Exit::NothingRan,
        Verdict::Finding => Exit::Finding,
        Verdict::NothingRan => Exit::NothingRan,
    })
}

/// Whether all that is wrong is that something was not looked at.
fn only_nothing_ran(report: &Report) -> bool {
    let mut failures = report.findings().filter(|finding| finding.is_failure());
    failures.all(|finding| finding.rule == NOTHING_RAN)
}

/// The day on the wall clock.
fn today() -> Date {
    const SECONDS: i64 = 86_400;
    Date::from_days(u32::try_from(now().sec / SECONDS).unwrap_or(0))
}

/// One line a finding that counts; what is suppressed or a note is only counted.
fn print(report: &Report, terminal: &mut Terminal) {
    for check in &report.checks {
        let (style, word) = match check.outcome() {
            Outcome::Passed => (Style::Good, "passed"),
            Outcome::Failed => (Style::Bad, "failed"),
            Outcome::Skipped => (Style::Dim, "skipped"),
        };
        let word = terminal.styled(style, &format!("{word:<8}"));
        let reason = check.skipped.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        terminal.line(format!("{word} {}: {}{reason}", check.suite, check.name));
        let mut quiet = 0;
        for finding in &check.findings {
            if finding.suppressed.is_some() || finding.severity == Severity::Note {
                quiet += 1;
                continue;
            }
            terminal.line(format!("  {:<8} {}", finding.severity, finding.id));
            terminal.line(format!("           {}", finding.title));
            if finding.case.is_some() {
                for side in finding.sides.iter().flat_map(|sides| [&sides.expected, &sides.actual])
                {
                    terminal.line(format!("           {}  {}", side.label, side.text));
                }
            }
        }
        if quiet > 0 {
            terminal.line(format!("  and {quiet} notes or suppressed"));
        }
    }
    terminal.line(report.totals());
}

/// The policy file, with what the command line adds.
fn policy(args: &GateArgs) -> Result<Policy, Failure> {
    let mut policy = match &args.policy {
        Some(path) => {
            let bytes = files::read_all(path)?;
            let text = String::from_utf8(bytes).map_err(|error| Failure::input(path, &error))?;
            Policy::parse(&text).map_err(|error| Failure::input(path, &error))?
        }
        None => Policy::new(args.baseline.clone().unwrap_or_default(), Vec::new()),
    };
    if let Some(baseline) = &args.baseline {
        policy.baseline.clone_from(baseline);
    }
    policy.versions.extend(args.versions.iter().cloned());
    policy.allow_none.extend(args.allow_none.iter().map(|none| match none {
        NoneOf::Filters => Counted::Filters,
        NoneOf::Traces => Counted::Traces,
    }));
    policy.filters.extend(args.filters.iter().cloned());
    policy.traces.extend(args.traces.iter().map(|path| path.display().to_string()));
    Ok(policy)
}

/// Replays of every trace with every filter.
struct Replays<'a> {
    policy: &'a Policy,
    /// Which lines of the filters ran in all of them.
    meter: SharedMeter,
    terminal: &'a Terminal,
}

impl Replays<'_> {
    /// All of them, under the baseline and each version with a pipeline.
    fn all(&self, subjects: &[Subject], measured: &mut Vec<Check>) -> Result<(), Failure> {
        for path in &self.policy.traces {
            let mut note = |text: String| self.terminal.note(text);
            let trace = files::read_trace(Path::new(path), self.terminal, &mut note)?;
            for subject in subjects {
                for version in &self.policy.versions {
                    measured.push(self.one(subject, version, (path, &trace))?);
                    self.terminal.progress_end();
                }
            }
        }
        Ok(())
    }

    fn one(
        &self,
        subject: &Subject,
        version: &str,
        (path, trace): (&str, &Trace),
    ) -> Result<Check, Failure> {
        let baseline = &self.policy.baseline;
        let suite = format!("{baseline} and {version} decide the same");
        let name = format!("{} on {path}", subject.name());
        let Some((old, new)) = Abi::from_name(baseline).zip(Abi::from_name(version)) else {
            let reason = "only the built-in ABIs have a pipeline to replay on";
            return Ok(Check::skipped(suite, name, reason));
        };
        for abi in [old, new] {
            if let Err(error) = subject.filter(abi) {
                return Ok(Check::skipped(suite, name, format!("does not load on {abi}: {error}")));
            }
        }
        let filter = |abi: Abi| -> Option<Box<dyn Filter>> {
            let inner = subject.filter(abi).ok()?;
            Some(Box::new(Metered::new(inner, &self.meter)))
        };
        let tree = tree_of(path, trace)?;
        let lower = || -> Box<dyn Lower> { Box::new(tree.snapshot()) };
        let watch = replayed(self.terminal);
        let diff = behaviour(trace, &filter, &lower, [old, new], &watch)
            .map_err(|error| Failure::input(Path::new(path), &error))?;
        Ok(Check::new(suite, name, behaviour_findings(&diff, subject.name(), path, [old, new])))
    }
}

/// The tree that the trace starts from.
pub(super) struct Tree(Option<String>);

impl Tree {
    pub(super) fn snapshot(&self) -> MemFs {
        match &self.0 {
            Some(text) => MemFs::from_tree(text).expect("the text was read before"),
            None => MemFs::new(MemFsOptions::default()),
        }
    }
}

pub(super) fn tree_of(path: &str, trace: &Trace) -> Result<Tree, Failure> {
    let recorded = trace.records.iter().find_map(|record| match record {
        Record::Tree(tree) => Some(tree.text.clone()),
        _ => None,
    });
    let Some(bytes) = recorded else { return Ok(Tree(None)) };
    let file = Path::new(path);
    let text = String::from_utf8(bytes).map_err(|error| Failure::input(file, &error))?;
    MemFs::from_tree(&text).map_err(|error| Failure::input(file, &error))?;
    Ok(Tree(Some(text)))
}
