//! The ABI tools beside what they speak of: libbpf, the running kernel, and Debian's kernels.
//!
//! Whatever needs a compiler, privileges or a network says why it is skipped where there is none.

mod support;

#[path = "abi_real/debian.rs"]
mod debian;
#[path = "abi_real/kernels.rs"]
mod kernels;
#[path = "abi_real/libbpf.rs"]
mod libbpf;
#[path = "abi_real/objects.rs"]
mod objects;
