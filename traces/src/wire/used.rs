//! What messages say about the flags and the version that their session agreed on, for recordings
//! that begin after INIT. It names only what cannot be otherwise; a flag that changes no message
//! stays unknown.

use super::bytes::{u32_at, u64_at};
use crate::record::OpRef;

const SETATTR: u16 = 4;
const OPEN: u16 = 14;
const WRITE: u16 = 16;
const OPENDIR: u16 = 27;
const GETLK: u16 = 31;
const SETLKW: u16 = 33;
const READDIRPLUS: u16 = 44;
const ENOSYS: i64 = 38;

/// `FATTR_CTIME`: a kernel that keeps times itself sends them (`fuse_setattr_in.valid`).
const FATTR_CTIME: u32 = 1 << 10;
/// `FATTR_KILL_SUIDGID`.
const FATTR_KILL_SUIDGID: u32 = 1 << 11;
/// `FUSE_WRITE_KILL_SUIDGID`, and where `write_flags` lies.
const WRITE_KILL_SUIDGID: u32 = 1 << 2;
const WRITE_FLAGS: usize = 20;
/// `FUSE_LK_FLOCK`, and where `lk_flags` lies.
const LK_FLOCK: u32 = 1;
const LK_FLAGS: usize = 40;
const O_TRUNC: u32 = 0o1000;
/// Without `FUSE_BIG_WRITES` a write carries a page.
const PAGE: u64 = 4096;

/// Bits of INIT, as `super::init` names them.
const POSIX_LOCKS: u64 = 1 << 1;
const ATOMIC_O_TRUNC: u64 = 1 << 3;
const BIG_WRITES: u64 = 1 << 5;
const FLOCK_LOCKS: u64 = 1 << 10;
const DO_READDIRPLUS: u64 = 1 << 13;
const WRITEBACK_CACHE: u64 = 1 << 16;
const NO_OPEN_SUPPORT: u64 = 1 << 17;
const NO_OPENDIR_SUPPORT: u64 = 1 << 24;
const HANDLE_KILLPRIV_V2: u64 = 1 << 28;

/// The first minor version of the protocol with each operation (`linux/fuse.h`, its history).
const FIRST_MINOR: [(u16, u32); 10] = [
    (39, 11), // IOCTL
    (40, 11), // POLL
    (42, 16), // BATCH_FORGET
    (43, 19), // FALLOCATE
    (44, 21), // READDIRPLUS
    (45, 23), // RENAME2
    (46, 24), // LSEEK
    (47, 28), // COPY_FILE_RANGE
    (51, 37), // TMPFILE
    (52, 39), // STATX
];
/// The version whose structs are assumed.
const MINOR_MIN: u32 = 9;

/// Evidence, collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    flags: u64,
    minor: u32,
}

impl Used {
    pub(super) fn add(&mut self, op: &OpRef<'_>) {
        let first = FIRST_MINOR.iter().find(|(opcode, _)| *opcode == op.opcode);
        self.minor = self.minor.max(first.map_or(MINOR_MIN, |(_, minor)| *minor));
        let word = |at: usize| u32_at(op.request, at).unwrap_or(0);
        let unsupported = op.seq_reply != 0 && op.result == -ENOSYS;
        self.flags |= match op.opcode {
            READDIRPLUS => DO_READDIRPLUS,
            WRITE => {
                let big = op.payload.len().is_some_and(|len| len > PAGE);
                let kills = word(WRITE_FLAGS) & WRITE_KILL_SUIDGID != 0;
                flag(big, BIG_WRITES) | flag(kills, HANDLE_KILLPRIV_V2)
            }
            SETATTR => {
                flag(word(0) & FATTR_CTIME != 0, WRITEBACK_CACHE)
                    | flag(word(0) & FATTR_KILL_SUIDGID != 0, HANDLE_KILLPRIV_V2)
            }
            OPEN => {
                flag(word(0) & O_TRUNC != 0, ATOMIC_O_TRUNC) | flag(unsupported, NO_OPEN_SUPPORT)
            }
            OPENDIR => flag(unsupported, NO_OPENDIR_SUPPORT),
            GETLK..=SETLKW if u64_at(op.request, LK_FLAGS).is_some() => {
                if word(LK_FLAGS) & LK_FLOCK != 0 { FLOCK_LOCKS } else { POSIX_LOCKS }
            }
            _ => 0,
        };
    }

    pub(super) fn flags(self) -> u64 {
        self.flags
    }

    pub(super) fn minor(self) -> u32 {
        self.minor.max(MINOR_MIN)
    }
}

fn flag(is_set: bool, bit: u64) -> u64 {
    if is_set { bit } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::{FIRST_MINOR, Used};
    use crate::ops::OpSpec;
    use crate::record::{OpRef, PayloadRef};
    use crate::wire::init_flag_names;

    fn check(op: &OpRef<'_>, minor: u32, names: &[&str]) {
        let mut used = Used::default();
        used.add(op);
        assert_eq!((used.minor(), init_flag_names(used.flags())), (minor, owned(names)), "{op:?}");
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn with(opcode: u16, request: &[u8]) -> OpRef<'_> {
        OpRef { opcode, request, seq_send: 1, ..OpRef::default() }
    }

    #[test]
    fn what_is_used_was_agreed_on() {
        check(&with(1, b"a\0"), 9, &[]);
        check(&with(44, &[0; 40]), 21, &["do_readdirplus"]);
        check(&with(45, &[0; 20]), 23, &[]);
        check(&with(14, &0o1002_u64.to_le_bytes()), 9, &["atomic_o_trunc"]);
        let refused = OpRef { seq_reply: 2, result: -38, ..with(14, &[0; 8]) };
        check(&refused, 9, &["no_open_support"]);
        check(&OpRef { opcode: 27, ..refused }, 9, &["no_opendir_support"]);
        check(
            &with(4, &(1_u32 << 10 | 1 << 11).to_le_bytes()),
            9,
            &["writeback_cache", "handle_killpriv_v2"],
        );
        let mut lock = [0; 48];
        check(&with(32, &lock), 9, &["posix_locks"]);
        lock[40] = 1;
        check(&with(33, &lock), 9, &["flock_locks"]);
        check(&with(31, &lock[..40]), 9, &[]);
        let mut write = [0; 40];
        write[20] = 4;
        let big = OpRef { payload: PayloadRef::Len(4097), ..with(16, &write) };
        check(&big, 9, &["big_writes", "handle_killpriv_v2"]);
        check(&OpRef { payload: PayloadRef::Len(4096), ..with(16, &[0; 40]) }, 9, &[]);
    }

    #[test]
    fn every_operation_with_a_version_is_one_of_the_protocol() {
        let names = FIRST_MINOR.map(|(number, _)| OpSpec::by_number(number).map(|spec| spec.name));
        assert!(names.iter().all(Option::is_some), "{names:?}");
    }
}
