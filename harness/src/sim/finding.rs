//! What a simulation says: a finding with its minimal case, or what a green result covered.

use core::fmt;

use fuserig_abi::Verdict;

use super::{Bound, Case, Coverage, RunRecord, SchedulerKind, Seed};
use crate::invariant::Violation;
use crate::shrink::Minimality;

/// What kind of thing was found.
///
/// ```
/// use fuserig::sim::Class;
/// assert_eq!(Class::of("no_crash"), Class::Crash);
/// assert_eq!(Class::of("read_only").to_string(), "violation");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// An invariant does not hold.
    Violation,
    /// Two arms differ.
    Divergence,
    /// The modelled kernel crashed.
    Crash,
    /// An engine stopped the filter, or code of Rust panicked.
    Trap,
    /// Clients wait for each other, or a call never returns.
    Deadlock,
    /// Something is left that nobody frees.
    Leak,
    /// The same case ran differently the second time.
    Nondeterminism,
}

impl Class {
    /// The class of what an invariant of that name finds.
    pub fn of(invariant: &str) -> Class {
        match invariant {
            "no_crash" => Class::Crash,
            "no_trap" | "no_panic" => Class::Trap,
            "no_deadlock" | "no_hang" | "step_limit" => Class::Deadlock,
            "no_leak" | "balance" => Class::Leak,
            "transparent" | "twins_agree" | "agrees_with" | "no_interference" => Class::Divergence,
            "deterministic" => Class::Nondeterminism,
            _ => Class::Violation,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Violation => "violation",
            Class::Divergence => "divergence",
            Class::Crash => "crash",
            Class::Trap => "trap",
            Class::Deadlock => "deadlock",
            Class::Leak => "leak",
            Class::Nondeterminism => "nondeterminism",
        })
    }
}

/// Something that was found, shrunk.
///
/// ```
/// use fuserig::prelude::*;
/// let finding = Simulation::new(Seed(7))
///     .run(Subject::without_filter(Abi::V4).over("/.secret 'no'"))
///     .check(invariant::never_visible(".secret"))
///     .result()
///     .unwrap_err();
/// assert_eq!(finding.violation.invariant, "never_visible");
/// assert!(finding.case.operations() <= 2);
/// ```
#[derive(Clone, Debug)]
pub struct Finding {
    /// What kind.
    pub class: Class,
    /// What does not hold.
    pub violation: Violation,
    /// The minimal case.
    pub case: Case,
    /// What happens in it, with every step.
    pub record: Box<RunRecord>,
    /// The seed of the simulation.
    pub seed: Seed,
    /// Which of its runs.
    pub run: u64,
    /// Invariants that the command line required besides those that fit.
    pub required: Vec<String>,
    /// How many operations the case had that was found.
    pub operations_found: usize,
    /// How the shrinker knows that it is minimal.
    pub minimality: Minimality,
}

impl Finding {
    /// A name for files: the invariant and a digest of the minimal case.
    pub fn id(&self) -> String {
        let mut mixer = super::Mixer::new(0);
        mixer.bytes(self.case.to_json().as_bytes());
        format!("{}-{:08x}", self.violation.invariant, mixer.finish() as u32)
    }

    /// The command that shows it again; none for a filter that the command line cannot name.
    pub fn command(&self) -> Option<String> {
        if self.case.filter.is_empty() {
            return None;
        }
        let mut command = format!("fuserig fuzz '{}' --case {}.json", self.case.filter, self.id());
        if self.case.mounted {
            command.push_str(" --mounted");
        }
        for required in &self.required {
            command.push_str(&format!(" --require '{required}'"));
        }
        Some(command)
    }

    /// A test in Rust that holds the case and fails as long as the finding stands. What only the
    /// author has, a filter in Rust or a filesystem below, is a name to be put in.
    pub fn to_rust_test(&self) -> String {
        let name = self.id().replace('-', "_");
        let json = self.case.to_json();
        let message = self.violation.message.replace('\n', "\n/// ");
        let check = self.check_text();
        let (subject, filter) = self.subject_text();
        format!(
            "use fuserig::prelude::*;\n\nconst CASE: &str = r##\"{json}\"##;\n\n/// {message}\n\
             #[test]\nfn {name}() {{\n    let case = Case::from_json(CASE).expect(\"stored by \
             fuserig\");\n{subject}    Simulation::of_case(case)\n        .run(subject){check}\n\
             \x20       .or_report();\n}}\n{filter}"
        )
    }

    /// Whether the filter had a daemon asked.
    pub(super) fn asks_a_daemon(&self) -> bool {
        self.record.coverage.verdicts.keys().any(|&(_, code)| {
            matches!(
                Verdict::decode(self.case.abi, code.cast_unsigned()),
                Verdict::User | Verdict::UserPrefilter | Verdict::UserPostfilter
            )
        })
    }

    /// The part of a test that makes the subject, and the filter where its name is enough.
    fn subject_text(&self) -> (String, String) {
        let spec = self.case.filter.as_str();
        let known = fuserig_filters::builtin(spec).is_ok();
        let invariant = &self.violation.invariant;
        let daemon = if self.asks_a_daemon() { ".agreeing_daemon()" } else { "" };
        let mounted = if self.case.mounted { ".mounted()" } else { "" };
        let beside = format!("{daemon}{mounted}");
        let boxed =
            format!("    let subject = Subject::boxed(case.abi, || Some(filter())){beside};\n");
        match spec {
            "none" => {
                let subject =
                    format!("    let subject = Subject::without_filter(case.abi){mounted};\n");
                (subject, String::new())
            }
            spec if known => {
                let made = format!("builtin({spec:?}).expect(\"a filter of the library\")");
                (boxed, format!("\nfn filter() -> Box<dyn Filter> {{\n    {made}\n}}\n"))
            }
            _ => {
                let put = format!("Put the filter under test here; {invariant} does not hold");
                (format!("    // {put} for it.\n{boxed}"), String::new())
            }
        }
    }
}

