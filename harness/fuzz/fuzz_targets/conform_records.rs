#![no_main]
//! A kernel observation record, as `fuserig conform` reads it.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig::conform::fuzz_entry(bytes));
