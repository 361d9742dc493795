//! ELF relocations of code: maps, data, functions, kernel symbols (ENGINE section 3).

use super::code::{CALL, Code, LDDW};
use super::elf::{Binding, Elf, Relocation, Symbol, SymbolKind};
use super::error::{LoadError, LoadProblem, at};
use super::kernel::KernelSymbols;
use super::maps::Maps;
use crate::program::{
    Insn, POISON_IMM, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_KFUNC, PSEUDO_MAP, PSEUDO_MAP_VALUE,
};

/// `R_BPF_64_64`: an `lddw`.
const R_64_64: u32 = 1;
/// `R_BPF_64_32`: a call.
const R_64_32: u32 = 10;

/// Applies the relocations of every code section, and finds the callees of calls without one.
pub(super) fn relocate(
    elf: &Elf<'_>,
    code: &mut Code,
    maps: &Maps,
    kernel: &mut KernelSymbols<'_>,
) -> Result<(), LoadError> {
    let indices: Vec<usize> = code.sections.keys().copied().collect();
    for section in indices {
        for relocation in &elf.sections[section].relocations {
            let insn = (relocation.offset / 8) as usize;
            let mut one = One { elf, code, maps, kernel, section, insn };
            one.apply(relocation)?;
        }
        local_calls(code, section)?;
    }
    Ok(())
}

/// One relocation being applied.
struct One<'a, 'b, 'k> {
    elf: &'a Elf<'b>,
    code: &'a mut Code,
    maps: &'a Maps,
    kernel: &'a mut KernelSymbols<'k>,
    section: usize,
    insn: usize,
}

