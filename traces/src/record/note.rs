//! Annotations, loss counters, and the tree that a trace starts from.

use core::fmt;

/// What a [`NoteRecord`] is. Numbers without a name here are kept.
///
/// ```
/// use fuserig_traces::record::NoteKind;
/// assert_eq!(NoteKind::LOSS.to_string(), "loss");
/// assert_eq!(NoteKind::from_name("loss"), Some(NoteKind::LOSS));
/// assert_eq!(NoteKind(77).to_string(), "note#77");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoteKind(pub u16);

impl NoteKind {
    /// Somebody wrote something down.
    pub const ANNOTATION: NoteKind = NoteKind(1);
    /// A recorder or importer lost something; `count` says how many, `text` says of what.
    pub const LOSS: NoteKind = NoteKind(2);
    /// Why this trace is kept: the sentence of story of a shrunk failure.
    pub const STORY: NoteKind = NoteKind(3);
    /// `repair` left something out; `text` says what.
    pub const REPAIR: NoteKind = NoteKind(4);

    /// Every kind that has a name.
    pub const NAMED: &'static [(NoteKind, &'static str)] = &[
        (NoteKind::ANNOTATION, "annotation"),
        (NoteKind::LOSS, "loss"),
        (NoteKind::STORY, "story"),
        (NoteKind::REPAIR, "repair"),
    ];

    /// The name, or `None` for a number of a newer version.
    pub fn name(self) -> Option<&'static str> {
        NoteKind::NAMED.iter().find(|(kind, _)| *kind == self).map(|(_, name)| *name)
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<NoteKind> {
        NoteKind::NAMED.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

impl fmt::Display for NoteKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => out.write_str(name),
            None => write!(out, "note#{}", self.0),
        }
    }
}

/// An annotation or a loss counter (block kind NOTE).
///
/// ```
/// use fuserig_traces::record::{NoteKind, NoteRecord};
/// let lost = NoteRecord {
///     seq: 0,
///     kind: NoteKind::LOSS,
///     count: 3,
///     text: "replies the recorder had no room for".into(),
/// };
/// assert_eq!(lost.as_ref().to_owned(), lost);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteRecord {
    /// The position in the order of everything it belongs to; 0 for the whole trace.
    pub seq: u64,
    /// What the note is.
    pub kind: NoteKind,
    /// How many, for kinds that count; else 0.
    pub count: u64,
    /// The words.
    pub text: String,
}

/// A [`NoteRecord`] that borrows its text.
///
/// ```
/// use fuserig_traces::record::{NoteKind, NoteRef};
/// let note = NoteRef { kind: NoteKind::STORY, text: "found by seed 7", ..NoteRef::default() };
/// assert_eq!(note.to_owned().text, "found by seed 7");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoteRef<'a> {
    /// See [`NoteRecord::seq`].
    pub seq: u64,
    /// See [`NoteRecord::kind`].
    pub kind: NoteKind,
    /// See [`NoteRecord::count`].
    pub count: u64,
    /// See [`NoteRecord::text`].
    pub text: &'a str,
}

/// The tree of a lower filesystem, as the text form of `fuserig-sim-fs` (block kind TREE).
///
/// ```
/// use fuserig_traces::record::TreeRecord;
/// let start = TreeRecord { seq: 0, label: "lower".into(), text: b"/a 'hi'\n".to_vec() };
/// assert_eq!(start.as_ref().to_owned(), start);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeRecord {
    /// The tree holds before the record with this sequence number; 0 for the start.
    pub seq: u64,
    /// Which tree: `lower`, or a name that the recorder chose.
    pub label: String,
    /// The tree. This crate does not read it.
    pub text: Vec<u8>,
}

/// A [`TreeRecord`] that borrows its text.
///
/// ```
/// use fuserig_traces::record::TreeRef;
/// let start = TreeRef { seq: 0, label: "lower", text: b"/a 'hi'\n" };
/// assert_eq!(start.to_owned().label, "lower");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeRef<'a> {
    /// See [`TreeRecord::seq`].
    pub seq: u64,
    /// See [`TreeRecord::label`].
    pub label: &'a str,
    /// See [`TreeRecord::text`].
    pub text: &'a [u8],
}

impl NoteRecord {
    /// Borrows the record.
    pub fn as_ref(&self) -> NoteRef<'_> {
        NoteRef { seq: self.seq, kind: self.kind, count: self.count, text: &self.text }
    }
}

impl NoteRef<'_> {
    /// Copies the record.
    pub fn to_owned(&self) -> NoteRecord {
        NoteRecord { seq: self.seq, kind: self.kind, count: self.count, text: self.text.into() }
    }
}

impl TreeRecord {
    /// Borrows the record.
    pub fn as_ref(&self) -> TreeRef<'_> {
        TreeRef { seq: self.seq, label: &self.label, text: &self.text }
    }
}

impl TreeRef<'_> {
    /// Copies the record.
    pub fn to_owned(&self) -> TreeRecord {
        TreeRecord { seq: self.seq, label: self.label.into(), text: self.text.to_vec() }
    }
}
