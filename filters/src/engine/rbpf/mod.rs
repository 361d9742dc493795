//! The interpreter of the crate rbpf as a second opinion.
//!
//! It is never asked about a program as it stands: [`legalise`] rewrites the forms that rbpf gets
//! wrong and refuses those it cannot do, with the reason. What a reader would get wrong: rbpf has
//! no budget, so that only a program that the checked interpreter has ended within its own may be
//! run here.

mod legalise;
mod pieces;
mod run;

pub use legalise::{IllegalForm, legalise};
#[cfg(test)]
pub(super) use pieces::planted;
pub(super) use pieces::runner;
pub use run::{RbpfError, run_legalised, run_plain};
