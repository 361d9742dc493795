//! When every client has gone, nothing is open and nobody is remembered: handles, dentries and
//! inodes are as many as after the mount.

use super::{End, Invariant};

/// See [`balance`].
///
/// ```
/// use fuserig::invariant::{Invariant, balance};
/// assert_eq!(balance().name(), "balance");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BalanceKept;

/// What was taken was given back.
pub fn balance() -> BalanceKept {
    BalanceKept
}

impl Invariant for BalanceKept {
    fn name(&self) -> &str {
        "balance"
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        let Some(balance) = end.record.balance else { return Ok(()) };
        let kinds = [
            (balance.handles, "open files"),
            (balance.dentries, "dentries"),
            (balance.inodes, "inodes"),
        ];
        match kinds.iter().find(|(count, _)| *count > 0) {
            Some((count, what)) => Err(format!("{count} {what} are left when all have gone")),
            None if balance.overdrawn > 0 => {
                let count = balance.overdrawn;
                Err(format!("{count} lookups are given back that nobody made"))
            }
            None => Ok(()),
        }
    }
}
