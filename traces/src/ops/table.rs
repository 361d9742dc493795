//! The rows: names and structs of `linux/fuse.h` (7.31 and later), in number order.

use super::FieldKind as K;
use super::{DataPlace, Field, FieldKind, Layout, OpSpec, Segment};

const fn f(name: &'static str, width: usize, kind: FieldKind) -> Segment {
    Segment::Field(Field { name, width, kind })
}

const fn plain(segments: &'static [Segment]) -> Layout {
    Layout { tag: "", segments }
}

const fn row(
    number: u16,
    name: &'static str,
    request: &'static [Layout],
    reply: &'static [Layout],
) -> OpSpec {
    OpSpec { number, name, request, reply, data: DataPlace::None }
}

const NAME: Layout = plain(&[Segment::Name]);
const ATTRIBUTE: Layout = plain(&[Segment::Attribute]);
const ENTRY: Layout = plain(&[
    f("nodeid", 8, K::Node),
    f("generation", 8, K::Decimal),
    f("entry_valid", 8, K::Decimal),
    f("attr_valid", 8, K::Decimal),
    f("entry_valid_nsec", 4, K::Decimal),
    f("attr_valid_nsec", 4, K::Decimal),
    f("ino", 8, K::Decimal),
    f("size", 8, K::Decimal),
    f("blocks", 8, K::Decimal),
    f("atime", 8, K::Time),
    f("mtime", 8, K::Time),
    f("ctime", 8, K::Time),
    f("atimensec", 4, K::Time),
    f("mtimensec", 4, K::Time),
    f("ctimensec", 4, K::Time),
    f("mode", 4, K::Octal),
    f("nlink", 4, K::Decimal),
    f("uid", 4, K::Decimal),
    f("gid", 4, K::Decimal),
    f("rdev", 4, K::Hexadecimal),
    f("blksize", 4, K::Decimal),
    f("attr_flags", 4, K::Hexadecimal),
]);
const ATTR: Layout = plain(&[
    f("attr_valid", 8, K::Decimal),
    f("attr_valid_nsec", 4, K::Decimal),
    f("dummy", 4, K::Decimal),
    f("ino", 8, K::Decimal),
    f("size", 8, K::Decimal),
    f("blocks", 8, K::Decimal),
    f("atime", 8, K::Time),
    f("mtime", 8, K::Time),
    f("ctime", 8, K::Time),
    f("atimensec", 4, K::Time),
    f("mtimensec", 4, K::Time),
    f("ctimensec", 4, K::Time),
    f("mode", 4, K::Octal),
    f("nlink", 4, K::Decimal),
    f("uid", 4, K::Decimal),
    f("gid", 4, K::Decimal),
    f("rdev", 4, K::Hexadecimal),
    f("blksize", 4, K::Decimal),
    f("attr_flags", 4, K::Hexadecimal),
]);
const OPEN_IN: Layout = plain(&[f("flags", 4, K::Hexadecimal), f("open_flags", 4, K::Hexadecimal)]);
const OPEN_OUT: Layout = plain(&[
    f("fh", 8, K::Handle),
    f("open_flags", 4, K::Hexadecimal),
    f("backing_id", 4, K::Decimal),
]);
const READ_IN: Layout = plain(&[
    f("fh", 8, K::Handle),
    f("offset", 8, K::Decimal),
    f("size", 4, K::Decimal),
    f("read_flags", 4, K::Hexadecimal),
    f("lock_owner", 8, K::Owner),
    f("flags", 4, K::Hexadecimal),
    f("padding", 4, K::Decimal),
]);
const RELEASE_IN: Layout = plain(&[
    f("fh", 8, K::Handle),
    f("flags", 4, K::Hexadecimal),
    f("release_flags", 4, K::Hexadecimal),
    f("lock_owner", 8, K::Owner),
]);
const FSYNC_IN: Layout = plain(&[
    f("fh", 8, K::Handle),
    f("fsync_flags", 4, K::Hexadecimal),
    f("padding", 4, K::Decimal),
]);
const LOCK_IN: Layout = plain(&[
    f("fh", 8, K::Handle),
    f("owner", 8, K::Owner),
    f("start", 8, K::Hexadecimal),
    f("end", 8, K::Hexadecimal),
    f("type", 4, K::Decimal),
    f("pid", 4, K::Decimal),
    f("lk_flags", 4, K::Hexadecimal),
    f("padding", 4, K::Decimal),
]);
const CREATE_IN: Layout = plain(&[
    f("flags", 4, K::Hexadecimal),
    f("mode", 4, K::Octal),
    f("umask", 4, K::Octal),
    f("open_flags", 4, K::Hexadecimal),
    Segment::Name,
]);
const CREATE_OUT: Layout = plain(&[
    f("nodeid", 8, K::Node),
    f("generation", 8, K::Decimal),
    f("entry_valid", 8, K::Decimal),
    f("attr_valid", 8, K::Decimal),
    f("entry_valid_nsec", 4, K::Decimal),
    f("attr_valid_nsec", 4, K::Decimal),
    f("ino", 8, K::Decimal),
    f("size", 8, K::Decimal),
    f("blocks", 8, K::Decimal),
    f("atime", 8, K::Time),
    f("mtime", 8, K::Time),
    f("ctime", 8, K::Time),
    f("atimensec", 4, K::Time),
    f("mtimensec", 4, K::Time),
    f("ctimensec", 4, K::Time),
    f("mode", 4, K::Octal),
    f("nlink", 4, K::Decimal),
    f("uid", 4, K::Decimal),
    f("gid", 4, K::Decimal),
    f("rdev", 4, K::Hexadecimal),
    f("blksize", 4, K::Decimal),
    f("attr_flags", 4, K::Hexadecimal),
    f("fh", 8, K::Handle),
    f("open_flags", 4, K::Hexadecimal),
    f("backing_id", 4, K::Decimal),
]);
const COPY_IN: Layout = plain(&[
    f("fh_in", 8, K::Handle),
    f("off_in", 8, K::Decimal),
    f("nodeid_out", 8, K::Node),
    f("fh_out", 8, K::Handle),
    f("off_out", 8, K::Decimal),
    f("len", 8, K::Decimal),
    f("flags", 8, K::Hexadecimal),
]);
const WRITE_OUT: Layout = plain(&[f("size", 4, K::Decimal), f("padding", 4, K::Decimal)]);

