//! Mistakes that a filter author makes, and what the loader says about each.

use std::fmt::Write as _;

use fuserig_abi::Abi;
use fuserig_filters::object::{LoadTarget, load, load_for};

use crate::common::{KITCHEN, snapshot};

macro_rules! bad {
    ($($name:literal)*) => {
        [$(($name, &include_bytes!(concat!("data/bad/", $name, ".o"))[..]),)*]
    };
}

#[test]
fn each_mistake_gets_an_answer_that_names_the_place_and_the_cure() {
    let objects = bad!(
        "dash_name" "data_addresses" "kconfig" "legacy_map" "license" "long_name" "no_name"
        "other_struct" "same_name" "static_program" "tail_call" "two_members" "unknown_kfunc"
        "unknown_member" "wrong_program" "wrong_prototype" "wrong_size"
    );
    let mut text = String::new();
    for (name, bytes) in objects {
        let error = load(bytes, Abi::V4).expect_err(name);
        let _ = writeln!(text, "{name}:\n  {error}");
    }
    snapshot("mistakes", &text);
}

#[test]
fn what_is_no_object_is_told_from_what_is_damaged() {
    let (_, good) = KITCHEN[2];
    let check = |change: &dyn Fn(&mut Vec<u8>), expected: &str| {
        let mut bytes = good.to_vec();
        change(&mut bytes);
        let error = load(&bytes, Abi::V4).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&|bytes| bytes.clear(), "not an ELF file");
    check(&|bytes| bytes[4] = 1, "not a 64-bit ELF file");
    check(&|bytes| bytes[5] = 2, "clang -target bpfel");
    check(&|bytes| bytes[18] = 62, "an object of another machine");
    check(&|bytes| bytes[16] = 2, "not a relocatable object");
    check(&|bytes| bytes.truncate(1000), "damaged");
    check(&|bytes| bytes[..4].copy_from_slice(b"BC\xc0\xde"), "bitcode");
}

#[test]
fn android_has_no_struct_ops() {
    let android = LoadTarget::built_in("android").expect("built in");
    let error = load_for(KITCHEN[2].1, android).unwrap_err().to_string();
    assert!(error.contains("bpf_fuse_get_ro_dynptr does not exist in android"), "{error}");
}
