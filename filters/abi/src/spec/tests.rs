//! The text form: built-in descriptions, odd types, damaged lines, random descriptions.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::btf::{Btf, BtfBuilder, BtfKind, TypeId};
use crate::description::BUILT_IN;

static GROUPED: LazyLock<String> =
    LazyLock::new(|| AbiSpec::built_in("v3-grouped").expect("built in").to_text());

#[test]
fn built_in_descriptions_survive_text_and_json() {
    for (name, _) in BUILT_IN {
        let spec = AbiSpec::built_in(name).expect("built in");
        assert_eq!(AbiSpec::parse(&spec.to_text()).expect("reads"), spec, "{name}");
        assert_eq!(AbiSpec::from_json(&spec.to_json()).expect("reads"), spec, "{name}");
    }
    assert_eq!(AbiSpec::built_in("v5"), None);
}

#[test]
fn a_type_has_one_spelling() {
    for (text, expected) in [
        ("unsigned long int", "u64"),
        ("long", "i64"),
        ("unsigned", "u32"),
        ("signed char", "i8"),
        ("char", "char"),
        ("long double", "f128"),
        ("_Bool", "bool"),
        ("__le16", "u16"),
        ("struct fuse_buffer*", "struct fuse_buffer *"),
        ("struct a **", "struct a **"),
        ("struct a *const", "struct a *const"),
        ("const struct a * const *", "const struct a *const *"),
        ("const char[15]", "const char[15]"),
        ("char[15] const", "char[15] const"),
        ("u8[4][2]", "u8[4][2]"),
        ("u8 []", "u8[]"),
        ("void(void)", "void()"),
        ("i32(struct sock *sk, ...)", "i32(struct sock *sk, ...)"),
        ("void(u32 (u8)* cb)*", "void(u32(u8)*cb)*"),
        ("union ?", "union ?"),
        ("fl_owner_t", "fl_owner_t"),
        ("volatile const u8", "volatile const u8"),
        ("enum odd\\x20name", "enum odd\\x20name"),
    ] {
        let ty: TypeRef = text.parse().expect(text);
        assert_eq!(ty.to_string(), expected, "{text}");
        assert_eq!(expected.parse::<TypeRef>().expect(expected), ty, "{expected}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, line, column, message) in [
        ("", 1, 1, "empty: the first line is `abi NAME`"),
        ("struct x size 4\n", 1, 1, "the first line, and only that, is `abi NAME`"),
        ("abi a\nabi b\n", 2, 1, "the first line, and only that, is `abi NAME`"),
        ("abi a\n  x = 1\n", 2, 3, "an indented line without a heading above it"),
        ("abi a\nthing\n", 2, 1, "expected `title`, `knows`,"),
        ("abi a\nknows everything\n", 2, 7, "unknown subject; one of constants, codes,"),
        ("abi a\nops o file size 8\n", 2, 7, "expected `struct_ops` or `prog_type`"),
        ("abi a\nstruct s size 4294967296\n", 2, 15, "4294967296 does not fit here"),
        ("abi a\nstruct s size 4\n  @0+4 f u32\n", 3, 10, "expected `:`"),
        ("abi a\nstruct s size 4\n  @0+4 f: u32 u8\n", 3, 15, "unexpected `u8`"),
        ("abi a\nenum e size 4\n  A 1\n", 3, 5, "expected `=`"),
        ("abi a\nkfunc k: u32\n", 2, 10, "expected a function such as `u32(void)`, not u32"),
        ("abi a\nhelper a\\q\n", 2, 8, "a backslash is followed by"),
        ("abi a\ntitle \\xff\n", 2, 7, "the escapes do not make valid UTF-8"),
    ] {
        let error = AbiSpec::parse(text).expect_err(text);
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        assert!(error.message.starts_with(message), "{text}: {error}");
    }
    let deep = format!("u8{}", "*".repeat(100_000));
    assert!(deep.parse::<TypeRef>().expect_err("deep").message.contains("nested too deeply"));
    let deep = format!("{}u8{}", "u8(".repeat(100_000), ")".repeat(100_000));
    assert!(deep.parse::<TypeRef>().expect_err("deep").message.contains("nested too deeply"));
}

#[test]
fn type_information_made_from_a_table_describes_the_same() {
    for abi in crate::Abi::POSTED {
        let btf = Btf::of_table(crate::AbiTable::of(abi));
        let table = AbiSpec::built_in(abi.name()).expect("built in");
        let selection = BtfSelection { roots: table.roots(), depth: 0 };
        let (spec, absent) = AbiSpec::from_btf(&btf, abi.name(), &selection).expect("small");
        assert_eq!(absent, Vec::<String>::new(), "{abi}");
        let shape = |spec: &AbiSpec| {
            let mut shape = AbiSpec {
                ops: spec.ops.clone(),
                structs: spec.structs.clone(),
                enums: spec.enums.clone(),
                ..AbiSpec { name: spec.name.clone(), ..AbiSpec::default() }
            };
            shape.ops.iter_mut().flat_map(|ops| &mut ops.members).for_each(|member| {
                (member.missing, member.opcode) = (None, None);
                // Prototypes behind pointers have no names of parameters.
                if let MemberKind::Callback(prototype) = &mut member.kind {
                    prototype.params.iter_mut().for_each(|param| param.name.clear());
                }
            });
            shape.structs.iter_mut().for_each(|structure| structure.wire = false);
            shape.to_text()
        };
        let (spec, table) = (shape(&spec), shape(&table));
        for (of_btf, of_table) in spec.lines().zip(table.lines()) {
            assert_eq!(of_btf, of_table, "{abi}");
        }
        assert_eq!(spec.len(), table.len(), "{abi}");
    }
}

#[test]
fn cycles_and_explosions_in_type_information_are_bounded() {
    let mut build = BtfBuilder::new();
    let mut inner = build.int("unsigned int", 4, 0);
    // Each level holds the one below twice and without a name: 2^40 fields.
    for _ in 0..40 {
        inner = build.structure("", 8, &[("", inner, 0), ("", inner, 4)]);
    }
    build.structure("bomb", 8, &[("", inner, 0)]);
    let cycle = build.add("cycle", BtfKind::Typedef(TypeId::VOID));
    build.set(cycle, BtfKind::Typedef(cycle));
    build.structure("odd", 8, &[("turns", cycle, 0)]);
    let btf = build.finish();
    let roots = vec!["bomb".to_owned()];
    let error = AbiSpec::from_btf(&btf, "x", &BtfSelection { roots, depth: 9 });
    assert!(error.expect_err("too large").problem.contains("without end"));
    let roots = vec!["odd".to_owned(), "cycle".to_owned()];
    let (spec, absent) =
        AbiSpec::from_btf(&btf, "x", &BtfSelection { roots, depth: 9 }).expect("small");
    assert_eq!((spec.structs.len(), absent.len()), (1, 1));
}

#[test]
fn json_that_is_no_description_is_an_error_with_a_place() {
    let wrong = AbiSpec::from_json("{\n \"name\": 3}").expect_err("no string");
    assert_eq!(wrong.line, 2);
    assert!(AbiSpec::from_json("{}").is_err());
    assert!(AbiSpec::from_json("{\"schema\": \"fuse-bpf-abi/1\"}").is_err());
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_][a-z0-9_]{0,6}", "[ -~]{1,4}", "\\PC{1,3}"]
}

