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
use serde_json::Value;

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
    assert!(text.contains("83 rules ran on 1 filters and 1 traces"), "{text}");
    // DISP-3 changes no decision of a filter that has no release member.
    assert_eq!(code, 0, "{text}");
    let (code, text) = gate(&["--policy", "ci/templates/abi-policy.json", "--filter", "audit"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("behaviour:audit/traces/corpus/shell.frt/quirk-DISP-3"), "{text}");
}

#[test]
fn the_same_versions_agree_and_nothing_to_run_is_no_success() {
    let (code, text) = gate(&[
        "--baseline",
        "v4",
        "--on",
        "v4",
        "--filter",
        "hide:*.jpg",
        "--allow-none",
        "traces",
    ]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = with_policy(r#"{ "baseline": "v3", "versions": [] }"#, &[]);
    assert_eq!((code, text.as_str()), (3, ""));
    let (code, _) = gate(&["--baseline", "v3"]);
    assert_eq!(code, 2);
    // Zero is a failure, of filters and of traces, in every report and on the last line.
    let (code, text) = gate(&["--baseline", "v4", "--on", "v4", "--report", "junit:-"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("nothing-ran:filters") && text.contains("nothing-ran:traces"), "{text}");
    assert!(text.contains("83 rules ran on 0 filters and 0 traces\n"), "{text}");
    assert!(text.contains("failures=\"1\""), "{text}");
    let same = ["--baseline", "v4", "--on", "v4", "--allow-none", "filters"];
    assert_eq!(gate(&same).0, 4);
    assert_eq!(gate(&[&same[..], &["--allow-none", "traces"]].concat()).0, 0);
}

#[test]
fn strictness_and_suppressions_decide_and_expire() {
    let lax = r#"{ "baseline": "v3", "versions": ["v4"], "filters": ["hide:*.jpg"],
        "allow_none": ["traces"], "rungs": { "VERIFY": "warning", "BEHAVIOUR": "warning" } }"#;
    assert_eq!(with_policy(lax, &[]).0, 0);
    let known = |until: &str, id: &str| {
        let suppression = format!(r#"{{ "id": "{id}", "reason": "known", "until": "{until}" }}"#);
        format!(
            r#"{{ "baseline": "v3", "versions": ["v4"], "filters": ["hide:*.jpg"],
                "allow_none": ["traces"], "rungs": {{ "BEHAVIOUR": "note" }},
                "suppressions": [{suppression}] }}"#
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
    let on = ["--baseline", "v4", "--on", file, "--allow-none", "traces"];
    let run = |filter: &str| gate(&[&on[..], &["--filter", filter]].concat());
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

/// What the schemas of the forms require, on a gate with findings, and with one that is suppressed.
#[test]
fn reports_have_what_their_schemas_require() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |form: &str| dir.path().join(form).display().to_string();
    let policy = r#"{ "baseline": "v3", "versions": ["v4"], "allow_none": ["filters", "traces"],
        "suppressions": [{ "id": "member-inserted:fuse_ops.default_filter", "reason": "known",
                           "until": "2026-12-31" }] }"#;
    let reports: Vec<String> = ["json", "junit", "sarif", "github", "markdown"]
        .iter()
        .flat_map(|form| ["--report".to_owned(), format!("{form}:{}", at(form))])
        .collect();
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    assert_eq!(with_policy(policy, &reports).0, 1);
    let read = |form: &str| std::fs::read_to_string(at(form)).expect("it was written");
    let json: Value = serde_json::from_str(&read("json")).expect("JSON");
    assert!(json.is_object(), "{json}");
    sarif(&serde_json::from_str(&read("sarif")).expect("JSON"));
    let github = read("github");
    for line in github.lines() {
        let command = line.strip_prefix("::").expect("every line is a command");
        let (command, rest) = command.split_once("::").expect("a command and its message");
        let kind = command.split(' ').next().unwrap_or("");
        assert!(["error", "warning", "notice"].contains(&kind) && !rest.is_empty(), "{line}");
    }
    let markdown = read("markdown");
    assert!(markdown.starts_with('#') && markdown.contains("\n| "), "{markdown}");
    let junit = read("junit");
    assert!(junit.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"), "{junit}");
    for (open, close) in [("<testsuites ", "</testsuites>"), ("<failure ", "</failure>")] {
        assert_eq!(junit.matches(open).count(), junit.matches(close).count(), "{open}");
        assert!(junit.contains(open), "{open}");
    }
    assert!(junit.contains("<testcase ") && junit.contains("classname="), "{junit}");
}

/// The required properties of SARIF 2.1.0 and those that code scanning asks for.
fn sarif(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().is_some_and(|schema| schema.contains("sarif")), "{log}");
    let [run] = &log["runs"].as_array().expect("runs")[..] else { panic!("one run") };
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "fuserig");
    let rules = driver["rules"].as_array().expect("rules");
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().expect("an id")).collect();
    let results = run["results"].as_array().expect("results");
    assert!(!results.is_empty());
    for result in results {
        let id = result["ruleId"].as_str().expect("a rule");
        assert!(ids.contains(&id), "{id} is in the list of rules");
        if let Some(index) = result["ruleIndex"].as_u64() {
            assert_eq!(ids[usize::try_from(index).expect("small")], id);
        }
        assert!(!result["message"]["text"].as_str().expect("a message").is_empty());
        let level = result["level"].as_str().expect("a level");
        assert!(["none", "note", "warning", "error"].contains(&level), "{level}");
        for location in result["locations"].as_array().into_iter().flatten() {
            let physical = &location["physicalLocation"];
            assert!(physical.is_null() || physical["artifactLocation"]["uri"].is_string());
        }
        for suppression in result["suppressions"].as_array().into_iter().flatten() {
            let kind = suppression["kind"].as_str().expect("a kind");
            assert!(["inSource", "external"].contains(&kind), "{kind}");
        }
    }
    let suppressed = |result: &&Value| {
        result["suppressions"].as_array().is_some_and(|suppressions| !suppressions.is_empty())
    };
    assert_eq!(results.iter().filter(suppressed).count(), 1);
}

