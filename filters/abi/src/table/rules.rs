//! The words of the tables as types: sizes, request flags, when `error_in` is set.

use bitflags::bitflags;

use crate::description::Quantity;

/// The direction of an argument.
///
/// ```
/// use fuserig_abi::Dir;
/// assert_eq!(Dir::In.name(), "in");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dir {
    /// From the caller.
    In,
    /// To the caller.
    Out,
}

impl Dir {
    /// The word in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Dir::In => "in",
            Dir::Out => "out",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Dir> {
        [Dir::In, Dir::Out].into_iter().find(|dir| dir.name() == name)
    }
}

/// What a size rule may depend on.
///
/// ```
/// use fuserig_abi::{SizeInputs, SizeRule};
/// let inputs = SizeInputs { string_len: 3, size_argument: 0 };
/// assert_eq!(SizeRule::StringWithNul.bytes(inputs), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SizeInputs {
    /// Length of the name or link target without NUL, in bytes.
    pub string_len: u32,
    /// The size argument of the system call.
    pub size_argument: u32,
}

/// How a size of a buffer comes about.
///
/// ```
/// use fuserig_abi::{SizeInputs, SizeRule};
/// assert_eq!(SizeRule::Bytes(48).bytes(SizeInputs::default()), 48);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SizeRule {
    /// Always this many bytes.
    Bytes(u32),
    /// The length of the string and its NUL.
    StringWithNul,
    /// The size argument of the system call.
    SizeArgument,
}

impl SizeRule {
    pub(super) fn from_quantity(quantity: &Quantity) -> Option<SizeRule> {
        match quantity {
            Quantity::Number(number) => u32::try_from(*number).ok().map(SizeRule::Bytes),
            Quantity::Words(words) => match words.as_str() {
                "strlen+1" | "strlen(target)+1" => Some(SizeRule::StringWithNul),
                "size argument" => Some(SizeRule::SizeArgument),
                number => number.parse().ok().map(SizeRule::Bytes),
            },
        }
    }

    /// The size for given inputs; a string near 4 GiB saturates.
    pub const fn bytes(self, inputs: SizeInputs) -> u32 {
        match self {
            SizeRule::Bytes(bytes) => bytes,
            SizeRule::StringWithNul => inputs.string_len.saturating_add(1),
            SizeRule::SizeArgument => inputs.size_argument,
        }
    }
}

bitflags! {
    /// Flags that a daemon filter request carries inside the kernel (SEMANTICS 2.1).
    ///
    /// ```
    /// use fuserig_abi::RequestFlags;
    /// assert_eq!(RequestFlags::all().bits(), 1 + 64 + 2048);
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
    pub struct RequestFlags: u32 {
        /// Send even if the caller has a pending fatal signal.
        const FORCE = 1;
        /// The last reply argument may be short.
        const OUT_ARGVAR = 64;
        /// The reply carries lookup entries.
        const IS_LOOKUP = 2048;
    }
}

/// A request flag and when it is set.
///
/// ```
/// use fuserig_abi::{RequestFlagRow, RequestFlags};
/// let row = RequestFlagRow { flag: RequestFlags::OUT_ARGVAR, needs_size: true };
/// assert_eq!(row.flags(0), RequestFlags::empty());
/// assert_eq!(row.flags(9), RequestFlags::OUT_ARGVAR);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestFlagRow {
    /// The flag.
    pub flag: RequestFlags,
    /// Whether the size argument has to be above 0.
    pub needs_size: bool,
}

impl RequestFlagRow {
    pub(super) fn from_words(words: &str) -> Option<RequestFlagRow> {
        let (name, needs_size) = match words.strip_suffix(" when size>0") {
            Some(name) => (name, true),
            None => (words, false),
        };
        let flag = RequestFlags::from_name(name)?;
        Some(RequestFlagRow { flag, needs_size })
    }

    /// The flag for a size argument.
    pub const fn flags(self, size_argument: u32) -> RequestFlags {
        if self.needs_size && size_argument == 0 { RequestFlags::empty() } else { self.flag }
    }
}

/// When the lower step sets `error_in` (SEMANTICS 2.5).
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, ErrorInRule, Op};
/// let table = AbiTable::of(Abi::V3);
/// assert_eq!(table.operation(Op::Lookup).error_in_rule, ErrorInRule::NegativeOrMissingName);
/// assert!(!ErrorInRule::Never.tells_the_truth());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorInRule {
    /// When it returns a negative value.
    Negative,
    /// As `Negative`; a success is a positive count that counts as an error of the pipeline
    /// (read_iter).
    NegativeOrCount,
    /// As `Negative`, and for a missing name although the step succeeds (lookup).
    NegativeOrMissingName,
    /// Only when there is nothing below to call (statfs, get_link).
    NoBackingPath,
    /// Never, whatever the lower call returned (PIPE-11).
    Never,
}

impl ErrorInRule {
    pub(super) fn from_words(words: &str) -> Option<ErrorInRule> {
        match words {
            "on negative return of the lower step" | "on negative return; success returns 0" => {
                Some(ErrorInRule::Negative)
            }
            words if words.starts_with("never set") => Some(ErrorInRule::Never),
            words if words.starts_with("only ") => Some(ErrorInRule::NoBackingPath),
            words if words.starts_with("on negative return; on success the lower step returns") => {
                Some(ErrorInRule::NegativeOrCount)
            }
            words if words.starts_with("on negative return; additionally set to -ENOENT") => {
                Some(ErrorInRule::NegativeOrMissingName)
            }
            _ => None,
        }
    }

    /// Whether a failed lower call always shows.
    pub const fn tells_the_truth(self) -> bool {
        match self {
            ErrorInRule::Negative
            | ErrorInRule::NegativeOrCount
            | ErrorInRule::NegativeOrMissingName => true,
            ErrorInRule::NoBackingPath | ErrorInRule::Never => false,
        }
    }
}

/// The C type of an operation's result.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, Op, ResultType};
/// let table = AbiTable::of(Abi::V4);
/// assert_eq!(table.operation(Op::Lookup).result_type, ResultType::Dentry);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResultType {
    /// `int`
    Int,
    /// `ssize_t`
    Ssize,
    /// `loff_t`
    Loff,
    /// A dentry or an error pointer.
    Dentry,
    /// A string or an error pointer.
    String,
}

impl ResultType {
    pub(super) fn from_words(words: &str) -> Option<ResultType> {
        match words {
            "int" => Some(ResultType::Int),
            "ssize_t" => Some(ResultType::Ssize),
            "loff_t" => Some(ResultType::Loff),
            "dentry" => Some(ResultType::Dentry),
            "cstr" => Some(ResultType::String),
            _ => None,
        }
    }
}
