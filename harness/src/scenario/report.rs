//! What a run of a scenario found.

use std::collections::BTreeMap;

use fuserig_abi::Abi;

/// Something that is not as the file says.
///
/// ```
/// use fuserig::scenario::Failure;
/// let failure = Failure { line: 7, what: "returned 0, not ENOENT".to_owned() };
/// assert_eq!(failure.to_string(), "line 7: returned 0, not ENOENT");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The line of the file that says otherwise.
    pub line: usize,
    /// What came instead.
    pub what: String,
}

impl core::fmt::Display for Failure {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "line {}: {}", self.line, self.what)
    }
}

/// One run of a scenario under one ABI.
///
/// ```
/// use fuserig::scenario::{Scenario, run};
/// let scenario = Scenario::parse("lower\n  /a 'hi'\nrun\n  cat(\"/a\") = \"hi\"\n")?;
/// let report = run(&scenario, scenario.abis[0], &|spec| Err(format!("no {spec}"))).unwrap();
/// assert!(report.failures.is_empty());
/// assert_eq!(report.steps, 1);
/// # Ok::<(), fuserig::scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioReport {
    /// The ABI version that was modelled.
    pub abi: Abi,
    /// Steps that ran.
    pub steps: usize,
    /// Everything that is not as the file says, in the order it was found.
    pub failures: Vec<Failure>,
    /// Quirks that were hit, and how often.
    pub quirks: BTreeMap<String, u64>,
    /// What each step caused, with the line of the step: calls of members, printed lines and
    /// quirks, in the words of a scenario, so that they can be put below the step.
    pub caused: Vec<(usize, Vec<String>)>,
}
