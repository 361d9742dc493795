//! `readonly`: every operation is sorted into changes and reads.

use fuserig_abi::{Arg, FuseAccessIn, FuseOpenIn, Op};
use fuserig_filters::builtin;

use crate::common::{args, postfilters, pre, prefilters};

const REFUSED: i32 = -30;

#[test]
fn every_operation_that_changes_something_is_refused() {
    let mut filter = builtin("readonly").expect("known");
    let changes = [
        Op::CreateOpen,
        Op::CopyFileRange,
        Op::Setxattr,
        Op::Removexattr,
        Op::WriteIter,
        Op::FileFallocate,
        Op::Mknod,
        Op::Mkdir,
        Op::Rmdir,
        Op::Rename2,
        Op::Rename,
        Op::Unlink,
        Op::Link,
        Op::Setattr,
        Op::Symlink,
    ];
    for op in changes {
        assert_eq!(pre(&mut *filter, args(op, &[], &[])), REFUSED, "{op}");
    }
    let decided = [Op::Open, Op::Access];
    let set = Op::ALL.into_iter().filter(|op| changes.contains(op) || decided.contains(op));
    assert_eq!(prefilters(&*filter), set.map(Op::name).collect::<Vec<_>>());
    assert!(postfilters(&*filter).is_empty(), "PIPE-13: a postfilter comes too late");
}

#[test]
fn a_file_opens_for_reading_only() {
    let mut filter = builtin("readonly").expect("known");
    for (flags, expected) in [
        (0, 0),
        (1, REFUSED),
        (2, REFUSED),
        (3, REFUSED),
        (0o1000, REFUSED),
        (0o2000, 0),
        (0o200_000, 0),
        (0o1001, REFUSED),
    ] {
        let open = Arg::wire(&FuseOpenIn { flags, open_flags: 0 });
        assert_eq!(pre(&mut *filter, args(Op::Open, &[open], &[])), expected, "{flags:#o}");
    }
}

#[test]
fn the_write_bit_of_a_permission_check_is_refused() {
    let mut filter = builtin("readonly").expect("known");
    for (mask, expected) in
        [(0, 0), (1, 0), (2, REFUSED), (4, 0), (0x81, 0), (3, REFUSED), (6, REFUSED), (0x24, 0)]
    {
        let access = Arg::wire(&FuseAccessIn { mask, padding: 0 });
        assert_eq!(pre(&mut *filter, args(Op::Access, &[access], &[])), expected, "{mask:#x}");
    }
}
