//! One program on several engines, and the time a load takes.
//!
//! Each benchmark runs a whole call: the tiny filter, and a filter that hashes 48 bytes of a name,
//! about 600 executed instructions. rbpf runs what the legaliser makes of them, as the harness
//! would ask it to; its JIT has no checks and is here for comparison only.
#![expect(unsafe_code, reason = "the JIT of rbpf has no other entry")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fuserig_abi::{Abi, Caller, Credentials, Pid, Timespec};
use fuserig_filters::FilterEnv;
use fuserig_filters::engine::kernel::{KernelProgram, availability};
use fuserig_filters::engine::rbpf::legalise;
use fuserig_filters::engine::vectors::assemble;
use fuserig_filters::engine::{Availability, BpfFilter, Code, Limits, Machine};
use fuserig_filters::program::{Insn, Program, ProgramKind};

/// Denies what has a bit set.
const TINY: &str = "ldxdw %r2, [%r1]\nand %r2, 4\nmov %r0, 0\njeq %r2, 0, out\nmov %r0, -13\n\
                    out: exit";

/// FNV-1a over 48 bytes, folded, then compared with four hashes.
const HASH: &str = "mov %r6, %r1\nlddw %r0, 0xcbf29ce484222325\nlddw %r7, 0x100000001b3\n\
                    mov %r8, 0\n\
                    next: mov %r2, %r6\nadd %r2, %r8\nldxb %r3, [%r2]\nxor %r0, %r3\n\
                    mul %r0, %r7\nmov %r4, %r0\nrsh %r4, 47\nxor %r0, %r4\nmov %r5, %r3\n\
                    and %r5, 127\nadd %r8, 1\njne %r8, 48, next\n\
                    mov %r2, %r0\nrsh %r2, 32\nxor %r0, %r2\nlsh %r0, 32\nrsh %r0, 32\n\
                    jeq %r0, 1, hit\njeq %r0, 2, hit\njeq %r0, 3, hit\njeq %r0, 4, hit\n\
                    mov %r0, 0\nexit\nhit: mov %r0, 1\nexit";

/// The hash for a verifier, which wants constant offsets into a context: the loop unrolled.
fn unrolled() -> Vec<Insn> {
    let mut text = String::from(
        "mov %r6, %r1\nlddw %r0, 0xcbf29ce484222325\nlddw %r7, 0x100000001b3\nmov %r8, 0\n",
    );
    for at in 0..48 {
        text.push_str("mov %r2, %r8\nadd %r2, 1\n");
        text.push_str(&format!("ldxb %r3, [%r6+{at}]\n"));
        text.push_str("xor %r0, %r3\nmul %r0, %r7\nmov %r4, %r0\nrsh %r4, 47\nxor %r0, %r4\n");
        text.push_str("mov %r5, %r3\nand %r5, 127\nadd %r8, 1\njeq %r8, 99, hit\n");
    }
    text.push_str("mov %r0, 0\nexit\nhit: mov %r0, 1\nexit");
    assemble(&text).expect("assembler")
}

fn program(insns: &[Insn]) -> Program {
    Program {
        name: "bench".to_owned(),
        section: "syscall".to_owned(),
        kind: ProgramKind::Syscall,
        insns: insns.to_vec(),
        functions: Vec::new(),
        lines: Vec::new(),
    }
}

fn engines(criterion: &mut Criterion) {
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
    let hash = assemble(HASH).expect("assembler");
    for (name, insns) in [("tiny", assemble(TINY).expect("assembler")), ("name-hash", hash)] {
        let mut group = criterion.benchmark_group(name);
        let mut code =
            Code::decode(&program(&insns), &[], Availability::Everything).expect("legal");
        let mut machine = Machine::new(&[], Limits::default()).expect("no maps");
        machine.add(&mut code);
        let mut bytes = vec![0x61; 64];
        let before = machine.executed();
        machine.run_bytes(&code, &mut bytes, &mut FilterEnv::new(&caller)).expect("it runs");
        let executed = machine.executed() - before;
        group.bench_function(format!("interp ({executed} instructions)"), |b| {
            b.iter(|| {
                let mut env = FilterEnv::new(&caller);
                black_box(machine.run_bytes(&code, &mut bytes, &mut env).expect("it runs"))
            });
        });
        let legal = legalise(&insns).expect("rbpf can run it");
        let flat: Vec<u8> = legal.iter().flat_map(|insn| insn.to_bytes()).collect();
        let mut theirs = rbpf::EbpfVmMbuff::new(Some(&flat)).expect("rbpf takes it");
        group.bench_function("rbpf interpreter", |b| {
            b.iter(|| black_box(theirs.execute_program(&[], &bytes).expect("it runs")));
        });
        theirs.jit_compile().expect("rbpf compiles it");
        let mut nothing = [0; 8];
        group.bench_function("rbpf JIT (unchecked)", |b| {
            b.iter(|| {
                // SAFETY: the program was checked by the interpreters above on the same bytes: it
                // ends, and it loads from the first 48 of these 64 only.
                let result = unsafe { theirs.execute_program_jit(&mut nothing, &mut bytes) };
                black_box(result.expect("it runs"))
            });
        });
        if availability().is_ok() {
            let for_kernel = if name == "tiny" { insns.clone() } else { unrolled() };
            let loaded = KernelProgram::load(&for_kernel).expect("the verifier takes it");
            group.bench_function("kernel (with its system call)", |b| {
                b.iter(|| black_box(loaded.run(&mut bytes).expect("it runs")));
            });
        }
        group.finish();
    }
}

fn load(criterion: &mut Criterion) {
    let object = include_bytes!("../tests/object/data/kitchen-v3.o");
    criterion.bench_function("load of an object with two filters", |b| {
        b.iter(|| {
            let limits = Limits::default();
            black_box(BpfFilter::load(object, Some("second.link"), Abi::V4, limits)).is_ok()
        });
    });
}

criterion_group!(benches, engines, load);
criterion_main!(benches);
