//! What messages say about the flags and the version that their session agreed on, for recordings
//! that begin after INIT. It names only what cannot be otherwise; a flag that changes no message
//! stays unknown.

use fuserig_abi::{
    FATTR_CTIME, FATTR_KILL_SUIDGID, FUSE_ATOMIC_O_TRUNC, FUSE_BIG_WRITES, FUSE_DO_READDIRPLUS,
    FUSE_FLOCK_LOCKS, FUSE_HANDLE_KILLPRIV_V2, FUSE_LK_FLOCK, FUSE_NO_OPEN_SUPPORT,
    FUSE_NO_OPENDIR_SUPPORT, FUSE_POSIX_LOCKS, FUSE_WRITE_KILL_SUIDGID, FUSE_WRITEBACK_CACHE,
    Opcode,
};

use super::bytes::{u32_at, u64_at};
use crate::record::OpRef;

const ENOSYS: i64 = 38;

/// Where `write_flags` lies in `fuse_write_in`, and `lk_flags` in `fuse_lk_in`.
const WRITE_FLAGS: usize = 20;
const LK_FLAGS: usize = 40;
const O_TRUNC: u32 = 0o1000;
/// Without `FUSE_BIG_WRITES` a write carries a page.
const PAGE: u64 = 4096;

/// The first minor version of the protocol with each operation (`linux/fuse.h`, its history).
const FIRST_MINOR: [(Opcode, u32); 10] = [
    (Opcode::IOCTL, 11),
    (Opcode::POLL, 11),
    (Opcode::BATCH_FORGET, 16),
    (Opcode::FALLOCATE, 19),
    (Opcode::READDIRPLUS, 21),
    (Opcode::RENAME2, 23),
    (Opcode::LSEEK, 24),
    (Opcode::COPY_FILE_RANGE, 28),
    (Opcode::TMPFILE, 37),
    (Opcode::STATX, 39),
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
        let opcode = Opcode(op.opcode.into());
        let first = FIRST_MINOR.iter().find(|(since, _)| *since == opcode);
        self.minor = self.minor.max(first.map_or(MINOR_MIN, |(_, minor)| *minor));
        let word = |at: usize| u32_at(op.request, at).unwrap_or(0);
        let unsupported = op.seq_reply != 0 && op.result == -ENOSYS;
        self.flags |= match opcode {
            Opcode::READDIRPLUS => FUSE_DO_READDIRPLUS,
            Opcode::WRITE => {
                let big = op.payload.len().is_some_and(|len| len > PAGE);
                let kills = word(WRITE_FLAGS) & FUSE_WRITE_KILL_SUIDGID != 0;
                flag(big, FUSE_BIG_WRITES) | flag(kills, FUSE_HANDLE_KILLPRIV_V2)
            }
            Opcode::SETATTR => {
                flag(word(0) & FATTR_CTIME != 0, FUSE_WRITEBACK_CACHE)
                    | flag(word(0) & FATTR_KILL_SUIDGID != 0, FUSE_HANDLE_KILLPRIV_V2)
            }
            Opcode::OPEN => {
                flag(word(0) & O_TRUNC != 0, FUSE_ATOMIC_O_TRUNC)
                    | flag(unsupported, FUSE_NO_OPEN_SUPPORT)
            }
            Opcode::OPENDIR => flag(unsupported, FUSE_NO_OPENDIR_SUPPORT),
            Opcode::GETLK | Opcode::SETLK | Opcode::SETLKW
                if u64_at(op.request, LK_FLAGS).is_some() =>
            {
                if word(LK_FLAGS) & FUSE_LK_FLOCK != 0 {
                    FUSE_FLOCK_LOCKS
                } else {
                    FUSE_POSIX_LOCKS
                }
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
        for (opcode, _) in FIRST_MINOR {
            let number = u16::try_from(opcode.0).expect("opcodes of the protocol are small");
            assert!(OpSpec::by_number(number).is_some(), "{opcode:?}");
        }
    }
}
