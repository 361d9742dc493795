//! Members of an ops type: appended, inserted, moved, removed, renamed, and of another kind.

use super::names::{listed, matched};
use super::{Change, Rungs, Touches, prototype};
use crate::spec::{MemberKind, MemberSpec, OpsSpec, TypeRef};

const NONE: Rungs = Rungs::empty();
const SOURCE: Rungs = Rungs::SOURCE;
const LOAD: Rungs = Rungs::LOAD;
const BEHAVIOUR: Rungs = Rungs::BEHAVIOUR;
const SOURCE_LOAD: Rungs = SOURCE.union(LOAD);

pub(super) fn compare(before: &OpsSpec, after: &OpsSpec, changes: &mut Vec<Change>) {
    let same = |was: &MemberSpec, is: &MemberSpec| {
        let place = was.offset == is.offset && was.size == is.size && was.offset.is_some();
        place && bare(&was.kind) == bare(&is.kind)
    };
    let found = matched(&before.members, &after.members, |member| &member.name, same);
    let of = |name: &str| format!("{}.{name}", after.name);
    let touches = |name: &str| Touches::Member(after.name.clone(), name.to_owned());
    for gone in &found.removed {
        changes.push(
            Change::new("member-removed", of(&gone.name), format!("`{}` is gone", gone.name))
                .sides(describe(gone), "")
                .touches(touches(&gone.name))
                .forward(
                    (SOURCE_LOAD, SOURCE_LOAD),
                    format!("Old filters that set `{}` are refused by the loader.", gone.name),
                )
                .backward((NONE, NONE), "New filters do not set it, and the old ABI lets them."),
        );
    }
    for (was, is) in &found.renamed {
        let who = format!(
            "A loader matches by name and finds no `{}` on the other side; offsets still fit.",
            was.name
        );
        changes.push(
            Change::new("member-renamed", of(&was.name), format!("it is now `{}`", is.name))
                .sides(&was.name, &is.name)
                .touches(touches(&was.name))
                .both((SOURCE_LOAD, SOURCE), who),
        );
    }
    for is in &found.added {
        changes.push(added(after, is, &found.common));
    }
    moved(before, after, &found.common, changes);
    for (was, is) in &found.common {
        match (&was.kind, &is.kind) {
            (MemberKind::Callback(old), MemberKind::Callback(new)) => {
                prototype::compare(&after.name, &is.name, old, new, changes);
            }
            (MemberKind::Data(old), MemberKind::Data(new)) => {
                data(&after.name, (was, old), (is, new), changes);
            }
            (MemberKind::Callback(_), MemberKind::Data(_))
            | (MemberKind::Data(_), MemberKind::Callback(_)) => {
                let who = "A loader compares the kinds of a member and refuses every filter.";
                changes.push(
                    Change::new("member-kind", of(&is.name), "a program became data or data one")
                        .sides(describe(was), describe(is))
                        .touches(Touches::Ops(after.name.clone()))
                        .both((SOURCE_LOAD, SOURCE_LOAD), who),
                );
            }
        }
    }
}

fn bare(kind: &MemberKind) -> Vec<TypeRef> {
    match kind {
        MemberKind::Callback(prototype) => prototype.bare(),
        MemberKind::Data(ty) => vec![ty.bare()],
    }
}

fn describe(member: &MemberSpec) -> String {
    match &member.kind {
        MemberKind::Callback(prototype) => prototype.to_string(),
        MemberKind::Data(ty) => ty.to_string(),
    }
}

/// A new member: appended behind all others, or inserted among them.
fn added(after: &OpsSpec, is: &MemberSpec, common: &[(&MemberSpec, &MemberSpec)]) -> Change {
    let inserted =
        common.iter().any(|(was, now)| was.offset != now.offset && now.offset > is.offset);
    let rule = if inserted { "member-inserted" } else { "member-added" };
    let place = if inserted { "inserted" } else { "appended" };
    Change::new(
        rule,
        format!("{}.{}", after.name, is.name),
        format!("`{}` is new, {place}", is.name),
    )
    .sides("", describe(is))
    .touches(Touches::Member(after.name.clone(), is.name.clone()))
    .forward(
        (NONE, NONE),
        "Old filters leave it out, and a loader that matches by name sets it to nothing.",
    )
    .backward(
        (SOURCE_LOAD, SOURCE_LOAD),
        format!("New filters that set `{}` are refused by the old kernel's loader.", is.name),
    )
}

