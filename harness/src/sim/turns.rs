//! Campaigns that take turns.
//!
//! Most of a campaign is about one thing, and a few of its runs about another: power that is lost,
//! things that fail. Those are runs of a campaign of their own, with its workload and its
//! invariants, so that nothing of it costs the others anything. What a reader would get wrong: each
//! campaign counts its own runs and has its own programs; that others take turns moves them, and
//! changes none.

use fuserig_sim_fs::MemFs;

use super::{Campaign, SetupError};

/// Whose turn it is, and the tree that each begins with.
pub(super) struct Turns {
    /// One run in how many, how many there were, and the tree; of the campaign itself the last.
    all: Vec<(u64, u64, MemFs)>,
}

/// One turn of a campaign.
pub(super) struct Turn<'t> {
    /// How many runs it had before.
    pub(super) number: u64,
    /// Its tree.
    pub(super) plain: &'t MemFs,
}

impl Campaign {
    /// One run in `one_in` is the next one of another campaign, as long as this one lasts.
    ///
    /// ```
    /// use fuserig::prelude::*;
    /// let subject = || Subject::without_filter(Abi::V4).over("/a 'x'");
    /// let crashes = Simulation::new(Seed(1)).operations(20).crashes(Durability::Ordered)
    ///     .run(subject())
    ///     .check(invariant::durable(Durability::Ordered));
    /// let summary = Simulation::new(Seed(1)).operations(20).run(subject())
    ///     .check(invariant::posix())
    ///     .beside(4, crashes)
    ///     .or_report();
    /// assert!(summary.crashes > 0);
    /// ```
    ///
    /// # Panics
    /// Where every run, or none, would be the other's.
    #[must_use]
    pub fn beside(mut self, one_in: u64, other: Campaign) -> Campaign {
        assert!(one_in > 1, "a campaign has runs of its own");
        self.beside.push((one_in, other));
        self
    }
}

impl Turns {
    /// Nobody had one yet.
    pub(super) fn of(campaign: &mut Campaign) -> Result<Turns, SetupError> {
        let begin = |campaign: &mut Campaign| {
            campaign.ask_filter();
            MemFs::from_tree(campaign.tree())
        };
        let mut all = Vec::new();
        for (one_in, other) in &mut campaign.beside {
            all.push((*one_in, 0, begin(other)?));
        }
        all.push((1, 0, begin(campaign)?));
        Ok(Turns { all })
    }

    /// Whose run this is: of which of the others, or of the campaign itself.
    pub(super) fn next(&mut self, run: u64) -> (Option<usize>, Turn<'_>) {
        // In the middle of each round, so that what comes first is the campaign's own.
        let is_due = |(one_in, ..): &(u64, u64, MemFs)| run % one_in == one_in / 2;
        let own = self.all.len() - 1;
        let place = self.all.iter().position(is_due).unwrap_or(own);
        let (_, count, plain) = &mut self.all[place];
        let number = *count;
        *count += 1;
        ((place < own).then_some(place), Turn { number, plain })
    }
}
