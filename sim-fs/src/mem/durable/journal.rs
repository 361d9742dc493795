//! History since the last time that everything was on disk.

use std::collections::BTreeMap;

use fuserig_abi::Ino;

use super::disk::Disk;
use super::effect::{Draft, Effect, Key, Kind, settle};
use super::policy::Durability;
use super::state::{CrashState, Pending};
use super::watch::{Watch, node_of};
use crate::mem::MemFs;
use crate::{LowerOp, LowerReply, OpenFlags};

/// Effects that are remembered. What is older counts as written back, as a kernel writes back
/// what is older than half a minute, so that no run needs memory without end.
const EFFECTS_MAX: usize = 4096;

/// What would survive a loss of power now.
///
/// ```
/// use fuserig_abi::{Caller, Credentials, Ino, Pid, Timespec};
/// use fuserig_sim_fs::{Durability, DurableFs, LowerExt, MemFs};
/// let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
/// let mut fs = DurableFs::new(MemFs::default(), Durability::Ordered);
/// fs.create(&caller, Ino(1), b"a", 0o644)?;
/// fs.create(&caller, Ino(1), b"b", 0o644)?;
/// // Neither, a alone, or both: never b without a.
/// let (states, complete) = fs.journal().states(100);
/// assert_eq!((states.len(), complete), (3, true));
/// # Ok::<(), fuserig_abi::Errno>(())
/// ```
#[derive(Clone, Debug)]
pub struct Journal {
    durability: Durability,
    base: Disk,
    effects: Vec<Effect>,
    /// The number of the first effect that is remembered.
    first: u64,
    latest: BTreeMap<Key, u64>,
    /// Counts what made a difference to the legal states.
    version: u64,
}

impl Journal {
    /// A journal of a filesystem that is on disk as it is.
    pub fn new(fs: &MemFs, durability: Durability) -> Journal {
        Journal {
            durability,
            base: Disk::of(fs),
            effects: Vec::new(),
            first: 0,
            latest: BTreeMap::new(),
            version: 0,
        }
    }

    /// The policy.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// A number that changes whenever the legal states change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many effects may be lost.
    pub fn pending(&self) -> usize {
        self.effects.iter().filter(|effect| !effect.durable).count()
    }

    /// Takes note of an operation that succeeded.
    pub fn note(&mut self, before: &MemFs, after: &MemFs, op: &LowerOp<'_>, reply: &LowerReply) {
        let drafts = Watch { before, after }.drafts(op, reply);
        if !drafts.is_empty() {
            self.version += 1;
        }
        for draft in settle(drafts, self.durability) {
            self.push(draft);
        }
        match *op {
            LowerOp::Fsync { fh, datasync } => {
                if let Some((node, _)) = node_of(after, fh) {
                    self.sync(node, datasync);
                }
            }
            LowerOp::Write { fh, .. } | LowerOp::CopyRange { to: fh, .. } => {
                // man 2 open: O_SYNC is as if each write were followed by fsync.
                let flags =
                    node_of(after, fh).filter(|(_, flags)| flags.contains(OpenFlags::DSYNC));
                if let Some((node, flags)) = flags {
                    self.sync(node, !flags.contains(OpenFlags::SYNC_METADATA));
                }
            }
            _ => {}
        }
        if self.durability == Durability::Sync {
            self.sync_all();
        }
        while self.effects.len() > EFFECTS_MAX {
            self.effects[0].durable = true;
            self.forget_durable();
        }
    }

    fn push(&mut self, draft: Draft) {
        let number = self.first + self.effects.len() as u64;
        let keys = draft.claims.iter().chain(&draft.needs);
        let mut after: Vec<u64> = keys.filter_map(|key| self.latest.get(key)).copied().collect();
        for directory in &draft.empties {
            let emptied = self.effects.iter().zip(self.first..);
            let emptied = emptied.filter(|(effect, _)| effect.names_in(*directory));
            after.extend(emptied.map(|(_, number)| number));
        }
        if let Some((ino, page)) = draft.flushes {
            let pages = Key::Page(ino, page)..=Key::Page(ino, u64::MAX);
            after.extend(self.latest.range(pages).map(|(_, number)| *number));
        }
        after.sort_unstable();
        after.dedup();
        for key in &draft.claims {
            self.latest.insert(key.clone(), number);
        }
        let Draft { kind, changes, claims, .. } = draft;
        self.effects.push(Effect { kind, changes, claims, after, durable: false });
    }