impl One<'_, '_, '_> {
    fn fail(&self, symbol: &str, problem: &'static str) -> LoadError {
        let symbol = symbol.to_owned();
        self.problem(LoadProblem::Relocation { symbol, problem })
    }

    fn problem(&self, problem: LoadProblem) -> LoadError {
        at(self.code.place(self.section, self.insn), problem)
    }

    fn slot(&mut self, insn: usize) -> Option<&mut Insn> {
        self.code.sections.get_mut(&self.section)?.insns.get_mut(insn)
    }

    fn apply(&mut self, relocation: &Relocation) -> Result<(), LoadError> {
        let elf = self.elf;
        let symbol = &elf.symbols[relocation.symbol];
        let name = symbol_name(elf, symbol);
        let insn = match self.slot(self.insn) {
            Some(insn) if relocation.offset.is_multiple_of(8) => *insn,
            _ => return Err(self.fail(name, "it is at no instruction")),
        };
        match (relocation.kind, insn.code) {
            (R_64_64, LDDW) => {
                if self.slot(self.insn + 1).is_none() {
                    return Err(self.fail(name, "the second half of lddw is missing"));
                }
                self.wide(symbol, name, insn)
            }
            (R_64_32, CALL) => self.call(symbol, name, insn),
            (R_64_64, _) => Err(self.fail(name, "its instruction is no lddw")),
            (R_64_32, _) => Err(self.fail(name, "its instruction is no call")),
            _ => Err(self.fail(name, "its type is not one of 1 (lddw) and 10 (call)")),
        }
    }

    fn set_wide(&mut self, src: u8, low: i32, high: i32) {
        let at = self.insn;
        if let Some(first) = self.slot(at) {
            (first.src, first.imm) = (src, low);
        }
        if let Some(second) = self.slot(at + 1) {
            second.imm = high;
        }
    }

    fn wide(&mut self, symbol: &Symbol<'_>, name: &str, insn: Insn) -> Result<(), LoadError> {
        let Some(section) = symbol.section else {
            return self.kernel_address(symbol, name);
        };
        let section_name = self.elf.sections[section].name;
        if let Some(map) = self.maps.at_symbol(section, symbol) {
            self.set_wide(PSEUDO_MAP, map, 0);
            return Ok(());
        }
        if let Some((map, size)) = self.maps.data_section(section) {
            let offset = (symbol.value.cast_signed()).checked_add(insn.imm.into());
            let offset = offset.filter(|offset| (0..=size).contains(offset));
            let offset = offset.and_then(|offset| i32::try_from(offset).ok());
            let Some(offset) = offset else {
                return Err(self.fail(name, "the address lies outside of its section"));
            };
            self.set_wide(PSEUDO_MAP_VALUE, map, offset);
            return Ok(());
        }
        if self.code.sections.contains_key(&section) {
            let offset = symbol.value.checked_add_signed(insn.imm.into());
            let function = offset.filter(|offset| offset % 8 == 0).and_then(|offset| {
                self.code.starts.get(&(section, (offset / 8) as usize)).copied()
            });
            let Some(function) = function else {
                return Err(self.fail(name, "no function starts at that address"));
            };
            self.set_wide(PSEUDO_FUNC, 0, 0);
            self.refer(function);
            return Ok(());
        }
        Err(match section_name {
            "maps" => self.problem(super::maps::LEGACY),
            ".maps" => {
                self.fail(name, "no map is defined at that address; define it with SEC(\".maps\")")
            }
            ".struct_ops" | ".struct_ops.link" => {
                self.fail(name, "a program cannot read a struct_ops variable; copy it to .rodata")
            }
            name if name.starts_with(".addr_space") => {
                let instead = "use an array map";
                self.problem(LoadProblem::Unsupported { feature: "arenas", instead })
            }
            _ => self.fail(name, "programs cannot reach its section; use .data, .bss or .rodata"),
        })
    }

    fn refer(&mut self, function: usize) {
        if let Some(section) = self.code.sections.get_mut(&self.section) {
            section.references.insert(self.insn, function);
        }
    }

    /// The address of a kernel symbol: not zero when it exists, for `if (bpf_dynptr_clone)`.
    fn kernel_address(&mut self, symbol: &Symbol<'_>, name: &str) -> Result<(), LoadError> {
        let found = self.kernel.index(name, symbol.binding == Binding::Weak);
        let address = match found.map_err(|problem| self.problem(problem))? {
            Some(index) => index + 1,
            None => 0,
        };
        self.set_wide(0, address, 0);
        Ok(())
    }

    fn call(&mut self, symbol: &Symbol<'_>, name: &str, insn: Insn) -> Result<(), LoadError> {
        if symbol.undefined {
            let found = self.kernel.index(name, symbol.binding == Binding::Weak);
            let found = found.map_err(|problem| self.problem(problem))?;
            let (src, imm) = found.map_or((0, POISON_IMM), |index| (PSEUDO_KFUNC, index));
            if let Some(insn) = self.slot(self.insn) {
                (insn.src, insn.imm) = (src, imm);
            }
            return Ok(());
        }
        let base = i64::try_from(symbol.value / 8).unwrap_or(i64::MAX);
        let target = base.checked_add(i64::from(insn.imm) + 1);
        let target = target.and_then(|target| usize::try_from(target).ok());
        let section = symbol.section.filter(|_| symbol.value.is_multiple_of(8));
        let function = section.zip(target).and_then(|key| self.code.starts.get(&key).copied());
        let Some(function) = function else {
            return Err(self.fail(name, "no function starts where the call goes"));
        };
        self.refer(function);
        Ok(())
    }
}

/// A name to show: section symbols have none of their own.
fn symbol_name<'a>(elf: &Elf<'a>, symbol: &Symbol<'a>) -> &'a str {
    match symbol.section {
        Some(section) if symbol.name.is_empty() || symbol.kind == SymbolKind::Section => {
            elf.sections[section].name
        }
        _ => symbol.name,
    }
}

/// Calls that the compiler resolved itself, within one section.
fn local_calls(code: &mut Code, section: usize) -> Result<(), LoadError> {
    let mut found = Vec::new();
    let one = &code.sections[&section];
    let mut wide = false;
    for (at_insn, insn) in one.insns.iter().enumerate() {
        let second = wide;
        wide = insn.code == LDDW && !second;
        let is_call = insn.code == CALL && insn.src == PSEUDO_CALL;
        if second || !is_call || one.references.contains_key(&at_insn) {
            continue;
        }
        let target = (at_insn as i64 + 1).checked_add(insn.imm.into());
        let target = target.and_then(|target| usize::try_from(target).ok());
        let function = target.and_then(|target| code.starts.get(&(section, target)));
        let Some(function) = function else {
            let (symbol, problem) = (one.name.clone(), "no function starts where the call goes");
            let problem = LoadProblem::Relocation { symbol, problem };
            return Err(at(code.place(section, at_insn), problem));
        };
        found.push((at_insn, *function));
    }
    if let Some(one) = code.sections.get_mut(&section) {
        one.references.extend(found);
    }
    Ok(())
}
