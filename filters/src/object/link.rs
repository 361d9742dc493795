//! Programs: a main function and every function it reaches, placed once each.

use std::collections::BTreeMap;

use fuserig_abi::btf::Btf;

use super::code::{Code, Function, LDDW};
use super::error::{LoadError, LoadPlace, LoadProblem, at};
use super::ext::Ext;
use crate::program::{FunctionSpan, Insn, Program, ProgramKind, SourceLine};

/// Most instructions of all programs together, each with its copies of shared functions.
const LINKED_MAX: usize = 4_000_000;

/// Links every program, in the order of sections.
pub(super) fn programs(
    code: &Code,
    ext: &Ext,
    btf: Option<&Btf>,
) -> Result<Vec<Program>, LoadError> {
    let mut programs = Vec::new();
    let mut total = 0;
    for (index, function) in code.functions.iter().enumerate() {
        let Some(kind) = function.entry else { continue };
        let mut linker = Linker { code, order: vec![index], starts: BTreeMap::new(), total };
        let insns = linker.insns()?;
        total += insns.len();
        programs.push(linker.finish(function, kind, insns, ext, btf));
    }
    Ok(programs)
}

struct Linker<'a> {
    code: &'a Code,
    /// Functions in the order they are placed.
    order: Vec<usize>,
    /// Function to its first instruction in the program.
    starts: BTreeMap<usize, usize>,
    total: usize,
}

impl Linker<'_> {
    fn insns(&mut self) -> Result<Vec<Insn>, LoadError> {
        let code = self.code;
        let mut insns = Vec::new();
        let mut references = Vec::new();
        let mut next = 0;
        while let Some(index) = self.order.get(next).copied() {
            next += 1;
            let function = &code.functions[index];
            let section = &code.sections[&function.section];
            let start = insns.len();
            self.starts.insert(index, start);
            let range = function.start..function.start + function.len;
            if self.total + start + function.len > LINKED_MAX {
                let limit = LoadProblem::Limit { what: "linked instructions", limit: LINKED_MAX };
                return Err(at(LoadPlace::Symbol(function.name.clone()), limit));
            }
            insns.extend_from_slice(&section.insns[range.clone()]);
            for (insn, callee) in section.references.range(range) {
                references.push((start + insn - function.start, *callee));
                if !self.order.contains(callee) {
                    self.order.push(*callee);
                }
            }
        }
        for (insn, callee) in references {
            let start = self.starts[&callee] as i64;
            let is_address = insns[insn].code == LDDW;
            let imm = if is_address { start } else { start - insn as i64 - 1 };
            insns[insn].imm = imm as i32;
        }
        Ok(insns)
    }

    fn finish(
        &self,
        main: &Function,
        kind: ProgramKind,
        insns: Vec<Insn>,
        ext: &Ext,
        btf: Option<&Btf>,
    ) -> Program {
        let mut functions = Vec::new();
        let mut lines = Vec::new();
        for index in &self.order {
            let function = &self.code.functions[*index];
            let start = self.starts[index];
            functions.push(FunctionSpan {
                name: function.name.clone(),
                start: start as u32,
                len: function.len as u32,
            });
            if let Some(btf) = btf {
                lines_of(self.code, function, start, ext, btf, &mut lines);
            }
        }
        Program {
            name: main.name.clone(),
            section: self.code.sections[&main.section].name.clone(),
            kind,
            insns,
            functions,
            lines,
        }
    }
}

/// Adds the source lines of a function that was placed at `start`.
fn lines_of(
    code: &Code,
    function: &Function,
    start: usize,
    ext: &Ext,
    btf: &Btf,
    lines: &mut Vec<SourceLine>,
) {
    let records = ext.lines.get(&code.sections[&function.section].name);
    for record in records.into_iter().flatten() {
        let insn = (record.offset / 8) as usize;
        if insn < function.start || insn >= function.start + function.len {
            continue;
        }
        let line = SourceLine {
            insn: (start + insn - function.start) as u32,
            file: file_name(btf.str(record.file)),
            line: record.line,
            column: record.column,
            text: btf.str(record.text).trim().to_owned(),
        };
        // Two records of one instruction: the later one is the more precise.
        match lines.last_mut() {
            Some(last) if last.insn == line.insn => *last = line,
            _ => lines.push(line),
        }
    }
}

/// A file as people name it, without the `./` of a compiler that was told to forget its directory.
pub(super) fn file_name(name: &str) -> String {
    name.strip_prefix("./").unwrap_or(name).to_owned()
}
