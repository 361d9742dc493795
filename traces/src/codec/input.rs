//! Values of a block's body, read one after the other.

use bincode::config::{Configuration, Fixint, LittleEndian};
use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use bincode::{BorrowDecode, Encode};

/// Most records in one block. A block whose columns are all constant holds its records in no
/// bytes at all, so without this limit a small file could claim any number of them.
pub(crate) const MAX_BLOCK_RECORDS: usize = 16384;

const CONFIG: Configuration<LittleEndian, Fixint> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding();

/// Why the body of a block is not what its kind asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset} of the block: {why}")]
pub(crate) struct CodecError {
    /// Which part of the block.
    pub(crate) what: &'static str,
    /// Where it begins in the uncompressed block.
    pub(crate) offset: usize,
    /// What is wrong with it.
    pub(crate) why: &'static str,
}

/// Memory that takes what is encoded, field by field. [`std::io::Write`] has more to say about each
/// field, and nobody listens.
struct Memory<'a>(&'a mut Vec<u8>);

impl Writer for Memory<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Appends the bincode form of a value.
#[inline]
pub(super) fn put<T: Encode>(out: &mut Vec<u8>, value: T) {
    bincode::encode_into_writer(value, Memory(out), CONFIG)
        .expect("writing to memory succeeds and no type here has a form that bincode refuses");
}

/// Appends bytes with their length.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes);
}

/// A place in bytes that live elsewhere: in the block, or in the arena of its pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Span {
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.len as usize]
    }
}

/// Reads a block's body value by value, knowing where it is.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(super) bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { bytes, at: 0 }
    }

    pub(super) fn error(&self, what: &'static str, why: &'static str) -> CodecError {
        CodecError { what, offset: self.at, why }
    }

    pub(super) fn take<T: BorrowDecode<'a, ()>>(
        &mut self,
        what: &'static str,
    ) -> Result<T, CodecError> {
        // The types here are numbers, byte arrays and borrowed bytes: bincode takes the latter from
        // the slice only when it is that long, so a length from the file allocates nothing.
        match bincode::borrow_decode_from_slice::<T, _>(&self.bytes[self.at..], CONFIG) {
            Ok((value, used)) => {
                self.at += used;
                Ok(value)
            }
            Err(_cut) => Err(self.error(what, "ends early or has an impossible number")),
        }
    }

    /// Bytes with their length, as the place where they are.
    pub(super) fn take_span(&mut self, what: &'static str) -> Result<Span, CodecError> {
        let bytes: &[u8] = self.take(what)?;
        let start = self.at - bytes.len();
        match (u32::try_from(start), u32::try_from(bytes.len())) {
            (Ok(start), Ok(len)) => Ok(Span { start, len }),
            _ => Err(self.error(what, "is longer than a block can be")),
        }
    }

    /// The number of records that the block says it has.
    pub(super) fn take_count(&mut self) -> Result<usize, CodecError> {
        let count: u32 = self.take("record count")?;
        let count = count as usize;
        if count > MAX_BLOCK_RECORDS {
            return Err(self.error("record count", "is more than a block may hold"));
        }
        Ok(count)
    }
}
