//! `fuserig conform`.

use std::path::Path;

use fuserig_abi::Abi;

use super::args::ConformArgs;
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::output::{Style, Terminal};
use super::progress::Advance;
use crate::conform::{CaseReport, ConformOptions, Verdict, conform_watched};

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    passed: usize,
    failed: usize,
    skipped: usize,
}

pub(super) fn conform(args: &ConformArgs, terminal: &mut Terminal) -> Ended {
    let mut totals = Totals::default();
    let mut files = Vec::new();
    for (at, path) in args.files.iter().enumerate() {
        let what = match args.files.len() {
            1 => "conform: played".to_owned(),
            count => format!("conform: file {} of {count}: played", at + 1),
        };
        let mut advance = |done: u64, total: u64| {
            let total = Some(total);
            terminal.advance(&Advance { what: &what, unit: "cases", done, total });
        };
        let abi = args.abi.unwrap_or_else(|| abi_of(path));
        let text = files::read_all(path)?;
        let options = ConformOptions::new(abi);
        let reports = conform_watched(&text, &options, &mut advance)
            .map_err(|error| Failure::input(path, &error))?;
        if !terminal.json() && args.files.len() > 1 {
            terminal.line(terminal.styled(Style::Bold, &format!("{} ({abi})", path.display())));
        }
        for report in &reports {
            totals.add(report);
            if !terminal.json() && (args.all || report.verdict != Verdict::Passed) {
                terminal.line(report.to_string());
            }
        }
        files.push(file_json(path, abi, &reports));
    }
    terminal.progress_end();
    let Totals { passed, failed, skipped } = totals;
    if terminal.json() {
        let value = serde_json::json!({
            "files": files, "passed": passed, "failed": failed, "skipped": skipped,
        });
        terminal.line(value.to_string());
    } else {
        let line = format!("{passed} passed, {failed} failed, {skipped} skipped");
        let style = if failed > 0 { Style::Bad } else { Style::Good };
        terminal.line(terminal.styled(style, &line));
    }
    Ok(match (passed + failed, failed) {
        (0, _) => Exit::NothingRan,
        (_, 0) => Exit::Agreed,
        _ => Exit::Finding,
    })
}

impl Totals {
    fn add(&mut self, report: &CaseReport) {
        match report.verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed => self.failed += 1,
            Verdict::Skipped(_) => self.skipped += 1,
        }
    }
}

/// Records lie in a folder named after their ABI.
fn abi_of(path: &Path) -> Abi {
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    folder.and_then(Abi::from_name).unwrap_or(Abi::V4)
}

fn file_json(path: &Path, abi: Abi, reports: &[CaseReport]) -> serde_json::Value {
    let cases: Vec<_> = reports
        .iter()
        .map(|report| {
            let (verdict, reason) = match &report.verdict {
                Verdict::Passed => ("passed", None),
                Verdict::Failed => ("failed", None),
                Verdict::Skipped(reason) => ("skipped", Some(reason)),
            };
            serde_json::json!({
                "case": report.name, "verdict": verdict, "reason": reason,
                "differences": report.differences, "calls": report.calls,
                "quirks": report.quirks.iter().map(|quirk| quirk.id()).collect::<Vec<_>>(),
            })
        })
        .collect();
    serde_json::json!({
        "file": path.display().to_string(), "abi": abi.name(), "cases": cases,
    })
}
