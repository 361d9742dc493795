//! Every kind of relocation over two small sets of types that differ.

use fuserig_abi::btf::{
    Btf, BtfBuilder, BtfKind, Composite, EnumValue, Enumerators, KindTag, Member, TypeId,
};

use super::relocate::solve_for_tests;
use super::value::CoreKind;

/// The object's side.
fn ours() -> Btf {
    let mut build = BtfBuilder::new();
    let int = build.int("int", 4, 1);
    let uint = build.int("unsigned int", 4, 0);
    let array = build.add("", BtfKind::Array { element: uint, index: int, len: 4 });
    let inner = build.structure("", 8, &[("x", uint, 0), ("y", uint, 4)]);
    build.structure(
        "s___mine",
        40,
        &[("a", int, 0), ("list", array, 4), ("", inner, 20), ("gone", int, 28), ("next", int, 32)],
    );
    bits(&mut build, "bits", uint, 3, 5);
    set(&mut build, "e", &[("ONE", 1), ("LOST", 7)]);
    build.structure("exact", 8, &[("a", int, 0), ("b", uint, 4)]);
    build.structure("absent", 4, &[("a", int, 0)]);
    build.structure("changed", 8, &[("a", array, 0)]);
    build.finish()
}

/// The ABI's side.
fn theirs() -> Btf {
    let mut build = BtfBuilder::new();
    let int = build.int("int", 4, 1);
    let uint = build.int("unsigned int", 4, 0);
    let array = build.add("", BtfKind::Array { element: uint, index: int, len: 4 });
    let inner = build.structure("", 8, &[("y", uint, 0), ("x", uint, 4)]);
    build.structure("s", 64, &[("", inner, 0), ("list", array, 16), ("a", int, 48)]);
    bits(&mut build, "bits", uint, 12, 5);
    set(&mut build, "e", &[("ZERO", 0), ("ONE", 11)]);
    build.structure("exact", 16, &[("b", uint, 0), ("a", int, 8)]);
    build.structure("changed", 8, &[("a", int, 0)]);
    build.finish()
}

fn bits(build: &mut BtfBuilder, name: &str, of: TypeId, bit_offset: u32, bit_width: u8) {
    let member = Member { name: build.name("field"), of, bit_offset, bit_width };
    let members = vec![member];
    build.add(name, BtfKind::Struct(Composite { size: 4, bit_fields: true, members }));
}

fn set(build: &mut BtfBuilder, name: &str, values: &[(&str, u64)]) {
    let values =
        values.iter().map(|(name, bits)| EnumValue { name: build.name(name), bits: *bits });
    let values = values.collect();
    build.add(name, BtfKind::Enum(Enumerators { size: 4, signed: false, values }));
}

/// What a relocation gives: our value and theirs.
fn solve(
    kind: CoreKind,
    name: &str,
    tag: KindTag,
    access: &str,
) -> Result<(u64, Option<u64>), String> {
    let (ours, theirs) = (ours(), theirs());
    let root = ours.find_kind(name, tag).expect(name);
    solve_for_tests(&ours, &theirs, root, access, kind as u32)
}

#[test]
fn each_kind_gives_the_value_of_the_abis_types() {
    use CoreKind::*;
    let check = |kind, name, access, mine, expected| {
        let found = solve(kind, name, KindTag::Struct, access);
        assert_eq!(found, Ok((mine, expected)), "{kind:?} {name} {access}");
    };
    check(FieldByteOffset, "s___mine", "0:0", 0, Some(48));
    check(FieldByteOffset, "s___mine", "0:1:2", 12, Some(24));
    check(FieldByteOffset, "s___mine", "0:2:0", 20, Some(4));
    check(FieldByteOffset, "s___mine", "0:2:1", 24, Some(0));
    check(FieldByteOffset, "s___mine", "1:0", 40, Some(112));
    check(FieldByteOffset, "s___mine", "0:3", 28, None);
    check(FieldByteSize, "s___mine", "0:1", 16, Some(16));
    check(FieldExists, "s___mine", "0:0", 1, Some(1));
    check(FieldExists, "s___mine", "0:3", 1, Some(0));
    check(FieldSigned, "s___mine", "0:0", 1, Some(1));
    check(FieldSigned, "bits", "0:0", 0, Some(0));
    check(FieldByteOffset, "bits", "0:0", 0, Some(0));
    check(FieldByteSize, "bits", "0:0", 4, Some(4));
    check(FieldLeftShift, "bits", "0:0", 64 - 8, Some(64 - 17));
    check(FieldRightShift, "bits", "0:0", 64 - 5, Some(64 - 5));
    check(TypeExists, "s___mine", "0", 1, Some(1));
    check(TypeExists, "absent", "0", 1, Some(0));
    check(TypeSize, "s___mine", "0", 40, Some(64));
    check(TypeSize, "absent", "0", 4, None);
    check(TypeMatches, "exact", "0", 1, Some(1));
    check(TypeMatches, "s___mine", "0", 1, Some(0));
    check(FieldExists, "changed", "0:0", 1, Some(0));
    let (ours, theirs) = (ours(), theirs());
    let id = |btf: &Btf, name| btf.find_kind(name, KindTag::Struct).map(|id| u64::from(id.0));
    let (mine, other) = (id(&ours, "exact").expect("there"), id(&theirs, "exact"));
    check(TypeIdLocal, "exact", "0", mine, Some(mine));
    check(TypeIdTarget, "exact", "0", mine, other);
}

#[test]
fn values_of_enumerations_go_by_name() {
    use CoreKind::*;
    let check = |kind, access, expected| {
        assert_eq!(solve(kind, "e", KindTag::Enum, access), Ok(expected), "{kind:?} {access}");
    };
    check(EnumValue, "0", (1, Some(11)));
    check(EnumValue, "1", (7, None));
    check(EnumExists, "0", (1, Some(1)));
    check(EnumExists, "1", (1, Some(0)));
}

#[test]
fn nonsense_is_an_error_with_a_reason() {
    use CoreKind::*;
    let check = |kind, access, expected: &str| {
        let error = solve(kind, "s___mine", KindTag::Struct, access).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    check(FieldByteOffset, "0:9", "leads outside of struct s___mine");
    check(FieldByteOffset, "0:0:0", "leads outside of struct s___mine");
    check(FieldByteOffset, "x", "access `x`");
    check(FieldByteOffset, "", "access ``");
    check(TypeSize, "0:1", "of a whole type");
    check(EnumValue, "0", "it is no enumeration");
    check(FieldByteOffset, &"0:".repeat(70), "a path of more than 64 steps");
    let (ours, theirs) = (ours(), theirs());
    let error = solve_for_tests(&ours, &theirs, TypeId(1), "0", 13).unwrap_err();
    assert!(error.contains("kind 13 is not known"), "{error}");
}
