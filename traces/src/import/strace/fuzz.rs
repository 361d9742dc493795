//! A door for fuzzers: any bytes in, nothing out.

use core::ops::ControlFlow;

use super::{StraceOptions, import_strace};

/// Imports whatever the bytes are. Must not panic.
#[doc(hidden)]
pub fn fuzz_entry_strace(bytes: &[u8]) {
    let options = StraceOptions::new("/srv/work");
    let mut drop = |_call| ControlFlow::Continue(());
    let _outcome = import_strace(bytes, &options, &mut drop);
}
