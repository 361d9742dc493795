//! The rows against the operation tables, and every member called with the state of the tables.

use fuserig_abi::{
    Abi, AbiTable, Arg, ArgKind, BufferFlags, BufferRow, CallArgs, Caller, Credentials, Dir,
    FuseBuffer, OperationArgRow, OperationRow, Phase, Pid, SizeInputs, Slot, SlotRow, StructArg,
    Timespec,
};

use super::FuseOps;
use super::members::{ROWS, SETTERS};
use super::table::{MemberArg, MemberRow};
use crate::{Filter, FilterEnv};

/// Differences between a row and the table; empty when they agree.
fn differences(
    row: &MemberRow<'_>,
    table: &SlotRow,
    operation: Option<&OperationRow>,
) -> Vec<String> {
    let mut found = Vec::new();
    if (row.member, row.slot) != (table.member.as_str(), table.slot) {
        found.push(format!("{} is not {}", row.member, table.member));
    }
    let theirs: Vec<_> = table.args.iter().filter(|arg| arg.kind != ArgKind::Meta).collect();
    if row.args.len() != theirs.len() {
        found.push(format!("{}: {} arguments", row.member, row.args.len()));
    }
    let mut positions = [0, 0];
    for (ours, theirs) in row.args.iter().zip(theirs) {
        let immutable = operation
            .and_then(|operation| operation.buffer(&theirs.name))
            .is_some_and(|buffer| buffer.initial_flags.contains(BufferFlags::IMMUTABLE));
        let expected = (theirs.name.as_str(), theirs.dir, theirs.type_name.as_str());
        if (ours.name, Some(ours.dir), ours.type_name) != expected {
            found.push(format!("{}: {ours:?}", row.member));
        }
        if ours.is_const != (theirs.is_const || immutable) {
            found.push(format!("{}: {} is const or is not", row.member, ours.name));
        }
        // `Given` counts up, so the positions of each direction must be 0, 1, 2.
        let next = &mut positions[ours.dir as usize];
        if *next != theirs.position {
            found.push(format!("{}: {} is handed out too early or late", row.member, ours.name));
        }
        *next += 1;
    }
    found
}

#[test]
fn every_member_has_the_arguments_of_the_table() {
    for abi in Abi::POSTED {
        let table = AbiTable::of(abi);
        for slot in table.slots() {
            let row = ROWS.iter().find(|row| row.slot == slot.slot).expect("a row for each slot");
            let operation = slot.slot.op().map(|op| table.operation(op));
            assert_eq!(differences(row, slot, operation), Vec::<String>::new(), "{abi}");
        }
    }
    let slots: Vec<Slot> = ROWS.iter().map(|row| row.slot).collect();
    assert_eq!(slots, Slot::all().collect::<Vec<_>>(), "once each, in order");
}

#[test]
fn a_row_that_differs_from_the_table_is_noticed() {
    let table = AbiTable::of(Abi::V4);
    let check = |member: &'static str, args: &[MemberArg], expected: usize| {
        let slot = Slot::from_name("mkdir_postfilter").expect("a member");
        let row = MemberRow { member, slot, args };
        let operation = slot.op().map(|op| table.operation(op));
        let found = differences(&row, table.slot(slot).expect("in v4"), operation);
        assert_eq!(found.len(), expected, "{found:?}");
    };
    const fn arg(
        name: &'static str,
        dir: Dir,
        type_name: &'static str,
        is_const: bool,
    ) -> MemberArg {
        MemberArg { name, dir, type_name, is_const }
    }
    const IN: MemberArg = arg("in", Dir::In, "fuse_mkdir_in", true);
    const NAME: MemberArg = arg("name", Dir::In, "fuse_buffer", true);
    check("mkdir_postfilter", &[IN, NAME], 0);
    check("mkdir_prefilter", &[IN, NAME], 1);
    check("mkdir_postfilter", &[IN], 1);
    check("mkdir_postfilter", &[arg("in", Dir::In, "fuse_mknod_in", true), NAME], 1);
    check("mkdir_postfilter", &[arg("in", Dir::In, "fuse_mkdir_in", false), NAME], 1);
    check("mkdir_postfilter", &[arg("input", Dir::In, "fuse_mkdir_in", true), NAME], 1);
    check("mkdir_postfilter", &[IN, arg("name", Dir::In, "fuse_buffer", false)], 1);
    check("mkdir_postfilter", &[arg("in", Dir::Out, "fuse_mkdir_in", true), NAME], 2);
    check("mkdir_postfilter", &[NAME, IN], 2);
}

/// Arguments as the initialize steps of a slot leave them.
fn initial(slot: Slot) -> CallArgs {
    let Slot::Member(op, phase) = slot else {
        return CallArgs::new(fuserig_abi::Op::Getattr);
    };
    let operation = AbiTable::of(Abi::V4).operation(op);
    let mut args = CallArgs::new(op);
    for arg in &operation.in_args {
        let made = make(operation, arg, &mut args);
        args.push_in(made);
    }
    if phase == Phase::Post {
        for arg in &operation.out_args {
            let made = make(operation, arg, &mut args);
            args.push_out(made);
        }
    }
    args
}

fn make(operation: &'static OperationRow, arg: &OperationArgRow, args: &mut CallArgs) -> Arg {
    let row: Option<&'static BufferRow> = operation.buffer(&arg.name);
    match row {
        Some(row) => {
            let inputs = SizeInputs { string_len: 4, size_argument: 16 };
            Arg::Buffer(FuseBuffer::initial(row, &mut args.arena, inputs, b"text"))
        }
        None => Arg::Struct(StructArg::zeroed(arg.size as usize)),
    }
}

#[test]
fn every_setter_sets_its_member_and_the_member_gets_its_arguments() {
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
    for (row, set) in ROWS.iter().zip(SETTERS) {
        let mut filter = set(FuseOps::new("one"));
        assert_eq!(filter.members().collect::<Vec<_>>(), [row.slot]);
        let mut args = initial(row.slot);
        let memory = args.arena.allocations().count();
        let code = filter.call(row.slot, &mut args, &mut FilterEnv::new(&caller));
        assert_eq!(code as usize, row.member.len(), "{}", row.member);
        assert_eq!(args.arena.allocations().count(), memory, "{}: the arena is back", row.member);
    }
}
