//! The steps of the state machine, and the ways the modelled kernel stops.

use fuserig_abi::{Opcode, Quirk};

/// A step of SEMANTICS 2.2. The number is the P number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Step {
    /// P0: is there a backing inode at all?
    Enter,
    /// P1: fill meta and in arguments.
    InitializeIn,
    /// P2: call the prefilter.
    Prefilter,
    /// P3: a negative code ends the run.
    Check,
    /// P4: ask the daemon when the code says so.
    DaemonPrefilter,
    /// P5: in buffers become immutable.
    Freeze,
    /// P6: fill out arguments.
    InitializeOut,
    /// P7: leave for the ordinary path when the code says so.
    User,
    /// P8: the lower operation.
    Lower,
    /// P9: CONTINUE needs no postfilter.
    Stop,
    /// P10: call the postfilter.
    Postfilter,
    /// P11: ask the daemon when the code says so.
    DaemonPostfilter,
    /// P12: finalize.
    Finalize,
    /// P13: free private buffers.
    Free,
    /// P14: hand the result to the caller.
    Result,
}

impl Step {
    /// Every step in order.
    pub const ALL: [Step; 15] = [
        Step::Enter,
        Step::InitializeIn,
        Step::Prefilter,
        Step::Check,
        Step::DaemonPrefilter,
        Step::Freeze,
        Step::InitializeOut,
        Step::User,
        Step::Lower,
        Step::Stop,
        Step::Postfilter,
        Step::DaemonPostfilter,
        Step::Finalize,
        Step::Free,
        Step::Result,
    ];

    /// The P number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// The modelled kernel cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A NULL or wild access, or a BUG: an outcome of its own, never an errno.
    Crash(Quirk),
    /// The caller waits for ever and cannot be killed.
    Hang(Quirk),
    /// The daemon took a request and never answered it; the caller waits until it does.
    Unanswered(Opcode),
}

impl Stop {
    /// Whether the caller waits for ever, and keeps what it holds.
    pub const fn is_hang(self) -> bool {
        matches!(self, Stop::Hang(_) | Stop::Unanswered(_))
    }
}