/// Names that are also words of the type grammar cannot be types of their own.
fn type_name() -> impl Strategy<Value = String> {
    "t_[a-z0-9]{1,4}"
}

fn any_type() -> impl Strategy<Value = TypeRef> {
    let leaf = prop_oneof![
        Just(TypeRef::Void),
        Just(TypeRef::Char),
        Just(TypeRef::Bool),
        (0u32..5, any::<bool>()).prop_map(|(log, signed)| TypeRef::int(1 << log, signed)),
        (2u32..5).prop_map(|log| TypeRef::Float(1 << log)),
        type_name().prop_map(|name| TypeRef::Named(Tag::Name, name)),
        name().prop_map(|name| TypeRef::Named(Tag::Struct, name)),
        Just(TypeRef::Named(Tag::Union, String::new())),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(TypeRef::pointer),
            inner.clone().prop_map(TypeRef::constant),
            (inner.clone(), any::<u32>()).prop_map(|(ty, n)| TypeRef::Array(Box::new(ty), n)),
            (inner.clone(), proptest::collection::vec((type_name(), inner), 0..3), any::<bool>())
                .prop_map(|(ret, params, variadic)| {
                    let params = params.into_iter().map(|(name, ty)| Param { name, ty });
                    let params = params.collect();
                    TypeRef::Function(Box::new(Prototype { ret, params, variadic }))
                }),
        ]
    })
}