impl Finding {
    /// The part of a test that asks for the invariant. How a run ends is always judged, so that
    /// there is nothing to ask for; what only the author knows is a name to be put in.
    fn check_text(&self) -> String {
        match self.class {
            Class::Crash | Class::Trap | Class::Deadlock | Class::Nondeterminism => {
                return String::new();
            }
            Class::Violation | Class::Divergence | Class::Leak => {}
        }
        let invariant = self.violation.invariant.as_str();
        let required = |name: &str| {
            let with = self.required.iter().find_map(|text| text.strip_prefix(name));
            with.and_then(|rest| rest.strip_prefix(':'))
        };
        let arguments = match (invariant, &self.case.crash) {
            ("durable", Some(crash)) => format!("Durability::{:?}", crash.durability),
            ("durable", None) => "Durability::Ordered".to_owned(),
            ("never_visible", _) => match required("never_visible") {
                Some(name) => format!("{name:?}"),
                None => "HIDDEN".to_owned(),
            },
            ("no_interference", _) => "is_hidden".to_owned(),
            ("twins_agree", _) => "other_filter".to_owned(),
            ("agrees_with", _) => "&right_subject()".to_owned(),
            ("cost_bound", _) => "COST_MAX".to_owned(),
            _ => String::new(),
        };
        format!("\n        .check(invariant::{invariant}({arguments}))")
    }
}

/// What a simulation without findings covered.
///
/// ```
/// use fuserig::prelude::*;
/// let summary = Simulation::new(Seed(1)).runs(2).operations(10)
///     .run(Subject::without_filter(Abi::V4))
///     .or_report();
/// assert_eq!((summary.runs, summary.operations), (2, 20));
/// assert!(summary.to_string().starts_with("2 runs, 20 operations"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Summary {
    /// Runs.
    pub runs: u64,
    /// System calls.
    pub operations: u64,
    /// Steps of the scheduler.
    pub steps: u64,
    /// Faults that happened.
    pub faults: u64,
    /// States after a loss of power that were mounted and judged.
    pub crashes: u64,
    /// Which scheduler.
    pub scheduler: SchedulerKind,
    /// What was tried, when every schedule of each program was to be.
    pub schedules: Option<Schedules>,
    /// The least chance of each run to find a bug of its depth, with PCT.
    pub bound: Option<Bound>,
    /// Runs that were short enough for the bound to hold.
    pub runs_within: u64,
    /// What was reached.
    pub coverage: Coverage,
    /// A digest over the digests of all runs.
    pub digest: u64,
}

/// How many schedules an exhaustive search ran, and how many there are.
///
/// ```
/// use fuserig::sim::Schedules;
/// let schedules = Schedules { programs: 1, complete: 1, executions: 14, interleavings: 3432 };
/// assert_eq!(schedules.to_string(), "exhaustive: 14 executions of 3432 (reduced)");
/// let bounded = Schedules { programs: 2, ..schedules };
/// assert!(bounded.to_string().starts_with("bounded: 14 executions of 3432"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Schedules {
    /// Programs, one a run.
    pub programs: u64,
    /// Those of which every schedule was covered.
    pub complete: u64,
    /// Executions that it took.
    pub executions: u64,
    /// Interleavings of their steps; saturates. Those that differ only in the order of steps that
    /// touch nothing in common are covered by one execution.
    pub interleavings: u128,
}

impl Schedules {
    /// Whether every schedule of every program was covered.
    pub fn is_exhaustive(&self) -> bool {
        self.programs == self.complete
    }
}

impl fmt::Display for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Schedules { programs, complete, executions, interleavings } = self;
        let word = if self.is_exhaustive() { "exhaustive" } else { "bounded" };
        write!(f, "{word}: {executions} executions of ")?;
        match interleavings {
            0..1_000_000_000_000 => write!(f, "{interleavings}")?,
            &u128::MAX => f.write_str("more than 10^38")?,
            large => write!(f, "10^{}", large.ilog10())?,
        }
        f.write_str(" (reduced)")?;
        if !self.is_exhaustive() {
            write!(f, ", every schedule of {complete} of {programs} programs")?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { runs, operations, steps, faults, crashes, .. } = self;
        write!(f, "{runs} runs, {operations} operations, {steps} steps, {faults} faults; ")?;
        if *crashes > 0 {
            write!(f, "{crashes} crash states; ")?;
        }
        match (self.schedules, self.bound) {
            (Some(schedules), _) => write!(f, "{schedules}; ")?,
            (None, Some(bound)) => {
                let Bound { clients, steps, depth } = bound;
                write!(
                    f,
                    "sampled (pct:{depth}); a bug of depth {depth} is found by a run with a "
                )?;
                write!(f, "chance of at least {bound} (n = {clients}, k = {steps}")?;
                match self.runs_within == *runs {
                    true => f.write_str("); ")?,
                    false => write!(f, "; {} runs were longer); ", runs - self.runs_within)?,
                }
            }
            (None, None) => write!(f, "sampled ({}); ", self.scheduler)?,
        }
        let (slots, quirks) = (self.coverage.slots().len(), self.coverage.quirks.len());
        let verdicts = self.coverage.verdicts.len();
        write!(f, "{slots} slots, {verdicts} verdicts, {quirks} quirks")
    }
}
