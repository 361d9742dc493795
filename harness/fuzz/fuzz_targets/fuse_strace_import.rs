#![no_main]
//! An strace log of a daemon, as `fuserig import fuse-strace` reads it.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig_traces::import::fuzz_entry_fuse_strace(bytes));
