//! Calling the members of a filter, with the mistakes that each version's dispatchers make.
//!
//! This is the only file that calls a filter. Everything else in the pipeline sees codes.

use fuserig_abi::{
    Abi, Arg, BufferEvent, BufferFlags, CALL_ARGS_MAX, CallArgs, Dir, Errno, FuseBuffer,
    FuseMkdirIn, MemoryKind, MetaInfo, Op, Opcode, Phase, Quirk, Row, Slot,
};
use fuserig_filters::FilterEnv;

use super::{Run, Step, Stop, What};
use crate::kernel::{FilterId, World};

/// `BPF_FUSE_USER`.
pub(super) const USER: i32 = 1;
/// `BPF_FUSE_USER_PREFILTER`.
pub(super) const USER_PREFILTER: i32 = 2;
/// `BPF_FUSE_POSTFILTER`.
pub(super) const POSTFILTER: i32 = 3;
/// `BPF_FUSE_USER_POSTFILTER`.
pub(super) const USER_POSTFILTER: i32 = 4;
/// `BPF_FUSE_CALL_DEFAULT`, v4 only.
const CALL_DEFAULT: i32 = 5;

/// `FUSE_BPF_USER_FILTER`, `FUSE_BPF_BACKING` and `FUSE_BPF_POST_FILTER` of Android.
const ANDROID: [i32; 3] = [1, 2, 4];

/// The code of an inode without a filter: run the lower step and nothing else.
fn without_filter(abi: Abi) -> i32 {
    if abi == Abi::Android { ANDROID[1] } else { 0 }
}

/// P4: whether the daemon is asked before the lower step.
pub(super) fn asks_before(abi: Abi, next: i32) -> bool {
    if abi == Abi::Android { next & ANDROID[0] != 0 } else { next == USER_PREFILTER }
}

/// What is left of a code after the daemon let the operation go on: nothing (PIPE-1), but on
/// Android the other bits.
pub(super) fn after_daemon(abi: Abi, next: i32) -> i32 {
    if abi == Abi::Android { next & !ANDROID[0] } else { 0 }
}

/// P7: whether the ordinary request is sent.
pub(super) fn leaves(abi: Abi, next: i32) -> bool {
    if abi == Abi::Android { next & ANDROID[1] == 0 } else { next == USER }
}

/// P9: whether nothing follows the lower step.
pub(super) fn ends(abi: Abi, next: i32) -> bool {
    if abi == Abi::Android { next & ANDROID[2] == 0 } else { next == 0 }
}

/// P10: whether the postfilter is called.
fn wants_member(abi: Abi, next: i32) -> bool {
    if abi == Abi::Android { next & ANDROID[2] != 0 } else { next == POSTFILTER }
}

/// P11: whether the daemon is asked after the lower step.
pub(super) fn asks_after(abi: Abi, next: i32) -> bool {
    if abi == Abi::Android { next & ANDROID[0] != 0 } else { next == USER_POSTFILTER }
}

/// P2: the code of the prefilter, after default_filter where the version has it.
pub(super) fn prefilter(world: &mut World, run: &mut Run) -> Result<i32, Stop> {
    let Some(filter) = run.filter else { return Ok(without_filter(world.abi)) };
    let code = match choose(world, run, filter, Phase::Pre)? {
        Some(slot) => call(world, run, filter, slot),
        None => missing(world.abi),
    };
    let code = or_default(world, run, filter, code, Phase::Pre);
    let own = |phase: Phase| has(world, filter, Slot::Member(run.op, phase));
    if code == 0 && !own(Phase::Pre) && own(Phase::Post) {
        run.quirk(world, Quirk::PIPE_10);
    }
    Ok(code)
}

/// P10: the code after the postfilter; a code that asks for none stays what it is.
pub(super) fn postfilter(world: &mut World, run: &mut Run) -> Result<i32, Stop> {
    let Some(filter) = run.filter else { return Ok(run.next) };
    if run.next == USER_POSTFILTER && world.abi != Abi::Android {
        run.quirk(world, Quirk::PIPE_5);
    } else if run.next > last_code(world.abi) {
        run.quirk(world, Quirk::PIPE_6);
    }
    let called = wants_member(world.abi, run.next);
    let code = if called {
        match choose(world, run, filter, Phase::Post)? {
            Some(slot) => call(world, run, filter, slot),
            None => missing(world.abi),
        }
    } else {
        run.next
    };
    let code = or_default(world, run, filter, code, Phase::Post);
    if code == USER && world.abi != Abi::Android {
        run.quirk(world, Quirk::PIPE_4);
    }
    if called && code >= 0 && run.error < 0 {
        run.quirk(world, Quirk::PIPE_3);
    }
    Ok(code)
}

