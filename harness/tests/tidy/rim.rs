//! Third-party crates and the outside world stay in the modules that exist for them.
//!
//! Pure core, thin edges: files, clocks, threads, printing and each replaceable crate have one
//! named home. The rules read library and program code only; tests and benches may do as they
//! like, within clippy's bans.

use super::finding::Finding;
use super::rim_table::{RIMS, Rim, Use};
use super::source::{Source, identifiers};

/// Nothing of [`RIMS`] is used outside its home.
pub(super) fn outside_things_stay_at_the_rim(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_product()) {
        let std_imports = grouped_std_imports(file);
        let is_watched =
            |rim: &&Rim| !is_below(&file.path, rim.homes) && file.code.contains(rim.what.name());
        for rim in RIMS.iter().filter(is_watched) {
            for (line, code) in file.product_lines() {
                if uses(rim.what, code, line, &std_imports) {
                    let message = format!(
                        "{} outside its home ({}): {}; move the use there and pass the result",
                        rim.what.spelled(),
                        rim.homes.join(", "),
                        rim.why
                    );
                    findings.push(Finding::new(&file.path, line, message));
                }
            }
        }
    }
    findings
}

/// In each crate at most one module compresses.
pub(super) fn zstd_is_in_one_module_per_crate(files: &[Source]) -> Vec<Finding> {
    let mut homes: Vec<(&str, &str)> = Vec::new();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_product() && file.code.contains("zstd")) {
        let mut lines = file.product_lines();
        let Some((line, _)) = lines.find(|(_, code)| names_crate(code, "zstd")) else { continue };
        let package = file.path.split("/src/").next().unwrap_or("");
        match homes.iter().find(|(owner, _)| *owner == package) {
            None => homes.push((package, &file.path)),
            Some((_, home)) => {
                let message = format!("zstd is already used in {home}; call that module");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

fn is_below(path: &str, homes: &[&str]) -> bool {
    homes.iter().any(|home| path.starts_with(home))
}

fn uses(what: Use, code: &str, line: usize, std_imports: &[(usize, &str)]) -> bool {
    match what {
        Use::Crate(name) => names_crate(code, name),
        Use::Type(name) => words(code, name).next().is_some(),
        Use::Macro(name) => words(code, name).any(|at| code[at + name.len()..].starts_with('!')),
        Use::StdModule(name) => {
            words(code, name).any(|at| code[..at].ends_with("std::"))
                || std_imports.contains(&(line, name))
        }
    }
}

/// Does a line hold a word? Most do not even hold its letters, which is quick to find out.
fn words<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let line = if code.contains(name) { code } else { "" };
    identifiers(line).filter(move |(_, word)| *word == name).map(|(at, _)| at)
}

/// Does a line name a crate, rather than a variable or a module of ours that is called alike?
fn names_crate(code: &str, name: &str) -> bool {
    words(code, name).any(|at| {
        let before = code[..at].trim_end();
        let after = &code[at + name.len()..];
        // `::bincode` is the crate as well, `codec::bincode` is not.
        let is_root = before
            .strip_suffix("::")
            .is_none_or(|path| path.is_empty() || path.ends_with([' ', '(', '<', '&', ',']));
        let is_imported = before.ends_with("use") && !after.starts_with("::");
        is_root && (after.starts_with("::") || is_imported)
    })
}

/// The modules named directly inside `use std::{...}`, each with its line.
fn grouped_std_imports(file: &Source) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    if !file.code.contains("use std::{") {
        return found;
    }
    let mut depth = 0_i32;
    for (line, code) in file.product_lines() {
        let start = if depth == 0 {
            match code.find("use std::{") {
                Some(at) => at + "use std::".len(),
                None => continue,
            }
        } else {
            0
        };
        let mut at_entry = depth == 1;
        for (offset, byte) in code.bytes().enumerate().skip(start) {
            match byte {
                b'{' => (depth, at_entry) = (depth + 1, depth == 0),
                b'}' => depth -= 1,
                b',' => at_entry = depth == 1,
                b' ' => {}
                _ if at_entry => {
                    found.extend(identifiers(&code[offset..]).next().map(|(_, word)| (line, word)));
                    at_entry = false;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn each_row_is_caught_outside_its_home_and_allowed_inside() {
    for rim in RIMS {
        let code = match rim.what {
            Use::Crate(name) => format!("fn a() {{ {name}::go(); }}"),
            Use::Type(name) => format!("fn a() {{ {name}::now(); }}"),
            Use::StdModule(name) => format!("use std::{name};"),
            Use::Macro(name) => format!("fn a() {{ {name}!(); }}"),
        };
        let at = |path: &str| outside_things_stay_at_the_rim(&[Source::new(path, &code)]);
        assert_eq!(at("sim-fs/src/tree.rs").len(), 1, "{code}");
        assert_eq!(at("sim-fs/tests/tree.rs"), [], "{code}");
        for home in rim.homes {
            assert_eq!(at(&format!("{}.rs", home.trim_end_matches(".rs"))), [], "{code}");
        }
    }
}

#[test]
fn every_way_to_write_an_import_is_caught_and_words_alike_are_not() {
    let check = |code: &str, expected: usize| {
        let found = outside_things_stay_at_the_rim(&[Source::new("traces/src/a.rs", code)]);
        assert_eq!(found.len(), expected, "{code}");
    };
    check("use bincode;", 1);
    check("use ::bincode::Encode;", 1);
    check("#[derive(bincode::Encode)]", 1);
    check("let bincode = 1; self.bincode(); use crate::bincode::x;", 0);
    check("// bincode::x and \"std::fs\"", 0);
    check("use std::{io, fs};", 1);
    check("use std::{\n    io::{self, fs},\n    fs::File,\n};", 1);
    check("use std::{io::{fs}};", 0);
    check("use std::fsx;", 0);
    check("impl Timestamp { const Instants: u8 = 0; }", 0);
}

#[test]
fn a_second_module_with_zstd_is_caught() {
    let zstd = |path: &str| Source::new(path, "fn a() { zstd::decode(); }");
    let one_each = [zstd("harness/src/a.rs"), zstd("traces/src/a.rs")];
    assert_eq!(zstd_is_in_one_module_per_crate(&one_each), []);
    let two = [zstd("traces/src/a.rs"), zstd("traces/src/b.rs")];
    assert_eq!(zstd_is_in_one_module_per_crate(&two).len(), 1);
}
