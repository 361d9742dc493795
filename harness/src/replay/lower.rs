//! The filesystem that a trace starts from, as far as its header tells.

use fuserig_abi::{Caller, Credentials, Gid, Pid, S_IALLUGO, Timespec, Uid};
use fuserig_sim_fs::{AttrChanges, FallocateProfile, LowerExt, MemFs, MemFsOptions};
use fuserig_traces::LowerTraits;

/// The choices that the source of a trace had made, where filesystems differ; else our own.
///
/// ```
/// use fuserig::replay::lower_options;
/// use fuserig_sim_fs::FallocateProfile;
/// use fuserig_traces::LowerTraits;
/// let tmpfs = LowerTraits { plain_fallocate: true, ..LowerTraits::default() };
/// assert_eq!(lower_options(&tmpfs).fallocate, FallocateProfile::Tmpfs);
/// ```
pub fn lower_options(traits: &LowerTraits) -> MemFsOptions {
    let plain = MemFsOptions::default();
    MemFsOptions {
        capacity_bytes: traits.capacity_bytes.unwrap_or(plain.capacity_bytes),
        inodes_max: traits.inodes_max.unwrap_or(plain.inodes_max),
        fallocate: match traits.plain_fallocate {
            true => FallocateProfile::Tmpfs,
            false => plain.fallocate,
        },
        root_permissions: traits.root_mode.map_or(plain.root_permissions, |mode| mode & S_IALLUGO),
        ..plain
    }
}

/// An empty filesystem in memory as the source of a trace found it.
///
/// ```
/// use fuserig::replay::empty_lower;
/// use fuserig_traces::LowerTraits;
/// let fs = empty_lower(&LowerTraits { root_mode: Some(0o1777), ..LowerTraits::default() });
/// assert_eq!(fs.options().root_permissions, 0o1777);
/// ```
pub fn empty_lower(traits: &LowerTraits) -> MemFs {
    let options = lower_options(traits);
    let mut fs = MemFs::new(options);
    let owner = AttrChanges {
        uid: traits.root_uid.filter(|&uid| uid != 0).map(Uid),
        gid: traits.root_gid.filter(|&gid| gid != 0).map(Gid),
        ..AttrChanges::default()
    };
    if owner != AttrChanges::default() {
        let root = Caller::new(Credentials::root(), Pid(0), Timespec::ZERO);
        fs.setattr(&root, options.root_ino, owner)
            .expect("the super-user may give an empty directory to anybody");
    }
    fs
}
