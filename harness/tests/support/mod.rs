//! What several tests of the harness share.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};

/// The captures of the corpus.
pub(crate) const CAPTURES: [&str; 3] = ["shell", "sqlite", "git"];

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("harness is in it").to_owned()
}

/// A file of the corpus.
pub(crate) fn corpus(name: &str, kind: &str) -> PathBuf {
    workspace().join("traces/corpus").join(format!("{name}.{kind}"))
}

/// A trace of the corpus as bytes.
pub(crate) fn corpus_bytes(name: &str) -> Vec<u8> {
    std::fs::read(corpus(name, "frt")).expect("the corpus is checked in")
}

/// A text of the corpus.
pub(crate) fn corpus_text(name: &str, kind: &str) -> String {
    std::fs::read_to_string(corpus(name, kind)).expect("the corpus is checked in")
}

/// A folder of the shared material, or none with the reason printed.
#[expect(clippy::disallowed_methods, reason = "the one variable that tests read")]
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FUSERIG_SHARED")
        .map_or_else(|| workspace().join("../shared"), PathBuf::from);
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    print_skip(&format!("{} is absent (set FUSERIG_SHARED)", path.display()));
    None
}

/// A directory on a tmpfs in which files may get any owner, or none with the reason printed.
pub(crate) fn private_tmpfs_directory() -> Option<tempfile::TempDir> {
    if !rustix::process::geteuid().is_root() {
        print_skip("the host arm gives files to other users and needs root");
        return None;
    }
    match tempfile::tempdir_in("/dev/shm") {
        Ok(directory) => Some(directory),
        Err(error) => {
            print_skip(&format!("no tmpfs at /dev/shm: {error}"));
            None
        }
    }
}

/// Says why a test does not run here.
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
pub(crate) fn print_skip(reason: &str) {
    eprintln!("skipped: {reason}");
}
