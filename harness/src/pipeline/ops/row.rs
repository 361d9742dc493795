//! The table of rows, in the order of the op table.

use fuserig_abi::Op;

use super::{attr, io, lookup, name, open, readdir, xattr};
use crate::kernel::World;
use crate::pipeline::{Run, Stop};

/// A return value of the modelled kernel (negative errno, 0, or a count), or its end.
pub(super) type Code = Result<i64, Stop>;

/// The four functions of one operation.
pub(in crate::pipeline) struct Row {
    /// P1.
    pub(in crate::pipeline) initialize_in: fn(&mut World, &mut Run) -> Code,
    /// P6.
    pub(in crate::pipeline) initialize_out: fn(&mut World, &mut Run) -> Code,
    /// P8.
    pub(in crate::pipeline) lower: fn(&mut World, &mut Run) -> Code,
    /// P12.
    pub(in crate::pipeline) finalize: fn(&mut World, &mut Run) -> Code,
}

macro_rules! rows {
    ($($op:ident: $initialize_in:path, $initialize_out:path, $lower:path, $finalize:path;)*) => {
        static ROWS: [Row; Op::COUNT] = [$(Row {
            initialize_in: $initialize_in,
            initialize_out: $initialize_out,
            lower: $lower,
            finalize: $finalize,
        }),*];

        #[cfg(test)]
        const ORDER: [Op; Op::COUNT] = [$(Op::$op),*];
    };
}

rows! {
    Open: open::open_in, open::open_out, open::open_lower, open::open_finalize;
    Opendir: open::open_in, open::open_out, open::open_lower, open::open_finalize;
    CreateOpen: open::create_in, open::create_out, open::create_lower, open::create_finalize;
    Release: open::release_in, none, none, open::release_finalize;
    Releasedir: open::release_in, none, none, open::release_finalize;
    Flush: open::flush_in, none, open::flush_lower, none;
    Lseek: io::lseek_in, io::lseek_out, io::lseek_lower, io::lseek_finalize;
    CopyFileRange: io::copy_in, io::copy_out, io::copy_lower, none;
    Fsync: io::fsync_in, none, io::fsync_lower, none;
    DirFsync: io::fsync_in, none, io::fsync_lower, none;
    Getxattr: xattr::get_in, xattr::sized_out, xattr::get_lower, xattr::get_finalize;
    Listxattr: xattr::list_in, xattr::sized_out, xattr::list_lower, xattr::list_finalize;
    Setxattr: xattr::set_in, none, xattr::set_lower, none;
    Removexattr: xattr::remove_in, none, xattr::remove_lower, none;
    ReadIter: io::read_in, io::read_out, io::read_lower, io::read_finalize;
    WriteIter: io::write_in, io::write_out, io::write_lower, io::write_finalize;
    FileFallocate: io::fallocate_in, none, io::fallocate_lower, none;
    Lookup: lookup::lookup_in, lookup::lookup_out, lookup::lookup_lower, lookup::lookup_finalize;
    Mknod: name::mknod_in, none, name::mknod_lower, none;
    Mkdir: name::mkdir_in, none, name::mkdir_lower, none;
    Rmdir: name::remove_in, none, name::rmdir_lower, none;
    Rename2: name::rename2_in, none, name::rename_lower, none;
    Rename: name::rename_in, none, name::rename_lower, none;
    Unlink: name::remove_in, none, name::unlink_lower, none;
    Link: name::link_in, none, name::link_lower, none;
    Getattr: attr::getattr_in, attr::attr_out, attr::getattr_lower, attr::getattr_finalize;
    Setattr: attr::setattr_in, attr::attr_out, attr::setattr_lower, attr::setattr_finalize;
    Statfs: attr::statfs_in, attr::statfs_out, attr::statfs_lower, attr::statfs_finalize;
    GetLink: name::get_link_in, none, name::get_link_lower, none;
    Symlink: name::symlink_in, none, name::symlink_lower, none;
    Readdir: readdir::readdir_in, readdir::readdir_out, readdir::readdir_lower,
        readdir::readdir_finalize;
    Access: attr::access_in, none, attr::access_lower, none;
}

/// The row of an operation.
pub(in crate::pipeline) fn row(op: Op) -> &'static Row {
    &ROWS[op.index()]
}

/// A step that does nothing, as the op table says.
fn none(_: &mut World, _: &mut Run) -> Code {
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::{ORDER, Op};

    #[test]
    fn rows_stand_in_the_order_of_the_op_table() {
        assert_eq!(ORDER, Op::ALL);
    }
}
