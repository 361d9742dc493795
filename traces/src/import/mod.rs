//! Importers: logs of other tools, made into records.
//!
//! Each importer streams: it hands out records as it reads, and returns a report of what it could
//! not translate, by line. None of them writes a trace file; whoever calls decides where records
//! go. What a reader would get wrong: an import is not a replay, so nothing here judges whether
//! the log makes sense, only what it says.

mod clock;
mod fuse_strace;
mod lines;
mod log_error;
mod open;
mod strace;
mod table;
mod tracepoints;
mod words;

#[doc(hidden)]
pub use fuse_strace::fuzz_entry_fuse_strace;
pub use fuse_strace::{
    FuseStraceOptions, FuseStraceReport, Problem, ProblemKind, import_fuse_strace,
};
pub use log_error::LogError;
pub use open::{open_log, open_log_from};
#[doc(hidden)]
pub use strace::fuzz_entry_strace;
pub use strace::{
    ImportError, ImportReport, Loss, LossKind, NotUnderstood, Note, StraceOptions, import_strace,
};
#[doc(hidden)]
pub use table::fuzz_entry_table;
pub use table::{TableForm, TableReport, import_table};
#[doc(hidden)]
pub use tracepoints::fuzz_entry_tracepoints;
pub use tracepoints::{TracepointReport, import_tracepoints};
