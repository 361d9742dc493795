//! Round trips, damaged bytes, the tables as BTF, and a kernel's own.

use super::*;
use crate::description::{BUILT_IN, Description};
use crate::{Abi, AbiTable};

/// One type of every kind.
fn every_kind() -> Btf {
    let mut build = BtfBuilder::new();
    let int = build.int("int", 4, 1);
    let char_type = build.int("char", 1, 2);
    let array = build.add("", BtfKind::Array { element: char_type, index: int, len: 7 });
    let plain = build.structure("plain", 12, &[("count", int, 0), ("text", array, 4)]);
    let (low, high) = (build.name("low"), build.name("high"));
    let bits = vec![
        Member { name: low, of: int, bit_offset: 0, bit_width: 3 },
        Member { name: high, of: int, bit_offset: 3, bit_width: 29 },
    ];
    let bits = Composite { size: 4, bit_fields: true, members: bits };
    build.add("bits", BtfKind::Struct(bits.clone()));
    build.add("either", BtfKind::Union(bits));
    let (minus, plus) = (build.name("MINUS"), build.name("PLUS"));
    let values = vec![EnumValue { name: minus, bits: u64::MAX }, EnumValue { name: plus, bits: 1 }];
    let set = Enumerators { size: 4, signed: true, values: values.clone() };
    build.add("sign", BtfKind::Enum(set));
    build.add("wide", BtfKind::Enum64(Enumerators { size: 8, signed: false, values }));
    build.add("later", BtfKind::Fwd { is_union: true });
    let alias = build.add("alias", BtfKind::Typedef(plain));
    let volatile = build.add("", BtfKind::Volatile(alias));
    let constant = build.add("", BtfKind::Const(volatile));
    let pointer = build.add("", BtfKind::Ptr(constant));
    build.add("", BtfKind::Restrict(pointer));
    let proto = build.proto(int, &[("first", pointer), ("", TypeId::VOID)]);
    let func = build.add("run", BtfKind::Func { proto, linkage: Linkage::Global });
    let var = build.add("table", BtfKind::Var { of: alias, linkage: Linkage::Extern });
    let vars = vec![DatasecVar { var, offset: 0, size: 12 }];
    build.add(".data", BtfKind::Datasec { size: 12, vars });
    build.add("double", BtfKind::Float { size: 8 });
    build.add("kfunc", BtfKind::DeclTag { of: func, component: -1, attribute: false });
    build.add("rcu", BtfKind::TypeTag { of: plain, attribute: true });
    build.finish()
}

#[test]
fn what_is_written_is_read_again_for_every_kind() {
    let btf = every_kind();
    let mut seen: Vec<KindTag> = btf.types().map(|(_, one)| one.kind.tag()).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, KindTag::ALL, "the fixture has every kind");
    let bytes = btf.to_bytes();
    assert_eq!(Btf::read(&bytes), Ok(btf.clone()));
    assert_eq!(Btf::read(&bytes).unwrap().to_bytes(), bytes);
}

#[test]
fn sizes_look_through_modifiers_and_arrays() {
    let btf = every_kind();
    let check = |name: &str, size: Option<u64>, align: Option<u64>| {
        let id = btf.find(name).next().expect(name);
        assert_eq!((btf.size_of(id), btf.align_of(id)), (size, align), "{name}");
    };
    check("alias", Some(12), Some(4));
    check("table", Some(12), Some(4));
    check("wide", Some(8), Some(8));
    check("later", None, None);
    check("run", None, None);
    let text = |name: &str| btf.text(btf.find(name).next().expect(name)).to_string();
    assert_eq!(text("run"), "int run(const volatile alias *first, ...)");
    assert_eq!(text("later"), "union later");
}

#[test]
fn cycles_and_towers_have_no_size_and_a_text() {
    let mut build = BtfBuilder::new();
    build.add("round", BtfKind::Typedef(TypeId(1)));
    let struct_id = build.add("self", BtfKind::Fwd { is_union: false });
    let members = vec![build.member("a", struct_id, 0), build.member("b", struct_id, 8)];
    build.set(struct_id, BtfKind::Struct(Composite { size: 16, bit_fields: false, members }));
    let proto = build.proto(TypeId(3), &[("f", TypeId(3)), ("g", TypeId(3))]);
    let btf = Btf::read(&build.finish().to_bytes()).expect("ids are fine");
    assert_eq!(btf.size_of(TypeId(1)), None);
    assert_eq!(btf.align_of(struct_id), None);
    assert!(btf.text(proto).to_string().contains("..."));
}

