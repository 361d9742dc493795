//! What single operations do.

use fuserig_abi::Abi;

use super::row::{Look, Meant, PLAIN, Row, SERVED};

const LIMIT: Meant = Meant::Same("a missing ability, and nobody wrote down how it should look");
const ODD: Meant = Meant::Same("surprising, and consistent with how FUSE walks and caches");

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "LOOK-1",
        defaults: [3, 0, 0],
        rules: &[
            "rule lookup_post ret=0 name=f1 out.nodeid=77",
            "rule lookup_post ret=0 name=gg out.nodeid=77",
        ],
        calls: &["link ^f1 ^gg", "open fd0 f1 R", "open fd1 gg R"],
        look: Look::Forgotten,
        faithful: "[(77, 1), (77, 1)]",
        intended: Meant::Gives("[(77, 2)]"),
        ..SERVED
    },
    Row {
        id: "LOOK-2",
        rules: &["rule lookup_pre ret=0 name=f1 buf.name.op=1 buf.name.size=0 buf.name.copy=0"],
        calls: &["stat f1"],
        faithful: "-1 ENOENT",
        intended: Meant::Gives("-1 EACCES"),
        ..PLAIN
    },
    Row {
        id: "LOOK-3",
        calls: &["stat nn", "stat nn"],
        look: Look::Members,
        faithful: "access_pre lookup_pre",
        intended: ODD,
        ..PLAIN
    },
    Row {
        id: "LOOK-4",
        calls: &["open fd0 f1 R", "stat f1"],
        look: Look::Members,
        faithful: "access_pre getattr_pre",
        intended: ODD,
        ..PLAIN
    },
    Row {
        id: "LOOK-5",
        rules: &["rule lookup_pre ret=-2 name=f1"],
        calls: &["mkdir f1 0755"],
        faithful: "-1 ENOENT",
        intended: LIMIT,
        reported: false,
        ..PLAIN
    },
    Row {
        id: "LOOK-6",
        calls: &["mounttmp ^d2", "stat d2/inner"],
        faithful: "-1 ENOENT",
        intended: LIMIT,
        reported: false,
        ..PLAIN
    },
    Row {
        id: "LOOK-7",
        rules: &["rule lookup_pre ret=3 name=f1", "rule lookup_post ret=-13"],
        calls: &["stat f1"],
        faithful: "-1 EACCES",
        intended: Meant::Unseen("the dentry that was given an inode goes with the error"),
        ..PLAIN
    },
    Row {
        id: "LOOK-8",
        rules: &["rule lookup_pre ret=3 name=f1", "rule lookup_post ret=0 out.attr.size=99"],
        calls: &["stat f1"],
        faithful: "0 mode 100644 size 11 rdev 0:0",
        intended: LIMIT,
        ..PLAIN
    },
    Row {
        id: "NEW-3",
        rules: &["rule create_open_pre ret=0 in.flags=0"],
        calls: &["open fd0 nn C|RW", "write fd0 x"],
        faithful: "1",
        intended: Meant::Gives("-1 EBADF"),
        ..PLAIN
    },
    Row {
        id: "NEW-4",
        rules: &["rule create_open_pre ret=3", "rule create_open_post ret=0 out.entry.nodeid=9"],
        calls: &["open fd0 nn C|RW", "write fd0 x"],
        look: Look::Saw("write_iter_pre", "node"),
        faithful: "0",
        intended: Meant::Gives("9"),
        ..PLAIN
    },
    Row {
        id: "N2",
        rules: &["rule create_open_pre ret=-38"],
        calls: &["open fd0 nn C|RW"],
        faithful: "crash N2",
        intended: Meant::Gives("0"),
        ..PLAIN
    },
    Row {
        id: "OPEN-1",
        rules: &["rule open_pre ret=0 in.flags=3"],
        calls: &["open fd0 f1 R"],
        look: Look::Leaks,
        faithful: "[1, 0, 0, 0]",
        intended: Meant::Gives("[0, 0, 0, 0]"),
        ..PLAIN
    },
    Row {
        id: "LSEEK-1",
        calls: &["open fd0 f1 R", "lseek fd0 -5 0", "read fd0 2"],
        faithful: "-1 EINVAL",
        intended: Meant::Gives("2 \"he\""),
        ..PLAIN
    },
    Row {
        id: "LSEEK-2",
        rules: &["rule lseek_pre ret=0 in.offset=5"],
        calls: &["open fd0 f1 R", "lseek fd0 0 0"],
        faithful: "0",
        intended: Meant::Gives("5"),
        ..PLAIN
    },
    Row {
        id: "CFR-1",
        rules: &["rule copy_file_range_pre ret=3"],
        calls: &["open fd0 f1 R", "open fd1 f2 RW", "cfr fd0 0 fd1 4 5"],
        look: Look::Saw("copy_file_range_post", "out.size"),
        faithful: "0",
        intended: Meant::Gives("5"),
        ..PLAIN
    },
    Row {
        id: "READ-1",
        rules: &["rule read_iter_pre ret=3", "rule read_iter_post ret=0 out.ret=2"],
        calls: &["open fd0 f1 R", "read fd0 5"],
        faithful: "5 \"hello\"",
        intended: Meant::Gives("2 \"he\""),
        ..PLAIN
    },
    Row {
        id: "READ-2",
        rules: &["rule read_iter_pre ret=0 in.size=7"],
        calls: &["open fd0 f1 R", "read fd0 0"],
        faithful: "7 \"\"",
        intended: Meant::Gives("0 \"\""),
        ..PLAIN
    },
    Row {
        id: "READ-3",
        rules: &["rule read_iter_pre ret=0 in.offset=6"],
        calls: &["open fd0 f1 R", "read fd0 5"],
        faithful: "5 \"hello\"",
        intended: LIMIT,
        ..PLAIN
    },
    Row {
        id: "GATTR-2",
        rules: &["rule getattr_pre ret=3", "rule getattr_post ret=0 out.attr.mode=040755"],
        calls: &["stat f1"],
        faithful: "-1 EIO",
        intended: Meant::Same("a file that changes its type cannot be trusted"),
        ..PLAIN
    },
    Row {
        id: "GATTR-3",
        rules: &["rule getattr_pre ret=3"],
        calls: &["mknod cc 020644 1 3", "stat cc"],
        look: Look::Saw("getattr_post", "out.attr.rdev"),
        faithful: "0",
        intended: Meant::Gives("259"),
        ..PLAIN
    },
    Row {
        id: "SATTR-1",
        rules: &["rule setattr_pre ret=0 in.valid=0"],
        calls: &["truncate f1 4", "stat ^f1"],
        faithful: "0 mode 100644 size 0 rdev 0:0",
        intended: Meant::Gives("0 mode 100644 size 11 rdev 0:0"),
        ..PLAIN
    },
    Row {
        id: "SATTR-2",
        rules: &["rule setattr_pre ret=3"],
        calls: &["chmod f1 0600"],
        look: Look::Saw("setattr_post", "out.attr.mode"),
        faithful: "0",
        intended: Meant::Gives("33152"),
        ..PLAIN
    },
    Row {
        id: "N1",
        rules: &["rule setattr_pre ret=0 in.valid=0"],
        calls: &["chmod f1 0600", "stat f1"],
        faithful: "crash N1",
        intended: Meant::Gives("0 mode 100644 size 11 rdev 0:0"),
        ..PLAIN
    },
    Row {
        id: "LINKN-1",
        rules: &["rule lookup_pre ret=3 name=f1", "rule lookup_post ret=0 out.nodeid=77"],
        calls: &["link f1 gg"],
        look: Look::Saw("link_pre", "node"),
        faithful: "0",
        intended: Meant::Gives("77"),
        ..PLAIN
    },
    Row {
        id: "LINKN-2",
        rules: &[
            "rule lookup_pre ret=3 name=d1",
            "rule lookup_post ret=0 buf.entries.op=1 buf.entries.size=24 buf.entries.copy=0 \
             buf.entries.data=\\x04",
        ],
        calls: &["link f1 d1/q"],
        look: Look::Members,
        faithful: "access_pre lookup_pre access_pre lookup_pre lookup_post access_pre link_pre",
        intended: ODD,
        ..PLAIN
    },
    Row {
        id: "GLINK-1",
        rules: &["rule get_link_pre ret=3"],
        calls: &["readlink ln 64"],
        faithful: "2 \"f1\"",
        intended: LIMIT,
        ..PLAIN
    },
    Row {
        id: "RDIR-1",
        abi: Abi::V3,
        calls: &["open fd0 d1 R|D", "getdents fd0 60", "getdents fd0 4096"],
        faithful: "0",
        intended: Meant::Gives("72 sub@4 y@3 x@2147483647"),
        ..PLAIN
    },
    Row {
        id: "RDIR-2",
        rules: &["rule readdir_pre ret=3", "rule readdir_post ret=0 out.again=1"],
        calls: &["open fd0 ed R|D", "getdents fd0 4096", "getdents fd0 4096"],
        faithful: "-1 EINVAL",
        intended: Meant::Same("another round after the end would never end"),
        ..PLAIN
    },
    Row {
        id: "RDIR-3",
        rules: &[
            "rule readdir_pre ret=3",
            "rule readdir_post ret=0 buf.buffer.op=1 buf.buffer.size=32 buf.buffer.copy=0 \
             buf.buffer.off=24 buf.buffer.data=/",
        ],
        calls: &["open fd0 d1 R|D", "getdents fd0 4096"],
        faithful: "-1 EIO",
        intended: Meant::Same("a record that makes no sense is no record"),
        ..PLAIN
    },
    Row {
        id: "STATFS-1",
        calls: &["statfs ."],
        faithful: "0 type 65735546 namelen 255",
        intended: Meant::Same("the mount is a FUSE mount, whatever lies below"),
        ..PLAIN
    },
    Row {
        id: "N3",
        rules: &["rule open_pre ret=-5000"],
        calls: &["open fd0 f1 R"],
        faithful: "crash N3",
        intended: Meant::Gives("-1 EINVAL"),
        ..PLAIN
    },
    Row {
        id: "N6",
        rules: &["rule open_pre ret=3", "rule open_post ret=-13"],
        calls: &["open fd0 f1 R"],
        look: Look::Leaks,
        faithful: "[0, 1, 0, 0]",
        intended: Meant::Gives("[0, 0, 0, 0]"),
        ..PLAIN
    },
    Row {
        id: "N7",
        rules: &["rule readdir_pre ret=3", "rule readdir_post ret=-13"],
        calls: &["open fd0 ed R|D", "getdents fd0 4096"],
        faithful: "48 .@1 ..@2147483647",
        intended: Meant::Same("what was handed out cannot be taken back"),
        ..PLAIN
    },
    Row {
        id: "N8",
        rules: &["rule readdir_pre ret=4"],
        calls: &["open fd0 d1 R|D", "getdents fd0 4096"],
        faithful: "120 .@1 ..@5 sub@4 y@3 x@3",
        intended: Meant::Gives("120 .@1 ..@5 sub@4 y@3 x@2147483647"),
        ..PLAIN
    },
    Row {
        id: "N14",
        rules: &["rule rename2_pre ret=0 in.flags=2"],
        calls: &["rename2 f1 nn 1"],
        faithful: "-1 EINVAL",
        intended: Meant::Gives("-1 ENOENT"),
        ..PLAIN
    },
    Row {
        id: "N15",
        calls: &["rename f1 f2"],
        faithful: "0",
        intended: Meant::Unseen("a warning of the kernel when the inode goes, and nothing else"),
        ..PLAIN
    },
    Row {
        id: "N16",
        calls: &["open fd0 d1 TMP|RW"],
        faithful: "-1 EBADF",
        intended: Meant::Gives("0"),
        ..PLAIN
    },
    Row {
        id: "N17",
        rules: &["rule flush_pre ret=-512"],
        calls: &["open fd0 f1 R", "close fd0"],
        faithful: "-1 EINTR",
        intended: Meant::Same("close does not restart, whoever asks for it"),
        reported: false,
        ..PLAIN
    },
    Row {
        id: "N20",
        calls: &["truncate f1 4"],
        look: Look::Members,
        faithful: "access_pre lookup_pre access_pre getxattr_pre setattr_pre",
        intended: Meant::Same("the VFS above is the same"),
        reported: false,
        ..PLAIN
    },
];
