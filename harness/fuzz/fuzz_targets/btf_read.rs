#![no_main]
//! Type information, as objects and kernels bring it.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_abi::btf::fuzz_entry(bytes));
