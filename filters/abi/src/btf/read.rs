//! From bytes to types. Every length, name and id is checked; nothing is allocated on the strength
//! of a length whose bytes are not there.

use super::kind::{
    BtfKind, BtfType, Composite, DatasecVar, EnumValue, Enumerators, KindTag, Linkage, Member,
    Name, Param, TypeId,
};
use super::{Btf, BtfError};

/// Most types of one BTF (`BTF_MAX_TYPE` of the kernel).
pub(super) const TYPES_MAX: usize = 0xf_ffff;
/// Most bytes of strings (`BTF_MAX_NAME_OFFSET` of the kernel).
pub(super) const STRINGS_MAX: usize = 0xff_ffff;
/// `BTF_MAGIC`.
pub(super) const MAGIC: u16 = 0xeb9f;
/// Bytes of the header that this build knows.
pub(super) const HEADER_LEN: u32 = 24;

impl Btf {
    /// Reads the little-endian form that clang, pahole and kernels write.
    ///
    /// # Errors
    /// The first thing that is not BTF, with the offset of its byte.
    pub fn read(bytes: &[u8]) -> Result<Btf, BtfError> {
        let header = Header::read(bytes)?;
        let strings = read_strings(bytes, &header)?;
        let mut reader = Reader { bytes: &bytes[..header.types.end], at: header.types.start };
        let mut types = Vec::new();
        let mut starts = Vec::new();
        while reader.at < header.types.end {
            if types.len() == TYPES_MAX {
                let (offset, limit) = (reader.at, TYPES_MAX);
                return Err(BtfError::Limit { offset, what: "types", limit });
            }
            starts.push(reader.at);
            types.push(reader.one_type()?);
        }
        for (found, start) in types.iter().zip(&starts) {
            check_references(found, *start, types.len(), &strings)?;
        }
        Ok(Btf::from_parts(types, strings))
    }
}

/// Where the parts are.
struct Header {
    types: std::ops::Range<usize>,
    strings: std::ops::Range<usize>,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Header, BtfError> {
        let mut reader = Reader { bytes, at: 0 };
        let magic = reader.word("the header")?;
        let found = (magic & 0xffff) as u16;
        if found != MAGIC {
            let swapped = found == MAGIC.swap_bytes();
            let hint = if swapped { ": big-endian data; compile with -target bpfel" } else { "" };
            return Err(BtfError::Magic { found, hint });
        }
        let found = (magic >> 16 & 0xff) as u8;
        if found != 1 {
            return Err(BtfError::Version { found });
        }
        if magic >> 24 != 0 {
            let (what, found) = ("flags", u64::from(magic >> 24));
            return Err(BtfError::Value { offset: 3, what, found, expected: "0 is known" });
        }
        let header_len = reader.word("the header")?;
        if header_len < HEADER_LEN || header_len as usize > bytes.len() {
            return Err(BtfError::Value {
                offset: 4,
                what: "length of the header",
                found: header_len.into(),
                expected: "at least 24 and no longer than the data",
            });
        }
        let mut part = |what: &'static str| -> Result<std::ops::Range<usize>, BtfError> {
            let offset = reader.at;
            let start = u64::from(reader.word("the header")?) + u64::from(header_len);
            let end = start + u64::from(reader.word("the header")?);
            if end > bytes.len() as u64 {
                return Err(BtfError::Value {
                    offset,
                    what,
                    found: end,
                    expected: "this end lies behind the data",
                });
            }
            Ok(start as usize..end as usize)
        };
        Ok(Header { types: part("section of types")?, strings: part("section of strings")? })
    }
}

fn read_strings(bytes: &[u8], header: &Header) -> Result<String, BtfError> {
    let offset = header.strings.start;
    let strings = &bytes[header.strings.clone()];
    if strings.len() > STRINGS_MAX {
        let limit = STRINGS_MAX;
        return Err(BtfError::Limit { offset, what: "bytes of strings", limit });
    }
    if strings.first() != Some(&0) || strings.last() != Some(&0) {
        let problem = "does not begin and end with a NUL";
        return Err(BtfError::Strings { offset, problem });
    }
    match std::str::from_utf8(strings) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let offset = offset + error.valid_up_to();
            Err(BtfError::Strings { offset, problem: "is not UTF-8" })
        }
    }
}

