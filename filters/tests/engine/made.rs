//! Linked objects made by hand, for tests that need no compiler.

use std::collections::BTreeMap;

use fuserig_filters::engine::vectors::assemble;
use fuserig_filters::program::{
    FunctionSpan, Linked, MapDef, Program, ProgramKind, SourceLine, StructOpsMap,
};

/// Kernel functions that programs of these tests call by index.
pub(crate) const KFUNCS: [&str; 5] = [
    "bpf_fuse_get_rw_dynptr",
    "bpf_fuse_get_ro_dynptr",
    "bpf_fuse_return_len",
    "bpf_dynptr_slice",
    "bpf_dynptr_size",
];

/// An object with one filter; each member is assembler text, whose lines are its source.
pub(crate) fn object(members: &[(&str, &str)], maps: &[MapDef]) -> Linked {
    let programs: Vec<Program> = members.iter().map(|(name, text)| program(name, text)).collect();
    let slots: BTreeMap<String, usize> =
        members.iter().enumerate().map(|(at, (name, _))| ((*name).to_owned(), at)).collect();
    Linked {
        programs,
        maps: maps.to_vec(),
        kfuncs: KFUNCS.iter().map(|name| (*name).to_owned()).collect(),
        struct_ops: vec![StructOpsMap {
            symbol: "made_ops".to_owned(),
            type_name: "fuse_ops".to_owned(),
            section: ".struct_ops".to_owned(),
            bytes: Vec::new(),
            name: "made".to_owned(),
            members: slots,
        }],
        license: "GPL".to_owned(),
    }
}

fn program(name: &str, text: &str) -> Program {
    let insns = assemble(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut lines = Vec::new();
    let mut at = 0;
    for (line, source) in (1..).zip(text.lines()) {
        lines.push(SourceLine {
            insn: at,
            file: "made.s".to_owned(),
            line,
            column: 1,
            text: source.trim().to_owned(),
        });
        let is_wide = source.trim().starts_with("ld") && !source.trim().starts_with("ldx");
        at += if is_wide { 2 } else { 1 };
    }
    let len = u32::try_from(insns.len()).expect("short");
    Program {
        name: name.to_owned(),
        section: format!("struct_ops/{name}"),
        kind: ProgramKind::StructOps,
        insns,
        functions: vec![FunctionSpan { name: name.to_owned(), start: 0, len }],
        lines,
    }
}
