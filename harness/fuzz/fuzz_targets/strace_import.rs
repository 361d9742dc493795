#![no_main]
//! An strace log, as `fuserig import strace` reads it.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_traces::import::fuzz_entry_strace(bytes));
