//! The power supply of one run.

use fuserig_sim_fs::MemFs;

use super::{CallEntry, Case, Crash, SharedFs, Subject};
use crate::crash::{CrashSearch, Outage, PowerLoss};
use crate::invariant::{Invariant, Violation};

/// Whether and where power fails, and what was found then.
#[derive(Debug)]
pub(super) struct Power {
    crash: Option<Crash>,
    search: Option<CrashSearch>,
    /// The version of the journal that was looked at last, and how many calls had returned that
    /// count, and had begun.
    looked_at: (u64, usize, usize),
    pub(super) loss: Option<PowerLoss>,
    pub(super) recovered: Option<MemFs>,
    pub(super) states: u64,
    pub(super) complete: bool,
}

impl Power {
    /// What the case asks for, and else what the subject wants tried.
    pub(super) fn of(subject: &Subject, case: &Case) -> Power {
        Power {
            crash: case.crash.clone(),
            search: subject.crashes.filter(|_| case.crash.is_none()),
            looked_at: (0, 0, 0),
            loss: None,
            recovered: None,
            states: 0,
            complete: true,
        }
    }

    /// The filesystem of the run, with a journal when power may fail.
    pub(super) fn lower(&self, start: &MemFs) -> SharedFs {
        let asked = self.crash.as_ref().map(|crash| crash.durability);
        match asked.or(self.search.map(|search| search.durability)) {
            Some(durability) => SharedFs::durable(start.clone(), durability),
            None => SharedFs::new(start.clone()),
        }
    }

    /// See `Session::power_fails`.
    pub(super) fn fails(
        &mut self,
        outage: &Outage<'_>,
        last: bool,
        invariants: &[Box<dyn Invariant>],
    ) -> Option<Option<Violation>> {
        if let Some(crash) = &self.crash {
            if crash.step != outage.step && !last {
                return None;
            }
            let ((loss, recovered), violation) = outage.exactly(crash, invariants);
            (self.loss, self.recovered) = (Some(loss), Some(recovered));
            return Some(violation);
        }
        let search = self.search.filter(|_| !invariants.is_empty())?;
        if !(last || search.wants(outage.step)) {
            return None;
        }
        // What has returned matters as well: from then on a program relies on it. Where only some
        // steps are tried, those are left out behind which a program relies on nothing new.
        let every = search.one_in < 2;
        let relied_on = |call: &&CallEntry| {
            let action = &outage.case.clients[call.client].actions[call.action];
            let succeeded = call.result.as_ref().is_some_and(|result| result.value.is_ok());
            call.end.is_some() && (every || succeeded && !action.only_looks())
        };
        let returned = outage.calls.iter().filter(relied_on).count();
        let begun = if search.begun { outage.calls.len() } else { 0 };
        let now = (outage.journal.version(), returned, begun);
        if core::mem::replace(&mut self.looked_at, now) == now {
            return None;
        }
        let look = outage.search(&search, invariants);
        self.states += look.states;
        self.complete &= look.complete;
        let ((loss, recovered), violation) = look.found?;
        (self.loss, self.recovered) = (Some(loss), Some(recovered));
        Some(Some(violation))
    }
}
