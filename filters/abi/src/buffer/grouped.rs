//! The kernel functions of v3-grouped over a buffer (SEMANTICS 9.2, "kfuncs").
//!
//! They differ from those of the posted versions in that a failure destroys nothing, a view always
//! has the current size, and growing is explicit. What a reader would get wrong: the kernel
//! function that resizes also makes older dynptrs of the buffer null, which is up to whoever keeps
//! the dynptrs.

use super::{BufferFlags, FuseBuffer};
use crate::{Arena, Dynptr, Errno};

const EINVAL: i32 = Errno::EINVAL.negative();
const EACCES: i32 = Errno::EACCES.negative();
const E2BIG: i32 = Errno::E2BIG.negative();
const ENOMEM: i32 = Errno::ENOMEM.negative();

/// What programs of v3-grouped do with a buffer.
///
/// ```
/// use fuserig_abi::{Arena, FuseBuffer};
/// let mut arena = Arena::new();
/// let mut name = FuseBuffer::variable_name(&mut arena, "name", b"abc");
/// assert_eq!(name.resize(&mut arena, 7), 0);
/// let (code, dynptr) = name.dynptr_rw(&mut arena, 0);
/// assert_eq!((code, dynptr.size()), (0, 7));
/// assert_eq!(dynptr.write(&mut arena, 0, b"longer\0", 0).code, 0);
/// assert_eq!(name.c_string(&arena), Ok(&b"longer"[..]));
/// ```
impl FuseBuffer {
    /// What stands for an argument that the phase or the operation does not have.
    pub const UNSEEN: FuseBuffer = FuseBuffer {
        data: None,
        size: 0,
        alloc_size: 0,
        max_size: 0,
        flags: BufferFlags::IMMUTABLE,
    };

    /// `bpf_dynptr_from_fuse_buffer_ro`: the code and a read-only dynptr over the current bytes.
    /// Over NULL it is a null dynptr, and the code is 0 all the same.
    pub fn dynptr_ro(&self, flags: u64) -> (i32, Dynptr) {
        if flags != 0 {
            return (EINVAL, Dynptr::NULL);
        }
        (0, self.view(false))
    }

    /// `bpf_dynptr_from_fuse_buffer_rw`: the code and a dynptr over the current bytes, of which a
    /// private copy is made first where they are borrowed.
    pub fn dynptr_rw(&mut self, arena: &mut Arena, flags: u64) -> (i32, Dynptr) {
        if flags != 0 {
            return (EINVAL, Dynptr::NULL);
        }
        if self.flags.contains(BufferFlags::IMMUTABLE) {
            return (EACCES, Dynptr::NULL);
        }
        let borrowed = self.flags.contains(BufferFlags::MUST_ALLOCATE)
            && !self.flags.contains(BufferFlags::ALLOCATED);
        if borrowed && !self.reallocate_to(arena, self.size) {
            return (ENOMEM, Dynptr::NULL);
        }
        self.flags |= BufferFlags::MODIFIED;
        (0, self.view(true))
    }

    /// `bpf_fuse_buffer_resize`: sets the size, keeps the bytes up to the smaller of both sizes
    /// and fills the rest with zeros. Answers 0 or a negative errno, and then nothing changed.
    pub fn resize(&mut self, arena: &mut Arena, size: u32) -> i32 {
        if self.flags.contains(BufferFlags::IMMUTABLE) {
            return EACCES;
        }
        if !self.flags.contains(BufferFlags::VARIABLE_SIZE) && size != self.size {
            return EINVAL;
        }
        if size > self.max_size {
            return E2BIG;
        }
        if size > self.alloc_size {
            if !self.reallocate_to(arena, size) {
                return ENOMEM;
            }
        } else if size > self.size {
            let (from, count) = (u64::from(self.size), (size - self.size) as usize);
            let filled = arena.write(self.data, from, &vec![0; count]);
            assert!(filled.is_ok(), "a buffer holds as many bytes as it says it was given");
        }
        self.size = size;
        self.flags |= BufferFlags::MODIFIED;
        0
    }

    /// A dynptr; over NULL a null one.
    fn view(&self, writable: bool) -> Dynptr {
        if self.data.is_none() { Dynptr::NULL } else { Dynptr::over(self, writable) }
    }

