//! `fuserig fuzz`: simulation until something is found.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuserig_abi::Abi;
use fuserig_sim_fs::{Durability, MemFs};

use super::abi::write_reports;
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::fuzz_args::FuzzArgs;
use super::interrupt;
use super::judge::{fitting, hint, subject};
use super::maker::{FilterSpec, names_no_filter};
use super::meter::SharedMeter;
use super::output::{Style, Terminal};
use super::progress::Advance;
use super::unsaid::{self, Seen, Unsaid};
use crate::report::{Check, Extent, Report};
use crate::rim::Stopwatch;
use crate::sim::{
    Campaign, Case, Corpus, Finding, Program, SchedulerKind, Seed, Simulation, Subject, Summary,
};

/// Runs when nothing else is said.
const RUNS: u64 = 3000;
/// Programs whose every schedule is run when nothing else is said.
const PROGRAMS: u64 = 20;
/// One run in so many has faults, and one loses power, where neither is asked for.
const FAULTY_ONE_IN: u64 = 16;
const POWERLESS_ONE_IN: u64 = 8;

pub(super) fn fuzz(args: &FuzzArgs, terminal: &mut Terminal) -> Ended {
    let stop = interrupt::stop_flag();
    let stored = args.case.as_deref().map(read_case).transpose()?;
    // A stored case is of one ABI, and an object is loaded for that.
    let abi = stored.as_ref().map_or(args.abi, |case| case.abi);
    let meter = SharedMeter::default();
    let faults = args.faults;
    let lost_by = stored.as_ref().and_then(|case| case.crash.as_ref());
    let crashes = args.crashes.or(lost_by.map(|crash| crash.durability));
    let others = if stored.is_none() { besides(args) } else { Vec::new() };
    let wanted = Wanted { stored, faults, crashes };
    let spec = FilterSpec::read(&args.filter)?;
    let tree = args.tree.as_deref().map(read_tree).transpose()?;
    let given = Given { args, abi, spec, tree, meter: &meter };
    let (mut campaign, mut judges) = given.campaign(wanted)?;
    for (one_in, wanted) in others {
        let (other, others) = given.campaign(wanted)?;
        judges.extend(others);
        campaign = campaign.beside(one_in, other);
    }
    let mut known = BTreeSet::new();
    // What fits the filter may have been required besides.
    judges.retain(|name| known.insert(name.clone()));
    let watch = Stopwatch::start();
    let limit = args.time.map(Duration::from_secs);
    let result = campaign.go(&mut |summary: &Summary| {
        let what = match args.time {
            Some(time) => format!("fuzz: {} of {time} s, did", watch.elapsed().as_secs()),
            None => "fuzz: did".to_owned(),
        };
        let total = args.time.is_none().then_some(args.runs.unwrap_or(RUNS));
        terminal.advance(&Advance { what: &what, unit: "runs", done: summary.runs, total });
        limit.is_none_or(|limit| watch.elapsed() < limit) && !stop.load(Ordering::Relaxed)
    });
    terminal.progress_end();
    if let (Some(directory), Ok(_)) = (&args.corpus, &result) {
        let (kept, reached) = keep_corpus(directory, &campaign)?;
        terminal.note(format!("{}: {kept} programs reach {reached} things", directory.display()));
    }
    let result = result.map_err(|error| Failure::new(Exit::Unreadable, error.to_string()))?;
    let result = match result {
        Ok(summary) => given.unsaid(&summary, &judges, &stop)?.map(|seen| (summary, seen)),
        Err(finding) => Err(finding),
    };
    let found = result.as_ref().map(|(summary, _)| summary).map_err(|finding| &**finding);
    let mut report = report(args, abi, found);
    report.sources = meter.borrow().sources();
    write_reports(&report, &args.reports, terminal)?;
    match result {
        Ok((summary, seen)) => {
            Ok(nothing_found(&summary, &judges, &seen, stop.load(Ordering::Relaxed), terminal))
        }
        Err(finding) => {
            show(&finding, terminal);
            let written = keep(&finding, &args.output)?;
            if written.is_empty() {
                terminal.note("fuserig: fuzz: the case is not kept (--output none)");
            }
            for path in written {
                terminal.note(format!("wrote {}", path.display()));
            }
            // Every filter that the command line knows is of fuserig or of instructions.
            if finding.violation.invariant == "no_panic" {
                return Ok(super::entry::bug(terminal));
            }
            Ok(Exit::Finding)
        }
    }
}

