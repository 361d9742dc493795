//! One argument: a fixed struct as bytes, or a buffer.

use zerocopy::IntoBytes;

use crate::{Arena, FuseBuffer, MemoryFault, WireStruct};

/// Longest fixed struct among the arguments: `fuse_entry_out`.
const STRUCT_ARG_MAX: usize = 128;

/// A fixed struct as raw bytes, aligned so that it can be viewed as a wire struct.
///
/// ```
/// use fuserig_abi::{FuseOpenIn, StructArg};
/// let mut arg = StructArg::new(&FuseOpenIn { flags: 2, open_flags: 0 });
/// arg.view_mut::<FuseOpenIn>().flags = 1;
/// assert_eq!(arg.bytes(), [1, 0, 0, 0, 0, 0, 0, 0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructArg {
    words: [u64; STRUCT_ARG_MAX / 8],
    len: u8,
}

impl StructArg {
    /// The bytes of a wire struct.
    pub fn new<T: WireStruct>(value: &T) -> StructArg {
        let mut arg = StructArg::zeroed(size_of::<T>());
        arg.bytes_mut().copy_from_slice(value.as_bytes());
        arg
    }

    /// `len` zero bytes.
    ///
    /// # Panics
    /// When no argument is that long (more than 128 bytes).
    #[inline]
    pub fn zeroed(len: usize) -> StructArg {
        assert!(len <= STRUCT_ARG_MAX, "no argument has {len} bytes");
        StructArg { words: [0; STRUCT_ARG_MAX / 8], len: len as u8 }
    }

    /// The raw little-endian bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.words.as_bytes()[..usize::from(self.len)]
    }

    /// The raw little-endian bytes for writing.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.words.as_mut_bytes()[..usize::from(self.len)]
    }

    /// The bytes as a wire struct.
    ///
    /// # Panics
    /// When the argument is not as long as `T`: the table says which struct an argument is.
    pub fn view<T: WireStruct>(&self) -> &T {
        assert_eq!(
            usize::from(self.len),
            size_of::<T>(),
            "argument is no {}",
            T::KERNEL_LAYOUT.name
        );
        T::ref_from_bytes(self.bytes()).expect("aligned to 8 and of the right length")
    }

    /// The bytes as a wire struct for writing.
    ///
    /// # Panics
    /// As [`StructArg::view`].
    pub fn view_mut<T: WireStruct>(&mut self) -> &mut T {
        assert_eq!(
            usize::from(self.len),
            size_of::<T>(),
            "argument is no {}",
            T::KERNEL_LAYOUT.name
        );
        T::mut_from_bytes(self.bytes_mut()).expect("aligned to 8 and of the right length")
    }
}

/// One argument of an operation.
///
/// ```
/// use fuserig_abi::{Arg, FuseLinkIn, StructArg};
/// let arg = Arg::Struct(StructArg::new(&FuseLinkIn { oldnodeid: 3 }));
/// assert_eq!(arg.as_struct().map(|arg| arg.bytes().len()), Some(8));
/// assert!(arg.as_buffer().is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Arg {
    /// Nothing there.
    #[default]
    None,
    /// A fixed struct.
    Struct(StructArg),
    /// A variable-sized buffer.
    Buffer(FuseBuffer),
}

impl Arg {
    /// An argument that is a wire struct.
    pub fn wire<T: WireStruct>(value: &T) -> Arg {
        Arg::Struct(StructArg::new(value))
    }

    /// Makes it a wire struct, where it is: as `*arg = Arg::wire(value)`, which moves all the room
    /// there is twice.
    pub fn put<T: WireStruct>(&mut self, value: &T) {
        *self = Arg::Struct(StructArg::zeroed(size_of::<T>()));
        if let Arg::Struct(arg) = self {
            arg.bytes_mut().copy_from_slice(value.as_bytes());
        }
    }

    /// The struct, if it is one.
    pub fn as_struct(&self) -> Option<&StructArg> {
        match self {
            Arg::Struct(arg) => Some(arg),
            Arg::None | Arg::Buffer(_) => None,
        }
    }

    /// The struct for writing, if it is one.
    pub fn as_struct_mut(&mut self) -> Option<&mut StructArg> {
        match self {
            Arg::Struct(arg) => Some(arg),
            Arg::None | Arg::Buffer(_) => None,
        }
    }

    /// The buffer, if it is one.
    pub fn as_buffer(&self) -> Option<&FuseBuffer> {
        match self {
            Arg::Buffer(buffer) => Some(buffer),
            Arg::None | Arg::Struct(_) => None,
        }
    }

    /// The bytes that travel to the daemon: a struct in full, a buffer at its current size.
    ///
    /// # Errors
    /// A buffer whose memory is not there (BUF-2, BUF-16).
    pub fn wire_bytes<'a>(&'a self, arena: &'a Arena) -> Result<&'a [u8], MemoryFault> {
        match self {
            Arg::None => Ok(&[]),
            Arg::Struct(arg) => Ok(arg.bytes()),
            Arg::Buffer(buffer) => buffer.bytes(arena),
        }
    }

    /// The buffer for writing, if it is one.
    pub fn as_buffer_mut(&mut self) -> Option<&mut FuseBuffer> {
        match self {
            Arg::Buffer(buffer) => Some(buffer),
            Arg::None | Arg::Struct(_) => None,
        }
    }
}
