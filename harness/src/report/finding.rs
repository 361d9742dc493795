//! One finding: what is wrong, where, the smallest case, and how to see it again.

use core::fmt;

use super::Lanes;

/// What kind of thing was found (DESIGN, "Findings").
///
/// ```
/// use fuserig::report::FindingClass;
/// assert_eq!(FindingClass::AbiBreak.name(), "abi-break");
/// assert_eq!(FindingClass::from_name("deadlock"), Some(FindingClass::Deadlock));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingClass {
    /// An invariant or an oracle does not hold.
    Violation,
    /// A replay or a second arm went another way.
    Divergence,
    /// The modelled kernel crashed.
    Crash,
    /// A known oddity of the modelled kernel was hit.
    Quirk,
    /// Requests wait for each other for ever.
    Deadlock,
    /// Something is still held after its owner is gone.
    Leak,
    /// A filter did what its engine or the verifier forbids.
    Trap,
    /// A filter does not build, load, verify or decide the same on another ABI.
    AbiBreak,
}

impl FindingClass {
    /// Every class in the order of the declaration.
    pub const ALL: [FindingClass; 8] = [
        FindingClass::Violation,
        FindingClass::Divergence,
        FindingClass::Crash,
        FindingClass::Quirk,
        FindingClass::Deadlock,
        FindingClass::Leak,
        FindingClass::Trap,
        FindingClass::AbiBreak,
    ];

    /// The word in every report form.
    pub const fn name(self) -> &'static str {
        match self {
            FindingClass::Violation => "violation",
            FindingClass::Divergence => "divergence",
            FindingClass::Crash => "crash",
            FindingClass::Quirk => "quirk",
            FindingClass::Deadlock => "deadlock",
            FindingClass::Leak => "leak",
            FindingClass::Trap => "trap",
            FindingClass::AbiBreak => "abi-break",
        }
    }

    /// The class with that word.
    pub fn from_name(name: &str) -> Option<FindingClass> {
        FindingClass::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl fmt::Display for FindingClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How bad a finding is. Only errors make a check fail.
///
/// ```
/// use fuserig::report::Severity;
/// assert!(Severity::Error > Severity::Warning && Severity::Warning > Severity::Note);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nobody breaks.
    Note,
    /// Somebody may break; nothing fails.
    Warning,
    /// The check fails.
    Error,
}

impl Severity {
    /// The word in every report form.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }

    /// The severity with that word.
    pub fn from_name(name: &str) -> Option<Severity> {
        let all = [Severity::Note, Severity::Warning, Severity::Error];
        all.into_iter().find(|severity| severity.name() == name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A place in a file.
///
/// ```
/// use fuserig::report::Location;
/// assert_eq!(Location::line("filter.c", 12).to_string(), "filter.c:12");
/// assert_eq!(Location::file("git.frt").to_string(), "git.frt");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The path as the user gave it.
    pub file: String,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The column, counted from 1.
    pub column: Option<u32>,
}

impl Location {
    /// A whole file.
    pub fn file(file: impl Into<String>) -> Location {
        Location { file: file.into(), line: None, column: None }
    }

    /// A line of a file, counted from 1.
    pub fn line(file: impl Into<String>, line: u32) -> Location {
        Location { line: Some(line), ..Location::file(file) }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, ":{line}:{column}"),
            (Some(line), None) => write!(f, ":{line}"),
            (None, _) => Ok(()),
        }
    }
}

/// The smallest input that still shows the finding, as a value and never as a seed.
///
/// ```
/// use fuserig::report::MinimalCase;
/// let case = MinimalCase { form: "scenario".into(), text: "open /a r\n".into() };
/// assert_eq!(case.form, "scenario");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinimalCase {
    /// What the text is: `scenario`, `trace`, `calls`, `abi`.
    pub form: String,
    /// The case.
    pub text: String,
}

/// One of two things that should have been equal.
///
/// ```
/// use fuserig::report::Side;
/// assert_eq!(Side { label: "v3".into(), text: "ENOENT".into() }.label, "v3");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Side {
    /// Who says so: `recorded`, `v3`, `host`.
    pub label: String,
    /// What it says.
    pub text: String,
}

/// Both sides of a difference.
///
/// ```
/// use fuserig::report::{Finding, FindingClass};
/// let finding = Finding::new(FindingClass::Divergence, "result", "close", "another errno")
///     .between(("recorded", "0"), ("replayed", "EIO"));
/// assert_eq!(finding.sides.expect("both").actual.text, "EIO");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sides {
    /// What was expected.
    pub expected: Side,
    /// What was seen.
    pub actual: Side,
}

