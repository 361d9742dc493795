//! What one in-memory filesystem may hold and how it behaves where filesystems differ.

use fuserig_abi::Ino;

/// When a read moves the access time (mount options of the same names, man 8 mount).
///
/// ```
/// use fuserig_sim_fs::AtimePolicy;
/// assert_eq!(AtimePolicy::default(), AtimePolicy::Relatime);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AtimePolicy {
    /// If it is not after the modification or change time, or a day old.
    #[default]
    Relatime,
    /// Always.
    Strictatime,
    /// Never.
    Noatime,
}

/// Which filesystem's `fallocate` to have.
///
/// ```
/// use fuserig_sim_fs::FallocateProfile;
/// assert_eq!(FallocateProfile::default(), FallocateProfile::Full);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FallocateProfile {
    /// Every mode, with ext4's rules for the arguments (man 2 fallocate).
    #[default]
    Full,
    /// Allocation and holes only; zeroing, collapsing and inserting are `EOPNOTSUPP`, as on tmpfs.
    Tmpfs,
}

/// Limits and choices of a [`crate::MemFs`]. Hitting a limit is an errno.
///
/// ```
/// use fuserig_sim_fs::{MemFs, MemFsOptions};
/// let small = MemFsOptions { capacity_bytes: 64 * 4096, ..MemFsOptions::default() };
/// let fs = MemFs::new(small);
/// assert_eq!(fs.options().capacity_bytes, 262_144);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemFsOptions {
    /// Space for contents in bytes, rounded down to whole 4096-byte pages. Beyond it is `ENOSPC`.
    pub capacity_bytes: u64,
    /// Number of inodes, the root included. As on tmpfs each further hard link takes one too.
    pub inodes_max: u64,
    /// Names that one node may have, or subdirectories plus two. Beyond it is `EMLINK`.
    pub links_max: u32,
    /// When reads of files move access times.
    pub atime: AtimePolicy,
    /// When listings move access times.
    pub directory_atime: AtimePolicy,
    /// Which `fallocate` modes exist.
    pub fallocate: FallocateProfile,
    /// The root's inode number; later nodes count up from it.
    pub root_ino: Ino,
    /// The root's permission bits.
    pub root_permissions: u32,
}

impl Default for MemFsOptions {
    /// Roomy for tests, yet small enough that a runaway workload ends in `ENOSPC` and not in the
    /// out-of-memory killer: 1 GiB and a million inodes.
    fn default() -> MemFsOptions {
        MemFsOptions {
            capacity_bytes: 1 << 30,
            inodes_max: 1 << 20,
            links_max: i32::MAX as u32,
            atime: AtimePolicy::Relatime,
            directory_atime: AtimePolicy::Relatime,
            fallocate: FallocateProfile::Full,
            root_ino: Ino(1),
            root_permissions: 0o755,
        }
    }
}
