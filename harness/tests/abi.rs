//! ABI descriptions as people review them: the canonical text of each built-in one.

use fuserig::gate::cost;
use fuserig_abi::spec::AbiSpec;
use fuserig_abi::{Abi, CallArgs, Errno, Op, Phase, Slot};
use fuserig_filters::FilterEnv;
use fuserig_sim_fs::{Lower, MemFs, MemFsOptions};
use fuserig_traces::Trace;
use fuserig_traces::record::Record;

mod abi_support;

use abi_support::snapshots;

#[test]
fn the_built_in_descriptions_are_as_reviewed() {
    for name in ["v3", "v4", "android", "v3-grouped"] {
        let spec = AbiSpec::built_in(name).expect("built in");
        snapshots(|| insta::assert_snapshot!(format!("spec-{name}"), spec.to_text()));
    }
}

/// Runs the program and gives back its exit code and standard output.
fn fuserig(arguments: &[&str]) -> (i32, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("output is text");
    (output.status.code().expect("it ended by itself"), text)
}

#[test]
fn diff_ends_with_one_for_a_change_that_matters_and_zero_for_none() {
    let (code, text) = fuserig(&["abi", "diff", "v3", "v4", "--brief"]);
    assert_eq!(code, 1);
    assert!(text.contains("member-inserted:fuse_ops.default_filter"), "{text}");
    let (code, text) = fuserig(&["abi", "diff", "v4", "v4"]);
    assert_eq!((code, text.lines().next()), (0, Some("v4 -> v4: 0 changes")));
    let (code, text) = fuserig(&["abi", "diff", "v3", "v4", "v3", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&text).expect("one object");
    assert_eq!((code, value["diffs"].as_array().map(Vec::len)), (1, Some(2)));
    assert_eq!(value["chain"]["names"], serde_json::json!(["v3", "v4", "v3"]));
}

#[test]
fn what_is_written_and_read_again_is_equal() {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, json) in [("v3", false), ("v4", true), ("android", false), ("v3-grouped", true)] {
        let mut arguments = vec!["abi", "show", name, "--text"];
        arguments.extend(json.then_some(["--format", "json"]).into_iter().flatten());
        let (code, text) = fuserig(&arguments);
        assert_eq!(code, 0);
        let file = dir.path().join(name);
        std::fs::write(&file, text).expect("it is written");
        let file = file.to_str().expect("a plain path");
        assert_eq!(fuserig(&["abi", "diff", name, file]).0, 0, "{name}");
    }
}

#[test]
fn type_information_that_is_written_and_compared_is_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["v3", "v4", "v3-grouped"] {
        let file = dir.path().join(format!("{name}.btf"));
        let file = file.to_str().expect("a plain path");
        assert_eq!(fuserig(&["abi", "btf", "--abi", name, "-o", file]).0, 0);
        let (code, text) = fuserig(&["abi", "diff", name, file, "--depth", "0"]);
        assert_eq!(code, 0, "{text}");
    }
}

#[test]
fn a_kernel_is_compared_over_roots_and_says_which_it_has() {
    if !std::path::Path::new("/sys/kernel/btf/vmlinux").exists() {
        println!("skipped: this kernel shows no BTF");
        return;
    }
    assert_eq!(fuserig(&["abi", "diff", "vmlinux", "vmlinux"]).0, 2);
    let roots = ["--root", "tcp_congestion_ops", "--root", "sock"];
    let arguments = [&["abi", "diff", "vmlinux", "vmlinux"][..], &roots].concat();
    let (code, text) = fuserig(&arguments);
    assert_eq!((code, text.lines().next()), (0, Some("vmlinux -> vmlinux: 0 changes")), "{text}");
    assert_eq!(fuserig(&["abi", "diff", "vmlinux", "v4", "--root", "no_such_thing"]).0, 2);
}

