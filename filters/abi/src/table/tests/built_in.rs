//! Spot checks against SEMANTICS and full checks against the other modules.

use crate::description::{BUILT_IN, Description};
use crate::{
    Abi, AbiTable, ArgKind, Dir, ErrorInRule, IfMissing, Op, Opcode, Phase, RequestFlags, Slot,
    TableError,
};

#[test]
fn all_four_descriptions_are_read() {
    for (name, text) in BUILT_IN {
        let table = Description::parse(text).expect(name);
        assert_eq!((table.abi.as_str(), table.operations.len()), (name, 32));
    }
}

#[test]
fn a_table_of_a_pipeline_is_found_by_its_name() {
    for (name, text) in BUILT_IN {
        match (Abi::from_name(name), AbiTable::parse(text)) {
            (Some(abi), found) => assert_eq!(found.expect(name).abi(), abi),
            (None, found) => {
                let error = found.expect_err(name);
                assert!(matches!(error, TableError::Version { .. }), "{error}");
            }
        }
    }
}

#[test]
fn v3_grouped_has_the_operations_of_v3_behind_five_members() {
    let (v3, grouped) = (AbiTable::of(Abi::V3), AbiTable::of(Abi::V3Grouped));
    for (ours, theirs) in grouped.operations().iter().zip(v3.operations()) {
        let args = (&ours.in_args, &ours.out_args, &ours.buffers);
        assert_eq!(args, (&theirs.in_args, &theirs.out_args, &theirs.buffers), "{}", ours.op);
        let below = (&ours.lower_call, &ours.lower_uses_filtered, ours.error_in_rule);
        let there = (&theirs.lower_call, &theirs.lower_uses_filtered, theirs.error_in_rule);
        assert_eq!(below, there, "{}", ours.op);
    }
    assert_eq!(grouped.slots().count(), 64);
    for row in grouped.slots() {
        let op = row.slot.op().expect("no default filter");
        let family = grouped.family(op).expect("every operation has a family");
        assert_eq!((&family.member, family.slots.len() + 2), (&row.member, row.args.len()));
        assert_eq!(row.args[1].kind, ArgKind::Scalar);
        assert!(v3.family(op).is_none());
    }
}

#[test]
fn a_family_that_does_not_show_each_argument_once_is_refused() {
    let text = crate::description::built_in("v3-grouped").expect("built in");
    for (from, to) in [
        ("\"entry\": \"entry_out\"", "\"entry\": null"),
        ("\"callback\": \"entry_op\"", "\"callback\": \"file_op\""),
        ("\"create_open\",\n", ""),
        ("\"entry\": \"entry_out\"", "\"entry\": \"in\""),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text, "{from}");
        assert!(AbiTable::parse(&damaged).is_err(), "{from} became {to}");
    }
}

#[test]
fn v4_is_v3_eight_bytes_later_with_a_default_filter() {
    let (v3, v4) = (AbiTable::of(Abi::V3), AbiTable::of(Abi::V4));
    assert_eq!((v3.slots().count(), v4.slots().count()), (64, 65));
    for row in v3.slots() {
        let later = v4.slot(row.slot).expect("v4 has every member of v3");
        assert_eq!((later.offset, later.index), (row.offset + 8, row.index + 1), "{}", row.slot);
        assert_eq!(later.args, row.args, "{}", row.slot);
        assert_eq!(row.if_missing, IfMissing::Continue);
        assert_eq!(later.if_missing, IfMissing::CallDefault);
    }
    let default = v4.slot(Slot::Default).expect("v4 only");
    assert_eq!((default.offset, default.args.len()), (0, 1));
    assert_eq!(default.if_missing, IfMissing::Continue);
}

#[test]
fn rows_are_found_where_their_index_says() {
    for abi in Abi::POSTED {
        let table = AbiTable::of(abi);
        for op in Op::ALL {
            assert_eq!(table.operation(op).op, op);
            for phase in Phase::ALL {
                let slot = Slot::Member(op, phase);
                let row = table.slot(slot).expect("every operation has both members");
                assert_eq!((row.slot, row.member.as_str()), (slot, slot.name()));
            }
        }
    }
}

