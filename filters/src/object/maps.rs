//! Maps from `.maps` and data sections.

use fuserig_abi::btf::{Btf, BtfKind, KindTag, TypeId};

use super::elf::{Elf, Symbol};
use super::error::{LoadError, LoadPlace, LoadProblem, at, in_section};
use crate::program::{DataKind, MapDef, MapKind};

/// Definitions before BTF, which no kernel tool takes any more.
pub(super) const LEGACY: LoadProblem = LoadProblem::Unsupported {
    feature: "legacy map definitions (SEC(\"maps\"), struct bpf_map_def)",
    instead: "define the map as a struct with __uint(type, ...) in SEC(\".maps\")",
};

/// Most bytes of one data section; what is larger is no filter.
const DATA_MAX: u64 = 8 << 20;
/// Most maps of an object.
const MAPS_MAX: usize = 1024;
/// `BPF_F_RDONLY_PROG`, which the loader sets on `.rodata`.
const RDONLY_PROG: u32 = 128;

/// The maps of an object, user's own first, then data sections.
#[derive(Default)]
pub(super) struct Maps {
    pub(super) defs: Vec<MapDef>,
    /// The section `.maps` and, for each map, its offset there and its index.
    section: Option<usize>,
    offsets: Vec<(u64, usize)>,
    /// Section, map and size of each data section.
    data: Vec<(usize, usize, u64)>,
}

/// A variable of a BTF section.
pub(super) struct Variable<'a> {
    pub(super) name: &'a str,
    pub(super) of: TypeId,
}

/// The variables of a data section of BTF.
pub(super) fn variables(btf: &Btf, section: TypeId) -> impl Iterator<Item = Variable<'_>> {
    let vars = match btf.kind(section) {
        Some(BtfKind::Datasec { vars, .. }) => &vars[..],
        _ => &[],
    };
    vars.iter().filter_map(|var| match btf.kind(var.var)? {
        BtfKind::Var { of, .. } => Some(Variable { name: btf.name(var.var), of: *of }),
        _ => None,
    })
}

impl Maps {
    pub(super) fn read(elf: &Elf<'_>, btf: Option<&Btf>) -> Result<Maps, LoadError> {
        let mut maps = Maps::default();
        if let Some(section) = elf.find("maps") {
            return Err(in_section(elf.sections[section].name, LEGACY));
        }
        if let Some(section) = elf.find(".maps") {
            maps.section = Some(section);
            maps.read_definitions(elf, section, btf)?;
        }
        for (index, section) in elf.sections.iter().enumerate() {
            if let Some(data) = data_kind(section.name)
                && section.size > 0
            {
                maps.add_data(elf, index, data)?;
            }
        }
        Ok(maps)
    }

    fn read_definitions(
        &mut self,
        elf: &Elf<'_>,
        section: usize,
        btf: Option<&Btf>,
    ) -> Result<(), LoadError> {
        let no_btf = || in_section(".maps", LoadProblem::NoBtf);
        let btf = btf.ok_or_else(no_btf)?;
        let found = btf.find_kind(".maps", KindTag::Datasec).ok_or_else(no_btf)?;
        if !elf.sections[section].relocations.is_empty() {
            let feature = "initial values of maps of maps and of program arrays";
            let instead = "leave `values` without an initialiser";
            return Err(in_section(".maps", LoadProblem::Unsupported { feature, instead }));
        }
        let mut ordered = Vec::new();
        for variable in variables(btf, found) {
            let Some(symbol) = elf.symbol_in(section, variable.name) else {
                let problem = "its type is known, but there is no such symbol".to_owned();
                let place = LoadPlace::Map(variable.name.to_owned());
                return Err(at(place, LoadProblem::Damaged(problem)));
            };
            ordered.push((symbol.value, variable));
        }
        ordered.sort_by_key(|(offset, _)| *offset);
        for (offset, variable) in ordered {
            let def = Definition { btf, inner: false }.read(variable.name, variable.of);
            let def =
                def.map_err(|problem| at(LoadPlace::Map(variable.name.to_owned()), problem))?;
            self.offsets.push((offset, self.defs.len()));
            self.push(def)?;
        }
        Ok(())
    }

