//! `fuserig check`: everything a filter author wants before shipping, in one table with one
//! verdict.
//!
//! The filter is loaded, an object is checked without running it, then it is judged by each
//! invariant that fits it (with and without faults) and replayed over traces; traps, members that
//! nothing reached and quirks that were hit are said, then figures: what each member decided and
//! costs, what the traces hold and how long it took, which lines never ran. What a reader would get
//! wrong: a quirk is a note, not a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fuserig_abi::{Fidelity, Quirk, Slot};
use fuserig_sim_fs::Durability;
use fuserig_traces::tools::Info;
use fuserig_traces::{PayloadMode, TraceWriter};

use super::abi::write_reports;
use super::corpus_figures::CorpusFigures;
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::fuzz::keep;
use super::fuzz_args::CheckArgs;
use super::judge::{fitting, hint, subject};
use super::maker::{FilterSpec, Maker};
use super::meter::SharedMeter;
use super::output::{Style, Terminal};
use super::progress::Advance;
use super::replay::sim_lower;
use super::summary::members_table;
use super::unsaid;
use super::vet::static_check;
use crate::replay::{ReplayOptions, Replayer};
use crate::report::{
    Check, Extent, Finding, FindingClass, Outcome, Report, Severity, Source, Table, Verdict,
};
use crate::sim::{Coverage, Seed, Simulation};

/// Notes shown of one check; the report forms hold all.
const NOTES_MAX: usize = 8;

/// One property test: a name, and how its simulation differs.
type Property = (&'static str, fn(Simulation) -> Simulation);

const PROPERTIES: [Property; 4] = [
    ("one client", |simulation| simulation.clients(1)),
    ("three clients", |simulation| simulation.clients(3)),
    ("with faults", |simulation| simulation.faults(16)),
    ("with crashes", |simulation| simulation.crashes(Durability::Ordered)),
];

/// How often which member answered what, in simulations and replays.
type Decisions = BTreeMap<(u16, i64), u64>;

struct Work<'a> {
    args: &'a CheckArgs,
    maker: Maker,
    traps: Vec<Finding>,
    report: Report,
    coverage: Coverage,
    decisions: Decisions,
    operations: u64,
    runs: u64,
    meter: SharedMeter,
    figures: CorpusFigures,
    /// Members that replays of traces reached.
    replayed: BTreeSet<u16>,
}

pub(super) fn check(args: &CheckArgs, terminal: &mut Terminal) -> Ended {
    let spec = FilterSpec::read(&args.filter)?;
    let mut report = Report::new("check", format!("{} on {}", args.filter, args.abi));
    match spec.maker(args.abi) {
        Ok(maker) => run(args, &spec, maker, &mut report, terminal)?,
        Err(error) => {
            let text = error.to_string();
            let refused = Finding::new(FindingClass::AbiBreak, "load", &args.filter, &text)
                .message(format!("{} does not load on {}: {text}", args.filter, args.abi));
            report.push(Check::new("load", format!("refused on {}", args.abi), vec![refused]));
            report.checks.extend(static_check(&spec, args.abi));
        }
    }
    show(&report, terminal);
    write_reports(&report, &args.reports, terminal)?;
    Ok(match report.verdict() {
        Verdict::Agreed => Exit::Agreed,
        Verdict::Finding => Exit::Finding,
        Verdict::NothingRan => Exit::NothingRan,
    })
}

/// Everything that needs a filter that loads.
fn run(
    args: &CheckArgs,
    spec: &FilterSpec,
    maker: Maker,
    report: &mut Report,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let members: Vec<Slot> = match maker.make() {
        Some(filter) => Slot::all().filter(|slot| filter.has(*slot)).collect(),
        None => Vec::new(),
    };
    let count = members.len();
    let name = if count == 1 { "1 member".to_owned() } else { format!("{count} members") };
    report.push(Check::new("load", name, Vec::new()));
    report.checks.extend(static_check(spec, args.abi));
    let (runs, coverage) = (0, Coverage::default());
    let empty = Report::new("check", "");
    let (traps, decisions, operations) = (Vec::new(), Decisions::new(), 0);
    let meter = SharedMeter::default();
    let mut work = Work {
        args,
        maker: maker.metered(&meter),
        traps,
        report: empty,
        coverage,
        decisions,
        operations,
        runs,
        meter,
        figures: CorpusFigures::default(),
        replayed: BTreeSet::new(),
    };
    for property in PROPERTIES {
        work.property(property, terminal)?;
    }
    work.unsaid()?;
    for trace in &args.corpus {
        work.corpus(trace, terminal)?;
    }
    terminal.progress_end();
    if spec.bytes().is_some() {
        work.traps();
    }
    work.reached(&members);
    work.quirks();
    for (&(slot, code), count) in &work.coverage.verdicts {
        *work.decisions.entry((slot, i64::from(code))).or_default() += count;
    }
    report.checks.append(&mut work.report.checks);
    report.count("operations", work.operations);
    report.extent = Some(Extent::Sampled(work.runs));
    let meter = work.meter.borrow();
    report.table(members_table(core::mem::take(&mut work.decisions).into_iter(), args.abi, &meter));
    report.sources = meter.sources();
    report.table(lines_that_never_ran(&report.sources));
    work.figures.tables(report);
    report.table(work.not_replayed(&members));
    Ok(())
}

