//! Each validation rule with a table that breaks it: v4 with one value changed.

use crate::description::{Description, Operation, Quantity, built_in};
use crate::{AbiTable, TableError};

fn v4() -> Description {
    Description::parse(built_in("v4").expect("built in")).expect("valid")
}

/// Damages the table and expects the message.
#[track_caller]
fn check(damage: impl FnOnce(&mut Description), message: &str) {
    let mut table = v4();
    damage(&mut table);
    let found = AbiTable::from_description(table).map(|_| ()).expect_err("a damaged table");
    assert_eq!(found.to_string(), format!("read table: {message}"));
}

fn operation<'a>(table: &'a mut Description, name: &str) -> &'a mut Operation {
    table.operations.iter_mut().find(|operation| operation.op == name).expect(name)
}

#[test]
fn the_undamaged_table_is_valid() {
    AbiTable::from_description(v4()).expect("nothing was changed");
}

#[test]
fn text_that_is_no_table_is_refused_with_its_place() {
    let text = built_in("v4").expect("built in");
    for (damaged, line) in [
        ("", 1),
        ("{}", 1),
        ("[]", 1),
        (&text[..text.len() - 2], 7266),
        (&text.replacen("\"title\"", "\"tilte\"", 1), 4),
        (&text.replacen("\"value\": 65535", "\"value\": -1", 1), 24),
        (&text.replacen("\"index\": 0,", "\"index\": \"0\",", 1), 2023),
    ] {
        match AbiTable::parse(damaged) {
            Err(TableError::Syntax { line: found, .. }) => assert_eq!(found, line),
            other => panic!("expected a syntax error, got {other:?}"),
        }
    }
}

#[test]
fn schema_and_version_must_be_known() {
    let schema = "unknown schema `fuse-bpf-abi/2` (this build reads `fuse-bpf-abi/1`)";
    check(|table| table.schema = "fuse-bpf-abi/2".into(), schema);
    let version = "`v5` is no version with a pipeline (use v3 or v4)";
    check(|table| table.abi = "v5".into(), version);
    check(
        |table| table.abi = "v3".into(),
        "ops[1] open_prefilter: unknown rule for a missing member `CALL_DEFAULT`",
    );
}

#[test]
fn names_occur_once() {
    check(
        |table| table.structs[3].name = "fuse_open_in".into(),
        "structs[3]: name `fuse_open_in` occurs twice",
    );
    check(
        |table| table.constants[1].name = "FUSE_OPCODE_FILTER".into(),
        "constants[1]: name `FUSE_OPCODE_FILTER` occurs twice",
    );
    check(
        |table| table.opcodes[1].name = "FUSE_LOOKUP".into(),
        "opcodes[1]: name `FUSE_LOOKUP` occurs twice",
    );
    check(|table| table.operations[2].op = "open".into(), "operations[2]: op `open` occurs twice");
    check(
        |table| table.ops[2].member = Some("open_prefilter".into()),
        "ops[2]: member `open_prefilter` occurs twice",
    );
    check(|table| table.quirks[1].id = "PIPE-1".into(), "quirks[1]: id `PIPE-1` occurs twice");
    check(
        |table| operation(table, "create_open").out_args[1].name = "in".into(),
        "operations create_open[3]: argument `in` occurs twice",
    );
}

#[test]
fn opcodes_are_those_of_the_protocol() {
    check(
        |table| table.opcodes[0].name = "FUSE_LOKUP".into(),
        "opcodes[0]: unknown opcode `FUSE_LOKUP`",
    );
    check(|table| table.opcodes[0].value = 2, "opcodes[0]: opcode is 2, expected 1");
    check(
        |table| operation(table, "open").opcode = "FUSE_OPENDIR".into(),
        "operations open: opcode is FUSE_OPENDIR, expected FUSE_OPEN",
    );
    check(
        |table| operation(table, "open").opcode_value = 15,
        "operations open: opcode_value is 15, expected 14",
    );
    check(
        |table| table.ops[1].meta_opcode = Some(0x2_000e),
        "ops[1] open_prefilter: meta_opcode is 131086, expected 65550",
    );
    check(|table| table.ops[1].opcode = None, "ops[1] open_prefilter: unknown opcode `absent`");
}

