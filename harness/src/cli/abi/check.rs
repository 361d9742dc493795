//! `abi check`.

use fuserig_abi::description::BUILT_IN;
use fuserig_filters::object::declared;

use super::args::{CheckArgs, LibbpfAge};
use super::diff::write_reports;
use super::source;
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::files;
use crate::cli::output::{Style, Terminal};
use crate::cli::progress::Advance;
use crate::gate::{LOAD_RULES, Libbpf, refusals};
use crate::report::{Check, Report, ReportForm, Verdict, human};

pub(super) fn check(args: &CheckArgs, terminal: &mut Terminal) -> Ended {
    let bytes = files::read_all(&args.object)?;
    let object = declared(&bytes).map_err(|error| Failure::input(&args.object, &error))?;
    let libbpf = match args.libbpf {
        LibbpfAge::Since14 => Libbpf::Since14,
        LibbpfAge::Before14 => Libbpf::Before14,
    };
    let names: Vec<String> = match args.abis.is_empty() {
        true => BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect(),
        false => args.abis.clone(),
    };
    let file = args.object.display().to_string();
    // Of a kernel, only what the object names is needed.
    let ops = object.ops.iter().map(|table| table.type_name.clone());
    let roots: Vec<String> =
        ops.chain(object.kfuncs.iter().map(|kfunc| kfunc.name.clone())).collect();
    let mut report = Report::new("abi check", format!("{file} on {}", names.join(", ")));
    let mut first = Vec::new();
    let total = Some(names.len() as u64);
    for (done, name) in (0..).zip(&names) {
        terminal.advance(&Advance { what: "loaded on", unit: "ABIs", done, total });
        let spec = source::one(name, &roots)?;
        let refused = refusals(&file, &object, &spec, libbpf);
        first.push(refused.first().map(|refusal| (refusal.step.call(), refusal.errno)));
        let found = refused.into_iter().map(|refusal| refusal.finding).collect();
        report.push(Check::new("loads", format!("{file} on {name}"), found));
    }
    terminal.progress_end();
    report.count("rules", LOAD_RULES);
    report.count("tables", object.ops.len() as u64);
    report.count("ABIs", names.len() as u64);
    if terminal.json() {
        terminal.text(&report.write(ReportForm::Json));
    } else {
        for (name, first) in names.iter().zip(&first) {
            let (style, word) = match first {
                None => (Style::Good, "loads".to_owned()),
                Some((_, "-")) => (Style::Bad, "has nothing to attach".to_owned()),
                Some((call, errno)) => (Style::Bad, format!("is refused: {call} returns -{errno}")),
            };
            terminal.line(format!("{name:<12} {}", terminal.styled(style, &word)));
        }
        terminal.line("");
        terminal.text(&human(&report));
    }
    write_reports(&report, &args.reports, terminal)?;
    Ok(match report.verdict() {
        Verdict::Agreed => Exit::Agreed,
        Verdict::Finding => Exit::Finding,
        Verdict::NothingRan => Exit::NothingRan,
    })
}
