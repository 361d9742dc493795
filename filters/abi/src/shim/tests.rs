//! The header as text; that sources compile with it is tested where clang may be run.

use super::{ShimError, c_shim};
use crate::description::{Description, built_in};

#[test]
fn every_member_has_its_macros_on_both_sides() {
    let shim = c_shim("v3", "v4").expect("a pair of members");
    for name in ["v3", "v4"] {
        let table = Description::parse(built_in(name).expect("built in")).expect("it reads");
        for member in table.ops.iter().filter_map(|callback| callback.member.as_deref()) {
            for what in ["PROGRAM", "SET"] {
                let head = format!("#define FUSERIG_{what}_{member}(function)");
                assert_eq!(shim.matches(&head).count(), 2, "{head}");
            }
        }
    }
}

#[test]
fn what_one_side_lacks_has_a_stand_in() {
    let shim = c_shim("v3", "v4").expect("a pair of members");
    let (old, new) = shim.split_once("#elif defined(FUSERIG_V4_H)").expect("two sides");
    assert!(old.contains("#define BPF_FUSE_CALL_DEFAULT BPF_FUSE_CONTINUE\n"), "{old}");
    assert!(!new.contains("#define BPF_FUSE_CALL_DEFAULT"));
    let [get, put] = ["GET", "PUT"].map(|what| format!("FUSERIG_{what}_fuse_open_out_backing_id"));
    assert!(old.contains(&format!("#define {get}(pointer, otherwise) (otherwise)\n")));
    assert!(new.contains(&format!("#define {get}(pointer, otherwise) ((pointer)->backing_id)\n")));
    assert!(
        new.contains(&format!("#define {put}(pointer, value) ((pointer)->backing_id = (value))"))
    );
    // The other way round the sides change places and say the same.
    let back = c_shim("v4", "v3").expect("a pair of members");
    let (_, old_again) = back.split_once("#elif defined(FUSERIG_V3_H)").expect("two sides");
    assert!(old_again.contains("#define FUSERIG_HAS_fuse_ops_default_filter 0\n"));
}

#[test]
fn every_operation_of_v3_is_a_case_of_one_family() {
    let shim = c_shim("v3", "v3-grouped").expect("members and families");
    let table = Description::parse(built_in("v3").expect("built in")).expect("it reads");
    for callback in &table.ops {
        let code = callback.meta_opcode.expect("v3 has no default filter");
        assert_eq!(shim.matches(&format!("\tcase {code:#x}: {{")).count(), 1, "{code:#x}");
    }
    assert!(shim.contains("FUSERIG_RO(in, struct fuse_open_in)"));
    assert!(shim.contains("FUSERIG_RW(out, struct fuse_open_out)"));
}

#[test]
fn pairs_that_no_source_serves_are_refused_with_the_reason() {
    let refused = |from: &str, to: &str| c_shim(from, to).expect_err("no header for it");
    assert_eq!(refused("v3", "v3"), ShimError::Same);
    assert_eq!(refused("v3", "android"), ShimError::NoStruct("android".into()));
    assert_eq!(refused("v3-grouped", "v3"), ShimError::FromFamilies("v3".into()));
    assert!(refused("v5", "v3").to_string().contains("unknown ABI v5"));
}
