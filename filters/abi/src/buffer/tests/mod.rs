//! The buffer rules against the words of the tables: every state, then the typical ones, then the
//! quirks.

mod every_state;
mod oracle;
mod quirks;
mod typical;
