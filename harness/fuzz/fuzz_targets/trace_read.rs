#![no_main]
//! A binary trace, as every command reads it and as `trace repair` salvages it.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_traces::fuzz_entry(bytes));
