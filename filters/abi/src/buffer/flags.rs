//! The flags of a buffer.

use bitflags::bitflags;

bitflags! {
    /// The flags of a `fuse_buffer` with the kernel's values (SEMANTICS 3.2).
    ///
    /// ```
    /// use fuserig_abi::BufferFlags;
    /// let flags = BufferFlags::VARIABLE_SIZE | BufferFlags::MUST_ALLOCATE;
    /// assert_eq!(flags.bits(), 6);
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
    pub struct BufferFlags: u32 {
        /// No writable dynptr may be made.
        const IMMUTABLE = 1;
        /// The size may change up to the maximum.
        const VARIABLE_SIZE = 2;
        /// The data are borrowed and constant: copy before writing.
        const MUST_ALLOCATE = 4;
        /// A writable dynptr was handed out; not that bytes were changed.
        const MODIFIED = 8;
        /// The data are a private allocation, freed at the end of the operation.
        const ALLOCATED = 16;
    }
}
