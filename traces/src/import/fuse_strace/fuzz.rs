//! A door for fuzzers: any bytes in, nothing out.

use core::ops::ControlFlow;

use super::{FuseStraceOptions, import_fuse_strace};

/// Imports whatever the bytes are. Must not panic.
#[doc(hidden)]
pub fn fuzz_entry_fuse_strace(bytes: &[u8]) {
    let mut drop = |_record| ControlFlow::Continue(());
    let _outcome = import_fuse_strace(bytes, &FuseStraceOptions::default(), &mut drop);
}