#[test]
fn struct_layouts_hold_together() {
    check(|table| table.structs[0].align = 3, "structs[0] fuse_open_in: unknown alignment `3`");
    check(
        |table| table.structs[0].size = 10,
        "structs[0] fuse_open_in: size modulo alignment is 2, expected 0",
    );
    check(
        |table| table.structs[0].fields[1].offset = 8,
        "structs[0] fuse_open_in.open_flags: end is 12, expected at most 8",
    );
    check(
        |table| table.structs[0].fields[1].offset = u32::MAX,
        "structs[0] fuse_open_in.open_flags: end is 4294967299, expected at most 8",
    );
    check(
        |table| table.structs[0].fields[1].size = 8,
        "structs[0] fuse_open_in.open_flags: size is 8, expected 4",
    );
    check(
        |table| table.structs[0].fields[1].r#type = "u33".into(),
        "structs[0] fuse_open_in.open_flags: unknown type `u33`",
    );
}

#[test]
fn callbacks_are_where_their_position_says() {
    check(|table| table.ops[4].index = 5, "ops[4] opendir_postfilter: index is 5, expected 4");
    check(
        |table| table.ops[4].offset = Some(40),
        "ops[4] opendir_postfilter: offset is 40, expected 32",
    );
    check(
        |table| table.ops[4].member = Some("opendir_filter".into()),
        "ops[4] opendir_filter: unknown member `opendir_filter`",
    );
    check(
        |table| table.ops[4].phase = "pre".into(),
        "ops[4] opendir_postfilter: phase is pre, expected post",
    );
    check(
        |table| table.ops[0].phase = "pre".into(),
        "ops[0] default_filter: phase is pre, expected default",
    );
    check(
        |table| table.ops[4].op = Some("open".into()),
        "ops[4] opendir_postfilter: op is open, expected opendir",
    );
    check(|table| drop(table.ops.pop()), "member `access_postfilter` is missing");
    check(
        |table| {
            table.ops.remove(0);
            for (index, callback) in table.ops.iter_mut().enumerate() {
                callback.index = index as u64;
                callback.offset = Some(index as u64 * 8);
            }
        },
        "member `default_filter` is missing",
    );
}

#[test]
fn the_struct_ends_behind_the_name() {
    check(
        |table| table.attach.kind = "prog_type".into(),
        "attach: kind is prog_type, expected struct_ops",
    );
    check(|table| table.attach.members = Some(65), "attach: members is 65, expected 66");
    check(|table| table.attach.name_offset = None, "attach: name_offset is 0, expected 520");
    check(|table| table.attach.size = 528, "attach: size is 528, expected 536");
}

#[test]
fn arguments_of_a_callback_are_those_of_its_operation() {
    check(|table| table.ops[1].args.clear(), "argument `ops[1] open_prefilter.meta` is missing");
    check(
        |table| drop(table.ops[2].args.pop()),
        "ops[2] open_postfilter: number of arguments is 1, expected 2",
    );
    check(
        |table| table.ops[2].args[0].r#type = "fuse_open_in".into(),
        "ops[2] open_postfilter: first argument is fuse_open_in, expected bpf_fuse_meta_info",
    );
    check(
        |table| table.ops[2].args[2].name = "result".into(),
        "ops[2] open_postfilter.result: name is result, expected out",
    );
    check(
        |table| table.ops[2].args[2].r#type = "fuse_open_in".into(),
        "ops[2] open_postfilter.out: type is fuse_open_in, expected fuse_open_out",
    );
    check(
        |table| table.ops[2].args[2].dir = None,
        "ops[2] open_postfilter.out: dir is absent, expected out",
    );
    check(
        |table| table.ops[2].args[2].dir = Some("inout".into()),
        "ops[2] open_postfilter.out: unknown dir `inout`",
    );
    check(
        |table| table.ops[2].args[2].index = Some(3),
        "ops[2] open_postfilter.out: index is 3, expected 2",
    );
    check(
        |table| table.ops[2].args[2].kind = "bytes".into(),
        "ops[2] open_postfilter.out: unknown kind of argument `bytes`",
    );
    check(
        |table| table.ops[2].args[2].r#type = "fuse_opened".into(),
        "ops[2] open_postfilter.out: unknown struct `fuse_opened`",
    );
}

