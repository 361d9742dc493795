//! Records to bytes and back: the only module that names bincode.
//!
//! A block's body is a sequence of bincode values (fixed width, little-endian), most of them
//! columns: one field of all records of the block, narrowed to the bytes that differ. Columns
//! restart in each block, so a block can be read without any other. The module refuses to know
//! files, checksums and compression. A reader would get wrong that a column's *length in bytes* is
//! what the file says and its *length in records* what the block's count says: nothing is
//! allocated before both agree, except up to [`MAX_BLOCK_RECORDS`] entries a column.

mod calls;
mod column;
mod extent;
mod frame;
mod index;
mod input;
mod numbers;
mod ops;
mod pool;
mod row;
mod small;
mod stages;
#[cfg(test)]
mod tests;

pub(crate) use calls::{CallValues, CallsBuilder, CallsColumns};
pub(crate) use column::Scratch;
pub(crate) use extent::Extent;
pub(crate) use frame::{
    BLOCK_HEAD_LEN, BlockHead, FOOTER_LEN, FOOTER_SYNC, Footer, PRELUDE_LEN, Prelude,
};
pub(crate) use index::{IndexColumns, IndexEntry};
pub(crate) use input::{CodecError, Input, MAX_BLOCK_RECORDS};
use input::{Span, put, put_bytes};
use numbers::{gap, ungap, unzigzag, zigzag};
pub(crate) use ops::{OpsBuilder, OpsColumns};
pub(crate) use row::put_row;
pub(crate) use small::{
    NotesBuilder, NotesColumns, PayloadsBuilder, PayloadsColumns, TreesBuilder, TreesColumns,
};
pub(crate) use stages::{StagesBuilder, StagesColumns};