/// Whether the lower step is followed by a call of the postfilter member.
pub(super) fn calls_postfilter(world: &World, run: &Run) -> bool {
    let set = |filter| has(world, filter, Slot::Member(run.op, Phase::Post));
    wants_member(world.abi, run.next) && run.filter.is_some_and(set)
}

/// Whether somebody sees the arguments after the lower step: the postfilter or the daemon.
pub(super) fn sees_arguments(world: &World, run: &Run) -> bool {
    world.abi != Abi::Android && asks_after(world.abi, run.next) || calls_postfilter(world, run)
}

/// Whether somebody sees `meta` after the lower step: these two, or default_filter.
pub(super) fn sees_meta(world: &World, run: &Run) -> bool {
    let by_default = world.abi == Abi::V4 && matches!(run.next, POSTFILTER | CALL_DEFAULT);
    let set = |filter| has(world, filter, Slot::Default);
    sees_arguments(world, run) || by_default && run.filter.is_some_and(set)
}

/// Operations whose lower step changes something.
const CHANGING: [Op; 14] = [
    Op::CreateOpen,
    Op::CopyFileRange,
    Op::Setxattr,
    Op::Removexattr,
    Op::WriteIter,
    Op::FileFallocate,
    Op::Mknod,
    Op::Mkdir,
    Op::Rmdir,
    Op::Rename,
    Op::Rename2,
    Op::Unlink,
    Op::Link,
    Op::Setattr,
];

/// A failure after the lower step: what that did stays done (PIPE-13).
pub(super) fn failed_afterwards(world: &mut World, run: &Run) {
    if run.error >= 0 && (CHANGING.contains(&run.op) || run.op == Op::Symlink) {
        run.quirk(world, Quirk::PIPE_13);
    }
    if world.faithful() && matches!(run.op, Op::Open | Op::Opendir) {
        run.quirk(world, Quirk::N6);
    }
    if run.op == Op::Readdir && run.scratch.produced {
        run.quirk(world, Quirk::N7);
    }
}

fn missing(abi: Abi) -> i32 {
    match abi {
        Abi::V3 | Abi::V3Grouped => 0,
        Abi::V4 => CALL_DEFAULT,
        Abi::Android => ANDROID[1],
    }
}

fn last_code(abi: Abi) -> i32 {
    match abi {
        Abi::V3 | Abi::V3Grouped => USER_POSTFILTER,
        Abi::V4 => CALL_DEFAULT,
        Abi::Android => ANDROID.iter().sum(),
    }
}

/// v4 33/36: code 5, returned or left over, calls default_filter if it is set.
fn or_default(world: &mut World, run: &mut Run, filter: FilterId, code: i32, phase: Phase) -> i32 {
    if world.abi != Abi::V4 || code != CALL_DEFAULT {
        return code;
    }
    if !has(world, filter, Slot::Default) {
        return 0;
    }
    if phase == Phase::Post && run.next == CALL_DEFAULT {
        if !world.faithful() {
            return 0;
        }
        run.quirk(world, Quirk::PIPE_7);
    }
    run.quirk(world, Quirk::PIPE_8);
    call(world, run, filter, Slot::Default)
}

