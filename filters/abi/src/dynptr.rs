//! Dynptrs: the window through which a filter sees a buffer.
//!
//! The helpers answer with the kernel's numbers in the kernel's order of checks (SEMANTICS 5.3).
//! They refuse to be safe: a dynptr keeps pointing at memory that was freed or is too short,
//! because nothing ties it to the buffer (BUF-13, BUF-16). Such an access still answers 0, as the
//! kernel does, and carries the [`MemoryFault`] beside the code.

use crate::{Arena, Errno, Fidelity, FuseBuffer, MemoryFault, MemoryId};

const SIZE_MASK: u32 = 0x00ff_ffff;
const TYPE_SHIFT: u32 = 28;
const TYPE_MASK: u32 = 0x7;
const TYPE_LOCAL: u32 = 1;
const RDONLY_BIT: u32 = 1 << 31;

const EINVAL: i32 = Errno::EINVAL.negative();
const E2BIG: i32 = Errno::E2BIG.negative();
const ERANGE: i32 = Errno::ERANGE.negative();
const EFAULT: i32 = Errno::EFAULT.negative();

/// A dynptr as the kernel keeps it in 16 bytes: memory, size word, offset.
///
/// ```
/// use fuserig_abi::{Arena, FuseBuffer};
/// let mut arena = Arena::new();
/// let name = FuseBuffer::variable_name(&mut arena, "name", b"abc");
/// let dynptr = name.get_ro_dynptr(&arena);
/// let mut text = [0; 3];
/// assert_eq!(dynptr.read(&arena, &mut text, 0, 0).code, 0);
/// assert_eq!(&text, b"abc");
/// assert_eq!(dynptr.size(), 4);
/// assert_eq!(dynptr.read(&arena, &mut text, 2, 0).code, -7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Dynptr {
    memory: Option<MemoryId>,
    word: u32,
    offset: u32,
}

/// The answer of a dynptr helper and, where the modelled kernel touched memory that is not there,
/// what it touched. With a fault the code is still what the kernel returns, but bytes that were
/// read are not determined.
///
/// ```
/// use fuserig_abi::{Arena, Dynptr};
/// let access = Dynptr::NULL.read(&Arena::new(), &mut [0; 4], 0, 0);
/// assert_eq!((access.code, access.fault), (-22, None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Zero or a negative errno.
    pub code: i32,
    /// The access that was wrong although the code is zero.
    pub fault: Option<MemoryFault>,
}

impl Access {
    const fn code(code: i32) -> Access {
        Access { code, fault: None }
    }
}

/// A pointer that `bpf_dynptr_data` or a slice helper hands out.
///
/// ```
/// use fuserig_abi::{Arena, FuseBuffer};
/// let mut arena = Arena::new();
/// let name = FuseBuffer::variable_name(&mut arena, "name", b"abc");
/// let pointer = name.get_ro_dynptr(&arena).slice(1, 2).expect("in range");
/// assert!(!pointer.writable);
/// let bytes = arena.read(pointer.memory, pointer.offset.into(), pointer.len.into());
/// assert_eq!(bytes, Ok(&b"bc"[..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// The allocation it points into.
    pub memory: MemoryId,
    /// Distance from the start of the allocation.
    pub offset: u32,
    /// Bytes the verifier lets a program touch.
    pub len: u32,
    /// Whether the verifier lets a program write.
    pub writable: bool,
}

impl Dynptr {
    /// The dynptr over NULL.
    pub const NULL: Dynptr = Dynptr { memory: None, word: 0, offset: 0 };

    /// What the two kfuncs do: the whole 32-bit size is put into the word, so a size that needs
    /// more than 24 bits overwrites the type bits (N10).
    pub(crate) fn over(buffer: &FuseBuffer, writable: bool) -> Dynptr {
        let rdonly = if writable { 0 } else { RDONLY_BIT };
        Dynptr {
            memory: buffer.data,
            word: buffer.size | (TYPE_LOCAL << TYPE_SHIFT) | rdonly,
            offset: 0,
        }
    }

    /// A dynptr from its kernel words, for an engine that keeps them on a program's stack.
    pub const fn from_parts(memory: Option<MemoryId>, word: u32, offset: u32) -> Dynptr {
        Dynptr { memory, word, offset }
    }

    /// The allocation it points into.
    pub fn memory(&self) -> Option<MemoryId> {
        self.memory
    }

    /// Distance of its first byte from the start of the allocation.
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// The size word as the kernel keeps it: size, type and read-only bit.
    pub fn word(&self) -> u32 {
        self.word
    }

    /// Whether the type bits were overwritten by a huge size (N10).
    pub fn is_corrupt(&self) -> bool {
        (self.word >> TYPE_SHIFT) & TYPE_MASK != TYPE_LOCAL
    }

    /// `bpf_dynptr_is_null`.
    pub fn is_null(&self) -> bool {
        self.memory.is_none()
    }

