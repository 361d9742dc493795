//! The bits of an answer (SEMANTICS 2.11).

/// Ask the daemon (`FUSE_BPF_USER_FILTER`).
pub const ANDROID_USER_FILTER: u32 = 1;
/// Run the lower step (`FUSE_BPF_BACKING`); without it the ordinary request is sent.
pub const ANDROID_BACKING: u32 = 2;
/// Run the program again after the lower step (`FUSE_BPF_POST_FILTER`).
pub const ANDROID_POST_FILTER: u32 = 4;
