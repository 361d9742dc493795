//! The C header that a filter includes in place of `vmlinux.h`.
//!
//! It is printed from the BTF of an ABI and the constants of its table, so that nothing is written
//! down twice; libbpf's public headers come after it. It refuses to be a kernel header: what no
//! filter can reach is not in it. What a reader would get wrong: every struct is compiled with
//! `preserve_access_index`, so field accesses become CO-RE relocations that the loader resolves
//! against the ABI a filter is loaded for, not against the one it was compiled for.

mod macros;
mod print;
mod types;

#[cfg(test)]
mod tests;

pub use print::c_header;
