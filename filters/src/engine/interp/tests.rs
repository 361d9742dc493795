//! The interpreter on programs of a few lines.

use fuserig_abi::{Caller, Credentials, Pid, Timespec};

use crate::FilterEnv;
use crate::engine::vectors::assemble;
use crate::engine::{Availability, Code, DecodeProblem, Limits, Machine, Mode, TrapKind};
use crate::program::{DataKind, MapDef, MapKind, Program, ProgramKind};

fn program(text: &str) -> Program {
    Program {
        name: "test".to_owned(),
        section: "syscall".to_owned(),
        kind: ProgramKind::Syscall,
        insns: assemble(text).expect("assembler"),
        functions: Vec::new(),
        lines: Vec::new(),
    }
}

fn map(kind: MapKind, key_size: u32, value_size: u32, max_entries: u32) -> MapDef {
    MapDef::new(format!("{kind:?}").to_lowercase(), kind, key_size, value_size, max_entries)
}

struct Run {
    result: Result<u64, TrapKind>,
    printed: Vec<String>,
    machine: Machine,
    code: Code,
}

fn run_with(text: &str, maps: &[MapDef], limits: Limits, bytes: &mut Vec<u8>) -> Run {
    let mut code = Code::decode(&program(text), &[], Availability::Everything).expect("legal");
    let mut machine = Machine::new(maps, limits).expect("maps");
    machine.add(&mut code);
    let caller = Caller::new(Credentials::root(), Pid(7), Timespec::from_secs(3));
    let mut env = FilterEnv::new(&caller);
    let result = machine.run_bytes(&code, bytes, &mut env).map_err(|trap| trap.kind);
    Run { result, printed: env.printed().to_vec(), machine, code }
}

fn run(text: &str) -> Result<u64, TrapKind> {
    run_with(text, &[], Limits::default(), &mut vec![1, 2, 3, 4, 5, 6, 7, 8]).result
}

#[track_caller]
fn traps(text: &str, expected: &str) {
    let kind = run(text).expect_err("it should stop");
    assert_eq!(kind.to_string(), expected, "{text}");
}

#[test]
fn wrong_accesses_say_what_was_touched() {
    let end = "\nexit";
    for (text, expected) in [
        ("ldxdw %r0, [%r1+4]", "8 bytes at offset 4 of `context` (8 bytes): past the end"),
        ("ldxb %r0, [%r1-1]", "1 byte at offset -1 of `context` (8 bytes): before the start"),
        ("mov %r1, 0\nldxw %r0, [%r1]", "4 bytes through NULL"),
        ("mov %r1, 4096\nldxw %r0, [%r1]", "4 bytes at 0x1000, which is no pointer"),
        (
            "stdw [%r10], 0",
            "store of 8 bytes at offset 512 of the stack (512 bytes left to this function): past \
             the end",
        ),
        (
            "mov %r2, %r10\nmov %r3, 513\nsub %r2, %r3\nldxb %r0, [%r2]",
            "1 byte at offset -1 of the stack (512 bytes left to this function): before the start",
        ),
    ] {
        traps(&format!("{text}{end}"), expected);
    }
}

#[test]
fn a_frame_deeper_than_the_stack_is_refused_at_load() {
    let text = "ldxb %r0, [%r10-513]\nexit";
    let error = Code::decode(&program(text), &[], Availability::Everything).expect_err("too deep");
    assert_eq!(error.problem, DecodeProblem::Stack { need: 544, limit: 512 });
}

#[test]
fn a_loop_without_end_spends_the_budget() {
    let limits = Limits { budget: 1000, ..Limits::default() };
    let run = run_with("mov %r0, 0\nloop: add %r0, 1\nja loop", &[], limits, &mut Vec::new());
    assert_eq!(run.result, Err(TrapKind::Budget(1000)));
    assert!((998..=1001).contains(&run.machine.executed()), "{}", run.machine.executed());
}

