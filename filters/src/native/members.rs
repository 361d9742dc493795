//! The 65 members, one row each: the methods of [`FuseOps`] come from these rows, and a test
//! compares them with the operation table.
//!
//! Remarks name the quirks that make a member or an answer dangerous; the pipeline models them,
//! and nothing here prevents them. A reader would get wrong the immutable names: the ABI declares
//! them writable, but asking for that destroys them (BUF-3), so their view is read-only here.

#[cfg(test)]
use fuserig_abi::WireStruct;
use fuserig_abi::{
    CallArgs, Dir, FuseAccessIn, FuseAttrOut, FuseCopyFileRangeIn, FuseCreateIn, FuseEntryOut,
    FuseFallocateIn, FuseFlushIn, FuseFsyncIn, FuseGetattrIn, FuseGetxattrIn, FuseGetxattrOut,
    FuseLinkIn, FuseLseekIn, FuseLseekOut, FuseMkdirIn, FuseMknodIn, FuseOpenIn, FuseOpenOut,
    FuseReadIn, FuseReadIterOut, FuseReadOut, FuseReleaseIn, FuseRename2In, FuseRenameIn,
    FuseSetattrIn, FuseSetxattrIn, FuseStatfsOut, FuseWriteIn, FuseWriteIterOut, FuseWriteOut, Op,
    Phase, Slot,
};

use super::given::Given;
#[cfg(test)]
use super::table::{MemberArg, MemberRow, is_const, type_name, unused};
use super::table::{arg_type, dir, give, members, slot};
use super::{Answer, Buffer, BufferMut, Cx, DirBuffer, FuseOps};
use crate::FilterEnv as Env;

