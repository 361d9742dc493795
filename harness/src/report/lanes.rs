//! The steps of several clients, side by side.

use super::FilterCall;

/// What several clients did, in the order they did it.
///
/// ```
/// use fuserig::report::{LaneStep, Lanes};
/// let step = LaneStep { lane: 0, call: "unlink /a".into(), ..LaneStep::default() };
/// let lanes = Lanes { names: vec!["client 1".into()], steps: vec![step] };
/// assert_eq!(lanes.steps[0].lane, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lanes {
    /// The clients, from left to right.
    pub names: Vec<String>,
    /// Their steps.
    pub steps: Vec<LaneStep>,
}

/// What one client did until another was let in.
///
/// ```
/// let step = fuserig::report::LaneStep { goes_on: true, ..Default::default() };
/// assert!(step.result.is_none() && !step.blamed);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LaneStep {
    /// Whose it is, counted from 0.
    pub lane: usize,
    /// The system call.
    pub call: String,
    /// Whether the call began in an earlier step.
    pub goes_on: bool,
    /// Where in the pipeline it was, in order.
    pub stages: Vec<String>,
    /// The calls of filters in it.
    pub filter_calls: Vec<FilterCall>,
    /// What the call returned; none while another client moves first.
    pub result: Option<String>,
    /// Whether this is the call that the finding is about.
    pub blamed: bool,
}