/// One campaign: what is run, and what happens to it besides.
struct Wanted {
    stored: Option<Case>,
    faults: bool,
    crashes: Option<Durability>,
}

/// What some runs are about where the user asks for nothing but whether all is right, and how many:
/// where there is a filter, that things fail around it; and else that power is lost as well.
fn besides(args: &FuzzArgs) -> Vec<(u64, Wanted)> {
    let is_plain = !args.faults && args.crashes.is_none() && !args.mounted;
    if !is_plain || args.scheduler != SchedulerKind::Random {
        return Vec::new();
    }
    let crashes = Some(Durability::Ordered);
    let failing = (FAULTY_ONE_IN, Wanted { stored: None, faults: true, crashes: None });
    let losing_power = (POWERLESS_ONE_IN, Wanted { stored: None, faults: false, crashes });
    match names_no_filter(&args.filter) {
        true => vec![losing_power, failing],
        false => vec![failing],
    }
}

/// What the command line names, read once.
struct Given<'a> {
    args: &'a FuzzArgs,
    abi: Abi,
    spec: FilterSpec,
    tree: Option<String>,
    meter: &'a SharedMeter,
}

impl Given<'_> {
    /// The campaign, and what judges it.
    fn campaign(&self, wanted: Wanted) -> Result<(Campaign, Vec<String>), Failure> {
        let &Given { args, abi, .. } = self;
        let mut maker = self.spec.maker_or_fail(abi)?;
        let mut fitting = fitting(&args.filter, &args.require, abi, &maker)?;
        if let Some(durability) = wanted.crashes {
            fitting.expect_crashes(durability);
        }
        let judges = fitting.invariants.iter().map(|judge| judge.name().to_owned()).collect();
        if !args.reports.is_empty() {
            maker = maker.metered(self.meter);
        }
        let tree = self.tree.as_ref().unwrap_or(&fitting.tree);
        let subject = as_asked(args, subject(&args.filter, abi, maker).over(tree));
        let simulation = simulation(args, wanted)?;
        let simulation = fitting.names.into_iter().fold(simulation, Simulation::name);
        Ok((simulation.run(subject).check_all(fitting.invariants), judges))
    }

    /// What a filter was seen to do that was judged by nothing that it promises.
    fn unsaid(
        &self,
        summary: &Summary,
        judges: &[String],
        stop: &AtomicBool,
    ) -> Result<Seen, Failure> {
        let &Given { args, abi, .. } = self;
        if hint(judges).is_none() || args.case.is_some() || summary.operations == 0 {
            return Ok(Ok(Vec::new()));
        }
        let maker = self.spec.maker_or_fail(abi)?;
        let over_tree = |subject: Subject| match &self.tree {
            Some(tree) => subject.over(tree),
            None => subject,
        };
        let as_asked = |subject| as_asked(args, over_tree(subject));
        let goes_on = || !stop.load(Ordering::Relaxed);
        unsaid::looked_at((&args.filter, abi), &maker, args.seed, as_asked, goes_on)
    }
}

/// The subject in the kernel that is asked for.
fn as_asked(args: &FuzzArgs, subject: Subject) -> Subject {
    let subject = subject.fidelity(args.fidelity);
    if args.mounted { subject.mounted() } else { subject }
}

