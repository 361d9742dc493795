//! Names and kinds of allocations, and what happens to them.

use core::num::NonZeroU32;

use crate::{MemoryFault, Row};

/// The name of an allocation. Minted by the arena of an operation, dead with the operation.
///
/// ```
/// use fuserig_abi::{Arena, MemoryKind};
/// let mut arena = Arena::new();
/// let name = arena.insert(MemoryKind::Borrowed, "name", b"abc\0", 4);
/// assert_eq!(arena.read(name, 0, 3), Ok(&b"abc"[..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryId(NonZeroU32);

impl MemoryId {
    pub(super) fn from_index(index: usize) -> MemoryId {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        MemoryId(number.expect("an operation makes a handful of allocations"))
    }

    /// The position among the allocations of the operation, counted from 0.
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Whose memory an allocation is.
///
/// ```
/// use fuserig_abi::MemoryKind;
/// assert!(MemoryKind::Private.owned_by_operation());
/// assert!(!MemoryKind::Caller.owned_by_operation());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemoryKind {
    /// Constant memory of the VFS: a dentry name, an attribute name, a link target, a value.
    Borrowed,
    /// The caller's kernel buffer that a result is written to.
    Caller,
    /// Storage inside the pipeline's own stack frame.
    Inline,
    /// A page of the readdir pipeline.
    Page,
    /// A zeroed allocation made by `get_writeable`.
    Private,
}

impl MemoryKind {
    /// Whether the operation has to free it.
    pub const fn owned_by_operation(self) -> bool {
        match self {
            MemoryKind::Page | MemoryKind::Private => true,
            MemoryKind::Borrowed | MemoryKind::Caller | MemoryKind::Inline => false,
        }
    }
}

/// Which private allocations of an operation fail (row W10).
///
/// ```
/// use fuserig_abi::{AllocFailures, Arena};
/// let mut arena = Arena::new();
/// arena.fail_allocations(AllocFailures::Nth(1));
/// assert!(arena.allocate_private("name", 8).is_some());
/// assert!(arena.allocate_private("name", 8).is_none());
/// assert!(arena.allocate_private("name", 8).is_some());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AllocFailures {
    /// None fails.
    #[default]
    Never,
    /// Every one fails.
    Always,
    /// The one with this number fails, counted from 0 since the last reset.
    Nth(u32),
    /// Those longer than this many bytes fail.
    Above(u32),
}

impl AllocFailures {
    pub(super) fn refuses(self, number: u32, len: u32) -> bool {
        match self {
            AllocFailures::Never => false,
            AllocFailures::Always => true,
            AllocFailures::Nth(nth) => number == nth,
            AllocFailures::Above(limit_bytes) => len > limit_bytes,
        }
    }
}

/// What happened to the buffers of an operation, in order, for the trace.
///
/// ```
/// use fuserig_abi::{Arena, BufferEvent, FuseBuffer, Row};
/// let mut arena = Arena::new();
/// let mut name = FuseBuffer::variable_name(&mut arena, "name", b"abc");
/// name.get_rw_dynptr(&mut arena, 257, false);
/// assert!(matches!(
///     arena.events(),
///     [BufferEvent::GetWriteable { row: Row::W4, owner: "name", .. }]
/// ));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferEvent {
    /// A row of the decision table was taken.
    GetWriteable {
        /// Owner of the memory the buffer pointed at before; empty for NULL.
        owner: &'static str,
        /// Requested size in bytes.
        size: u64,
        /// Whether the old bytes were asked for.
        copy: bool,
        /// The row that decided.
        row: Row,
        /// What the buffer may be written through now; NULL when refused.
        memory: Option<MemoryId>,
    },
    /// Memory was freed.
    Freed(MemoryId),
    /// Constant memory was written to (BUF-15, N12). Noted once for each allocation.
    OriginWritten(MemoryId),
    /// The kernel itself touched memory that is not there while it copied.
    Fault(MemoryFault),
}
