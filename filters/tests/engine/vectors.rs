//! The conformance vectors of the field, where they are there.

use std::path::{Path, PathBuf};

use fuserig_filters::engine::vectors::run_vector;
use fuserig_filters::engine::{Engine, Mode, kernel};

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
        let judged = run_vector(&text, Engine::Interp, Mode::Kernel);
        if judged.is_agreed() { passed += 1 } else { failed.push(format!("{name}: {judged}")) }
    }
    for (name, text) in files(&folder.join("negative")) {
        let judged = run_vector(&text, Engine::Interp, Mode::Strict);
        if judged.is_caught() { passed += 1 } else { failed.push(format!("{name}: {judged}")) }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    assert_eq!(passed, 372);
}

/// The vectors that an engine does not run to the expected result, each with what it said.
fn failures(engine: Engine, folder: &Path) -> Vec<String> {
    let vectors = files(&folder.join("tests")).into_iter().filter(|(name, _)| name != EXCLUDED);
    let judged = vectors.map(|(name, text)| (name, run_vector(&text, engine, Mode::Kernel)));
    let failed = judged.filter(|(_, judged)| !judged.is_agreed());
    failed.map(|(name, judged)| format!("{name}: {judged}")).collect()
}

#[test]
fn rbpf_runs_every_vector_that_it_does_not_refuse_by_name() {
    let Some(folder) = folder() else {
        println!("skipped: no vectors; set FUSERIG_SHARED to the folder that has vectors/");
        return;
    };
    let failed = failures(Engine::Rbpf, &folder);
    let wrong: Vec<&String> =
        failed.iter().filter(|line| !line.contains("signed division")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("rbpf refuses {} of 312", failed.len());
}

#[test]
fn the_kernel_runs_every_vector_that_its_verifier_lets_pass() {
    let Some(folder) = folder() else {
        println!("skipped: no vectors; set FUSERIG_SHARED to the folder that has vectors/");
        return;
    };
    if let Err(error) = kernel::availability() {
        println!("skipped: the kernel as an engine: {error}");
        return;
    }
    let failed = failures(Engine::Kernel, &folder);
    let wrong: Vec<&String> =
        failed.iter().filter(|line| !line.contains("the verifier refuses it")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("the verifier refuses {} of 312: {failed:#?}", failed.len());
}
