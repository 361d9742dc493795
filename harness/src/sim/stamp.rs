//! A time as `utimensat` is given it.
//!
//! What a reader would get wrong: a nanosecond beyond the second is sayable, because actions are
//! total, and it earns an errno.

use core::fmt;

use fuserig_abi::Timespec;
use serde::{Deserialize, Serialize};

use crate::vfs::NewTime;

/// What a time of a file is to become.
///
/// ```
/// use fuserig::sim::{Action, Stamp};
/// let (atime, mtime) = (Stamp::Omit, Stamp::At { sec: 5, nsec: 7 });
/// let made = Action::Times { path: "d".into(), atime, mtime };
/// assert_eq!(made.to_string(), "times d omit 5.000000007");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stamp {
    /// `UTIME_NOW`: the time of the call.
    Now,
    /// `UTIME_OMIT`: what it was.
    Omit,
    /// That instant.
    At {
        /// Seconds since the epoch; negative before 1970.
        sec: i64,
        /// Nanoseconds within the second.
        nsec: u32,
    },
}

impl From<Stamp> for NewTime {
    fn from(stamp: Stamp) -> NewTime {
        match stamp {
            Stamp::Now => NewTime::Now,
            Stamp::Omit => NewTime::Omit,
            Stamp::At { sec, nsec } => NewTime::At(Timespec { sec, nsec }),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Stamp::Now => write!(f, "now"),
            Stamp::Omit => write!(f, "omit"),
            Stamp::At { sec, nsec } => write!(f, "{}", Timespec { sec, nsec }),
        }
    }
}
