//! The C filters of `filters/bpf`, as committed.

use std::fmt::Write as _;

use fuserig_filters::object::{LoadTarget, load_for};
use fuserig_filters::program::ProgramKind;

use crate::common::snapshot;

macro_rules! library {
    ($($name:literal for $abi:literal,)*) => {
        [$(($name, $abi, &include_bytes!(concat!("../../bpf/", $name, ".o"))[..]),)*]
    };
}

#[test]
fn every_filter_of_the_library_loads_for_its_abi() {
    let objects = library!(
        "alias_lookup" for "v4",
        "audit_ring" for "v4",
        "deny_uid" for "v4",
        "deny_uid.android" for "android",
        "hide_names" for "v4",
        "media_view" for "v4",
        "read_only" for "v4",
        "redact_list" for "v4",
        "selftests" for "v4",
        "strip_setid" for "v4",
        "uid_quota" for "v4",
        "write_limit" for "v4",
        "xattr_guard" for "v4",
    );
    let mut text = String::new();
    for (name, abi, bytes) in objects {
        let target = LoadTarget::built_in(abi).expect("built in");
        let linked = load_for(bytes, target).unwrap_or_else(|error| panic!("{name}: {error}"));
        for filter in &linked.struct_ops {
            // The selftests attach several filters of one object.
            let several = name == "selftests";
            assert!(several || filter.name == name, "a filter is called as its file");
            let members: Vec<&str> = filter.members.keys().map(String::as_str).collect();
            let _ = writeln!(text, "{}: {}", filter.name, members.join(" "));
        }
        for program in linked.programs.iter().filter(|one| one.kind == ProgramKind::Android) {
            let _ = writeln!(text, "{name}: {}", program.section);
        }
        let poisoned = linked.programs.iter().flat_map(|program| &program.insns);
        let poison = fuserig_filters::program::POISON_IMM;
        assert_eq!(poisoned.filter(|insn| insn.code == 0x85 && insn.imm == poison).count(), 0);
    }
    snapshot("library", &text);
}
