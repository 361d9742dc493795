//! What came of a case.

use core::fmt;

use fuserig_abi::Quirk;

use crate::pipeline::Stop;

/// The verdict on one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No difference.
    Passed,
    /// At least one difference.
    Failed,
    /// Not comparable here, with the reason.
    Skipped(String),
}

/// One case with its differences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// The name in the record.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Each difference as one line: which system call, what was recorded, what the model did.
    pub differences: Vec<String>,
    /// System calls compared.
    pub calls: usize,
    /// How the model stopped, in a case whose recorded kernel did not come through either.
    pub stop: Option<Stop>,
    /// The quirks that were stepped on, in order of their first time.
    pub quirks: Vec<Quirk>,
}

impl CaseReport {
    /// A case that was not compared.
    pub(super) fn skipped(name: &str, reason: impl Into<String>) -> CaseReport {
        CaseReport {
            name: name.to_owned(),
            verdict: Verdict::Skipped(reason.into()),
            differences: Vec::new(),
            calls: 0,
            stop: None,
            quirks: Vec::new(),
        }
    }
}

impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Passed => {
                write!(f, "passed   {}  ({} system calls", self.name, self.calls)?;
                match self.stop {
                    Some(Stop::Crash(quirk)) => write!(f, ", then a crash as recorded: {quirk})"),
                    Some(Stop::Hang(quirk)) => write!(f, ", then a hang as recorded: {quirk})"),
                    Some(Stop::Unanswered(opcode)) => {
                        write!(f, ", then no answer to {opcode} as recorded)")
                    }
                    None => f.write_str(")"),
                }
            }
            Verdict::Failed => {
                write!(f, "FAILED   {}", self.name)?;
                for difference in &self.differences {
                    write!(f, "\n         {difference}")?;
                }
                Ok(())
            }
            Verdict::Skipped(reason) => write!(f, "skipped  {}: {reason}", self.name),
        }
    }
}
