//! Two trees that must be the same: where they first differ, in the words of tree text.
//!
//! What a reader would get wrong: trees hold the same when their digests are the same, which know
//! nothing of inode numbers and of times other than those of contents.

use std::collections::BTreeMap;

use fuserig_sim_fs::{MemFs, WalkEntry};

use crate::sim::{Compared, show_difference};

/// Most bytes of a line that are shown beside its path, and of those what is before the first that
/// differs.
const SHOWN_MAX: usize = 80;
const BEFORE_MAX: usize = 24;

/// Whether two runs left the same tree.
///
/// # Errors
/// What is at the first path at which it is not so, as a sentence.
pub(super) fn compare_trees(
    one: &MemFs,
    other: &MemFs,
    (this, that): (&str, &str),
    compared: Compared,
) -> Result<(), String> {
    if compared == Compared::Calls {
        return Ok(());
    }
    if one.digest() == other.digest() {
        return compare_attributes(one, other, (this, that), compared);
    }
    let (text, beside) = (one.to_tree(), other.to_tree());
    let (lines, others) = (by_path(&text), by_path(&beside));
    let mut paths: Vec<&str> = lines.keys().chain(others.keys()).copied().collect();
    paths.sort_unstable();
    let differs = |path: &&str| lines.get(*path) != others.get(*path);
    let Some(path) = paths.into_iter().find(differs) else {
        return Err(format!("the tree {this} is not the one {that}"));
    };
    let (line, other) = (lines.get(path).copied(), others.get(path).copied());
    let (shown, beside) = (excerpt(path, line, other), excerpt(path, other, line));
    Err(format!("the tree has {shown} {this}, and {beside} {that}"))
}

/// Whether two trees hold the same, whenever it was changed.
pub(super) fn same_at_any_time(one: &MemFs, other: &MemFs) -> bool {
    one.digest() == other.digest() || without_times(one) == without_times(other)
}

/// Tree text without the words that say when contents were changed.
fn without_times(fs: &MemFs) -> Vec<String> {
    let timeless = |line: &str| {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.starts_with("mtime=")).collect();
        words.join(" ")
    };
    fs.to_tree().lines().map(timeless).collect()
}

/// Whether two trees that hold the same have the attributes that no digest includes.
fn compare_attributes(
    one: &MemFs,
    other: &MemFs,
    (this, that): (&str, &str),
    compared: Compared,
) -> Result<(), String> {
    if compared == Compared::State {
        return Ok(());
    }
    let mut both = one.walk().zip(other.walk());
    let differs = |(one, other): &(WalkEntry, WalkEntry)| {
        one.path != other.path || !compared.same_stat(&one.stat, &other.stat)
    };
    let Some((one, other)) = both.find(differs) else { return Ok(()) };
    let path = one.path.escape_ascii();
    let (shown, beside) =
        (show_difference(&one.stat, &other.stat), show_difference(&other.stat, &one.stat));
    Err(format!("{path} has{shown} {this}, and{beside} {that}"))
}

/// Lines of tree text by their path, which is their first word. They are ASCII.
fn by_path(text: &str) -> BTreeMap<&str, &str> {
    text.lines().map(|line| (line.split(' ').next().unwrap_or(line), line)).collect()
}

/// A line, or of a long one the path and what is around the first byte that differs from another.
fn excerpt(path: &str, line: Option<&str>, other: Option<&str>) -> String {
    let Some(line) = line else { return format!("no `{path}`") };
    if line.len() <= SHOWN_MAX {
        return format!("`{line}`");
    }
    let pairs = line.bytes().zip(other.unwrap_or_default().bytes());
    let same = pairs.take_while(|(one, other)| one == other).count();
    let from = same.saturating_sub(BEFORE_MAX).max(path.len());
    let to = (from + SHOWN_MAX).min(line.len());
    let gap = if from > path.len() { "..." } else { "" };
    let more = if to < line.len() { "..." } else { "" };
    format!("`{path}{gap}{}{more}`", &line[from..to])
}

#[cfg(test)]
mod tests {
    use fuserig_sim_fs::MemFs;

    use super::{compare_trees, same_at_any_time};
    use crate::sim::Compared;

    fn said(one: &str, other: &str) -> String {
        let tree = |text: &str| MemFs::from_tree(text).expect("the tree is well-formed");
        let words = ("here", "there");
        let said = compare_trees(&tree(one), &tree(other), words, Compared::State);
        said.expect_err("the trees differ")
    }

    #[test]
    fn trees_that_are_the_same_are_not_told_apart() {
        let tree = MemFs::from_tree("/a 'x'\n/d/").expect("the tree is well-formed");
        let same = compare_trees(&tree, &tree.clone(), ("here", "there"), Compared::All);
        assert_eq!(same, Ok(()));
    }

    #[test]
    fn trees_of_other_times_hold_the_same() {
        let tree = |text: &str| MemFs::from_tree(text).expect("the tree is well-formed");
        let (one, later) = (tree("/a mtime=1.000000000 'x'"), tree("/a mtime=2.000000000 'x'"));
        assert_ne!(one.digest(), later.digest());
        assert!(same_at_any_time(&one, &later));
        assert!(!same_at_any_time(&one, &tree("/a mtime=1.000000000 'y'")));
        assert!(!same_at_any_time(&one, &tree("/b mtime=1.000000000 'x'")));
    }

    #[test]
    fn the_first_path_that_differs_is_shown() {
        let mode = said("/a 'x'\n/b mode=0600\n/c", "/a 'x'\n/b\n/c 'y'");
        assert_eq!(mode, "the tree has `/b mode=0600` here, and `/b` there");
        let gone = said("/a 'x'\n/d/", "/d/");
        assert_eq!(gone, "the tree has `/a 'x'` here, and no `/a` there");
        let new = said("/d/", "/a 'x'\n/d/");
        assert_eq!(new, "the tree has no `/a` here, and `/a 'x'` there");
    }

    #[test]
    fn of_long_contents_the_place_is_shown() {
        let long = |end: &str| format!("/a '{}{end}{}'", "x".repeat(500), "z".repeat(500));
        let shown = said(&long("1"), &long("2"));
        assert!(shown.contains("xxx1zzz") && shown.contains("xxx2zzz"), "{shown}");
        assert!(shown.contains("`/a...") && shown.len() < 250, "{shown}");
    }
}
