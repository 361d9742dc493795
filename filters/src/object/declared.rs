//! What an object declares, before it is loaded for any ABI: its tables and its kernel functions.
//!
//! This is the object's side of the comparison that a loader makes. It judges nothing: whether an
//! ABI takes the object is another question, asked once for each ABI.

use fuserig_abi::btf::{Btf, BtfKind, KindTag};
use fuserig_abi::diff::FilterUse;
use fuserig_abi::spec::{MemberSpec, OpsSpec, Prototype};

use super::core::essential_name;
use super::elf::{Binding, Elf, SymbolKind};
use super::error::LoadError;
use super::load::{is_gpl_compatible, license, read_btf};
use super::maps::variables;

/// What an object declares.
///
/// ```
/// use fuserig_filters::object::declared;
/// assert!(declared(b"no object").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its tables of callbacks.
    pub ops: Vec<DeclaredOps>,
    /// The kernel functions that it calls.
    pub kfuncs: Vec<DeclaredKfunc>,
    /// Its licence.
    pub license: String,
    /// The programs that stand in sections of struct_ops, in the order of the symbols.
    pub programs: Vec<DeclaredProgram>,
}

/// A program in a section of struct_ops.
///
/// ```
/// use fuserig_filters::object::DeclaredProgram;
/// let program = DeclaredProgram { name: "lookup".into(), optional: false };
/// assert!(!program.optional);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredProgram {
    /// Its function.
    pub name: String,
    /// Whether its section begins with `?`: it is loaded only when somebody asks for it.
    pub optional: bool,
}

/// A variable in `.struct_ops` or `.struct_ops.link`.
///
/// ```
/// use fuserig_filters::object::DeclaredOps;
/// let table = DeclaredOps {
///     variable: "hide".into(), type_name: "fuse_ops".into(), flavour: String::new(),
///     size: 528, members: Vec::new(),
/// };
/// assert_eq!(table.type_name, "fuse_ops");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredOps {
    /// The variable.
    pub variable: String,
    /// Its type, without the `___` that flavours a type for CO-RE.
    pub type_name: String,
    /// What was cut off: `___` and what follows, or nothing.
    pub flavour: String,
    /// Its length in bytes.
    pub size: u32,
    /// The members as the object declares them.
    pub members: Vec<DeclaredMember>,
}

/// A member of such a variable.
///
/// ```
/// use fuserig_abi::spec::{MemberKind, MemberSpec, TypeRef};
/// use fuserig_filters::object::DeclaredMember;
/// let spec = MemberSpec {
///     name: "flags".into(), offset: Some(8), size: 4,
///     kind: MemberKind::Data(TypeRef::int(4, false)), missing: None, opcode: None,
/// };
/// let value = vec![0; 4];
/// let member = DeclaredMember { spec, bit_field: false, program: None, value };
/// assert!(!member.is_set());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredMember {
    /// Name, place and type.
    pub spec: MemberSpec,
    /// Whether it is a bit field.
    pub bit_field: bool,
    /// The symbol that is put into it.
    pub program: Option<String>,
    /// Its bytes; fewer than its length, or none, where the section has none.
    pub value: Vec<u8>,
}

impl DeclaredMember {
    /// Whether the object gives it a program or a value.
    pub fn is_set(&self) -> bool {
        self.program.is_some() || self.value.iter().any(|byte| *byte != 0)
    }

    /// Its bytes up to the first NUL, as text; none without a NUL, and of what is no text.
    ///
    /// ```
    /// # use fuserig_abi::spec::{MemberKind, MemberSpec, TypeRef};
    /// # use fuserig_filters::object::DeclaredMember;
    /// # let kind = MemberKind::Data(TypeRef::Bool);
    /// # let spec = MemberSpec {
    /// #     name: "name".into(), offset: None, size: 4, kind, missing: None, opcode: None,
    /// # };
    /// let member = |value: &[u8]| DeclaredMember {
    ///     spec: spec.clone(), bit_field: false, program: None, value: value.to_vec(),
    /// };
    /// assert_eq!(member(b"abc\0").text(), Some("abc"));
    /// assert_eq!(member(b"abcd").text(), None);
    /// ```
    pub fn text(&self) -> Option<&str> {
        let end = self.value.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&self.value[..end]).ok()
    }
}

/// A kernel function that an object calls.
///
/// ```
/// use fuserig_filters::object::DeclaredKfunc;
/// let prototype = "u32(struct fuse_buffer *buffer)".parse().expect("a prototype");
/// let kfunc = DeclaredKfunc { name: "bpf_fuse_return_len".into(), prototype, weak: false };
/// assert!(!kfunc.weak);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredKfunc {
    /// Its name.
    pub name: String,
    /// As the object declares it.
    pub prototype: Prototype,
    /// Whether the object does without it when the kernel has none.
    pub weak: bool,
}

