//! The static check: what it says about a filter full of mistakes, and that it says nothing about
//! good ones.

use std::fmt::Write as _;

use fuserig_abi::Abi;
use fuserig_filters::object::load;
use fuserig_filters::vet::vet;

use crate::common::snapshot;

#[test]
fn each_mistake_is_found_with_its_line_and_quirk() {
    let linked = load(include_bytes!("data/sins.o"), Abi::V4).expect("it loads");
    let mut text = String::new();
    for finding in vet(&linked, Abi::V4) {
        let _ = writeln!(text, "{finding}");
    }
    snapshot("sins", &text);
}

#[test]
fn the_library_has_no_findings_in_either_version() {
    let objects = [
        &include_bytes!("../../bpf/alias_lookup.o")[..],
        include_bytes!("../../bpf/audit_ring.o"),
        include_bytes!("../../bpf/deny_uid.o"),
        include_bytes!("../../bpf/hide_names.o"),
        include_bytes!("../../bpf/media_view.o"),
        include_bytes!("../../bpf/read_only.o"),
        include_bytes!("../../bpf/redact_list.o"),
        include_bytes!("../../bpf/strip_setid.o"),
        include_bytes!("../../bpf/uid_quota.o"),
        include_bytes!("../../bpf/write_limit.o"),
        include_bytes!("../../bpf/xattr_guard.o"),
    ];
    for bytes in objects {
        for abi in Abi::POSTED {
            let linked = load(bytes, abi).expect("it loads");
            let findings = vet(&linked, abi);
            assert!(findings.is_empty(), "{abi}: {}", findings[0]);
        }
    }
}