/// A description with one of everything, with random names, types and texts.
fn any_spec() -> impl Strategy<Value = AbiSpec> {
    let field = (name(), any::<u32>(), any::<u32>(), any::<Option<(u32, u32)>>(), any_type())
        .prop_map(|(name, offset, size, bits, ty)| FieldSpec { name, offset, size, bits, ty });
    let text = "[ -~\\n\\t]{0,12}";
    (
        (name(), text, proptest::sample::subsequence(Knowledge::ALL.to_vec(), 0..=5)),
        (name(), any::<bool>(), any::<u32>(), any::<bool>()),
        proptest::collection::vec(field, 0..4),
        proptest::collection::vec((name(), any::<i64>().prop_map(i128::from)), 0..4),
        (any_type(), proptest::option::of("[a-z ,]{1,9}"), any::<Option<u32>>()),
        (text, text, proptest::collection::btree_set(name(), 0..3)),
    )
        .prop_map(|(head, shape, fields, values, member, texts)| {
            let (missing, opcode) = (member.1.map(|text| text.trim().to_owned()), member.2);
            let kind = match member.0.clone() {
                TypeRef::Function(prototype) => MemberKind::Callback(*prototype),
                other => MemberKind::Data(other),
            };
            let ops = MemberSpec {
                name: shape.0.clone(),
                offset: opcode,
                size: 8,
                kind,
                missing,
                opcode,
            };
            AbiSpec {
                name: head.0.clone(),
                title: head.1,
                knows: head.2.into_iter().collect(),
                ops: vec![OpsSpec {
                    name: head.0.clone(),
                    attach: AttachKind::StructOps,
                    size: shape.2,
                    members: vec![ops],
                }],
                structs: vec![StructSpec {
                    name: shape.0.clone(),
                    union: shape.1,
                    size: shape.2,
                    wire: shape.3,
                    fields,
                }],
                constants: vec![ConstantSpec {
                    name: shape.0.clone(),
                    value: i128::from(shape.2),
                    group: head.0.clone(),
                }],
                codes: vec![CodeSpec {
                    name: shape.0.clone(),
                    value: None,
                    range: texts.0.clone(),
                    pre: texts.1.clone(),
                    post: texts.0.clone(),
                }],
                enums: vec![EnumSpec { name: shape.0.clone(), size: 4, values }],
                helpers: texts.2,
                rules: vec![RuleSpec { name: head.0.clone(), text: texts.1.clone() }],
                quirks: vec![QuirkSpec { id: head.0, class: shape.0, text: texts.1 }],
                kfuncs: Vec::new(),
            }
        })
}

proptest! {
    #[test]
    fn a_description_survives_its_text(spec in any_spec()) {
        let text = spec.to_text();
        let again = AbiSpec::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(again, spec);
    }

    #[test]
    fn a_damaged_text_is_an_error_or_a_description(at in any::<usize>(), byte in any::<u8>()) {
        let mut text = GROUPED.clone().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        fuzz_abi_spec(&text);
        text.truncate(at);
        fuzz_abi_spec(&text);
    }
}
