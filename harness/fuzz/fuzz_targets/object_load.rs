#![no_main]
//! Objects, as a stranger compiles, cuts or damages them.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_filters::object::fuzz_entry(bytes));
