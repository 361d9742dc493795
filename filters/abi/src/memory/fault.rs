//! What went wrong when modelled kernel code touched memory.

use super::MemoryId;

/// Why an access to memory is wrong.
///
/// ```
/// use fuserig_abi::FaultKind;
/// assert_ne!(FaultKind::Null, FaultKind::PastEnd { end: 3 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Through a NULL pointer: a crash.
    Null,
    /// To memory that was freed (BUF-13).
    Freed,
    /// Past the end of the allocation (BUF-16).
    PastEnd {
        /// Length of the allocation in bytes.
        end: u64,
    },
}

/// An access that a kernel would have made to memory that is not there.
///
/// ```
/// use fuserig_abi::{Arena, FaultKind};
/// let fault = Arena::new().read(None, 0, 8).unwrap_err();
/// assert_eq!(fault.kind, FaultKind::Null);
/// assert_eq!(fault.to_string(), "8 bytes at offset 0 through NULL");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryFault {
    /// Why it is wrong.
    pub kind: FaultKind,
    /// The allocation, unless NULL.
    pub memory: Option<MemoryId>,
    /// The argument the allocation was made for; empty for NULL.
    pub owner: &'static str,
    /// Which allocation of that argument, counted from 0.
    pub generation: u32,
    /// First byte of the access.
    pub offset: u64,
    /// Length of the access in bytes.
    pub len: u64,
}

impl MemoryFault {
    pub(crate) const fn null(offset: u64, len: u64) -> MemoryFault {
        MemoryFault { kind: FaultKind::Null, memory: None, owner: "", generation: 0, offset, len }
    }
}

impl core::fmt::Display for MemoryFault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let MemoryFault { kind, owner, generation, offset, len, .. } = self;
        write!(f, "{len} bytes at offset {offset} ")?;
        match kind {
            FaultKind::Null => f.write_str("through NULL"),
            FaultKind::Freed => write!(f, "of {owner}#{generation} after it was freed"),
            FaultKind::PastEnd { end } => {
                write!(f, "of {owner}#{generation} end past its {end} bytes")
            }
        }
    }
}

impl core::error::Error for MemoryFault {}
