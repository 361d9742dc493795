//! Time as files carry it. Nothing here reads a clock: every instant comes from a caller.

use core::fmt;

/// Seconds and nanoseconds since the epoch, as a lower filesystem stores them.
///
/// ```
/// use fuserig_abi::Timespec;
/// let later = Timespec::from_nanos(2_000_000_001);
/// assert_eq!(later, Timespec { sec: 2, nsec: 1 });
/// assert_eq!(later.to_string(), "2.000000001");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timespec {
    /// Seconds since the epoch; negative before 1970.
    pub sec: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nsec: u32,
}

impl Timespec {
    /// The epoch.
    pub const ZERO: Timespec = Timespec { sec: 0, nsec: 0 };

    /// An instant from nanoseconds since the epoch.
    pub const fn from_nanos(nanos: u64) -> Timespec {
        Timespec { sec: (nanos / 1_000_000_000) as i64, nsec: (nanos % 1_000_000_000) as u32 }
    }

    /// A whole second since the epoch.
    pub const fn from_secs(sec: i64) -> Timespec {
        Timespec { sec, nsec: 0 }
    }
}

impl fmt::Display for Timespec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.sec, self.nsec)
    }
}
