#![no_main]
//! A scenario, as `fuserig run` reads and plays it.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig::scenario::fuzz_entry(bytes));