#[test]
fn the_budget_counts_every_instruction_once() {
    let text = "mov %r0, 0\nloop: add %r0, 1\njne %r0, 5, loop\ncall local f\nexit\n\
                f: mov %r0, 9\nexit";
    let run = run_with(text, &[], Limits::default(), &mut Vec::new());
    assert_eq!((run.result, run.machine.executed()), (Ok(9), 1 + 2 * 5 + 1 + 2 + 1));
}

#[test]
fn recursion_and_deep_stacks_are_refused_at_load() {
    let deep = "call local f\nexit\nf: call local f\nexit";
    let error = Code::decode(&program(deep), &[], Availability::Everything).expect_err("recursion");
    assert_eq!(error.problem, DecodeProblem::Depth(8));
    let wide = "stdw [%r10-256], 1\ncall local f\nexit\nf: stdw [%r10-264], 1\nmov %r0, 0\nexit";
    let error = Code::decode(&program(wide), &[], Availability::Everything).expect_err("stack");
    assert_eq!(error.problem, DecodeProblem::Stack { need: 544, limit: 512 });
}

#[test]
fn a_callee_cannot_reach_the_frame_below_it() {
    let text = "stdw [%r10-8], 7\nmov %r1, %r10\ncall local f\nldxdw %r0, [%r10-8]\nexit\n\
                f: stdw [%r10-8], 9\nldxdw %r0, [%r1-8]\nadd %r0, 1\nstxdw [%r1-8], %r0\nexit";
    assert_eq!(run(text), Ok(8), "each function has its own slot");
}

#[test]
fn strict_runs_stop_at_what_was_never_set() {
    let strict = Limits { mode: Mode::Strict, ..Limits::default() };
    let check = |text: &str, expected: &str| {
        let kind = run_with(text, &[], strict, &mut vec![0; 8]).result.expect_err("strict");
        assert_eq!(kind.to_string(), expected, "{text}");
    };
    check("mov %r0, %r6\nexit", "r6 is read and was never set");
    check("exit", "r0 is read and was never set");
    check("call 5\nmov %r0, %r1\nexit", "r1 is read and was never set");
    check(
        "stw [%r10-8], 1\nldxdw %r0, [%r10-8]\nexit",
        "8 bytes at offset 504 of the stack (512 bytes left to this function): never set",
    );
    let fine = "stdw [%r10-8], 5\nldxdw %r0, [%r10-8]\nexit";
    assert_eq!(run_with(fine, &[], strict, &mut vec![0; 8]).result, Ok(5));
}

const COUNT: &str = "stw [%r10-4], 3\nmov %r2, %r10\nadd %r2, -4\nldmap %r1, 0\ncall 1\n\
                     jne %r0, 0, found\nstdw [%r10-16], 1\nmov %r2, %r10\nadd %r2, -4\n\
                     mov %r3, %r10\nadd %r3, -16\nmov %r4, 1\nldmap %r1, 0\ncall 2\nexit\n\
                     found: ldxdw %r1, [%r0]\nadd %r1, 1\nstxdw [%r0], %r1\nmov %r0, %r1\nexit";

#[test]
fn maps_keep_their_values_between_runs_and_in_snapshots() {
    let maps = [map(MapKind::Hash, 4, 8, 2)];
    let Run { result, mut machine, code, .. } =
        run_with(COUNT, &maps, Limits::default(), &mut Vec::new());
    assert_eq!(result, Ok(0), "the key is new");
    let caller = Caller::new(Credentials::root(), Pid(7), Timespec::ZERO);
    let again = |machine: &mut Machine| {
        let mut env = FilterEnv::new(&caller);
        machine.run_bytes(&code, &mut Vec::new(), &mut env).expect("it runs")
    };
    assert_eq!(again(&mut machine), 2);
    let mut snapshot = machine.clone();
    assert_eq!(again(&mut machine), 3);
    assert_eq!(again(&mut snapshot), 3, "the snapshot saw nothing of the other run");
    assert_eq!(machine.maps().count(0), 1);
}

