//! A change of an ABI as a finding.

use fuserig_abi::diff::{AbiDiff, Change, Direction, Impact};

use crate::report::{Finding, FindingClass, Severity};

/// The finding for a change: an error when built filters fail on the new ABI, a warning when
/// only sources, compiled offsets or new filters on the old ABI do, a note when nobody does.
///
/// ```
/// use fuserig::gate::finding_of;
/// use fuserig_abi::diff::AbiDiff;
/// use fuserig_abi::spec::AbiSpec;
/// let [v3, v4] = ["v3", "v4"].map(|name| AbiSpec::built_in(name).expect("built in"));
/// let diff = AbiDiff::between(&v3, &v4);
/// let finding = finding_of(&diff.changes[0], &diff);
/// assert_eq!(finding.reproduce.as_deref(), Some("fuserig abi diff v3 v4"));
/// ```
pub fn finding_of(change: &Change, diff: &AbiDiff) -> Finding {
    let severity = if !change.forward.by_name.at_run_time().is_empty() {
        Severity::Error
    } else if !(change.forward.any() | change.backward.any()).is_empty() {
        Severity::Warning
    } else {
        Severity::Note
    };
    let sentence = |direction: Direction, impact: &Impact| {
        let label = match direction {
            Direction::Forward => "old filters on the new ABI",
            Direction::Backward => "new filters on the old ABI",
        };
        let rungs = match impact.by_name == impact.by_offset {
            true => impact.by_name.to_string(),
            false => format!("{} by name, {} by offset", impact.by_name, impact.by_offset),
        };
        format!("{label}: {rungs}. {}", impact.who)
    };
    let message: Vec<String> = Direction::ALL
        .into_iter()
        .map(|direction| sentence(direction, change.impact(direction)))
        .chain([format!("upgrade first: {}", change.first().name())])
        .collect();
    Finding::new(FindingClass::AbiBreak, change.rule, &change.subject, &change.title)
        .severity(severity)
        .message(message.join("\n"))
        .between((&diff.old, shown(&change.old)), (&diff.new, shown(&change.new)))
        .fact("upgrade first", change.first().name())
        .reproduce(format!("fuserig abi diff {} {}", diff.old, diff.new))
}

fn shown(side: &str) -> &str {
    if side.is_empty() { "nothing" } else { side }
}
