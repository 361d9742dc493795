//! The kinds of BTF and their records.

/// The number of a type; 0 is `void`.
///
/// Minted by whoever wrote the bytes, or by [`super::BtfBuilder::add`]; valid in its own
/// [`super::Btf`] only.
///
/// ```
/// use fuserig_abi::btf::TypeId;
/// assert_eq!(TypeId::VOID, TypeId(0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

impl TypeId {
    /// `void`, the type without a record.
    pub const VOID: TypeId = TypeId(0);
}

/// A name: an offset into the string section; 0 is the empty name.
///
/// ```
/// use fuserig_abi::btf::{BtfBuilder, Name};
/// let mut build = BtfBuilder::new();
/// assert_eq!(build.name(""), Name::NONE);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub u32);

impl Name {
    /// The empty name.
    pub const NONE: Name = Name(0);
}

/// One type.
///
/// ```
/// use fuserig_abi::btf::{BtfKind, BtfType, Name, TypeId};
/// let pointer = BtfType { name: Name::NONE, kind: BtfKind::Ptr(TypeId::VOID) };
/// assert_eq!(pointer.kind.tag().word(), "pointer");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BtfType {
    /// Its name; empty for kinds that have none.
    pub name: Name,
    /// What it is.
    pub kind: BtfKind,
}

/// What a type is.
///
/// ```
/// use fuserig_abi::btf::{BtfKind, KindTag, TypeId};
/// assert_eq!(BtfKind::Const(TypeId(3)).target(), Some(TypeId(3)));
/// assert_eq!(BtfKind::Float { size: 8 }.tag(), KindTag::Float);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BtfKind {
    /// An integer.
    Int {
        /// Bytes.
        size: u32,
        /// First bit.
        bit_offset: u8,
        /// How many bits.
        bits: u8,
        /// 1 signed, 2 char, 4 bool, as in the bytes.
        encoding: u8,
    },
    /// A pointer.
    Ptr(TypeId),
    /// An array.
    Array {
        /// Type of an element.
        element: TypeId,
        /// Type of an index.
        index: TypeId,
        /// How many elements.
        len: u32,
    },
    /// A struct.
    Struct(Composite),
    /// A union.
    Union(Composite),
    /// An enumeration of 32-bit values.
    Enum(Enumerators),
    /// A struct or union whose members are unknown here.
    Fwd {
        /// Whether it is a union.
        is_union: bool,
    },
    /// Another name of a type.
    Typedef(TypeId),
    /// `volatile`.
    Volatile(TypeId),
    /// `const`.
    Const(TypeId),
    /// `restrict`.
    Restrict(TypeId),
    /// A function.
    Func {
        /// Its prototype.
        proto: TypeId,
        /// Who sees it.
        linkage: Linkage,
    },
    /// A prototype.
    FuncProto {
        /// What it returns.
        ret: TypeId,
        /// Its parameters; a last one without name and type stands for `...`.
        params: Vec<Param>,
    },
    /// A variable.
    Var {
        /// Its type.
        of: TypeId,
        /// Who sees it.
        linkage: Linkage,
    },
    /// A section of variables.
    Datasec {
        /// Bytes; 0 in an object that nobody fixed up.
        size: u32,
        /// The variables.
        vars: Vec<DatasecVar>,
    },
    /// A floating-point number.
    Float {
        /// Bytes.
        size: u32,
    },
    /// A tag on a declaration.
    DeclTag {
        /// What is tagged.
        of: TypeId,
        /// Member or parameter; -1 for the whole.
        component: i32,
        /// Whether the tag is an attribute of the compiler rather than a free text.
        attribute: bool,
    },
    /// A tag on a type.
    TypeTag {
        /// What is tagged.
        of: TypeId,
        /// Whether the tag is an attribute of the compiler rather than a free text.
        attribute: bool,
    },
    /// An enumeration of 64-bit values.
    Enum64(Enumerators),
}