/// Why a finding does not count although it is there.
///
/// ```
/// use fuserig::report::Suppression;
/// let known = Suppression { reason: "ships with 2.0".into(), until: Some("2027-01-31".into()) };
/// assert!(known.until.is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suppression {
    /// The reason that somebody wrote down.
    pub reason: String,
    /// The last day it holds, `YYYY-MM-DD`.
    pub until: Option<String>,
}

/// One finding.
///
/// ```
/// use fuserig::report::{Finding, FindingClass, Severity};
/// let finding = Finding::new(
///     FindingClass::Violation,
///     "never-visible",
///     "/.secret",
///     "a hidden name was seen",
/// )
/// .message("getdents of / returned `.secret`")
/// .step(17)
/// .reproduce("fuserig run hidden.scn");
/// assert_eq!(finding.id, "never-visible:/.secret");
/// assert_eq!((finding.severity, finding.is_failure()), (Severity::Error, true));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Stable from run to run: the rule, a colon, and the subject. Suppressions name it.
    pub id: String,
    /// The rule that found it, a word with dashes.
    pub rule: String,
    /// What it is about: a member, a path, a call.
    pub subject: String,
    /// What kind of thing it is.
    pub class: FindingClass,
    /// How bad it is.
    pub severity: Severity,
    /// One line without a full stop.
    pub title: String,
    /// Sentences: who breaks and why.
    pub message: String,
    /// Where it is.
    pub location: Option<Location>,
    /// The first step that went another way, counted from 1.
    pub step: Option<u64>,
    /// Both sides of a difference.
    pub sides: Option<Sides>,
    /// The smallest case that shows it.
    pub case: Option<MinimalCase>,
    /// What the clients of that case did.
    pub lanes: Option<Lanes>,
    /// The command that shows it again.
    pub reproduce: Option<String>,
    /// Words and values that belong to the class, in the order of insertion.
    pub facts: Vec<(String, String)>,
    /// Set when somebody decided to live with it.
    pub suppressed: Option<Suppression>,
}

impl Finding {
    /// An error with an id made from rule and subject.
    pub fn new(
        class: FindingClass,
        rule: impl Into<String>,
        subject: impl Into<String>,
        title: impl Into<String>,
    ) -> Finding {
        let (rule, subject) = (rule.into(), subject.into());
        Finding {
            id: format!("{rule}:{subject}"),
            rule,
            subject,
            class,
            severity: Severity::Error,
            title: title.into(),
            message: String::new(),
            location: None,
            step: None,
            sides: None,
            case: None,
            lanes: None,
            reproduce: None,
            facts: Vec::new(),
            suppressed: None,
        }
    }

    /// With another severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Finding {
        self.severity = severity;
        self
    }

    /// With sentences that say who breaks and why.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Finding {
        self.message = message.into();
        self
    }

    /// With a place.
    #[must_use]
    pub fn at(mut self, location: Location) -> Finding {
        self.location = Some(location);
        self
    }

    /// With the first step that went another way, counted from 1.
    #[must_use]
    pub fn step(mut self, step: u64) -> Finding {
        self.step = Some(step);
        self
    }

    /// With what was expected and what was seen, each as a label and a text.
    #[must_use]
    pub fn between(mut self, expected: (&str, &str), actual: (&str, &str)) -> Finding {
        let side = |(label, text): (&str, &str)| Side { label: label.into(), text: text.into() };
        self.sides = Some(Sides { expected: side(expected), actual: side(actual) });
        self
    }

    /// With the smallest case; `form` says what the text is.
    #[must_use]
    pub fn case(mut self, form: impl Into<String>, text: impl Into<String>) -> Finding {
        self.case = Some(MinimalCase { form: form.into(), text: text.into() });
        self
    }

    /// With the steps of the clients.
    #[must_use]
    pub fn lanes(mut self, lanes: Lanes) -> Finding {
        self.lanes = Some(lanes);
        self
    }

    /// With the command that shows it again.
    #[must_use]
    pub fn reproduce(mut self, command: impl Into<String>) -> Finding {
        self.reproduce = Some(command.into());
        self
    }

    /// With one more fact.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Finding {
        self.facts.push((name.into(), value.into()));
        self
    }

    /// Suppressed for a reason, until a day if one is given.
    #[must_use]
    pub fn suppress(mut self, suppression: Suppression) -> Finding {
        self.suppressed = Some(suppression);
        self
    }

    /// Whether it makes its check fail.
    pub fn is_failure(&self) -> bool {
        self.severity == Severity::Error && self.suppressed.is_none()
    }
}
