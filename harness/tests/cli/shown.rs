//! What commands show of what is built in, of objects and of records: for people, and as one
//! object for machines.

use super::{fuserig, text};

/// Runs a command in the checkout, and looks for parts of what it shows.
#[track_caller]
fn shows(arguments: &[&str], code: i32, parts: &[&str]) {
    let output = fuserig(arguments);
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {shown}");
    for part in parts {
        assert!(shown.contains(part), "{arguments:?} does not show {part:?}: {shown}");
    }
}

/// The object that a command prints with `--format json`.
#[track_caller]
fn object(arguments: &[&str], code: i32) -> serde_json::Value {
    let output = fuserig(&[arguments, &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one object")
}

#[test]
fn built_in_abis_are_listed_and_each_part_of_one_is_shown() {
    shows(&["abi", "list"], 0, &["v3-grouped", "struct fuse_ops, 536 bytes, 65 callbacks"]);
    let list = object(&["abi", "list"], 0);
    let names: Vec<&str> = list["abis"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|abi| abi["name"].as_str())
        .collect();
    assert_eq!(names, ["v3", "v4", "android", "v3-grouped"]);
    for (abi, name, parts) in [
        ("v4", "", &["offset  opcode   callback", "0x2000e  open_postfilter"][..]),
        ("v4", "open_prefilter", &["meta.opcode: 0x1000e", "offset in struct fuse_ops: 8"]),
        ("v4", "fuse_open_in", &["/* 8 bytes */", "uint32_t open_flags"]),
        ("v4", "bpf_fuse_get_ro_dynptr", &["const struct fuse_buffer *buffer"]),
        ("v4", "fuse_opcode", &["FUSE_LOOKUP"]),
        ("android", "", &["open pre"]),
        ("v3-grouped", "", &["name_op"]),
    ] {
        let arguments = ["abi", "show", abi, name];
        let arguments = if name.is_empty() { &arguments[..3] } else { &arguments[..] };
        shows(arguments, 0, parts);
        let machine = object(arguments, 0);
        let whole = machine.get("callbacks").or(machine.get("types")).or(machine.get("returns"));
        assert!(whole.is_some_and(|part| !part.is_null()), "{arguments:?}: {machine}");
    }
    shows(&["abi", "show", "v4", "nothing"], 2, &["no type, member or kernel function nothing"]);
}

#[test]
fn an_object_is_described_to_machines_as_to_people() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../filters/bpf/uid_quota.o");
    let info = object(&["filter", "info", path], 0);
    assert_eq!(info["filters"][0]["members"]["mkdir_prefilter"], "quota_mkdir");
    assert_eq!(info["maps"][0]["name"], "creations");
    assert!(object(&["filter", "list", path], 0).is_object());
    assert!(object(&["filter", "list"], 0).is_object());
    let code = object(&["filter", "disasm", path], 0);
    assert!(code.to_string().contains("quota_mkdir"), "{code}");
    assert!(object(&["filter", "vet", path], 0).is_object());
    for arguments in [["filter", "info", "/etc/hostname"], ["filter", "list", "/etc/hostname"]] {
        let output = fuserig(&arguments);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    }
}

#[test]
fn records_of_kernels_are_judged_for_people_and_for_machines() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/observations/v4/buffers.jsonl.zst");
    shows(&["conform", path], 0, &["33 passed, 0 failed, 0 skipped"]);
    shows(&["conform", path, "--all"], 0, &["buf.lookup.rename.same"]);
    let judged = object(&["conform", path], 0);
    assert_eq!((&judged["passed"], &judged["failed"]), (&33.into(), &0.into()));
    // A record of one version is none of the other.
    let other = fuserig(&["conform", path, "--abi", "v3"]);
    assert_eq!(other.status.code(), Some(1), "{}", text(&other.stdout));
    shows(&["conform", "/dev/null"], 3, &["no case in the file"]);
    let hostname = fuserig(&["conform", "/etc/hostname"]);
    assert_eq!(hostname.status.code(), Some(3), "{}", text(&hostname.stderr));
}
