//! The loader: from a clang object to a [`crate::program::Linked`] value for one ABI.
//!
//! ELF, `.BTF` and `.BTF.ext` are read; maps and data sections become definitions; relocations
//! become the kernel's pseudo encodings; CO-RE relocations are resolved against the ABI's own
//! types, never the host's; variables in `.struct_ops` and `.struct_ops.link` become filters with
//! programs bound to members. It refuses to judge instructions: that is done once, by the decoder
//! in front of every engine. What a reader would get wrong: a CO-RE relocation or a weak kernel
//! function without a target is no error, but a poisoned call ([`crate::program::POISON_IMM`])
//! that must not be reached.
//!
//! Any bytes give an error and never a panic; every list has a limit.

mod btf_section;
mod code;
mod constant;
mod core;
mod declared;
mod elf;
mod error;
mod ext;
mod kernel;
mod link;
mod load;
mod maps;
mod relocate;
mod struct_ops;
mod target;

pub use btf_section::btf_of;
pub(crate) use constant::{constant, with_constant};
pub use declared::{
    Declared, DeclaredKfunc, DeclaredMember, DeclaredOps, DeclaredProgram, declared,
};
pub use error::{LoadError, LoadPlace, LoadProblem};
pub use load::{fuzz_entry, load, load_for};
pub use target::LoadTarget;