/// Lines of the source that have code and never ran.
fn lines_that_never_ran(sources: &[Source]) -> Table {
    let mut table = Table::new("Lines of the filter that never ran", &["line", "file", "text"]);
    for source in sources {
        for line in source.lines.iter().filter(|line| line.count == 0) {
            table.row([line.line.to_string(), source.file.clone(), line.text.clone()]);
        }
    }
    table
}

impl Work<'_> {
    fn property(&mut self, (name, vary): Property, terminal: &Terminal) -> Result<(), Failure> {
        let args = self.args;
        let mut fitting = fitting(&args.filter, &args.require, args.abi, &self.maker)?;
        let mut simulation = vary(Simulation::new(Seed(args.seed)).runs(args.runs));
        if let Some(durability) = simulation.crashes {
            fitting.expect_crashes(durability);
        }
        let invariants: Vec<String> =
            fitting.invariants.iter().map(|each| each.name().to_owned()).collect();
        let subject = subject(&args.filter, args.abi, self.maker.clone()).over(&fitting.tree);
        simulation.required.clone_from(&args.require);
        for name in fitting.names {
            simulation = simulation.name(name);
        }
        let mut campaign = simulation.run(subject).check_all(fitting.invariants);
        let what = format!("check: {name}: did");
        let total = Some(args.runs);
        let result = campaign.go(&mut |summary| {
            let done = summary.runs;
            terminal.advance(&Advance { what: &what, unit: "runs", done, total });
            true
        });
        let result = result.map_err(|error| Failure::new(Exit::Unreadable, error.to_string()))?;
        let name = format!("{name}: {}", invariants.join(", "));
        let findings = match result {
            Ok(summary) => {
                self.coverage.merge(&summary.coverage);
                self.operations += summary.operations;
                self.runs += summary.runs;
                Vec::new()
            }
            Err(finding) => {
                self.coverage.merge(&finding.record.coverage);
                self.runs += finding.run + 1;
                self.operations += (finding.run + 1) * finding.operations_found as u64;
                for path in keep(&finding, &self.args.output)? {
                    terminal.note(format!("wrote {}", path.display()));
                }
                if finding.violation.invariant == "no_trap" {
                    self.trapped(finding.to_report());
                    let reason = "an engine stopped the filter";
                    self.report.push(Check::skipped("simulation", name, reason));
                    return Ok(());
                }
                vec![finding.to_report()]
            }
        };
        self.report.push(Check::new("simulation", name, findings));
        Ok(())
    }

    /// What a filter was seen to do that is judged by nothing that it promises.
    fn unsaid(&mut self) -> Result<(), Failure> {
        let args = self.args;
        let fitting = fitting(&args.filter, &args.require, args.abi, &self.maker)?;
        let judges: Vec<String> =
            fitting.invariants.iter().map(|each| each.name().to_owned()).collect();
        if hint(&judges).is_none() {
            return Ok(());
        }
        let filter = (args.filter.as_str(), args.abi);
        let looked = unsaid::looked_at(filter, &self.maker, args.seed, |subject| subject, || true)?;
        let seen = match looked {
            Ok(seen) => seen,
            Err(finding) => {
                let name = format!("in {} runs each", unsaid::RUNS);
                self.report.push(Check::new("promises", name, vec![finding.to_report()]));
                return Ok(());
            }
        };
        let held: Vec<&str> = seen
            .iter()
            .filter(|one| one.broken.is_none())
            .map(|one| one.promise.as_str())
            .collect();
        let held = if held.is_empty() { "none" } else { &held.join(", ") };
        let name = format!("not known, see --require; held in {} runs each: {held}", unsaid::RUNS);
        let broken = seen.iter().filter_map(|one| Some((one, one.broken.as_ref()?)));
        let notes = broken.map(|(one, what)| {
            Finding::new(FindingClass::Violation, &one.promise, "does not hold", what)
                .severity(Severity::Note)
        });
        self.report.push(Check::new("promises", name, notes.collect()));
        Ok(())
    }

    /// Replays a trace with the filter: the modelled kernel must survive it.
    fn corpus(&mut self, path: &Path, terminal: &Terminal) -> Result<(), Failure> {
        let info = Info::of(files::open_watched(path, "reading", terminal)?)
            .map_err(|error| Failure::input(path, &error))?;
        self.figures.add(&info);
        let trace = files::read_trace(path, terminal, &mut |text| terminal.note(text))?;
        let options = ReplayOptions {
            abi: self.args.abi,
            fidelity: Fidelity::Faithful,
            filter: self.maker.make(),
            lower: sim_lower(None, path, &trace)?,
            payload: PayloadMode::Hash,
        };
        let failed = |error: crate::replay::ReplayError| Failure::input(path, &error);
        let mut replayer = Replayer::new(&trace.header, options).map_err(failed)?;
        let nobody: Option<&mut TraceWriter<Vec<u8>>> = None;
        let stop = Arc::new(AtomicBool::new(false));
        let what = format!("check: {}: replayed", path.display());
        let mut advance = |done: u64, total: u64| {
            let total = Some(total);
            terminal.advance(&Advance { what: &what, unit: "calls", done, total });
        };
        replayer.run(&trace, nobody, &stop, &mut advance).map_err(failed)?;
        let report = replayer.report();
        self.operations += report.calls;
        self.replayed.extend(report.verdicts.keys().map(|(slot, _)| *slot));
        for (key, count) in &report.verdicts {
            *self.decisions.entry(*key).or_default() += count;
        }
        let place = path.display().to_string();
        let findings = match &report.crash {
            Some(id) => vec![Finding::new(
                FindingClass::Crash,
                id,
                &place,
                "the modelled kernel crashed during the replay",
            )],
            None => Vec::new(),
        };
        for trap in &report.traps {
            let first = trap.lines().next().unwrap_or_default();
            let found = Finding::new(FindingClass::Trap, "no_trap", &place, first);
            self.trapped(found.message(format!("trap      {trap}")));
        }
        let (calls, changed) = (report.calls, report.calls_changed);
        let name = format!("{place}: {calls} calls, {changed} with another result");
        self.report.push(Check::new("replay", name, findings));
        Ok(())
    }

    /// Keeps a trap, each place of the filter once.
    fn trapped(&mut self, finding: Finding) {
        if self.traps.iter().all(|known| known.title != finding.title) {
            self.traps.push(finding);
        }
    }

    /// Where an engine stopped the filter, in simulations and replays.
    fn traps(&mut self) {
        let calls = self.coverage.filter_calls;
        let name = format!("{} different in {calls} simulated calls", self.traps.len());
        self.report.push(Check::new("traps", name, core::mem::take(&mut self.traps)));
    }

    /// Members that no request reached were not tested.
    fn reached(&mut self, members: &[Slot]) {
        let reached = self.coverage.slots();
        let missed: Vec<&str> =
            members.iter().filter(|slot| !reached.contains(slot)).map(|slot| slot.name()).collect();
        let findings = missed.iter().map(|name| {
            Finding::new(
                FindingClass::Quirk,
                "not-reached",
                *name,
                "no request reached this member",
            )
            .severity(Severity::Note)
        });
        let name = format!("{} of {} reached", members.len() - missed.len(), members.len());
        self.report.push(Check::new("members", name, findings.collect()));
    }

    /// Members that the traces of the corpus do not reach, whatever simulations reach.
    fn not_replayed(&self, members: &[Slot]) -> Table {
        let mut table = Table::new(
            "Not covered by the corpus",
            &["member of the filter that no trace reaches"],
        );
        let missed = members.iter().filter(|slot| !self.replayed.contains(&(slot.index() as u16)));
        if !self.args.corpus.is_empty() {
            missed.for_each(|slot| table.row([slot.name().to_owned()]));
        }
        table
    }

    fn quirks(&mut self) {
        let findings: Vec<Finding> = self
            .coverage
            .quirks
            .iter()
            .map(|(id, count)| {
                let text = Quirk::from_id(id).map_or("", Quirk::text);
                let what = format!("{count} times");
                Finding::new(FindingClass::Quirk, *id, what, text).severity(Severity::Note)
            })
            .collect();
        let name = format!("{} quirks hit", findings.len());
        self.report.push(Check::new("quirks", name, findings));
    }
}

