//! File data: how an operation refers to it, and the store that keeps it once.

use core::fmt;

use super::PayloadDigest;
use crate::PayloadMode;

/// Name of a payload: the first 16 bytes of its BLAKE3 hash, so that `b3sum` finds it again.
/// Minted by hashing, owned by nobody, never dies.
///
/// ```
/// use fuserig_traces::record::PayloadId;
/// let id = PayloadId::of(b"hello");
/// assert_eq!(id.to_string(), "ea8f163db38682925e4491c5e58d4bb3");
/// assert_eq!(PayloadId::parse("ea8f163db38682925e4491c5e58d4bb3"), Some(id));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadId(pub [u8; 16]);

impl PayloadId {
    /// The name of `bytes`.
    pub fn of(bytes: &[u8]) -> PayloadId {
        let mut id = [0; 16];
        id.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
        PayloadId(id)
    }

    /// Reads 32 lower-case hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<PayloadId> {
        parse_digits(text).map(PayloadId)
    }
}

/// Sixteen bytes from 32 lower-case hexadecimal digits.
pub(super) fn parse_digits(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

/// The inverse of [`parse_digits`].
pub(super) fn put_digits(out: &mut fmt::Formatter<'_>, bytes: &[u8; 16]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

impl fmt::Display for PayloadId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        put_digits(out, &self.0)
    }
}

impl fmt::Debug for PayloadId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PayloadId({self})")
    }
}

/// File data of an operation, as much of it as the payload mode of the trace keeps.
///
/// ```
/// use fuserig_traces::record::{Payload, PayloadDigest};
/// let data = Payload::Digest { len: 5, digest: PayloadDigest::of(b"hello") };
/// assert_eq!(data.len(), Some(5));
/// assert_eq!(Payload::None.len(), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// The operation carried no data, or the mode is `none`.
    #[default]
    None,
    /// Only the length in bytes was kept (mode `len`).
    Len(u64),
    /// Length and name (mode `full`, with the bytes in a [`PayloadRecord`]). Traces of format 1.0
    /// have it in mode `hash` as well, without the bytes.
    Ref {
        /// Length in bytes.
        len: u64,
        /// Name of the bytes.
        id: PayloadId,
    },
    /// The bytes themselves (mode `full`, small ones).
    Inline(Vec<u8>),
    /// Length and digest (mode `hash`).
    Digest {
        /// Length in bytes.
        len: u64,
        /// Digest of the bytes.
        digest: PayloadDigest,
    },
}

/// A [`Payload`] that borrows its bytes.
///
/// ```
/// use fuserig_traces::record::PayloadRef;
/// assert_eq!(PayloadRef::Inline(b"hello").len(), Some(5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadRef<'a> {
    /// See [`Payload::None`].
    #[default]
    None,
    /// See [`Payload::Len`].
    Len(u64),
    /// See [`Payload::Ref`].
    Ref {
        /// Length in bytes.
        len: u64,
        /// Name of the bytes.
        id: PayloadId,
    },
    /// See [`Payload::Inline`].
    Inline(&'a [u8]),
    /// See [`Payload::Digest`].
    Digest {
        /// Length in bytes.
        len: u64,
        /// Digest of the bytes.
        digest: PayloadDigest,
    },
}

impl Payload {
    /// Borrows the payload.
    pub fn as_ref(&self) -> PayloadRef<'_> {
        match self {
            Payload::None => PayloadRef::None,
            Payload::Len(len) => PayloadRef::Len(*len),
            Payload::Ref { len, id } => PayloadRef::Ref { len: *len, id: *id },
            Payload::Inline(bytes) => PayloadRef::Inline(bytes),
            Payload::Digest { len, digest } => PayloadRef::Digest { len: *len, digest: *digest },
        }
    }

    /// Length in bytes, or `None` where nothing about data was kept.
    #[expect(clippy::len_without_is_empty, reason = "no data and empty data are different answers")]
    pub fn len(&self) -> Option<u64> {
        self.as_ref().len()
    }
}

