//! Which works fall to whom.

use core::str::FromStr;

use super::Work;

/// Why a shard is none.
///
/// ```
/// use fuserig::campaign::Shard;
/// let error = "3/3".parse::<Shard>().unwrap_err();
/// assert_eq!(error.to_string(), "shard 3/3: indices go from 0 to 2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not `INDEX/COUNT`.
    #[error("shard {0}: expected INDEX/COUNT, such as 0/8")]
    Form(String),
    /// The index is too large, or the count zero.
    #[error("shard {index}/{count}: indices go from 0 to {}", count.saturating_sub(1))]
    Range {
        /// The index.
        index: u64,
        /// The count.
        count: u64,
    },
}

/// One of so many parts of a campaign, counted from 0.
///
/// ```
/// use fuserig::campaign::{Shard, Work};
/// let work = Work::replay("a.frt", "41727b1fa2309ff8735fe84c0cd82d95", "none", "v4", "intended");
/// let mine = (0..5).filter(|index| Shard::new(*index, 5).unwrap().has(&work)).count();
/// assert_eq!(mine, 1, "every work falls to exactly one shard");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };

    /// Part `index` of `count`.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn new(index: u64, count: u64) -> Result<Shard, ShardError> {
        if index < count {
            Ok(Shard { index, count })
        } else {
            Err(ShardError::Range { index, count })
        }
    }

    /// Whether the work falls to this part: by the hash that its id is, so that adding works moves
    /// no other.
    pub fn has(&self, work: &Work) -> bool {
        let digits = work.id.get(..16).unwrap_or("0");
        u64::from_str_radix(digits, 16).unwrap_or(0) % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Shard, ShardError> {
        let parts = text.split_once('/').and_then(|(index, count)| {
            Some((index.parse::<u64>().ok()?, count.parse::<u64>().ok()?))
        });
        let (index, count) = parts.ok_or_else(|| ShardError::Form(text.to_owned()))?;
        Shard::new(index, count)
    }
}

impl core::fmt::Display for Shard {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "{}/{}", self.index, self.count)
    }
}