impl BtfKind {
    /// The kind without its content.
    pub fn tag(&self) -> KindTag {
        match self {
            BtfKind::Int { .. } => KindTag::Int,
            BtfKind::Ptr(_) => KindTag::Ptr,
            BtfKind::Array { .. } => KindTag::Array,
            BtfKind::Struct(_) => KindTag::Struct,
            BtfKind::Union(_) => KindTag::Union,
            BtfKind::Enum(_) => KindTag::Enum,
            BtfKind::Fwd { .. } => KindTag::Fwd,
            BtfKind::Typedef(_) => KindTag::Typedef,
            BtfKind::Volatile(_) => KindTag::Volatile,
            BtfKind::Const(_) => KindTag::Const,
            BtfKind::Restrict(_) => KindTag::Restrict,
            BtfKind::Func { .. } => KindTag::Func,
            BtfKind::FuncProto { .. } => KindTag::FuncProto,
            BtfKind::Var { .. } => KindTag::Var,
            BtfKind::Datasec { .. } => KindTag::Datasec,
            BtfKind::Float { .. } => KindTag::Float,
            BtfKind::DeclTag { .. } => KindTag::DeclTag,
            BtfKind::TypeTag { .. } => KindTag::TypeTag,
            BtfKind::Enum64(_) => KindTag::Enum64,
        }
    }

    /// The one type it points at or wraps: pointer, array element, modifier, typedef, variable,
    /// prototype of a function, tagged type.
    pub fn target(&self) -> Option<TypeId> {
        match self {
            BtfKind::Ptr(of)
            | BtfKind::Array { element: of, .. }
            | BtfKind::Typedef(of)
            | BtfKind::Volatile(of)
            | BtfKind::Const(of)
            | BtfKind::Restrict(of)
            | BtfKind::Func { proto: of, .. }
            | BtfKind::Var { of, .. }
            | BtfKind::DeclTag { of, .. }
            | BtfKind::TypeTag { of, .. } => Some(*of),
            BtfKind::Int { .. }
            | BtfKind::Struct(_)
            | BtfKind::Union(_)
            | BtfKind::Enum(_)
            | BtfKind::Fwd { .. }
            | BtfKind::FuncProto { .. }
            | BtfKind::Datasec { .. }
            | BtfKind::Float { .. }
            | BtfKind::Enum64(_) => None,
        }
    }

    /// Members of a struct or union; nothing for all else.
    pub fn members(&self) -> &[Member] {
        match self {
            BtfKind::Struct(composite) | BtfKind::Union(composite) => &composite.members,
            _ => &[],
        }
    }
}

/// A kind by its number in the bytes.
///
/// ```
/// use fuserig_abi::btf::KindTag;
/// assert_eq!(KindTag::from_number(4), Some(KindTag::Struct));
/// assert_eq!(KindTag::from_number(20), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KindTag {
    /// An integer.
    Int = 1,
    /// A pointer.
    Ptr = 2,
    /// An array.
    Array = 3,
    /// A struct.
    Struct = 4,
    /// A union.
    Union = 5,
    /// An enumeration of 32-bit values.
    Enum = 6,
    /// A forward declaration.
    Fwd = 7,
    /// A typedef.
    Typedef = 8,
    /// `volatile`.
    Volatile = 9,
    /// `const`.
    Const = 10,
    /// `restrict`.
    Restrict = 11,
    /// A function.
    Func = 12,
    /// A prototype.
    FuncProto = 13,
    /// A variable.
    Var = 14,
    /// A section of variables.
    Datasec = 15,
    /// A floating-point number.
    Float = 16,
    /// A tag on a declaration.
    DeclTag = 17,
    /// A tag on a type.
    TypeTag = 18,
    /// An enumeration of 64-bit values.
    Enum64 = 19,
}

impl KindTag {
    /// Every kind in the order of the numbers, from 1.
    pub const ALL: [KindTag; 19] = [
        KindTag::Int,
        KindTag::Ptr,
        KindTag::Array,
        KindTag::Struct,
        KindTag::Union,
        KindTag::Enum,
        KindTag::Fwd,
        KindTag::Typedef,
        KindTag::Volatile,
        KindTag::Const,
        KindTag::Restrict,
        KindTag::Func,
        KindTag::FuncProto,
        KindTag::Var,
        KindTag::Datasec,
        KindTag::Float,
        KindTag::DeclTag,
        KindTag::TypeTag,
        KindTag::Enum64,
    ];

    /// The kind with that number.
    pub fn from_number(number: u32) -> Option<KindTag> {
        KindTag::ALL.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }

