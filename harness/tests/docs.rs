//! The documentation is run: every command of a page is issued in an empty folder and must print
//! what the page shows; the reference is made from the tables.

mod support;

#[path = "quirks/absent.rs"]
mod absent;
#[path = "docs/page.rs"]
mod page;
#[path = "docs/reference.rs"]
mod reference;

use std::path::Path;

use page::{Page, Step};
use support::{print_skip, workspace};

/// Runs a page and says what differs from what it shows.
fn check(path: &str, links: &[&str]) {
    let text = std::fs::read_to_string(workspace().join(path)).expect("the page is checked in");
    let page = Page::parse(&text).unwrap_or_else(|error| panic!("{path}:{error}"));
    let folder = tempfile::tempdir().expect("a temporary directory");
    for link in links {
        let target = folder.path().join(link);
        std::os::unix::fs::symlink(workspace().join(link), target).expect("a link");
    }
    let program = Path::new(env!("CARGO_BIN_EXE_fuserig"));
    let run = page.run(folder.path(), program.parent().expect("it lies in a folder"));
    for reason in &run.skipped {
        print_skip(&format!("{path}: {reason}"));
    }
    assert!(run.wrong.is_empty(), "{path} shows what is not so:\n\n{}", run.wrong.join("\n\n"));
    assert!(run.commands >= 3, "{path}: only {} commands ran", run.commands);
}

#[test]
fn the_cookbook_does_what_it_shows() {
    check("harness/docs/cookbook.md", &["traces", "harness", "filters"]);
}

#[test]
fn the_tutorial_does_what_it_shows() {
    check("harness/docs/tutorial.md", &[]);
}

#[test]
fn the_session_of_the_readme_is_real() {
    check("README.md", &["traces", "harness", "filters"]);
}

#[test]
fn the_reference_is_what_the_tables_say() {
    let made = reference::markdown();
    let path = workspace().join("harness/docs/reference.md");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if made != kept {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reference.md");
        std::fs::write(&fresh, &made).expect("the build directory takes a file");
        panic!("harness/docs/reference.md is stale; copy {} there", fresh.display());
    }
}

#[test]
fn a_page_that_lies_is_found() {
    let text = "```console\n$ printf 'one\\ntwo\\nthree\\n'\none\n...\nthree\n$ false\n$ echo $?\n0\n```\n";
    let page = Page::parse(text).expect("a page");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let run = page.run(folder.path(), folder.path());
    assert_eq!(run.commands, 3);
    assert_eq!(run.wrong.len(), 1, "{:?}", run.wrong);
    assert!(run.wrong[0].contains("echo $?"), "{}", run.wrong[0]);
}

#[test]
fn pages_are_read_as_they_are_written() {
    let text = "<!-- file: a.txt -->\n```text\nhi\n```\n<!-- needs: nonesuch -->\n```console\n\
                $ cat \\\n> a.txt\nhi\n```\n";
    let page = Page::parse(text).expect("a page");
    assert_eq!(page.steps.len(), 2);
    assert!(matches!(&page.steps[0], Step::File { name, .. } if name == "a.txt"));
    let folder = tempfile::tempdir().expect("a temporary directory");
    let run = page.run(folder.path(), folder.path());
    assert_eq!((run.commands, run.skipped.len()), (0, 1));
    assert!(Page::parse("```console\n$ true\n").is_err(), "a block that does not end");
    assert!(Page::parse("```console\nno command\n```\n").is_err(), "output of nothing");
}
