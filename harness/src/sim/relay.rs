//! Runs in which one client goes on with what another began, or does the same as another user.
//!
//! Whose turn it is is laid down, so that nobody meets anybody: what a filter or a filesystem takes
//! for the doing of one is that of two, one of whom may not do it. What a reader would get wrong:
//! an open file is of no use to who did not open it, so that what is handed over are names.

use std::collections::VecDeque;

use super::draw::Draw;
use super::meet::Meeting;
use super::rights::Trial;
use super::{Action, Program, WorkloadConfig};

/// What each client does, in turns.
struct Turns {
    programs: Vec<Program>,
    /// Client and number of its action.
    order: VecDeque<(usize, usize)>,
    most: usize,
}

impl Turns {
    /// A client goes on, unless enough was done.
    fn give(&mut self, client: usize, actions: impl IntoIterator<Item = Action>) {
        for action in actions.into_iter().take(self.most.saturating_sub(self.order.len())) {
            let own = &mut self.programs[client].actions;
            self.order.push_back((client, own.len()));
            own.push(action);
        }
    }
}

impl Draw<'_> {
    /// Programs, and whose turn it is when.
    pub(super) fn relay(
        &mut self,
        config: &WorkloadConfig,
        mut programs: Vec<Program>,
    ) -> (Vec<Program>, Meeting) {
        let about_rights = self.rng.chance(2, 3);
        for (client, program) in programs.iter_mut().enumerate().skip(1) {
            if about_rights {
                program.uid = self.stranger();
            } else if self.rng.chance(1, 2) {
                program.uid = self.user(client);
            }
        }
        let other = 1 + self.rng.index(programs.len() - 1);
        let most = config.operations;
        let mut turns = Turns { programs, order: VecDeque::new(), most };
        // No filter hears of a lock.
        if self.focus.is_empty() && self.rng.chance(1, 12) {
            for (client, action) in self.contend(config.clients) {
                turns.give(client, [action]);
            }
        } else if about_rights && self.rng.chance(3, 4) {
            turns.programs[0].uid = 0;
            let group = self.group_of(&turns.programs[other]);
            let Trial { made, tried } = self.trial((turns.programs[other].uid, group));
            turns.give(0, made);
            turns.give(other, tried);
        } else {
            let actions = match (about_rights, self.rng.chance(1, 2)) {
                (true, true) => self.rights(),
                (true, false) => self.inherited(),
                (false, _) => self.recipe(config.syncs),
            };
            match self.rng.chance(1, 3) {
                true => {
                    (0..config.clients).for_each(|client| turns.give(client, actions.clone()));
                }
                false => self.hand_over(actions, other, &mut turns),
            }
        }
        let meeting = Meeting::of_turns(turns.order, &turns.programs, self.rng);
        (turns.programs, meeting)
    }

    /// The first client and another do what somebody does by habit; seldom does the other go on
    /// while a file is open.
    fn hand_over(&mut self, actions: Vec<Action>, other: usize, turns: &mut Turns) {
        let (mut client, mut opened) = (0, 0_usize);
        for action in actions {
            if self.rng.chance(1, if opened > 0 { 12 } else { 3 }) {
                client = other - client;
                opened = 0;
            }
            match action {
                ref action if action.opens() => opened += 1,
                Action::Close { .. } => opened = opened.saturating_sub(1),
                _ => {}
            }
            turns.give(client, [action]);
        }
    }
}