/// The member to call, or none when it counts as missing.
fn choose(
    world: &mut World,
    run: &mut Run,
    filter: FilterId,
    phase: Phase,
) -> Result<Option<Slot>, Stop> {
    let own = Slot::Member(run.op, phase);
    // The member of a family is found by the operation, which has one dispatcher; the program of
    // Android is called for everything.
    if !world.faithful() || matches!(world.abi, Abi::V3Grouped | Abi::Android) {
        return Ok(has(world, filter, own).then_some(own));
    }
    let slot = match (run.op, phase) {
        // The opcode in meta, which a filter can change, selects the member (DISP-4, N23).
        (Op::Open | Op::Opendir, phase) => {
            let opcode = run.args.meta.opcode;
            let is = |wanted: Opcode| opcode == wanted.0 | phase.bit();
            if is(Opcode::OPEN) {
                Slot::Member(Op::Open, phase)
            } else if is(Opcode::OPENDIR) {
                Slot::Member(Op::Opendir, phase)
            } else {
                run.quirk(world, Quirk::DISP_4);
                return Ok(None);
            }
        }
        // Every release of v4 goes through the directory members (DISP-3).
        (Op::Release, phase) if world.abi == Abi::V4 => {
            if has(world, filter, own) {
                run.quirk(world, Quirk::DISP_3);
            }
            Slot::Member(Op::Releasedir, phase)
        }
        // Tests one member and calls the other (DISP-1).
        (Op::DirFsync, Phase::Pre) => {
            let called = Slot::Member(Op::Fsync, Phase::Pre);
            return tested(world, run, filter, own, called, Quirk::DISP_1);
        }
        // Tests the prefilter and calls the postfilter (DISP-2).
        (Op::Mkdir, Phase::Post) => {
            let test = Slot::Member(Op::Mkdir, Phase::Pre);
            return tested(world, run, filter, test, own, Quirk::DISP_2);
        }
        (op, phase) => Slot::Member(op, phase),
    };
    Ok(has(world, filter, slot).then_some(slot))
}

fn tested(
    world: &mut World,
    run: &Run,
    filter: FilterId,
    test: Slot,
    called: Slot,
    quirk: Quirk,
) -> Result<Option<Slot>, Stop> {
    if !has(world, filter, test) {
        return Ok(None);
    }
    if !has(world, filter, called) {
        return Err(Stop::Crash(quirk));
    }
    if test != called && run.op == Op::DirFsync {
        run.quirk(world, quirk);
    }
    Ok(Some(called))
}

fn has(world: &World, filter: FilterId, slot: Slot) -> bool {
    world.filters[filter.0 as usize].has(slot)
}

/// The buffers of the arguments, as they are; what is left of the places has no memory.
fn buffers(run: &Run) -> [FuseBuffer; 2 * CALL_ARGS_MAX] {
    let mut buffers = [FuseBuffer::default(); 2 * CALL_ARGS_MAX];
    let args = run.args.ins().iter().chain(run.args.outs());
    for (place, buffer) in buffers.iter_mut().zip(args.filter_map(Arg::as_buffer)) {
        *place = *buffer;
    }
    buffers
}

/// What a filter is about to be shown, besides the arguments that [`Run::shown`] keeps.
struct Before {
    buffers: [FuseBuffer; 2 * CALL_ARGS_MAX],
    meta: MetaInfo,
    /// How many events the arena had noted.
    events: usize,
}

/// What the writable views that a filter asked for do besides (BUF-1, 8, 15, 16, KF-1, KF-2).
fn views(world: &mut World, run: &Run, before: &Before, slot: Slot) {
    let events: Vec<BufferEvent> = run.args.arena.events()[before.events..].to_vec();
    for event in events {
        if let BufferEvent::Freed(memory) = event {
            let earlier = |event: &BufferEvent| {
                matches!(event,
                BufferEvent::GetWriteable { memory: Some(handed), .. } if *handed == memory)
            };
            // A view handed out before still points there.
            if run.args.arena.events()[before.events..].iter().any(earlier) {
                run.quirk(world, Quirk::BUF_13);
            }
        }
        let BufferEvent::GetWriteable { owner, size, copy, row, memory } = event else {
            if matches!(event, BufferEvent::OriginWritten(_)) {
                run.quirk(world, Quirk::N12);
            }
            continue;
        };
        let named = |buffer: &&FuseBuffer| {
            buffer.data.is_some_and(|memory| run.args.arena.owner(memory) == owner)
        };
        let old = before.buffers.iter().find(named).copied().unwrap_or_default();
        let allocates = matches!(row, Row::W11 | Row::W12);
        if memory.is_none() {
            run.quirk(world, Quirk::KF_2);
        }
        if allocates {
            run.quirk(world, Quirk::KF_1);
        }
        if matches!(row, Row::W8 | Row::W11) && copy && size > u64::from(old.size) {
            run.quirk(world, Quirk::BUF_1);
        }
        if row == Row::W11 && size < u64::from(old.size) {
            run.quirk(world, Quirk::BUF_16);
        }
        if !copy && size > 0 && matches!(row, Row::W9 | Row::W12) {
            run.quirk(world, Quirk::BUF_8);
        }
        let borrowed = old.flags.contains(BufferFlags::MUST_ALLOCATE)
            && !old.flags.contains(BufferFlags::ALLOCATED);
        if size == 0 && borrowed && matches!(row, Row::W8 | Row::W9) {
            run.quirk(world, Quirk::BUF_15);
        }
        if slot == Slot::Member(Op::Readdir, Phase::Post) && memory.is_none() {
            run.quirk(world, Quirk::BUF_12);
        }
    }
}

