//! Looking again before going to sleep.
//!
//! Whoever is asked again at once spends most of the time on being woken: a processor that went
//! idle takes longer to come back than the pipeline to answer. So the thread that has answered
//! looks for the next request for some ten microseconds before it waits for one. Where nobody asks
//! again at once it soon looks only after every thirty-second answer.

/// Looks before sleeping. Each is a system call of less than half a microsecond, and lets others
/// run who want this processor.
const LOOKS: u32 = 100;
/// Answers without a look, at most, as a power of two.
const RAREST: u32 = 5;

/// Decides whether looking pays, by whether it did.
#[derive(Debug, Default)]
pub(super) struct Eager {
    misses: u32,
    skips: u32,
}

impl Eager {
    /// Looks until something is there, unless looking has not paid of late. Tells whether
    /// something was seen.
    pub(super) fn look(&mut self, mut is_there: impl FnMut() -> bool) -> bool {
        if self.skips > 0 {
            self.skips -= 1;
            return false;
        }
        for _ in 0..LOOKS {
            if is_there() {
                self.misses = 0;
                return true;
            }
            std::thread::yield_now();
        }
        self.misses = (self.misses + 1).min(RAREST);
        self.skips = (1 << self.misses) - 1;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{Eager, LOOKS};

    #[test]
    fn what_comes_soon_is_seen_and_what_does_not_is_not_waited_for() {
        let mut eager = Eager::default();
        let mut looks = 0;
        let soon = |looks: &mut u32| {
            *looks += 1;
            *looks >= 7
        };
        assert!(eager.look(|| soon(&mut looks)));
        assert_eq!(looks, 7);
        looks = 0;
        assert!(!eager.look(|| {
            looks += 1;
            false
        }));
        assert_eq!(looks, LOOKS);
    }

    #[test]
    fn looking_in_vain_becomes_rare_and_is_taken_up_again_when_it_pays() {
        let mut eager = Eager::default();
        let mut vain = 0;
        for _ in 0..1063 {
            eager.look(|| {
                vain += 1;
                false
            });
        }
        // After answer 1, 3, 7, 15, 31, and from then on each thirty-second.
        assert_eq!(vain / LOOKS, 5 + 32);
        let seen = (0..32).filter(|_| eager.look(|| true)).count();
        assert_eq!(seen, 9, "from the next look on each time");
        assert!((0..32).all(|_| eager.look(|| true)), "it pays again");
    }
}