#[test]
fn positions_lead_from_a_callback_to_the_arguments_of_its_operation() {
    for abi in Abi::POSTED {
        let table = AbiTable::of(abi);
        for row in table.slots() {
            assert_eq!((row.args[0].kind, row.args[0].dir), (ArgKind::Meta, None));
            let Some(op) = row.slot.op() else { continue };
            for arg in &row.args[1..] {
                let dir = arg.dir.expect("only meta has no direction");
                let found = &table.operation(op).args(dir)[arg.position];
                assert_eq!((&found.name, found.kind), (&arg.name, arg.kind), "{}", row.slot);
            }
        }
    }
}

#[test]
fn a_postfilter_sees_value_and_out_of_an_extended_attribute() {
    let row = AbiTable::of(Abi::V3).slot(Slot::Member(Op::Listxattr, Phase::Post)).expect("there");
    let names: Vec<_> = row.args.iter().map(|arg| (arg.name.as_str(), arg.position)).collect();
    assert_eq!(names, [("meta", 0), ("in", 0), ("value", 0), ("out", 1)]);
}

#[test]
fn error_in_tells_the_truth_for_the_operations_of_section_2_5() {
    let truthful: Vec<&str> = AbiTable::of(Abi::V3)
        .operations()
        .iter()
        .filter(|row| row.error_in_rule.tells_the_truth())
        .map(|row| row.op.name())
        .collect();
    let expected = [
        "open",
        "opendir",
        "create_open",
        "flush",
        "listxattr",
        "read_iter",
        "write_iter",
        "lookup",
        "mknod",
        "mkdir",
        "rmdir",
        "rename2",
        "rename",
        "unlink",
        "link",
        "symlink",
        "readdir",
    ];
    assert_eq!(truthful, expected);
    let never = |op| AbiTable::of(Abi::V4).operation(op).error_in_rule == ErrorInRule::Never;
    assert!(never(Op::Release) && never(Op::Access) && !never(Op::Statfs) && !never(Op::GetLink));
}

#[test]
fn request_flags_depend_on_the_size_argument_where_they_do() {
    let flags = |op, size| AbiTable::of(Abi::V3).operation(op).request_flags(size);
    assert_eq!(flags(Op::Flush, 0), RequestFlags::FORCE);
    assert_eq!(flags(Op::Getxattr, 0), RequestFlags::empty());
    assert_eq!(flags(Op::Getxattr, 1), RequestFlags::OUT_ARGVAR);
    assert_eq!(flags(Op::Readdir, 0), RequestFlags::OUT_ARGVAR);
    let lookup = RequestFlags::OUT_ARGVAR | RequestFlags::IS_LOOKUP;
    assert_eq!(flags(Op::Lookup, 0), lookup);
    assert_eq!(flags(Op::Open, 9), RequestFlags::empty());
}

#[test]
fn every_field_path_of_the_lists_exists() {
    for abi in Abi::POSTED {
        let table = AbiTable::of(abi);
        for row in table.operations() {
            for entry in row.lower_uses_filtered.iter().chain(&row.lower_ignores_filtered) {
                let path = entry.split([' ', '*']).next().expect("never empty");
                let is_arg = row.arg_position(path).is_some();
                let is_field = table.field(row.op, path).is_some();
                assert!(is_arg || is_field, "{abi} {}: {entry}", row.op);
                let listed = row.lower_uses(path) || row.lower_ignores(path);
                assert!(listed, "{abi} {}: {entry}", row.op);
            }
        }
    }
}

#[test]
fn release_of_a_file_keeps_its_own_opcode_in_v4() {
    let row = AbiTable::of(Abi::V4).operation(Op::Release);
    assert_eq!((row.op.opcode(), Op::Releasedir.opcode()), (Opcode::RELEASE, Opcode::RELEASEDIR));
    assert_eq!(row.arg_position("in"), Some((Dir::In, 0)));
}
