//! A report: the checks that ran, what each found, and how much was looked at.

use core::fmt;

use super::{Finding, Severity, Source, Table};

/// How a check ended.
///
/// ```
/// use fuserig::report::{Check, Outcome};
/// let check = Check::skipped("kernel", "bpf_dummy_ops", "no bpf() here");
/// assert_eq!(check.outcome(), Outcome::Skipped);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It ran and has no failure.
    Passed,
    /// It ran and at least one finding is an error that nobody suppressed.
    Failed,
    /// It could not run.
    Skipped,
}

impl Outcome {
    /// The word in every report form.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
        }
    }
}

/// One thing that was checked.
///
/// ```
/// use fuserig::report::{Check, Finding, FindingClass, Outcome};
/// let leak = Finding::new(FindingClass::Leak, "handle", "open", "a handle is left");
/// assert_eq!(Check::new("leaks", "shell.frt", vec![leak]).outcome(), Outcome::Failed);
/// assert_eq!(Check::new("leaks", "git.frt", Vec::new()).outcome(), Outcome::Passed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The group it belongs to.
    pub suite: String,
    /// Its name within the group.
    pub name: String,
    /// Why it did not run.
    pub skipped: Option<String>,
    /// What it found.
    pub findings: Vec<Finding>,
}

impl Check {
    /// A check that ran.
    pub fn new(suite: impl Into<String>, name: impl Into<String>, findings: Vec<Finding>) -> Check {
        Check { suite: suite.into(), name: name.into(), skipped: None, findings }
    }

    /// A check that could not run, and why.
    pub fn skipped(
        suite: impl Into<String>,
        name: impl Into<String>,
        reason: impl Into<String>,
    ) -> Check {
        Check {
            suite: suite.into(),
            name: name.into(),
            skipped: Some(reason.into()),
            findings: Vec::new(),
        }
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        if self.skipped.is_some() {
            Outcome::Skipped
        } else if self.findings.iter().any(Finding::is_failure) {
            Outcome::Failed
        } else {
            Outcome::Passed
        }
    }
}

/// How much of the space of cases a green result speaks for.
///
/// ```
/// use fuserig::report::Extent;
/// assert_eq!(Extent::Bounded(3).to_string(), "bounded(3)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// Every case there is.
    Exhaustive,
    /// Every case up to a bound.
    Bounded(u64),
    /// So many cases drawn.
    Sampled(u64),
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extent::Exhaustive => f.write_str("exhaustive"),
            Extent::Bounded(bound) => write!(f, "bounded({bound})"),
            Extent::Sampled(cases) => write!(f, "sampled({cases})"),
        }
    }
}

/// How many of something were reached.
///
/// ```
/// use fuserig::report::Count;
/// assert_eq!(Count { what: "rules".into(), number: 44 }.number, 44);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// What is counted, in the plural.
    pub what: String,
    /// How many.
    pub number: u64,
}

/// The answer of a whole report, in the order of the exit codes.
///
/// ```
/// use fuserig::report::{Report, Verdict};
/// assert_eq!(Report::new("abi gate", "nothing").verdict(), Verdict::NothingRan);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// At least one check ran and none failed.
    Agreed,
    /// At least one check failed.
    Finding,
    /// No check ran.
    NothingRan,
}

/// What a command found out.
///
/// ```
/// use fuserig::report::{Check, Report, ReportForm, Verdict};
/// let mut report = Report::new("abi gate", "v3 to v4");
/// report.count("rules", 44);
/// report.push(Check::new("load", "hide.o", Vec::new()));
/// assert_eq!(report.verdict(), Verdict::Agreed);
/// assert!(report.write(ReportForm::Junit).contains("tests=\"1\""));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The command that made it, such as `abi gate`.
    pub command: String,
    /// What was asked, one line.
    pub title: String,
    /// The checks in the order they ran.
    pub checks: Vec<Check>,
    /// How much was looked at.
    pub counts: Vec<Count>,
    /// How much of the space of cases it speaks for, where that is a question.
    pub extent: Option<Extent>,
    /// Figures: what was called, how long it took, what was not reached.
    pub tables: Vec<Table>,
    /// The sources of the filter with their coverage, where its object has line information.
    pub sources: Vec<Source>,
}

impl Report {
    /// A report without checks.
    pub fn new(command: impl Into<String>, title: impl Into<String>) -> Report {
        Report {
            command: command.into(),
            title: title.into(),
            checks: Vec::new(),
            counts: Vec::new(),
            extent: None,
            tables: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// Adds a check.
    pub fn push(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// Adds a count of something that was looked at.
    pub fn count(&mut self, what: impl Into<String>, number: u64) {
        self.counts.push(Count { what: what.into(), number });
    }

    /// Adds a table, unless it has no rows.
    pub fn table(&mut self, table: Table) {
        if !table.rows.is_empty() {
            self.tables.push(table);
        }
    }

    /// All findings in the order of their checks, suppressed ones included.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|check| &check.findings)
    }

    /// How many checks ended like this.
    pub fn outcomes(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome() == outcome).count()
    }

    /// How many findings that nobody suppressed have this severity.
    pub fn active(&self, severity: Severity) -> usize {
        let is_active =
            |finding: &&Finding| finding.severity == severity && finding.suppressed.is_none();
        self.findings().filter(is_active).count()
    }

    /// The answer: zero checks that ran are a failure of their own.
    pub fn verdict(&self) -> Verdict {
        match (self.outcomes(Outcome::Passed), self.outcomes(Outcome::Failed)) {
            (0, 0) => Verdict::NothingRan,
            (_, 0) => Verdict::Agreed,
            (_, _) => Verdict::Finding,
        }
    }

    /// The totals in one line: `12 checks: 10 passed, 1 failed, 1 skipped`.
    pub fn totals(&self) -> String {
        let total = self.checks.len();
        let checks = if total == 1 { "check" } else { "checks" };
        let [passed, failed, skipped] = [Outcome::Passed, Outcome::Failed, Outcome::Skipped]
            .map(|outcome| self.outcomes(outcome));
        format!("{total} {checks}: {passed} passed, {failed} failed, {skipped} skipped")
    }

    /// The counts in one line: `44 rules, 5 filters, 3 traces; exhaustive`.
    pub fn looked_at(&self) -> String {
        let counts: Vec<String> =
            self.counts.iter().map(|count| format!("{} {}", count.number, count.what)).collect();
        let counts = counts.join(", ");
        match self.extent {
            Some(extent) if counts.is_empty() => extent.to_string(),
            Some(extent) => format!("{counts}; {extent}"),
            None => counts,
        }
    }
}
