//! The buffer and the decision table: making it writable, looking at it, freeing it.

use super::{BufferFlags, Row, Writeable};
use crate::{Arena, BufferEvent, Dynptr, Fidelity, MemoryFault, MemoryId};

/// A variable-sized argument: the kernel's `struct fuse_buffer` with memory of an [`Arena`] behind
/// it.
///
/// ```
/// use fuserig_abi::{Arena, FuseBuffer};
/// let mut arena = Arena::new();
/// let mut name = FuseBuffer::variable_name(&mut arena, "name", b"abc");
/// let dynptr = name.get_rw_dynptr(&mut arena, 6, false);
/// assert_eq!(dynptr.write(&mut arena, 0, b"other\0", 0).code, 0);
/// assert_eq!(name.c_string(&arena), Ok(&b"other"[..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FuseBuffer {
    /// Current bytes; `None` is NULL.
    pub data: Option<MemoryId>,
    /// Bytes in use: what a dynptr covers and what is sent to the daemon.
    pub size: u32,
    /// Bytes that `data` may hold without a new allocation; 0 for constant memory.
    pub alloc_size: u32,
    /// Largest size a variable buffer may get.
    pub max_size: u32,
    /// The flags.
    pub flags: BufferFlags,
}

/// What filters, the daemon path and the pipeline do with a buffer.
impl FuseBuffer {
    /// Makes the buffer writable by the first row that matches and says which. Does not store
    /// NULL: a refused call leaves the buffer as it was, as the daemon path needs it.
    pub fn get_writeable(&mut self, arena: &mut Arena, size: u64, copy: bool) -> Writeable {
        let owner = self.data.map_or("", |memory| arena.owner(memory));
        let answer = self.decide(arena, size, copy);
        if let Some(fault) = answer.fault {
            arena.note(BufferEvent::Fault(fault));
        }
        let memory = answer.memory;
        arena.note(BufferEvent::GetWriteable { owner, size, copy, row: answer.row, memory });
        answer
    }

    fn decide(&mut self, arena: &mut Arena, size: u64, copy: bool) -> Writeable {
        let refused = |row| Writeable { row, through_w6: false, memory: None, fault: None };
        let fixed = !self.flags.contains(BufferFlags::VARIABLE_SIZE);
        if self.flags.contains(BufferFlags::IMMUTABLE) {
            return refused(Row::W1);
        }
        if size <= u64::from(self.size) && self.data_is_writable() {
            let row = if fixed { Row::W3 } else { Row::W2 };
            if !fixed {
                self.size = fitting(size);
            }
            return self.in_place(row, false);
        }
        if !fixed && size > u64::from(self.max_size) {
            return refused(Row::W4);
        }
        if fixed && size > u64::from(self.size) {
            return refused(Row::W5);
        }
        // W6. W7 would come next and cannot match: the size is now at most the maximum or equal
        // to the buffer's own.
        let size = if fixed { self.size } else { fitting(size) };
        if size <= self.alloc_size {
            if copy {
                return self.in_place(Row::W8, fixed);
            }
            self.size = size;
            return self.in_place(Row::W9, fixed);
        }
        self.reallocate(arena, size, copy, fixed)
    }

    /// Rows W10 to W12.
    fn reallocate(&mut self, arena: &mut Arena, size: u32, copy: bool, fixed: bool) -> Writeable {
        let owner = self.data.map_or("buffer", |memory| arena.owner(memory));
        let Some(fresh) = arena.allocate_private(owner, size) else {
            return Writeable { row: Row::W10, through_w6: fixed, memory: None, fault: None };
        };
        let mut fault = None;
        if copy {
            fault = copy_between(arena, self.data, fresh, self.size.min(size));
        } else {
            self.size = size;
        }
        self.free_allocated(arena);
        self.data = Some(fresh);
        self.alloc_size = size;
        self.flags |= BufferFlags::ALLOCATED | BufferFlags::MODIFIED;
        let row = if copy { Row::W11 } else { Row::W12 };
        Writeable { row, through_w6: fixed, memory: Some(fresh), fault }
    }

    fn in_place(&mut self, row: Row, through_w6: bool) -> Writeable {
        self.flags |= BufferFlags::MODIFIED;
        Writeable { row, through_w6, memory: self.data, fault: None }
    }

    fn data_is_writable(&self) -> bool {
        !self.flags.contains(BufferFlags::MUST_ALLOCATE)
            || self.flags.contains(BufferFlags::ALLOCATED)
    }

    /// `bpf_fuse_get_rw_dynptr`: makes the buffer writable and stores the answer, also NULL, into
    /// `data` (BUF-2). The row is in [`Arena::events`]. In an arena of
    /// [`Fidelity::Intended`](crate::Fidelity::Intended) a refusal changes nothing, the buffer
    /// takes the size that was asked for, and what is borrowed is always copied first.
    pub fn get_rw_dynptr(&mut self, arena: &mut Arena, size: u64, copy: bool) -> Dynptr {
        if arena.fidelity() == Fidelity::Intended {
            return self.meant_rw_dynptr(arena, size, copy);
        }
        self.data = self.get_writeable(arena, size, copy).memory;
        Dynptr::over(self, true)
    }

    /// `bpf_fuse_get_ro_dynptr`: a read-only window over the current bytes, whatever the flags.
    /// The arena is not touched; it is asked for so that a dynptr cannot be made without one.
    pub fn get_ro_dynptr(&self, _arena: &Arena) -> Dynptr {
        Dynptr::over(self, false)
    }

    /// `bpf_fuse_return_len`.
    pub fn return_len(&self) -> u32 {
        self.size
    }

    /// The bytes in use.
    ///
    /// # Errors
    /// NULL data, freed memory, or a size above the allocation (BUF-16).
    pub fn bytes<'a>(&self, arena: &'a Arena) -> Result<&'a [u8], MemoryFault> {
        arena.read(self.data, 0, u64::from(self.size))
    }

    /// The bytes up to the first NUL or the size, as the lower steps read names.
    ///
    /// # Errors
    /// As [`FuseBuffer::bytes`], unless a NUL comes first.
    pub fn c_string<'a>(&self, arena: &'a Arena) -> Result<&'a [u8], MemoryFault> {
        arena.c_string(self.data, u64::from(self.size))
    }

    /// Step P13: frees the data if they are a private allocation. NULL is not freed, so an
    /// allocation that was lost by BUF-2 stays leaked.
    pub fn free_allocated(&mut self, arena: &mut Arena) {
        if !self.flags.contains(BufferFlags::ALLOCATED) {
            return;
        }
        if let Some(memory) = self.data.take() {
            arena.free(memory);
        }
        self.flags.remove(BufferFlags::ALLOCATED);
    }
}

/// Copies `len` bytes as the kernel would. What does not exist stays zero and is reported.
pub(super) fn copy_between(
    arena: &mut Arena,
    from: Option<MemoryId>,
    to: MemoryId,
    len: u32,
) -> Option<MemoryFault> {
    let fault = arena.read(from, 0, len.into()).err();
    let known = from.map_or(0, |from| arena.len_of(from).min(len));
    if let Some(from) = from {
        arena.copy_within(from, to, known);
    }
    fault
}

/// A size that was compared with a 32-bit limit.
pub(super) fn fitting(size: u64) -> u32 {
    u32::try_from(size).expect("at most a 32-bit size of the buffer")
}
