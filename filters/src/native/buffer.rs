//! Buffers as a member sees them: what a program can do with a `fuse_buffer` and its dynptrs.
//!
//! A view refuses what no modelled kernel grants: [`Buffer`] has no mutable view at all, because
//! asking for one on an immutable buffer destroys it (BUF-2, BUF-3). A reader would get wrong
//! [`BufferMut::get_rw`]: its size is not the size of the view when the old bytes are kept (BUF-1),
//! and a refused call loses the buffer (BUF-2). `replace` and `resize` do the sequences that work.

use core::cell::{OnceCell, RefCell};

use fuserig_abi::{Access, Arena, BufferFlags, Dynptr, Errno, FuseBuffer};

/// Bytes copied out of a buffer, made at the first look and kept until the buffer changes.
type Seen = OnceCell<Option<Box<[u8]>>>;

/// A buffer that can be looked at: every in buffer of a postfilter, and the immutable names of a
/// prefilter. Source: SEMANTICS 4.2 and 5.
///
/// ```
/// use fuserig_abi::{Errno, Verdict};
/// use fuserig_filters::FuseOps;
/// let keep = FuseOps::new("keep").unlink_prefilter(|_, name| match name.name() {
///     b"precious" => Verdict::Error(Errno::EPERM),
///     _ => Verdict::Continue,
/// });
/// # let _ = keep;
/// ```
#[derive(Debug)]
pub struct Buffer<'a> {
    buffer: &'a FuseBuffer,
    memory: &'a RefCell<Arena>,
    seen: Seen,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(buffer: &'a FuseBuffer, memory: &'a RefCell<Arena>) -> Buffer<'a> {
        Buffer { buffer, memory, seen: Seen::new() }
    }

    /// The bytes in use, read through a read-only dynptr, with the NUL of a name. `None` over
    /// NULL (BUF-2) and over the size that a failed getxattr leaves (BUF-6, N10).
    pub fn bytes(&self) -> Option<&[u8]> {
        seen(&self.seen, self.buffer, self.memory)
    }

    /// The bytes before the first NUL; nothing where [`Buffer::bytes`] is `None`.
    pub fn name(&self) -> &[u8] {
        before_nul(self.bytes())
    }

    /// The size in bytes (`bpf_fuse_return_len`). The NUL of a name counts.
    pub fn len(&self) -> u32 {
        self.buffer.return_len()
    }

    /// Whether the size is 0. A name with its NUL is never empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A buffer that can be changed. What a change does depends on the operation: most lower steps
/// ignore names, targets and values (BUF-14); lookup and getxattr use theirs.
/// Source: SEMANTICS 4.2 and 5.
///
/// ```
/// use fuserig_abi::Verdict;
/// use fuserig_filters::FuseOps;
/// let redirect = FuseOps::new("redirect").lookup_prefilter(|_, name| {
///     if name.name() == b"old" {
///         name.replace_name(b"new-and-longer")?;
///     }
///     Ok::<_, fuserig_abi::Errno>(Verdict::Continue)
/// });
/// # let _ = redirect;
/// ```
#[derive(Debug)]
pub struct BufferMut<'a> {
    buffer: &'a mut FuseBuffer,
    memory: &'a RefCell<Arena>,
    seen: Seen,
}

