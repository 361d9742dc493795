//! Any bytes as a program: an error or a run that ends.

use fuserig_abi::{Caller, Credentials, Pid, Timespec};

use super::vectors::Vector;
use super::{Availability, Code, Limits, Machine, Mode};
use crate::FilterEnv;
use crate::program::{Insn, MapDef, MapKind, Program, ProgramKind};

/// Decodes and runs bytes as instructions, in both modes, and reads them as a vector. It returns
/// for any bytes.
#[doc(hidden)]
pub fn fuzz_entry(bytes: &[u8]) {
    if let Ok(text) = core::str::from_utf8(bytes) {
        let _ = Vector::parse(text);
    }
    let rows = bytes.chunks_exact(8);
    let insns = rows.map(|row| Insn::from_bytes(row.try_into().expect("eight bytes a row")));
    let program = Program {
        name: "fuzz".to_owned(),
        section: "syscall".to_owned(),
        kind: ProgramKind::Syscall,
        insns: insns.collect(),
        functions: Vec::new(),
        lines: Vec::new(),
    };
    let kfuncs: Vec<String> = ["bpf_dynptr_slice", "bpf_dynptr_size", "bpf_iter_num_next"]
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    let Ok(mut code) = Code::decode(&program, &kfuncs, Availability::Everything) else { return };
    for mode in [Mode::Kernel, Mode::Strict] {
        let limits = Limits { budget: 10_000, mode, ..Limits::default() };
        let mut machine = Machine::new(&maps(), limits).expect("these maps can be made");
        machine.add(&mut code);
        let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
        let mut env = FilterEnv::new(&caller);
        let mut memory = vec![0x5a; 64];
        if let Err(trap) = machine.run_bytes(&code, &mut memory, &mut env) {
            assert!(!trap.to_string().is_empty(), "a trap says why");
        }
        assert_eq!(memory.len(), 64, "the memory of the caller keeps its length");
        assert!(machine.executed() <= 20_000, "a run ends within its budget");
        let _ = machine.counts(&code);
    }
}

fn maps() -> Vec<MapDef> {
    let kinds = [MapKind::Array, MapKind::Hash, MapKind::LruHash, MapKind::PercpuArray];
    let map = |kind| MapDef::new(format!("{kind:?}"), kind, 4, 8, 4);
    let ring = MapDef { max_entries: 4096, ..map(MapKind::Ringbuf) };
    kinds.into_iter().map(map).chain([ring]).collect()
}
