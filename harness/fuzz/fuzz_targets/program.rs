#![no_main]
//! Instructions, as objects bring them.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_filters::engine::fuzz_entry(bytes));
