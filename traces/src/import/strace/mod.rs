//! `strace -f -ttt -T -y` logs of an application, as system calls of clients below a root.
//!
//! Made for logs of `strace -f -ttt -T -y -s 1048576 -e trace=%file,%desc,%process,%creds,umask`,
//! versions 5 and 6; fewer options mean a longer report. It keeps what the log says and makes up
//! nothing: data that are not in the log are losses in the report, and a line that is not
//! understood is named. It refuses to know what a call does; that is for the replay. What a reader
//! would get wrong: the order of the records is that of the *starts* of the calls, and calls that
//! overlapped keep both numbers, so that a replay may choose.
//!
//! The way of a line: `source` (bytes) -> `line` (who, when, what event) -> `importer` (halves of
//! calls, tasks) -> `syntax` (arguments and result) -> `translate` (one record) -> `emit` (order).

mod args;
mod cursor;
mod emit;
mod error;
mod fuzz;
mod halves;
mod importer;
mod line;
mod links;
mod options;
mod paths;
mod process;
mod report;
mod root;
mod session;
mod source;
mod syntax;
mod term;
#[cfg(test)]
mod tests;
mod translate;

pub use error::ImportError;
#[doc(hidden)]
pub use fuzz::fuzz_entry_strace;
pub use importer::import_strace;
pub use options::StraceOptions;
pub use report::{ImportReport, Loss, LossKind, NotUnderstood, Note};
