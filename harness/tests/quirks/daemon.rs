//! Stages, daemon conversations, dispatch, entries.

use fuserig_abi::Abi;

use super::row::{Look, Meant, PLAIN, Row, SERVED};

/// `fuse_entry_out` of zeros, as hex.
macro_rules! zeros {
    (128) => {
        concat!(zeros!(64), zeros!(64))
    };
    (64) => {
        concat!(zeros!(32), zeros!(32))
    };
    (32) => {
        "0000000000000000000000000000000000000000000000000000000000000000"
    };
    (16) => {
        "00000000000000000000000000000000"
    };
}

const LIMIT: Meant = Meant::Same("a missing ability, and nobody wrote down how it should look");
const ODD: Meant = Meant::Same("surprising, and consistent with how the steps are ordered");

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "PIPE-1",
        defaults: [3, 0, 0],
        rules: &["dpol 0x1000e echo x", "rule open_pre ret=2"],
        calls: &["open fd0 f1 R"],
        look: Look::Members,
        faithful: "access_pre access_post lookup_pre lookup_post access_pre access_post open_pre",
        intended: LIMIT,
        ..SERVED
    },
    Row {
        id: "PIPE-2",
        abi: Abi::V3,
        rules: &["rule release_pre ret=-13"],
        calls: &["open fd0 f1 R", "close fd0"],
        look: Look::Leaks,
        faithful: "[1, 0, 0, 0]",
        intended: Meant::Gives("[0, 0, 0, 0]"),
        ..PLAIN
    },
    Row {
        id: "PIPE-3",
        rules: &["rule rmdir_pre ret=3", "rule rmdir_post ret=0"],
        calls: &["rmdir d1"],
        faithful: "-1 ENOTEMPTY",
        intended: LIMIT,
        ..PLAIN
    },
    Row {
        id: "PIPE-4",
        rules: &["rule open_pre ret=3", "rule open_post ret=1"],
        calls: &["open fd0 f1 R"],
        faithful: "0",
        intended: LIMIT,
        ..PLAIN
    },
    Row {
        id: "PIPE-5",
        rules: &["dpol 0x2000e slice 8,16", "rule open_pre ret=4"],
        calls: &["open fd0 f1 R"],
        look: Look::Members,
        faithful: "access_pre lookup_pre access_pre open_pre",
        intended: ODD,
        ..SERVED
    },
    Row {
        id: "PIPE-6",
        rules: &["rule open_pre ret=9"],
        calls: &["open fd0 f1 R"],
        faithful: "0",
        intended: ODD,
        ..PLAIN
    },
    Row {
        id: "PIPE-7",
        table: "defonly",
        defaults: [0, 0, 5],
        calls: &["statfs ."],
        look: Look::Members,
        faithful: "default default",
        intended: Meant::Gives("default"),
        ..PLAIN
    },
    Row {
        id: "PIPE-8",
        table: "defonly",
        defaults: [0, 0, -13],
        calls: &["statfs ."],
        faithful: "-1 EACCES",
        intended: LIMIT,
        ..PLAIN
    },
    Row {
        id: "PIPE-9",
        rules: &["ddef -18", "rule mkdir_pre ret=1 in.mode=0111"],
        calls: &["mkdir nn 0755"],
        look: Look::Asked,
        faithful: "FUSE_MKDIR",
        intended: LIMIT,
        ..SERVED
    },
    Row {
        id: "PIPE-10",
        table: "postonly",
        calls: &["stat f1"],
        look: Look::Members,
        faithful: "",
        intended: ODD,
        ..PLAIN
    },
    Row {
        id: "PIPE-11",
        rules: &["rule removexattr_pre ret=3"],
        calls: &["removexattr f1 user.none"],
        look: Look::Members,
        faithful: "access_pre lookup_pre access_pre removexattr_pre removexattr_post",
        intended: Meant::Gives(
            "access_pre lookup_pre access_pre removexattr_pre removexattr_post(-61)",
        ),
        ..PLAIN
    },
    Row {
        id: "PIPE-12",
        rules: &["rule readdir_pre ret=1"],
        calls: &["readdir d1"],
        look: Look::Leaks,
        faithful: "[0, 0, 1, 0]",
        intended: Meant::Gives("[0, 0, 0, 0]"),
        ..PLAIN
    },
    Row {
        id: "PIPE-13",
        rules: &["rule mkdir_pre ret=3", "rule mkdir_post ret=-13"],
        calls: &["mkdir nn 0755", "stat ^nn"],
        faithful: "0 mode 40755 size 40 rdev 0:0",
        intended: LIMIT,
        ..PLAIN
    },
    Row {
        id: "USER-1",
        rules: &["dpol 0x10011 echo x", "rule statfs_pre ret=2"],
        calls: &["statfs ."],
        faithful: "crash USER-1",
        intended: Meant::Gives("0 type 65735546 namelen 255"),
        ..SERVED
    },
    Row {
        id: "USER-2",
        rules: &["dpol 0x1000c echofirst 8", "rule rename_pre ret=2"],
        calls: &["rename f1 g1"],
        faithful: "-1 ENOMEM",
        intended: Meant::Gives("0"),
        ..SERVED
    },
    Row {
        id: "USER-3",
        rules: &["dpol 0x20015 echofirst 0", "rule setxattr_pre ret=4"],
        calls: &["setxattr f1 user.q RR"],
        faithful: "crash USER-3",
        intended: Meant::Gives("0"),
        ..SERVED
    },
    Row {
        id: "USER-4",
        rules: &["dpol 0x10015 echo x", "rule setxattr_pre ret=2"],
        calls: &["setxattr f1 user.q RR"],
        faithful: "-1 EIO",
        intended: Meant::Gives("0"),
        ..SERVED
    },
    Row {
        id: "USER-5",
        rules: &["dpol 0x1000b echofirst 0", "rule rmdir_pre ret=2"],
        calls: &["rmdir ed"],
        faithful: "0",
        intended: Meant::Same("what is read before the array has no effect"),
        ..SERVED
    },
    Row {
        id: "USER-6",
        rules: &["dpol 0x10016 echofirst 8", "rule getxattr_pre ret=2"],
        calls: &["getxattr xa user.a 8"],
        faithful: "crash BUF-4",
        intended: Meant::Gives("-1 EOPNOTSUPP"),
        ..SERVED
    },
    Row {
        id: "USER-7",
        rules: &["dpol 0x20016 data 4142", "rule getxattr_pre ret=4"],
        calls: &["getxattr f1 user.none 8"],
        faithful: "2 \"AB\"",
        intended: Meant::Gives("-1 ENODATA"),
        ..SERVED
    },
    Row {
        id: "USER-8",
        rules: &["dpol 0x2000e echofirst 3", "rule open_pre ret=4"],
        calls: &["open fd0 f1 R"],
        faithful: "-1 EIO",
        intended: Meant::Same("a reply of the wrong length is the daemon's mistake"),
        ..SERVED
    },
    Row {
        id: "DISP-1",
        table: "dfs",
        calls: &["open fd0 d1 R|D", "fsync fd0"],
        faithful: "crash DISP-1",
        intended: Meant::Gives("0"),
        ..PLAIN
    },
    Row {
        id: "DISP-2",
        table: "mkpre",
        rules: &["rule mkdir_pre ret=3"],
        calls: &["mkdir nn 0755"],
        faithful: "crash DISP-2",
        intended: Meant::Gives("0"),
        ..PLAIN
    },
    Row {
        id: "DISP-3",
        table: "all",
        calls: &["open fd0 f1 R", "close fd0"],
        look: Look::Members,
        faithful: "flush_pre releasedir_pre",
        intended: Meant::Gives("flush_pre release_pre"),
        ..PLAIN
    },
    Row {
        id: "DISP-4",
        table: "nodef",
        rules: &["rule open_pre ret=3 m.opcode=5"],
        calls: &["open fd0 f1 R"],
        look: Look::Members,
        faithful: "access_pre lookup_pre access_pre open_pre",
        intended: Meant::Gives("access_pre lookup_pre access_pre open_pre open_post"),
        ..PLAIN
    },
    Row {
        id: "ENT-3",
        rules: &[
            concat!("dpol 0x20001 data ", zeros!(128), "04000000", zeros!(16), "00000000"),
            "rule lookup_pre ret=4 name=d1",
        ],
        calls: &["stat d1"],
        faithful: "-1 EIO",
        intended: Meant::Gives("0 mode 40755 size 100 rdev 0:0"),
        ..SERVED
    },
    Row {
        id: "ENT-4",
        backed: false,
        rules: &[concat!("dpol 1 ioctldata ", zeros!(128), "01000000", zeros!(16), "00000000")],
        calls: &["open fd0 f1 R", "stat f1"],
        look: Look::Asked,
        faithful: "FUSE_LOOKUP FUSE_LOOKUP FUSE_LOOKUP",
        intended: Meant::Gives("FUSE_LOOKUP FUSE_LOOKUP"),
        ..SERVED
    },
    Row {
        id: "FORGET-1",
        defaults: [3, 0, 0],
        rules: &["rule lookup_post ret=0 name=d1 out.nodeid=50"],
        calls: &["stat d1"],
        look: Look::Forgotten,
        faithful: "[(50, 1)]",
        intended: Meant::Same("a nodeid that a filter gave stands for a lookup"),
        ..SERVED
    },
    Row {
        id: "NEW-1",
        defaults: [3, 0, 0],
        rules: &["rule lookup_post ret=0 name=d1 out.nodeid=50"],
        calls: &["mkdir d1/nn 0755"],
        look: Look::Forgotten,
        faithful: "[(50, 1), (50, 1)]",
        intended: Meant::Gives("[(50, 1)]"),
        ..SERVED
    },
    Row {
        id: "OPEN-2",
        rules: &[
            concat!("dpol 0xe data ", zeros!(16)),
            "dpol 0xf data 4142",
            "rule open_pre ret=1",
        ],
        calls: &["open fd0 f1 R", "read fd0 2"],
        faithful: "crash OPEN-2",
        intended: Meant::Gives("2 \"AB\""),
        ..SERVED
    },
    Row {
        id: "N4",
        rules: &["rule flush_pre ret=1"],
        calls: &["open fd0 f1 R", "close fd0"],
        faithful: "hang N4",
        intended: Meant::Gives("-1 ECONNREFUSED"),
        ..PLAIN
    },
    Row {
        id: "N5",
        rules: &["rule write_iter_pre ret=1"],
        calls: &["open fd0 f1 RW", "write fd0 x"],
        faithful: "hang N5",
        intended: Meant::Gives("-1 ECONNREFUSED"),
        ..PLAIN
    },
    Row {
        id: "N18",
        rules: &["rule lseek_pre ret=1"],
        calls: &["open fd0 f1 R", "lseek fd0 4 0"],
        faithful: "4",
        intended: Meant::Same("FUSE moves positions by itself"),
        reported: false,
        ..PLAIN
    },
    Row {
        id: "N22",
        rules: &["rule setxattr_pre ret=4"],
        calls: &["setxattr f1 user.q RR"],
        faithful: "-1 ECONNREFUSED",
        intended: Meant::Same("a request that nobody can answer is refused"),
        ..PLAIN
    },
    Row {
        id: "N23",
        rules: &["rule open_pre ret=3 m.opcode=27"],
        calls: &["open fd0 f1 R"],
        look: Look::Members,
        faithful: "access_pre lookup_pre access_pre open_pre opendir_post",
        intended: Meant::Gives("access_pre lookup_pre access_pre open_pre open_post"),
        ..PLAIN
    },
    Row {
        id: "VER-1",
        rules: &["rule open_pre ret=3 m.nodeid=7"],
        calls: &["open fd0 f1 R"],
        look: Look::Saw("open_post", "node"),
        faithful: "7",
        intended: Meant::Gives("0"),
        ..PLAIN
    },
];