/// A position in bytes.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn word(&mut self, what: &'static str) -> Result<u32, BtfError> {
        let short = BtfError::Short { offset: self.at, what };
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<4>());
        let word = u32::from_le_bytes(*bytes.ok_or(short)?);
        self.at += 4;
        Ok(word)
    }

    fn id(&mut self) -> Result<TypeId, BtfError> {
        self.word("a type").map(TypeId)
    }

    fn name(&mut self) -> Result<Name, BtfError> {
        self.word("a type").map(Name)
    }

    fn one_type(&mut self) -> Result<BtfType, BtfError> {
        let start = self.at;
        let name = self.name()?;
        let info = self.word("a type")?;
        let size_or_type = self.word("a type")?;
        let value = |what, found: u32, expected| BtfError::Value {
            offset: start + 4,
            what,
            found: found.into(),
            expected,
        };
        let number = info >> 24 & 31;
        let tag = KindTag::from_number(number)
            .ok_or_else(|| value("kind of a type", number, "kinds are 1 to 19"))?;
        if info & 0x60ff_0000 != 0 {
            return Err(value("info of a type", info, "bits 16 to 23, 29 and 30 are unused"));
        }
        let record = Record { tag, flag: info >> 31 == 1, vlen: info & 0xffff, size_or_type };
        if record.flag && !record.may_have_flag() {
            return Err(value("info of a type", info, "this kind has no kind_flag"));
        }
        if record.vlen != 0 && !record.may_have_vlen() {
            return Err(value("info of a type", info, "this kind has no vlen"));
        }
        let kind = self.content(&record, start)?;
        Ok(BtfType { name, kind })
    }

    fn content(&mut self, record: &Record, start: usize) -> Result<BtfKind, BtfError> {
        let of = TypeId(record.size_or_type);
        let size = record.size_or_type;
        Ok(match record.tag {
            KindTag::Int => {
                let word = self.word("an integer")?;
                let [bits, unused, bit_offset, encoding] = word.to_le_bytes();
                if unused != 0 || encoding >> 4 != 0 {
                    return Err(BtfError::Value {
                        offset: start + 12,
                        what: "encoding of an integer",
                        found: word.into(),
                        expected: "bits 8 to 15 and 28 to 31 are unused",
                    });
                }
                BtfKind::Int { size, bit_offset, bits, encoding }
            }
            KindTag::Ptr => BtfKind::Ptr(of),
            KindTag::Array => {
                let element = self.id()?;
                let index = self.id()?;
                BtfKind::Array { element, index, len: self.word("an array")? }
            }
            KindTag::Struct => BtfKind::Struct(self.members(record)?),
            KindTag::Union => BtfKind::Union(self.members(record)?),
            KindTag::Enum => BtfKind::Enum(self.values(record, Width::Bits32)?),
            KindTag::Enum64 => BtfKind::Enum64(self.values(record, Width::Bits64)?),
            KindTag::Fwd => BtfKind::Fwd { is_union: record.flag },
            KindTag::Typedef => BtfKind::Typedef(of),
            KindTag::Volatile => BtfKind::Volatile(of),
            KindTag::Const => BtfKind::Const(of),
            KindTag::Restrict => BtfKind::Restrict(of),
            KindTag::Func => BtfKind::Func { proto: of, linkage: linkage(record.vlen, start + 4)? },
            KindTag::FuncProto => BtfKind::FuncProto { ret: of, params: self.params(record)? },
            KindTag::Var => {
                let number = self.word("a variable")?;
                BtfKind::Var { of, linkage: linkage(number, start + 12)? }
            }
            KindTag::Datasec => BtfKind::Datasec { size, vars: self.vars(record)? },
            KindTag::Float => BtfKind::Float { size },
            KindTag::DeclTag => {
                let component = self.word("a declaration tag")?.cast_signed();
                BtfKind::DeclTag { of, component, attribute: record.flag }
            }
            KindTag::TypeTag => BtfKind::TypeTag { of, attribute: record.flag },
        })
    }

    /// A vector for `vlen` entries of `size` bytes, if their bytes are there.
    fn entries<T>(&self, record: &Record, size: usize) -> Result<Vec<T>, BtfError> {
        let here = self.bytes.len() - self.at;
        if record.vlen as usize * size > here {
            return Err(BtfError::Short { offset: self.at, what: record.tag.word() });
        }
        Ok(Vec::with_capacity(record.vlen as usize))
    }

    fn members(&mut self, record: &Record) -> Result<Composite, BtfError> {
        let mut members = self.entries(record, 12)?;
        for _ in 0..record.vlen {
            let name = self.name()?;
            let of = self.id()?;
            let offset = self.word("a member")?;
            let (bit_offset, bit_width) =
                if record.flag { (offset & 0xff_ffff, (offset >> 24) as u8) } else { (offset, 0) };
            members.push(Member { name, of, bit_offset, bit_width });
        }
        Ok(Composite { size: record.size_or_type, bit_fields: record.flag, members })
    }

    fn values(&mut self, record: &Record, width: Width) -> Result<Enumerators, BtfError> {
        let size = match width {
            Width::Bits32 => 8,
            Width::Bits64 => 12,
        };
        let mut values = self.entries(record, size)?;
        for _ in 0..record.vlen {
            let name = self.name()?;
            let low = self.word("a value")?;
            let bits = match width {
                Width::Bits32 if record.flag => i64::from(low.cast_signed()).cast_unsigned(),
                Width::Bits32 => low.into(),
                Width::Bits64 => u64::from(low) | u64::from(self.word("a value")?) << 32,
            };
            values.push(EnumValue { name, bits });
        }
        Ok(Enumerators { size: record.size_or_type, signed: record.flag, values })
    }

    fn params(&mut self, record: &Record) -> Result<Vec<Param>, BtfError> {
        let mut params = self.entries(record, 8)?;
        for _ in 0..record.vlen {
            let name = self.name()?;
            params.push(Param { name, of: self.id()? });
        }
        Ok(params)
    }

    fn vars(&mut self, record: &Record) -> Result<Vec<DatasecVar>, BtfError> {
        let mut vars = self.entries(record, 12)?;
        for _ in 0..record.vlen {
            let var = self.id()?;
            let offset = self.word("a variable")?;
            vars.push(DatasecVar { var, offset, size: self.word("a variable")? });
        }
        Ok(vars)
    }
}

