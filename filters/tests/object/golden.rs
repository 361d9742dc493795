//! What the loader makes of an object is pinned, for every instruction set.

use fuserig_abi::Abi;
use fuserig_filters::object::load;
use fuserig_filters::program::PSEUDO_KFUNC;

use crate::common::{KITCHEN, listing, snapshot};

#[test]
fn an_object_of_every_instruction_set_links_as_its_listing_says() {
    for (cpu, bytes) in KITCHEN {
        let linked = load(bytes, Abi::V4).expect("the object is good");
        snapshot(&format!("kitchen_{cpu}"), &listing(&linked));
    }
}

#[test]
fn the_same_object_links_against_each_abi() {
    let (_, bytes) = KITCHEN[2];
    let [v3, v4] = [Abi::V3, Abi::V4].map(|abi| load(bytes, abi).expect("the object is good"));
    assert_eq!(v3, v4, "nothing in it differs between the versions");
    assert_eq!(v4.kfuncs, ["bpf_fuse_get_ro_dynptr", "bpf_dynptr_slice"]);
    let calls = v4.programs[1].insns.iter().filter(|insn| insn.src == PSEUDO_KFUNC);
    assert_eq!(calls.filter(|insn| insn.code == 0x85).count(), 2);
}

#[test]
fn lines_lead_from_an_instruction_to_its_source() {
    let linked = load(KITCHEN[2].1, Abi::V4).expect("the object is good");
    let open = &linked.programs[0];
    let atomic = open.insns.iter().position(|insn| insn.code == 0xdb).expect("an atomic add");
    let line = open.line_of(atomic as u32).expect("compiled with -g");
    assert_eq!(line.text, "__sync_fetch_and_add(count, 1);");
    let last = open.insns.len() as u32 - 1;
    assert_eq!(open.function_of(last).map(|function| function.name.as_str()), Some("add"));
    assert_eq!(open.line_of(last).map(|line| line.text.as_str()), Some("return (int)total;"));
}
