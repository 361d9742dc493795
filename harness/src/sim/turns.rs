//! Campaigns that take turns.
//!
//! Most of a campaign is about one thing, and a few of its runs about another: power that is lost,
//! things that fail. Those are runs of a campaign of their own, with its workload and its
//! invariants, so that nothing of it costs the others anything. What a reader would get wrong: each
//! campaign counts its own runs and has its own programs; that others take turns moves them, and
//! changes none.

use fuserig_sim_fs::MemFs;

use super::{Campaign, SetupError};

/// Whose turn it is.
pub(super) struct Turns {
    /// Those beside a campaign, and last the campaign itself.
    all: Vec<Share>,
}

/// What one campaign has of the runs.
struct Share {
    /// One in so many.
    one_in: u64,
    /// How many it had.
    had: u64,
    /// The tree that its runs begin with.
    plain: MemFs,
}

/// One turn of a campaign.
pub(super) struct Turn<'t> {
    /// How many runs it had before.
    pub(super) number: u64,
    /// Its tree.
    pub(super) plain: &'t MemFs,
}

impl Campaign {
    /// One run in `one_in` is the next one of another campaign, as long as this one lasts. What is
    /// found in it is shrunk, or not, as what is found in this one.
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
    /// Where this campaign would have no run, and where the other one takes turns already.
    #[must_use]
    pub fn beside(mut self, one_in: u64, other: Campaign) -> Campaign {
        assert!(one_in > 1, "a campaign has runs of its own");
        assert!(other.beside.is_empty(), "a campaign beside another has none beside it");
        self.beside.push((one_in, other));
        self
    }
}

impl Turns {
    /// Nobody had one yet.
    pub(super) fn of(campaign: &mut Campaign) -> Result<Turns, SetupError> {
        let shrinks = campaign.shrinks;
        let begin = |one_in, campaign: &mut Campaign| {
            campaign.ask_filter();
            campaign.shrinks = shrinks;
            MemFs::from_tree(campaign.tree()).map(|plain| Share { one_in, had: 0, plain })
        };
        let others = campaign.beside.iter_mut();
        let others = others.map(|(one_in, other)| begin(*one_in, other));
        let mut all = others.collect::<Result<Vec<_>, _>>()?;
        all.push(begin(1, campaign)?);
        Ok(Turns { all })
    }

    /// Whose run this is: of which of the others, or of the campaign itself.
    pub(super) fn next(&mut self, run: u64) -> (Option<usize>, Turn<'_>) {
        // In the middle of each round, so that what comes first is the campaign's own.
        let is_due = |share: &Share| run % share.one_in == share.one_in / 2;
        let own = self.all.len() - 1;
        let place = self.all.iter().position(is_due).unwrap_or(own);
        let share = &mut self.all[place];
        share.had += 1;
        let turn = Turn { number: share.had - 1, plain: &share.plain };
        ((place < own).then_some(place), turn)
    }
}