/// Says how much was done and by what it was judged.
fn nothing_found(
    summary: &Summary,
    judges: &[String],
    seen: &[Unsaid],
    interrupted: bool,
    terminal: &mut Terminal,
) -> Exit {
    if interrupted {
        terminal.note("fuserig: fuzz: interrupted; this is what was done until then");
        green(summary, judges, seen, terminal);
        return Exit::Interrupted;
    }
    if summary.operations == 0 {
        terminal.note("fuserig: fuzz: nothing ran");
        return Exit::NothingRan;
    }
    green(summary, judges, seen, terminal);
    if let Some(what) = hint(judges) {
        terminal.note(format!("fuserig: fuzz: {what}"));
    }
    Exit::Agreed
}

/// What was found, or how much was looked at without finding anything.
fn report(args: &FuzzArgs, abi: Abi, result: Result<&Summary, &Finding>) -> Report {
    let mut report = Report::new("fuzz", format!("{} on {abi}", args.filter));
    match result {
        Ok(summary) if summary.operations == 0 => {}
        Ok(summary) => {
            report.count("runs", summary.runs);
            report.count("operations", summary.operations);
            let exhaustive = summary.schedules.is_some_and(|all| all.is_exhaustive());
            report.extent = Some(match exhaustive {
                true => Extent::Exhaustive,
                false => Extent::Sampled(summary.runs),
            });
            report.push(Check::new("simulation", summary.to_string(), Vec::new()));
        }
        Err(finding) => {
            report.count("runs", finding.run + 1);
            let name = format!("seed {}, run {}", finding.seed, finding.run);
            report.push(Check::new("simulation", name, vec![finding.to_report()]));
        }
    }
    report
}

/// What to draw, and how often.
fn simulation(args: &FuzzArgs, wanted: Wanted) -> Result<Simulation, Failure> {
    let Wanted { stored, faults, crashes } = wanted;
    let exhaustive = args.scheduler == SchedulerKind::Exhaustive;
    if exhaustive && args.corpus.is_some() {
        let message = "--corpus guides what is drawn; it cannot be used with exhaustive".to_owned();
        return Err(Failure::new(Exit::Usage, message));
    }
    let (runs, operations) = if exhaustive { (PROGRAMS, 4) } else { (RUNS, 64) };
    let is_stored = stored.is_some();
    let guided = !args.unguided && !exhaustive && !is_stored;
    let mut simulation = match stored {
        Some(case) => Simulation::of_case(case),
        None => Simulation::new(Seed(args.seed))
            .clients(usize::from(args.clients))
            .operations(args.operations.unwrap_or(operations) as usize)
            .runs(args.runs.unwrap_or(if args.time.is_some() { u64::MAX } else { runs })),
    };
    simulation = simulation.scheduler(args.scheduler).executions_max(args.executions);
    if guided {
        let seeds = args.corpus.as_deref().map(read_corpus).transpose()?;
        simulation = simulation.guided(Corpus::of(seeds.unwrap_or_default()));
    }
    // A kernel in front goes by what it read, which loses data where a read fell short.
    if names_no_filter(&args.filter) && !args.mounted && !faults {
        simulation = simulation.mounting();
    }
    simulation.required.clone_from(&args.require);
    if faults {
        simulation = simulation.faults(16);
    }
    // A case that lost power says how.
    Ok(match crashes.filter(|_| !is_stored || args.crashes.is_some()) {
        Some(durability) => simulation.crashes(durability),
        None => simulation,
    })
}

fn green(summary: &Summary, judges: &[String], seen: &[Unsaid], terminal: &mut Terminal) {
    if terminal.json() {
        let value = serde_json::json!({
            "finding": null, "judged_by": judges,
            "seen": seen.iter().map(Unsaid::to_json).collect::<Vec<_>>(),
            "runs": summary.runs, "operations": summary.operations,
            "steps": summary.steps, "faults": summary.faults, "crash_states": summary.crashes,
            "scheduler": summary.scheduler.to_string(),
            "schedules": summary.schedules.map(|schedules| schedules.to_string()),
            "chance": summary.bound.map(|bound| bound.to_string()),
            "slots": summary.coverage.slots().len(),
            "verdicts": summary.coverage.verdicts.len(),
            "quirks": summary.coverage.quirks,
            "digest": format!("{:016x}", summary.digest),
        });
        terminal.line(value.to_string());
        return;
    }
    let verdict = terminal.styled(Style::Good, "nothing found");
    terminal.line(format!("{verdict} in {summary}"));
    terminal.line(format!("judged by {}", judges.join(", ")));
    if !seen.is_empty() {
        terminal.line(format!("seen besides, in {} runs each:", unsaid::RUNS));
        seen.iter().for_each(|one| terminal.line(one.line()));
    }
}

