#![no_main]
//! The text twin of a trace. The entry tries every form; what makes this target is its seeds.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_traces::fuzz_entry(bytes));
