#![no_main]
//! Any trace, made anonymous: the same twice, and nothing free-form left.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_traces::anonymise::fuzz::fuzz_entry(bytes));
