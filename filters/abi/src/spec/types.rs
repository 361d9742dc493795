//! C types as an ABI sees them.

use serde::{Deserialize, Serialize};

/// What kind of name a named type has.
///
/// ```
/// use fuserig_abi::spec::Tag;
/// assert_eq!(Tag::Union.word(), "union");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// `struct NAME`
    Struct,
    /// `union NAME`
    Union,
    /// `enum NAME`
    Enum,
    /// A name of its own: a typedef of something without a name, or a type that is not known.
    Name,
}

impl Tag {
    /// The keyword in front of the name; empty for [`Tag::Name`].
    pub const fn word(self) -> &'static str {
        match self {
            Tag::Struct => "struct",
            Tag::Union => "union",
            Tag::Enum => "enum",
            Tag::Name => "",
        }
    }
}

/// A C type, with typedefs of integers and pointers resolved.
///
/// The text form reads from left to right: a base type, then what is made of it. It equals C for
/// everything but pointers to functions, which are `u32(struct a *)*`.
///
/// ```
/// use fuserig_abi::spec::TypeRef;
/// let name: TypeRef = "const struct fuse_buffer *".parse()?;
/// assert_eq!(name.to_string(), "const struct fuse_buffer *");
/// assert_eq!("unsigned int".parse::<TypeRef>()?, "__u32".parse()?);
/// # Ok::<(), fuserig_abi::spec::SpecError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TypeRef {
    /// `void`
    Void,
    /// `char`, whatever its sign.
    Char,
    /// `bool`
    Bool,
    /// An integer of so many bytes.
    Int {
        /// Its width: 1, 2, 4, 8 or 16.
        bytes: u8,
        /// Whether it has a sign.
        signed: bool,
    },
    /// A floating point number of so many bytes.
    Float(u8),
    /// A type with a name; an empty one is anonymous.
    Named(Tag, String),
    /// A pointer.
    Pointer(Box<TypeRef>),
    /// Const.
    Const(Box<TypeRef>),
    /// Volatile.
    Volatile(Box<TypeRef>),
    /// An array of so many elements; 0 for one without a length.
    Array(Box<TypeRef>, u32),
    /// A function.
    Function(Box<Prototype>),
}

/// A function's type.
///
/// ```
/// use fuserig_abi::spec::Prototype;
/// let text = "u32(const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)";
/// let prototype: Prototype = text.parse()?;
/// assert_eq!((prototype.params.len(), prototype.to_string().as_str()), (2, text));
/// # Ok::<(), fuserig_abi::spec::SpecError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prototype {
    /// What it returns.
    pub ret: TypeRef,
    /// Its parameters in order.
    pub params: Vec<Param>,
    /// Whether more arguments may follow.
    pub variadic: bool,
}

/// A parameter.
///
/// ```
/// use fuserig_abi::spec::{Param, TypeRef};
/// let param = Param { name: "copy".into(), ty: TypeRef::Bool };
/// assert_eq!(param.name, "copy");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Param {
    /// The name; empty when it is not known.
    pub name: String,
    /// The type.
    pub ty: TypeRef,
}

impl TypeRef {
    /// A pointer to this type.
    #[must_use]
    pub fn pointer(self) -> TypeRef {
        TypeRef::Pointer(Box::new(self))
    }

    /// This type as const.
    #[must_use]
    pub fn constant(self) -> TypeRef {
        TypeRef::Const(Box::new(self))
    }

    /// An integer.
    pub const fn int(bytes: u8, signed: bool) -> TypeRef {
        TypeRef::Int { bytes, signed }
    }

    /// The type without const and volatile around it.
    pub fn unqualified(&self) -> &TypeRef {
        match self {
            TypeRef::Const(inner) | TypeRef::Volatile(inner) => inner.unqualified(),
            other => other,
        }
    }

    /// What it points to, if it is a pointer.
    pub fn pointee(&self) -> Option<&TypeRef> {
        match self.unqualified() {
            TypeRef::Pointer(inner) => Some(inner),
            _ => None,
        }
    }

    /// Whether it is a pointer to something const.
    pub fn points_to_const(&self) -> bool {
        let mut at = match self.pointee() {
            Some(pointee) => pointee,
            None => return false,
        };
        loop {
            match at {
                TypeRef::Const(_) => return true,
                TypeRef::Volatile(inner) => at = inner,
                _ => return false,
            }
        }
    }

    /// The same type with const and volatile removed at every level.
    #[must_use]
    pub fn bare(&self) -> TypeRef {
        match self {
            TypeRef::Const(inner) | TypeRef::Volatile(inner) => inner.bare(),
            TypeRef::Pointer(inner) => inner.bare().pointer(),
            TypeRef::Array(inner, len) => TypeRef::Array(Box::new(inner.bare()), *len),
            TypeRef::Function(prototype) => {
                let params = prototype.params.iter();
                let bare = |param: &Param| Param { name: String::new(), ty: param.ty.bare() };
                TypeRef::Function(Box::new(Prototype {
                    ret: prototype.ret.bare(),
                    params: params.map(bare).collect(),
                    variadic: prototype.variadic,
                }))
            }
            other => other.clone(),
        }
    }

    /// The struct or union it is, points to or holds, by name.
    pub fn structure(&self) -> Option<&str> {
        match self {
            TypeRef::Named(Tag::Struct | Tag::Union, name) if !name.is_empty() => Some(name),
            TypeRef::Pointer(inner)
            | TypeRef::Const(inner)
            | TypeRef::Volatile(inner)
            | TypeRef::Array(inner, _) => inner.structure(),
            _ => None,
        }
    }

    /// The kind of type that loaders compare, a word.
    pub fn kind(&self) -> &'static str {
        match self.unqualified() {
            TypeRef::Void => "void",
            TypeRef::Char | TypeRef::Bool | TypeRef::Int { .. } => "integer",
            TypeRef::Float(_) => "float",
            TypeRef::Named(Tag::Struct, _) => "struct",
            TypeRef::Named(Tag::Union, _) => "union",
            TypeRef::Named(Tag::Enum, _) => "enum",
            TypeRef::Named(Tag::Name, _) => "named type",
            TypeRef::Pointer(_) => "pointer",
            TypeRef::Array(..) => "array",
            TypeRef::Function(_) => "function",
            TypeRef::Const(_) | TypeRef::Volatile(_) => unreachable!("unqualified has neither"),
        }
    }
}

impl Prototype {
    /// The types without names and qualifiers, for comparing.
    #[must_use]
    pub fn bare(&self) -> Vec<TypeRef> {
        let params = self.params.iter().map(|param| param.ty.bare());
        std::iter::once(self.ret.bare()).chain(params).collect()
    }
}