/// Members at another place: nothing by name, another member by offset.
fn moved(
    before: &OpsSpec,
    after: &OpsSpec,
    common: &[(&MemberSpec, &MemberSpec)],
    changes: &mut Vec<Change>,
) {
    let names: Vec<String> = common
        .iter()
        .filter(|(was, is)| was.offset != is.offset)
        .map(|(_, is)| is.name.clone())
        .collect();
    if names.is_empty() {
        return;
    }
    let text = |members: &[MemberSpec]| {
        let shown = members.iter().filter(|member| names.contains(&member.name)).take(3);
        let shown = shown.map(|m| format!("{}@{}", m.name, m.offset.unwrap_or(0)));
        shown.collect::<Vec<_>>().join(" ")
    };
    let title = match names.len() {
        1 => format!("{} is at another offset", listed(&names)),
        _ => format!("{} are at other offsets", listed(&names)),
    };
    let swapped = is_permutation(common);
    let who = "A loader that matches by name does not notice; one with offsets that were compiled \
               in puts programs into other members.";
    changes.push(
        Change::new(if swapped { "members-swapped" } else { "members-moved" }, &after.name, title)
            .sides(text(&before.members), text(&after.members))
            .touches(Touches::Ops(after.name.clone()))
            .forward((NONE, met(&before.members, &after.members)), who)
            .backward((NONE, met(&after.members, &before.members)), who),
    );
}

/// Whether the members that moved took each other's places.
fn is_permutation(common: &[(&MemberSpec, &MemberSpec)]) -> bool {
    let moved = common.iter().filter(|(was, is)| was.offset != is.offset);
    let (mut from, mut to): (Vec<_>, Vec<_>) =
        moved.map(|(was, is)| (was.offset, is.offset)).unzip();
    from.sort_unstable();
    to.sort_unstable();
    from == to
}

/// What a filter with the offsets of `of` meets in `at`.
fn met(of: &[MemberSpec], at: &[MemberSpec]) -> Rungs {
    let mut rungs = NONE;
    for member in of {
        let found = at.iter().find(|other| other.offset == member.offset);
        rungs |= match found {
            Some(other) if other.name == member.name => NONE,
            Some(other) => match (&member.kind, &other.kind) {
                (MemberKind::Callback(mine), MemberKind::Callback(theirs)) => {
                    if mine.bare() == theirs.bare() { BEHAVIOUR } else { Rungs::VERIFY }
                }
                (MemberKind::Data(_), MemberKind::Data(_)) => BEHAVIOUR,
                (MemberKind::Callback(_), MemberKind::Data(_))
                | (MemberKind::Data(_), MemberKind::Callback(_)) => LOAD,
            },
            None => LOAD,
        };
    }
    rungs
}

/// A member that is no program: its size and kind are compared by every loader.
fn data(
    ops: &str,
    (was, old): (&MemberSpec, &TypeRef),
    (is, new): (&MemberSpec, &TypeRef),
    changes: &mut Vec<Change>,
) {
    let subject = format!("{ops}.{}", is.name);
    let touches = Touches::Ops(ops.to_owned());
    if old.kind() != new.kind() {
        let who = "A loader compares the kinds of a member and refuses every filter.";
        changes.push(
            Change::new("data-member-kind", subject, "it is of another kind")
                .sides(old, new)
                .touches(touches)
                .both((SOURCE_LOAD, SOURCE_LOAD), who),
        );
    } else if was.size != is.size {
        let who = "A loader compares the sizes of data members, set or not, and refuses every \
                   filter whose own declaration has the other size.";
        changes.push(
            Change::new("data-member-size", subject, "it has another size")
                .sides(old, new)
                .touches(touches)
                .both((LOAD, LOAD), who),
        );
    } else if old.bare() != new.bare() {
        let who = "The bytes are copied as they are and mean something else.";
        changes.push(
            Change::new("data-member-type", subject, "it has another type of the same size")
                .sides(old, new)
                .touches(touches)
                .both((SOURCE.union(BEHAVIOUR), SOURCE.union(BEHAVIOUR)), who),
        );
    }
}
