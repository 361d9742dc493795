//! Two engines: what agrees, what is refused, and a planted mistake that is found.

use std::sync::Arc;

use fuserig_abi::{
    Abi, Arg, CallArgs, Caller, Credentials, FuseOpenIn, Op, Phase, Pid, Slot, Timespec,
};

use super::second::Pieces;
use super::vectors::assemble;
use super::{BpfFilter, CrossCheck, Crossed, Engine, Limits, kernel};
use crate::program::{FunctionSpan, Linked, MapDef, MapKind, Program, ProgramKind, StructOpsMap};
use crate::{Filter, FilterEnv};

const OPEN: Slot = Slot::Member(Op::Open, Phase::Pre);

/// A filter with one member of assembler text, and an array of four numbers.
fn linked(text: &str) -> Linked {
    let insns = assemble(text).expect("assembler");
    let len = u32::try_from(insns.len()).expect("a short program");
    let program = Program {
        name: "open_pre".to_owned(),
        section: "struct_ops/test".to_owned(),
        kind: ProgramKind::StructOps,
        insns,
        functions: vec![FunctionSpan { name: "open_pre".to_owned(), start: 0, len }],
        lines: Vec::new(),
    };
    let map = MapDef::new("numbers", MapKind::Array, 4, 8, 4);
    Linked {
        programs: vec![program],
        maps: vec![map],
        struct_ops: vec![StructOpsMap {
            symbol: "test_ops".to_owned(),
            type_name: "fuse_ops".to_owned(),
            section: ".struct_ops".to_owned(),
            bytes: Vec::new(),
            name: "test".to_owned(),
            members: [("open_prefilter".to_owned(), 0)].into(),
        }],
        license: "GPL".to_owned(),
        ..Linked::default()
    }
}

fn on(engine: Engine, linked: &Linked) -> BpfFilter {
    let limits = Limits { budget: 10_000, ..Limits::default() };
    BpfFilter::new_on(engine, linked, None, Abi::V4, limits).expect("it loads")
}

/// Calls open with some flags, and says what the cross-check found.
fn crossed(interp: BpfFilter, other: BpfFilter) -> Crossed {
    let mut filter = CrossCheck::new(interp, other);
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
    for flags in [0, 1, 2, 0xffff_fffe, u32::MAX] {
        let mut args = CallArgs::new(Op::Open);
        args.push_in(Arg::wire(&FuseOpenIn { flags, open_flags: 0 }));
        filter.call(OPEN, &mut args, &mut FilterEnv::new(&caller));
    }
    filter.crossed().borrow().clone()
}

fn engines() -> Vec<Engine> {
    let mut engines = vec![Engine::Rbpf];
    match kernel::availability() {
        Ok(()) => engines.push(Engine::Kernel),
        Err(error) => println!("skipped: the kernel as an engine: {error}"),
    }
    engines
}

/// Everything that stands between pieces: loads and stores of all widths, a local call, a helper, a
/// loop, atomics, the frame pointer.
const EVERYTHING: &str = "
    ldxdw %r6, [%r1+8]
    ldxw %r7, [%r6]
    stxdw [%r10-8], %r7
    stb [%r10-8], 7
    lock add [%r10-8], %r7
    ldxdw %r1, [%r10-8]
    mov %r0, %r10
    add %r0, -8
    ldxh %r2, [%r0]
    add %r1, %r2
    mov %r8, 0
again:
    add %r8, 3
    mov32 %r9, %r8
    mul32 %r9, 77
    xor %r1, %r9
    jlt %r8, 30, again
    mov %r7, %r1
    call local twice
    stxw [%r6+4], %r0
    jeq %r7, -2, minus
    mov %r0, 0
    exit
minus:
    mov %r0, 3
    exit
twice:
    mov %r0, %r1
    add %r0, %r1
    exit";

#[test]
fn every_engine_runs_everything_alike() {
    let linked = linked(EVERYTHING);
    for engine in engines() {
        let found = crossed(on(Engine::Interp, &linked), on(engine, &linked));
        assert_eq!((found.calls, found.difference), (5, None), "{engine}");
    }
}

#[test]
fn traps_agree_and_spent_budgets_are_not_compared() {
    let past = linked("ldxdw %r6, [%r1+8]\nldxdw %r0, [%r6+4]\nexit");
    let endless = linked("again: ja again");
    for engine in engines() {
        let found = crossed(on(Engine::Interp, &past), on(engine, &past));
        assert_eq!((found.calls, found.difference), (5, None), "{engine}");
        let found = crossed(on(Engine::Interp, &endless), on(engine, &endless));
        assert_eq!((found.calls, found.skipped, found.difference), (0, 5, None), "{engine}");
    }
}

/// What clang makes of `if (flags == -2) return 7; return 1;` at its default level, as a filter.
const PROOF: &str = "ldxdw %r6, [%r1+8]\nldxw %r2, [%r6]\nlsh %r2, 32\narsh %r2, 32\n\
                     jeq %r2, -2, seven\nmov %r0, 1\nexit\nseven: mov %r0, 7\nexit";

#[test]
fn what_rbpf_gets_wrong_without_the_legaliser_is_found_with_its_place() {
    let linked = linked(PROOF);
    let right = crossed(on(Engine::Interp, &linked), on(Engine::Rbpf, &linked));
    assert_eq!(right.difference, None);
    let mut wrong = on(Engine::Rbpf, &linked);
    wrong.change_codes(|code| {
        let pieces = Pieces::of(code, &linked.programs[0], super::rbpf::planted::runner);
        code.pieces = Some(Arc::new(pieces.expect("rbpf accepts what it gets wrong")));
    });
    let found = crossed(on(Engine::Interp, &linked), wrong);
    let difference = found.difference.expect("rbpf extends -2 with zeros");
    assert_eq!((found.calls, found.skipped), (4, 1));
    let text = difference.to_string();
    let wanted = "call 4, open_prefilter: r0 is 0x7 on interp and 0x1 on rbpf\n  in what begins at \
                  instruction 2 of open_pre: r0 becomes 0x7 and 0x1\n  before it r0=0x0 r1=";
    assert!(text.starts_with(wanted), "{text}");
    assert!(text.contains("r2=0xfffffffe"), "{text}");
}

#[test]
fn what_an_engine_cannot_run_is_refused_by_name() {
    let refuse = |text| {
        let limits = Limits::default();
        let made = BpfFilter::new_on(Engine::Rbpf, &linked(text), None, Abi::V4, limits);
        made.expect_err("refused").to_string()
    };
    assert_eq!(
        refuse("mov %r0, 7\nsmod %r0, 2\nexit"),
        "open_prefilter cannot run on rbpf: instruction 1: rbpf executes signed division as \
         unsigned"
    );
    assert_eq!(
        refuse("mov %r0, 7\nadd %r0, %r10\nexit"),
        "open_prefilter cannot run on rbpf: instruction 1: it computes with the frame pointer \
         other than by moving it"
    );
}
