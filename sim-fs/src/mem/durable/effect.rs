//! Effects, and what each of them cannot survive without.

use fuserig_abi::Ino;

use super::change::{Change, Place};
use super::policy::Durability;

/// Something of which changes survive in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// All there is.
    Everything,
    /// All metadata.
    Metadata,
    /// That a node exists.
    Node(Ino),
    /// Owner, permissions, extended attributes.
    Attributes(Ino),
    /// Length and layout, as far as operations on them say.
    Shape(Ino),
    /// One page of a file.
    Page(Ino, u64),
    /// One name.
    Entry(Place),
    /// Where directories are: moves of them never overtake each other, or there would be cycles.
    Directories,
}

/// What an effect is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Metadata,
    Data,
}

/// An effect whose place in history is not decided yet.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) changes: Vec<Change>,
    /// What it changes: later claims of the same come after it.
    pub(super) claims: Vec<Key>,
    /// What else must be there.
    pub(super) needs: Vec<Key>,
    /// Directories that are empty because of earlier effects.
    pub(super) empties: Vec<Ino>,
    /// Pages of a file, from one on, that are written back before.
    pub(super) flushes: Option<(Ino, u64)>,
}

impl Draft {
    pub(super) fn metadata(changes: Vec<Change>, claims: Vec<Key>, needs: Vec<Key>) -> Draft {
        Draft { kind: Kind::Metadata, changes, claims, needs, empties: Vec::new(), flushes: None }
    }

    /// Adds what follows from the policy.
    fn under(mut self, durability: Durability) -> Draft {
        match (durability, self.kind) {
            (Durability::Sync | Durability::Prefix, _) => self.claims.push(Key::Everything),
            (Durability::Ordered, Kind::Metadata) => self.claims.push(Key::Metadata),
            (Durability::Ordered, Kind::Data) => {}
            (Durability::Loose, _) => self.needs.retain(|key| *key != Key::Metadata),
        }
        self
    }
}

/// The drafts of one operation as they survive: in all policies but `loose`, its metadata is one
/// transaction.
pub(super) fn settle(drafts: Vec<Draft>, durability: Durability) -> Vec<Draft> {
    let mut settled: Vec<Draft> = Vec::new();
    for draft in drafts {
        let joins = durability != Durability::Loose && draft.kind == Kind::Metadata;
        match settled.last_mut().filter(|last| joins && last.kind == Kind::Metadata) {
            Some(last) => {
                last.changes.extend(draft.changes);
                last.claims.extend(draft.claims);
                last.needs.extend(draft.needs);
                last.empties.extend(draft.empties);
                last.flushes = last.flushes.or(draft.flushes);
            }
            None => settled.push(draft),
        }
    }
    settled.into_iter().map(|draft| draft.under(durability)).collect()
}

/// What happened, in its place in history.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) kind: Kind,
    pub(super) changes: Vec<Change>,
    pub(super) claims: Vec<Key>,
    /// The numbers of the effects that it needs.
    pub(super) after: Vec<u64>,
    pub(super) durable: bool,
}

impl Effect {
    /// Whether it is about this node, its names left aside.
    pub(super) fn is_about(&self, node: Ino) -> bool {
        self.claims.iter().any(|key| match key {
            Key::Node(ino) | Key::Attributes(ino) | Key::Shape(ino) | Key::Page(ino, _) => {
                *ino == node
            }
            Key::Everything | Key::Metadata | Key::Entry(_) | Key::Directories => false,
        })
    }

    /// Whether it is about the bytes of this file or where they are.
    pub(super) fn is_data_of(&self, node: Ino) -> bool {
        self.claims.iter().any(|key| match key {
            Key::Node(ino) | Key::Shape(ino) | Key::Page(ino, _) => *ino == node,
            Key::Everything
            | Key::Metadata
            | Key::Attributes(_)
            | Key::Entry(_)
            | Key::Directories => false,
        })
    }

    /// Whether it changes a name in this directory.
    pub(super) fn names_in(&self, directory: Ino) -> bool {
        let within = |key: &Key| matches!(key, Key::Entry(place) if place.directory == directory);
        self.claims.iter().any(within)
    }
}
