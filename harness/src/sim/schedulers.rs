//! Ways to choose a schedule: random, uniform, and PCT.
//!
//! What a reader would get wrong: `random` is not a walk that is uniform over the next client; it
//! lets a client run on and switches now and then, which finds more with fewer switches.

use core::fmt;

use super::{Candidate, Rng, Scheduler, Seed};

/// Which scheduler a run uses.
///
/// ```
/// use fuserig::sim::SchedulerKind;
/// assert_eq!(SchedulerKind::parse("pct:3"), Some(SchedulerKind::Pct { depth: 3 }));
/// assert_eq!(SchedulerKind::parse("fifo"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SchedulerKind {
    /// One client after the other, in order.
    Serial,
    /// A switch at one step in eight.
    #[default]
    Random,
    /// Every enabled client with the same chance at every step.
    Uniform,
    /// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte 2010).
    Pct {
        /// How many ordering constraints a bug may need.
        depth: u32,
    },
}

impl SchedulerKind {
    /// `serial`, `random`, `uniform` or `pct:DEPTH`.
    pub fn parse(text: &str) -> Option<SchedulerKind> {
        Some(match text {
            "serial" => SchedulerKind::Serial,
            "random" => SchedulerKind::Random,
            "uniform" => SchedulerKind::Uniform,
            _ => {
                let depth = text.strip_prefix("pct:")?.parse().ok()?;
                (1..=16).contains(&depth).then_some(SchedulerKind::Pct { depth })?
            }
        })
    }
}

impl fmt::Display for SchedulerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchedulerKind::Serial => f.write_str("serial"),
            SchedulerKind::Random => f.write_str("random"),
            SchedulerKind::Uniform => f.write_str("uniform"),
            SchedulerKind::Pct { depth } => write!(f, "pct:{depth}"),
        }
    }
}

/// One client after the other.
///
/// ```
/// use fuserig::sim::Serial;
/// let serial = Serial;
/// # let _ = serial;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Serial;

impl Scheduler for Serial {
    fn choose(&mut self, _: &[Candidate], going_on: usize, _: u64) -> usize {
        going_on
    }
}

/// Switches with a chance.
///
/// ```
/// use fuserig::sim::{RandomWalk, Seed};
/// let walk = RandomWalk::new(Seed(1), 1, 8);
/// # let _ = walk;
/// ```
#[derive(Clone, Debug)]
pub struct RandomWalk {
    rng: Rng,
    favourable: u64,
    possible: u64,
}

impl RandomWalk {
    /// A walk that chooses anew at `favourable` of `possible` steps.
    pub fn new(seed: Seed, favourable: u64, possible: u64) -> RandomWalk {
        RandomWalk { rng: seed.rng(), favourable, possible }
    }
}

impl Scheduler for RandomWalk {
    fn choose(&mut self, enabled: &[Candidate], going_on: usize, _: u64) -> usize {
        if self.rng.chance(self.favourable, self.possible) {
            self.rng.index(enabled.len())
        } else {
            going_on
        }
    }
}

/// Priorities, and a few steps at which the leader falls to the end.
///
/// ```
/// use fuserig::sim::{Pct, Seed};
/// let pct = Pct::new(Seed(1), 2, 3, 100);
/// assert_eq!(pct.bound().to_string(), "1/20000");
/// ```
#[derive(Clone, Debug)]
pub struct Pct {
    priorities: Vec<i64>,
    changes: Vec<u64>,
    lowest: i64,
    bound: Bound,
}

/// The least chance per run that PCT finds a bug of its depth: one in `1 / (n * k^(d-1))`.
///
/// ```
/// use fuserig::sim::Bound;
/// assert_eq!(Bound { one_in: 20_000 }.to_string(), "1/20000");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The denominator; saturates.
    pub one_in: u64,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1/{}", self.one_in)
    }
}

impl Pct {
    /// For `clients` clients, bugs of `depth`, and a run of about `steps` steps.
    pub fn new(seed: Seed, clients: usize, depth: u32, steps: u64) -> Pct {
        let mut rng = seed.rng();
        let mut order: Vec<i64> = (0..clients as i64).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, rng.index(last + 1));
        }
        let extra = depth.saturating_sub(1);
        let changes = (0..extra).map(|_| rng.below(steps.max(1))).collect();
        let one_in = (clients as u64).saturating_mul(steps.saturating_pow(extra));
        Pct { priorities: order, changes, lowest: -1, bound: Bound { one_in } }
    }

    /// The bound of the theorem.
    pub fn bound(&self) -> Bound {
        self.bound
    }

    fn leader(&self, enabled: &[Candidate]) -> usize {
        let priority = |index: &usize| self.priorities[enabled[*index].client];
        (0..enabled.len()).max_by_key(priority).unwrap_or(0)
    }
}

impl Scheduler for Pct {
    fn choose(&mut self, enabled: &[Candidate], _: usize, step: u64) -> usize {
        if self.changes.contains(&step) {
            let leader = self.leader(enabled);
            self.priorities[enabled[leader].client] = self.lowest;
            self.lowest -= 1;
        }
        self.leader(enabled)
    }
}
