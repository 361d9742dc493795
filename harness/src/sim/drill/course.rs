//! A course while it is written down, and as it is run.

use std::collections::VecDeque;

use crate::sim::meet::Meeting;
use crate::sim::{Action, Program, Rng};

/// What each client does, and whose turn it is when.
pub(super) struct Course {
    pub(super) programs: Vec<Program>,
    /// Client and number of its action.
    order: VecDeque<(usize, usize)>,
}

impl Course {
    /// Of the super-user alone.
    pub(super) fn alone(actions: impl IntoIterator<Item = Action>) -> Course {
        let mut course = Course::of([Program::of(0, Vec::new())]);
        course.by(0, actions);
        course
    }

    /// Of these clients.
    pub(super) fn of(programs: impl IntoIterator<Item = Program>) -> Course {
        Course { programs: programs.into_iter().collect(), order: VecDeque::new() }
    }

    /// A client goes on.
    pub(super) fn by(&mut self, client: usize, actions: impl IntoIterator<Item = Action>) {
        let own = &mut self.programs[client].actions;
        for action in actions {
            self.order.push_back((client, own.len()));
            own.push(action);
        }
    }

    /// How many actions it has.
    pub(super) fn operations(&self) -> usize {
        self.order.len()
    }

    /// Whether somebody waits for a lock.
    pub(super) fn waits(&self) -> bool {
        self.programs.iter().flat_map(|program| &program.actions).any(Action::waits)
    }

    /// The programs of so many clients, or of as many as it needs; those that have no part in it do
    /// nothing. And who moves when.
    pub(super) fn start(mut self, clients: usize, rng: &mut Rng) -> (Vec<Program>, Meeting) {
        let clients = clients.max(self.programs.len());
        self.programs.resize(clients, Program::of(0, Vec::new()));
        let meeting = Meeting::of_turns(self.order, &self.programs, rng);
        (self.programs, meeting)
    }
}