impl Declared {
    /// What the first table uses, for [`fuserig_abi::diff::Change::concerns`].
    pub fn used(&self, name: &str) -> FilterUse {
        let table = self.ops.first();
        let set = table.iter().flat_map(|table| &table.members).filter(|member| member.is_set());
        let members: Vec<&str> = set.map(|member| member.spec.name.as_str()).collect();
        let ops = table.map_or("", |table| table.type_name.as_str());
        FilterUse {
            kfuncs: Some(self.kfuncs.iter().map(|kfunc| kfunc.name.clone()).collect()),
            ..FilterUse::of_members(name, ops, members)
        }
    }

    /// Whether its licence lets a kernel run struct_ops programs.
    pub fn is_gpl(&self) -> bool {
        is_gpl_compatible(&self.license)
    }
}

/// Reads what an object declares.
///
/// # Errors
/// No BPF object, and ELF or BTF that cannot be read.
pub fn declared(bytes: &[u8]) -> Result<Declared, LoadError> {
    let elf = Elf::read(bytes)?;
    let programs = programs(&elf);
    let license = license(&elf);
    let mut found = Declared { ops: Vec::new(), kfuncs: Vec::new(), license, programs };
    let Some(btf) = read_btf(&elf)? else { return Ok(found) };
    for (index, section) in elf.sections.iter().enumerate() {
        let base = section.name.strip_prefix('?').unwrap_or(section.name);
        if !matches!(base, ".struct_ops" | ".struct_ops.link") {
            continue;
        }
        let Some(types) = btf.find_kind(section.name, KindTag::Datasec) else { continue };
        for variable in variables(&btf, types) {
            let id = btf.resolve(variable.of);
            let symbol = elf.symbol_in(index, variable.name);
            if let (Some(ops), Some(symbol)) = (OpsSpec::from_btf(&btf, id), symbol) {
                let bit_fields: Vec<bool> = match btf.kind(id) {
                    Some(BtfKind::Struct(s)) => s.members.iter().map(|m| m.bit_width > 0).collect(),
                    _ => Vec::new(),
                };
                let table = Table { elf: &elf, section: index, start: symbol.value };
                let members = ops.members.into_iter().zip(bit_fields);
                let whole = btf.name(id);
                let type_name = essential_name(whole).to_owned();
                found.ops.push(DeclaredOps {
                    variable: variable.name.to_owned(),
                    flavour: whole[type_name.len()..].to_owned(),
                    type_name,
                    size: ops.size,
                    members: members.map(|(spec, bits)| table.member(spec, bits)).collect(),
                });
            }
        }
    }
    found.kfuncs = kfuncs(&elf, &btf);
    Ok(found)
}

/// The bytes and relocations of one variable.
struct Table<'a> {
    elf: &'a Elf<'a>,
    section: usize,
    start: u64,
}

impl Table<'_> {
    fn member(&self, spec: MemberSpec, bit_field: bool) -> DeclaredMember {
        let section = &self.elf.sections[self.section];
        let offset = self.start.saturating_add(spec.offset.unwrap_or(0).into());
        let end = offset.saturating_add(spec.size.into());
        let range = usize::try_from(offset).unwrap_or(usize::MAX)
            ..usize::try_from(end).unwrap_or(usize::MAX);
        let value = section.bytes.get(range).unwrap_or_default().to_vec();
        let inside = |at: u64| at >= offset && at < end;
        let slot = section.relocations.iter().find(|one| inside(one.offset));
        let program = slot.map(|slot| match self.elf.symbols.get(slot.symbol) {
            Some(symbol) => symbol.name.to_owned(),
            None => String::new(),
        });
        DeclaredMember { spec, bit_field, program, value }
    }
}

/// The functions in sections that libbpf takes for programs of struct_ops.
fn programs(elf: &Elf<'_>) -> Vec<DeclaredProgram> {
    let mut found = Vec::new();
    for symbol in elf.symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Func) {
        let section = symbol.section.and_then(|index| elf.sections.get(index));
        let name = section.map_or("", |section| section.name);
        let base = name.strip_prefix('?').unwrap_or(name);
        if matches!(base.split('/').next(), Some("struct_ops" | "struct_ops.s")) {
            let optional = base.len() != name.len();
            found.push(DeclaredProgram { name: symbol.name.to_owned(), optional });
        }
    }
    found
}

fn kfuncs(elf: &Elf<'_>, btf: &Btf) -> Vec<DeclaredKfunc> {
    let mut found = Vec::new();
    let Some(section) = btf.find_kind(".ksyms", KindTag::Datasec) else { return found };
    let Some(BtfKind::Datasec { vars, .. }) = btf.kind(section) else { return found };
    for entry in vars {
        if let Some(BtfKind::Func { proto, .. }) = btf.kind(entry.var) {
            let name = btf.name(entry.var);
            let weak = elf.symbols.iter().any(|symbol| {
                symbol.undefined && symbol.name == name && symbol.binding == Binding::Weak
            });
            let prototype = Prototype::from_btf(btf, *proto);
            found.push(DeclaredKfunc { name: name.to_owned(), prototype, weak });
        }
    }
    found
}
