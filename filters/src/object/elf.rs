//! The ELF file: sections, symbols and relocations as owned by the loader. The only module that
//! knows the crate `object`.

use object::read::elf::ElfFile64;
use object::{
    LittleEndian, Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget,
    SectionFlags, SymbolFlags,
};

use super::error::{LoadError, LoadPlace, LoadProblem, at, damaged};

/// `EM_BPF`.
const MACHINE_BPF: u16 = 247;
/// `ET_REL`.
const TYPE_RELOCATABLE: u16 = 1;
/// `STT_FUNC` and `STT_SECTION`.
const SYMBOL_FUNC: u8 = 2;
const SYMBOL_SECTION: u8 = 3;
/// `STB_LOCAL` and `STB_WEAK`.
const BIND_LOCAL: u8 = 0;
const BIND_WEAK: u8 = 2;
/// `SHF_EXECINSTR`.
const FLAG_EXECUTABLE: u64 = 4;

/// Most sections of an object; clang needs some dozens.
const SECTIONS_MAX: usize = 4096;
/// Most symbols of an object.
const SYMBOLS_MAX: usize = 65_536;
/// Most relocations of one section.
const RELOCATIONS_MAX: usize = 1_000_000;

/// An object file.
pub(super) struct Elf<'a> {
    pub(super) sections: Vec<Section<'a>>,
    pub(super) symbols: Vec<Symbol<'a>>,
}

/// One section; its position is the section's index in the file.
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    /// What stands in the file; empty for `.bss`.
    pub(super) bytes: &'a [u8],
    /// Length in memory.
    pub(super) size: u64,
    pub(super) executable: bool,
    pub(super) has_bits: bool,
    pub(super) relocations: Vec<Relocation>,
}

/// One symbol; its position is the symbol's index in the file.
#[derive(Clone, Copy)]
pub(super) struct Symbol<'a> {
    pub(super) name: &'a str,
    /// The section it stands in; none when it is undefined or absolute.
    pub(super) section: Option<usize>,
    pub(super) undefined: bool,
    pub(super) value: u64,
    pub(super) size: u64,
    pub(super) kind: SymbolKind,
    pub(super) binding: Binding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SymbolKind {
    Func,
    Section,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    Local,
    Global,
    Weak,
}

/// One relocation of a section.
#[derive(Clone, Copy)]
pub(super) struct Relocation {
    pub(super) offset: u64,
    pub(super) symbol: usize,
    /// `r_type`.
    pub(super) kind: u32,
}

impl<'a> Elf<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Elf<'a>, LoadError> {
        check_head(bytes)?;
        let whole =
            |error: object::Error| at(LoadPlace::Object, LoadProblem::Damaged(error.to_string()));
        let file = ElfFile64::<LittleEndian>::parse(bytes).map_err(whole)?;
        let mut symbols = vec![Symbol {
            name: "",
            section: None,
            undefined: true,
            value: 0,
            size: 0,
            kind: SymbolKind::Other,
            binding: Binding::Local,
        }];
        for symbol in file.symbols() {
            if symbols.len() == SYMBOLS_MAX {
                let limit = LoadProblem::Limit { what: "symbols", limit: SYMBOLS_MAX };
                return Err(at(LoadPlace::Object, limit));
            }
            if symbol.index().0 != symbols.len() {
                return Err(whole_damaged("the symbol table is not in order"));
            }
            symbols.push(read_symbol(&symbol).map_err(whole)?);
        }
        let mut sections: Vec<Section<'a>> = vec![Section::null()];
        for section in file.sections() {
            let index = section.index().0;
            if sections.len() == SECTIONS_MAX {
                let limit = LoadProblem::Limit { what: "sections", limit: SECTIONS_MAX };
                return Err(at(LoadPlace::Object, limit));
            }
            if index != sections.len() {
                return Err(whole_damaged("the section table is not in order"));
            }
            sections.push(read_section(&section, symbols.len())?);
        }
        let is_inside = |symbol: &Symbol<'_>| symbol.section.is_none_or(|at| at < sections.len());
        if !symbols.iter().all(is_inside) {
            return Err(whole_damaged("a symbol stands in a section that the file does not have"));
        }
        Ok(Elf { sections, symbols })
    }

    /// The index of the first section with that name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.sections.iter().position(|section| section.name == name)
    }

    /// The defined symbol with that name in that section.
    pub(super) fn symbol_in(&self, section: usize, name: &str) -> Option<&Symbol<'a>> {
        self.symbols.iter().find(|symbol| symbol.section == Some(section) && symbol.name == name)
    }
}

