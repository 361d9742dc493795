//! Any record.

use core::fmt;

use super::{
    CallRecord, CallRef, NoteRecord, NoteRef, OpRecord, OpRef, PayloadRecord, PayloadRecordRef,
    StageRecord, StageRef, TreeRecord, TreeRef,
};

/// Which kind a record is of. The number is that of its blocks in the container.
///
/// ```
/// use fuserig_traces::record::RecordKind;
/// assert_eq!(RecordKind::Stage.to_string(), "stage");
/// assert_eq!(RecordKind::ALL.len(), 6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum RecordKind {
    /// [`OpRecord`].
    Op = 1,
    /// [`StageRecord`].
    Stage = 2,
    /// [`PayloadRecord`].
    Payload = 3,
    /// [`TreeRecord`].
    Tree = 4,
    /// [`NoteRecord`].
    Note = 5,
    /// [`CallRecord`].
    Call = 7,
}

impl RecordKind {
    /// Every kind, in number order. Number 6 is the INDEX block, which holds no records.
    pub const ALL: [RecordKind; 6] = [
        RecordKind::Op,
        RecordKind::Stage,
        RecordKind::Payload,
        RecordKind::Tree,
        RecordKind::Note,
        RecordKind::Call,
    ];

    /// The number in the container.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The kind of that number.
    pub fn from_number(number: u16) -> Option<RecordKind> {
        RecordKind::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            RecordKind::Op => "op",
            RecordKind::Stage => "stage",
            RecordKind::Payload => "payload",
            RecordKind::Tree => "tree",
            RecordKind::Note => "note",
            RecordKind::Call => "call",
        }
    }

    /// The position in [`RecordKind::ALL`].
    pub fn index(self) -> usize {
        match self {
            RecordKind::Op => 0,
            RecordKind::Stage => 1,
            RecordKind::Payload => 2,
            RecordKind::Tree => 3,
            RecordKind::Note => 4,
            RecordKind::Call => 5,
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Any record of a trace.
///
/// ```
/// use fuserig_traces::record::{OpRecord, Record, RecordKind};
/// let record = Record::from(OpRecord { seq_send: 17, ..OpRecord::default() });
/// assert_eq!(record.kind(), RecordKind::Op);
/// assert_eq!(record.as_ref().seq(), 17);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A FUSE operation.
    Op(OpRecord),
    /// What a step saw and decided.
    Stage(StageRecord),
    /// Stored file data.
    Payload(PayloadRecord),
    /// A tree.
    Tree(TreeRecord),
    /// A note.
    Note(NoteRecord),
    /// A system call.
    Call(CallRecord),
}

/// A [`Record`] that borrows its bytes. Cheap to copy.
///
/// ```
/// use fuserig_traces::record::{NoteRef, RecordRef};
/// let note = RecordRef::Note(NoteRef { seq: 4, ..NoteRef::default() });
/// assert_eq!(note.to_owned().as_ref(), note);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordRef<'a> {
    /// A FUSE operation.
    Op(OpRef<'a>),
    /// What a step saw and decided.
    Stage(StageRef<'a>),
    /// Stored file data.
    Payload(PayloadRecordRef<'a>),
    /// A tree.
    Tree(TreeRef<'a>),
    /// A note.
    Note(NoteRef<'a>),
    /// A system call.
    Call(CallRef<'a>),
}

impl Record {
    /// Borrows the record.
    pub fn as_ref(&self) -> RecordRef<'_> {
        match self {
            Record::Op(op) => RecordRef::Op(op.as_ref()),
            Record::Stage(stage) => RecordRef::Stage(stage.as_ref()),
            Record::Payload(payload) => RecordRef::Payload(payload.as_ref()),
            Record::Tree(tree) => RecordRef::Tree(tree.as_ref()),
            Record::Note(note) => RecordRef::Note(note.as_ref()),
            Record::Call(call) => RecordRef::Call(call.as_ref()),
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> RecordKind {
        self.as_ref().kind()
    }
}

impl RecordRef<'_> {
    /// Copies the record.
    pub fn to_owned(&self) -> Record {
        match self {
            RecordRef::Op(op) => Record::Op(op.to_owned()),
            RecordRef::Stage(stage) => Record::Stage(stage.to_owned()),
            RecordRef::Payload(payload) => Record::Payload(payload.to_owned()),
            RecordRef::Tree(tree) => Record::Tree(tree.to_owned()),
            RecordRef::Note(note) => Record::Note(note.to_owned()),
            RecordRef::Call(call) => Record::Call(call.to_owned()),
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> RecordKind {
        match self {
            RecordRef::Op(_) => RecordKind::Op,
            RecordRef::Stage(_) => RecordKind::Stage,
            RecordRef::Payload(_) => RecordKind::Payload,
            RecordRef::Tree(_) => RecordKind::Tree,
            RecordRef::Note(_) => RecordKind::Note,
            RecordRef::Call(_) => RecordKind::Call,
        }
    }

    /// Its place in the order of everything: `seq_send` of what it is or belongs to; 0 for what
    /// belongs to the whole trace.
    pub fn seq(&self) -> u64 {
        match self {
            RecordRef::Op(op) => op.seq_send,
            RecordRef::Stage(stage) => stage.op_seq,
            RecordRef::Payload(_) => 0,
            RecordRef::Tree(tree) => tree.seq,
            RecordRef::Note(note) => note.seq,
            RecordRef::Call(call) => call.seq_send,
        }
    }

    /// When it happened, in nanoseconds after the base of the header, for kinds that know.
    pub fn time_ns(&self) -> Option<u64> {
        match self {
            RecordRef::Op(op) => Some(op.time_ns),
            RecordRef::Call(call) => Some(call.time_ns),
            RecordRef::Stage(_)
            | RecordRef::Payload(_)
            | RecordRef::Tree(_)
            | RecordRef::Note(_) => None,
        }
    }
}

macro_rules! from_records {
    ($($owned:ident, $borrowed:ident => $variant:ident;)*) => {$(
        impl From<$owned> for Record {
            fn from(record: $owned) -> Record {
                Record::$variant(record)
            }
        }

        impl<'a> From<$borrowed<'a>> for RecordRef<'a> {
            fn from(record: $borrowed<'a>) -> RecordRef<'a> {
                RecordRef::$variant(record)
            }
        }
    )*};
}

from_records! {
    OpRecord, OpRef => Op;
    StageRecord, StageRef => Stage;
    PayloadRecord, PayloadRecordRef => Payload;
    TreeRecord, TreeRef => Tree;
    NoteRecord, NoteRef => Note;
    CallRecord, CallRef => Call;
}
