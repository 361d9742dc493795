//! One set of cases for every [`Lower`](crate::Lower): what POSIX and Linux say about each
//! operation, as text, run against any implementation.
//!
//! A case is a name, the rule it pins with its source, and a few steps with their outcome. The
//! simulated filesystem and a directory of the host are asked the same questions, so a wrong
//! expectation shows on the host and a wrong simulation shows beside it. A filesystem that
//! legitimately differs is named in the case, with the reason.
//!
//! What it refuses to do: know anything about the implementation it runs on, or skip silently.
//! What a reader would get wrong: paths in steps are walked by this module, as root and without
//! following symbolic links; only the last step of a walk is the operation under test.
//!
//! # The language
//!
//! ```text
//! case a directory cannot be moved into itself
//! rule man 2 rename, EINVAL: the new path contains a path prefix of the old
//!   mkdir /a
//!   rename /a /a/b                    -> EINVAL
//!   alice: rename /a /c               -> EACCES
//! ```
//!
//! Lines at the margin: `case NAME`, `rule TEXT` (required), `only ARM,... because TEXT`,
//! `skip ARM,... because TEXT`. Indented lines are steps: an optional caller, a command, and after
//! `->` the outcome, which is `ok` (also when absent), an errno, `nothing`, or words that the
//! answer must have. A step may be followed by `except ARM,... -> OUTCOME because TEXT`.
//! `#` starts a comment line.
//!
//! Callers: `root`, `alice` (1001), `bob` (1002), `carol` (1003), each with its own group, followed
//! by any of `/GID` (a supplementary group), `-all` (no capability) and `+CAPABILITY`.
//!
//! Words: `'quoted text'`, and the escapes `\n`, `\\`, `\'`, `\xNN`, `\{a*300}` (300 times `a`)
//! and `\a{u=6,u:1001=4,g=0,m=7,o=0}` (an access control list in the kernel's form).
//! Nodes are `/paths`, `@node` for one remembered by `node NAME PATH`, or `@node/path`; a place is
//! a node whose last component is a name that need not exist. Open files have plain names.
//! Numbers may end in `K` or `M`; `max` is the largest offset, 2^63 - 1.
//!
//! The commands are listed at [`Case`].

mod attrs;
mod caller;
mod case;
mod files;
mod names;
mod outcome;
mod parse;
mod run;
mod scan;
mod words;

pub use case::{Case, CaseError, Step};
pub use outcome::{Failure, Verdict};
pub use parse::{builtin, parse};
pub use run::run;
