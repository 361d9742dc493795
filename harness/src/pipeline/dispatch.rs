//! Calling the members of a filter, with the mistakes that each version's dispatchers make.
//!
//! This is the only file that calls a filter. Everything else in the pipeline sees codes.

use fuserig_abi::{Abi, Op, Opcode, Phase, Slot};
use fuserig_filters::FilterEnv;

use super::run::quirk;
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

/// P2: the code of the prefilter, after default_filter where the version has it.
pub(super) fn prefilter(world: &mut World, run: &mut Run) -> Result<i32, Stop> {
    let Some(filter) = run.filter else { return Ok(0) };
    let code = match choose(world, run, filter, Phase::Pre)? {
        Some(slot) => call(world, run, filter, slot),
        None => missing(world.abi),
    };
    Ok(or_default(world, run, filter, code, Phase::Pre))
}

/// P10: the code after the postfilter; a code that asks for none stays what it is.
pub(super) fn postfilter(world: &mut World, run: &mut Run) -> Result<i32, Stop> {
    let Some(filter) = run.filter else { return Ok(run.next) };
    if run.next == USER_POSTFILTER {
        run.quirk(world, "PIPE-5");
    } else if run.next > last_code(world.abi) {
        run.quirk(world, "PIPE-6");
    }
    let code = if run.next == POSTFILTER {
        match choose(world, run, filter, Phase::Post)? {
            Some(slot) => call(world, run, filter, slot),
            None => missing(world.abi),
        }
    } else {
        run.next
    };
    let code = or_default(world, run, filter, code, Phase::Post);
    if code == USER {
        run.quirk(world, "PIPE-4");
    }
    Ok(code)
}

fn missing(abi: Abi) -> i32 {
    match abi {
        Abi::V3 => 0,
        Abi::V4 => CALL_DEFAULT,
    }
}

fn last_code(abi: Abi) -> i32 {
    match abi {
        Abi::V3 => USER_POSTFILTER,
        Abi::V4 => CALL_DEFAULT,
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
        run.quirk(world, "PIPE-7");
        if !world.faithful() {
            return 0;
        }
    }
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
    if !world.faithful() {
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
                run.quirk(world, "DISP-4");
                return Ok(None);
            }
        }
        // Every release of v4 goes through the directory members (DISP-3).
        (Op::Release, phase) if world.abi == Abi::V4 => {
            if has(world, filter, own) {
                run.quirk(world, "DISP-3");
            }
            Slot::Member(Op::Releasedir, phase)
        }
        // Tests one member and calls the other (DISP-1).
        (Op::DirFsync, Phase::Pre) => {
            let called = Slot::Member(Op::Fsync, Phase::Pre);
            return tested(world, run, filter, own, called, "DISP-1");
        }
        // Tests the prefilter and calls the postfilter (DISP-2).
        (Op::Mkdir, Phase::Post) => {
            let test = Slot::Member(Op::Mkdir, Phase::Pre);
            return tested(world, run, filter, test, own, "DISP-2");
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
    id: &str,
) -> Result<Option<Slot>, Stop> {
    if !has(world, filter, test) {
        return Ok(None);
    }
    if !has(world, filter, called) {
        return Err(Stop::Crash(quirk(id)));
    }
    if test != called && run.op == Op::DirFsync {
        run.quirk(world, id);
    }
    Ok(Some(called))
}

fn has(world: &World, filter: FilterId, slot: Slot) -> bool {
    world.filters[filter.0 as usize].has(slot)
}

fn call(world: &mut World, run: &mut Run, filter: FilterId, slot: Slot) -> i32 {
    let step = run.at();
    run.emit(world, step, What::Call { slot, args: &run.args });
    let mut env = FilterEnv::new(&run.caller);
    let code = world.filters[filter.0 as usize].call(slot, &mut run.args, &mut env) as i32;
    for line in env.printed() {
        run.emit(world, step, What::Print { line });
    }
    for (map, bytes) in env.outputs() {
        run.emit(world, step, What::Output { map, bytes });
    }
    for id in env.quirks() {
        run.quirk(world, id);
    }
    if let Some(trap) = env.trap() {
        run.emit(world, step, What::Trap { trap });
    }
    if matches!(step, Step::Prefilter) && code == USER {
        run.quirk(world, "PIPE-9");
    }
    run.emit(world, step, What::Return { slot, code, args: &run.args });
    code
}
