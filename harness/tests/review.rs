//! The report that answers the review of v3: one member for each operation, or one for a family.

use std::path::Path;
use std::process::Command;

mod abi_support;

use abi_support::snapshots;

fn review(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(["abi", "review"])
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("output is text");
    (output.status.code().expect("it ended by itself"), text)
}

const CORPUS: [&str; 4] =
    ["--trace", "traces/corpus/shell.frt", "--trace", "traces/corpus/sqlite.frt"];

#[test]
fn the_question_of_the_review_is_answered_by_the_corpus() {
    let filters = [
        "--filter",
        "filters/bpf/hide_names.o,filters/bpf/hide_names.grouped.o",
        "--filter",
        "filters/bpf/deny_uid.o,filters/bpf/deny_uid.grouped.o",
        "--filter",
        "filters/bpf/redact_list.o",
        "--filter",
        "filters/bpf/deny_uid.grouped.o",
        "--filter",
        "readonly",
    ];
    let (code, text) = review(&[&filters[..], &CORPUS].concat());
    assert_eq!(code, 0, "{text}");
    snapshots(|| insta::assert_snapshot!("review", text));
}

#[test]
fn two_filters_that_are_not_the_same_are_a_finding_with_an_example() {
    let pair = "filters/bpf/read_only.o,filters/bpf/deny_uid.grouped.o";
    let (code, text) = review(&[&["--filter", pair][..], &CORPUS].concat());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("  v3         opcode"), "{text}");
}

#[test]
fn the_same_numbers_are_there_for_machines() {
    let (code, text) =
        review(&[&["--filter", "readonly", "--format", "json"][..], &CORPUS].concat());
    assert_eq!(code, 0, "{text}");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["filters"][0]["differing"], 0);
    assert_eq!(value["structs"][0]["exceeds_64"], true);
    assert_eq!(value["structs"][2]["members"], 6);
}
