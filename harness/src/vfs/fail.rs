//! Why a system call of the model ends early.
//!
//! A reader would get wrong that every negative return value is an errno: the pipeline hands on
//! whatever a filter returned, and what libc does not take for an errno it takes for a success
//! (KERNEL-OBSERVED N3).

use fuserig_abi::{Errno, Quirk};

use crate::pipeline::Stop;

/// The lowest value that libc reads as an errno.
const ERRNO_MIN: i64 = -4095;

/// What ends a system call before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fail {
    /// An errno for the caller.
    Errno(Errno),
    /// A negative code of a filter that is no errno: a huge success to libc (N3).
    Wild(i64),
    /// A symbolic link leads out of the mount, where the model knows nothing: ENOENT to a caller.
    Outside,
    /// The modelled kernel cannot go on; the call never returns.
    Stopped(Stop),
}

impl Fail {
    /// What a negative kernel return value means to the caller.
    pub(super) fn of(code: i64) -> Fail {
        match i32::try_from(-code) {
            Ok(errno) if code >= ERRNO_MIN => Fail::Errno(Errno(errno)),
            _ => Fail::Wild(code),
        }
    }
}

impl Fail {
    /// Where the kernel takes the code for a pointer, one that is no errno is dereferenced (N3).
    pub(super) fn as_pointer(self) -> Fail {
        match self {
            Fail::Wild(_) => Fail::Stopped(Stop::Crash(n3())),
            other => other,
        }
    }
}

fn n3() -> Quirk {
    Quirk::from_id("N3").expect("the quirk table holds N3")
}

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Fail {
        Fail::Errno(errno)
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Errno;

    use super::Fail;

    #[test]
    fn codes_below_the_errno_range_are_wild() {
        let table = [
            (-1, Fail::Errno(Errno::EPERM)),
            (-4095, Fail::Errno(Errno(4095))),
            (-4096, Fail::Wild(-4096)),
            (i64::from(i32::MIN), Fail::Wild(-2_147_483_648)),
        ];
        for (code, expected) in table {
            assert_eq!(Fail::of(code), expected, "{code}");
        }
    }
}