    /// What `fsync` of a node makes durable.
    fn sync(&mut self, node: Ino, datasync: bool) {
        let policy = self.durability;
        for number in 0..self.effects.len() {
            let effect = &self.effects[number];
            let own = if datasync { effect.is_data_of(node) } else { effect.is_about(node) };
            let wanted = match policy {
                Durability::Sync | Durability::Prefix => true,
                Durability::Ordered => own || !datasync && effect.kind == Kind::Metadata,
                Durability::Loose => own || effect.names_in(node),
            };
            if wanted && !effect.durable {
                self.effects[number].durable = true;
                self.version += 1;
            }
        }
        self.close();
    }

    /// Makes everything durable (`syncfs`, or a clean unmount).
    pub fn sync_all(&mut self) {
        self.version += u64::from(self.pending() > 0);
        for effect in &mut self.effects {
            effect.durable = true;
        }
        self.forget_durable();
    }

    /// What a durable effect needs is durable, too.
    fn close(&mut self) {
        for number in (0..self.effects.len()).rev() {
            if !self.effects[number].durable {
                continue;
            }
            for after in core::mem::take(&mut self.effects[number].after) {
                if let Some(place) = after.checked_sub(self.first) {
                    self.effects[place as usize].durable = true;
                }
            }
        }
        self.forget_durable();
    }

    /// Puts the effects at the front of history that cannot be lost any more on the disk.
    fn forget_durable(&mut self) {
        let count = self.effects.iter().take_while(|effect| effect.durable).count();
        for effect in self.effects.drain(..count) {
            effect.changes.iter().for_each(|change| self.base.apply(change));
        }
        self.first += count as u64;
        let first = self.first;
        if count > 0 {
            self.latest.retain(|_, number| *number >= first);
        }
    }

    fn wait(&self) -> Pending {
        Pending::of(&self.effects, self.first)
    }

    /// The legal states, the one with the least first and the one with everything last, but no
    /// more than `limit`; says whether these are all.
    pub fn states(&self, limit: usize) -> (Vec<CrashState>, bool) {
        self.wait().all(limit)
    }

    /// Legal states for when there are too many: nothing survives, everything does, one effect
    /// alone is lost with what needs it, the last ones and a few before; then as `choose` says,
    /// which draws a number below its argument. At most `limit`, without repetition.
    pub fn some_states(&self, limit: usize, choose: &mut dyn FnMut(u64) -> u64) -> Vec<CrashState> {
        let pending = self.wait();
        let count = pending.places.len();
        let mut states = vec![pending.without(|_| true), pending.without(|_| false)];
        let singles = limit.saturating_sub(2).min(count) / 2;
        // The last ones, which may be half of what a call does, and others spread over history.
        let (newest, spread) = (singles.div_ceil(2), singles / 2);
        let last = (1..=newest).map(|single| count - single);
        for lost in last.chain((0..spread).map(|single| single * count / spread)) {
            states.push(pending.without(|number| number == lost));
        }
        for _ in states.len()..limit {
            let one_in = 2 << choose(4);
            let lost: Vec<bool> = (0..count).map(|_| choose(one_in) == 0).collect();
            states.push(pending.without(|number| lost[number]));
        }
        states.truncate(limit);
        states.sort();
        states.dedup();
        states
    }

    /// The state in which these pending effects are lost, and whatever needs them. Numbers that no
    /// pending effect has say nothing, so that every list is legal.
    pub fn state(&self, lost: &[u32]) -> CrashState {
        self.wait().without(|number| lost.contains(&(number as u32)))
    }

    /// The filesystem that is found after the crash.
    ///
    /// # Panics
    /// When the state is not one of this journal as it is now.
    pub fn recover(&self, state: &CrashState) -> MemFs {
        let mut disk = self.base.clone();
        let mut survives = state.survives.iter();
        for effect in &self.effects {
            if effect.durable || *survives.next().expect("a state of this journal") {
                effect.changes.iter().for_each(|change| disk.apply(change));
            }
        }
        assert!(survives.next().is_none(), "a state of this journal");
        disk.mount()
    }

    /// What is lost in a state, an effect a line; `called` says what a node is called.
    pub fn describe_lost(&self, state: &CrashState, called: &dyn Fn(Ino) -> String) -> Vec<String> {
        let pending = self.wait();
        let lost = pending.places.iter().zip(&state.survives).filter(|(_, kept)| !**kept);
        lost.map(|(place, _)| {
            let changes: Vec<String> = self.effects[*place]
                .changes
                .iter()
                .filter(|change| !change.is_times())
                .map(|change| change.describe(called))
                .collect();
            changes.join(", ")
        })
        .collect()
    }
}
