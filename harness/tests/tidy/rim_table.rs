//! Which outside thing has which home: the table of the rim rule.
//!
//! A home is a prefix of a path, so that a file may grow into a directory. The last column of a row
//! is shown to whoever breaks it.

/// What a row of the table forbids elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    /// A path that begins with this crate, such as `bincode::encode`.
    Crate(&'static str),
    /// A type of the standard library, by its bare name.
    Type(&'static str),
    /// A module of the standard library, as `std::fs` or inside `use std::{...}`.
    StdModule(&'static str),
    /// A macro that is called.
    Macro(&'static str),
}

impl Use {
    /// The bare name that is looked for.
    pub(super) fn name(self) -> &'static str {
        match self {
            Use::Crate(name) | Use::Type(name) | Use::StdModule(name) | Use::Macro(name) => name,
        }
    }

    /// The name as a message shows it.
    pub(super) fn spelled(self) -> String {
        match self {
            Use::Crate(name) | Use::Type(name) => format!("`{name}`"),
            Use::StdModule(name) => format!("`std::{name}`"),
            Use::Macro(name) => format!("`{name}!`"),
        }
    }
}

/// One row: what, the path prefixes where it may be, and why it has one home.
pub(super) struct Rim {
    pub(super) what: Use,
    pub(super) homes: &'static [&'static str],
    pub(super) why: &'static str,
}

const CLOCK: &[&str] = &["harness/src/rim/clock.rs"];
/// fuser carries file times as this type.
const STAMPS: &[&str] = &["harness/src/rim/clock.rs", "harness/src/mount"];
const PRINT: &[&str] = &["harness/src/cli/", "harness/src/main.rs"];
const THREADS: &[&str] =
    &["harness/src/rim/", "harness/src/campaign", "harness/src/door/", "harness/src/mount"];

/// Files are touched by these modules only; everything else takes and gives bytes.
const FILES: &[&str] = &[
    "filters/src/engine/kernel",
    "harness/src/campaign",
    "harness/src/cli/",
    "harness/src/door/",
    "harness/src/mount",
    "harness/src/rim/",
    "sim-fs/src/host",
    "traces/src/import/open.rs",
];

/// What is kept where. A new outside crate with one home gets a row.
pub(super) const RIMS: &[Rim] = &[
    Rim {
        what: Use::Crate("bincode"),
        homes: &["traces/src/codec"],
        why: "it is unmaintained and must be replaceable without touching a file on disk",
    },
    Rim {
        what: Use::Crate("twox_hash"),
        homes: &["traces/src/record/digest.rs"],
        why: "what a digest of a payload is belongs to the format and stands in one place",
    },
    Rim {
        what: Use::Crate("rbpf"),
        homes: &["filters/src/engine/rbpf", "filters/benches/engine.rs"],
        why: "it is wrong on some instructions and runs only behind the legaliser",
    },
    Rim {
        what: Use::Crate("object"),
        homes: &["filters/src/object/elf.rs"],
        why: "everything behind the reader works on sections, symbols and relocations of our own",
    },
    Rim {
        what: Use::Crate("libc"),
        homes: &["filters/src/engine/kernel", "harness/src/mount/policy.rs"],
        why: "rustix wraps every system call but bpf() and sched_setscheduler()",
    },
    Rim {
        what: Use::Crate("fuser"),
        homes: &["harness/src/mount", "harness/src/door/"],
        why: "its types stay out of everything but the doors made for it",
    },
    Rim {
        what: Use::Crate("mimalloc"),
        homes: &["harness/src/main.rs", "harness/benches/simulation.rs"],
        why: "which allocator a program has is for the program to say",
    },
    Rim {
        what: Use::Crate("clap"),
        homes: &["harness/src/cli/", "harness/src/main.rs"],
        why: "the library does not know how it was asked",
    },
    Rim { what: Use::Type("SystemTime"), homes: STAMPS, why: "ask the virtual clock" },
    Rim {
        what: Use::Crate("clap_complete"),
        homes: &["harness/src/cli/manual.rs"],
        why: "scripts of shells come from the command line alone",
    },
    Rim {
        what: Use::Crate("clap_mangen"),
        homes: &["harness/src/cli/manual.rs"],
        why: "manual pages come from the command line alone",
    },
    Rim {
        what: Use::Crate("proptest"),
        homes: &["harness/src/strategy", "harness/examples/", "harness/peers/src/"],
        why: "simulations draw from their own seed; strategies are the door for proptest's users",
    },
    Rim {
        what: Use::Crate("parquet"),
        homes: &["traces/src/export/columns.rs"],
        why: "it is optional, and its types stay out of everything but the one exporter",
    },
    Rim { what: Use::Type("Instant"), homes: CLOCK, why: "ask the virtual clock" },
    Rim { what: Use::StdModule("fs"), homes: FILES, why: "take bytes and give bytes" },
    Rim { what: Use::StdModule("thread"), homes: THREADS, why: "a run has one thread" },
    Rim {
        what: Use::StdModule("env"),
        homes: &["harness/src/cli/", "harness/src/rim/", "harness/src/main.rs"],
        why: "configuration is passed explicitly",
    },
    Rim { what: Use::Macro("println"), homes: PRINT, why: "return the text" },
    Rim { what: Use::Macro("print"), homes: PRINT, why: "return the text" },
    Rim { what: Use::Macro("eprintln"), homes: PRINT, why: "return the text" },
    Rim { what: Use::Macro("eprint"), homes: PRINT, why: "return the text" },
];
