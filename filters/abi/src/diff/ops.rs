//! Ops types: which exist, how they are attached, and their size; limits and defaults.

use super::names::matched;
use super::{Change, Rungs, Touches, members};
use crate::spec::{AbiSpec, AttachKind, MemberSpec, OpsSpec, STRUCT_OPS_MEMBERS_BASE};

const NONE: Rungs = Rungs::empty();
const SOURCE_LOAD: Rungs = Rungs::SOURCE.union(Rungs::LOAD);
/// The kernel's limit on members, where a description knows it.
pub(super) const LIMIT: &str = "BPF_STRUCT_OPS_MAX_NR_MEMBERS";

/// Types that came, went, or changed.
pub(super) fn compare(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let found = matched(&old.ops, &new.ops, |ops| &ops.name, |_, _| false);
    for gone in &found.removed {
        let who = format!(
            "Every filter of `{}` is refused: the loader finds no such type in the kernel.",
            gone.name
        );
        changes.push(
            Change::new("ops-removed", &gone.name, format!("`struct {}` is gone", gone.name))
                .sides(shape(gone), "")
                .touches(Touches::Ops(gone.name.clone()))
                .forward((SOURCE_LOAD, SOURCE_LOAD), who)
                .backward((NONE, NONE), "New filters do not use it."),
        );
    }
    for added in &found.added {
        let who = format!(
            "Every filter of `{}` is refused: the old kernel does not know the type.",
            added.name
        );
        changes.push(
            Change::new("ops-added", &added.name, format!("`struct {}` is new", added.name))
                .sides("", shape(added))
                .touches(Touches::Ops(added.name.clone()))
                .forward((NONE, NONE), "Old filters do not use it.")
                .backward((SOURCE_LOAD, SOURCE_LOAD), who),
        );
    }
    for (before, after) in &found.common {
        if before.attach != after.attach {
            let who = "A filter is attached in another way, as another kind of program.";
            changes.push(
                Change::new("attach-kind", &after.name, "the way of attaching changed")
                    .sides(before.attach.name(), after.attach.name())
                    .touches(Touches::Ops(after.name.clone()))
                    .both((SOURCE_LOAD, SOURCE_LOAD), who),
            );
            continue;
        }
        size(before, after, changes);
        members::compare(before, after, changes);
    }
}

fn shape(ops: &OpsSpec) -> String {
    format!("{} members, {} bytes", ops.members.len(), ops.size)
}

/// The kernel refuses a map whose value is not as long as the struct.
fn size(before: &OpsSpec, after: &OpsSpec, changes: &mut Vec<Change>) {
    if before.size == after.size {
        return;
    }
    let who = "Loaders that take the length of the struct from the kernel are not concerned; one \
               with a length that was compiled in makes a map that the kernel refuses.";
    changes.push(
        Change::new("ops-size", &after.name, "the struct has another length")
            .sides(format!("{} bytes", before.size), format!("{} bytes", after.size))
            .touches(Touches::Ops(after.name.clone()))
            .both((NONE, Rungs::LOAD), who),
    );
}

/// More members than the kernel can register.
pub(super) fn limits(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let limit = |spec: &AbiSpec| {
        let known = spec.constants.iter().find(|constant| constant.name == LIMIT);
        known.map_or(i128::from(STRUCT_OPS_MEMBERS_BASE), |constant| constant.value)
    };
    let count = |ops: &OpsSpec| i128::try_from(ops.members.len()).unwrap_or(i128::MAX);
    let is_over = |spec: &AbiSpec, ops: &OpsSpec| {
        ops.attach == AttachKind::StructOps && count(ops) > limit(spec)
    };
    let found = matched(&old.ops, &new.ops, |ops| &ops.name, |_, _| false);
    for (before, after) in found.common {
        let (was, is) = (is_over(old, before), is_over(new, after));
        if was == is {
            continue;
        }
        let refused = format!(
            "Nobody can load a filter of `{}`: the kernel registers no type with more than {} \
             members.",
            after.name,
            if is { limit(new) } else { limit(old) }
        );
        let fine = "The type fits the limit of the kernel.";
        let rungs = |refuses| if refuses { (Rungs::LOAD, Rungs::LOAD) } else { (NONE, NONE) };
        let who = |refuses| if refuses { refused.clone() } else { fine.to_owned() };
        changes.push(
            Change::new("members-limit", &after.name, "the limit on members is crossed")
                .sides(
                    format!("{} of {}", before.members.len(), limit(old)),
                    format!("{} of {}", after.members.len(), limit(new)),
                )
                .touches(Touches::Ops(after.name.clone()))
                .forward(rungs(is), who(is))
                .backward(rungs(was), who(was)),
        );
    }
}

/// What a missing member means, and with which opcode a member is called.
pub(super) fn defaults(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let types = matched(&old.ops, &new.ops, |ops| &ops.name, |_, _| false);
    for (before, after) in types.common {
        let found = matched(&before.members, &after.members, |m| &m.name, |_, _| false);
        let mut others: Vec<(&MemberSpec, &MemberSpec)> = Vec::new();
        for (was, is) in found.common {
            if was.missing != is.missing {
                others.push((was, is));
            }
            if was.opcode != is.opcode {
                changes.push(opcode(&after.name, was, is));
            }
        }
        let shift =
            |(was, is): &(&MemberSpec, &MemberSpec)| (was.missing.clone(), is.missing.clone());
        // One decision about all members is one change.
        let alike = others.iter().all(|pair| shift(pair) == shift(&others[0]));
        if alike && others.len() > 1 {
            let (was, is) = others[0];
            let touches = Touches::Ops(after.name.clone());
            changes.push(default(&after.name, "members", (was, is)).touches(touches));
        } else {
            for (was, is) in others {
                let touches = Touches::Missing(after.name.clone(), is.name.clone());
                let subject = format!("{}.{}", after.name, is.name);
                let name = format!("`{}`", is.name);
                changes.push(default(&subject, &name, (was, is)).touches(touches));
            }
        }
    }
}

fn default(subject: &str, what: &str, (was, is): (&MemberSpec, &MemberSpec)) -> Change {
    let text = |missing: &Option<String>| missing.clone().unwrap_or_default();
    let sides = [text(&was.missing), text(&is.missing)];
    let change = Change::new("member-default", subject, format!("leaving {what} out is different"))
        .sides(&sides[0], &sides[1]);
    let mut sorted = sides.clone();
    sorted.sort_unstable();
    if sorted == ["CALL_DEFAULT", "CONTINUE"] {
        // SEMANTICS 2.10: without a default_filter both are the same.
        let who = "Only a filter with a default_filter notices: without one, CALL_DEFAULT is \
                   CONTINUE. Where there is no such member, a filter that sets it is refused.";
        return change.both((NONE, NONE), who);
    }
    let who = format!("A filter that leaves {what} out decides otherwise, silently.");
    change.both((Rungs::BEHAVIOUR, Rungs::BEHAVIOUR), who)
}

fn opcode(ops: &str, was: &MemberSpec, is: &MemberSpec) -> Change {
    let text = |opcode: Option<u32>| opcode.map_or("none".to_owned(), |code| format!("{code:#x}"));
    let who = format!("`{}` is called with another opcode in its meta.", is.name);
    Change::new("member-opcode", format!("{ops}.{}", is.name), "it is called with another opcode")
        .sides(text(was.opcode), text(is.opcode))
        .touches(Touches::Member(ops.to_owned(), is.name.clone()))
        .both((Rungs::BEHAVIOUR, Rungs::BEHAVIOUR), who)
}