/// The words that every type begins with.
struct Record {
    tag: KindTag,
    flag: bool,
    vlen: u32,
    size_or_type: u32,
}

impl Record {
    fn may_have_flag(&self) -> bool {
        use KindTag::{DeclTag, Enum, Enum64, Fwd, Struct, TypeTag, Union};
        matches!(self.tag, Struct | Union | Enum | Enum64 | Fwd | DeclTag | TypeTag)
    }

    fn may_have_vlen(&self) -> bool {
        use KindTag::{Datasec, Enum, Enum64, Func, FuncProto, Struct, Union};
        matches!(self.tag, Struct | Union | Enum | Enum64 | Func | FuncProto | Datasec)
    }
}

/// Of the values of an enumeration.
#[derive(Clone, Copy)]
enum Width {
    Bits32,
    Bits64,
}

fn linkage(number: u32, offset: usize) -> Result<Linkage, BtfError> {
    Linkage::from_number(number).ok_or(BtfError::Value {
        offset,
        what: "linkage",
        found: number.into(),
        expected: "0 static, 1 global or 2 extern",
    })
}

/// That every id and name of a type, which starts at byte `start`, leads somewhere.
fn check_references(
    found: &BtfType,
    start: usize,
    types: usize,
    strings: &str,
) -> Result<(), BtfError> {
    let id = |id: TypeId| match id.0 as usize <= types {
        true => Ok(()),
        false => Err(BtfError::Value {
            offset: start,
            what: "a type id of this type",
            found: id.0.into(),
            expected: "there is no such type",
        }),
    };
    let name = |name: Name| match strings.is_char_boundary(name.0 as usize)
        && (name.0 as usize) < strings.len()
    {
        true => Ok(()),
        false => Err(BtfError::Value {
            offset: start,
            what: "a name of this type",
            found: name.0.into(),
            expected: "there is no such string",
        }),
    };
    name(found.name)?;
    if let Some(target) = found.kind.target() {
        id(target)?;
    }
    match &found.kind {
        BtfKind::Array { index, .. } => id(*index),
        BtfKind::Struct(composite) | BtfKind::Union(composite) => composite
            .members
            .iter()
            .try_for_each(|member| name(member.name).and_then(|()| id(member.of))),
        BtfKind::Enum(set) | BtfKind::Enum64(set) => {
            set.values.iter().try_for_each(|value| name(value.name))
        }
        BtfKind::FuncProto { ret, params } => {
            id(*ret)?;
            params.iter().try_for_each(|param| name(param.name).and_then(|()| id(param.of)))
        }
        BtfKind::Datasec { vars, .. } => vars.iter().try_for_each(|var| id(var.var)),
        _ => Ok(()),
    }
}

/// What the fuzzer calls: any bytes, and no panic.
///
/// What can be read is written and read again, every name is looked up, and every size asked for.
#[doc(hidden)]
pub fn fuzz_entry(bytes: &[u8]) {
    let Ok(btf) = Btf::read(bytes) else { return };
    let again = Btf::read(&btf.to_bytes()).expect("what was written can be read");
    assert_eq!(btf, again, "writing and reading change nothing");
    for (id, found) in btf.types().take(1000) {
        let _ = (btf.size_of(id), btf.align_of(id), btf.text(id).to_string());
        let name = btf.str(found.name);
        let known = name.is_empty() || btf.find(name).next().is_some();
        assert!(known, "what has a name is found by it");
    }
}
