//! `fuserig filter vet`.

use std::collections::BTreeMap;

use fuserig_abi::btf::Btf;
use fuserig_abi::{Abi, AbiTable, Slot};
use fuserig_filters::engine::kernel::{Opinion, opinion};
use fuserig_filters::object::{LoadProblem, load};
use fuserig_filters::program::{Linked, StructOpsMap};
use fuserig_filters::vet::{VetClass, VetFinding, unproven, vet as check};

use super::adapt;
use super::args::VetArgs;
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::maker::FilterSpec;
use super::output::{Style, Terminal};
use crate::report::{Check, Finding, FindingClass, Location, Severity};

/// The static check of an object as a row of `check`; none for filters that are no objects.
pub(super) fn static_check(spec: &FilterSpec, abi: Abi) -> Option<Check> {
    let FilterSpec::Object { name, bytes, .. } = spec else { return None };
    let own = adapt::own_abi(bytes, abi).unwrap_or(abi);
    let Ok(linked) = load(bytes, own) else {
        return Some(Check::skipped("static check", "none", "the object cannot be linked"));
    };
    if linked.struct_ops.is_empty() {
        return Some(Check::skipped("static check", "none", "the object has no filter"));
    }
    let chosen = name.as_deref().and_then(|wanted| {
        let named = |map: &&StructOpsMap| map.symbol == wanted || map.name == wanted;
        linked.struct_ops.iter().find(named).map(|map| map.name.clone())
    });
    let concerns =
        |finding: &&VetFinding| chosen.as_ref().is_none_or(|name| *name == finding.filter);
    let findings: Vec<Finding> =
        check(&linked, own).iter().filter(concerns).map(report_entry).collect();
    let errors = findings.iter().filter(|finding| finding.is_failure()).count();
    let warnings = findings.len() - errors;
    let name = format!("{errors} errors, {warnings} warnings");
    Some(Check::new("static check", name, findings))
}

/// What a kernel refuses or crashes on is an error; the rest is worth a look.
fn report_entry(finding: &VetFinding) -> Finding {
    let severity = match finding.class {
        VetClass::Refused | VetClass::Crash => Severity::Error,
        VetClass::Wrong | VetClass::Ignored | VetClass::Never => Severity::Warning,
        VetClass::Unproven => Severity::Note,
    };
    let rule = finding.class.name().replace(' ', "-");
    let subject = format!("{}.{}", finding.filter, finding.member);
    let class = FindingClass::Violation;
    let mut entry = Finding::new(class, rule, subject, &finding.text).severity(severity);
    entry = entry.message(finding.to_string());
    if let Some(quirk) = finding.quirk {
        entry = entry.fact("quirk", quirk.to_string());
    }
    if let Some((file, line, _)) = &finding.line {
        entry = entry.at(Location::line(file, *line));
    }
    entry
}

/// Loads an object and checks its filters.
pub(super) fn vet(args: &VetArgs, terminal: &mut Terminal) -> Ended {
    let bytes = files::read_all(&args.object)?;
    let linked = match load(&bytes, args.abi) {
        Ok(linked) => linked,
        // A good object that a kernel would not register is a finding, not unreadable input.
        Err(error) if matches!(error.problem(), LoadProblem::StructOps { .. }) => {
            if terminal.json() {
                let value = serde_json::json!({ "refused": error.to_string(), "findings": [] });
                terminal.line(value.to_string());
            } else {
                let word = terminal.styled(Style::Bad, "refused");
                terminal.line(format!("{word}  {error}"));
            }
            return Ok(Exit::Finding);
        }
        Err(error) => return Err(Failure::input(&args.object, &error)),
    };
    if linked.struct_ops.is_empty() {
        terminal.note("nothing to check: the object has no variable in .struct_ops");
        return Ok(Exit::NothingRan);
    }
    let open = unproven(&linked, args.abi);
    let mut findings = check(&linked, args.abi);
    if args.strict {
        findings.extend(open.iter().cloned());
        findings.sort_by_key(|finding| (finding.filter.clone(), finding.member.clone()));
    }
    let opinions = args.kernel.then(|| kernel_opinions(&linked, args.abi));
    let members: usize = linked.struct_ops.iter().map(|filter| filter.members.len()).sum();
    if terminal.json() {
        let rows: Vec<_> = findings.iter().map(row).collect();
        let value = serde_json::json!({
            "abi": args.abi.name(), "members": members, "findings": rows,
            "unproven": open.len(),
            "kernel": opinions.as_ref().map(kernel_json),
        });
        terminal.line(value.to_string());
    } else {
        print(&findings, members, terminal);
        if !args.strict && !open.is_empty() {
            let count = open.len();
            let line = format!("{count} places not proven, left to the run (--strict shows them)");
            terminal.line(terminal.styled(Style::Dim, &line));
        }
        if let Some(opinions) = &opinions {
            print_opinions(opinions, terminal);
        }
    }
    let refused = opinions.is_some_and(|opinions| {
        let refused = |asked: &Asked| matches!(asked.opinion, Opinion::Refused { .. });
        opinions.is_ok_and(|asked| asked.iter().any(refused))
    });
    Ok(if findings.is_empty() && !refused { Exit::Agreed } else { Exit::Finding })
}

/// A member that the verifier of this machine was asked about.
struct Asked {
    member: String,
    opinion: Opinion,
    /// The line of C at which it gave up.
    line: Option<String>,
}

/// The verifier's opinion of every member, or why it cannot be asked.
type Opinions = Result<Vec<Asked>, String>;

