//! Making BTF.

use std::collections::BTreeMap;

use super::Btf;
use super::kind::{BtfKind, BtfType, Composite, Member, Name, Param, TypeId};

/// Collects types and names.
///
/// ```
/// use fuserig_abi::btf::{BtfBuilder, BtfKind, KindTag};
/// let mut build = BtfBuilder::new();
/// let u32_type = build.int("unsigned int", 4, 0);
/// let pointer = build.add("", BtfKind::Ptr(u32_type));
/// let btf = build.finish();
/// assert_eq!(btf.size_of(pointer), Some(8));
/// assert_eq!(btf.find_kind("unsigned int", KindTag::Int), Some(u32_type));
/// ```
#[derive(Clone, Debug)]
pub struct BtfBuilder {
    types: Vec<BtfType>,
    strings: String,
    names: BTreeMap<String, Name>,
}

impl Default for BtfBuilder {
    fn default() -> BtfBuilder {
        BtfBuilder::new()
    }
}

impl BtfBuilder {
    /// Nothing but `void` and the empty name.
    pub fn new() -> BtfBuilder {
        BtfBuilder { types: Vec::new(), strings: "\0".to_owned(), names: BTreeMap::new() }
    }

    /// The name of a text; the same text gives the same name. A NUL ends the text.
    pub fn name(&mut self, text: &str) -> Name {
        let text = text.split('\0').next().unwrap_or("");
        if text.is_empty() {
            return Name::NONE;
        }
        if let Some(name) = self.names.get(text) {
            return *name;
        }
        let name = Name(u32::try_from(self.strings.len()).expect("names stay below 4 GiB"));
        self.strings.push_str(text);
        self.strings.push('\0');
        self.names.insert(text.to_owned(), name);
        name
    }

    /// Adds a type. Ids inside `kind` may be those of types that are added later.
    pub fn add(&mut self, name: &str, kind: BtfKind) -> TypeId {
        let name = self.name(name);
        self.types.push(BtfType { name, kind });
        TypeId(u32::try_from(self.types.len()).expect("types stay below 2^32"))
    }

    /// Replaces what a type is; for types that refer to each other.
    ///
    /// # Panics
    /// If the id is not one that this builder gave.
    pub fn set(&mut self, id: TypeId, kind: BtfKind) {
        let index = (id.0 as usize).checked_sub(1).expect("void has no record");
        self.types[index].kind = kind;
    }

    /// Adds an integer of `size` bytes with all its bits.
    pub fn int(&mut self, name: &str, size: u8, encoding: u8) -> TypeId {
        let kind =
            BtfKind::Int { size: size.into(), bit_offset: 0, bits: size.wrapping_mul(8), encoding };
        self.add(name, kind)
    }

    /// Adds a struct without bit fields; members are name, type and offset in bytes.
    pub fn structure(&mut self, name: &str, size: u32, members: &[(&str, TypeId, u32)]) -> TypeId {
        let members = members
            .iter()
            .map(|(name, of, offset)| self.member(name, *of, *offset))
            .collect::<Vec<Member>>();
        self.add(name, BtfKind::Struct(Composite { size, bit_fields: false, members }))
    }

    /// A member that is no bit field, `offset` bytes from the start.
    pub fn member(&mut self, name: &str, of: TypeId, offset: u32) -> Member {
        Member { name: self.name(name), of, bit_offset: offset.wrapping_mul(8), bit_width: 0 }
    }

    /// Adds a prototype.
    pub fn proto(&mut self, ret: TypeId, params: &[(&str, TypeId)]) -> TypeId {
        let params = params
            .iter()
            .map(|(name, of)| Param { name: self.name(name), of: *of })
            .collect::<Vec<Param>>();
        self.add("", BtfKind::FuncProto { ret, params })
    }

    /// All of it. Ids and names that lead nowhere stay so and resolve to nothing; bytes made
    /// from such types are refused by [`Btf::read`].
    pub fn finish(self) -> Btf {
        Btf::from_parts(self.types, self.strings)
    }
}