fn show(finding: &Finding, terminal: &mut Terminal) {
    if terminal.json() {
        let case: serde_json::Value =
            serde_json::from_str(&finding.case.to_json()).expect("it was just written");
        let value = serde_json::json!({
            "finding": finding.violation.invariant, "class": finding.class.to_string(),
            "message": finding.violation.message, "seed": finding.seed.0, "run": finding.run,
            "operations_found": finding.operations_found, "id": finding.id(), "case": case,
        });
        terminal.line(value.to_string());
        return;
    }
    let text = finding.to_string();
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    terminal.line(terminal.styled(Style::Bad, first));
    terminal.line(rest);
}

/// Writes a finding in every form it is kept in.
pub(super) fn keep(finding: &Finding, directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    if directory == Path::new("none") {
        return Ok(Vec::new());
    }
    files::create_directory(directory)?;
    let id = finding.id();
    let mut forms = vec![
        (format!("{id}.json"), finding.case.to_json()),
        (format!("{id}.rs"), finding.to_rust_test()),
        (format!("{id}.txt"), format!("{finding}\n")),
    ];
    if let Some(scenario) = finding.to_scenario() {
        forms.push((format!("{id}.scn"), scenario));
    }
    let texts = forms.into_iter().map(|(name, text)| (name, text.into_bytes()));
    let trace = finding.to_trace().map(|bytes| (format!("{id}.frt"), bytes));
    let mut written = Vec::new();
    for (name, bytes) in texts.chain(trace) {
        let path = directory.join(name);
        files::write_all(&path, true, &bytes)?;
        written.push(path);
    }
    Ok(written)
}

/// What begins the name of each file of a corpus that this command wrote.
const CORPUS_PREFIX: &str = "program-";

/// The programs of a corpus, in the order of their files' names.
fn read_corpus(directory: &Path) -> Result<Vec<Vec<Program>>, Failure> {
    files::create_directory(directory)?;
    let paths = files::list(directory, "json")?;
    paths.iter().map(|path| Ok(read_case(path)?.clients)).collect()
}

/// Replaces the programs that an earlier run wrote by the fewest that reach everything; files of
/// other names stay. Each file is whole at any time.
fn keep_corpus(directory: &Path, campaign: &Campaign) -> Result<(usize, usize), Failure> {
    let corpus = campaign.corpus();
    let mut names = BTreeSet::new();
    for programs in corpus.minimised() {
        let case = campaign.case_of(programs.to_vec());
        let name = format!("{CORPUS_PREFIX}{:016x}.json", case.digest());
        files::replace(&directory.join(&name), case.to_json().as_bytes())?;
        names.insert(name);
    }
    for path in files::list(directory, "json")? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(CORPUS_PREFIX) && !names.contains(&name) {
            files::remove(&path)?;
        }
    }
    Ok((names.len(), corpus.reached()))
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = files::read_all(path)?;
    String::from_utf8(bytes).map_err(|error| Failure::input(path, &error))
}

/// A tree that can be made.
fn read_tree(path: &Path) -> Result<String, Failure> {
    let text = read_text(path)?;
    match MemFs::from_tree(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::at(path, &text, (error.line, error.column), &error)),
    }
}

fn read_case(path: &Path) -> Result<Case, Failure> {
    Case::from_json(&read_text(path)?).map_err(|error| Failure::input(path, &error))
}
