//! The gate itself: changes, narrowed to filters, judged by the policy.

use std::collections::BTreeSet;

use fuserig_abi::diff::{AbiDiff, Change, Direction, FilterUse, RULES, Rungs};
use fuserig_abi::spec::AbiSpec;

use super::{Counted, Date, Policy, PolicyLoader, finding_of};
use crate::report::{Check, Finding, FindingClass, Report, Severity};

/// What a gate looks at.
///
/// ```
/// use fuserig::gate::{Date, GateInput, Policy, gate};
/// use fuserig::report::Verdict;
/// use fuserig_abi::diff::FilterUse;
/// use fuserig_abi::spec::AbiSpec;
///
/// let spec = |name| AbiSpec::built_in(name).expect("built in");
/// let policy = Policy::new("v3", vec!["v3-grouped".into()]);
/// let input = GateInput {
///     baseline: spec("v3"),
///     versions: vec![spec("v3-grouped")],
///     filters: vec![FilterUse::of_members("hide", "fuse_ops", ["lookup_prefilter"])],
///     measured: Vec::new(),
///     traces: 0,
///     today: Date::parse("2026-11-25").expect("a day"),
/// };
/// let report = gate(&policy, &input);
/// assert_eq!(report.verdict(), Verdict::Finding);
/// assert!(report.findings().any(|finding| finding.id == "ops-removed:fuse_ops"));
/// ```
#[derive(Clone, Debug)]
pub struct GateInput {
    /// What filters are made for.
    pub baseline: AbiSpec,
    /// What they must run on.
    pub versions: Vec<AbiSpec>,
    /// The filters; none means that every change counts for everybody.
    pub filters: Vec<FilterUse>,
    /// Checks that were made by running: loads and replays.
    pub measured: Vec<Check>,
    /// How many traces were replayed.
    pub traces: u64,
    /// The day that suppressions are judged by.
    pub today: Date,
}

/// Runs every rule over every pair and filter.
pub fn gate(policy: &Policy, input: &GateInput) -> Report {
    let names: Vec<&str> = input.versions.iter().map(|spec| spec.name.as_str()).collect();
    let title = format!("filters for {} on {}", input.baseline.name, names.join(", "));
    let mut report = Report::new("abi gate", title);
    for version in &input.versions {
        let diff = AbiDiff::between(&input.baseline, version);
        let suite = format!("{} on {}", input.baseline.name, version.name);
        if input.filters.is_empty() {
            report.push(Check::new(&suite, "any filter", findings(policy, &diff, None)));
        }
        for filter in &input.filters {
            let found = findings(policy, &diff, Some(filter));
            report.push(Check::new(&suite, &filter.name, found));
        }
    }
    report.checks.extend(input.measured.iter().cloned());
    // Rules are counted when there was a pair to run them on.
    let rules = if input.versions.is_empty() { 0 } else { RULES.len() as u64 };
    let of_filters = if rules == 0 { 0 } else { input.filters.len() as u64 };
    suppress(policy, input.today, &mut report);
    none_of(policy, of_filters, input.traces, &mut report);
    report.count("rules", rules);
    report.count("filters", of_filters);
    report.count("traces", input.traces);
    report
}

fn findings(policy: &Policy, diff: &AbiDiff, filter: Option<&FilterUse>) -> Vec<Finding> {
    let concerned = |change: &&Change| filter.is_none_or(|filter| change.concerns(filter));
    let found =
        diff.changes.iter().filter(concerned).map(|change| {
            finding_of(change, diff).severity(policy.severity(rungs(policy, change)))
        });
    found.collect()
}

/// The rungs of a change that the policy cares for.
fn rungs(policy: &Policy, change: &Change) -> Rungs {
    let of = |direction: Direction| {
        let impact = change.impact(direction);
        match policy.loader {
            PolicyLoader::ByName => impact.by_name,
            PolicyLoader::ByOffset => impact.by_offset,
            PolicyLoader::Any => impact.any(),
        }
    };
    let backward = if policy.backward { of(Direction::Backward) } else { Rungs::empty() };
    of(Direction::Forward) | backward
}

/// Applies suppressions that hold, and reports those that expired or name nothing.
fn suppress(policy: &Policy, today: Date, report: &mut Report) {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for known in &policy.suppressions {
        for check in &mut report.checks {
            for finding in check.findings.iter_mut().filter(|finding| finding.id == known.id) {
                used.insert(&known.id);
                if known.holds_on(today) {
                    finding.suppressed = Some(known.suppression());
                }
            }
        }
    }
    let mut found = Vec::new();
    for known in &policy.suppressions {
        if used.contains(known.id.as_str()) && !known.holds_on(today) {
            found.push(
                Finding::new(
                    FindingClass::AbiBreak,
                    "suppression-expired",
                    &known.id,
                    format!("its suppression held until {}", known.until),
                )
                .message(format!("The reason was: {}", known.reason))
                .severity(Severity::Warning),
            );
        } else if !used.contains(known.id.as_str()) {
            let title = "a suppression that suppresses nothing";
            found.push(
                Finding::new(FindingClass::AbiBreak, "suppression-unused", &known.id, title)
                    .message("Remove it from the policy, or correct the id.")
                    .severity(Severity::Warning),
            );
        }
    }
    if !policy.suppressions.is_empty() {
        report.push(Check::new("policy", "suppressions", found));
    }
}

/// The rule of what a gate says that looked at nothing of a kind.
pub const NOTHING_RAN: &str = "nothing-ran";

/// A run without filters or without traces is a failure, unless the policy says otherwise: a path
/// that matches nothing any more must not make a gate green.
fn none_of(policy: &Policy, filters: u64, traces: u64, report: &mut Report) {
    let counts = [(Counted::Filters, filters), (Counted::Traces, traces)];
    let none =
        counts.into_iter().filter(|(what, count)| *count == 0 && !policy.allow_none.contains(what));
    let found: Vec<Finding> = none
        .map(|(what, _)| {
            let name = what.name();
            let title = format!("there were no {name} to run on");
            let message = format!(
                "Name some, or say that there are none: \"allow_none\": [\"{name}\"] in the \
                 policy, or --allow-none {name}."
            );
            Finding::new(FindingClass::AbiBreak, NOTHING_RAN, name, title)
                .message(message)
                .severity(Severity::Error)
        })
        .collect();
    if !found.is_empty() {
        report.push(Check::new("gate", "what ran", found));
    }
}

/// The line that every run of the gate ends with.
///
/// ```
/// use fuserig::gate::ran;
/// use fuserig::report::Report;
/// let mut report = Report::new("abi gate", "x");
/// report.count("rules", 83);
/// assert_eq!(ran(&report), "83 rules ran on 0 filters and 0 traces");
/// ```
pub fn ran(report: &Report) -> String {
    let count = |what: &str| {
        let found = report.counts.iter().find(|count| count.what == what);
        found.map_or(0, |count| count.number)
    };
    format!(
        "{} rules ran on {} filters and {} traces",
        count("rules"),
        count("filters"),
        count("traces")
    )
}
