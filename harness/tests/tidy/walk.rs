//! Reads the tree in a fixed order.
//!
//! Build output and the object store of git are not read; everything else is, tracked or not,
//! because a stray file is a finding too.

use std::fs;
use std::io;
use std::path::Path;

use super::source::Source;

/// Directories that hold what tools write. They are in `.gitignore` as well.
const SKIPPED: &[&str] = &[".git", "harness/fuzz/artifacts"];

/// The build directory of the workspace, and of a crate whose benchmark wrote beside it.
fn is_build_output(path: &str) -> bool {
    path == "target" || path.ends_with("/target")
}

/// Text above this many bytes is data (a log, a golden file) and is not read line by line.
const TEXT_LIMIT_BYTES: u64 = 1 << 20;

/// Every file below `root`, sorted by path.
pub(super) fn read_tree(root: &Path) -> io::Result<Vec<Source>> {
    let mut files = Vec::new();
    read_dir(root, "", &mut files)?;
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

fn read_dir(root: &Path, below: &str, files: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if SKIPPED.contains(&path.as_str()) || is_build_output(&path) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read_dir(root, &path, files)?;
        } else {
            let small = kind.is_file() && entry.metadata()?.len() <= TEXT_LIMIT_BYTES;
            let bytes = if small { fs::read(entry.path())? } else { Vec::new() };
            files.push(Source::new(&path, &String::from_utf8(bytes).unwrap_or_default()));
        }
    }
    Ok(())
}

#[test]
fn a_tree_is_read_sorted_and_without_build_output() {
    let root = tempfile::tempdir().expect("a temporary directory can be made");
    for (path, text) in
        [("b.rs", "fn b() {}"), ("a/c.txt", "c"), ("target/x.rs", "x"), ("a/target/x.rs", "x")]
    {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("it has a parent")).expect("made");
        fs::write(path, text).expect("written");
    }
    fs::write(root.path().join("data.bin"), [0xff, 0xfe]).expect("written");
    let files = read_tree(root.path()).expect("read");
    let seen: Vec<_> = files.iter().map(|file| (&*file.path, &*file.text)).collect();
    assert_eq!(seen, [("a/c.txt", "c"), ("b.rs", "fn b() {}"), ("data.bin", "")]);
}
