//! Reading a trace, block by block.
//!
//! The reader goes forwards once, keeps one block in memory, and lends its records. It repairs
//! nothing and hides nothing: a part of the file that cannot be read is left out and listed in
//! [`TraceReader::damage`], which a caller that needs every record must look at. A reader of this
//! code would get wrong that errors are rare: only what makes the whole file unreadable (another
//! version, a kind that must be understood) is one.

mod block;
mod damage;
mod open;
mod options;
mod records;
mod search;
mod trace_reader;
mod window;

pub use block::Block;
pub use damage::{Damage, DamageKind, DamageReport};
pub use options::{FooterInfo, ReadLimits, ReadOptions};
pub use records::Records;
pub use trace_reader::TraceReader;