#[test]
fn operations_are_complete_and_their_arguments_exist() {
    check(
        |table| operation(table, "open").op = "opened".into(),
        "operations: unknown operation `opened`",
    );
    check(|table| drop(table.operations.remove(3)), "operation `release` is missing");
    check(
        |table| operation(table, "open").in_args[0].r#type = Some("fuse_opened".into()),
        "operations open.in: unknown struct `fuse_opened`",
    );
    check(
        |table| operation(table, "open").in_args[0].size = Some(Quantity::Number(9)),
        "operations open.in: size is 9, expected 8",
    );
    check(
        |table| operation(table, "open").in_args[0].size = None,
        "operations open.in: size is absent, expected 8",
    );
    check(
        |table| operation(table, "open").in_args[0].kind = "meta".into(),
        "operations open.in: unknown kind of argument `meta`",
    );
    check(
        |table| operation(table, "lookup").in_args[0].r#type = Some("fuse_open_in".into()),
        "operations lookup.name: type is fuse_open_in, expected fuse_buffer",
    );
    check(
        |table| {
            let args = &mut operation(table, "symlink").in_args;
            args.extend(args.clone());
        },
        "operations symlink: unknown number of arguments `4`",
    );
}

#[test]
fn buffers_refer_to_arguments_and_use_known_rules() {
    check(
        |table| operation(table, "lookup").buffers[0].arg = "path".into(),
        "operations lookup.buffers path: unknown buffer argument `path`",
    );
    check(
        |table| operation(table, "lookup").buffers[0].arg = "entries".into(),
        "operations lookup[1]: buffer `entries` occurs twice",
    );
    check(
        |table| operation(table, "lookup").buffers[0].dir = "out".into(),
        "operations lookup.buffers name: unknown buffer argument `name`",
    );
    check(
        |table| operation(table, "lookup").buffers[0].dir = "up".into(),
        "operations lookup.buffers name: unknown dir `up`",
    );
    check(
        |table| drop(operation(table, "lookup").buffers.pop()),
        "operations lookup: number of buffers is 1, expected 2",
    );
    check(
        |table| operation(table, "lookup").buffers[0].initial_flags[0] = "SIZE".into(),
        "operations lookup.buffers name: unknown buffer flag `SIZE`",
    );
    check(
        |table| operation(table, "lookup").buffers[0].initial_flags_value = 2,
        "operations lookup.buffers name: initial_flags_value is 2, expected 6",
    );
    check(
        |table| operation(table, "lookup").buffers[0].size = Quantity::Words("strlen+2".into()),
        "operations lookup.buffers name: unknown size rule `strlen+2`",
    );
    check(
        |table| operation(table, "lookup").buffers[1].max_size = Quantity::Number(1 << 32),
        "operations lookup.buffers entries: unknown size rule `4294967296`",
    );
    check(
        |table| operation(table, "getxattr").buffers[1].present_when = Some("always".into()),
        "operations getxattr.buffers value: unknown presence rule `always`",
    );
}

#[test]
fn words_of_an_operation_are_known() {
    check(
        |table| operation(table, "open").error_in_rule = "sometimes".into(),
        "operations open: unknown error_in rule `sometimes`",
    );
    check(
        |table| operation(table, "open").result_type = "void".into(),
        "operations open: unknown result type `void`",
    );
    check(
        |table| operation(table, "open").request_flags.clear(),
        "list of request flags `operations open.set_by_initialize_in` is missing",
    );
    check(
        |table| {
            let flags = &mut operation(table, "flush").request_flags;
            flags.insert("set_by_initialize_out".into(), vec!["FORCED".into()]);
        },
        "operations flush: unknown request flag `FORCED`",
    );
    check(
        |table| table.ops[1].if_missing = "PANIC".into(),
        "ops[1] open_prefilter: unknown rule for a missing member `PANIC`",
    );
}

#[test]
fn codes_rows_and_quirks_are_complete() {
    check(
        |table| table.return_codes[1].value = Some(7),
        "return_codes: values is [Some(0), Some(7), Some(2), Some(3), Some(4), Some(5), None, \
         None], expected [0, 1, 2, 3, 4, 5]",
    );
    check(
        |table| drop(table.get_writeable.pop()),
        "get_writeable: number of rows is 11, expected 12",
    );
    check(
        |table| table.get_writeable[4].row = "W55".into(),
        "get_writeable: row is W55, expected W5",
    );
    check(
        |table| table.quirks[0].klass = "feature".into(),
        "quirks PIPE-1: unknown class `feature`",
    );
    check(
        |table| table.quirks[0].op = "open close".into(),
        "quirks PIPE-1: unknown operation `close`",
    );
}