    /// The word for it in messages.
    pub const fn word(self) -> &'static str {
        match self {
            KindTag::Int => "integer",
            KindTag::Ptr => "pointer",
            KindTag::Array => "array",
            KindTag::Struct => "struct",
            KindTag::Union => "union",
            KindTag::Enum => "enum",
            KindTag::Fwd => "forward declaration",
            KindTag::Typedef => "typedef",
            KindTag::Volatile => "volatile",
            KindTag::Const => "const",
            KindTag::Restrict => "restrict",
            KindTag::Func => "function",
            KindTag::FuncProto => "function prototype",
            KindTag::Var => "variable",
            KindTag::Datasec => "data section",
            KindTag::Float => "float",
            KindTag::DeclTag => "declaration tag",
            KindTag::TypeTag => "type tag",
            KindTag::Enum64 => "64-bit enum",
        }
    }
}

/// A struct or union.
///
/// ```
/// use fuserig_abi::btf::Composite;
/// let empty = Composite { size: 0, bit_fields: false, members: Vec::new() };
/// assert!(empty.members.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composite {
    /// Bytes.
    pub size: u32,
    /// Whether member offsets carry widths of bit fields (`kind_flag`).
    pub bit_fields: bool,
    /// The members in declaration order.
    pub members: Vec<Member>,
}

/// A member of a struct or union.
///
/// ```
/// use fuserig_abi::btf::{Member, Name, TypeId};
/// let member = Member { name: Name::NONE, of: TypeId(1), bit_offset: 64, bit_width: 0 };
/// assert_eq!(member.byte_offset(), 8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name; empty for an anonymous struct or union.
    pub name: Name,
    /// Its type.
    pub of: TypeId,
    /// Distance from the start in bits.
    pub bit_offset: u32,
    /// Bits of a bit field; 0 for a member that is none.
    pub bit_width: u8,
}

impl Member {
    /// Distance from the start in bytes, rounded down for bit fields.
    pub const fn byte_offset(&self) -> u32 {
        self.bit_offset / 8
    }
}

/// The values of an enumeration.
///
/// ```
/// use fuserig_abi::btf::{EnumValue, Enumerators, Name};
/// let set = Enumerators {
///     size: 4,
///     signed: true,
///     values: vec![EnumValue { name: Name::NONE, bits: u64::MAX }],
/// };
/// assert_eq!(set.value(&set.values[0]), -1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumerators {
    /// Bytes of a variable of the type.
    pub size: u32,
    /// Whether values are signed (`kind_flag`).
    pub signed: bool,
    /// The values.
    pub values: Vec<EnumValue>,
}

impl Enumerators {
    /// The number of a value, by the signedness of the enumeration.
    pub fn value(&self, value: &EnumValue) -> i128 {
        if self.signed { i128::from(value.bits.cast_signed()) } else { i128::from(value.bits) }
    }
}

/// One value of an enumeration.
///
/// ```
/// use fuserig_abi::btf::{EnumValue, Name};
/// assert_eq!(EnumValue { name: Name(7), bits: 2 }.bits, 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumValue {
    /// Its name.
    pub name: Name,
    /// Its number; sign-extended to 64 bits when the enumeration is signed.
    pub bits: u64,
}

/// A parameter of a prototype.
///
/// ```
/// use fuserig_abi::btf::{Name, Param, TypeId};
/// assert_eq!(Param { name: Name::NONE, of: TypeId(2) }.of, TypeId(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name; empty in prototypes behind pointers.
    pub name: Name,
    /// Its type.
    pub of: TypeId,
}

/// A variable in a section.
///
/// ```
/// use fuserig_abi::btf::{DatasecVar, TypeId};
/// assert_eq!(DatasecVar { var: TypeId(9), offset: 0, size: 4 }.size, 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatasecVar {
    /// The variable or function.
    pub var: TypeId,
    /// Bytes from the start of the section; 0 in an object that nobody fixed up.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

/// Who sees a function or variable.
///
/// ```
/// use fuserig_abi::btf::Linkage;
/// assert_eq!(Linkage::from_number(2), Some(Linkage::Extern));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Linkage {
    /// Its own file.
    Static = 0,
    /// Everybody.
    Global = 1,
    /// It is defined elsewhere.
    Extern = 2,
}

impl Linkage {
    /// The linkage with that number.
    pub fn from_number(number: u32) -> Option<Linkage> {
        [Linkage::Static, Linkage::Global, Linkage::Extern].get(number as usize).copied()
    }
}
