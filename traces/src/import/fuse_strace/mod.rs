//! strace logs of a *daemon*: the raw messages of `/dev/fuse`, in escapes, as operations.
//!
//! Made for `strace -f -e trace=read,write,readv,writev -P /dev/fuse -xx -s N -ttt` of any daemon
//! (libfuse 2 and 3, fuser, others), with or without `-f`, `-y`, `-T`, with any form of time. The
//! messages are kept verbatim, so nothing is translated and nothing is made up; what the log does
//! not show (splice without the ends of its pipe, data cut by `-s`) is reported by line.
//! It refuses to guess: a call on a descriptor that is not known to be the device counts as one of
//! something else. What a reader would get wrong: a request is seen when `read` *returns*, but a
//! reply counts from when `write` *begins*, because the kernel may wake the caller before strace
//! prints the end of the write.

mod call;
mod fuzz;
mod head;
mod importer;
mod options;
mod pipes;
mod report;
mod session;
#[cfg(test)]
mod tests;

#[doc(hidden)]
pub use fuzz::fuzz_entry_fuse_strace;
pub use importer::import_fuse_strace;
pub use options::FuseStraceOptions;
pub use report::{FuseStraceReport, Problem, ProblemKind};