    /// Moves the bytes to a private allocation of that size; whether there was memory for it.
    fn reallocate_to(&mut self, arena: &mut Arena, size: u32) -> bool {
        let owner = self.data.map_or("buffer", |memory| arena.owner(memory));
        let Some(fresh) = arena.allocate_private(owner, size) else { return false };
        if let Some(old) = self.data {
            arena.copy_within(old, fresh, self.size.min(size));
        }
        self.free_allocated(arena);
        self.data = Some(fresh);
        self.alloc_size = size;
        self.flags |= BufferFlags::ALLOCATED;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{BufferFlags, E2BIG, EACCES, EINVAL, ENOMEM, FuseBuffer};
    use crate::{AllocFailures, Arena, MemoryKind};

    fn name(arena: &mut Arena) -> FuseBuffer {
        FuseBuffer::variable_name(arena, "name", b"abc")
    }

    #[test]
    fn what_is_absent_is_read_as_nothing_and_never_written() {
        let (mut arena, mut absent) = (Arena::new(), FuseBuffer::UNSEEN);
        let (code, dynptr) = absent.dynptr_ro(0);
        assert_eq!((code, dynptr.is_null()), (0, true));
        let (code, dynptr) = absent.dynptr_rw(&mut arena, 0);
        assert_eq!((code, dynptr.is_null()), (EACCES, true));
        assert_eq!(absent.resize(&mut arena, 0), EACCES);
        assert_eq!(absent, FuseBuffer::UNSEEN);
    }

    #[test]
    fn flags_must_be_zero() {
        let mut arena = Arena::new();
        let mut name = name(&mut arena);
        let before = name;
        assert_eq!(name.dynptr_ro(1).0, EINVAL);
        assert_eq!(name.dynptr_rw(&mut arena, 1).0, EINVAL);
        assert_eq!(name, before);
    }

    #[test]
    fn a_borrowed_name_is_copied_before_it_is_written_and_the_original_stays() {
        let mut arena = Arena::new();
        let mut name = name(&mut arena);
        let original = name.data;
        let (code, view) = name.dynptr_rw(&mut arena, 0);
        assert_eq!((code, view.size()), (0, 4));
        assert_eq!(view.write(&mut arena, 0, b"x", 0).code, 0);
        assert_eq!(name.c_string(&arena), Ok(&b"xbc"[..]));
        assert_eq!(arena.read(original, 0, 4), Ok(&b"abc\0"[..]));
        assert!(name.flags.contains(BufferFlags::MODIFIED | BufferFlags::ALLOCATED));
    }

    #[test]
    fn a_failure_changes_nothing() {
        let mut arena = Arena::new();
        arena.fail_allocations(AllocFailures::Always);
        let mut name = name(&mut arena);
        let before = name;
        assert_eq!(name.dynptr_rw(&mut arena, 0).0, ENOMEM);
        assert_eq!(name.resize(&mut arena, 9), ENOMEM);
        assert_eq!(name.resize(&mut arena, 257), E2BIG);
        assert_eq!(name, before);
    }

    #[test]
    fn growing_fills_with_zeros_and_shrinking_keeps_the_head() {
        let mut arena = Arena::new();
        let mut name = name(&mut arena);
        for (size, bytes) in [(6, &b"abc\0\0\0"[..]), (2, b"ab"), (4, b"ab\0\0"), (0, b"")] {
            assert_eq!(name.resize(&mut arena, size), 0);
            assert_eq!(name.bytes(&arena), Ok(bytes), "{size}");
        }
    }

    #[test]
    fn a_fixed_size_cannot_change() {
        let mut arena = Arena::new();
        let memory = arena.insert(MemoryKind::Inline, "in", &[1; 8], 8);
        let flags = BufferFlags::empty();
        let mut fixed =
            FuseBuffer { data: Some(memory), size: 8, alloc_size: 8, max_size: 8, flags };
        assert_eq!(fixed.resize(&mut arena, 4), EINVAL);
        assert_eq!(fixed.resize(&mut arena, 8), 0);
        let (code, view) = fixed.dynptr_rw(&mut arena, 0);
        assert_eq!((code, view.size(), fixed.data), (0, 8, Some(memory)));
    }
}
