//! Groups of instructions that the interpreter does at once, against runs that have none.

use fuserig_abi::{Caller, Credentials, Pid, Timespec};
use fuserig_filters::FilterEnv;
use fuserig_filters::engine::random::{Level, context, program};
use fuserig_filters::engine::{Availability, Code, Limits, Machine, Mode, TrapKind};
use fuserig_filters::program::{Insn, Program, ProgramKind};

/// Programs a level.
const PROGRAMS: u64 = 5000;

/// SplitMix64.
fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Insn {
    Insn { code, dst, src, off, imm }
}

/// A group that may stand in place of the first of these instructions; empty if none may.
fn group(window: &[Insn], dice: u64) -> Vec<Insn> {
    let register = |by: u32| [0, 2, 3, 4, 5, 6, 7, 8, 9][(dice >> by) as usize % 9];
    let (d, s, t, e) = (register(8), register(16), register(24), register(28));
    let imm = (dice >> 32) as i32;
    let [first, second] = [window[0], window[1]];
    let computing = window.iter().take_while(|insn| matches!(insn.code & 7, 4 | 7)).count();
    let copy = insn(0xbf, d, s, 0, 0);
    let jump = |code| Insn { code, dst: d, src: 0, imm: imm % 5, ..second };
    match (computing, dice % 9) {
        (2.., 0) => vec![copy, insn(0x07, d, 0, 0, imm)],
        (2.., 1) => vec![copy, insn(0x0f, d, t, 0, 0)],
        (2.., 2) => vec![copy, insn(0x57, d, 0, 0, imm)],
        (2.., 3) => vec![copy, insn(0x67, d, 0, 0, imm & 63)],
        (2.., 4) => vec![copy, insn(0x77, d, 0, 0, imm & 63)],
        (2.., 5) => vec![insn(0xaf, d, s, 0, 0), insn(0x2f, d, t, 0, 0)],
        (3.., 6) => vec![copy, insn(0x77, d, 0, 0, imm & 63), insn(0xaf, t, d, 0, 0)],
        (4.., 7) if d != t => {
            // r1 is the context in the whole body.
            let index = insn(0xb7, t, 0, 0, imm & 63);
            vec![index, insn(0xbf, d, 1, 0, 0), insn(0x0f, d, t, 0, 0), insn(0x71, e, d, 1, 0)]
        }
        (1, _) if second.code & 7 == 5 && second.code & 0xf0 != 0 => {
            vec![insn(0x07, first.dst, 0, 0, imm % 3), Insn { dst: first.dst, ..jump(0x55) }]
        }
        (1, _) if second.code & 7 == 6 && second.code & 0xf0 != 0 => {
            let code = if dice.is_multiple_of(2) { 0x16 } else { 0x56 };
            vec![insn(0x71, d, 10, -16, 0), jump(code)]
        }
        _ => Vec::new(),
    }
}

/// A random program with groups planted where instructions stand that may be replaced. Jumps keep
/// their targets, so that some go into the middle of a group.
fn with_groups(seed: u64, level: Level) -> (Vec<Insn>, u32) {
    let mut insns = program(seed, level);
    let mut state = seed;
    let mut planted = 0;
    // Before the body stand the loads of the registers, and behind it the stores.
    let (mut at, end) = (14, insns.len() - 11);
    while at + 3 < end {
        if insns[at].code == 0x18 {
            at += 2;
            continue;
        }
        let group = group(&insns[at..at + 4], roll(&mut state));
        insns[at..at + group.len()].copy_from_slice(&group);
        planted += u32::from(!group.is_empty());
        at += group.len().max(1);
    }
    (insns, planted)
}

/// All that can be seen of a run.
#[derive(Debug, PartialEq)]
struct Seen {
    outcome: Result<u64, (u32, Vec<u32>, TrapKind)>,
    registers: Option<[u64; 11]>,
    memory: Vec<u8>,
    executed: u64,
    counts: Vec<(u32, u64, Option<u64>)>,
}

fn run(insns: &[Insn], mode: Mode, budget: u64, memory: Vec<u8>) -> Seen {
    let program = Program {
        name: "groups".to_owned(),
        section: "syscall".to_owned(),
        kind: ProgramKind::Syscall,
        insns: insns.to_vec(),
        functions: Vec::new(),
        lines: Vec::new(),
    };
    let mut code = Code::decode(&program, &[], Availability::Everything).expect("legal");
    let limits = Limits { mode, budget, ..Limits::default() };
    let mut machine = Machine::new(&[], limits).expect("no maps");
    machine.add(&mut code);
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
    let mut memory = memory;
    let result = machine.run_bytes(&code, &mut memory, &mut FilterEnv::new(&caller));
    let registers = result.as_ref().err().map(|trap| trap.registers);
    let outcome = result.map_err(|trap| (trap.insn, trap.branches, trap.kind));
    Seen { outcome, registers, memory, executed: machine.executed(), counts: machine.counts(&code) }
}

#[test]
fn groups_change_nothing() {
    let (mut planted, mut stopped) = (0, 0);
    for level in Level::ALL {
        for seed in 0..PROGRAMS {
            let (insns, groups) = with_groups(seed, level);
            planted += groups;
            // Every fourth run ends in the middle.
            let budget = if seed % 4 == 0 { 15 + seed % 40 } else { 1000 };
            let fused = run(&insns, Mode::Kernel, budget, context(seed));
            let plain = run(&insns, Mode::Strict, budget, context(seed));
            assert_eq!(fused, plain, "{level:?}, seed {seed}");
            stopped += u32::from(fused.outcome.is_err());
        }
    }
    println!("{planted} groups planted; {stopped} runs stopped in the middle");
    assert!(planted > 50_000 && stopped > 500, "{planted} groups, {stopped} stopped");
}