fn kernel_opinions(linked: &Linked, abi: Abi) -> Opinions {
    let told = |error: &dyn std::fmt::Display| format!("{VMLINUX}: {error}");
    let types = std::fs::read(VMLINUX).map_err(|error| told(&error))?;
    let types = Btf::read(&types).map_err(|error| told(&error))?;
    let mut asked = Vec::new();
    for filter in &linked.struct_ops {
        for (member, index) in &filter.members {
            let slot = Slot::from_name(member);
            let row = slot.and_then(|slot| AbiTable::of(abi).slot(slot));
            let (Some(row), Some(program)) = (row, linked.programs.get(*index)) else { continue };
            let opinion = opinion(linked, program, row, abi, &types);
            let opinion = opinion.map_err(|error| error.to_string())?;
            let insn = match &opinion {
                Opinion::Refused { insn, .. } => *insn,
                Opinion::Accepted | Opinion::NotJudged(_) => None,
            };
            let line = insn.and_then(|insn| program.line_of(insn));
            let line = line.map(|line| format!("{}:{}: {}", line.file, line.line, line.text));
            asked.push(Asked { member: format!("{}.{member}", filter.name), opinion, line });
        }
    }
    Ok(asked)
}

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

fn kernel_json(opinions: &Opinions) -> serde_json::Value {
    let asked = match opinions {
        Ok(asked) => asked,
        Err(reason) => return serde_json::json!({ "skipped": reason }),
    };
    let rows = asked.iter().map(|asked| {
        let (verdict, words) = words(&asked.opinion);
        serde_json::json!({
            "member": asked.member, "verdict": verdict, "words": words, "line": asked.line,
        })
    });
    rows.collect::<Vec<_>>().into()
}

fn words(opinion: &Opinion) -> (&'static str, &str) {
    match opinion {
        Opinion::Accepted => ("accepted", ""),
        Opinion::Refused { words, .. } => ("refused", words),
        Opinion::NotJudged(reason) => ("not judged", reason),
    }
}

/// One member a line, the verifier's words and the line of C below it.
fn print_opinions(opinions: &Opinions, terminal: &mut Terminal) {
    let asked = match opinions {
        Ok(asked) => asked,
        Err(reason) => {
            let line = format!("skipped: the verifier of this kernel: {reason}");
            return terminal.line(terminal.styled(Style::Dim, &line));
        }
    };
    terminal.line(terminal.styled(Style::Bold, "the verifier of this machine's kernel"));
    let mut counts = [0; 3];
    for Asked { member, opinion, line } in asked {
        let (word, words) = words(opinion);
        let (place, style) = match opinion {
            Opinion::Accepted => (0, Style::Good),
            Opinion::Refused { .. } => (1, Style::Bad),
            Opinion::NotJudged(_) => (2, Style::Dim),
        };
        counts[place] += 1;
        let word = terminal.styled(style, &format!("{word:<10}"));
        terminal.line(format!("  {word} {member}"));
        for text in [words, line.as_deref().unwrap_or_default()] {
            if !text.is_empty() {
                terminal.line(terminal.styled(Style::Dim, &format!("             {text}")));
            }
        }
    }
    let [accepted, refused, not] = counts;
    terminal.line(format!("{accepted} accepted, {refused} refused, {not} not judged"));
}

fn row(finding: &VetFinding) -> serde_json::Value {
    let line = finding.line.as_ref();
    serde_json::json!({
        "filter": finding.filter, "member": finding.member, "class": finding.class.name(),
        "quirk": finding.quirk.map(|quirk| quirk.to_string()), "text": finding.text,
        "file": line.map(|line| &line.0), "line": line.map(|line| line.1),
        "source": line.map(|line| &line.2),
    })
}

/// One finding a line, grouped by member, with the line of C below it.
fn print(findings: &[VetFinding], members: usize, terminal: &mut Terminal) {
    let mut said = String::new();
    let mut totals: BTreeMap<VetClass, usize> = BTreeMap::new();
    for finding in findings {
        *totals.entry(finding.class).or_default() += 1;
        let head = format!("{}.{}", finding.filter, finding.member);
        if head != said {
            terminal.line(terminal.styled(Style::Bold, &head));
            said = head;
        }
        let style = match finding.class {
            VetClass::Refused | VetClass::Crash => Style::Bad,
            VetClass::Wrong | VetClass::Ignored | VetClass::Never => Style::Bold,
            VetClass::Unproven => Style::Dim,
        };
        let class = terminal.styled(style, &format!("{:<10}", finding.class.name()));
        let quirk = finding.quirk.map_or(String::new(), |quirk| format!(" [{quirk}]"));
        terminal.line(format!("  {class} {}{quirk}", finding.text));
        if let Some((file, line, text)) = &finding.line {
            let place = format!("             {file}:{line}: {text}");
            terminal.line(terminal.styled(Style::Dim, place.trim_end()));
        }
    }
    let words: Vec<String> =
        totals.iter().map(|(class, count)| format!("{count} {}", class.name())).collect();
    let members = if members == 1 { "1 member".to_owned() } else { format!("{members} members") };
    match findings.len() {
        0 => {
            let line = format!("no findings in {members}");
            terminal.line(terminal.styled(Style::Good, &line));
        }
        1 => terminal.line(format!("1 finding in {members}: {}", words.join(", "))),
        count => terminal.line(format!("{count} findings in {members}: {}", words.join(", "))),
    }
}
