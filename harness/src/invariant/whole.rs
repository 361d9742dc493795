//! Names change at once: after a crash each leads where it led at some time, never elsewhere, one
//! that always led somewhere is still there, and what was only ever renamed has one name, and has
//! one for sure among directories that stayed where they were.
//!
//! So a file that another was renamed over is the old one or the new one. What a reader would get
//! wrong: it says nothing about contents; a name may lead to a new file whose bytes are lost.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::Ino;
use fuserig_sim_fs::{Lower, MemFs};

use super::durable::names;
use super::{Invariant, Seen};
use crate::crash::Crashed;
use crate::sim::Action;

/// A name in a directory.
type Place = (Ino, Vec<u8>);

/// See [`atomic_names`].
///
/// ```
/// use fuserig::invariant::{Invariant, atomic_names};
/// assert_eq!(atomic_names().name(), "atomic_names");
/// ```
#[derive(Clone, Debug, Default)]
pub struct AtomicNames {
    now: BTreeMap<Place, Ino>,
    /// Where each name that changed has led so far; none for nowhere.
    was: BTreeMap<Place, BTreeSet<Option<Ino>>>,
    /// What was there at the start and had one name ever since, by renames at the most, and the
    /// directories in which it was.
    renamed: BTreeMap<Ino, BTreeSet<Ino>>,
    /// What was there at the start and still has the name that it had, and the root.
    still: BTreeMap<Ino, Option<Place>>,
    /// Names that several calls were about at once, so that nobody can tell where they led in
    /// between.
    unknown: BTreeSet<Vec<u8>>,
}

/// After a crash a name leads where it led at some time.
///
/// ```
/// use fuserig::prelude::*;
/// Simulation::new(Seed(1)).operations(40).crashes(Durability::Ordered)
///     .run(Subject::without_filter(Abi::V4).over("/a 'x'"))
///     .check(invariant::atomic_names())
///     .or_report();
/// ```
pub fn atomic_names() -> AtomicNames {
    AtomicNames::default()
}

impl AtomicNames {
    /// Names that calls at the same time are about are judged no more, when there are several.
    fn give_up<'c>(&mut self, overlapping: impl Iterator<Item = &'c Action>) {
        let calls: Vec<&Action> = overlapping.filter(|action| action.changes_names()).collect();
        if calls.len() < 2 {
            return;
        }
        let names = calls
            .iter()
            .flat_map(|action| action.paths())
            .filter_map(|path| path.0.split(|byte| *byte == b'/').rfind(|name| !name.is_empty()));
        self.unknown.extend(names.map(<[u8]>::to_vec));
    }

    /// Whether a directory and all above it have the names that they had at the start.
    fn stays(&self, mut directory: Ino) -> bool {
        loop {
            match self.still.get(&directory) {
                Some(Some((above, _))) => directory = *above,
                other => return other.is_some(),
            }
        }
    }

    /// Adds where names lead in a tree, after a rename or after anything else.
    fn note(&mut self, fs: &MemFs, is_rename: bool) {
        let now = names(fs);
        let (before, after) = (places_of(&self.now), places_of(&now));
        self.renamed.retain(|node, parents| {
            let (old, new) = (before.get(node), after.get(node));
            let Some([place]) = new.map(Vec::as_slice) else { return false };
            parents.insert(place.0);
            is_rename || old == new
        });
        self.still.retain(|node, place| {
            place.as_ref().is_none_or(|place| after.get(node).is_some_and(|now| *now == [place]))
        });
        let places: BTreeSet<&Place> = self.now.keys().chain(now.keys()).collect();
        for place in places {
            let (old, new) = (self.now.get(place).copied(), now.get(place).copied());
            if old != new {
                self.was.entry(place.clone()).or_default().extend([old, new]);
            }
        }
        self.now = now;
    }
}

/// The names of everything.
fn places_of(names: &BTreeMap<Place, Ino>) -> BTreeMap<Ino, Vec<&Place>> {
    let mut places: BTreeMap<Ino, Vec<&Place>> = BTreeMap::new();
    for (place, node) in names {
        places.entry(*node).or_default().push(place);
    }
    places
}

impl Invariant for AtomicNames {
    fn name(&self) -> &str {
        "atomic_names"
    }

    fn begin(&mut self, initial: &MemFs) {
        let now = names(initial);
        let mut known = AtomicNames::default();
        for (node, places) in places_of(&now) {
            if let [place] = places[..] {
                known.renamed.insert(node, BTreeSet::from([place.0]));
                known.still.insert(node, Some(place.clone()));
            }
        }
        known.still.insert(initial.root(), None);
        *self = AtomicNames { now, ..known };
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        if seen.action.changes_names() {
            let is_rename = matches!(seen.action, Action::Rename { .. }) && seen.was_alone();
            self.note(seen.lower, is_rename);
            self.give_up(seen.overlapping());
        }
        Ok(())
    }

    fn crash(&self, crashed: &Crashed<'_>) -> Result<(), String> {
        let mut known = self.clone();
        known.note(crashed.before, false);
        let under_way = crashed.calls.iter().filter(|call| call.end.is_none());
        known.give_up(under_way.map(|call| crashed.action(call)));
        let found = names(crashed.recovered);
        let there: BTreeSet<Ino> = crashed.recovered.walk().map(|entry| entry.stat.ino).collect();
        let lost = |(node, parents): &(&Ino, &BTreeSet<Ino>)| {
            !there.contains(*node) && parents.iter().all(|parent| known.stays(*parent))
        };
        if let Some((node, _)) = known.renamed.iter().find(lost) {
            let place = known.now.iter().find(|(_, other)| *other == node);
            let name = place.map_or(&[][..], |((_, name), _)| name).escape_ascii();
            return Err(format!("what was renamed to {name} has no name after the crash"));
        }
        let twice = |(node, places): &(&Ino, &Vec<&Place>)| {
            places.len() > 1 && known.renamed.contains_key(*node)
        };
        if let Some((_, places)) = places_of(&found).iter().find(twice) {
            let (one, other) = (places[0].1.escape_ascii(), places[1].1.escape_ascii());
            return Err(format!("what was renamed is {one} and {other} after the crash"));
        }
        let places: BTreeSet<&Place> =
            known.now.keys().chain(known.was.keys()).chain(found.keys()).collect();
        let judged = |place: &&Place| there.contains(&place.0) && !known.unknown.contains(&place.1);
        for place in places.into_iter().filter(judged) {
            let leads = found.get(place).copied();
            let legal = match known.was.get(place) {
                Some(was) => was.contains(&leads),
                None => known.now.get(place).copied() == leads,
            };
            if !legal {
                let name = place.1.escape_ascii();
                return Err(match leads {
                    Some(_) => format!("{name} leads to a file that never had that name"),
                    None => format!("{name} always led somewhere and is gone after the crash"),
                });
            }
        }
        Ok(())
    }
}
