//! Random programs on two engines.

use fuserig_abi::{Caller, Credentials, Pid, Timespec};
use fuserig_filters::FilterEnv;
use fuserig_filters::engine::kernel::{KernelError, KernelProgram, availability};
use fuserig_filters::engine::random::{Level, context, program};
use fuserig_filters::engine::rbpf::{RbpfError, run_legalised};
use fuserig_filters::engine::vectors::assemble;
use fuserig_filters::engine::{Availability, Code, Engine, Limits, Machine};
use fuserig_filters::program::{Insn, Program, ProgramKind};

/// Programs a level; the four levels make 100,000.
const PROGRAMS: u64 = 25_000;

pub(crate) fn interpret(insns: &[Insn], memory: &mut Vec<u8>) -> u64 {
    run_on(Engine::Interp, insns, memory).expect("the interpreter refuses nothing that is legal")
}

/// Runs a program on an engine, or says why that refuses it.
fn run_on(engine: Engine, insns: &[Insn], memory: &mut Vec<u8>) -> Result<u64, String> {
    let program = Program {
        name: "random".to_owned(),
        section: "syscall".to_owned(),
        kind: ProgramKind::Syscall,
        insns: insns.to_vec(),
        functions: Vec::new(),
        lines: Vec::new(),
    };
    let code = Code::decode(&program, &[], Availability::Everything).expect("legal");
    let mut code = code.on(engine, &program).map_err(|refusal| refusal.to_string())?;
    let mut machine = Machine::new(&[], Limits::default()).expect("no maps");
    machine.add(&mut code);
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
    let mut env = FilterEnv::new(&caller);
    Ok(machine.run_bytes(&code, memory, &mut env).expect("no access is wrong"))
}

/// Programs a level that the kernel is asked about.
const KERNEL_PROGRAMS: u64 = 20_000;
/// Contexts each of them runs on.
const CONTEXTS: u64 = 2;

#[test]
fn the_interpreter_and_the_kernel_agree_on_random_programs() {
    if let Err(error) = availability() {
        println!("skipped: {error}");
        return;
    }
    for level in Level::ALL {
        let (mut accepted, mut refused) = (0, 0);
        for seed in 0.. {
            if accepted == KERNEL_PROGRAMS {
                break;
            }
            let insns = program(seed, level);
            let loaded = match KernelProgram::load(&insns) {
                Ok(loaded) => loaded,
                // A jump over instructions that nothing else reaches.
                Err(KernelError::Refused(words)) if words.contains("unreachable") => {
                    refused += 1;
                    continue;
                }
                Err(error) => panic!("{level:?}, seed {seed}: {error}"),
            };
            for other in 0..CONTEXTS {
                let mut ours = context(seed + other);
                let mut theirs = ours.clone();
                let result = loaded.run(&mut theirs).expect("it runs");
                let found = interpret(&insns, &mut ours);
                assert_eq!(found as u32, result, "{level:?}, seed {seed}");
                assert_eq!(ours, theirs, "{level:?}, seed {seed}");
            }
            accepted += 1;
        }
        println!("{level:?}: {accepted} programs agree with the kernel, {refused} it refused");
        assert!(refused < accepted, "the generator makes mostly programs that load");
    }
}

#[test]
fn the_interpreter_and_legalised_rbpf_agree_on_random_programs() {
    let (mut compared, mut refused) = (0_u64, 0_u64);
    for level in Level::ALL {
        let enough = compared + PROGRAMS;
        for seed in 0.. {
            if compared == enough {
                break;
            }
            let insns = program(seed, level);
            let mut ours = context(seed);
            let mut theirs = ours.clone();
            match run_legalised(&insns, &mut theirs) {
                Ok(result) => {
                    assert_eq!(interpret(&insns, &mut ours), result, "{level:?}, seed {seed}");
                    assert_eq!(ours, theirs, "{level:?}, seed {seed}");
                    compared += 1;
                }
                Err(RbpfError::Form(_)) => refused += 1,
                Err(error) => panic!("{level:?}, seed {seed}: {error}"),
            }
        }
    }
    println!("{compared} programs agree, {refused} have forms that rbpf cannot be asked about");
    assert_eq!(compared, 4 * PROGRAMS);
    // Atomics and signed division are common from v3 on; v1 and v2 have nothing to refuse.
    assert!(refused > 0, "the legaliser refuses what rbpf cannot do");
}

/// Programs a level that are cut into pieces for rbpf and for the kernel, which loads each piece.
const PIECES: [(Engine, u64); 2] = [(Engine::Rbpf, 2_000), (Engine::Kernel, 50)];

#[test]
fn random_programs_in_pieces_agree_with_the_interpreter() {
    for (engine, programs) in PIECES {
        if let (Engine::Kernel, Err(error)) = (engine, availability()) {
            println!("skipped: {error}");
            continue;
        }
        for level in Level::ALL {
            let mut compared = 0;
            for seed in 0..programs {
                let insns = program(seed, level);
                let mut ours = context(seed);
                let mut theirs = ours.clone();
                let Ok(result) = run_on(engine, &insns, &mut theirs) else { continue };
                assert_eq!(interpret(&insns, &mut ours), result, "{engine} {level:?} {seed}");
                assert_eq!(ours, theirs, "{engine} {level:?} {seed}");
                compared += 1;
            }
            // Signed division of v4 is all that is refused.
            assert!(compared * 4 > programs, "{engine} {level:?}: {compared} of {programs}");
        }
    }
}

/// A 32-bit compare-and-exchange that finds what it expects, in r0 with upper bits set; on one of
/// two paths when there is a branch, and both go on at the same instruction.
fn exchange(branch: &str) -> Vec<Insn> {
    let text = format!(
        "mov %r6, %r1\nldxdw %r0, [%r6]\nldxdw %r7, [%r6+8]\nstxw [%r10-8], %r0\nmov %r2, 5\n\
         {branch}\nswap: lock cmpxchg32 [%r10-8], %r2\nback: stxdw [%r6], %r0\nmov %r0, 0\nexit"
    );
    assemble(&text).expect("assembler")
}

#[test]
fn a_narrow_exchange_zero_extends_r0_also_where_a_kernel_forgets_it() {
    let upper = 0xdead_beef_0000_0001_u64;
    let bytes = || [upper, 1].iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let branch = "jne %r7, 0, swap\nja back";
    for branch in ["", branch] {
        let insns = exchange(branch);
        let mut ours = bytes();
        interpret(&insns, &mut ours);
        assert_eq!(ours[..8], 1_u64.to_le_bytes(), "RFC 9669 5.3");
        if let Err(error) = availability() {
            println!("skipped: {error}");
            continue;
        }
        let mut theirs = bytes();
        KernelProgram::load(&insns).expect("it loads").run(&mut theirs).expect("it runs");
        // Kernel 6.18 on x86 keeps the upper half where the path behind the exchange is pruned.
        let forgets = !branch.is_empty() && theirs[..8] == upper.to_le_bytes();
        assert!(theirs == ours || forgets, "{theirs:02x?}");
        println!("with the branch {branch:?} the kernel forgets to extend: {forgets}");
    }
}
