//! What a replay found.

use std::collections::BTreeMap;

use fuserig_abi::Opcode;

/// The reason of what the recorder cut.
pub(super) const CUT: &str = "cut in the recording";
/// The reason of what a recording that begins within a session leaves open.
pub(super) const BEFORE: &str = "it differs, and rests on what was before the recording";

/// A reply that differs.
///
/// ```
/// use fuserig::wire_replay::WireDivergence;
/// use fuserig_abi::Opcode;
/// let found = WireDivergence {
///     sequence: 7,
///     opcode: Opcode::GETATTR,
///     field: "size".into(),
///     recorded: "3".into(),
///     ours: "4".into(),
/// };
/// assert_eq!(found.to_string(), "7 FUSE_GETATTR size: recorded 3, ours 4");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireDivergence {
    /// The request's place in the recording.
    pub sequence: u64,
    /// The operation.
    pub opcode: Opcode,
    /// What differs.
    pub field: String,
    /// The recorded value.
    pub recorded: String,
    /// Ours.
    pub ours: String,
}

impl core::fmt::Display for WireDivergence {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let WireDivergence { sequence, opcode, field, recorded, ours } = self;
        write!(f, "{sequence} {opcode} {field}: recorded {recorded}, ours {ours}")
    }
}

/// The outcome of a replay.
///
/// ```
/// use fuserig::wire_replay::WireReport;
/// assert!(WireReport::default().is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireReport {
    /// Requests that were served.
    pub served: u64,
    /// Replies that were compared and equal.
    pub equal: u64,
    /// Replies that differ.
    pub diverged: u64,
    /// Requests whose reply was not compared, by reason.
    pub uncompared: BTreeMap<&'static str, u64>,
    /// The first differences, as many as were asked for.
    pub divergences: Vec<WireDivergence>,
}

impl WireReport {
    /// Whether nothing was served.
    pub fn is_empty(&self) -> bool {
        self.served == 0
    }

    /// Requests of which nobody can say what they did: their reply differs and rests on a state
    /// that the recording does not show, or the recorder kept only a part of them.
    ///
    /// ```
    /// use fuserig::wire_replay::WireReport;
    /// assert_eq!(WireReport::default().unjudged(), 0);
    /// ```
    pub fn unjudged(&self) -> u64 {
        [BEFORE, CUT].iter().filter_map(|reason| self.uncompared.get(reason)).sum()
    }

    /// Whether every compared reply is equal, and there was one.
    pub fn agrees(&self) -> bool {
        self.diverged == 0 && self.equal > 0
    }
}
