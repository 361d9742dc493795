//! Code sections as instructions, and the functions in them.

use std::collections::BTreeMap;

use super::elf::{Binding, Elf, SymbolKind};
use super::error::{LoadError, LoadPlace, LoadProblem, at, damaged, in_section};
use crate::program::{Insn, ProgramKind};

/// Most instructions of all sections together: a kernel takes no larger program.
const INSNS_MAX: usize = 1_000_000;
/// `lddw`, the only instruction of two slots.
pub(super) const LDDW: u8 = 0x18;
/// `call`.
pub(super) const CALL: u8 = 0x85;

/// The code of an object.
pub(super) struct Code {
    /// By index of the section.
    pub(super) sections: BTreeMap<usize, CodeSection>,
    pub(super) functions: Vec<Function>,
    /// From section and first instruction to the function.
    pub(super) starts: BTreeMap<(usize, usize), usize>,
}

/// One section of code.
pub(super) struct CodeSection {
    pub(super) name: String,
    pub(super) insns: Vec<Insn>,
    /// Functions that instructions refer to, by instruction.
    pub(super) references: BTreeMap<usize, usize>,
}

/// One function.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) section: usize,
    /// First instruction in the section.
    pub(super) start: usize,
    pub(super) len: usize,
    /// What kind of program it is the main function of; none in `.text`.
    pub(super) entry: Option<ProgramKind>,
}

impl Code {
    /// Cuts the executable sections into instructions and functions.
    pub(super) fn read(elf: &Elf<'_>) -> Result<Code, LoadError> {
        let mut sections = BTreeMap::new();
        let mut total = 0;
        for (index, section) in elf.sections.iter().enumerate() {
            if !section.executable {
                continue;
            }
            let (chunks, rest) = section.bytes.as_chunks::<8>();
            if !rest.is_empty() {
                let len = section.bytes.len();
                return Err(damaged(section.name, format!("{len} bytes are no instructions")));
            }
            total += chunks.len();
            if total > INSNS_MAX {
                let problem = LoadProblem::Limit { what: "instructions", limit: INSNS_MAX };
                return Err(in_section(section.name, problem));
            }
            let insns = chunks.iter().map(|chunk| Insn::from_bytes(*chunk)).collect();
            let name = section.name.to_owned();
            sections.insert(index, CodeSection { name, insns, references: BTreeMap::new() });
        }
        let (functions, starts) = read_functions(elf, &sections)?;
        Ok(Code { sections, functions, starts })
    }

    /// The function that an instruction stands in.
    pub(super) fn function_at(&self, section: usize, insn: usize) -> Option<&Function> {
        let (_, index) = self.starts.range(..=(section, insn)).next_back()?;
        let function = &self.functions[*index];
        let inside = function.section == section && insn < function.start + function.len;
        inside.then_some(function)
    }

    /// A place for errors.
    pub(super) fn place(&self, section: usize, insn: usize) -> LoadPlace {
        let function = self.function_at(section, insn);
        LoadPlace::Insn {
            section: self.sections.get(&section).map_or(String::new(), |one| one.name.clone()),
            function: function.map_or(String::new(), |function| function.name.clone()),
            insn,
            line: None,
        }
    }
}

/// Functions and where they start.
type Functions = (Vec<Function>, BTreeMap<(usize, usize), usize>);

fn read_functions(
    elf: &Elf<'_>,
    sections: &BTreeMap<usize, CodeSection>,
) -> Result<Functions, LoadError> {
    let (mut functions, mut starts) = (Vec::new(), BTreeMap::new());
    let mut symbols: Vec<_> = elf
        .symbols
        .iter()
        .filter(|symbol| symbol.kind == SymbolKind::Func)
        .filter_map(|symbol| Some((symbol.section?, symbol)))
        .collect();
    symbols.sort_by_key(|(section, symbol)| (*section, symbol.value));
    for (index, symbol) in symbols {
        let place = || LoadPlace::Symbol(symbol.name.to_owned());
        let Some(section) = sections.get(&index) else {
            let problem = LoadProblem::Damaged("a function outside of code".to_owned());
            return Err(at(place(), problem));
        };
        let end = symbol.value.checked_add(symbol.size);
        let inside = end.is_some_and(|end| end <= 8 * section.insns.len() as u64);
        if !inside || symbol.value % 8 != 0 || symbol.size % 8 != 0 || symbol.size == 0 {
            let problem = format!(
                "a function of {} bytes at byte {} does not fit section {}",
                symbol.size, symbol.value, section.name
            );
            return Err(at(place(), LoadProblem::Damaged(problem)));
        }
        let entry = (section.name != ".text").then(|| kind_of(&section.name));
        if entry.is_some() && symbol.binding == Binding::Local {
            let feature = "static programs";
            let instead = "a program is called by the kernel, so make the function global";
            return Err(at(place(), LoadProblem::Unsupported { feature, instead }));
        }
        let start = (symbol.value / 8) as usize;
        if starts.insert((index, start), functions.len()).is_some() {
            let problem = LoadProblem::Damaged("two functions start here".to_owned());
            return Err(at(place(), problem));
        }
        let len = (symbol.size / 8) as usize;
        let name = symbol.name.to_owned();
        functions.push(Function { name, section: index, start, len, entry });
    }
    Ok((functions, starts))
}

/// What a section makes of its programs.
pub(super) fn kind_of(section: &str) -> ProgramKind {
    let section = section.strip_prefix('?').unwrap_or(section);
    let family = section.split('/').next().unwrap_or(section);
    match family {
        "struct_ops" | "struct_ops.s" => ProgramKind::StructOps,
        "fuse" => ProgramKind::Android,
        "syscall" => ProgramKind::Syscall,
        _ => ProgramKind::Other,
    }
}
