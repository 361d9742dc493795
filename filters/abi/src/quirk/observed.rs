//! What real kernels showed beyond the tables: N1 to N23 of KERNEL-OBSERVED section 2.

use super::kinds::{Quirk, QuirkClass};

use QuirkClass::{Bug, Crash, Limit, Oddity};

type Observed = (Quirk, QuirkClass, &'static str, &'static str);

/// Id, class, operations (`*` for all) and what happens.
pub(super) const OBSERVED: &[Observed] = &[
    (
        Quirk::N1,
        Crash,
        "setattr",
        "A setattr prefilter that clears bits of `valid` makes the lower take zeros: a chmod \
         removes even the file type, and the next lookup of that file hits a kernel BUG.",
    ),
    (
        Quirk::N2,
        Crash,
        "create_open",
        "A create_open prefilter that answers -ENOSYS does not fall back to mknod: the kernel \
         hits a BUG because the dentry is still in lookup.",
    ),
    (
        Quirk::N3,
        Crash,
        "*",
        "A negative code below -4095 is not clamped: lookup, open, create_open and get_link use \
         it as a pointer, all others hand it to the caller as a huge success value.",
    ),
    (
        Quirk::N4,
        Crash,
        "flush fsync dir_fsync",
        "Without a daemon, codes that send a forced request leave the caller waiting for ever, \
         unkillable.",
    ),
    (
        Quirk::N5,
        Crash,
        "write_iter",
        "Without a daemon, a write prefilter that answers USER makes write() loop for ever in \
         the kernel.",
    ),
    (
        Quirk::N6,
        Bug,
        "open opendir",
        "A postfilter error, from the filter or the daemon, leaks the lower file: the lower \
         filesystem stays busy.",
    ),
    (
        Quirk::N7,
        Oddity,
        "readdir",
        "A postfilter error is not seen while entries were emitted; only the next, empty call \
         reports it.",
    ),
    (
        Quirk::N8,
        Bug,
        "readdir",
        "A failed daemon postfilter leaves the buffer grown to a page, so old bytes behind the \
         records are parsed as records too.",
    ),
    (
        Quirk::N9,
        Limit,
        "*",
        "A program that calls bpf_dynptr_slice_rdwr is refused when it is loaded.",
    ),
    (
        Quirk::N10,
        Bug,
        "getxattr",
        "After a failed lower getxattr the size overwrites the type bits of a dynptr: reading \
         answers -EFAULT with a kernel warning instead of reading past the buffer.",
    ),
    (
        Quirk::N11,
        Oddity,
        "getxattr",
        "A postfilter can turn a failed getxattr into a success, and can return more bytes than \
         the caller asked for.",
    ),
    (
        Quirk::N12,
        Bug,
        "lookup getxattr setxattr removexattr link get_link symlink",
        "What is written through a dynptr of size 0 with copy changes the original, so the lower \
         call uses it although other changes are ignored.",
    ),
    (
        Quirk::N13,
        Bug,
        "lookup",
        "A conflict of programs on one inode, reached through a hard link, also leaks the inode.",
    ),
    (
        Quirk::N14,
        Bug,
        "rename2",
        "Flags that a prefilter changed reach the lower filesystem without a check.",
    ),
    (
        Quirk::N15,
        Bug,
        "rename rename2",
        "A lower rename over or of a file that is open in the mount can leave the inode dirty, \
         with a warning at the last close.",
    ),
    (
        Quirk::N16,
        Oddity,
        "create_open",
        "An open with O_TMPFILE goes through create_open and fails with EBADF.",
    ),
    (
        Quirk::N17,
        Oddity,
        "flush copy_file_range",
        "Some errors change on their way up: -512 from flush becomes EINTR, and EOPNOTSUPP from \
         copy_file_range makes the VFS copy through the page cache, which needs the daemon.",
    ),
    (
        Quirk::N18,
        Oddity,
        "lseek access rename2",
        "Without a daemon, USER still works for lseek and access, and gives EINVAL for rename2.",
    ),
    (
        Quirk::N19,
        Oddity,
        "*",
        "A filter that was registered without a link outlives its loader; a second loader gets \
         EEXIST and the old programs keep running.",
    ),
    (
        Quirk::N20,
        Oddity,
        "*",
        "Filters see traffic that no system call names: access before each lookup, getxattr of \
         security.capability before truncation and chown, getattr before chown.",
    ),
    (
        Quirk::N21,
        Bug,
        "write_iter",
        "Each write takes the freeze protection of the lower twice, which lock debugging reports.",
    ),
    (
        Quirk::N22,
        Oddity,
        "setxattr",
        "A daemon postfilter for setxattr fails with ECONNREFUSED without a daemon; the BUG needs \
         a reply of success.",
    ),
    (
        Quirk::N23,
        Oddity,
        "*",
        "What a filter writes into meta has effect: opcode selects the postfilter, nodeid and \
         error_in persist, error_in disables copying results out.",
    ),
];
