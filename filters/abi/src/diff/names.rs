//! Two lists of named things side by side.

/// Things with a name, in two versions.
pub(super) struct Matched<'a, T> {
    /// In both, in the order of the new list.
    pub(super) common: Vec<(&'a T, &'a T)>,
    /// Only in the old list.
    pub(super) removed: Vec<&'a T>,
    /// Only in the new list.
    pub(super) added: Vec<&'a T>,
    /// Removed and added again under another name, as far as the caller can tell.
    pub(super) renamed: Vec<(&'a T, &'a T)>,
}

/// Matches by name. What is left is matched by `same`, which says whether an old and a new thing
/// are the same but for the name; each thing is matched once, in order.
pub(super) fn matched<'a, T>(
    old: &'a [T],
    new: &'a [T],
    name: impl Fn(&T) -> &str,
    same: impl Fn(&T, &T) -> bool,
) -> Matched<'a, T> {
    use std::collections::BTreeMap;

    // The first of a name counts: a kernel has several `padding`s, and only one is reached by it.
    let mut by_name: BTreeMap<&str, &T> = BTreeMap::new();
    for thing in old {
        by_name.entry(name(thing)).or_insert(thing);
    }
    let mut found =
        Matched { common: Vec::new(), removed: Vec::new(), added: Vec::new(), renamed: Vec::new() };
    for thing in new {
        match by_name.remove(name(thing)) {
            Some(before) => found.common.push((before, thing)),
            None => found.added.push(thing),
        }
    }
    let is_left =
        |thing: &&T| by_name.get(name(thing)).is_some_and(|left| std::ptr::eq(*left, *thing));
    for gone in old.iter().filter(is_left) {
        match found.added.iter().position(|thing| same(gone, thing)) {
            Some(index) => found.renamed.push((gone, found.added.remove(index))),
            None => found.removed.push(gone),
        }
    }
    found
}

/// Names as a list for a sentence, shortened when there are many.
pub(super) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let quoted = |names: &[String]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    if names.len() <= SHOWN {
        quoted(names)
    } else {
        format!("{} and {} more", quoted(&names[..SHOWN - 1]), names.len() + 1 - SHOWN)
    }
}