/// Every operation, in number order.
pub const OPS: &[OpSpec] = &[
    row(1, "LOOKUP", &[NAME], &[ENTRY]),
    row(2, "FORGET", &[plain(&[f("nlookup", 8, K::Decimal)])], &[]),
    row(
        3,
        "GETATTR",
        &[plain(&[
            f("getattr_flags", 4, K::Hexadecimal),
            f("dummy", 4, K::Decimal),
            f("fh", 8, K::Handle),
        ])],
        &[ATTR],
    ),
    row(
        4,
        "SETATTR",
        &[plain(&[
            f("valid", 4, K::Hexadecimal),
            f("padding", 4, K::Decimal),
            f("fh", 8, K::Handle),
            f("size", 8, K::Decimal),
            f("lock_owner", 8, K::Owner),
            f("atime", 8, K::Time),
            f("mtime", 8, K::Time),
            f("ctime", 8, K::Time),
            f("atimensec", 4, K::Time),
            f("mtimensec", 4, K::Time),
            f("ctimensec", 4, K::Time),
            f("mode", 4, K::Octal),
            f("unused4", 4, K::Decimal),
            f("uid", 4, K::Decimal),
            f("gid", 4, K::Decimal),
            f("unused5", 4, K::Decimal),
        ])],
        &[ATTR],
    ),
    row(5, "READLINK", &[], &[]),
    row(6, "SYMLINK", &[plain(&[Segment::Name, Segment::Name])], &[ENTRY]),
    row(
        8,
        "MKNOD",
        &[plain(&[
            f("mode", 4, K::Octal),
            f("rdev", 4, K::Hexadecimal),
            f("umask", 4, K::Octal),
            f("padding", 4, K::Decimal),
            Segment::Name,
        ])],
        &[ENTRY],
    ),
    row(
        9,
        "MKDIR",
        &[plain(&[f("mode", 4, K::Octal), f("umask", 4, K::Octal), Segment::Name])],
        &[ENTRY],
    ),
    row(10, "UNLINK", &[NAME], &[]),
    row(11, "RMDIR", &[NAME], &[]),
    row(12, "RENAME", &[plain(&[f("newdir", 8, K::Node), Segment::Name, Segment::Name])], &[]),
    row(13, "LINK", &[plain(&[f("oldnodeid", 8, K::Node), Segment::Name])], &[ENTRY]),
    row(14, "OPEN", &[OPEN_IN], &[OPEN_OUT]),
    OpSpec { data: DataPlace::Reply, ..row(15, "READ", &[READ_IN], &[]) },
    OpSpec {
        data: DataPlace::Request { after: 40 },
        ..row(
            16,
            "WRITE",
            &[plain(&[
                f("fh", 8, K::Handle),
                f("offset", 8, K::Decimal),
                f("size", 4, K::Decimal),
                f("write_flags", 4, K::Hexadecimal),
                f("lock_owner", 8, K::Owner),
                f("flags", 4, K::Hexadecimal),
                f("padding", 4, K::Decimal),
            ])],
            &[WRITE_OUT],
        )
    },
    row(
        17,
        "STATFS",
        &[],
        &[plain(&[
            f("blocks", 8, K::Decimal),
            f("bfree", 8, K::Decimal),
            f("bavail", 8, K::Decimal),
            f("files", 8, K::Decimal),
            f("ffree", 8, K::Decimal),
            f("bsize", 4, K::Decimal),
            f("namelen", 4, K::Decimal),
            f("frsize", 4, K::Decimal),
            f("padding", 4, K::Decimal),
            f("spare0", 8, K::Decimal),
            f("spare1", 8, K::Decimal),
            f("spare2", 8, K::Decimal),
        ])],
    ),
    row(18, "RELEASE", &[RELEASE_IN], &[]),
    row(20, "FSYNC", &[FSYNC_IN], &[]),
    row(
        21,
        "SETXATTR",
        &[
            plain(&[
                f("size", 4, K::Decimal),
                f("flags", 4, K::Hexadecimal),
                Segment::Attribute,
                Segment::Rest,
            ]),
            Layout {
                tag: "ext",
                segments: &[
                    f("size", 4, K::Decimal),
                    f("flags", 4, K::Hexadecimal),
                    f("setxattr_flags", 4, K::Hexadecimal),
                    f("padding", 4, K::Decimal),
                    Segment::Attribute,
                    Segment::Rest,
                ],
            },
        ],
        &[],
    ),
    row(
        22,
        "GETXATTR",
        &[plain(&[f("size", 4, K::Decimal), f("padding", 4, K::Decimal), Segment::Attribute])],
        &[],
    ),
    row(23, "LISTXATTR", &[plain(&[f("size", 4, K::Decimal), f("padding", 4, K::Decimal)])], &[]),
    row(24, "REMOVEXATTR", &[ATTRIBUTE], &[]),
    row(
        25,
        "FLUSH",
        &[plain(&[
            f("fh", 8, K::Handle),
            f("unused", 4, K::Decimal),
            f("padding", 4, K::Decimal),
            f("lock_owner", 8, K::Owner),
        ])],
        &[],
    ),
    row(
        26,
        "INIT",
        &[
            plain(&[
                f("major", 4, K::Decimal),
                f("minor", 4, K::Decimal),
                f("max_readahead", 4, K::Decimal),
                f("flags", 4, K::Hexadecimal),
                f("flags2", 4, K::Hexadecimal),
                Segment::Rest,
            ]),
            Layout {
                tag: "short",
                segments: &[
                    f("major", 4, K::Decimal),
                    f("minor", 4, K::Decimal),
                    f("max_readahead", 4, K::Decimal),
                    f("flags", 4, K::Hexadecimal),
                ],
            },
        ],
        &[plain(&[
            f("major", 4, K::Decimal),
            f("minor", 4, K::Decimal),
            f("max_readahead", 4, K::Decimal),
            f("flags", 4, K::Hexadecimal),
            f("max_background", 2, K::Decimal),
            f("congestion_threshold", 2, K::Decimal),
            f("max_write", 4, K::Decimal),
            f("time_gran", 4, K::Decimal),
            f("max_pages", 2, K::Decimal),
            f("map_alignment", 2, K::Decimal),
            f("flags2", 4, K::Hexadecimal),
            f("max_stack_depth", 4, K::Decimal),
            f("request_timeout", 2, K::Decimal),
            f("unused0", 2, K::Decimal),
            f("unused1", 4, K::Decimal),
            f("unused2", 8, K::Decimal),
            f("unused3", 8, K::Decimal),
        ])],
    ),
    row(27, "OPENDIR", &[OPEN_IN], &[OPEN_OUT]),
    row(28, "READDIR", &[READ_IN], &[]),
    row(29, "RELEASEDIR", &[RELEASE_IN], &[]),
    row(30, "FSYNCDIR", &[FSYNC_IN], &[]),
    row(
        31,
        "GETLK",
        &[LOCK_IN],
        &[plain(&[
            f("start", 8, K::Hexadecimal),
            f("end", 8, K::Hexadecimal),
            f("type", 4, K::Decimal),
            f("pid", 4, K::Decimal),
        ])],
    ),
    row(32, "SETLK", &[LOCK_IN], &[]),
    row(33, "SETLKW", &[LOCK_IN], &[]),
    row(34, "ACCESS", &[plain(&[f("mask", 4, K::Hexadecimal), f("padding", 4, K::Decimal)])], &[]),
    row(35, "CREATE", &[CREATE_IN], &[CREATE_OUT]),
    row(36, "INTERRUPT", &[plain(&[f("unique", 8, K::Unique)])], &[]),
    row(
        37,
        "BMAP",
        &[plain(&[
            f("block", 8, K::Decimal),
            f("blocksize", 4, K::Decimal),
            f("padding", 4, K::Decimal),
        ])],
        &[plain(&[f("block", 8, K::Decimal)])],
    ),
    row(38, "DESTROY", &[], &[]),
    row(
        39,
        "IOCTL",
        &[plain(&[
            f("fh", 8, K::Handle),
            f("flags", 4, K::Hexadecimal),
            f("cmd", 4, K::Hexadecimal),
            f("arg", 8, K::Hexadecimal),
            f("in_size", 4, K::Decimal),
            f("out_size", 4, K::Decimal),
            Segment::Rest,
        ])],
        &[plain(&[
            f("result", 4, K::Decimal),
            f("flags", 4, K::Hexadecimal),
            f("in_iovs", 4, K::Decimal),
            f("out_iovs", 4, K::Decimal),
            Segment::Rest,
        ])],
    ),
    row(
        40,
        "POLL",
        &[plain(&[
            f("fh", 8, K::Handle),
            f("kh", 8, K::Decimal),
            f("flags", 4, K::Hexadecimal),
            f("events", 4, K::Hexadecimal),
        ])],
        &[plain(&[f("revents", 4, K::Hexadecimal), f("padding", 4, K::Decimal)])],
    ),
    row(41, "NOTIFY_REPLY", &[], &[]),
    row(
        42,
        "BATCH_FORGET",
        &[plain(&[f("count", 4, K::Decimal), f("dummy", 4, K::Decimal), Segment::Rest])],
        &[],
    ),
    row(
        43,
        "FALLOCATE",
        &[plain(&[
            f("fh", 8, K::Handle),
            f("offset", 8, K::Decimal),
            f("length", 8, K::Decimal),
            f("mode", 4, K::Hexadecimal),
            f("padding", 4, K::Decimal),
        ])],
        &[],
    ),
    row(44, "READDIRPLUS", &[READ_IN], &[]),
    row(
        45,
        "RENAME2",
        &[plain(&[
            f("newdir", 8, K::Node),
            f("flags", 4, K::Hexadecimal),
            f("padding", 4, K::Decimal),
            Segment::Name,
            Segment::Name,
        ])],
        &[],
    ),
    row(
        46,
        "LSEEK",
        &[plain(&[
            f("fh", 8, K::Handle),
            f("offset", 8, K::Decimal),
            f("whence", 4, K::Decimal),
            f("padding", 4, K::Decimal),
        ])],
        &[plain(&[f("offset", 8, K::Decimal)])],
    ),
    row(47, "COPY_FILE_RANGE", &[COPY_IN], &[WRITE_OUT]),
    row(
        48,
        "SETUPMAPPING",
        &[plain(&[
            f("fh", 8, K::Handle),
            f("foffset", 8, K::Decimal),
            f("len", 8, K::Decimal),
            f("flags", 8, K::Hexadecimal),
            f("moffset", 8, K::Decimal),
        ])],
        &[],
    ),
    row(49, "REMOVEMAPPING", &[plain(&[f("count", 4, K::Decimal), Segment::Rest])], &[]),
    row(50, "SYNCFS", &[plain(&[f("padding", 8, K::Decimal)])], &[]),
    row(51, "TMPFILE", &[CREATE_IN], &[CREATE_OUT]),
    row(
        52,
        "STATX",
        &[plain(&[
            f("getattr_flags", 4, K::Hexadecimal),
            f("reserved", 4, K::Decimal),
            f("fh", 8, K::Handle),
            f("sx_flags", 4, K::Hexadecimal),
            f("sx_mask", 4, K::Hexadecimal),
        ])],
        &[plain(&[
            f("attr_valid", 8, K::Decimal),
            f("attr_valid_nsec", 4, K::Decimal),
            f("flags", 4, K::Hexadecimal),
            f("spare0", 8, K::Decimal),
            f("spare1", 8, K::Decimal),
            f("mask", 4, K::Hexadecimal),
            f("blksize", 4, K::Decimal),
            f("attributes", 8, K::Hexadecimal),
            f("nlink", 4, K::Decimal),
            f("uid", 4, K::Decimal),
            f("gid", 4, K::Decimal),
            f("mode", 2, K::Octal),
            f("spare", 2, K::Decimal),
            f("ino", 8, K::Decimal),
            f("size", 8, K::Decimal),
            f("blocks", 8, K::Decimal),
            Segment::Rest,
        ])],
    ),
    row(53, "COPY_FILE_RANGE_64", &[COPY_IN], &[plain(&[f("bytes_copied", 8, K::Decimal)])]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, request: usize, reply: usize) {
        let spec = OpSpec::by_name(name).expect("the name is in the table");
        let len = |layouts: &[Layout]| -> usize {
            let segments = layouts.iter().take(1).flat_map(|layout| layout.segments);
            segments
                .map(|segment| match segment {
                    Segment::Field(field) => field.width,
                    Segment::Name | Segment::Attribute | Segment::Rest => 0,
                })
                .sum()
        };
        assert_eq!((len(spec.request), len(spec.reply)), (request, reply), "{name}");
    }

    #[test]
    fn structs_are_as_long_as_in_the_protocol() {
        check("LOOKUP", 0, 128);
        check("GETATTR", 16, 104);
        check("SETATTR", 88, 104);
        check("MKNOD", 16, 128);
        check("OPEN", 8, 16);
        check("READ", 40, 0);
        check("WRITE", 40, 8);
        check("STATFS", 0, 80);
        check("RELEASE", 24, 0);
        check("FLUSH", 24, 0);
        check("INIT", 20, 64);
        check("SETLK", 48, 0);
        check("GETLK", 48, 24);
        check("CREATE", 16, 144);
        check("IOCTL", 32, 16);
        check("POLL", 24, 8);
        check("FALLOCATE", 32, 0);
        check("RENAME2", 16, 0);
        check("LSEEK", 24, 8);
        check("COPY_FILE_RANGE", 56, 8);
        check("COPY_FILE_RANGE_64", 56, 8);
        check("STATX", 24, 88);
    }

    #[test]
    fn rows_stand_in_number_order() {
        assert!(OPS.is_sorted_by(|one, next| one.number < next.number));
    }
}
