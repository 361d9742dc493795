//! ABI descriptions as people review them: the canonical text of each built-in one.

use fuserig_abi::spec::AbiSpec;

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