/// Columns of the table, for a terminal of the usual width and for reports in mails.
const COLUMNS: usize = 80;
/// Columns before the name of a check, and before the text of a note.
const INDENT: usize = 23;
/// Lines of a note; the report forms hold all of it.
const NOTE_LINES: usize = 2;

/// A text in lines that fit between the indentation and the last column, broken at spaces.
fn wrapped(text: &str) -> Vec<String> {
    let room = COLUMNS - INDENT;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The first lines of a text, marked where something is left out.
fn shortened(text: &str, lines_max: usize) -> Vec<String> {
    let mut lines = wrapped(text);
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        let last = lines.last_mut().expect("some lines are kept");
        // The three dots fit as well.
        while last.chars().count() + 3 > COLUMNS - INDENT {
            match last.rfind(' ') {
                Some(end) => last.truncate(end),
                None => *last = last.chars().take(COLUMNS - INDENT - 3).collect(),
            }
        }
        *last = format!("{}...", last.trim_end_matches([',', ';', ':']));
    }
    lines
}

/// The table, the findings that are failures in full, and the verdict.
fn show(report: &Report, terminal: &mut Terminal) {
    if terminal.json() {
        terminal.text(&report.write(crate::report::ReportForm::Json));
        return;
    }
    terminal.line(terminal.styled(Style::Bold, &format!("check {}", report.title)));
    for check in &report.checks {
        let style = match check.outcome() {
            Outcome::Passed => Style::Good,
            Outcome::Failed => Style::Bad,
            Outcome::Skipped => Style::Dim,
        };
        let word = terminal.styled(style, check.outcome().name());
        let reason = check.skipped.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let lines = wrapped(&format!("{}{reason}", check.name));
        let (first, rest) = lines.split_first().expect("a name has a line");
        terminal.line(format!("  {word}  {:<13}{first}", check.suite));
        for line in rest {
            terminal.line(format!("{:INDENT$}{line}", ""));
        }
        let notes = check.findings.iter().filter(|finding| finding.severity != Severity::Error);
        for note in notes.clone().take(NOTES_MAX) {
            terminal.line(format!("          {:<13}{}", note.rule, note.subject));
            let place = note.location.as_ref().map(ToString::to_string);
            for line in shortened(&note.title, NOTE_LINES).into_iter().chain(place) {
                let line = format!("{:INDENT$}{line}", "");
                terminal.line(terminal.styled(Style::Dim, &line));
            }
        }
        let more = notes.count().saturating_sub(NOTES_MAX);
        if more > 0 {
            terminal.line(terminal.styled(Style::Dim, &format!("          and {more} more")));
        }
    }
    for table in &report.tables {
        terminal.line("");
        terminal.line(terminal.styled(Style::Bold, &format!("  {}", table.name)));
        for (at, line) in table.text().lines().enumerate() {
            let style = if at == 0 { Style::Dim } else { Style::Plain };
            terminal.line(terminal.styled(style, &format!("    {line}")));
        }
    }
    let mut said = BTreeSet::new();
    for finding in report.findings().filter(|finding| finding.is_failure()) {
        if !said.insert(&finding.id) {
            continue;
        }
        terminal.line("");
        let text = if finding.message.is_empty() { &finding.title } else { &finding.message };
        terminal.line(text);
    }
    terminal.line("");
    let totals = match report.looked_at() {
        looked_at if looked_at.is_empty() => report.totals(),
        looked_at => format!("{}; {looked_at}", report.totals()),
    };
    let style = if report.verdict() == Verdict::Agreed { Style::Good } else { Style::Bad };
    terminal.line(terminal.styled(style, &totals));
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, INDENT, shortened, wrapped};

    #[test]
    fn a_text_that_is_too_long_ends_behind_a_word_with_three_dots() {
        assert_eq!(shortened("as it is", 1), ["as it is"]);
        let long = "word ".repeat(30);
        let lines = shortened(&long, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with("word..."), "{lines:?}");
        assert!(lines.iter().all(|line| line.len() <= COLUMNS - INDENT), "{lines:?}");
        assert!(shortened(&"w".repeat(99), 1)[0].len() >= 57);
    }

    #[test]
    fn lines_are_as_long_as_they_can_be() {
        let lines = wrapped(&"ab ".repeat(40));
        assert_eq!(lines[0].len(), 56);
        assert_eq!(wrapped(""), [""]);
    }
}
