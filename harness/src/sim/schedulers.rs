//! Ways to choose a schedule: random, uniform, and PCT.
//!
//! What a reader would get wrong: `random` is not a walk that is uniform over the next client; it
//! lets a client run on and switches now and then, which finds more with fewer switches.

use core::fmt;

use super::{Candidate, Rng, Scheduler, Seed};
use crate::pipeline::Step;
use crate::vfs::Point;

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
    /// Drawn for each run: a switch at one step in 2, 4, 8 or 32; or every client in step with the
    /// others, action by action; or a client that is held for a while where it has looked and not
    /// yet done.
    #[default]
    Random,
    /// Every enabled client with the same chance at every step.
    Uniform,
    /// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte 2010).
    Pct {
        /// How many ordering constraints a bug may need.
        depth: u32,
    },
    /// Every schedule of each program, one of each class that nobody can tell apart.
    Exhaustive,
}

impl SchedulerKind {
    /// Depth of `pct` without a number: two ordering constraints and the choice of who begins,
    /// which most bugs need (Burckhardt and others 2010, section 2).
    pub const DEPTH: u32 = 3;

    /// In how many steps one switches, by `random`.
    const RANDOM_RATES: [u64; 5] = [2, 4, 8, 8, 32];

    /// What `random` means for a run of that seed.
    pub(super) fn random(seed: Seed) -> Box<dyn Scheduler> {
        let mut rng = seed.fork("rate").rng();
        match rng.below(4) {
            0 => Box::new(InStep { rng: seed.rng() }),
            1 | 2 => Box::new(Held { rng: seed.rng(), holds: None, let_go: None }),
            _ => Box::new(RandomWalk::new(seed, 1, *rng.pick(&SchedulerKind::RANDOM_RATES))),
        }
    }

