//! What can be wrong with BTF.

/// Why bytes are no BTF. Offsets count bytes from the start of the data.
///
/// ```
/// use fuserig_abi::btf::{Btf, BtfError};
/// let error = Btf::read(b"ELF").unwrap_err();
/// assert!(matches!(error, BtfError::Short { offset: 0, .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// The data ends inside something.
    #[error("read BTF: byte {offset}: the data ends inside {what}")]
    Short {
        /// Where it begins.
        offset: usize,
        /// What is cut.
        what: &'static str,
    },
    /// The first bytes are not those of BTF.
    #[error("read BTF: byte 0: magic {found:#06x} is not 0xeb9f{hint}")]
    Magic {
        /// What stands there.
        found: u16,
        /// What it may be instead.
        hint: &'static str,
    },
    /// A version that this build does not read.
    #[error("read BTF: byte 2: unknown version {found} (this build reads 1)")]
    Version {
        /// The version.
        found: u8,
    },
    /// A number that contradicts the format.
    #[error("read BTF: byte {offset}: {what} is {found}: {expected}")]
    Value {
        /// Where it stands.
        offset: usize,
        /// What it is.
        what: &'static str,
        /// The number.
        found: u64,
        /// What it has to be.
        expected: &'static str,
    },
    /// More than a kernel accepts.
    #[error("read BTF: byte {offset}: more than {limit} {what}")]
    Limit {
        /// Where it is reached.
        offset: usize,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The strings are not what names can be made of.
    #[error("read BTF: byte {offset}: the string section {problem}")]
    Strings {
        /// Where.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
}
