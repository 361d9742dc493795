//! Random programs on two engines.

use fuserig_abi::{Caller, Credentials, Pid, Timespec};
use fuserig_filters::FilterEnv;
use fuserig_filters::engine::kernel::{KernelError, KernelProgram, availability};
use fuserig_filters::engine::random::{Level, context, program};
use fuserig_filters::engine::rbpf::{RbpfError, run_legalised};
use fuserig_filters::engine::{Availability, Code, Limits, Machine};
use fuserig_filters::program::{Insn, Program, ProgramKind};

/// Programs a level; the four levels make 100,000.
const PROGRAMS: u64 = 25_000;

pub(crate) fn interpret(insns: &[Insn], memory: &mut Vec<u8>) -> u64 {
    let program = Program {
        name: "random".to_owned(),
        section: "syscall".to_owned(),
        kind: ProgramKind::Syscall,
        insns: insns.to_vec(),
        functions: Vec::new(),
        lines: Vec::new(),
    };
    let mut code = Code::decode(&program, &[], Availability::Everything).expect("legal");
    let mut machine = Machine::new(&[], Limits::default()).expect("no maps");
    machine.add(&mut code);
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
    let mut env = FilterEnv::new(&caller);
    machine.run_bytes(&code, memory, &mut env).expect("no access is wrong")
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
