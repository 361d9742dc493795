//! Numbers, helpers, and behaviour in words.

use super::names::matched;
use super::ops::LIMIT;
use super::{Change, Rungs, Touches};
use crate::spec::{AbiSpec, CodeSpec, ConstantSpec, EnumSpec};

const NONE: (Rungs, Rungs) = (Rungs::empty(), Rungs::empty());
const SOURCE: (Rungs, Rungs) = same(Rungs::SOURCE);
const VERIFY: (Rungs, Rungs) = same(Rungs::VERIFY);
const BEHAVIOUR: (Rungs, Rungs) = same(Rungs::BEHAVIOUR);
const SOURCE_BEHAVIOUR: (Rungs, Rungs) = same(Rungs::SOURCE.union(Rungs::BEHAVIOUR));
const COMPILED_IN: &str = "The number is compiled into the filter and means something else.";

const fn same(rungs: Rungs) -> (Rungs, Rungs) {
    (rungs, rungs)
}

/// Named enumerations.
pub(super) fn enums(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let found = matched(&old.enums, &new.enums, |set| &set.name, |_, _| false);
    for gone in found.removed.iter().filter(|set| !set.name.is_empty()) {
        changes.push(
            Change::new("enum-removed", &gone.name, format!("`enum {}` is gone", gone.name))
                .sides(format!("{} values", gone.values.len()), "")
                .touches(Touches::Numbers(vec![gone.name.clone()]))
                .forward(SOURCE, "Source that names it does not compile.")
                .backward(NONE, "New filters do not use it."),
        );
    }
    for added in found.added.iter().filter(|set| !set.name.is_empty()) {
        changes.push(
            Change::new("enum-added", &added.name, format!("`enum {}` is new", added.name))
                .sides("", format!("{} values", added.values.len()))
                .touches(Touches::Numbers(vec![added.name.clone()]))
                .forward(NONE, "Old filters do not use it.")
                .backward(SOURCE, "Source that names it does not compile."),
        );
    }
    for (before, after) in &found.common {
        enumerators(before, after, changes);
    }
}

fn enumerators(before: &EnumSpec, after: &EnumSpec, changes: &mut Vec<Change>) {
    let renamed = |was: &(String, i128), is: &(String, i128)| was.1 == is.1;
    let found = matched(&before.values, &after.values, |value| &value.0, renamed);
    let change = |rule, name: &str, title: String| {
        Change::new(rule, format!("{}.{name}", after.name), title)
            .touches(Touches::Numbers(vec![name.to_owned()]))
    };
    if before.size != after.size {
        changes.push(
            Change::new("enum-size", &after.name, "a variable of it has another width")
                .sides(format!("{} bytes", before.size), format!("{} bytes", after.size))
                .touches(Touches::Numbers(vec![after.name.clone()]))
                .both(BEHAVIOUR, "Values are cut off or read with other bytes."),
        );
    }
    for (name, value) in &found.removed {
        changes.push(
            change("enumerator-removed", name, format!("`{name}` is gone"))
                .sides(value, "")
                .forward(SOURCE_BEHAVIOUR, "The kernel no longer knows the number.")
                .backward(NONE, "New filters do not use it."),
        );
    }
    for (was, is) in &found.renamed {
        changes.push(
            change("enumerator-renamed", &was.0, format!("`{}` is now `{}`", was.0, is.0))
                .sides(&was.0, &is.0)
                .both(SOURCE, "The number is the same; source names it otherwise."),
        );
    }
    for (name, value) in &found.added {
        changes.push(
            change("enumerator-added", name, format!("`{name}` is new"))
                .sides("", value)
                .forward(NONE, "Old filters do not use it.")
                .backward(SOURCE_BEHAVIOUR, "The old kernel does not know the number."),
        );
    }
    for (was, is) in found.common.iter().filter(|(was, is)| was.1 != is.1) {
        changes.push(
            change("enumerator-renumbered", &is.0, format!("`{}` is another number", is.0))
                .sides(was.1, is.1)
                .both(BEHAVIOUR, COMPILED_IN),
        );
    }
}

/// Named numbers that are no enumerators.
pub(super) fn constants(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let renamed = |was: &ConstantSpec, is: &ConstantSpec| {
        was.value == is.value && was.group == is.group && was.group != "limit"
    };
    let found = matched(&old.constants, &new.constants, |constant| &constant.name, renamed);
    let change = |rule, name: &str, title: String| {
        Change::new(rule, name, title).touches(Touches::Numbers(vec![name.to_owned()]))
    };
    let is_seen = |constant: &&&ConstantSpec| constant.name != LIMIT;
    for gone in found.removed.iter().filter(is_seen) {
        changes.push(
            change("constant-removed", &gone.name, format!("`{}` is gone", gone.name))
                .sides(gone.value, "")
                .forward(SOURCE, "Source that names it does not compile.")
                .backward(NONE, "New filters do not use it."),
        );
    }
    for added in found.added.iter().filter(is_seen) {
        changes.push(
            change("constant-added", &added.name, format!("`{}` is new", added.name))
                .sides("", added.value)
                .forward(NONE, "Old filters do not use it.")
                .backward(SOURCE, "Source that names it does not compile."),
        );
    }
    for (was, is) in &found.renamed {
        changes.push(
            change("constant-renamed", &was.name, format!("it is now `{}`", is.name))
                .sides(&was.name, &is.name)
                .both(SOURCE, "The number is the same; source names it otherwise."),
        );
    }
    let common = found.common.iter().filter(|(was, is)| was.value != is.value);
    for (was, is) in common.filter(|(_, is)| is.name != LIMIT) {
        changes.push(
            change("constant-changed", &is.name, format!("`{}` is another number", is.name))
                .sides(was.value, is.value)
                .both(BEHAVIOUR, COMPILED_IN),
        );
    }
}

