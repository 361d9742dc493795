//! What writable views of buffers do. As it was meant, a refusal changes nothing, a view and its
//! buffer have one size, and nothing that is borrowed or freed can be written.

use super::row::{Look, Meant, PLAIN, Row, SERVED};

const TABLE: Meant =
    Meant::Same("consistent, and a filter that asks for it gets what it asked for");

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "BUF-1",
        rules: &["rule lookup_pre ret=0 name=f1 buf.name.op=1 buf.name.size=6 buf.name.copy=1 \
                  buf.name.data=empty\\x00"],
        calls: &["stat f1"],
        faithful: "0 mode 100644 size 11 rdev 0:0",
        intended: Meant::Gives("0 mode 100644 size 0 rdev 0:0"),
        ..PLAIN
    },
    Row {
        id: "BUF-2",
        rules: &["rule removexattr_pre ret=0 buf.name.op=5 buf.name.size=20 buf.name.copy=0 \
                  buf.name.size2=300 buf.name.copy2=0"],
        calls: &["removexattr xa user.a"],
        look: Look::Leaks,
        faithful: "[0, 0, 0, 1]",
        intended: Meant::Gives("[0, 0, 0, 0]"),
        ..PLAIN
    },
    Row {
        id: "BUF-3",
        rules: &[
            "rule lookup_pre ret=3 name=f1",
            "rule lookup_post ret=4 buf.name.op=1 buf.name.size=3 buf.name.copy=1",
        ],
        calls: &["stat f1"],
        faithful: "crash BUF-3",
        intended: Meant::Gives("-1 ENOSYS"),
        ..SERVED
    },
    Row {
        id: "BUF-4",
        rules: &["rule getxattr_pre ret=0 buf.name.op=1 buf.name.size=0 buf.name.copy=0"],
        calls: &["getxattr xa user.a 8"],
        faithful: "crash BUF-4",
        intended: Meant::Gives("-1 EOPNOTSUPP"),
        ..PLAIN
    },
    Row {
        id: "BUF-5",
        rules: &["rule lookup_pre ret=0 name=f1 buf.name.op=1 buf.name.size=0 buf.name.copy=0"],
        calls: &["access f1 4"],
        look: Look::Members,
        faithful: "access_pre lookup_pre",
        intended: TABLE,
        ..PLAIN
    },
    Row {
        id: "BUF-6",
        rules: &["rule getxattr_pre ret=3"],
        calls: &["getxattr xa user.none 8"],
        look: Look::Saw("getxattr_post", "value.size"),
        faithful: "4294967235",
        intended: Meant::Gives("8"),
        ..PLAIN
    },
    Row {
        id: "N10",
        rules: &["rule getxattr_pre ret=3"],
        calls: &["getxattr xa user.none 4"],
        look: Look::Saw("getxattr_post", "value.read"),
        faithful: "-14",
        intended: Meant::Gives("0"),
        ..PLAIN
    },
    Row {
        id: "N11",
        rules: &[
            "rule getxattr_pre ret=3",
            "rule getxattr_post ret=0 buf.value.op=1 buf.value.size=2 buf.value.copy=0 \
                  buf.value.data=zz",
        ],
        calls: &["getxattr xa user.none 8"],
        faithful: "2 \"zz\"",
        intended: Meant::Gives("-1 ENODATA"),
        ..PLAIN
    },
    Row {
        id: "BUF-7",
        rules: &["rule lookup_pre ret=0 name=f1 buf.name.op=1 buf.name.size=3 buf.name.copy=1"],
        calls: &["stat f1"],
        faithful: "0 mode 100644 size 11 rdev 0:0",
        intended: TABLE,
        ..PLAIN
    },
    Row {
        id: "BUF-8",
        rules: &["rule lookup_pre ret=0 name=f1 buf.name.op=1 buf.name.size=6 buf.name.copy=0 \
                  buf.name.data=f2"],
        calls: &["stat f1"],
        faithful: "0 mode 100644 size 16 rdev 0:0",
        intended: TABLE,
        ..PLAIN
    },
    Row {
        id: "BUF-9",
        rules: &[
            "rule lookup_pre ret=3 name=f1",
            "rule lookup_post ret=0 buf.entries.op=1 buf.entries.size=72 buf.entries.copy=0",
        ],
        calls: &["stat f1"],
        faithful: "crash BUF-9",
        intended: Meant::Gives("0 mode 100644 size 11 rdev 0:0"),
        ..PLAIN
    },
    Row {
        id: "BUF-10",
        rules: &[
            "rule lookup_pre ret=3 name=d1",
            "rule lookup_post ret=0 buf.entries.op=4 buf.entries.size=24 \
                  buf.entries.copy=0 buf.entries.size2=0 buf.entries.copy2=0 \
                  buf.entries.data=\\x04",
        ],
        calls: &["stat d1/x"],
        look: Look::Members,
        faithful: "access_pre lookup_pre lookup_post",
        intended: Meant::Gives(
            "access_pre lookup_pre lookup_post access_pre lookup_pre getattr_pre",
        ),
        ..PLAIN
    },
    Row {
        id: "BUF-12",
        rules: &[
            "rule readdir_pre ret=3",
            "rule readdir_post ret=0 buf.buffer.op=1 buf.buffer.size=8192 \
                  buf.buffer.copy=0",
        ],
        calls: &["readdir d1"],
        faithful: "crash BUF-12",
        intended: Meant::Gives("0 .@1 ..@5 sub@4 y@3 x@2147483647"),
        ..PLAIN
    },
    Row {
        id: "BUF-13",
        rules: &["rule lookup_pre ret=0 name=f1 buf.name.op=4 buf.name.size=8 buf.name.copy=0 \
                  buf.name.size2=128 buf.name.copy2=0 buf.name.data=zzzzzzz"],
        calls: &["stat f1"],
        look: Look::Saw("lookup_pre", "name.write"),
        faithful: "0",
        intended: Meant::Gives("-22"),
        ..PLAIN
    },
    Row {
        id: "BUF-14",
        rules: &["rule removexattr_pre ret=0 buf.name.op=1 buf.name.size=8 buf.name.copy=0 \
                  buf.name.data=user.bb\\x00"],
        calls: &["removexattr xa user.a", "getxattr xa user.bb 8"],
        faithful: "8 \"BBBBBBBB\"",
        intended: Meant::Same("a missing ability, and nobody wrote down how it should look"),
        ..PLAIN
    },
    Row {
        id: "BUF-15",
        rules: &["rule lookup_pre ret=0 name=f1 buf.name.op=1 buf.name.size=0 buf.name.copy=1 \
                  buf.name.data=f2"],
        calls: &["stat f1"],
        faithful: "0 mode 100644 size 16 rdev 0:0",
        intended: Meant::Gives("-1 EACCES"),
        ..PLAIN
    },
    Row {
        id: "N12",
        rules: &["rule setxattr_pre ret=0 buf.value.op=1 buf.value.size=0 buf.value.copy=1 \
                  buf.value.data=ZZ"],
        calls: &["setxattr f1 user.q RR", "getxattr f1 user.q 8"],
        faithful: "2 \"ZZ\"",
        intended: Meant::Gives("2 \"RR\""),
        ..PLAIN
    },
    Row {
        id: "BUF-16",
        rules: &["rule lookup_pre ret=0 name=a-long-name buf.name.op=1 buf.name.size=8 \
                  buf.name.copy=1"],
        calls: &["stat a-long-name"],
        faithful: "crash BUF-16",
        intended: Meant::Gives("-1 ENOENT"),
        ..PLAIN
    },
    Row {
        id: "BUF-17",
        rules: &["rule getxattr_pre ret=0 buf.name.op=1 buf.name.size=300 buf.name.copy=0"],
        calls: &["getxattr xa user.a 8"],
        faithful: "crash BUF-17",
        intended: Meant::Gives("4 \"AAAA\""),
        ..PLAIN
    },
    Row {
        id: "KF-1",
        rules: &["rule lookup_pre ret=0 name=f1 buf.name.op=1 buf.name.size=9 buf.name.copy=1"],
        calls: &["stat f1"],
        faithful: "0 mode 100644 size 11 rdev 0:0",
        intended: Meant::Unseen("an allocation that may sleep shows in lock debugging alone"),
        ..PLAIN
    },
    Row {
        id: "KF-2",
        rules: &["rule removexattr_pre ret=0 buf.name.op=1 buf.name.size=300 buf.name.copy=0"],
        calls: &["removexattr xa user.a"],
        faithful: "0",
        intended: TABLE,
        ..PLAIN
    },
];
