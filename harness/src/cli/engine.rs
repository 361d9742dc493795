//! `fuserig engine`.

use std::path::Path;

use fuserig_filters::engine::Mode;
use fuserig_filters::engine::kernel;
use fuserig_filters::engine::vectors::run_vector;

use super::args::{EngineCommand, EngineName, VectorsArgs};
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::output::{Style, Terminal};
use super::progress::Advance;

/// Vectors that no engine is asked, each with the reason.
const EXCLUDED: &[(&str, &str)] = &[("callx.data", "calls through a register, unknown to Linux")];

pub(super) fn engine(command: &EngineCommand, terminal: &mut Terminal) -> Ended {
    match command {
        EngineCommand::Vectors(args) => vectors(args, terminal),
    }
}

/// What a vector of a folder is expected to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Runs,
    IsCaught,
}

fn vectors(args: &VectorsArgs, terminal: &mut Terminal) -> Ended {
    if args.engine == EngineName::Kernel {
        kernel::availability().map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
    }
    let mut cases = Vec::new();
    let folders = [("tests", Kind::Runs), ("negative", Kind::IsCaught)];
    for (name, kind) in folders {
        let folder = args.folder.join(name);
        if folder.is_dir() {
            cases.extend(files::list(&folder, "data")?.into_iter().map(|path| (path, kind)));
        }
    }
    if cases.is_empty() {
        let flat = files::list(&args.folder, "data")?;
        cases.extend(flat.into_iter().map(|path| (path, Kind::Runs)));
    }
    let (mut passed, mut failed, mut rows) = (0_usize, 0_usize, Vec::new());
    let total = Some(cases.len() as u64);
    for (done, (path, kind)) in (0..).zip(&cases) {
        terminal.advance(&Advance { what: "ran", unit: "vectors", done, total });
        let name = path.file_name().map_or_else(Default::default, |name| name.to_string_lossy());
        let excluded = EXCLUDED.iter().find(|(known, _)| *known == name);
        let (verdict, text) = match excluded {
            Some((_, reason)) => ("skipped", (*reason).to_owned()),
            None => judge(path, *kind, args.engine)?,
        };
        match verdict {
            "passed" => passed += 1,
            "failed" => failed += 1,
            _ => {}
        }
        if terminal.json() {
            rows.push(serde_json::json!({ "vector": name, "verdict": verdict, "reason": text }));
        } else if verdict == "failed" || args.all {
            terminal.line(format!("{verdict:<7} {name}: {text}"));
        }
    }
    terminal.progress_end();
    if terminal.json() {
        let value = serde_json::json!({ "vectors": rows, "passed": passed, "failed": failed });
        terminal.line(value.to_string());
    } else {
        let style = if failed > 0 { Style::Bad } else { Style::Good };
        let line = format!("{passed} passed, {failed} failed");
        terminal.line(terminal.styled(style, &line));
    }
    match (passed + failed, failed) {
        (0, _) => {
            let folder = args.folder.display();
            Err(Failure::new(Exit::NothingRan, format!("{folder}: no .data files below it")))
        }
        (_, 0) => Ok(Exit::Agreed),
        _ => Ok(Exit::Finding),
    }
}

fn judge(path: &Path, kind: Kind, engine: EngineName) -> Result<(&'static str, String), Failure> {
    let text = files::read_all(path)?;
    let text = String::from_utf8_lossy(&text);
    // What must be caught may be caught by what a verifier would refuse.
    let mode = match kind {
        Kind::Runs => Mode::Kernel,
        Kind::IsCaught => Mode::Strict,
    };
    let judged = run_vector(&text, engine.engine(), mode);
    let is_passed = match kind {
        Kind::Runs => judged.is_agreed(),
        Kind::IsCaught => judged.is_caught(),
    };
    Ok((if is_passed { "passed" } else { "failed" }, judged.to_string()))
}
