//! Objects of clang wherever a filter is named: `check`, `fuzz`, campaigns, and what they find.

mod support;

use std::path::Path;
use std::process::{Command, Output};

use fuserig::prelude::*;
use fuserig::sim::{Class, Ending};
use fuserig_filters::engine::{BpfFilter, Limits, kernel};

use support::print_skip;

/// Two filters that go wrong when they run: `past_table` and `spin`.
const TRAPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../filters/tests/object/data/traps.o");
const LIBRARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../filters/bpf");
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../traces/corpus");

fn fuserig(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(arguments)
        .output()
        .expect("the binary was built")
}

/// Runs a command, checks its exit code, and gives what it prints.
#[track_caller]
fn prints(arguments: &[&str], code: i32) -> String {
    let output = fuserig(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{text}{said}");
    text
}

fn object(name: &str) -> String {
    format!("{LIBRARY}/{name}.o")
}

#[test]
fn fuzz_finds_a_store_past_a_map_value_for_one_length_of_name_and_shrinks_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let kept = directory.path().to_str().expect("temporary paths are text");
    let filter = format!("{TRAPS}:past_table");
    let text = prints(&["fuzz", &filter, "--output", kept], 1);
    let first = text.lines().next().expect("it says something");
    // Which length is met first is a matter of the seed.
    assert!(
        first.starts_with("trap        no_trap: lookup_prefilter: 1 byte at offset "),
        "{first}"
    );
    let wanted = " of a value of map `lengths` (9 bytes): past the end, at instruction ";
    assert!(first.contains(wanted), "{first}");
    assert!(first.ends_with("of note_length, traps.bpf.c:29"), "{first}");
    assert!(text.contains("operations shrunk to 1\n"), "{text}");
    assert!(text.contains("table->seen[bpf_fuse_return_len(name)]++;"), "{text}");
    let named = |extension: &str| {
        let files = std::fs::read_dir(directory.path()).expect("it was made");
        let mut paths = files.map(|file| file.expect("readable").path());
        let path = paths.find(|path| path.extension().is_some_and(|found| found == extension));
        path.expect("every form is kept").to_str().expect("text").to_owned()
    };
    let again = prints(&["fuzz", &filter, "--case", &named("json"), "--output", "none"], 1);
    assert_eq!(again.lines().next(), Some(first));
    let test = std::fs::read_to_string(named("rs")).expect("it was written");
    assert!(test.contains(".run(subject)\n        .or_report();"), "{test}");
}

#[test]
fn a_loop_without_end_is_a_finding_of_its_own() {
    let bytes = std::fs::read(TRAPS).expect("it is committed");
    // A small budget, because the shrinker runs into it again and again.
    let limits = Limits { budget: 1000, ..Limits::default() };
    let loaded = BpfFilter::load(&bytes, Some("spin"), Abi::V4, limits).expect("it loads");
    let subject = Subject::new(Abi::V4, move || loaded.clone()).over("/a 'x'");
    let found = Simulation::new(Seed(3)).runs(200).run(subject).result().expect_err("it spins");
    assert_eq!((found.class, found.case.operations()), (Class::Trap, 1), "{found}");
    let message = &found.violation.message;
    let wanted = "mkdir_prefilter: the budget of 1000 instructions is spent, at instruction ";
    assert!(message.starts_with(wanted), "{message}");
    assert!(matches!(&found.record.ending, Ending::Trapped { at: Some(_), .. }));
    assert!(found.to_string().contains("last jumps taken at"), "{found}");
}

#[test]
fn a_trap_is_a_failure_of_a_scenario() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("trap.scn");
    let text = format!(
        "title a trap\nabi v4\nmount filter=f\nfilter f = {TRAPS}:past_table\n\nlower\n  \
         /notes.txt 'hi'\n\nclient c pid=1 uid=0 gid=0 umask=022\n\nrun\n  \
         c: stat(\"notes.txt\") = ?\n"
    );
    std::fs::write(&file, text).expect("writable");
    let path = file.to_str().expect("temporary paths are text");
    let text = prints(&["run", path], 1);
    assert!(text.contains("the filter was stopped: lookup_prefilter: 1 byte at"), "{text}");
}

#[test]
fn check_says_what_the_static_check_and_the_engine_say_of_an_object() {
    let filter = format!("{TRAPS}:past_table");
    let text = prints(&["check", &filter, "--runs", "20", "--output", "none"], 1);
    assert!(text.contains("passed  static check 0 errors, 0 warnings"), "{text}");
    assert!(text.contains("failed  traps        "), "{text}");
    assert!(text.contains("skipped  simulation"), "{text}");
    let sins = format!("{}/../filters/tests/object/data/sins.o", env!("CARGO_MANIFEST_DIR"));
    let text = prints(&["check", &sins, "--runs", "1", "--output", "none"], 1);
    assert!(text.contains("failed  static check "), "{text}");
    assert!(text.contains("VER-2") || text.contains("past its end"), "{text}");
}

#[test]
fn an_object_that_does_not_load_is_a_finding_of_check_with_the_reason() {
    let android = object("deny_uid.android");
    let text = prints(&["check", &android, "--output", "none"], 1);
    assert!(text.contains("failed  load "), "{text}");
    assert!(text.contains("the object has no filter"), "{text}");
}

