//! Ids of findings that have no table of their own.

/// The id of each finding that `check`, `replay` and `abi gate` make besides those of simulations,
/// of loading, of ABI differences and of quirks, and what it says.
pub const IDS: [(&str, &str); 12] = [
    ("load", "the filter does not load on this ABI (`check`)"),
    ("not-reached", "no request reached a member of the filter (`check`)"),
    ("no_trap", "an engine stopped the filter (`check`, `replay`)"),
    ("result", "a system call ends otherwise than recorded (`replay`)"),
    ("request", "a call causes another request than recorded (`replay`)"),
    ("stage", "a request goes another way through the pipeline than recorded (`replay`)"),
    ("arrival", "a recorded call cannot be issued (`replay`)"),
    ("reply", "a FUSE message is answered otherwise than recorded (`replay`)"),
    ("behaviour", "a filter decides otherwise on the other ABI (`abi gate`)"),
    (
        "suppression-expired",
        "the policy suppresses something until a day that is over (`abi gate`)",
    ),
    ("nothing-ran", "there were no filters or no traces to run on (`abi gate`)"),
    ("suppression-unused", "the policy suppresses something that is not there (`abi gate`)"),
];