/// The bytes of a section of an ELF file of any machine and kind.
pub(super) fn any_section<'a>(bytes: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, LoadError> {
    let damaged =
        |error: object::Error| at(LoadPlace::Object, LoadProblem::Damaged(error.to_string()));
    let file = ElfFile64::<LittleEndian>::parse(bytes).map_err(damaged)?;
    file.section_by_name(name).map(|section| section.data().map_err(damaged)).transpose()
}

impl Section<'_> {
    fn null() -> Self {
        Section {
            name: "",
            bytes: &[],
            size: 0,
            executable: false,
            has_bits: false,
            relocations: Vec::new(),
        }
    }
}

fn whole_damaged(what: &str) -> LoadError {
    at(LoadPlace::Object, LoadProblem::Damaged(what.to_owned()))
}

/// The first bytes, so that the common mistakes get an answer that helps.
fn check_head(bytes: &[u8]) -> Result<(), LoadError> {
    let field =
        |at: usize| bytes.get(at..at + 2).map(|pair| u16::from(pair[0]) | u16::from(pair[1]) << 8);
    let wrong = if !bytes.starts_with(b"\x7fELF") {
        if bytes.starts_with(b"BC\xc0\xde") {
            "LLVM bitcode and not an object; compile without -emit-llvm or run llc on it"
        } else {
            "not an ELF file; compile with clang -target bpf -c"
        }
    } else if bytes.get(4) != Some(&2) {
        "not a 64-bit ELF file; compile with clang -target bpf"
    } else if bytes.get(5) != Some(&1) {
        "a big-endian object; compile with clang -target bpfel"
    } else if field(18) != Some(MACHINE_BPF) {
        "an object of another machine; compile with clang -target bpf"
    } else if field(16) != Some(TYPE_RELOCATABLE) {
        "not a relocatable object; give the output of clang -c, unlinked"
    } else {
        return Ok(());
    };
    Err(at(LoadPlace::Object, LoadProblem::NotBpf(wrong)))
}

fn read_symbol<'a>(
    symbol: &object::read::elf::ElfSymbol64<'a, '_, LittleEndian>,
) -> object::Result<Symbol<'a>> {
    let st_info = match symbol.flags() {
        SymbolFlags::Elf { st_info, .. } => st_info.0,
        _ => 0,
    };
    let kind = match st_info & 15 {
        SYMBOL_FUNC => SymbolKind::Func,
        SYMBOL_SECTION => SymbolKind::Section,
        _ => SymbolKind::Other,
    };
    let binding = match st_info >> 4 {
        BIND_LOCAL => Binding::Local,
        BIND_WEAK => Binding::Weak,
        _ => Binding::Global,
    };
    Ok(Symbol {
        name: symbol.name()?,
        section: symbol.section_index().map(|index| index.0),
        undefined: symbol.is_undefined(),
        value: symbol.address(),
        size: symbol.size(),
        kind,
        binding,
    })
}

fn read_section<'a>(
    section: &object::read::elf::ElfSection64<'a, '_, LittleEndian>,
    symbols: usize,
) -> Result<Section<'a>, LoadError> {
    let index = section.index().0;
    let name =
        section.name().map_err(|error| damaged(&format!("number {index}"), error.to_string()))?;
    let bytes = section.data().map_err(|error| damaged(name, error.to_string()))?;
    let sh_flags = match section.flags() {
        SectionFlags::Elf { sh_flags, .. } => sh_flags.0,
        _ => 0,
    };
    let mut relocations = Vec::new();
    // Only code and definitions are relocated; debugging sections have thousands that nobody reads.
    let wanted = !name.starts_with(".debug") && !name.starts_with(".BTF");
    for (offset, relocation) in section.relocations().filter(|_| wanted) {
        let kind = match relocation.flags() {
            RelocationFlags::Elf { r_type } => r_type.0,
            _ => 0,
        };
        let symbol = match relocation.target() {
            RelocationTarget::Symbol(index) if index.0 < symbols => index.0,
            _ => return Err(damaged(name, "a relocation has no symbol")),
        };
        if relocations.len() == RELOCATIONS_MAX {
            let limit = RELOCATIONS_MAX;
            let problem = LoadProblem::Limit { what: "relocations", limit };
            return Err(super::error::in_section(name, problem));
        }
        relocations.push(Relocation { offset, symbol, kind });
    }
    Ok(Section {
        name,
        bytes,
        size: section.size(),
        executable: sh_flags & FLAG_EXECUTABLE != 0 && !bytes.is_empty(),
        has_bits: !bytes.is_empty(),
        relocations,
    })
}
