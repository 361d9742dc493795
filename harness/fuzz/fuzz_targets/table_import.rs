#![no_main]
//! Rows of JSONL and CSV, as `fuserig import jsonl|csv` reads them.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_traces::import::fuzz_entry_table(bytes));
