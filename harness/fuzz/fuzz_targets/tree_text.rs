#![no_main]
//! The text form of a lower tree.

use libfuzzer_sys::fuzz_target;

#[path = "../entries/tree_text.rs"]
mod tree_text;

fuzz_target!(|bytes: &[u8]| tree_text::tree_text(bytes));
