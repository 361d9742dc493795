//! Why a trace cannot be made anonymous. Nothing is written then.

/// Something that would be copied without being understood, or cannot be replaced.
///
/// ```
/// use fuserig_traces::anonymise::AnonymiseError;
/// let error = AnonymiseError::ShortKey { bytes: 3 };
/// assert_eq!(error.to_string(), "anonymise: the key has 3 bytes; it needs at least 16");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnonymiseError {
    /// A key that could be guessed.
    #[error("anonymise: the key has {bytes} bytes; it needs at least {}", super::KEY_BYTES_MIN)]
    ShortKey {
        /// Its length in bytes.
        bytes: usize,
    },
    /// There are more names of a length than pseudonyms.
    #[error(
        "anonymise: there are too many names of {length} bytes to keep them apart; \
         use --lengths class"
    )]
    NoRoom {
        /// The length in bytes.
        length: usize,
    },
    /// A system call of a newer version.
    #[error("anonymise: sequence {seq}: call number {number} is unknown to this build")]
    UnknownCall {
        /// Its place in the order of everything.
        seq: u64,
        /// The number.
        number: u16,
    },
    /// Bytes where the table has none.
    #[error("anonymise: sequence {seq}: {place} holds bytes that no table describes")]
    UnknownBytes {
        /// The place of the record in the order of everything.
        seq: u64,
        /// The argument or output.
        place: String,
    },
    /// An operation of a newer version.
    #[error("anonymise: sequence {seq}: opcode {opcode} is unknown to this build")]
    UnknownOperation {
        /// Its place in the order of everything.
        seq: u64,
        /// The FUSE number.
        opcode: u16,
    },
    /// A body that has no layout of its operation.
    #[error("anonymise: sequence {seq}: the {side} of {operation} has no layout this build knows")]
    UnknownLayout {
        /// The place of the record in the order of everything.
        seq: u64,
        /// The operation.
        operation: &'static str,
        /// `request` or `reply`.
        side: &'static str,
    },
    /// A request of a filter to its daemon, whose body is not that of the operation.
    #[error(
        "anonymise: sequence {seq} is a request of a filter to its daemon, which is not supported"
    )]
    FilterRequest {
        /// The place of the record in the order of everything.
        seq: u64,
    },
    /// Data longer than any message.
    #[error("anonymise: sequence {seq}: {bytes} bytes of data are more than a message can hold")]
    TooLong {
        /// The place of the record in the order of everything.
        seq: u64,
        /// The length in bytes.
        bytes: u64,
    },
    /// The messages of a daemon have places for names of the same length only.
    #[error("anonymise: FUSE messages keep their sizes only with --lengths exact")]
    LengthsOfMessages,
    /// The tree cannot be read or made again.
    #[error("anonymise: the initial tree: {message}")]
    Tree {
        /// What is wrong with it.
        message: String,
    },
}
