//! Just enough of TOML to read a manifest: sections and their `key = value` lines.
//!
//! It refuses to understand multi-line values; a manifest here has none where a rule looks.

/// One `key = value` line with the section it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) section: &'a str,
    pub(super) key: &'a str,
    pub(super) value: &'a str,
    pub(super) line: usize,
}

/// The entries of a manifest in order.
pub(super) fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut section = "";
    let mut found = Vec::new();
    for (line, raw) in (1..).zip(text.lines()) {
        let trimmed = raw.trim();
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim_matches(|c| c == '[' || c == ']').trim();
        } else if let Some((key, value)) = trimmed.split_once('=')
            && !trimmed.starts_with('#')
        {
            found.push(Entry { section, key: key.trim(), value: value.trim(), line });
        }
    }
    found
}

/// A dependency of a manifest: its key, and whether the workspace says which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dependency<'a> {
    pub(super) name: &'a str,
    pub(super) from_workspace: bool,
    pub(super) line: usize,
}

/// The dependencies of every kind: ordinary, dev, build, and those of one target.
pub(super) fn dependencies(text: &str) -> Vec<Dependency<'_>> {
    let mut found = Vec::new();
    for entry in entries(text) {
        let Some(own_table) = dependency_of(entry.section) else { continue };
        let says_workspace = entry.value.replace(' ', "").contains("workspace=true");
        let Some(name) = own_table else {
            let (name, field) = entry.key.split_once('.').unwrap_or((entry.key, ""));
            let from_workspace = says_workspace || (field == "workspace" && entry.value == "true");
            found.push(Dependency { name, from_workspace, line: entry.line });
            continue;
        };
        // A table of its own: one dependency however many keys it has.
        let from_workspace = entry.key == "workspace" && entry.value == "true";
        match found.last_mut() {
            Some(Dependency { name: last, from_workspace: known, .. }) if *last == name => {
                *known |= from_workspace;
            }
            _ => found.push(Dependency { name, from_workspace, line: entry.line }),
        }
    }
    found
}

/// The one dependency that a section such as `dev-dependencies.serde` describes, `Some(None)` for
/// a section that lists several, and nothing for a section about something else.
fn dependency_of(section: &str) -> Option<Option<&str>> {
    let (kind, rest) = section.split_once("dependencies")?;
    let kind_is_known = matches!(kind.rsplit('.').next(), Some("" | "dev-" | "build-"));
    if !kind_is_known || section.starts_with("workspace") {
        return None;
    }
    if rest.is_empty() { Some(None) } else { rest.strip_prefix('.').map(Some) }
}

#[test]
fn dependencies_are_found_in_every_way_to_write_them() {
    let text = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\n\
        b = { workspace = true, optional = true }\nc = \"1\"\n[dev-dependencies.d]\n\
        version = \"1\"\nfeatures = []\n[target.'cfg(unix)'.build-dependencies]\n# f = \"1\"\n\
        e.workspace = true\n[workspace.dependencies]\ng = \"1\"\n";
    let found: Vec<_> =
        dependencies(text).iter().map(|found| (found.name, found.from_workspace)).collect();
    assert_eq!(found, [("a", true), ("b", true), ("c", false), ("d", false), ("e", true)]);
}

#[test]
fn entries_know_their_section_and_line() {
    let found = entries("# top\n[lints]\nworkspace = true\n");
    let expected = Entry { section: "lints", key: "workspace", value: "true", line: 3 };
    assert_eq!(found, [expected]);
}
