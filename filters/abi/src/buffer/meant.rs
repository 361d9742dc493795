//! Writable views as their author meant them, where the kernel's decision table has BUF-1, BUF-2,
//! BUF-15 and BUF-16.
//!
//! The table has no row for what was meant; the rows noted are those that come nearest. What a
//! reader would get wrong: only the kernel function of a filter is mended here. The daemon path
//! makes a buffer writable up to its maximum and keeps the size on purpose, so it goes on using
//! the table.

use super::writeable::{copy_between, fitting};
use super::{BufferFlags, FuseBuffer, Row};
use crate::{Arena, BufferEvent, Dynptr};

impl FuseBuffer {
    /// A refusal leaves the buffer as it was and gives a null view. Otherwise buffer and view have
    /// the size that was asked for, borrowed bytes are copied before they can be written, and what
    /// is new in the buffer is zero.
    pub(super) fn meant_rw_dynptr(&mut self, arena: &mut Arena, size: u64, copy: bool) -> Dynptr {
        let owner = self.data.map_or("buffer", |memory| arena.owner(memory));
        let row = self.meant_row(arena, owner, size, copy);
        let refused = matches!(row, Row::W1 | Row::W4 | Row::W5 | Row::W10);
        let memory = if refused { None } else { self.data };
        arena.note(BufferEvent::GetWriteable { owner, size, copy, row, memory });
        if refused {
            return Dynptr::NULL;
        }
        self.flags |= BufferFlags::MODIFIED;
        Dynptr::over(self, true)
    }

    fn meant_row(&mut self, arena: &mut Arena, owner: &'static str, size: u64, copy: bool) -> Row {
        let fixed = !self.flags.contains(BufferFlags::VARIABLE_SIZE);
        if self.flags.contains(BufferFlags::IMMUTABLE) {
            return Row::W1;
        }
        if !fixed && size > u64::from(self.max_size) {
            return Row::W4;
        }
        if fixed && size > u64::from(self.size) {
            return Row::W5;
        }
        let size = if fixed { self.size } else { fitting(size) };
        let borrowed = self.flags.contains(BufferFlags::MUST_ALLOCATE)
            && !self.flags.contains(BufferFlags::ALLOCATED);
        if borrowed || size > self.alloc_size {
            let Some(fresh) = arena.allocate_private(owner, size) else { return Row::W10 };
            if copy {
                let fault = copy_between(arena, self.data, fresh, self.size.min(size));
                debug_assert!(fault.is_none() || self.size == 0, "a buffer holds its size");
            }
            self.free_allocated(arena);
            (self.data, self.alloc_size) = (Some(fresh), size);
            self.flags |= BufferFlags::ALLOCATED;
            self.size = size;
            return if copy { Row::W11 } else { Row::W12 };
        }
        let old = self.size;
        self.size = size;
        if size <= old {
            return if fixed { Row::W3 } else { Row::W2 };
        }
        let cleared = arena.write(self.data, u64::from(old), &vec![0; (size - old) as usize]);
        debug_assert!(cleared.is_ok(), "the size is within the allocation");
        if copy { Row::W8 } else { Row::W9 }
    }
}

#[cfg(test)]
mod tests {
    use crate::{AllocFailures, Arena, Errno, Fidelity, FuseBuffer};

    fn name() -> (Arena, FuseBuffer) {
        let mut arena = Arena::new();
        arena.set_fidelity(Fidelity::Intended);
        let name = FuseBuffer::variable_name(&mut arena, "name", b"abc");
        (arena, name)
    }

    #[test]
    fn one_call_lengthens_a_name_and_keeps_its_text() {
        let (mut arena, mut name) = name();
        let view = name.get_rw_dynptr(&mut arena, 6, true);
        assert_eq!((view.size(), name.size), (6, 6));
        assert_eq!(name.bytes(&arena), Ok(&b"abc\0\0\0"[..]));
    }

    #[test]
    fn shorter_with_copy_ends_where_it_was_cut() {
        let (mut arena, mut name) = name();
        let view = name.get_rw_dynptr(&mut arena, 2, true);
        assert_eq!((view.size(), name.bytes(&arena)), (2, Ok(&b"ab"[..])));
        assert_eq!(name.get_rw_dynptr(&mut arena, 5, true).size(), 5);
        assert_eq!(name.bytes(&arena), Ok(&b"ab\0\0\0"[..]));
    }

    #[test]
    fn a_refusal_changes_nothing_and_loses_nothing() {
        let (mut arena, mut name) = name();
        assert_eq!(name.get_rw_dynptr(&mut arena, 20, true).size(), 20);
        let before = name;
        assert!(name.get_rw_dynptr(&mut arena, 300, true).is_null());
        arena.fail_allocations(AllocFailures::Always);
        assert!(name.get_rw_dynptr(&mut arena, 200, false).is_null());
        assert_eq!(name, before);
        name.free_allocated(&mut arena);
        assert_eq!(arena.leaked(), 0);
        let mut fixed = FuseBuffer::immutable_name(&mut arena, "name", b"abc");
        assert!(fixed.get_rw_dynptr(&mut arena, 4, true).is_null());
        assert_eq!(fixed.c_string(&arena), Ok(&b"abc"[..]));
    }

    #[test]
    fn nothing_of_what_is_borrowed_can_be_written() {
        let (mut arena, mut name) = name();
        let original = name.data;
        let view = name.get_rw_dynptr(&mut arena, 0, true);
        assert_eq!(view.write(&mut arena, 0, b"x", 0).code, Errno::E2BIG.negative());
        assert_eq!((name.size, arena.read(original, 0, 4)), (0, Ok(&b"abc\0"[..])));
    }

    #[test]
    fn a_view_dies_with_its_memory() {
        let (mut arena, mut name) = name();
        let first = name.get_rw_dynptr(&mut arena, 8, true);
        name.get_rw_dynptr(&mut arena, 128, true);
        let access = first.write(&mut arena, 0, b"x", 0);
        assert_eq!((access.code, access.fault), (Errno::EINVAL.negative(), None));
        let access = first.read(&arena, &mut [0; 2], 0, 0);
        assert_eq!((access.code, access.fault), (Errno::EINVAL.negative(), None));
    }
}