    /// `serial`, `random`, `uniform`, `pct`, `pct:DEPTH` or `exhaustive`.
    pub fn parse(text: &str) -> Option<SchedulerKind> {
        Some(match text {
            "serial" => SchedulerKind::Serial,
            "random" => SchedulerKind::Random,
            "uniform" => SchedulerKind::Uniform,
            "pct" => SchedulerKind::Pct { depth: SchedulerKind::DEPTH },
            "exhaustive" => SchedulerKind::Exhaustive,
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
            SchedulerKind::Exhaustive => f.write_str("exhaustive"),
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

/// Nobody begins an action before all others that can move are as far: what stands at the same
/// place of two programs happens at the same time.
#[derive(Clone, Debug)]
struct InStep {
    rng: Rng,
}

impl Scheduler for InStep {
    fn choose(&mut self, enabled: &[Candidate], _: usize, _: u64) -> usize {
        let least = enabled.iter().map(|candidate| candidate.action).min().unwrap_or(0);
        let behind = |candidate: &&Candidate| candidate.action == least;
        let nth = self.rng.index(enabled.iter().filter(behind).count());
        let mut places = enabled.iter().enumerate().filter(|(_, other)| other.action == least);
        places.nth(nth).map_or(0, |(place, _)| place)
    }
}

/// Holds a client between its prefilter and what follows, most often its postfilter, while the
/// others do something: where whoever looks first and acts later is wrong.
#[derive(Clone, Debug)]
struct Held {
    rng: Rng,
    /// Who is held, and for how many steps of others yet.
    holds: Option<(usize, u64)>,
    /// Where a client was held last: once at each place.
    let_go: Option<(usize, usize, u32)>,
}

impl Held {
    /// Steps of others while one is held: a few calls, each of which has 10 to 40.
    const STEPS_MAX: u64 = 120;

    fn hold(&mut self, at: &Candidate) {
        let here = Some((at.client, at.action, at.step));
        let chance = match at.point {
            // Where others may be asked at once.
            Point::Step(_, Step::Stop) | Point::Reply(_) => (2, 3),
            Point::Step(_, Step::Lower) => (1, 12),
            Point::Step(..) | Point::Start | Point::Lock => (1, 48),
        };
        if self.let_go != here && self.rng.chance(chance.0, chance.1) {
            self.let_go = here;
            self.holds = Some((at.client, 1 + self.rng.below(Held::STEPS_MAX)));
        }
    }
}

impl Scheduler for Held {
    fn choose(&mut self, enabled: &[Candidate], going_on: usize, _: u64) -> usize {
        if self.holds.is_none() {
            self.hold(&enabled[going_on]);
        }
        let Some((held, steps)) = self.holds else { return going_on };
        self.holds = steps.checked_sub(1).map(|left| (held, left));
        if enabled[going_on].client != held {
            return going_on;
        }
        let others = enabled.iter().enumerate().filter(|(_, other)| other.client != held);
        let nth = self.rng.index(enabled.len() - 1);
        others.map(|(place, _)| place).nth(nth).unwrap_or(going_on)
    }
}

/// Priorities, and a few steps at which the client that would move gets a low one.
///
/// The clients begin with different priorities in random order, all above those that the changes
/// give; the client with the highest one moves. At the i-th change point the client about to move
/// gets priority i. This is the algorithm of the paper, so that its bound holds.
///
/// ```
/// use fuserig::sim::{Pct, Seed};
/// let pct = Pct::new(Seed(1), 2, 3, 100);
/// assert_eq!(pct.bound().to_string(), "1/20000");
/// ```
#[derive(Clone, Debug)]
pub struct Pct {
    priorities: Vec<u64>,
    /// The step of each change, by the priority that it gives.
    changes: Vec<u64>,
    bound: Bound,
}

/// The least chance a run that PCT finds a bug of its depth: `1 / (n * k^(d-1))` for `n` clients,
/// at most `k` steps and depth `d` (Burckhardt and others 2010, theorem 9).
///
/// ```
/// use fuserig::sim::Bound;
/// let bound = Bound { clients: 2, steps: 100, depth: 3 };
/// assert_eq!((bound.one_in(), bound.to_string().as_str()), (20_000, "1/20000"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// `n`.
    pub clients: u64,
    /// `k`: the most steps of a run for which it holds.
    pub steps: u64,
    /// `d`.
    pub depth: u32,
}

impl Bound {
    /// The denominator; saturates.
    pub fn one_in(self) -> u64 {
        self.clients.saturating_mul(self.steps.saturating_pow(self.depth.saturating_sub(1)))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1/{}", self.one_in())
    }
}

impl Pct {
    /// For `clients` clients, bugs of `depth`, and a run of at most `steps` steps.
    pub fn new(seed: Seed, clients: usize, depth: u32, steps: u64) -> Pct {
        let mut rng = seed.rng();
        let first = u64::from(depth);
        let mut priorities: Vec<u64> = (first..first + clients as u64).collect();
        for last in (1..priorities.len()).rev() {
            priorities.swap(last, rng.index(last + 1));
        }
        let changes = (1..depth).map(|_| rng.below(steps.max(1))).collect();
        let bound = Bound { clients: clients as u64, steps, depth };
        Pct { priorities, changes, bound }
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
        for change in 0..self.changes.len() {
            if self.changes[change] == step {
                let leader = self.leader(enabled);
                self.priorities[enabled[leader].client] = change as u64;
            }
        }
        self.leader(enabled)
    }

    /// A change counts where only one client can move, too.
    fn wants_every_step(&self) -> bool {
        true
    }

    fn stops_clock(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Pct, Scheduler, Seed};
    use crate::vfs::Point;

    /// How many of 4,000 runs of two clients with two steps each move in just this order.
    fn hits(depth: u32, wanted: [usize; 4]) -> u64 {
        let runs = (0..4000).filter(|run| {
            let mut pct = Pct::new(Seed(9).number(*run), 2, depth, 4);
            let mut left = [2, 2];
            (0..4).all(|step| {
                let enabled: Vec<Candidate> = (0..2)
                    .filter(|client| left[*client] > 0)
                    .map(|client| Candidate { client, action: 0, step: 0, point: Point::Start })
                    .collect();
                let moves = enabled[pct.choose(&enabled, 0, step)].client;
                left[moves] -= 1;
                moves == wanted[step as usize]
            })
        });
        runs.count() as u64
    }

    #[test]
    fn pct_reaches_orders_of_its_depth_at_least_as_often_as_its_bound_says() {
        // One order of the clients needs depth 1: a chance of at least 1/2.
        assert!(hits(1, [0, 0, 1, 1]) * 2 >= 4000 * 9 / 10);
        // With one preemption it needs depth 2 (at least 1/8), with two depth 3 (1/32).
        assert_eq!(hits(1, [0, 1, 1, 0]), 0, "nothing is preempted at depth 1");
        assert!(hits(2, [0, 1, 1, 0]) * 8 >= 4000 * 9 / 10);
        assert!(hits(3, [0, 1, 0, 1]) * 32 >= 4000 * 9 / 10);
    }
}
