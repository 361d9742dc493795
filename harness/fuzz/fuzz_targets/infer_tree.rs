#![no_main]
//! The session of a daemon, from which the tree of its start is inferred.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig::wire_replay::fuzz_entry(bytes));
