//! BTF, the type information of BPF objects and of kernels: model, reader, writer, lookups.
//!
//! A [`Btf`] is a list of types and one string section, as in the bytes, so that a kernel's
//! 150,000 types cost one allocation each and no more; names are offsets into the strings. It
//! refuses to follow anything on its own: cycles and depths are limited where a lookup walks.
//! What a reader would get wrong: ids start at 1, and id 0 is `void`, which has no record.
//!
//! Reading checks every length, name and id, so that a [`Btf`] in hand has no dangling reference.
//! Layouts are those of the kernel's BTF documentation; only little-endian data is read.

mod build;
mod error;
mod kfuncs;
mod kind;
mod lookup;
mod of_table;
mod read;
mod task;
mod text;
mod uapi;
mod write;

#[cfg(test)]
mod tests;

pub use build::BtfBuilder;
pub use error::BtfError;
pub use kfuncs::{GENERIC_KFUNCS, GenericKfunc, generic_kfunc};
pub use kind::{
    BtfKind, BtfType, Composite, DatasecVar, EnumValue, Enumerators, KindTag, Linkage, Member,
    Name, Param, TypeId,
};
pub use lookup::Btf;
pub use read::fuzz_entry;
pub use text::TypeText;
