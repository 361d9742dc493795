#![no_main]
//! The canonical text of an ABI description, and its JSON.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_abi::spec::fuzz_abi_spec(bytes));
