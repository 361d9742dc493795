//! The INIT exchange: what both sides agreed on.

use core::fmt::Write;

use super::bytes::u32_at;
use crate::Init;

/// Names of the INIT flags by bit, without `FUSE_` (`linux/fuse.h` up to 7.45).
const NAMES: &[&str] = &[
    "async_read",
    "posix_locks",
    "file_ops",
    "atomic_o_trunc",
    "export_support",
    "big_writes",
    "dont_mask",
    "splice_write",
    "splice_move",
    "splice_read",
    "flock_locks",
    "has_ioctl_dir",
    "auto_inval_data",
    "do_readdirplus",
    "readdirplus_auto",
    "async_dio",
    "writeback_cache",
    "no_open_support",
    "parallel_dirops",
    "handle_killpriv",
    "posix_acl",
    "abort_error",
    "max_pages",
    "cache_symlinks",
    "no_opendir_support",
    "explicit_inval_data",
    "map_alignment",
    "submounts",
    "handle_killpriv_v2",
    "setxattr_ext",
    "init_ext",
    "init_reserved",
    "security_ctx",
    "has_inode_dax",
    "create_supp_group",
    "has_expire_only",
    "direct_io_allow_mmap",
    "passthrough",
    "no_export_support",
    "has_resend",
    "allow_idmap",
    "over_io_uring",
    "request_timeout",
];

/// Where the second half of the flags lies in `fuse_init_in` and in `fuse_init_out`.
const FLAGS2_IN: usize = 16;
const FLAGS2_OUT: usize = 32;
/// `FUSE_INIT_EXT`: the second half counts.
const INIT_EXT: u64 = 1 << 30;

/// Names of the flags that are set, in bit order; a bit without a name is `bit<N>`.
///
/// ```
/// use fuserig_traces::wire::init_flag_names;
/// assert_eq!(init_flag_names(1 | 1 << 37), ["async_read", "passthrough"]);
/// assert_eq!(init_flag_names(1 << 63), ["bit63"]);
/// ```
pub fn init_flag_names(flags: u64) -> Vec<String> {
    let bits = (0..64).filter(|bit| flags >> bit & 1 == 1);
    bits.map(|bit| NAMES.get(bit).map_or_else(|| format!("bit{bit}"), |name| (*name).to_owned()))
        .collect()
}

/// The header's view of an INIT exchange, from the bodies of request and reply, and the minor
/// version that was agreed on. Short bodies of old protocols (8 and 24 bytes) are legal.
///
/// ```
/// use fuserig_traces::wire::init_of;
/// let request = [7, 0, 0, 0, 31, 0, 0, 0, 0, 0, 2, 0, 9, 0, 0, 0];
/// let reply = [7, 0, 0, 0, 19, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0];
/// let (init, minor) = init_of(&request, &reply);
/// assert_eq!((init.flags, minor), (vec!["async_read".to_owned()], Some(19)));
/// ```
pub fn init_of(request: &[u8], reply: &[u8]) -> (Init, Option<u32>) {
    let flags = |body: &[u8], second: usize| {
        let low = u64::from(u32_at(body, 12).unwrap_or(0));
        let high = u64::from(u32_at(body, second).unwrap_or(0));
        if low & INIT_EXT == 0 { low } else { low | high << 32 }
    };
    let agreed = flags(request, FLAGS2_IN) & flags(reply, FLAGS2_OUT);
    let minor = match (u32_at(request, 4), u32_at(reply, 4)) {
        (Some(kernel), Some(daemon)) => Some(kernel.min(daemon)),
        (one, other) => one.or(other),
    };
    let init = Init {
        request: hex(request),
        reply: hex(reply),
        flags: init_flag_names(agreed),
        masked: Vec::new(),
    };
    (init, minor)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{NAMES, init_flag_names, init_of};

    #[test]
    fn bits_have_the_names_of_the_protocol() {
        for (name, bit) in [
            ("big_writes", 5),
            ("writeback_cache", 16),
            ("no_opendir_support", 24),
            ("init_ext", 30),
            ("security_ctx", 32),
            ("over_io_uring", 41),
        ] {
            assert_eq!(init_flag_names(1 << bit), [name]);
        }
        assert_eq!(NAMES.len(), 43);
    }

    #[test]
    fn the_second_half_counts_only_when_both_sides_say_so() {
        let ext = (1_u32 << 30).to_le_bytes();
        let mut request = vec![0; 20];
        request[12..16].copy_from_slice(&ext);
        request[16] = 1 << 5;
        let mut reply = vec![0; 64];
        reply[32] = 1 << 5;
        assert_eq!(init_of(&request, &reply).0.flags, Vec::<String>::new());
        reply[12..16].copy_from_slice(&ext);
        assert_eq!(init_of(&request, &reply).0.flags, ["init_ext", "passthrough"]);
    }

    #[test]
    fn bodies_of_any_length_are_read() {
        for len in 0..70 {
            init_of(&vec![0xff; len], &vec![0xff; 70 - len]);
        }
    }
}
