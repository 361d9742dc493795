//! The reference of every id, made from the tables that the program itself uses.

use std::fmt::Write as _;

use fuserig::cli::Exit;
use fuserig::gate::LOAD_IDS;
use fuserig::invariant::KNOWN;
use fuserig::report::{FindingClass, IDS, Severity};
use fuserig_abi::diff::RULES;
use fuserig_abi::{Abi, AbiTable, Op, Quirk};
use fuserig_filters::vet::VetClass;
use fuserig_traces::record::{CallFlags, NoteKind, OpFlags, RecordKind, StageKind};

use super::absent;
use super::support::workspace;

/// Writes a line; strings take everything.
macro_rules! line {
    ($text:ident) => { $text.push('\n') };
    ($text:ident, $($argument:tt)*) => {
        writeln!($text, $($argument)*).expect("strings take everything")
    };
}

/// The whole page.
pub(crate) fn markdown() -> String {
    let mut text = String::new();
    line!(text, "# Reference");
    line!(text);
    line!(
        text,
        "Made from the tables by `cargo test -p fuserig --test docs`, which fails when this"
    );
    line!(text, "page says something else. Ids never change in meaning.");
    exits(&mut text);
    findings(&mut text);
    events(&mut text);
    members(&mut text);
    quirks(&mut text);
    text
}

/// What is otherwise behind an ordinary mount.
fn mounted(text: &mut String) {
    line!(text);
    line!(
        text,
        "With `fuzz --mounted` all of this is asked of the filter as `fuserig mount` has it:\n\
         clients call an ordinary kernel, which keeps names, attributes and pages and sends\n\
         FUSE requests to the server of a mount. Of `fuzz none` one run in eight is so in any\n\
         case. What `posix` lets pass there, because the protocol or the kernel in front has it\n\
         so:"
    );
    line!(text);
    line!(text, "| what | why |");
    line!(text, "|---|---|");
    for (what, why) in [
        (
            "fallocate that moves bytes is EOPNOTSUPP",
            "the kernel sends no other mode than to reserve, to punch and to zero",
        ),
        ("a device is not opened (EACCES)", "such mounts are `nodev`"),
        ("`trusted.` names are listed for everybody", "a request has no capabilities"),
        (
            "setgid goes although the caller is of the group",
            "a request has one group of its caller's",
        ),
        ("a read does not move the access time", "the kernel reads what it keeps"),
        (
            "once calls overlapped, an older ctime, of a directory older times, links and length, and \
             an older mode where a list of rights was set",
            "a reply that was under way while they changed is believed when it comes",
        ),
        ("anything, with `--faults`", "the kernel keeps what it was told before something failed"),
        (
            "EACCES for a name that is too long",
            "the kernel of the patches says that it is not there (LOOK-2)",
        ),
    ] {
        line!(text, "| {what} | {why} |");
    }
    line!(text);
    line!(
        text,
        "A write that the filter refuses in part is short, since the kernel writes in pieces.\n\
         What is found there has a scenario that says `mount served`."
    );
}

fn head(text: &mut String, title: &str, columns: &[&str]) {
    line!(text);
    line!(text, "{title}");
    line!(text);
    line!(text, "| {} |", columns.join(" | "));
    line!(text, "|{}", "---|".repeat(columns.len()));
}

/// Cells may not hold the sign that ends them.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn exits(text: &mut String) {
    head(text, "## Exit codes", &["code", "meaning"]);
    for (exit, about) in Exit::TABLE {
        line!(text, "| {} | {about} |", exit.code());
    }
    line!(text);
    line!(text, "`record` returns the status of its command.");
}

fn findings(text: &mut String) {
    line!(text);
    line!(text, "## Findings");
    head(text, "Classes, in every form of report:", &["class"]);
    for class in FindingClass::ALL {
        line!(text, "| `{class}` |");
    }
    let severities = [Severity::Error, Severity::Warning, Severity::Note];
    let names: Vec<String> = severities.iter().map(|severity| format!("`{severity}`")).collect();
    line!(text);
    line!(text, "Severities: {}. Only errors make a check fail.", names.join(", "));
    head(text, "### Of simulations (`check`, `fuzz`)", &["id", "what holds"]);
    for (name, about) in KNOWN {
        line!(text, "| `{name}` | {about} |");
    }
    mounted(text);
    head(text, "### Of the static check (`filter vet`)", &["class", "what it means"]);
    let classes = [
        (VetClass::Refused, "a kernel refuses the program"),
        (VetClass::Crash, "the kernel crashes when it happens"),
        (VetClass::Wrong, "accepted, and not what it says"),
        (VetClass::Ignored, "accepted, and without effect"),
        (VetClass::Never, "never runs"),
    ];
    for (class, about) in classes {
        line!(text, "| `{}` | {about} |", class.name());
    }
    line!(text);
    line!(text, "Most carry the id of the quirk that makes it so.");
    head(text, "### Of loading (`abi check`, `abi gate`)", &["id", "what it looks for"]);
    for (id, about) in LOAD_IDS {
        line!(text, "| `{id}` | {about} |");
    }
    head(text, "### Of ABI differences (`abi diff`, `abi gate`)", &["id", "what it looks for"]);
    for rule in RULES {
        line!(text, "| `{}` | {} |", rule.id, cell(rule.about));
    }
    line!(text);
    line!(text, "The id of one change is `RULE:SUBJECT`; policies name either.");
    let title = "### Of other commands (`check`, `replay`, `abi gate`)";
    head(text, title, &["id", "what it says"]);
    for (id, about) in IDS {
        line!(text, "| `{id}` | {about} |");
    }
}

