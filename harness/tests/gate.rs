//! The ABI gate from outside: policies, exit codes, loading, and the behaviour of two versions.

use std::path::{Path, PathBuf};
use std::process::Command;

use fuserig::gate::{Libbpf, behaviour, load_findings};
use fuserig_abi::Abi;
use fuserig_abi::description::BUILT_IN;
use fuserig_abi::spec::AbiSpec;
use fuserig_filters::builtin;
use fuserig_filters::object::{LoadProblem, LoadTarget, declared, load_for};
use fuserig_sim_fs::{Lower, MemFs, MemFsOptions};
use fuserig_traces::Trace;
use fuserig_traces::record::Record;

mod abi_support;

use abi_support::snapshots;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs the gate and gives back its exit code and standard output.
fn gate(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(["abi", "gate", "--date", "2026-11-25"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("output is text");
    (output.status.code().expect("it ended by itself"), text)
}

fn with_policy(policy: &str, arguments: &[&str]) -> (i32, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("policy.json");
    std::fs::write(&file, policy).expect("it is written");
    let file = file.to_str().expect("a plain path");
    gate(&[&["--policy", file][..], arguments].concat())
}

#[test]
fn the_policy_of_the_template_passes_and_says_what_ran() {
    let (code, text) = gate(&["--policy", "ci/templates/abi-policy.json"]);
    assert!(text.contains("82 rules ran on 1 filters and 1 traces"), "{text}");
    // DISP-3 changes no decision of a filter that has no release member.
    assert_eq!(code, 0, "{text}");
    let (code, text) = gate(&["--policy", "ci/templates/abi-policy.json", "--filter", "audit"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("behaviour:audit/traces/corpus/shell.frt/quirk-DISP-3"), "{text}");
}

#[test]
fn the_same_versions_agree_and_nothing_to_run_is_no_success() {
    let (code, text) = gate(&["--baseline", "v4", "--on", "v4", "--filter", "hide:*.jpg"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = with_policy(r#"{ "baseline": "v3", "versions": [] }"#, &[]);
    assert_eq!((code, text.as_str()), (3, ""));
    let (code, _) = gate(&["--baseline", "v3"]);
    assert_eq!(code, 2);
}

#[test]
fn strictness_and_suppressions_decide_and_expire() {
    let lax = r#"{ "baseline": "v3", "versions": ["v4"], "filters": ["hide:*.jpg"],
        "rungs": { "VERIFY": "warning", "BEHAVIOUR": "warning" } }"#;
    assert_eq!(with_policy(lax, &[]).0, 0);
    let known = |until: &str, id: &str| {
        let suppression = format!(r#"{{ "id": "{id}", "reason": "known", "until": "{until}" }}"#);
        format!(
            r#"{{ "baseline": "v3", "versions": ["v4"], "filters": ["hide:*.jpg"],
                "rungs": {{ "BEHAVIOUR": "note" }}, "suppressions": [{suppression}] }}"#
        )
    };
    let padding = "field-removed:fuse_open_out.padding";
    assert_eq!(with_policy(&known("2026-11-25", padding), &[]).0, 0);
    let (code, text) = with_policy(&known("2026-11-24", padding), &[]);
    assert_eq!(code, 1);
    assert!(text.contains("suppression-expired:field-removed"), "{text}");
    let (code, text) = with_policy(&known("2026-12-31", "no-such:thing"), &[]);
    assert_eq!(code, 1);
    assert!(text.contains("suppression-unused:no-such:thing"), "{text}");
}

#[test]
fn a_removed_member_fails_the_filters_that_set_it_and_no_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("next.abi");
    let v4 = AbiSpec::built_in("v4").expect("built in").to_text();
    let without = v4.lines().filter(|line| !line.contains(" lookup_prefilter:"));
    std::fs::write(&file, without.collect::<Vec<_>>().join("\n")).expect("it is written");
    let file = file.to_str().expect("a plain path");
    let run = |filter: &str| gate(&["--baseline", "v4", "--on", file, "--filter", filter]);
    let (code, text) = run("hide:*.jpg");
    assert_eq!(code, 1);
    assert!(text.contains("member-removed:fuse_ops.lookup_prefilter"), "{text}");
    assert_eq!(run("readonly").0, 0, "{}", run("readonly").1);
}

#[test]
fn reports_are_written_in_every_form() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut arguments = vec!["--baseline".to_owned(), "v3".into(), "--on".into(), "v4".into()];
    let forms = ["json", "junit", "sarif", "github", "markdown"];
    for form in forms {
        let file = dir.path().join(form);
        arguments.extend(["--report".to_owned(), format!("{form}:{}", file.display())]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    assert_eq!(gate(&arguments).0, 1);
    for form in forms {
        let text = std::fs::read_to_string(dir.path().join(form)).expect("it is there");
        assert!(text.contains("member-inserted"), "{form}: {text}");
    }
}

fn objects() -> Vec<PathBuf> {
    let data = root().join("filters/tests/object/data");
    let mut found = Vec::new();
    for folder in [data.clone(), data.join("bad")] {
        for entry in std::fs::read_dir(folder).expect("it can be listed") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "o") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Two arms: what the loader refuses for a member or a kernel function is a finding, and what it
/// loads is none.
#[test]
fn the_rules_of_loading_agree_with_the_loader() {
    let mut compared = 0;
    for path in objects() {
        let bytes = std::fs::read(&path).expect("it can be read");
        let Ok(object) = declared(&bytes) else { continue };
        for (name, _) in BUILT_IN {
            let target = LoadTarget::built_in(name).expect("built in");
            let spec = AbiSpec::built_in(name).expect("built in");
            let found = load_findings("x.o", &object, &spec, Libbpf::Since14);
            let ids: Vec<&str> = found.iter().map(|finding| finding.id.as_str()).collect();
            match load_for(&bytes, target) {
                Ok(linked) if linked.struct_ops.is_empty() => {}
                Ok(_) => assert_eq!(ids, Vec::<&str>::new(), "{} on {name}", path.display()),
                Err(error) => match error.problem() {
                    LoadProblem::UnknownKernelSymbol { .. } | LoadProblem::Prototype { .. } => {
                        assert!(!ids.is_empty(), "{} on {name}: {error}", path.display());
                    }
                    _ => continue,
                },
            }
            compared += 1;
        }
    }
    assert!(compared >= 4, "{compared}");
}

#[test]
fn unknown_members_are_refused_when_set_and_by_old_loaders_always() {
    let path = root().join("filters/tests/object/data/bad/unknown_member.o");
    let object = declared(&std::fs::read(path).expect("it can be read")).expect("an object");
    let v4 = AbiSpec::built_in("v4").expect("built in");
    let ids = |libbpf| -> Vec<String> {
        let found = load_findings("x.o", &object, &v4, libbpf);
        found.into_iter().map(|finding| finding.rule).collect()
    };
    assert!(ids(Libbpf::Since14).contains(&"load-member".to_owned()), "{:?}", ids(Libbpf::Since14));
    assert!(ids(Libbpf::Before14).len() >= ids(Libbpf::Since14).len());
}

/// v3 against v4 on the corpus: what differs, grouped by cause, with the smallest example.
#[test]
fn v3_and_v4_differ_on_the_corpus_as_reviewed() {
    let mut text = String::new();
    for (name, filter) in [("shell", "audit"), ("shell", "hide:*.jpg"), ("sqlite", "audit")] {
        let file = root().join(format!("traces/corpus/{name}.frt"));
        let trace = Trace::read(std::fs::File::open(file).expect("it is there")).expect("a trace");
        let tree = trace.records.iter().find_map(|record| match record {
            Record::Tree(tree) => Some(String::from_utf8(tree.text.clone()).expect("text")),
            _ => None,
        });
        let lower = || -> Box<dyn Lower> {
            Box::new(match &tree {
                Some(text) => MemFs::from_tree(text).expect("a tree"),
                None => MemFs::new(MemFsOptions::default()),
            })
        };
        let make = |_: Abi| Some(builtin(filter).expect("built in"));
        let diff = behaviour(&trace, &make, &lower, [Abi::V3, Abi::V4]).expect("it replays");
        let (changed, calls) = (diff.changed(), diff.calls);
        text.push_str(&format!("{name} with {filter}: {changed} of {calls} calls differ\n"));
        for (cause, group) in &diff.groups {
            text.push_str(&format!("  {cause}: {} calls\n", group.calls));
            text.push_str(&format!("    v3 {}\n    v4 {}\n", group.old, group.new));
            for line in group.example.lines() {
                text.push_str(&format!("    | {line}\n"));
            }
        }
        let same = behaviour(&trace, &make, &lower, [Abi::V4, Abi::V4]).expect("it replays");
        assert_eq!((same.changed(), same.ended), (0, None), "{name}: a version equals itself");
    }
    snapshots(|| insta::assert_snapshot!("behaviour-v3-v4", text));
}
