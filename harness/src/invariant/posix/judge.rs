//! The invariant: what it remembers between calls, and in which order it asks.

use fuserig_sim_fs::{MemFs, OpenFlags};

use super::judged::{Judged, Memory};
use super::listing::Listings;
use super::locks::Locks;
use super::processes::Processes;
use super::xattrs;
use super::{
    attributes, bytes, dots, links, names, nowhere, offsets, opened, refusals, rights, sends,
    shown, slashes, slots, still, times, wire,
};
use crate::invariant::{End, Invariant, Seen};
use crate::sim::Action;

/// See [`posix`].
///
/// ```
/// use fuserig::invariant::{Invariant, posix};
/// assert_eq!(posix().name(), "posix");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Posix {
    /// The tree after the last call that returned.
    before: Option<MemFs>,
    memory: Memory,
    listings: Listings,
    locks: Locks,
    processes: Processes,
}

/// Every call does what POSIX and the manual pages of Linux say of it: to bytes, lengths, names,
/// link counts, owners, modes, attributes, times, positions and listings.
///
/// ```
/// use fuserig::prelude::*;
/// Simulation::new(Seed(1)).operations(40)
///     .run(Subject::without_filter(Abi::V4).over("/a 'x'"))
///     .check(invariant::posix())
///     .or_report();
/// ```
pub fn posix() -> Posix {
    Posix::default()
}

/// A statement about one call.
type Fact = fn(&Judged<'_>) -> Result<(), String>;

/// Everything that is asked of a call.
const FACTS: [Fact; 16] = [
    still::judge,
    bytes::judge,
    offsets::judge,
    sends::judge,
    opened::judge,
    names::judge,
    nowhere::judge,
    slashes::judge,
    dots::judge,
    links::judge,
    attributes::judge,
    xattrs::judge,
    times::judge,
    shown::judge,
    rights::judge,
    refusals::judge,
];

/// Asks everything of one call.
pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    match FACTS.iter().try_for_each(|fact| fact(judged)) {
        Err(_) if wire::excuses(judged) => Ok(()),
        judgement => judgement,
    }
}

impl Posix {
    /// Remembers where the open files of a call stand now, their flags, and where its client is.
    fn remember(&mut self, seen: &Seen<'_>) {
        if let Action::SetFlags { file, flags } = seen.action {
            self.set_flags(seen, *file, OpenFlags::from_bits_retain(*flags));
        }
        if let Action::Fork = seen.action {
            self.memory.inherit(seen);
        }
        if let Action::Umask { mask } = seen.action {
            self.memory.masks.insert(seen.pid, mask & 0o777);
        }
        if let Action::Chdir { .. } = seen.action
            && let Some(directory) = seen.vfs.working_directory(seen.pid)
        {
            self.memory.directories.insert(seen.pid, directory);
        }
        let (file, source) = match seen.action {
            Action::Open { .. } => (0, None),
            Action::Read { file, .. }
            | Action::Write { file, .. }
            | Action::Append { file, .. }
            | Action::Seek { file, .. }
            | Action::List { file, .. } => (*file, None),
            Action::Copy { from, to, .. } | Action::Sendfile { from, to, .. } => (*to, Some(*from)),
            _ => return,
        };
        for fd in [Some(file), source].into_iter().flatten().filter_map(|file| seen.file(file)) {
            let Some(description) = self.memory.descriptions.of(seen.pid, fd) else { continue };
            if let (Action::Open { .. }, Ok(_)) = (seen.action, seen.result.value)
                && let Some(flags) = seen.vfs.open_flags(seen.pid, fd)
            {
                self.memory.flags.insert(description, flags);
                if flags.contains(OpenFlags::APPEND) {
                    self.memory.appending.insert(description);
                }
            }
            match seen.vfs.position(seen.pid, fd) {
                Some(position) => self.memory.positions.insert(description, position),
                None => self.memory.positions.remove(&description),
            };
        }
    }

    /// man 2 fcntl, `F_SETFL`: these flags and no others become what they are asked to be; of
    /// `O_NOATIME` the file below hears only when it is opened.
    fn set_flags(&mut self, seen: &Seen<'_>, file: u8, asked: OpenFlags) {
        let changeable = OpenFlags::APPEND | OpenFlags::NONBLOCK;
        let Some(fd) = seen.file(file).filter(|_| seen.result.value.is_ok()) else { return };
        let Some(description) = self.memory.descriptions.of(seen.pid, fd) else { return };
        let appends = asked.contains(OpenFlags::APPEND);
        if !appends && self.memory.appending.contains(&description) {
            self.memory.flags.remove(&description);
        } else if let Some(flags) = self.memory.flags.get_mut(&description) {
            *flags = flags.difference(changeable) | asked.intersection(changeable);
        }
    }
}

impl Invariant for Posix {
    fn name(&self) -> &str {
        "posix"
    }

    fn begin(&mut self, initial: &MemFs) {
        *self = Posix { before: Some(initial.clone()), ..Posix::default() };
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let before = self.before.replace(seen.lower.clone());
        self.memory.descriptions.note(seen);
        let is_faulty = !seen.case.faults.of(seen.client, seen.number).is_empty();
        // Whoever is killed gives its locks back at a time that nobody sees.
        let locks = match seen.case.faults.is_empty() {
            true => self.locks.judge(seen, &self.memory.descriptions),
            false => Ok(()),
        };
        let found = match before.filter(|_| !is_faulty) {
            Some(before) => {
                let judged = Judged::of(seen, &before, &self.memory);
                let facts = if seen.was_alone() { judge(&judged) } else { Ok(()) };
                facts.and_then(|()| self.listings.judge(seen, &judged))
            }
            None => {
                self.listings.give_up();
                Ok(())
            }
        };
        self.remember(seen);
        let slots = slots::judge(seen).and(self.processes.judge(seen, &self.memory));
        found.and(locks).and(slots).map_err(|wrong| format!("`{}` {wrong}", seen.action))
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        if !end.record.ending.is_finished() || end.record.power.is_some() {
            return Ok(());
        }
        links::every_count(&end.record.lower)?;
        shown::nodes_in_the_end(&end.record.lower, end.record.balance.is_some())
    }
}
