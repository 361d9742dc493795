//! `fuserig run`.

use std::cell::RefCell;
use std::path::Path;

use fuserig_abi::Abi;
use fuserig_filters::object::declared;

use super::args::RunArgs;
use super::exit::{Ended, Exit, Failure};
use super::maker::{FilterSpec, Findings};
use super::output::{Style, Terminal};
use super::progress::Advance;
use crate::scenario::{RunError, Scenario, ScenarioReport, run};

pub(super) fn run_scenarios(args: &RunArgs, terminal: &mut Terminal) -> Ended {
    let mut tally = Tally::default();
    let swap = args.object.as_deref().map(Swap::read).transpose()?;
    for (at, path) in args.scenarios.iter().enumerate() {
        let (done, total) = (at as u64, Some(args.scenarios.len() as u64));
        terminal.advance(&Advance { what: "ran", unit: "scenarios", done, total });
        let text = std::fs::read_to_string(path).map_err(|error| Failure::input(path, &error))?;
        let scenario = Scenario::parse(&text)
            .map_err(|error| Failure::at(path, &text, (error.line, error.column), &error))?;
        let abis = match args.abi {
            Some(abi) => vec![abi],
            None => scenario.abis.clone(),
        };
        for abi in abis {
            let (report, crossed) = one(args, swap.as_ref(), path, &scenario, abi)?;
            show(path, &scenario, &report, terminal);
            if args.verbose && !terminal.json() {
                show_caused(&text, &report, terminal);
            }
            for findings in crossed {
                tally.disagreements += usize::from(findings.differs());
                if !terminal.json() {
                    for line in findings.lines() {
                        terminal.line(format!("    {line}"));
                    }
                }
            }
            tally.add(path, &report);
        }
    }
    terminal.progress_end();
    tally.close(terminal)
}

/// The filters of an object that stand in for those built in.
struct Swap {
    path: String,
    names: Vec<String>,
}

impl Swap {
    fn read(path: &Path) -> Result<Swap, Failure> {
        let bytes = super::files::read_all(path)?;
        let declared = declared(&bytes).map_err(|error| Failure::input(path, &error))?;
        let names = declared.ops.into_iter().map(|ops| ops.variable).collect();
        Ok(Swap { path: path.display().to_string(), names })
    }

    /// The specification to use for the one that a file writes.
    fn of(&self, spec: &str) -> Option<String> {
        let has = self.names.iter().any(|name| name == spec);
        has.then(|| format!("{}:{spec}", self.path))
    }
}

/// Runs one scenario on one version; a disagreement of two engines is one more failure.
fn one(
    args: &RunArgs,
    swap: Option<&Swap>,
    path: &Path,
    scenario: &Scenario,
    abi: Abi,
) -> Result<(ScenarioReport, Vec<Findings>), Failure> {
    let crossed: RefCell<Vec<Findings>> = RefCell::default();
    // Native filters run as they are beside an object on another engine.
    let swapped = |spec: &str| swap.and_then(|swap| swap.of(spec));
    let make = |spec: &str| match FilterSpec::read(swapped(spec).as_deref().unwrap_or(spec))? {
        object @ FilterSpec::Object { .. } => object.on(abi, args.engine),
        other => Ok((other.maker_or_fail(abi)?.make(), None)),
    };
    let resolve = |spec: &str| match make(spec) {
        Ok((Some(filter), findings)) => {
            crossed.borrow_mut().extend(findings);
            Ok(filter)
        }
        Ok((None, _)) => Err("`none` is no filter; leave `filter=` out of `mount`".to_owned()),
        Err(failure) => Err(failure.message),
    };
    let report = run(scenario, abi, &resolve).map_err(|error| match error {
        RunError::Filter { .. } => Failure::input(path, &error),
        RunError::Mount(_) => Failure::input(path, &error),
    })?;
    Ok((report, crossed.into_inner()))
}

fn show(path: &Path, scenario: &Scenario, report: &ScenarioReport, terminal: &mut Terminal) {
    if terminal.json() {
        return;
    }
    let good = report.failures.is_empty();
    let (word, style) = if good { ("ok", Style::Good) } else { ("FAILED", Style::Bad) };
    let word = terminal.styled(style, &format!("{word:<6}"));
    let title = if scenario.title.is_empty() { "" } else { &scenario.title };
    terminal.line(format!("{word} {:<3} {}  {title}", report.abi.name(), path.display()));
    for failure in &report.failures {
        terminal.line(format!("    {}:{}: {}", path.display(), failure.line, failure.what));
    }
    if !report.quirks.is_empty() {
        let quirks: Vec<String> = report
            .quirks
            .iter()
            .map(|(id, count)| if *count == 1 { id.clone() } else { format!("{id} x{count}") })
            .collect();
        let quirks = quirks.join(", ");
        terminal.line(terminal.styled(Style::Dim, &format!("    quirks: {quirks}")));
    }
}

/// Each step as the file has it, and below it what it caused.
fn show_caused(text: &str, report: &ScenarioReport, terminal: &mut Terminal) {
    for (number, lines) in &report.caused {
        let step = text.lines().nth(number.saturating_sub(1)).unwrap_or_default();
        terminal.line(format!("    {}", step.trim()));
        for line in lines {
            terminal.line(terminal.styled(Style::Dim, &format!("      {line}")));
        }
    }
}

/// What all files gave.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    steps: usize,
    rows: Vec<serde_json::Value>,
    again: Option<String>,
    /// Scenarios in which two engines disagreed.
    disagreements: usize,
}

impl Tally {
    fn add(&mut self, path: &Path, report: &ScenarioReport) {
        self.steps += report.steps;
        if report.failures.is_empty() {
            self.passed += 1;
        } else {
            self.failed += 1;
            let command = format!("fuserig run {} --abi {}", path.display(), report.abi.name());
            self.again.get_or_insert(command);
        }
        let failures: Vec<_> = report
            .failures
            .iter()
            .map(|failure| serde_json::json!({ "line": failure.line, "what": failure.what }))
            .collect();
        let caused: Vec<_> = report
            .caused
            .iter()
            .map(|(line, what)| serde_json::json!({ "line": line, "caused": what }))
            .collect();
        self.rows.push(serde_json::json!({
            "file": path.display().to_string(),
            "abi": report.abi.name(),
            "steps": report.steps,
            "failures": failures,
            "quirks": report.quirks,
            "caused": caused,
        }));
    }

    fn close(self, terminal: &mut Terminal) -> Ended {
        if terminal.json() {
            let whole = serde_json::json!({
                "runs": self.rows, "passed": self.passed, "failed": self.failed,
                "disagreements": self.disagreements,
            });
            terminal.line(whole.to_string());
        } else {
            terminal.line(format!("{} passed, {} failed", self.passed, self.failed));
        }
        if self.steps == 0 {
            terminal.note("fuserig: nothing ran: the files have no steps below `run`");
            return Ok(Exit::NothingRan);
        }
        match self.again {
            Some(command) => {
                terminal.note(format!("again: {command}"));
                Ok(Exit::Finding)
            }
            None if self.disagreements > 0 => Ok(Exit::Finding),
            None => Ok(Exit::Agreed),
        }
    }
}