/// The command of the workflow, with its policy, does what the workflow goes on with.
#[test]
fn the_workflow_runs_a_command_that_leaves_its_files() {
    let workflow = std::fs::read_to_string(root().join("ci/templates/abi-gate.yml"));
    let workflow = workflow.expect("it is there");
    let from = workflow.find("fuserig abi gate --policy").expect("the gate is run");
    let command = &workflow[from..];
    let end = command.find("\n      - name").expect("a step follows");
    let words: Vec<&str> = command[..end].split_whitespace().filter(|word| *word != "\\").collect();
    let dir = tempfile::tempdir().expect("a directory");
    let below = dir.path().display().to_string();
    let words: Vec<String> = words[3..]
        .iter()
        .map(|word| match *word {
            "abi-policy.json" => "ci/templates/abi-policy.json".to_owned(),
            word => word.replace(":abi-gate.", &format!(":{below}/abi-gate.")),
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (code, text) = gate(&words);
    assert_eq!(code, 0, "{text}");
    for file in ["abi-gate.xml", "abi-gate.sarif", "abi-gate.md"] {
        assert!(workflow.contains(file) && dir.path().join(file).exists(), "{file}");
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
            let mut found = load_findings("x.o", &object, &spec, Libbpf::Since14);
            // The loader takes what libbpf would not, for `filter vet` to say more about it.
            found.retain(|finding| finding.rule != "load-program-unused");
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
        let diff =
            behaviour(&trace, &make, &lower, [Abi::V3, Abi::V4], &|_, _| {}).expect("it replays");
        let (changed, calls) = (diff.changed(), diff.calls);
        text.push_str(&format!("{name} with {filter}: {changed} of {calls} calls differ\n"));
        for (cause, group) in &diff.groups {
            text.push_str(&format!("  {cause}: {} calls\n", group.calls));
            text.push_str(&format!("    v3 {}\n    v4 {}\n", group.old, group.new));
            for line in group.example.lines() {
                text.push_str(&format!("    | {line}\n"));
            }
        }
        let same =
            behaviour(&trace, &make, &lower, [Abi::V4, Abi::V4], &|_, _| {}).expect("it replays");
        assert_eq!((same.changed(), same.ended), (0, None), "{name}: a version equals itself");
    }
    snapshots(|| insta::assert_snapshot!("behaviour-v3-v4", text));
}
