//! What one step of the pipeline saw and decided.

use core::fmt;

macro_rules! stage_kinds {
    ($($constant:ident = $number:literal, $name:literal: $doc:literal;)*) => {
        impl StageKind {
            $(
                #[doc = $doc]
                pub const $constant: StageKind = StageKind($number);
            )*

            /// Every kind that has a name, in number order.
            pub const NAMED: &'static [(StageKind, &'static str)] =
                &[$((StageKind::$constant, $name)),*];

            /// What each of [`StageKind::NAMED`] says, as a sentence, in the same order.
            pub const ABOUT: &'static [&'static str] = &[$($doc),*];
        }
    };
}

/// What a [`StageRecord`] tells about. Numbers are part of the format; those without a name here
/// are kept.
///
/// ```
/// use fuserig_traces::record::StageKind;
/// assert_eq!(StageKind::LOWER_RETURN.name(), Some("lower_return"));
/// assert_eq!(StageKind::from_name("lower_return"), Some(StageKind::LOWER_RETURN));
/// assert_eq!(StageKind(9000).to_string(), "stage#9000");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StageKind(pub u16);

stage_kinds! {
    PREFILTER_CALL = 1, "prefilter_call": "The filter is about to be asked before the operation.";
    PREFILTER_RETURN = 2, "prefilter_return": "The prefilter's verdict; `code` is its number.";
    DAEMON_REQUEST = 3, "daemon_request": "A request went to the userspace daemon.";
    DAEMON_REPLY = 4, "daemon_reply": "The daemon answered; `code` is the error of its reply.";
    LOWER_CALL = 5, "lower_call": "The lower filesystem is about to be asked.";
    LOWER_RETURN = 6, "lower_return": "The lower answered; `code` is its result.";
    POSTFILTER_CALL = 7, "postfilter_call": "The filter is about to be asked afterwards.";
    POSTFILTER_RETURN = 8, "postfilter_return": "The postfilter's verdict; `code` is its number.";
    DEFAULT_CALL = 9, "default_call": "The kernel's default for the slot starts.";
    DEFAULT_RETURN = 10, "default_return": "The default ended; `code` is its result.";
    FINALIZE = 11, "finalize": "The finalize step of the operation; `code` is its result.";
    BUFFER_ROW = 12, "buffer_row": "State of one `fuse_buffer` after a step; in `detail`.";
    BUFFER_FREED = 13, "buffer_freed": "A buffer was given back; `code` is its number.";
    BUFFER_LEAKED = 14, "buffer_leaked": "A buffer was lost; `code` is its number.";
    QUIRK = 15, "quirk": "A quirk of the modelled kernel acted; its id is `detail`.";
    CRASH = 16, "crash": "The modelled kernel would have crashed; quirk id in `detail`.";
    PRINTK = 17, "printk": "The filter printed; text in `detail`.";
    AGAIN = 18, "again": "The operation starts over; `code` counts the rounds.";
    RESULT = 19, "result": "What the caller gets; `code` is 0, a count or a negative errno.";
    VIOLATION = 20, "violation": "An invariant did not hold; its id is `detail`.";
    FAULT = 21, "fault": "A fault was injected; its description is `detail`.";
    SCHEDULE = 22, "schedule": "The scheduler chose; `code` is the client that goes on.";
    LOCK = 23, "lock": "A request waits for or got an inode lock; `detail` says which.";
    MAP = 24, "map": "The filter changed a map; key and value are `detail`.";
    OUTPUT = 25, "output": "The filter gave a record to a reader: map, NUL, bytes in `detail`.";
    TRAP = 26, "trap": "An engine stopped the filter at instruction `code`; why in `detail`.";
}

impl StageKind {
    /// The name, or `None` for a number of a newer version.
    pub fn name(self) -> Option<&'static str> {
        StageKind::NAMED.iter().find(|(kind, _)| *kind == self).map(|(_, name)| *name)
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<StageKind> {
        StageKind::NAMED.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

impl fmt::Display for StageKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => out.write_str(name),
            None => write!(out, "stage#{}", self.0),
        }
    }
}

/// What one step of the pipeline saw and decided about one operation (block kind STAGES).
///
/// ```
/// use fuserig_traces::record::{StageKind, StageRecord};
/// let verdict = StageRecord {
///     op_seq: 17,
///     step: 3,
///     kind: StageKind::PREFILTER_RETURN,
///     slot: StageRecord::slot_of(4, false),
///     code: -2,
///     detail: Vec::new(),
/// };
/// assert_eq!(verdict.slot, 8);
/// assert_eq!(verdict.as_ref().to_owned(), verdict);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRecord {
    /// `seq_send` of the operation this belongs to.
    pub op_seq: u64,
    /// The step of the pipeline, 0 to 14 for P0 to P14.
    pub step: u8,
    /// What happened.
    pub kind: StageKind,
    /// The callback: operation index times two, plus one for the postfilter; or
    /// [`StageRecord::NO_SLOT`].
    pub slot: u16,
    /// Verdict, errno or count, as `kind` says.
    pub code: i64,
    /// Bytes or text, as `kind` says.
    pub detail: Vec<u8>,
}

/// A [`StageRecord`] that borrows its bytes. Cheap to copy.
///
/// ```
/// use fuserig_traces::record::{StageRecord, StageRef};
/// assert_eq!(StageRef::default().slot, StageRecord::NO_SLOT);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageRef<'a> {
    /// See [`StageRecord::op_seq`].
    pub op_seq: u64,
    /// See [`StageRecord::step`].
    pub step: u8,
    /// See [`StageRecord::kind`].
    pub kind: StageKind,
    /// See [`StageRecord::slot`].
    pub slot: u16,
    /// See [`StageRecord::code`].
    pub code: i64,
    /// See [`StageRecord::detail`].
    pub detail: &'a [u8],
}

impl StageRecord {
    /// The step concerns no callback.
    pub const NO_SLOT: u16 = 0xffff;

    /// The slot number of an operation of the ABI's table, for its prefilter or postfilter.
    pub fn slot_of(op_index: u16, postfilter: bool) -> u16 {
        op_index.saturating_mul(2).saturating_add(u16::from(postfilter))
    }

    /// Borrows the record.
    pub fn as_ref(&self) -> StageRef<'_> {
        StageRef {
            op_seq: self.op_seq,
            step: self.step,
            kind: self.kind,
            slot: self.slot,
            code: self.code,
            detail: &self.detail,
        }
    }
}

impl Default for StageRecord {
    fn default() -> StageRecord {
        StageRef::default().to_owned()
    }
}

impl Default for StageRef<'_> {
    fn default() -> Self {
        StageRef {
            op_seq: 0,
            step: 0,
            kind: StageKind(0),
            slot: StageRecord::NO_SLOT,
            code: 0,
            detail: &[],
        }
    }
}

impl StageRef<'_> {
    /// Copies the record.
    pub fn to_owned(&self) -> StageRecord {
        StageRecord {
            op_seq: self.op_seq,
            step: self.step,
            kind: self.kind,
            slot: self.slot,
            code: self.code,
            detail: self.detail.to_vec(),
        }
    }
}
