//! What a terminal gets of every command, and what a pipe gets: how far it is, with a rate, on the
//! one, and nothing on the other. A terminal is what `script` of util-linux makes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::support::{corpus, print_skip, workspace};

/// What is expected of a command.
enum Says {
    /// It may take longer than two seconds: its arguments, and how its line begins.
    HowFar(&'static str, &'static str),
    /// It does not, and the reason.
    Nothing(&'static str),
}
use Says::{HowFar, Nothing};

const TABLE: &str = "it prints tables that are built in";
const OBJECT: &str = "an object is small";

/// Every command, by its manual page.
const COMMANDS: &[(&str, Says)] = &[
    ("replay", HowFar("replay shell.frt", "replayed 1 of 370 calls")),
    ("replay", HowFar("replay daemon.frt", "replayed 0 of ")),
    ("replay", HowFar("replay shell.frt", "reading ")),
    ("run", HowFar("run one.scn one.scn", "ran 1 of 2 scenarios  50 %")),
    ("import", HowFar("import rows.jsonl -o new.frt --force", "importing ")),
    ("import-strace", HowFar("import strace app.log --root /w -o new.frt --force", "looking at ")),
    ("import-strace", HowFar("import strace app.log --root /w -o new.frt --force", "importing ")),
    ("import-fuse-strace", HowFar("import fuse-strace d.log -o new.frt --force", "looking at ")),
    ("import-fuse-strace", HowFar("import fuse-strace d.log -o new.frt --force", "importing ")),
    ("import-jsonl", HowFar("import jsonl rows.jsonl -o new.frt --force", "importing ")),
    ("import-csv", HowFar("import csv rows.csv -o new.frt --force", "importing ")),
    ("import-tracepoints", HowFar("import tracepoints t.log -o new.frt --force", "importing ")),
    ("trace-info", HowFar("trace info shell.frt", "reading ")),
    ("trace-show", HowFar("trace show shell.frt", "reading ")),
    ("trace-text", HowFar("trace text shell.frt -o new.txt --force", "reading ")),
    ("trace-text", HowFar("trace text --parse text.txt -o new.frt --force", "parsing ")),
    ("trace-diff", HowFar("trace diff shell.frt shell.frt", "comparing ")),
    ("trace-verify", HowFar("trace verify shell.frt", "checking ")),
    ("trace-repair", HowFar("trace repair shell.frt -o new.frt --force", "reading ")),
    (
        "trace-anonymise",
        HowFar(
            "trace anonymise shell.frt -o new.frt --key-file key --force",
            "proving: replayed 1 of 370 arrivals",
        ),
    ),
    ("trace-export", HowFar("trace export shell.frt --to csv -o new.csv --force", "exporting ")),
    ("trace-export", HowFar("trace export shell.frt --to chrome -o new.json --force", "exported ")),
    ("conform", HowFar("conform v4/buffers.jsonl.zst", "")),
    ("check", HowFar("check audit --runs 2 --corpus shell.frt --output none", "check: ")),
    ("fuzz", HowFar("fuzz audit --runs 3 --output none", "fuzz: did 0 of 3 runs  0 %")),
    ("filter-list", Nothing(TABLE)),
    ("filter-info", Nothing(OBJECT)),
    ("filter-disasm", Nothing(OBJECT)),
    ("filter-vet", Nothing(OBJECT)),
    ("filter-coverage", HowFar("filter coverage hide.o shell.frt", "replayed 1 of 370 calls")),
    ("campaign-plan", HowFar("campaign plan shell.frt -o new.plan --force", "planning ")),
    ("campaign-run", HowFar("campaign run plan --results new", "did 0 of 1 works  0 %")),
    ("campaign-merge", HowFar("campaign merge results", "merged 0 of 1 results  0 %")),
    ("doctor", Nothing("it asks a few files")),
    ("completions", Nothing(TABLE)),
    ("man", Nothing(TABLE)),
    ("abi-list", Nothing(TABLE)),
    ("abi-show", HowFar("abi show v4 fuse_open_in --text", "read 0 of 1 descriptions")),
    ("abi-header", Nothing(TABLE)),
    ("abi-btf", Nothing(TABLE)),
    ("abi-shim", Nothing(TABLE)),
    ("abi-diff", HowFar("abi diff v3 v4 --brief", "read 1 of 2 descriptions  50 %")),
    (
        "abi-diff",
        HowFar("abi diff v3 v4 --filter readonly --trace shell.frt", "replayed 1 of 370 calls"),
    ),
    ("abi-check", HowFar("abi check hide.o", "loaded on 1 of ")),
    (
        "abi-gate",
        HowFar(
            "abi gate --baseline v3 --on v4 --filter readonly --trace shell.frt",
            "replayed 1 of 370 calls",
        ),
    ),
    (
        "abi-review",
        HowFar("abi review --filter readonly --trace shell.frt", "replayed 1 of 370 calls"),
    ),
    ("engine-vectors", HowFar("engine vectors vectors", "ran 1 of 2 vectors  50 %")),
    ("mount", Nothing("it runs until somebody unmounts")),
    ("record", Nothing("the terminal belongs to the command that it runs")),
];

const BINARY: &str = env!("CARGO_BIN_EXE_fuserig");

/// Runs a command in a folder on a terminal; `None` where there is none to be had.
fn on_a_terminal(folder: &Path, arguments: &str, no_color: bool) -> Option<Output> {
    let mut script = Command::new("script");
    script.args(["-qec", &format!("{BINARY} {arguments}"), "/dev/null"]);
    script.current_dir(folder).stdin(Stdio::null()).env("TERM", "xterm").env_remove("NO_COLOR");
    if no_color {
        script.env("NO_COLOR", "1");
    }
    match script.output() {
        Ok(output) => Some(output),
        Err(error) => {
            print_skip(&format!("a terminal: script of util-linux cannot be run: {error}"));
            None
        }
    }
}

fn in_a_pipe(folder: &Path, arguments: &str) -> Output {
    Command::new(BINARY)
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("the binary was built")
}

/// Inputs for every command that reads one.
fn inputs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| folder.path().join(name);
    let link = |target: &Path, name: &str| {
        std::os::unix::fs::symlink(target, at(name)).expect("a temporary directory takes links");
    };
    let write = |name: &str, text: &str| std::fs::write(at(name), text).expect("scratch");
    link(&corpus("shell", "frt"), "shell.frt");
    let root = workspace();
    link(&root.join("traces/tests/fuse_strace/passthrough_ll.strace.zst"), "d.log");
    link(&root.join("filters/bpf/hide_names.o"), "hide.o");
    link(&root.join("harness/tests/data/observations/v4"), "v4");
    write(
        "one.scn",
        "title nothing\nabi v4\nmount\n\nlower\n  /a 'a'\n\nrun\n  \
                      cat(\"/a\") = \"a\"\n",
    );
    write("app.log", "7 1.0 mkdir(\"/w/a\", 0755) = 0 <0.000010>\n");
    write(
        "t.log",
        " a-7 [1] 10.1: fuse_request_send: connection 4 req 2 opcode 3 (FUSE_GETATTR) \
                    len 56\n",
    );
    write("key", "sixteen bytes or more");
    std::fs::create_dir(at("vectors")).expect("scratch");
    for name in ["a", "b"] {
        write(&format!("vectors/{name}.data"), "-- asm\nmov %r0, 3\nexit\n-- result\n0x3\n");
    }
    for arguments in [
        "import d.log -o daemon.frt",
        "trace export shell.frt --to jsonl -o rows.jsonl",
        "trace export shell.frt --to csv -o rows.csv",
        "trace text shell.frt -o text.txt",
        "campaign plan shell.frt -o plan",
        "campaign run plan --results results",
    ] {
        let output = in_a_pipe(folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments}: {said}");
    }
    folder
}