members! {
    /// Answering `User` makes later operations on the handle crash (OPEN-2).
    open_prefilter [Open Pre] (in "in" [&mut FuseOpenIn]);
    /// A negative answer leaks the lower file (N6).
    open_postfilter [Open Post] (in "in" [&FuseOpenIn], out "out" [&mut FuseOpenOut]);
    /// As [`FuseOps::open_prefilter`].
    opendir_prefilter [Opendir Pre] (in "in" [&mut FuseOpenIn]);
    /// As [`FuseOps::open_postfilter`].
    opendir_postfilter [Opendir Post] (in "in" [&FuseOpenIn], out "out" [&mut FuseOpenOut]);
    /// The operation is FUSE_CREATE. Answering -ENOSYS is a kernel BUG (N2).
    create_open_prefilter [CreateOpen Pre] (in "in" [&mut FuseCreateIn], in "name" [&Buffer]);
    /// A failure does not undo the creation (PIPE-13).
    create_open_postfilter [CreateOpen Post] (
        in "in" [&FuseCreateIn], in "name" [&Buffer],
        out "entry_out" [&mut FuseEntryOut], out "out" [&mut FuseOpenOut]
    );
    /// Never called in v4, which sends all releases to `releasedir` (DISP-3).
    release_prefilter [Release Pre] (in "in" [&mut FuseReleaseIn]);
    /// As [`FuseOps::release_prefilter`].
    release_postfilter [Release Post] (in "in" [&FuseReleaseIn]);
    /// In v4 also for files; `cx.opcode()` tells them apart (DISP-3).
    releasedir_prefilter [Releasedir Pre] (in "in" [&mut FuseReleaseIn]);
    /// As [`FuseOps::releasedir_prefilter`].
    releasedir_postfilter [Releasedir Post] (in "in" [&FuseReleaseIn]);
    flush_prefilter [Flush Pre] (in "in" [&mut FuseFlushIn]);
    flush_postfilter [Flush Post] (in "in" [&FuseFlushIn]);
    lseek_prefilter [Lseek Pre] (in "in" [&mut FuseLseekIn]);
    /// `out.offset` is the result, also when it is a negative errno (LSEEK-1).
    lseek_postfilter [Lseek Post] (in "in" [&FuseLseekIn], out "out" [&mut FuseLseekOut]);
    /// The filter of the source file decides.
    copy_file_range_prefilter [CopyFileRange Pre] (in "in" [&mut FuseCopyFileRangeIn]);
    /// `out.size` is neither filled nor used (CFR-1).
    copy_file_range_postfilter [CopyFileRange Post] (
        in "in" [&FuseCopyFileRangeIn], out "out" [&mut FuseWriteOut]
    );
    /// Also called for directories when `dir_fsync_prefilter` is set (DISP-1).
    fsync_prefilter [Fsync Pre] (in "in" [&mut FuseFsyncIn]);
    fsync_postfilter [Fsync Post] (in "in" [&FuseFsyncIn]);
    /// Never called: with it, directories call `fsync_prefilter`, or crash without (DISP-1).
    dir_fsync_prefilter [DirFsync Pre] (in "in" [&mut FuseFsyncIn]);
    dir_fsync_postfilter [DirFsync Post] (in "in" [&FuseFsyncIn]);
    /// A failed `get_rw` on the name crashes the lower call (BUF-4, BUF-17).
    getxattr_prefilter [Getxattr Pre] (in "in" [&mut FuseGetxattrIn], in "name" [&mut BufferMut]);
    /// `value` is empty when the size was asked for; a failure shows as a huge size (BUF-6).
    getxattr_postfilter [Getxattr Post] (
        in "in" [&FuseGetxattrIn], in "name" [&Buffer],
        out "value" [&mut BufferMut], out "out" [&mut FuseGetxattrOut]
    );
    listxattr_prefilter [Listxattr Pre] (in "in" [&mut FuseGetxattrIn]);
    listxattr_postfilter [Listxattr Post] (
        in "in" [&FuseGetxattrIn], out "value" [&mut BufferMut], out "out" [&mut FuseGetxattrOut]
    );
    /// Changes are not used by the lower call (BUF-14), but for the view of N12.
    setxattr_prefilter [Setxattr Pre] (
        in "in" [&mut FuseSetxattrIn], in "name" [&mut BufferMut], in "value" [&mut BufferMut]
    );
    /// Answering `UserPostfilter` is a kernel BUG when the daemon agrees (USER-3).
    setxattr_postfilter [Setxattr Post] (
        in "in" [&FuseSetxattrIn], in "name" [&Buffer], in "value" [&Buffer]
    );
    removexattr_prefilter [Removexattr Pre] (in "name" [&mut BufferMut]);
    removexattr_postfilter [Removexattr Post] (in "name" [&Buffer]);
    /// Changes of `in` are not used (READ-3).
    read_iter_prefilter [ReadIter Pre] (in "in" [&mut FuseReadIn]);
    /// `out.ret` is not used unless nothing was read (READ-1).
    read_iter_postfilter [ReadIter Post] (in "in" [&FuseReadIn], out "out" [&mut FuseReadIterOut]);
    /// Changes of `in` are not used (READ-3).
    write_iter_prefilter [WriteIter Pre] (in "in" [&mut FuseWriteIn]);
    /// `out.ret` is the result when the lower write succeeded.
    write_iter_postfilter [WriteIter Post] (
        in "in" [&FuseWriteIn], out "out" [&mut FuseWriteIterOut]
    );
    file_fallocate_prefilter [FileFallocate Pre] (in "in" [&mut FuseFallocateIn]);
    file_fallocate_postfilter [FileFallocate Post] (in "in" [&FuseFallocateIn]);
    /// The lower lookup uses a changed name; a failure also hides the name from every operation
    /// that would create it (LOOK-5).
    lookup_prefilter [Lookup Pre] (in "name" [&mut BufferMut]);
    /// `entries` takes up to two `FuseBpfEntryOut`; more than 48 bytes crash (BUF-9).
    lookup_postfilter [Lookup Post] (
        in "name" [&Buffer], out "out" [&mut FuseEntryOut], out "entries" [&mut BufferMut]
    );
    mknod_prefilter [Mknod Pre] (in "in" [&mut FuseMknodIn], in "name" [&Buffer]);
    mknod_postfilter [Mknod Post] (in "in" [&FuseMknodIn], in "name" [&Buffer]);
    /// Answering `Postfilter` crashes unless `mkdir_postfilter` is set too (DISP-2).
    mkdir_prefilter [Mkdir Pre] (in "in" [&mut FuseMkdirIn], in "name" [&Buffer]);
    mkdir_postfilter [Mkdir Post] (in "in" [&FuseMkdirIn], in "name" [&Buffer]);
    rmdir_prefilter [Rmdir Pre] (in "name" [&Buffer]);
    rmdir_postfilter [Rmdir Post] (in "name" [&Buffer]);
    /// A rename with flags. Answering `UserPrefilter` fails with -ENOMEM (USER-2).
    rename2_prefilter [Rename2 Pre] (
        in "in" [&mut FuseRename2In], in "old_name" [&Buffer], in "new_name" [&Buffer]
    );
    rename2_postfilter [Rename2 Post] (
        in "in" [&FuseRename2In], in "old_name" [&Buffer], in "new_name" [&Buffer]
    );
    /// Answering `UserPrefilter` fails with -ENOMEM (USER-2).
    rename_prefilter [Rename Pre] (
        in "in" [&mut FuseRenameIn], in "old_name" [&Buffer], in "new_name" [&Buffer]
    );
    rename_postfilter [Rename Post] (
        in "in" [&FuseRenameIn], in "old_name" [&Buffer], in "new_name" [&Buffer]
    );
    unlink_prefilter [Unlink Pre] (in "name" [&Buffer]);
    unlink_postfilter [Unlink Post] (in "name" [&Buffer]);
    /// The filter of the source file decides (LINKN-2), and the node in meta is 0 (LINKN-1).
    link_prefilter [Link Pre] (in "in" [&mut FuseLinkIn], in "name" [&mut BufferMut]);
    link_postfilter [Link Post] (in "in" [&FuseLinkIn], in "name" [&Buffer]);
    getattr_prefilter [Getattr Pre] (in "in" [&mut FuseGetattrIn]);
    /// Changing the file type makes the inode bad (GATTR-2).
    getattr_postfilter [Getattr Post] (in "in" [&FuseGetattrIn], out "out" [&mut FuseAttrOut]);
    /// Clearing a bit of `valid` sets the attribute to 0 (SATTR-1, N1).
    setattr_prefilter [Setattr Pre] (in "in" [&mut FuseSetattrIn]);
    /// `out` is neither filled nor used (SATTR-2).
    setattr_postfilter [Setattr Post] (in "in" [&FuseSetattrIn], out "out" [&mut FuseAttrOut]);
    /// Answering `UserPrefilter` crashes (USER-1).
    statfs_prefilter [Statfs Pre] ();
    statfs_postfilter [Statfs Post] (out "out" [&mut FuseStatfsOut]);
    /// `name` is the link's own; the target is out of reach (GLINK-1).
    get_link_prefilter [GetLink Pre] (in "name" [&mut BufferMut]);
    get_link_postfilter [GetLink Post] (in "name" [&Buffer]);
    /// Answering `UserPrefilter` fails with -ENOMEM (USER-2); `path` is the target.
    symlink_prefilter [Symlink Pre] (in "name" [&Buffer], in "path" [&mut BufferMut]);
    symlink_postfilter [Symlink Post] (in "name" [&Buffer], in "path" [&Buffer]);
    /// Answering `User` leaks a page (PIPE-12).
    readdir_prefilter [Readdir Pre] (in "in" [&mut FuseReadIn]);
    /// See [`DirBuffer`] for what `out` needs when records are dropped.
    readdir_postfilter [Readdir Post] (
        in "in" [&FuseReadIn], out "out" [&mut FuseReadOut], out "buffer" [&mut DirBuffer]
    );
    /// For access(2) and for each step of a path walk (N20).
    access_prefilter [Access Pre] (in "in" [&mut FuseAccessIn]);
    access_postfilter [Access Post] (in "in" [&FuseAccessIn]);
    /// v4 only: stands for every member that is missing or answers `CallDefault` (SEMANTICS 2.10).
    default_filter [Default] ();
}
