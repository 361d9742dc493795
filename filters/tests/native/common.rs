//! Arguments as the initialize steps leave them, and calls as the pipeline makes them.

use fuserig_abi::{
    Abi, AbiTable, Arg, CallArgs, Caller, Credentials, Dir, FuseBuffer, FuseDirent, FuseReadIn,
    Gid, Op, Opcode, Phase, Pid, SizeInputs, Slot, StructArg, Timespec, Uid, WireStruct,
};
use fuserig_filters::{Filter, FilterEnv};
use zerocopy::IntoBytes;

/// Property tests draw the same cases in every run. What they find is kept as a case of its own.
pub(crate) fn cases(cases: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    }
}

/// The user that calls come from unless a test says otherwise.
pub(crate) fn user(uid: u32) -> Caller {
    Caller::new(Credentials::user(Uid(uid), Gid(100)), Pid(7), Timespec::ZERO)
}

/// The in args of an operation: its structs by `structs`, its buffers by `texts`, both in the order
/// of the table. What is not given is zero or empty.
pub(crate) fn args(op: Op, structs: &[Arg], texts: &[&[u8]]) -> CallArgs {
    let mut args = CallArgs::new(op);
    let (mut structs, mut texts) = (structs.iter(), texts.iter());
    for row in &AbiTable::of(Abi::V4).operation(op).in_args {
        let arg = match buffer(&mut args, &row.name, || texts.next().copied().unwrap_or(b"")) {
            Some(buffer) => buffer,
            None => structs.next().copied().unwrap_or_else(|| zeroed(row.size)),
        };
        args.push_in(arg);
    }
    assert!(structs.next().is_none() && texts.next().is_none(), "{op} takes fewer arguments");
    args
}

/// Adds the out args of the operation in their initial state. A size argument is 16.
pub(crate) fn with_outs(mut args: CallArgs) -> CallArgs {
    for row in &AbiTable::of(Abi::V4).operation(args.op).out_args {
        let arg = buffer(&mut args, &row.name, || b"").unwrap_or_else(|| zeroed(row.size));
        args.push_out(arg);
    }
    args
}

fn zeroed(size: u32) -> Arg {
    Arg::Struct(StructArg::zeroed(size as usize))
}

fn buffer<'a>(args: &mut CallArgs, name: &str, text: impl FnOnce() -> &'a [u8]) -> Option<Arg> {
    let row = AbiTable::of(Abi::V4).operation(args.op).buffer(name)?;
    let text = text();
    let inputs = SizeInputs { string_len: text.len() as u32, size_argument: 16 };
    Some(Arg::Buffer(FuseBuffer::initial(row, &mut args.arena, inputs, text)))
}

/// One readdir after the lower step has put `page` into the buffer, which had `stale` in it.
pub(crate) fn readdir(page: &[u8], stale: &[u8]) -> CallArgs {
    let mut args = args(Op::Readdir, &[Arg::wire(&FuseReadIn::default())], &[]);
    args.push_out(zeroed(16));
    let mut buffer = FuseBuffer::readdir_page(&mut args.arena, "buffer", stale);
    args.arena.write(buffer.data, 0, page).expect("a page");
    buffer.size = page.len() as u32;
    args.push_out(Arg::Buffer(buffer));
    args
}

/// The bytes of a directory buffer with these names.
pub(crate) fn records(names: &[&str]) -> Vec<u8> {
    let mut page = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let (ino, off) = (100 + index as u64, index as u64);
        let head = FuseDirent { ino, off, namelen: name.len() as u32, r#type: 8 };
        page.extend_from_slice(head.as_bytes());
        page.extend_from_slice(name.as_bytes());
        page.resize(page.len().next_multiple_of(8), 0);
    }
    page
}

/// The bytes in use of a buffer argument.
pub(crate) fn bytes(args: &CallArgs, dir: Dir, index: usize) -> &[u8] {
    let buffer = args.arg(dir, index).and_then(Arg::as_buffer).expect("a buffer");
    buffer.bytes(&args.arena).expect("intact")
}

/// A struct argument.
pub(crate) fn wire<T: WireStruct>(args: &CallArgs, dir: Dir, index: usize) -> T {
    *args.arg(dir, index).and_then(Arg::as_struct).expect("a struct").view::<T>()
}

/// Calls a member by its name with the phase bit in meta, and gives the code and what was printed.
pub(crate) fn call(
    filter: &mut dyn Filter,
    member: &str,
    caller: &Caller,
    args: &mut CallArgs,
) -> (i32, Vec<String>) {
    let slot = Slot::from_name(member).expect("a member");
    assert!(filter.has(slot), "{} has no {member}", filter.name());
    if let Some(phase) = slot.phase() {
        args.meta.opcode = Opcode(args.meta.opcode).base().with_phase(phase).0;
    }
    let mut env = FilterEnv::new(caller);
    let code = filter.call(slot, args, &mut env) as i32;
    (code, env.printed().to_vec())
}

/// The code of a prefilter for these arguments.
pub(crate) fn pre(filter: &mut dyn Filter, mut args: CallArgs) -> i32 {
    let member = Slot::Member(args.op, Phase::Pre).name();
    call(filter, member, &user(1000), &mut args).0
}

/// The code of a postfilter for these arguments.
pub(crate) fn post(filter: &mut dyn Filter, args: &mut CallArgs) -> i32 {
    let member = Slot::Member(args.op, Phase::Post).name();
    call(filter, member, &user(1000), args).0
}

/// The operations whose prefilter is set.
pub(crate) fn prefilters(filter: &dyn Filter) -> Vec<&'static str> {
    let ops = Op::ALL.into_iter();
    ops.filter(|op| filter.has(Slot::Member(*op, Phase::Pre))).map(Op::name).collect()
}

/// The operations whose postfilter is set.
pub(crate) fn postfilters(filter: &dyn Filter) -> Vec<&'static str> {
    let ops = Op::ALL.into_iter();
    ops.filter(|op| filter.has(Slot::Member(*op, Phase::Post))).map(Op::name).collect()
}