#[test]
fn every_command_is_in_the_table() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let made = in_a_pipe(folder.path(), "man -o man");
    assert!(made.status.success());
    let pages = std::fs::read_dir(folder.path().join("man")).expect("the pages were written");
    let pages: BTreeSet<String> = pages
        .map(|page| page.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .filter_map(|name| Some(name.strip_prefix("fuserig-")?.strip_suffix(".1")?.to_owned()))
        .collect();
    // A page with pages below it is not a command, but `import` guesses.
    let is_group = |name: &String| {
        name != "import" && pages.iter().any(|other| other.starts_with(&format!("{name}-")))
    };
    let commands: BTreeSet<&str> =
        pages.iter().filter(|name| !is_group(name)).map(String::as_str).collect();
    let known: BTreeSet<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, commands, "a command says how far it is, or there is a reason");
    let silent = COMMANDS.iter().filter_map(|(name, says)| match says {
        Nothing(reason) => Some((name, reason)),
        HowFar(..) => None,
    });
    assert!(silent.into_iter().all(|(_, reason)| reason.len() > 10));
}

#[test]
fn every_long_command_says_how_far_it_is_on_a_terminal_and_to_no_pipe() {
    let folder = inputs();
    let mut wrong = Vec::new();
    let mut has_rate = 0;
    for (name, says) in COMMANDS {
        let HowFar(arguments, begins) = says else { continue };
        let arguments = format!("--progress-after 0 {arguments}");
        // Outputs that must be fresh.
        let _absent = std::fs::remove_dir_all(folder.path().join("new"));
        let Some(shown) = on_a_terminal(folder.path(), &arguments, true) else { return };
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let mut parts = shown.split("\x1b[K").skip(1);
        let _absent = std::fs::remove_dir_all(folder.path().join("new"));
        let piped = in_a_pipe(folder.path(), &arguments);
        let told = [piped.stdout, piped.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        for (is_so, what) in [
            (shown.contains(&format!("\r{begins}")), "does not say how far it is"),
            // Whatever comes behind such a line is written over it, and none is left at the end.
            (parts.all(|part| part.starts_with('\r')), "leaves a line behind"),
            (!has_colours(&shown), "has colours in spite of NO_COLOR"),
            (!told.contains(['\r', '\x1b']), "says to a pipe how far it is"),
            (!told.contains("panicked"), "panics"),
        ] {
            if !is_so {
                wrong.push(format!("{name}: `{arguments}` {what}:\n  {shown:?}\n  {told:?}"));
            }
        }
        has_rate += usize::from(shown.contains("/s  ") && shown.contains(" left"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(has_rate >= 10, "only {has_rate} commands say a rate and what is left");
}

/// Whether a text has a sequence that changes colours or weights.
fn has_colours(text: &str) -> bool {
    text.split("\x1b[").skip(1).any(|rest| {
        rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';')
            .starts_with('m')
    })
}

#[test]
fn results_have_colours_on_a_terminal_unless_somebody_minds() {
    let folder = inputs();
    for arguments in [
        "replay shell.frt",
        "trace diff shell.frt shell.frt",
        "trace verify shell.frt",
        "abi diff v3 v4",
        "abi review --filter readonly --trace shell.frt",
        "filter coverage hide.o shell.frt",
        "run one.scn",
        "doctor",
    ] {
        let Some(shown) = on_a_terminal(folder.path(), arguments, false) else { return };
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(has_colours(&shown), "{arguments}: {shown:?}");
        let plain = on_a_terminal(folder.path(), arguments, true).expect("as before");
        assert!(!has_colours(&String::from_utf8_lossy(&plain.stdout)), "{arguments}");
        let never = format!("--color never {arguments}");
        let never = on_a_terminal(folder.path(), &never, false).expect("as before");
        assert!(!has_colours(&String::from_utf8_lossy(&never.stdout)), "{arguments}");
        let piped = in_a_pipe(folder.path(), arguments);
        assert!(!has_colours(&String::from_utf8_lossy(&piped.stdout)), "{arguments}");
        let always = in_a_pipe(folder.path(), &format!("--color always {arguments}"));
        assert!(has_colours(&String::from_utf8_lossy(&always.stdout)), "{arguments}");
    }
}

/// Help and mistakes of the command line as well: what prints them is not ours.
#[test]
fn help_and_mistakes_respect_no_color() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for arguments in ["--help", "replay --help", "replay --no-such-option"] {
        let Some(plain) = on_a_terminal(folder.path(), arguments, true) else { return };
        let plain = String::from_utf8_lossy(&plain.stdout).into_owned();
        assert!(!plain.contains('\x1b'), "{arguments}: {plain:?}");
        let piped = in_a_pipe(folder.path(), arguments);
        let told = [piped.stdout, piped.stderr].concat();
        assert!(!told.contains(&0x1b), "{arguments}");
    }
}