impl PayloadRef<'_> {
    /// Copies the payload.
    pub fn to_owned(&self) -> Payload {
        match *self {
            PayloadRef::None => Payload::None,
            PayloadRef::Len(len) => Payload::Len(len),
            PayloadRef::Ref { len, id } => Payload::Ref { len, id },
            PayloadRef::Inline(bytes) => Payload::Inline(bytes.to_vec()),
            PayloadRef::Digest { len, digest } => Payload::Digest { len, digest },
        }
    }

    /// Length in bytes, or `None` where nothing about data was kept.
    #[expect(clippy::len_without_is_empty, reason = "no data and empty data are different answers")]
    pub fn len(&self) -> Option<u64> {
        match *self {
            PayloadRef::None => None,
            PayloadRef::Len(len) | PayloadRef::Ref { len, .. } | PayloadRef::Digest { len, .. } => {
                Some(len)
            }
            PayloadRef::Inline(bytes) => Some(bytes.len() as u64),
        }
    }

    /// Whether both can be of the same data: nothing that one of them keeps is wrong of the other.
    /// Of a name and a digest that is the length alone. No data are as long as empty data; where a
    /// mode kept nothing, that is for the header to say.
    ///
    /// ```
    /// use fuserig_traces::record::{PayloadDigest, PayloadId, PayloadRef};
    /// let hello = PayloadRef::Inline(b"hello");
    /// let named = PayloadRef::Ref { len: 5, id: PayloadId::of(b"hello") };
    /// let digest = |bytes| PayloadRef::Digest { len: 5, digest: PayloadDigest::of(bytes) };
    /// assert!(hello.agrees(&named) && hello.agrees(&digest(b"hello")));
    /// assert!(!hello.agrees(&digest(b"HELLO")));
    /// assert!(named.agrees(&digest(b"HELLO")), "nobody can know");
    /// ```
    pub fn agrees(&self, other: &PayloadRef<'_>) -> bool {
        use PayloadRef::{Digest, Inline, Len, None, Ref};
        if self.len().unwrap_or(0) != other.len().unwrap_or(0) {
            return false;
        }
        match (*self, *other) {
            (Inline(one), Inline(two)) => one == two,
            (Inline(bytes), Ref { id, .. }) | (Ref { id, .. }, Inline(bytes)) => {
                id == PayloadId::of(bytes)
            }
            (Inline(bytes), Digest { digest, .. }) | (Digest { digest, .. }, Inline(bytes)) => {
                digest == PayloadDigest::of(bytes)
            }
            (Ref { id: one, .. }, Ref { id: two, .. }) => one == two,
            (Digest { digest: one, .. }, Digest { digest: two, .. }) => one == two,
            (Ref { .. }, Digest { .. }) | (Digest { .. }, Ref { .. }) => true,
            (None | Len(_), _) | (_, None | Len(_)) => true,
        }
    }
}

impl PayloadMode {
    /// What this mode keeps of `bytes`, or `None` where it keeps the bytes themselves.
    ///
    /// ```
    /// use fuserig_traces::PayloadMode;
    /// use fuserig_traces::record::PayloadRef;
    /// assert_eq!(PayloadMode::Len.summary(b"hello"), Some(PayloadRef::Len(5)));
    /// assert_eq!(PayloadMode::Full.summary(b"hello"), None);
    /// ```
    pub fn summary(self, bytes: &[u8]) -> Option<PayloadRef<'static>> {
        let len = bytes.len() as u64;
        match self {
            PayloadMode::None => Some(PayloadRef::None),
            PayloadMode::Len => Some(PayloadRef::Len(len)),
            PayloadMode::Hash => Some(PayloadRef::Digest { len, digest: PayloadDigest::of(bytes) }),
            PayloadMode::Full => None,
        }
    }
}

/// Bytes of a payload, stored once however many operations refer to them (block kind PAYLOAD).
///
/// ```
/// use fuserig_traces::record::{PayloadId, PayloadRecord};
/// let stored = PayloadRecord::new(b"hello".to_vec());
/// assert_eq!(stored.id, PayloadId::of(b"hello"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayloadRecord {
    /// Name of `bytes`. `verify` compares it with the hash.
    pub id: PayloadId,
    /// The data.
    pub bytes: Vec<u8>,
}

/// A [`PayloadRecord`] that borrows its bytes.
///
/// ```
/// use fuserig_traces::record::{PayloadId, PayloadRecordRef};
/// let stored = PayloadRecordRef { id: PayloadId::of(b"hello"), bytes: b"hello" };
/// assert_eq!(stored.to_owned().bytes, b"hello");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadRecordRef<'a> {
    /// See [`PayloadRecord::id`].
    pub id: PayloadId,
    /// See [`PayloadRecord::bytes`].
    pub bytes: &'a [u8],
}

impl PayloadRecord {
    /// A record of `bytes` under their right name.
    pub fn new(bytes: Vec<u8>) -> PayloadRecord {
        PayloadRecord { id: PayloadId::of(&bytes), bytes }
    }

    /// Borrows the record.
    pub fn as_ref(&self) -> PayloadRecordRef<'_> {
        PayloadRecordRef { id: self.id, bytes: &self.bytes }
    }
}

impl PayloadRecordRef<'_> {
    /// Copies the record.
    pub fn to_owned(&self) -> PayloadRecord {
        PayloadRecord { id: self.id, bytes: self.bytes.to_vec() }
    }
}
