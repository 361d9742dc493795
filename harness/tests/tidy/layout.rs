//! Where things are: a fixed top level, and file snapshots in one directory.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::source::Source;

/// The directories of the design and the customary files. Nothing else, nothing missing.
const TOP_LEVEL: &[&str] = &[
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "ci",
    "clippy.toml",
    "deny.toml",
    "filters",
    "harness",
    "rustfmt.toml",
    "sim-fs",
    "snapshots",
    "traces",
];

/// Customary files that a tree may also do without.
const OPTIONAL: &[&str] = &[".gitattributes"];

/// The top level is exactly [`TOP_LEVEL`], give or take [`OPTIONAL`].
pub(super) fn top_level_is_fixed(files: &[Source]) -> Vec<Finding> {
    let present: BTreeSet<&str> =
        files.iter().filter_map(|file| file.path.split('/').next()).collect();
    let is_known = |entry: &&&str| TOP_LEVEL.contains(*entry) || OPTIONAL.contains(*entry);
    let strays = present.iter().filter(|entry| !is_known(entry)).map(|entry| {
        Finding::new(entry, 0, "not part of the fixed top level; move it below a crate")
    });
    let missing = TOP_LEVEL.iter().filter(|entry| !present.contains(**entry)).map(|entry| {
        Finding::new(
            entry,
            0,
            "missing from the fixed top level; add it (a directory needs a file)",
        )
    });
    strays.chain(missing).collect()
}

/// Accepted snapshots are below `snapshots/`; pending ones are nowhere.
pub(super) fn snapshots_are_in_one_place(files: &[Source]) -> Vec<Finding> {
    files
        .iter()
        .filter_map(|file| {
            let is_pending =
                file.path.ends_with(".snap.new") || file.path.ends_with(".pending-snap");
            let is_astray = file.path.ends_with(".snap") && !file.path.starts_with("snapshots/");
            match (is_pending, is_astray) {
                (true, _) => Some("a pending snapshot; read it, then accept or delete it"),
                (_, true) => Some("a snapshot outside snapshots/; set `snapshot_path` in the test"),
                _ => None,
            }
            .map(|message| Finding::new(&file.path, 0, message))
        })
        .collect()
}

#[cfg(test)]
fn tree(paths: &[&str]) -> Vec<Source> {
    paths.iter().map(|path| Source::new(path, "")).collect()
}

#[test]
fn strays_and_gaps_of_the_top_level_are_caught() {
    let mut paths = TOP_LEVEL.to_vec();
    assert_eq!(top_level_is_fixed(&tree(&paths)), []);
    paths.push(".gitattributes");
    assert_eq!(top_level_is_fixed(&tree(&paths)), []);
    paths.push("notes/idea.txt");
    assert_eq!(top_level_is_fixed(&tree(&paths))[0].path, "notes");
    assert_eq!(top_level_is_fixed(&tree(&TOP_LEVEL[1..]))[0].path, ".ci");
}

#[test]
fn a_stray_or_pending_snapshot_is_caught() {
    assert_eq!(snapshots_are_in_one_place(&tree(&["snapshots/abi/a.snap", "a/snap.rs"])), []);
    for stray in ["harness/tests/snapshots/a.snap", "snapshots/a.snap.new", "a/.b.pending-snap"] {
        assert_eq!(snapshots_are_in_one_place(&tree(&[stray])).len(), 1, "{stray}");
    }
}
