#![no_main]
//! A log of tracepoints, as `fuserig import tracepoints` reads it.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_traces::import::fuzz_entry_tracepoints(bytes));
