#![no_main]
//! A filesystem's replies and notifications to the modelled kernel.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuserig::door::fuzz_entry(bytes));