#[test]
fn a_header_is_read_as_what_clang_makes_of_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("vmlinux.h");
    let path = file.to_str().expect("a plain path");
    assert_eq!(fuserig(&["abi", "header", "--abi", "v4", "-o", path]).0, 0);
    let rules_of = |what: &str| {
        let (code, text) =
            fuserig(&["abi", "diff", "v4", path, "--depth", "0", "--format", "json"]);
        if code == 5 {
            println!("skipped: {what}: clang is not installed");
            return None;
        }
        let value: serde_json::Value = serde_json::from_str(&text).expect("one object");
        let changes = value["diffs"][0]["changes"].as_array().expect("a list").clone();
        let ids = changes.iter().map(|change| change["id"].as_str().unwrap_or("").to_owned());
        Some(ids.collect::<Vec<_>>())
    };
    let Some(rules) = rules_of("read a header") else { return };
    // The header names the dynptr that a program has, the table the one that the kernel has.
    assert!(rules.iter().all(|id| id.starts_with("kfunc-pointee:bpf_fuse_get_")), "{rules:?}");
    let text = std::fs::read_to_string(&file).expect("it was written");
    let changed = text.replace(
        "\tuint32_t flags;\n\tuint32_t open_flags;\n};",
        "\tuint32_t open_flags;\n\tuint32_t flags;\n};",
    );
    assert_ne!(text, changed);
    std::fs::write(&file, changed).expect("it is ours");
    let rules = rules_of("read a changed header").expect("clang was there");
    assert!(rules.contains(&"fields-swapped:fuse_open_in".to_owned()), "{rules:?}");
    std::fs::write(&file, "struct x { no_such_type y; };").expect("it is ours");
    assert_eq!(fuserig(&["abi", "diff", "v4", path]).0, 3);
    std::fs::write(&file, "int x;").expect("it is ours");
    assert_eq!(fuserig(&["abi", "diff", "v4", path]).0, 3);
}

/// What filters of the library cost on v3 and on v4, member by member.
#[test]
fn costs_between_versions_are_as_reviewed() {
    let mut arguments = vec!["abi", "diff", "v3", "v4", "--brief", "--root", "fuse_open_in"];
    for filter in ["filters/bpf/deny_uid.o", "filters/bpf/hide_names.o", "readonly"] {
        arguments.extend(["--filter", filter]);
    }
    arguments.extend(["--trace", "traces/corpus/sqlite.frt"]);
    let (code, text) = fuserig(&arguments);
    assert_eq!(code, 0, "{text}");
    snapshots(|| insta::assert_snapshot!("cost-v3-v4", text));
    let (_, json) = fuserig(&[&arguments[..], &["--format", "json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("one object");
    assert_eq!(value["costs"].as_array().map(Vec::len), Some(3));
    assert!(value["costs"][0]["new"]["instructions"].as_u64().is_some_and(|count| count > 0));
    let lone = ["abi", "diff", "v3", "v4", "--filter", "audit"];
    assert_eq!(fuserig(&lone).0, 2, "costs need a trace");
}

/// A filter with a default that says what its member for opendir says.
#[derive(Debug)]
struct Twice;

impl fuserig_filters::Filter for Twice {
    fn name(&self) -> &str {
        "twice"
    }

    fn has(&self, slot: Slot) -> bool {
        slot == Slot::Default || slot == Slot::Member(Op::Opendir, Phase::Pre)
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, _: &mut FilterEnv<'_>) -> u32 {
        if slot != Slot::Default || args.op == Op::Opendir {
            Errno::EACCES.negative().cast_unsigned()
        } else {
            0
        }
    }
}

/// v3 calls no default, so the member is needed there; v4 does, and it is not.
#[test]
fn a_member_that_the_default_filter_makes_unnecessary_is_named() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../traces/corpus/shell.frt");
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
    let filter = |_: Abi| -> Option<Box<dyn fuserig_filters::Filter>> { Some(Box::new(Twice)) };
    let member = Slot::Member(Op::Opendir, Phase::Pre);
    let diff = cost(&trace, &filter, &lower, [Abi::V3, Abi::V4], &|_, _| {}).expect("it replays");
    assert_eq!(diff.unnecessary(), [member]);
    assert!(diff.arms[0].members[&member].decides && !diff.arms[1].members[&member].decides);
    assert!(!diff.arms[0].members.contains_key(&Slot::Default), "v3 has none");
    let same = cost(&trace, &filter, &lower, [Abi::V3, Abi::V3], &|_, _| {}).expect("it replays");
    assert_eq!((same.unnecessary(), same.arms[0] == same.arms[1]), (Vec::new(), true));
}
