//! A type as C spells it.

use core::fmt;

use super::Btf;
use super::kind::{BtfKind, TypeId};

/// How many types one spelling visits before the rest becomes `...`: types may refer to
/// themselves through prototypes.
const STEPS_MAX: u32 = 500;

/// Displays a type as C declares it, for messages and headers.
///
/// ```
/// use fuserig_abi::btf::{BtfBuilder, BtfKind, TypeId};
/// let mut build = BtfBuilder::new();
/// let char_type = build.int("char", 1, 2);
/// let index = build.int("unsigned int", 4, 0);
/// let name = build.add("", BtfKind::Array { element: char_type, index, len: 16 });
/// let constant = build.add("", BtfKind::Const(TypeId::VOID));
/// let pointer = build.add("", BtfKind::Ptr(constant));
/// let btf = build.finish();
/// assert_eq!(btf.declaration(name, "name").to_string(), "char name[16]");
/// assert_eq!(btf.text(pointer).to_string(), "const void *");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TypeText<'a> {
    btf: &'a Btf,
    id: TypeId,
    declared: &'a str,
}

impl Btf {
    /// The type as C spells it.
    pub fn text(&self, id: TypeId) -> TypeText<'_> {
        TypeText { btf: self, id, declared: "" }
    }

    /// The declaration of something of the type.
    pub fn declaration<'a>(&'a self, id: TypeId, declared: &'a str) -> TypeText<'a> {
        TypeText { btf: self, id, declared }
    }
}

impl fmt::Display for TypeText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut speller = Speller { btf: self.btf, left: STEPS_MAX };
        f.write_str(&speller.declare(self.id, self.declared.to_owned()))
    }
}

struct Speller<'a> {
    btf: &'a Btf,
    left: u32,
}

impl Speller<'_> {
    fn declare(&mut self, id: TypeId, declarator: String) -> String {
        let Some(left) = self.left.checked_sub(1) else { return "...".to_owned() };
        self.left = left;
        let btf = self.btf;
        let Some(kind) = btf.kind(id) else { return join("void", &declarator) };
        let name = btf.name(id);
        match kind {
            BtfKind::Ptr(of) => {
                let pointer = format!("*{declarator}");
                let inner = btf.kind(btf.skip_modifiers(*of));
                let grouped =
                    matches!(inner, Some(BtfKind::Array { .. } | BtfKind::FuncProto { .. }));
                self.declare(*of, if grouped { format!("({pointer})") } else { pointer })
            }
            BtfKind::Array { element, len, .. } => {
                let len = if *len == 0 { String::new() } else { len.to_string() };
                self.declare(*element, format!("{declarator}[{len}]"))
            }
            BtfKind::FuncProto { ret, params } => {
                let mut words = Vec::new();
                for param in params {
                    words.push(match (param.of, btf.str(param.name)) {
                        (TypeId::VOID, "") => "...".to_owned(),
                        (of, name) => self.declare(of, name.to_owned()),
                    });
                }
                let words = if words.is_empty() { "void".to_owned() } else { words.join(", ") };
                self.declare(*ret, format!("{declarator}({words})"))
            }
            BtfKind::Func { proto, .. } => self.declare(*proto, name.to_owned()),
            BtfKind::Var { of, .. } | BtfKind::DeclTag { of, .. } => {
                self.declare(*of, name.to_owned())
            }
            BtfKind::TypeTag { of, .. } => self.declare(*of, declarator),
            BtfKind::Const(of) => self.qualify("const", *of, declarator),
            BtfKind::Volatile(of) => self.qualify("volatile", *of, declarator),
            BtfKind::Restrict(of) => self.qualify("restrict", *of, declarator),
            BtfKind::Struct(_) | BtfKind::Fwd { is_union: false } => {
                join(&tagged("struct", name), &declarator)
            }
            BtfKind::Union(_) | BtfKind::Fwd { is_union: true } => {
                join(&tagged("union", name), &declarator)
            }
            BtfKind::Enum(_) | BtfKind::Enum64(_) => join(&tagged("enum", name), &declarator),
            BtfKind::Int { .. }
            | BtfKind::Typedef(_)
            | BtfKind::Float { .. }
            | BtfKind::Datasec { .. } => join(name, &declarator),
        }
    }

    /// A qualifier stands before the base type, but after the star of a pointer.
    fn qualify(&mut self, word: &str, of: TypeId, declarator: String) -> String {
        match self.btf.kind(self.btf.skip_modifiers(of)) {
            Some(BtfKind::Ptr(_)) => self.declare(of, join(word, &declarator)),
            _ => format!("{word} {}", self.declare(of, declarator)),
        }
    }
}

fn tagged(keyword: &str, name: &str) -> String {
    format!("{keyword} {}", if name.is_empty() { "{...}" } else { name })
}

fn join(base: &str, declarator: &str) -> String {
    if declarator.is_empty() { base.to_owned() } else { format!("{base} {declarator}") }
}
