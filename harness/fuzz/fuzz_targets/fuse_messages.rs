#![no_main]
//! A conversation of a FUSE client with the server behind a mount.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig::serve::fuzz_entry(bytes));
