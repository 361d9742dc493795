//! `fuserig abi`: descriptions of the struct_ops ABI, looked at and printed.

mod args;
mod built_in;
mod c_header;
mod check;
mod cost;
mod diff;
mod entry;
mod gate;
mod review;
mod source;
mod subject;

pub(super) use args::AbiCommand;
pub(super) use diff::write_reports;
pub(super) use entry::abi;
