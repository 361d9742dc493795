//! Which client moves when: the value that replays it.
//!
//! A schedule is the list of its forced switches. Where none is due, the client that moved last
//! goes on until it ends or has to wait, and then the first that can. A switch is named by where
//! its client stands (its action and how many steps of it are done), so that leaving out the
//! actions of others, or earlier ones, keeps the meaning of the rest. What a reader would get
//! wrong: a switch that can no longer happen is passed over, it never makes a case invalid.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// A point where another client is chosen than would have gone on.
///
/// ```
/// use fuserig::sim::Switch;
/// let switch = Switch { client: 0, action: 2, step: 5, to: 1 };
/// assert_eq!(switch.to_string(), "client 1, action 3, step 5: client 2 goes on");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Switch {
    /// Who would have gone on, counted from 0.
    pub client: usize,
    /// Which of its actions it is in, counted from 0.
    pub action: usize,
    /// How many steps of that action are done.
    pub step: u32,
    /// Who goes on instead.
    pub to: usize,
}

impl core::fmt::Display for Switch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Switch { client, action, step, to } = self;
        let (client, action, to) = (client + 1, action + 1, to + 1);
        write!(f, "client {client}, action {action}, step {step}: client {to} goes on")
    }
}

/// Every forced switch of a run, in order.
///
/// ```
/// use fuserig::sim::Schedule;
/// assert!(Schedule::default().switches.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schedule {
    /// The switches; each happens once.
    pub switches: Vec<Switch>,
}

impl Schedule {
    /// The schedule after an action was left out of a program.
    #[must_use]
    pub fn without_action(&self, client: usize, action: usize) -> Schedule {
        let keep = |switch: &Switch| {
            if switch.client != client || switch.action < action {
                return Some(*switch);
            }
            let earlier = switch.action.checked_sub(1)?;
            (switch.action > action).then_some(Switch { action: earlier, ..*switch })
        };
        Schedule { switches: self.switches.iter().filter_map(keep).collect() }
    }
}

/// A client that can move.
///
/// ```
/// use fuserig::sim::Candidate;
/// use fuserig::vfs::Point;
/// let candidate = Candidate { client: 0, action: 0, step: 0, point: Point::Start };
/// assert_eq!(candidate.client, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who, counted from 0.
    pub client: usize,
    /// Which of its actions it is in.
    pub action: usize,
    /// How many steps of that action are done.
    pub step: u32,
    /// What it would do next.
    pub point: crate::vfs::Point,
}

/// Decides who moves next.
///
/// ```
/// use fuserig::sim::{Candidate, Scheduler};
///
/// /// Always the last one.
/// #[derive(Debug)]
/// struct Last;
/// impl Scheduler for Last {
///     fn choose(&mut self, enabled: &[Candidate], _going_on: usize, _step: u64) -> usize {
///         enabled.len() - 1
///     }
/// }
/// # let _ = Last;
/// ```
pub trait Scheduler: core::fmt::Debug {
    /// The index in `enabled` of who moves; `going_on` is the index of who would move without a
    /// switch, and `step` counts the steps of the run. Called only when there is a choice.
    fn choose(&mut self, enabled: &[Candidate], going_on: usize, step: u64) -> usize;

    /// Whether it is asked where only one client can move, too.
    fn wants_every_step(&self) -> bool {
        false
    }

    /// Whether the clock stands still in the whole run, so that the order of steps that do not meet
    /// leaves no trace. A search that tries every order needs that.
    fn stops_clock(&self) -> bool {
        self.wants_every_step()
    }
}

/// A switch to come: before which action of its client, before which step of that, and to whom.
type Due = (usize, u32, usize);

/// Plays a [`Schedule`].
///
/// ```
/// use fuserig::sim::{Playback, Schedule};
/// let playback = Playback::new(&Schedule::default());
/// # let _ = playback;
/// ```
#[derive(Clone, Debug)]
pub struct Playback {
    /// For each client that has some, its switches.
    switches: Vec<(usize, VecDeque<Due>)>,
    still: bool,
}

impl Playback {
    /// From the beginning.
    pub fn new(schedule: &Schedule) -> Playback {
        let mut switches: BTreeMap<_, VecDeque<_>> = BTreeMap::new();
        for &Switch { client, action, step, to } in &schedule.switches {
            switches.entry(client).or_default().push_back((action, step, to));
        }
        for of_client in switches.values_mut() {
            // Those at one place keep their order.
            of_client.make_contiguous().sort_by_key(|(action, step, _)| (*action, *step));
        }
        let switches = switches.into_iter().collect();
        Playback { switches, still: false }
    }

    /// From the beginning, while the clock stands still, as it does in an exhaustive search.
    pub fn still(schedule: &Schedule) -> Playback {
        Playback { still: true, ..Playback::new(schedule) }
    }

    /// To whom the client switches that stands there; a client only goes forward.
    fn due(&mut self, at: &Candidate) -> Option<usize> {
        let (_, of_client) = self.switches.iter_mut().find(|(client, _)| *client == at.client)?;
        let here = (at.action, at.step);
        while of_client.front().is_some_and(|(action, step, _)| (*action, *step) < here) {
            of_client.pop_front();
        }
        let (action, step, to) = *of_client.front()?;
        if (action, step) != here {
            return None;
        }
        of_client.pop_front();
        Some(to)
    }
}

impl Scheduler for Playback {
    fn choose(&mut self, enabled: &[Candidate], going_on: usize, _: u64) -> usize {
        let Some(to) = self.due(&enabled[going_on]) else { return going_on };
        enabled.iter().position(|other| other.client == to).unwrap_or(going_on)
    }

    fn wants_every_step(&self) -> bool {
        self.still
    }
}

#[cfg(test)]
mod tests {
    use super::{Schedule, Switch};

    #[test]
    fn leaving_an_action_out_moves_later_switches_and_drops_its_own() {
        let switch = |client, action| Switch { client, action, step: 3, to: 1 };
        let schedule = Schedule { switches: vec![switch(0, 0), switch(0, 2), switch(1, 2)] };
        let left = schedule.without_action(0, 0).switches;
        assert_eq!(left, [switch(0, 1), switch(1, 2)]);
        let left = schedule.without_action(0, 1).switches;
        assert_eq!(left, [switch(0, 0), switch(0, 1), switch(1, 2)]);
    }
}
