//! A filesystem as text, in both directions, and as a table.
//!
//! The form is described at [`MemFs::from_tree`]. It is for fixtures and for looking at results,
//! not for storing: what a reader would get wrong is that text has no inode numbers, directory
//! positions, access, change and creation times, and no nodes without a name. It keeps exactly what
//! [`MemFs::digest`] is over.
//!
//! [`MemFs::from_tree`]: crate::MemFs::from_tree
//! [`MemFs::digest`]: crate::MemFs::digest

mod build;
mod error;
mod lex;
mod line;
mod print;
mod rows;

pub use error::{TreeError, TreeProblem};
pub use rows::TreeRow;
