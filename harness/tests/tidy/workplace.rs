//! The tree does not say where it was made: no private directory, no registry's host.
//!
//! The words looked for are put together from pieces here, so that this file is not a finding.

use super::finding::Finding;
use super::source::Source;

/// Directories of a machine that a reader does not have.
const PLACES: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/.lib", "rary"), concat!("/tmp/", "helpers")];

/// Hosts and settings of package registries: which one is used is the business of the machine.
const REGISTRIES: &[&str] = &[
    concat!("spar", "se+http"),
    concat!("replace", "-with"),
    concat!("index", "-url"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("py", "pi.org"),
    concat!("registry.", "npmjs"),
    concat!("deb.", "debian.org"),
];

/// The one registry a lock file may name.
const DEFAULT_SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// No file names a private place or a registry.
pub(super) fn no_workplace_is_named(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for place in PLACES.iter().filter(|place| file.text.contains(**place)) {
            for (line, _) in file.lines().filter(|(_, text)| names_place(text, place)) {
                let message = format!("`{place}` is a place of one machine; use a relative path");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
        for registry in REGISTRIES.iter().filter(|registry| file.text.contains(**registry)) {
            for (line, _) in file.lines().filter(|(_, text)| text.contains(registry)) {
                let message = format!("`{registry}` names a registry; leave that to the machine");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

/// Every package of a lock file comes from the default registry.
pub(super) fn packages_are_published_ones(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.file_name() == "Cargo.lock") {
        for (line, text) in file.lines() {
            if text.starts_with("source = ") && !text.contains(DEFAULT_SOURCE) {
                let message = "a package from elsewhere; depend on the published one";
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

/// Is the place named as an absolute path, and not as the tail of another one (`/srv` and so on)?
fn names_place(text: &str, place: &str) -> bool {
    text.match_indices(place).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || "._-/*}".contains(c))
    })
}

#[test]
fn each_place_and_each_registry_is_caught() {
    let found = |path: &str, text: &str| no_workplace_is_named(&[Source::new(path, text)]).len();
    for word in PLACES.iter().chain(REGISTRIES) {
        assert_eq!(found("a/b.md", &format!("see {word}x")), 1, "{word}");
    }
    assert_eq!(found("a/b.strace", &format!("open(\"/srv{}a\")", PLACES[0])), 0);
}

#[test]
fn a_package_from_elsewhere_is_caught() {
    let found = |text: &str| packages_are_published_ones(&[Source::new("Cargo.lock", text)]).len();
    assert_eq!(found("source = \"git+https://example.org/x\""), 1);
    assert_eq!(found(&format!("source = \"{DEFAULT_SOURCE}\"")), 0);
}