/// The test hook of v3 37/37 and v4 36/36 calls mkdir_prefilter of a registered table with `meta`
/// and in arguments that nobody filled, and gives the text of the file; none when the member is not
/// set.
pub(crate) fn call_test_hook(world: &mut World, filter: FilterId) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"test\0";
    const NAME_MAX: u32 = 10;
    let slot = Slot::Member(Op::Mkdir, Phase::Pre);
    if !has(world, filter, slot) {
        return None;
    }
    let mut args = CallArgs::new(Op::Mkdir);
    args.meta = MetaInfo::default();
    args.push_in(Arg::wire(&FuseMkdirIn::default()));
    let memory = args.arena.insert(MemoryKind::Inline, "name", NAME, NAME_MAX);
    args.push_in(Arg::Buffer(FuseBuffer {
        data: Some(memory),
        size: NAME.len() as u32,
        alloc_size: NAME_MAX,
        max_size: NAME_MAX,
        flags: BufferFlags::VARIABLE_SIZE,
    }));
    let caller = world.kernel_caller();
    let mut env = FilterEnv::new(&caller);
    let code = world.filters[filter.0 as usize].call(slot, &mut args, &mut env) as i32;
    let name = args.arg(Dir::In, 1).and_then(Arg::as_buffer);
    let name = name.and_then(|name| name.c_string(&args.arena).ok()).unwrap_or_default();
    let mut text = format!("{code} dyn:").into_bytes();
    text.extend_from_slice(name);
    text.push(b'\n');
    Some(text)
}

fn call(world: &mut World, run: &mut Run, filter: FilterId, slot: Slot) -> i32 {
    let step = run.at();
    run.emit(world, step, What::Call { slot, args: &run.args });
    let meta = run.args.meta;
    let before = world.sink.wants_events().then(|| {
        run.keep_shown();
        Before { buffers: buffers(run), meta, events: run.args.arena.events().len() }
    });
    let mut env = FilterEnv::new(&run.caller);
    let code = world.filters[filter.0 as usize].call(slot, &mut run.args, &mut env) as i32;
    for line in env.printed() {
        run.emit(world, step, What::Print { line });
    }
    for (map, bytes) in env.outputs() {
        run.emit(world, step, What::Output { map, bytes });
    }
    for id in env.quirks() {
        run.quirk(world, Quirk::from_id(id).expect("engines know quirks by the ids of the tables"));
    }
    if let Some(trap) = env.trap() {
        run.emit(world, step, What::Trap { trap });
    }
    if !world.faithful() {
        run.args.meta = meta;
    }
    if let Some(before) = before {
        views(world, run, &before, slot);
        let leaves = matches!(step, Step::Prefilter) && code >= 0 && leaves(world.abi, code);
        if leaves && run.args.ins() != run.shown() {
            run.quirk(world, Quirk::PIPE_9);
        }
        if run.args.meta != before.meta {
            run.quirk(world, Quirk::N23);
            // An engine that saw the store has said so itself.
            if !env.quirks().contains(&"VER-1") {
                run.quirk(world, Quirk::VER_1);
            }
        }
    }
    match (run.op, step) {
        (Op::Statfs, Step::Postfilter) => run.quirk(world, Quirk::AND_3),
        (Op::WriteIter, _) => run.quirk(world, Quirk::AND_4),
        _ => {}
    }
    let wild = code < -4095;
    if wild {
        run.quirk(world, Quirk::N3);
    }
    run.emit(world, step, What::Return { slot, code, args: &run.args });
    // What is no errno is refused where codes are checked as they were meant to be.
    if wild && !world.faithful() { Errno::EINVAL.negative() } else { code }
}