#[test]
fn every_cut_and_every_flipped_bit_is_an_error_or_another_btf() {
    let bytes = every_kind().to_bytes();
    for end in 0..bytes.len() {
        assert!(Btf::read(&bytes[..end]).is_err(), "cut at {end}");
    }
    for at in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        fuzz_entry(&damaged);
    }
}

#[test]
fn errors_say_where() {
    let check = |at: usize, value: u8, expected: &str| {
        let mut bytes = every_kind().to_bytes();
        bytes[at] = value;
        assert_eq!(Btf::read(&bytes).unwrap_err().to_string(), expected);
    };
    check(0, 0, "read BTF: byte 0: magic 0xeb00 is not 0xeb9f");
    check(2, 9, "read BTF: byte 2: unknown version 9 (this build reads 1)");
    check(31, 31, "read BTF: byte 28: kind of a type is 31: kinds are 1 to 19");
    check(26, 7, "read BTF: byte 24: a name of this type is 458753: there is no such string");
    check(47, 0, "read BTF: byte 44: kind of a type is 0: kinds are 1 to 19");
}

#[test]
fn a_table_becomes_types_with_the_tables_offsets() {
    for (name, text) in BUILT_IN {
        let description = Description::parse(text).expect("built in");
        let btf = Btf::of_description(&description);
        assert_eq!(Btf::read(&btf.to_bytes()).as_ref(), Ok(&btf), "{name}");
        for structure in &description.structs {
            let id = btf.find_kind(&structure.name, KindTag::Struct).expect("a struct");
            assert_eq!(btf.size_of(id), Some(structure.size.into()), "{}", structure.name);
            assert_eq!(btf.align_of(id), Some(structure.align.into()), "{}", structure.name);
            for field in &structure.fields {
                let found = offset_of(&btf, id, &field.name).expect(&field.name);
                assert_eq!(found, field.offset, "{}.{}", structure.name, field.name);
            }
        }
    }
}

#[test]
fn a_kernel_sized_btf_is_read_and_searched() {
    let mut build = BtfBuilder::new();
    let int = build.int("int", 4, 1);
    for index in 0..150_000_u32 {
        // Falling names, so that the order of ids is not the order of names.
        let name = format!("s{:06}", 150_000 - index);
        build.structure(&name, 8, &[("a", int, 0), ("b", int, 4)]);
    }
    let btf = Btf::read(&build.finish().to_bytes()).expect("well formed");
    assert_eq!(btf.len(), 150_001);
    assert_eq!(btf.find_kind("s150000", KindTag::Struct), Some(TypeId(2)));
    assert_eq!(btf.find_kind("s000001", KindTag::Struct), Some(TypeId(150_001)));
    assert_eq!(btf.find("s").next(), None);
}

/// Where a member is, anonymous structs and unions searched.
fn offset_of(btf: &Btf, id: TypeId, name: &str) -> Option<u32> {
    btf.kind(id)?.members().iter().find_map(|member| {
        if btf.str(member.name) == name {
            return Some(member.byte_offset());
        }
        let inner = member.name == Name::NONE;
        let inside = inner.then(|| offset_of(btf, member.of, name)).flatten()?;
        Some(inside + member.byte_offset())
    })
}

#[test]
fn callbacks_and_kfuncs_keep_their_const() {
    let btf = Btf::of_table(AbiTable::of(Abi::V4));
    let ops = btf.find_kind("fuse_ops", KindTag::Struct).expect("v4 has it");
    let members = btf.kind(ops).expect("found").members();
    assert_eq!(members.len(), 66);
    let text = |index: usize| {
        let member = &members[index];
        btf.declaration(member.of, btf.str(member.name)).to_string()
    };
    assert_eq!(
        text(2),
        "uint32_t (*open_postfilter)(const struct bpf_fuse_meta_info *, \
         const struct fuse_open_in *, struct fuse_open_out *)"
    );
    assert_eq!(text(65), "char name[15]");
    let kfunc = btf.find_kind("bpf_fuse_get_ro_dynptr", KindTag::Func).expect("v4 has it");
    assert_eq!(
        btf.text(kfunc).to_string(),
        "void bpf_fuse_get_ro_dynptr(const struct fuse_buffer *buffer, \
         struct bpf_dynptr_kern *dynptr__uninit)"
    );
    assert!(btf.find("bpf_dynptr_slice_rdwr").next().is_none(), "N9");
}