fn events(text: &mut String) {
    line!(text);
    line!(text, "## Events");
    line!(text);
    line!(text, "What `trace show` prints. A record is of one of these kinds:");
    line!(text);
    for kind in RecordKind::ALL {
        line!(text, "- `{kind}`, blocks of kind {}", kind.number());
    }
    head(text, "### Stages", &["number", "name", "what happened"]);
    for ((kind, name), about) in StageKind::NAMED.iter().zip(StageKind::ABOUT) {
        line!(text, "| {} | `{name}` | {} |", kind.0, cell(about));
    }
    let mut list = |title: &str, marks: &mut dyn Iterator<Item = (u16, &str)>| {
        line!(text);
        line!(text, "{title}");
        line!(text);
        for (bit, name) in marks {
            line!(text, "- `{name}` {bit}");
        }
    };
    let mut flags = OpFlags::NAMES.iter().map(|(flag, name)| (flag.0, *name));
    list("Marks of operations:", &mut flags);
    let mut flags = CallFlags::NAMES.iter().map(|(flag, name)| (flag.0, *name));
    list("Marks of system calls:", &mut flags);
    let mut kinds = NoteKind::NAMED.iter().map(|(kind, name)| (kind.0, *name));
    list("Kinds of notes:", &mut kinds);
}

fn members(text: &mut String) {
    let (v3, v4) = (AbiTable::of(Abi::V3), AbiTable::of(Abi::V4));
    let columns = ["member", "v3", "v4", "arguments after meta"];
    head(text, "## Members", &columns);
    for row in v4.slots() {
        let old = v3.slot(row.slot).map_or("-".to_owned(), |row| row.offset.to_string());
        let names: Vec<String> =
            row.args[1..].iter().map(|arg| format!("`{} {}`", arg.type_name, arg.name)).collect();
        let names = if names.is_empty() { "-".to_owned() } else { names.join(", ") };
        line!(text, "| `{}` | {old} | {} | {names} |", row.member, row.offset);
    }
    line!(text);
    line!(
        text,
        "The numbers are offsets in `struct fuse_ops`; `fuserig abi show v4 MEMBER` says more."
    );
}

fn quirks(text: &mut String) {
    line!(text);
    line!(text, "## Quirks");
    line!(text);
    line!(
        text,
        "What the modelled kernels do and nobody would expect. A run that meets one says so;"
    );
    line!(
        text,
        "`--fidelity intended` does what was meant where that can be said, and reports none."
    );
    let columns = ["id", "versions", "class", "operations", "what happens", "shown by"];
    head(text, "", &columns);
    for quirk in Quirk::ALL {
        let absent = absent::LIST.iter().find(|(id, _)| *id == quirk.id());
        let shown = match absent {
            Some((_, reason)) => format!("not modelled: {reason}"),
            None => "`tests/quirks`, in both fidelities".to_owned(),
        };
        line!(
            text,
            "| {quirk} | {} | {} | {} | {} | {shown} |",
            quirk.versions().join(" "),
            quirk.klass(),
            operations(*quirk),
            cell(quirk.text()),
        );
    }
}

fn operations(quirk: Quirk) -> String {
    let concerned: Vec<&str> =
        Op::ALL.into_iter().filter(|op| quirk.concerns(*op)).map(Op::name).collect();
    if concerned.len() == Op::ALL.len() { "all".to_owned() } else { concerned.join(" ") }
}

#[test]
fn every_invariant_stands_in_the_table() {
    let mut folders = vec![workspace().join("harness/src/invariant")];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the module is a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(path).expect("a source");
            for (_, rest) in source
                .match_indices("\n    fn name(&self) -> &str {\n        \"")
                .map(|(at, head)| source.split_at(at + head.len()))
            {
                let name = rest.split('"').next().expect("a string ends");
                assert!(KNOWN.iter().any(|(known, _)| *known == name), "{name} stands in no table");
                found += 1;
            }
        }
    }
    assert!(found >= 11, "only {found} invariants were found");
}

/// Every id that a source makes a finding of by name stands in a table of the page.
#[test]
fn every_id_of_a_finding_stands_in_the_reference() {
    let page = markdown();
    let mut folders = vec![workspace().join("harness/src")];
    let mut found = std::collections::BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_source = path.extension().is_some_and(|end| end == "rs");
            if !is_source || path.ends_with("report/tests.rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).expect("a source");
            let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code: String = code.map(|line| line.trim().to_owned() + " ").collect();
            for call in code.split("Finding::new(").skip(1) {
                let rule = call.split(',').nth(1).unwrap_or_default().trim();
                if let Some(id) = rule.strip_prefix('"').and_then(|rule| rule.strip_suffix('"')) {
                    assert!(page.contains(&format!("| `{id}` |")), "{id} is in no table");
                    found.insert(id.to_owned());
                }
            }
        }
    }
    assert!(found.len() >= 6, "only {found:?} were found");
}