/// Checks a filter of the library without much work.
#[track_caller]
fn library(name: &str, runs: &str, code: i32) -> String {
    let (filter, corpus) = (object(name), format!("{CORPUS}/shell.frt"));
    let arguments = ["check", &filter, "--runs", runs, "--output", "none", "--corpus", &corpus];
    let text = prints(&arguments, code);
    assert!(text.contains("passed  static check 0 errors, 0 warnings"), "{name}: {text}");
    assert!(text.contains("passed  traps        0 different in "), "{name}: {text}");
    text
}

#[test]
fn the_filters_of_the_library_pass_check() {
    for name in [
        "alias_lookup",
        "audit_ring",
        "deny_uid",
        "hide_names",
        "media_view",
        "read_only",
        "redact_list",
        "strip_setid",
        "uid_quota",
        "write_limit",
        "xattr_guard",
    ] {
        library(name, "8", 0);
    }
}

/// Engines besides the interpreter that there are here.
fn engines() -> Vec<&'static str> {
    match kernel::availability() {
        Ok(()) => vec!["rbpf", "kernel"],
        Err(error) => {
            print_skip(&format!("the kernel as an engine: {error}"));
            vec!["rbpf"]
        }
    }
}

#[test]
fn every_engine_agrees_with_the_interpreter_about_the_library() {
    let trace = format!("{CORPUS}/shell.frt");
    for (name, calls) in LIBRARY_CALLS {
        for engine in engines() {
            let filter = object(name);
            let arguments = ["replay", &trace, "--filter", &filter, "--against", "none"];
            let crossed = [&arguments[..], &["--engine", engine, "--cross-check"]].concat();
            let text = prints(&crossed, 0);
            let head = format!("cross-check: interp and {engine} agree in ");
            let line = text.lines().find_map(|line| line.trim().strip_prefix(&head));
            let count = line.and_then(|line| line.split(' ').next()?.parse::<u64>().ok());
            assert!(count.is_some_and(|count| count >= calls), "{name} {engine}: {text}");
        }
    }
}

/// Filters of the library, and how many calls of their members a small trace makes at least.
const LIBRARY_CALLS: [(&str, u64); 11] = [
    ("alias_lookup", 50),
    ("audit_ring", 5),
    ("deny_uid", 50),
    ("hide_names", 50),
    ("media_view", 50),
    ("read_only", 5),
    ("redact_list", 1),
    ("strip_setid", 0),
    ("uid_quota", 1),
    ("write_limit", 1),
    ("xattr_guard", 0),
];

#[test]
fn what_is_not_proven_is_a_finding_when_it_is_asked_for() {
    let filter = object("hide_names");
    prints(&["filter", "vet", &filter], 0);
    let quota = object("uid_quota");
    let text = prints(&["filter", "vet", &quota], 0);
    assert!(text.contains("places not proven, left to the run (--strict shows them)"), "{text}");
    let text = prints(&["filter", "vet", &quota, "--strict"], 1);
    assert!(text.contains("unproven   an access through a pointer"), "{text}");
}

#[test]
fn the_verifier_of_this_kernel_accepts_good_members_and_refuses_wrong_ones() {
    let is_there = Path::new("/sys/kernel/btf/vmlinux").exists();
    if !is_there || kernel::availability().is_err() {
        print_skip("the verifier of this kernel: no bpf() or no types of the kernel");
        return;
    }
    let text = prints(&["filter", "vet", &object("read_only"), "--kernel"], 0);
    assert!(text.ends_with("17 accepted, 0 refused, 0 not judged\n"), "{text}");
    let text = prints(&["filter", "vet", &object("deny_uid"), "--kernel"], 0);
    assert!(text.contains("it reads task_struct, whose layout here is the ABI's"), "{text}");
    let sins = format!("{}/../filters/tests/object/data/sins.o", env!("CARGO_MANIFEST_DIR"));
    let text = prints(&["filter", "vet", &sins, "--kernel"], 1);
    let open = text.split("refused    sins.open_prefilter\n").nth(1).expect("past the end");
    let why: Vec<&str> = open.lines().take(2).map(str::trim).collect();
    assert!(why[0].starts_with("invalid access to map value, value_size=8 off=8"), "{why:?}");
    assert!(why[1].starts_with("sins.bpf.c:29: "), "{why:?}");
}

#[test]
fn a_replay_on_another_engine_says_the_same() {
    let (trace, filter) = (format!("{CORPUS}/shell.frt"), object("hide_names"));
    let arguments = ["replay", &trace, "--filter", &filter, "--against", "none"];
    let reference = prints(&arguments, 0);
    for engine in engines() {
        let other = [&arguments[..], &["--engine", engine]].concat();
        assert_eq!(prints(&other, 0), reference, "{engine}");
    }
    prints(&["replay", &trace, "--filter", "hide:x", "--engine", "rbpf"], 2);
    prints(&["replay", &trace, "--cross-check"], 2);
}

#[test]
fn a_campaign_knows_the_object_that_it_was_planned_with() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let place = |name: &str| directory.path().join(name);
    let text = |path: &Path| path.to_str().expect("temporary paths are text").to_owned();
    let (plan, results) = (text(&place("plan.json")), text(&place("out")));
    let filter = text(&place("filter.o"));
    std::fs::copy(object("audit_ring"), &filter).expect("writable");
    let trace = format!("{CORPUS}/shell.frt");
    prints(&["campaign", "plan", &trace, "--filter", &filter, "-o", &plan], 0);
    prints(&["campaign", "run", &plan, "--results", &results], 0);
    std::fs::copy(object("read_only"), &filter).expect("writable");
    let others = text(&place("others"));
    let output = fuserig(&["campaign", "run", &plan, "--results", &others]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("is not the object of the plan"), "{said}");
}