    fn push(&mut self, def: MapDef) -> Result<(), LoadError> {
        if self.defs.len() == MAPS_MAX {
            let problem = LoadProblem::Limit { what: "maps", limit: MAPS_MAX };
            return Err(at(LoadPlace::Object, problem));
        }
        self.defs.push(def);
        Ok(())
    }

    fn add_data(&mut self, elf: &Elf<'_>, index: usize, data: DataKind) -> Result<(), LoadError> {
        let section = &elf.sections[index];
        if section.size > DATA_MAX {
            let problem = LoadProblem::Limit { what: "bytes of data", limit: DATA_MAX as usize };
            return Err(in_section(section.name, problem));
        }
        if !section.relocations.is_empty() {
            let feature = "addresses in data sections";
            let instead = "libbpf leaves them zero; compute them in the program, or use an array \
                           of char arrays for strings";
            return Err(in_section(section.name, LoadProblem::Unsupported { feature, instead }));
        }
        let mut initial = section.bytes.to_vec();
        initial.resize(section.size as usize, 0);
        self.data.push((index, self.defs.len(), section.size));
        self.push(MapDef {
            name: section.name.to_owned(),
            kind: MapKind::Array,
            key_size: 4,
            value_size: section.size as u32,
            max_entries: 1,
            flags: if data == DataKind::ReadOnly { RDONLY_PROG } else { 0 },
            data,
            initial,
            inner: None,
        })
    }

    /// The map that a symbol names.
    pub(super) fn at_symbol(&self, section: usize, symbol: &Symbol<'_>) -> Option<i32> {
        if self.section != Some(section) {
            return None;
        }
        let found = self.offsets.iter().find(|(offset, _)| *offset == symbol.value)?;
        i32::try_from(found.1).ok()
    }

    /// The map of a data section and its length.
    pub(super) fn data_section(&self, section: usize) -> Option<(i32, i64)> {
        let (_, map, size) = self.data.iter().find(|(index, ..)| *index == section)?;
        Some((i32::try_from(*map).ok()?, i64::try_from(*size).ok()?))
    }
}

/// Whether programs see a section as data, and how.
fn data_kind(name: &str) -> Option<DataKind> {
    let is = |family: &str| {
        name == family || name.strip_prefix(family).is_some_and(|rest| rest.starts_with('.'))
    };
    if is(".rodata") {
        Some(DataKind::ReadOnly)
    } else if is(".data") || is(".bss") {
        Some(DataKind::Writable)
    } else {
        None
    }
}

/// Reads one definition.
struct Definition<'a> {
    btf: &'a Btf,
    inner: bool,
}