    /// `bpf_dynptr_is_rdonly`: false for a null dynptr.
    pub fn is_rdonly(&self) -> bool {
        !self.is_null() && self.word & RDONLY_BIT != 0
    }

    /// `bpf_dynptr_size`: `(u32)-EINVAL` for a null dynptr.
    pub fn size(&self) -> u32 {
        if self.is_null() { EINVAL as u32 } else { self.word & SIZE_MASK }
    }

    /// The memory; none when it is NULL, and none when it was freed and views are those that were
    /// meant, where they die with what they show (BUF-13).
    fn living(&self, arena: &Arena) -> Option<MemoryId> {
        let dies = arena.fidelity() == Fidelity::Intended;
        self.memory.filter(|memory| !(dies && arena.is_freed(*memory)))
    }

    fn check_range(&self, offset: u32, len: u32) -> Result<(), i32> {
        let size = self.word & SIZE_MASK;
        if len > size || offset > size - len { Err(E2BIG) } else { Ok(()) }
    }

    /// `bpf_dynptr_read`: fills `dst` from `offset`, or leaves it alone and answers an errno.
    pub fn read(&self, arena: &Arena, dst: &mut [u8], offset: u32, flags: u64) -> Access {
        let Some(memory) = self.living(arena).filter(|_| flags == 0) else {
            return Access::code(EINVAL);
        };
        let len = clamp_len(dst.len());
        if let Err(code) = self.check_range(offset, len) {
            return Access::code(code);
        }
        if self.is_corrupt() {
            return Access::code(EFAULT);
        }
        let first = self.offset.wrapping_add(offset);
        let fault = match arena.read(memory, first.into(), len.into()) {
            Ok(bytes) => {
                dst.copy_from_slice(bytes);
                None
            }
            Err(fault) => {
                let stale = arena.stale(memory);
                let known = stale.get(first as usize..).unwrap_or(&[]);
                let known = &known[..known.len().min(dst.len())];
                dst[..known.len()].copy_from_slice(known);
                dst[known.len()..].fill(0);
                Some(fault)
            }
        };
        Access { code: 0, fault }
    }

    /// `bpf_dynptr_write`: writes all of `src` at `offset`, or answers an errno. With a fault only
    /// the bytes that exist were written.
    pub fn write(&self, arena: &mut Arena, offset: u32, src: &[u8], flags: u64) -> Access {
        let Some(memory) = self.living(arena).filter(|_| !self.is_rdonly()) else {
            return Access::code(EINVAL);
        };
        if let Err(code) = self.check_range(offset, clamp_len(src.len())) {
            return Access::code(code);
        }
        if self.is_corrupt() {
            return Access::code(EFAULT);
        }
        if flags != 0 {
            return Access::code(EINVAL);
        }
        let first = self.offset.wrapping_add(offset);
        let fault = arena.write(memory, first.into(), src).err();
        if fault.is_some() && !arena.is_freed(memory) {
            let room = (arena.len_of(memory) as usize).saturating_sub(first as usize);
            let part = &src[..room.min(src.len())];
            arena.write(memory, first.into(), part).expect("cut to what exists");
        }
        Access { code: 0, fault }
    }

    /// `bpf_dynptr_data`: a writable pointer, or NULL when null, out of range or read-only.
    pub fn data(&self, offset: u32, len: u32) -> Option<Pointer> {
        self.slice_rdwr(offset, len)
    }

    /// `bpf_dynptr_slice`: a pointer that is read-only for the program, or NULL when null or out
    /// of range.
    pub fn slice(&self, offset: u32, len: u32) -> Option<Pointer> {
        let memory = self.memory?;
        self.check_range(offset, len).ok()?;
        if self.is_corrupt() {
            return None;
        }
        Some(Pointer { memory, offset: self.offset.wrapping_add(offset), len, writable: false })
    }

    /// `bpf_dynptr_slice_rdwr`: a writable pointer, or NULL when null, out of range or read-only.
    /// No program of the observed kernels can call it (N9).
    pub fn slice_rdwr(&self, offset: u32, len: u32) -> Option<Pointer> {
        let pointer = self.slice(offset, len).filter(|_| !self.is_rdonly())?;
        Some(Pointer { writable: true, ..pointer })
    }

    /// `bpf_dynptr_adjust`: narrows the window to `start..end`. The buffer does not change.
    pub fn adjust(&mut self, start: u32, end: u32) -> i32 {
        if self.is_null() || start > end {
            return EINVAL;
        }
        let size = self.word & SIZE_MASK;
        if start > size || end > size {
            return ERANGE;
        }
        self.offset = self.offset.wrapping_add(start);
        self.word = (self.word & !SIZE_MASK) | (end - start);
        0
    }

    /// `bpf_dynptr_clone`: the code and the copy, which is null when this one is.
    pub fn clone_dynptr(&self) -> (i32, Dynptr) {
        if self.is_null() { (EINVAL, Dynptr::NULL) } else { (0, *self) }
    }
}

/// A length above 32 bits cannot be expressed by a program; it is out of range in any case.
fn clamp_len(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
