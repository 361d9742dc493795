//! An ABI description as data: any struct_ops type with its members and prototypes, structs,
//! enums, constants, kernel functions, helpers, return codes, and what is known of behaviour.
//!
//! An [`AbiSpec`] is built from a built-in table, from the canonical text, from JSON, or from
//! kernel type information, and compared by [`crate::diff`]. It refuses to know more than its
//! source knew: what a source cannot say (BTF has no return codes) is not in
//! [`AbiSpec::knows`], and is not compared.
//!
//! What a reader would get wrong: integer types are folded to their width and sign, so that a
//! table's `u32` equals the `__u32` of a kernel; `char` and `bool` stay what they are.

mod btf_types;
mod build;
mod callbacks;
mod error;
mod escape;
mod from_btf;
mod helpers;
mod json;
mod model;
mod parse;
mod print;
mod scan;
#[cfg(test)]
mod tests;
mod type_parse;
mod type_print;
mod types;

pub use error::SpecError;
pub use from_btf::{BtfSelection, BtfSpecError};
pub use helpers::{FUSE_OPS_HELPERS, STRUCT_OPS_MEMBERS_BASE};
pub use model::{
    AbiSpec, AttachKind, CodeSpec, ConstantSpec, EnumSpec, FieldSpec, KfuncSpec, Knowledge,
    MemberKind, MemberSpec, OpsSpec, QuirkSpec, RuleSpec, StructSpec,
};
pub use parse::fuzz_abi_spec;
pub use types::{Param, Prototype, Tag, TypeRef};
