//! The conformance vectors of the field, where they are there.

use std::path::{Path, PathBuf};

use fuserig_filters::engine::Mode;
use fuserig_filters::engine::vectors::run_on_interp;

/// Uses an opcode that neither Linux nor any other kernel knows.
const EXCLUDED: &str = "callx.data";

/// `$FUSERIG_SHARED/vectors/bpf_conformance`, or the same beside the workspace.
#[expect(clippy::disallowed_methods, reason = "says where data outside the repository are")]
pub(crate) fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("FUSERIG_SHARED").map_or(beside, PathBuf::from);
    let folder = shared.join("vectors/bpf_conformance");
    folder.is_dir().then_some(folder)
}

/// Names and texts of a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).expect("the folder can be listed");
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "data"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a text"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_interpreter_does_what_every_vector_says() {
    let Some(folder) = folder() else {
        println!("skipped: no vectors; set FUSERIG_SHARED to the folder that has vectors/");
        return;
    };
    let mut failed = Vec::new();
    let mut passed = 0;
    for (name, text) in files(&folder.join("tests")) {
        if name == EXCLUDED {
            continue;
        }
        let judged = run_on_interp(&text, Mode::Kernel);
        if judged.is_agreed() { passed += 1 } else { failed.push(format!("{name}: {judged}")) }
    }
    for (name, text) in files(&folder.join("negative")) {
        let judged = run_on_interp(&text, Mode::Strict);
        if judged.is_caught() { passed += 1 } else { failed.push(format!("{name}: {judged}")) }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    assert_eq!(passed, 372);
}