/// Return codes.
pub(super) fn codes(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let renamed = |was: &CodeSpec, is: &CodeSpec| was.value.is_some() && was.value == is.value;
    let found = matched(&old.codes, &new.codes, |code| &code.name, renamed);
    let change = |rule, code: &CodeSpec, title: String| {
        Change::new(rule, &code.name, title).touches(Touches::Numbers(vec![code.name.clone()]))
    };
    let number = |code: &CodeSpec| match code.value {
        Some(value) => value.to_string(),
        None => code.range.clone(),
    };
    let no_meaning = |code: &CodeSpec| {
        format!("A filter that returns {} gets what an unknown code gets.", number(code))
    };
    for gone in &found.removed {
        let now = "A number that had no meaning is one that a new filter returns at most by \
                   mistake; on the old ABI it means something.";
        changes.push(
            change("code-removed", gone, format!("`{}` is gone", gone.name))
                .sides(number(gone), "")
                .forward(SOURCE_BEHAVIOUR, no_meaning(gone))
                .backward(BEHAVIOUR, now),
        );
    }
    for added in &found.added {
        let now = format!(
            "A filter that returned {} by mistake had it ignored; now it means something.",
            number(added)
        );
        changes.push(
            change("code-added", added, format!("`{}` is new", added.name))
                .sides("", number(added))
                .forward(BEHAVIOUR, now)
                .backward(SOURCE_BEHAVIOUR, no_meaning(added)),
        );
    }
    for (was, is) in &found.renamed {
        changes.push(
            change("code-renamed", was, format!("it is now `{}`", is.name))
                .sides(&was.name, &is.name)
                .both(SOURCE, "The number is the same; source names it otherwise."),
        );
        meaning(was, is, changes);
    }
    for (was, is) in &found.common {
        if was.value != is.value {
            changes.push(
                change("code-renumbered", is, format!("`{}` is another number", is.name))
                    .sides(number(was), number(is))
                    .both(BEHAVIOUR, COMPILED_IN),
            );
        } else if was.range != is.range {
            let who = "The codes at the border are judged by themselves.";
            changes.push(
                change("code-range", is, "the range has another border".to_owned())
                    .sides(&was.range, &is.range)
                    .both(NONE, who),
            );
        }
        meaning(was, is, changes);
    }
}

fn meaning(was: &CodeSpec, is: &CodeSpec, changes: &mut Vec<Change>) {
    for (stage, old, new) in [("pre", &was.pre, &is.pre), ("post", &was.post, &is.post)] {
        if old != new {
            changes.push(
                Change::new(
                    "code-meaning",
                    format!("{}.{stage}", is.name),
                    format!("`{}` does something else in the {stage}filter stage", is.name),
                )
                .sides(old, new)
                .touches(Touches::Numbers(vec![is.name.clone()]))
                .both(BEHAVIOUR, "A filter that returns it gets another outcome, silently."),
            );
        }
    }
}

/// The set of helpers.
pub(super) fn helpers(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let refused = "The verifier refuses a program that calls it: \"unknown func\".";
    for gone in old.helpers.difference(&new.helpers) {
        changes.push(
            Change::new("helper-removed", gone, format!("`{gone}` may no longer be called"))
                .sides("allowed", "")
                .touches(Touches::Helper(gone.clone()))
                .forward(VERIFY, refused)
                .backward(NONE, "New filters do not call it."),
        );
    }
    for added in new.helpers.difference(&old.helpers) {
        changes.push(
            Change::new("helper-added", added, format!("`{added}` may be called now"))
                .sides("", "allowed")
                .touches(Touches::Helper(added.clone()))
                .forward(NONE, "Old filters do not call it.")
                .backward(VERIFY, refused),
        );
    }
}

/// Rules in words and quirks.
pub(super) fn rules(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let found = matched(&old.rules, &new.rules, |rule| &rule.name, |_, _| false);
    let who = "Filters load and see or cause something else where this rule is met.";
    let mut push = |rule, name: &str, title: &str, old: &str, new: &str| {
        let change = Change::new(rule, name, title).sides(old, new).both(BEHAVIOUR, who);
        changes.push(change);
    };
    for gone in &found.removed {
        push("rule-removed", &gone.name, "a rule no longer holds", &gone.text, "");
    }
    for added in &found.added {
        push("rule-added", &added.name, "a rule is new", "", &added.text);
    }
    for (was, is) in found.common.iter().filter(|(was, is)| was.text != is.text) {
        push("rule-changed", &is.name, "a rule is another", &was.text, &is.text);
    }
    let found = matched(&old.quirks, &new.quirks, |quirk| &quirk.id, |_, _| false);
    for gone in &found.removed {
        push("quirk-removed", &gone.id, "a quirk is gone", &gone.text, "");
    }
    for added in &found.added {
        push("quirk-added", &added.id, "a quirk is new", "", &added.text);
    }
    let is_other = |(was, is): &&(&crate::spec::QuirkSpec, &crate::spec::QuirkSpec)| {
        (&was.class, &was.text) != (&is.class, &is.text)
    };
    for (was, is) in found.common.iter().filter(is_other) {
        push("quirk-changed", &is.id, "a quirk is another", &was.text, &is.text);
    }
}
