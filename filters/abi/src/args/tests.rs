//! Arguments by position and fields by path.

use super::{Arg, CallArgs, StructArg};
use crate::{
    Abi, AbiTable, Dir, FuseAttrOut, FuseBuffer, FuseGetattrIn, FuseStatfsOut, Op, Opcode, Phase,
    Slot,
};

fn getattr() -> CallArgs {
    let mut args = CallArgs::new(Op::Getattr);
    args.push_in(Arg::wire(&FuseGetattrIn { getattr_flags: 1, dummy: 2, fh: u64::MAX }));
    args.push_out(Arg::wire(&FuseAttrOut::default()));
    args
}

#[test]
fn fields_are_read_and_written_by_their_path() {
    let table = AbiTable::of(Abi::V4);
    let mut args = getattr();
    for (path, value) in [("in.getattr_flags", 1), ("in.dummy", 2), ("in.fh", u64::MAX)] {
        assert_eq!(args.field(table, path), Some(value), "{path}");
    }
    assert!(args.set_field(table, "out.attr.mode", 0o100_644));
    assert!(args.set_field(table, "out.attr.uid", 0x1_0000_0005));
    let out = args.out_args[0].as_struct().expect("a struct").view::<FuseAttrOut>();
    assert_eq!((out.attr.mode, out.attr.uid, out.attr.gid), (0o100_644, 5, 0));
}

#[test]
fn meta_is_read_and_written_like_an_argument() {
    let table = AbiTable::of(Abi::V3);
    let mut args = getattr();
    assert_eq!(args.field(table, "meta.opcode"), Some(3));
    assert!(args.set_field(table, "meta.error_in", 0xffff_fffe));
    assert_eq!(args.meta.error_in as i32, -2);
    assert!(args.set_field(table, "meta.opcode", Opcode::OPENDIR.0.into()));
    assert_eq!(args.slot(Phase::Post), Slot::Member(Op::Getattr, Phase::Post));
}

#[test]
fn paths_that_name_nothing_are_refused() {
    let table = AbiTable::of(Abi::V3);
    let mut args = getattr();
    for path in [
        "",
        "in",
        "in.",
        ".fh",
        "in.fh.x",
        "in.nothing",
        "out.attr",
        "out.attr.mode.0",
        "name.size",
        "meta",
        "meta.nothing",
        "entry_out.nodeid",
    ] {
        assert_eq!(args.field(table, path), None, "{path}");
        assert!(!args.set_field(table, path, 1), "{path}");
    }
    args.out_count = 0;
    assert_eq!(args.field(table, "out.attr.mode"), None, "not there before initialize_out");
}

#[test]
fn elements_of_an_array_have_paths_too() {
    let table = AbiTable::of(Abi::V3);
    let mut args = CallArgs::new(Op::Statfs);
    args.push_out(Arg::wire(&FuseStatfsOut::default()));
    assert!(args.set_field(table, "out.st.spare.5", 9));
    let out = args.outs()[0].as_struct().expect("a struct").view::<FuseStatfsOut>();
    assert_eq!(out.st.spare, [0, 0, 0, 0, 0, 9]);
    assert!(!args.set_field(table, "out.st.spare.6", 9));
    assert!(!args.set_field(table, "out.st.spare", 9));
}

#[test]
fn an_extended_attribute_has_value_and_out_side_by_side() {
    let table = AbiTable::of(Abi::V4);
    let mut args = CallArgs::new(Op::Getxattr);
    let value = FuseBuffer::out_value(&mut args.arena, "value", 16);
    args.push_out(Arg::Buffer(value));
    args.push_out(Arg::Struct(StructArg::zeroed(8)));
    assert!(args.arg_named(table, "value").is_some_and(|arg| arg.as_buffer().is_some()));
    assert_eq!(args.field(table, "out.size"), Some(0));
    assert_eq!(args.arg_named(table, "name"), None, "no in args were pushed");
    let (value, arena) = args.buffer_mut(Dir::Out, 0).expect("the value");
    assert_eq!(value.get_rw_dynptr(arena, 4, false).size(), 4);
    assert!(args.buffer_mut(Dir::Out, 1).is_none());
}

#[test]
fn a_reset_leaves_nothing_of_the_operation_before() {
    let mut args = getattr();
    let name = FuseBuffer::variable_name(&mut args.arena, "name", b"abc");
    args.in_args[0] = Arg::Buffer(name);
    args.reset(Op::Access);
    assert_eq!((args.op, args.meta.opcode), (Op::Access, Opcode::ACCESS.0));
    assert!(args.ins().is_empty() && args.outs().is_empty());
    assert_eq!(args.in_args, [Arg::None; 3]);
    assert_eq!(args.arena.allocations().count(), 0);
}
#[test]
fn a_signed_field_keeps_its_sign() {
    let table = AbiTable::of(Abi::V4);
    let mut args = CallArgs::new(Op::Open);
    args.push_out(Arg::Struct(StructArg::zeroed(16)));
    assert!(args.set_field(table, "out.backing_id", -2_i64 as u64));
    assert_eq!(args.field(table, "out.backing_id"), Some(-2_i64 as u64));
    assert_eq!(args.field(table, "out.padding"), None, "v4 has another name for it");
    assert!(args.set_field(AbiTable::of(Abi::V3), "out.padding", u64::MAX));
    assert_eq!(args.field(AbiTable::of(Abi::V3), "out.padding"), Some(0xffff_ffff));
}

#[test]
fn a_path_never_leaves_its_array() {
    let table = AbiTable::of(Abi::V3);
    let offset = |path| table.field_in("fuse_bpf_entry_out", path).map(|field| field.offset);
    assert_eq!(offset("name.15"), Some(23));
    assert_eq!(offset("name.16"), None);
    assert_eq!(offset("name.-1"), None);
}

#[test]
fn wire_bytes_are_structs_in_full_and_buffers_at_their_size() {
    let mut args = CallArgs::new(Op::Lookup);
    let mut name = FuseBuffer::variable_name(&mut args.arena, "name", b"abc");
    assert_eq!(Arg::None.wire_bytes(&args.arena), Ok(&b""[..]));
    let fixed = Arg::Struct(StructArg::zeroed(8));
    assert_eq!(fixed.wire_bytes(&args.arena), Ok(&[0; 8][..]));
    assert_eq!(Arg::Buffer(name).wire_bytes(&args.arena), Ok(&b"abc\0"[..]));
    name.get_rw_dynptr(&mut args.arena, 2, true);
    assert!(Arg::Buffer(name).wire_bytes(&args.arena).is_err(), "BUF-16");
}
