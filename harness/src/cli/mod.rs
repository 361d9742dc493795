//! The command line: parse, call one library function, print, exit.
//!
//! Results go to standard output, everything else to standard error; same input, same bytes. This
//! is the only place that prints and the only one that knows exit codes.

mod abi;
mod adapt;
mod anonymise;
mod args;
mod args_import;
mod campaign;
mod campaign_fuzz;
mod check;
mod conform;
mod corpus_figures;
mod coverage;
mod doctor;
mod engine;
mod entry;
mod exit;
mod export;
mod files;
mod filter;
mod fuzz;
mod fuzz_args;
mod import;
mod import_fuse;
mod inspect;

mod import_guess;
mod import_table;
mod import_write;
mod interrupt;
mod judge;
mod maker;
mod manual;
mod meter;
#[cfg(feature = "fuser")]
mod mount;
mod output;
mod progress;
#[cfg(feature = "fuser")]
mod proxy;
mod replay;
mod replay_report;
mod run;
mod summary;
mod trace;
mod unsaid;
mod vet;
mod wire;

pub use entry::run;
pub use exit::Exit;