#[test]
fn values_of_maps_have_exact_bounds() {
    let text = "stw [%r10-4], 1\nmov %r2, %r10\nadd %r2, -4\nldmap %r1, 0\ncall 1\n\
                ldxdw %r0, [%r0+OFF]\nexit";
    let maps = [map(MapKind::Array, 4, 8, 4)];
    let at = |offset: &str| {
        let text = text.replace("OFF", offset);
        run_with(&text, &maps, Limits::default(), &mut Vec::new()).result
    };
    assert_eq!(at("0"), Ok(0));
    for (offset, place) in [("4", "4"), ("8", "8")] {
        let kind = at(offset).expect_err("past the value");
        let expected =
            format!("8 bytes at offset {place} of a value of map `array` (8 bytes): past the end");
        assert_eq!(kind.to_string(), expected);
    }
}

#[test]
fn loops_call_back_under_the_same_budget() {
    let text = "mov %r1, N\nldfunc %r2, body\nmov %r3, %r10\nadd %r3, -8\nstdw [%r10-8], 0\n\
                mov %r4, 0\ncall 181\nldxdw %r0, [%r10-8]\nexit\n\
                body: ldxdw %r0, [%r2]\nadd %r0, %r1\nstxdw [%r2], %r0\nmov %r0, 0\nexit";
    assert_eq!(run(&text.replace('N', "10")), Ok(45));
    let limits = Limits { budget: 10_000, ..Limits::default() };
    let forever = run_with(&text.replace('N', "1000000"), &[], limits, &mut Vec::new());
    assert_eq!(forever.result, Err(TrapKind::Budget(10_000)));
    let calls = forever.machine.counts(&forever.code);
    let body = calls.iter().find(|(insn, ..)| *insn == 11).expect("first of the body");
    assert!((1900..2000).contains(&body.1), "{calls:?}");
}

#[test]
fn printk_prints_and_judges_its_format() {
    let format = MapDef {
        initial: b"uid %d of %s\n\0x\0".to_vec(),
        data: DataKind::ReadOnly,
        ..map(MapKind::Array, 4, 16, 1)
    };
    let text = "ldvalue %r1, 0, 0\nmov %r2, LEN\nmov %r3, 42\nldvalue %r4, 0, 14\ncall 6\nexit";
    let print = |len: &str| {
        let text = text.replace("LEN", len);
        run_with(&text, std::slice::from_ref(&format), Limits::default(), &mut Vec::new())
    };
    let fine = print("14");
    assert_eq!((fine.result, fine.printed), (Ok(12), vec!["uid 42 of x".to_owned()]));
    let short = print("13");
    assert_eq!((short.result, short.printed.len()), (Ok(-22_i64 as u64), 0), "no NUL at the end");
}

#[test]
fn coverage_counts_instructions_and_both_directions() {
    let text = "mov %r0, 0\nloop: add %r0, 1\njne %r0, 5, loop\nexit";
    let run = run_with(text, &[], Limits::default(), &mut Vec::new());
    let counts = run.machine.counts(&run.code);
    assert_eq!(counts, [(0, 1, None), (1, 5, None), (2, 5, Some(4)), (3, 1, None)]);
}

#[test]
fn random_numbers_come_from_the_seed() {
    let text = "call 7\nexit";
    let with = |seed| {
        let limits = Limits { seed, ..Limits::default() };
        run_with(text, &[], limits, &mut Vec::new()).result
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn ring_buffers_give_records_to_their_reader() {
    let text = "ldmap %r1, 0\nmov %r2, 8\nmov %r3, 0\ncall 131\njeq %r0, 0, out\nstdw [%r0], 77\n\
                mov %r1, %r0\nmov %r2, 0\ncall 132\nout: mov %r0, 0\nexit";
    let maps = [map(MapKind::Ringbuf, 0, 0, 4096)];
    let mut run = run_with(text, &maps, Limits::default(), &mut Vec::new());
    assert_eq!(run.result, Ok(0));
    let records: Vec<_> =
        run.machine.maps.drain().map(|(map, bytes)| (map.to_owned(), bytes)).collect();
    assert_eq!(records, [("ringbuf".to_owned(), 77_u64.to_le_bytes().to_vec())]);
}