impl<'a> BufferMut<'a> {
    pub(super) fn new(buffer: &'a mut FuseBuffer, memory: &'a RefCell<Arena>) -> BufferMut<'a> {
        BufferMut { buffer, memory, seen: Seen::new() }
    }

    /// As [`Buffer::bytes`].
    pub fn bytes(&self) -> Option<&[u8]> {
        seen(&self.seen, self.buffer, self.memory)
    }

    /// As [`Buffer::name`].
    pub fn name(&self) -> &[u8] {
        before_nul(self.bytes())
    }

    /// As [`Buffer::len`].
    pub fn len(&self) -> u32 {
        self.buffer.return_len()
    }

    /// As [`Buffer::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The largest size the buffer may get, in bytes.
    pub fn max_len(&self) -> u32 {
        self.buffer.max_size
    }

    /// `bpf_fuse_get_rw_dynptr`, with every trap: the view covers the size after the call (BUF-1),
    /// the buffer counts as modified (BUF-7), and `None` means that its bytes are gone (BUF-2).
    /// No older view can be used afterwards; a program that keeps one is BUF-13.
    pub fn get_rw(&mut self, size: u64, copy: bool) -> Option<RwView<'_>> {
        self.seen = Seen::new();
        let dynptr = self.buffer.get_rw_dynptr(&mut self.memory.borrow_mut(), size, copy);
        if dynptr.is_null() { None } else { Some(RwView { dynptr, memory: self.memory }) }
    }

    /// Puts `bytes` in the place of everything and sets the size. The old bytes are not wanted, so
    /// one request without copy is enough: rows W2, W9 and W12 all set the size, which a request
    /// with copy never does (BUF-1). A name needs its NUL; see [`BufferMut::replace_name`].
    ///
    /// # Errors
    /// Without touching the buffer: E2BIG above the largest size, EINVAL for no bytes where the
    /// kernels would not allocate (BUF-4, BUF-15), EPERM when immutable. ENOMEM when the kernel
    /// has no memory or the buffer was lost before; then its bytes are gone (BUF-2).
    pub fn replace(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        let size = self.check_size(bytes.len())?;
        let mut view = self.get_rw(size.into(), false).ok_or(Errno::ENOMEM)?;
        match view.write(0, bytes).code {
            0 => Ok(()),
            code => Err(Errno(code.wrapping_neg())),
        }
    }

    /// [`BufferMut::replace`] with a name and the NUL behind it. Without a NUL getxattr would lose
    /// the last character: its lower step stores one at the end of a modified name.
    ///
    /// # Errors
    /// As [`BufferMut::replace`].
    pub fn replace_name(&mut self, name: &[u8]) -> Result<(), Errno> {
        self.check_size(name.len().saturating_add(1))?;
        self.replace(&[name, b"\0"].concat())
    }

    /// Changes the size and keeps the bytes, by the working sequence of BUF-1: a request with copy
    /// makes room and leaves the size, a second one without copy sets it. Between the two a shrunk
    /// name claims more bytes than it has (BUF-16), which is why they are one method. New bytes
    /// are zero in a private allocation and old memory elsewhere (BUF-8).
    ///
    /// # Errors
    /// As [`BufferMut::replace`].
    pub fn resize(&mut self, size: u32) -> Result<(), Errno> {
        let size = self.check_size(size as usize)?;
        self.get_rw(size.into(), true).ok_or(Errno::ENOMEM)?;
        self.get_rw(size.into(), false).map(|_| ()).ok_or(Errno::ENOMEM)
    }

    fn check_size(&self, size: usize) -> Result<u32, Errno> {
        if self.buffer.flags.contains(BufferFlags::IMMUTABLE) {
            return Err(Errno::EPERM);
        }
        if size == 0 && self.buffer.flags.contains(BufferFlags::MUST_ALLOCATE) {
            return Err(Errno::EINVAL);
        }
        match u32::try_from(size) {
            Ok(size) if size <= self.max_len() => Ok(size),
            Ok(_) | Err(_) => Err(Errno::E2BIG),
        }
    }
}

/// A writable dynptr over a buffer. Offsets and lengths are in bytes and judged as the helpers
/// judge them (SEMANTICS 5.3).
///
/// ```
/// use fuserig_abi::Verdict;
/// use fuserig_filters::FuseOps;
/// let capital = FuseOps::new("capital").lookup_prefilter(|_, name| {
///     let size = u64::from(name.len());
///     if let Some(mut view) = name.get_rw(size, true) {
///         view.write(0, b"X");
///     }
///     Verdict::Continue
/// });
/// # let _ = capital;
/// ```
#[derive(Debug)]
pub struct RwView<'v> {
    dynptr: Dynptr,
    memory: &'v RefCell<Arena>,
}

impl RwView<'_> {
    /// The size of the window in bytes, which need not be what was asked for (BUF-1).
    pub fn len(&self) -> u32 {
        self.dynptr.size()
    }

    /// Whether the window has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `bpf_dynptr_read`: fills `target` from `offset`, or leaves it alone and answers an errno.
    pub fn read(&self, offset: u32, target: &mut [u8]) -> Access {
        self.dynptr.read(&self.memory.borrow(), target, offset, 0)
    }

    /// `bpf_dynptr_write`: writes all of `bytes` at `offset`, or answers an errno.
    pub fn write(&mut self, offset: u32, bytes: &[u8]) -> Access {
        self.dynptr.write(&mut self.memory.borrow_mut(), offset, bytes, 0)
    }
}

/// The copy that `bpf_dynptr_read` of a whole read-only dynptr makes. Sizes of the table are at
/// most 64 KiB. Only the errno of a failed getxattr is larger (BUF-6), and a read of it fails
/// (N10), so no memory is taken for it.
fn seen<'s>(seen: &'s Seen, buffer: &FuseBuffer, memory: &RefCell<Arena>) -> Option<&'s [u8]> {
    let copy = || {
        let arena = memory.borrow();
        let dynptr = buffer.get_ro_dynptr(&arena);
        if dynptr.is_null() || dynptr.is_corrupt() {
            return None;
        }
        let mut bytes = vec![0; dynptr.size() as usize].into_boxed_slice();
        (dynptr.read(&arena, &mut bytes, 0, 0).code == 0).then_some(bytes)
    };
    seen.get_or_init(copy).as_deref()
}

fn before_nul(bytes: Option<&[u8]>) -> &[u8] {
    let bytes = bytes.unwrap_or(&[]);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}