impl Definition<'_> {
    fn read(&self, name: &str, of: TypeId) -> Result<MapDef, LoadProblem> {
        let bad = |what: String| LoadProblem::Map(what);
        let Some(BtfKind::Struct(structure)) = self.btf.kind(self.btf.resolve(of)) else {
            return Err(bad("its type is no struct of __uint and __type".to_owned()));
        };
        let (mut number, mut key, mut value, mut entries, mut flags) = (None, None, None, 0, 0);
        let mut inner = None;
        for member in &structure.members {
            let field = self.btf.str(member.name);
            match field {
                "type" => number = Some(self.number(field, member.of)?),
                "max_entries" => entries = self.number(field, member.of)?,
                "map_flags" => flags = self.number(field, member.of)?,
                "key_size" => key = Some(self.number(field, member.of)?),
                "value_size" => value = Some(self.number(field, member.of)?),
                "key" => key = Some(self.size(field, member.of)?),
                "value" => value = Some(self.size(field, member.of)?),
                "values" => inner = Some(self.inner(name, member.of)?),
                // Nothing is pinned in a simulated kernel, and it has one node.
                "pinning" | "numa_node" => drop(self.number(field, member.of)?),
                "map_extra" => drop(self.number(field, member.of)?),
                field => return Err(bad(format!("unknown field {field}"))),
            }
        }
        let number =
            number.ok_or_else(|| bad("it has no type; add __uint(type, ...)".to_owned()))?;
        let kind = map_kind(number)?;
        let words = match kind {
            MapKind::PerfEventArray | MapKind::ArrayOfMaps | MapKind::HashOfMaps => Some(4),
            _ => None,
        };
        if words.is_some() {
            (key, value) = (key.or(words), value.or(words));
        }
        Ok(MapDef {
            name: name.to_owned(),
            kind,
            key_size: key.unwrap_or(0),
            value_size: value.unwrap_or(0),
            max_entries: entries,
            flags,
            data: DataKind::Map,
            initial: Vec::new(),
            inner,
        })
    }

    /// `__uint(field, number)`: a pointer to an array of so many elements.
    fn number(&self, field: &str, of: TypeId) -> Result<u32, LoadProblem> {
        let of = self.pointee(of);
        match of.and_then(|of| self.btf.kind(self.btf.resolve(of))) {
            Some(BtfKind::Array { len, .. }) => Ok(*len),
            _ => Err(LoadProblem::Map(format!("{field} is no number; write __uint({field}, ...)"))),
        }
    }

    /// `__type(field, type)`: a pointer to the type.
    fn size(&self, field: &str, of: TypeId) -> Result<u32, LoadProblem> {
        let size = self.pointee(of).and_then(|of| self.btf.size_of(of));
        size.and_then(|size| u32::try_from(size).ok()).ok_or_else(|| {
            LoadProblem::Map(format!("{field} has no size; write __type({field}, ...)"))
        })
    }

    fn pointee(&self, of: TypeId) -> Option<TypeId> {
        match self.btf.kind(self.btf.resolve(of))? {
            BtfKind::Ptr(of) => Some(*of),
            _ => None,
        }
    }

    /// `__array(values, struct ...)`: an array of pointers to a definition.
    fn inner(&self, name: &str, of: TypeId) -> Result<Box<MapDef>, LoadProblem> {
        let bad = || LoadProblem::Map("values is no __array(values, struct ...)".to_owned());
        if self.inner {
            return Err(LoadProblem::Map("a map within a map within a map".to_owned()));
        }
        let Some(BtfKind::Array { element, .. }) = self.btf.kind(self.btf.resolve(of)) else {
            return Err(bad());
        };
        let of = self.pointee(*element).ok_or_else(bad)?;
        let inner = Definition { btf: self.btf, inner: true };
        Ok(Box::new(inner.read(&format!("{name}.inner"), of)?))
    }
}

/// The kind of a map by the kernel's number.
fn map_kind(number: u32) -> Result<MapKind, LoadProblem> {
    let unsupported = |feature, instead| Err(LoadProblem::Unsupported { feature, instead });
    match number {
        1 => Ok(MapKind::Hash),
        2 => Ok(MapKind::Array),
        3 => unsupported("program arrays and tail calls", "call a static function"),
        4 => Ok(MapKind::PerfEventArray),
        5 => Ok(MapKind::PercpuHash),
        6 => Ok(MapKind::PercpuArray),
        7 => unsupported("stack trace maps", "a simulated caller has no kernel stack"),
        9 => Ok(MapKind::LruHash),
        10 => Ok(MapKind::LruPercpuHash),
        11 => unsupported("longest prefix match tries", "use a hash map"),
        12 => Ok(MapKind::ArrayOfMaps),
        13 => Ok(MapKind::HashOfMaps),
        22 => Ok(MapKind::Queue),
        23 => Ok(MapKind::Stack),
        26 => unsupported("struct_ops maps in .maps", "define the variable in .struct_ops"),
        27 => Ok(MapKind::Ringbuf),
        28 | 29 | 32 => unsupported("local storage maps", "use a hash map with the id as the key"),
        30 => Ok(MapKind::BloomFilter),
        31 => unsupported("ring buffers written by user space", "use a hash map"),
        33 => unsupported("arenas", "use an array map"),
        8 | 14..=21 | 24 | 25 => {
            unsupported("maps of networking and control groups", "use a hash map")
        }
        number => Err(LoadProblem::Map(format!("no kernel has a map type {number}"))),
    }
}
