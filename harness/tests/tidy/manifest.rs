//! Rules about manifests: which crate may know which, whose lints, whose versions.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::source::Source;
use super::toml_text::{dependencies, entries};

/// Each package, and which of our packages it may depend on, in tests and benches as well.
/// Imports point one way: vocabulary, then sim-fs, filters and traces side by side, then harness.
const DIRECTION: &[(&str, &[&str])] = &[
    ("fuserig-abi", &[]),
    ("fuserig-sim-fs", &["fuserig-abi"]),
    ("fuserig-filters", &["fuserig-abi"]),
    ("fuserig-traces", &["fuserig-abi"]),
    ("fuserig", &["fuserig-abi", "fuserig-sim-fs", "fuserig-filters", "fuserig-traces"]),
    ("fuserig-peers", &["fuserig", "fuserig-abi", "fuserig-sim-fs"]),
    (
        "fuserig-fuzz",
        &["fuserig", "fuserig-abi", "fuserig-sim-fs", "fuserig-filters", "fuserig-traces"],
    ),
];

/// The fuzz crate is a workspace of its own, because cargo-fuzz wants nightly flags for it.
const OWN_WORKSPACE: &str = "harness/fuzz/Cargo.toml";

/// No crate depends on one that [`DIRECTION`] does not allow it.
pub(super) fn crates_point_one_way(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests(files) {
        let name = package_name(&manifest.text);
        let Some((_, allowed)) = DIRECTION.iter().find(|(package, _)| *package == name) else {
            let message = format!("package `{name}` has no row; add one to DIRECTION in tidy");
            findings.push(Finding::new(&manifest.path, 0, message));
            continue;
        };
        for dependency in dependencies(&manifest.text) {
            let is_ours = DIRECTION.iter().any(|(package, _)| *package == dependency.name);
            if is_ours && !allowed.contains(&dependency.name) {
                let message = format!(
                    "`{name}` may not know `{}`; move what both need to fuserig-abi, or the \
                     code to the harness",
                    dependency.name
                );
                findings.push(Finding::new(&manifest.path, dependency.line, message));
            }
        }
    }
    findings
}

/// Every crate takes the lints of its workspace.
pub(super) fn lints_are_the_workspaces(files: &[Source]) -> Vec<Finding> {
    let has_lints = |text: &str| {
        let mut entries = entries(text).into_iter();
        entries.any(|e| (e.section, e.key, e.value) == ("lints", "workspace", "true"))
    };
    manifests(files)
        .filter(|manifest| !has_lints(&manifest.text))
        .map(|manifest| Finding::new(&manifest.path, 0, LINTS_MESSAGE))
        .collect()
}

const LINTS_MESSAGE: &str =
    "the workspace lints are not taken; add `[lints]` with `workspace = true`";

/// Versions stand in the workspace manifest and nowhere else.
pub(super) fn versions_are_the_workspaces(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests(files).filter(|manifest| manifest.path != OWN_WORKSPACE) {
        for dependency in dependencies(&manifest.text) {
            if !dependency.from_workspace {
                let message = format!(
                    "`{0}` brings its own version; list it under [workspace.dependencies] and \
                     write `{0}.workspace = true`",
                    dependency.name
                );
                findings.push(Finding::new(&manifest.path, dependency.line, message));
            }
        }
    }
    findings
}

/// What the workspace table lists is used by some crate.
pub(super) fn listed_versions_are_used(files: &[Source]) -> Vec<Finding> {
    let Some(root) = files.iter().find(|file| file.path == "Cargo.toml") else { return Vec::new() };
    let used: BTreeSet<&str> = manifests(files)
        .flat_map(|manifest| dependencies(&manifest.text))
        .map(|dependency| dependency.name)
        .collect();
    entries(&root.text)
        .into_iter()
        .filter(|entry| entry.section == "workspace.dependencies" && !used.contains(entry.key))
        .map(|entry| {
            let message = format!("no crate uses `{}`; remove the line", entry.key);
            Finding::new(&root.path, entry.line, message)
        })
        .collect()
}

/// The manifests of packages, which the root one is not.
fn manifests(files: &[Source]) -> impl Iterator<Item = &Source> {
    files.iter().filter(|file| file.path.ends_with("/Cargo.toml"))
}

fn package_name(text: &str) -> &str {
    let entries = entries(text);
    let name = entries.iter().find(|entry| (entry.section, entry.key) == ("package", "name"));
    name.map_or("", |entry| entry.value.trim_matches('"'))
}

#[cfg(test)]
fn manifest(body: &str) -> [Source; 1] {
    [Source::new("traces/Cargo.toml", &format!("[package]\nname = \"fuserig-traces\"\n{body}"))]
}

#[test]
fn a_sibling_among_the_dependencies_is_caught_and_the_vocabulary_is_not() {
    assert!(crates_point_one_way(&manifest("[dependencies]\nfuserig-abi = \"1\"")).is_empty());
    for table in ["dependencies", "dev-dependencies", "target.'cfg(unix)'.dependencies"] {
        let planted = manifest(&format!("[{table}]\nfuserig-sim-fs.workspace = true"));
        let found = crates_point_one_way(&planted);
        assert_eq!(found.len(), 1, "{table}");
        assert_eq!(found[0].line, 4);
    }
}

#[test]
fn an_unknown_package_is_caught() {
    let planted = [Source::new("new/Cargo.toml", "[package]\nname = \"new\"")];
    assert_eq!(crates_point_one_way(&planted).len(), 1);
}

#[test]
fn missing_lints_are_caught() {
    assert_eq!(lints_are_the_workspaces(&manifest("[lints.rust]\nworkspace = true")).len(), 1);
    assert_eq!(lints_are_the_workspaces(&manifest("[lints]\nworkspace = true")), []);
}

#[test]
fn a_version_outside_the_workspace_table_is_caught() {
    assert_eq!(versions_are_the_workspaces(&manifest("[dependencies]\nserde = \"1\"")).len(), 1);
    let good = manifest("[dependencies]\nserde.workspace = true");
    assert_eq!(versions_are_the_workspaces(&good), []);
}

#[test]
fn a_listed_version_that_no_crate_uses_is_caught() {
    let root = "[workspace.dependencies]\nserde = \"1\"\nrbpf = { version = \"0.4\" }\n";
    let [traces] = manifest("[dev-dependencies]\nserde.workspace = true");
    let found = listed_versions_are_used(&[Source::new("Cargo.toml", root), traces]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].line, 3);
}
