//! Regions: everything a program can point at.
//!
//! An address is the number of a region in its high half and an offset in its low half. Region 0
//! is never mapped, so that NULL and small integers never are. The fast path is one table index
//! and one compare; what fails it is judged in [`super::context`].

use std::borrow::Cow;

use fuserig_abi::{Dir, MemoryId};

/// What a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Kind {
    /// Nothing.
    Unmapped,
    /// A frame of the stack.
    Stack,
    /// The array of arguments.
    Arguments,
    /// A struct argument.
    Struct {
        /// Whether its prototype says const.
        is_const: bool,
    },
    /// A `fuse_buffer` argument: its fields can be loaded (VER-3), never stored.
    Buffer {
        /// Its direction.
        dir: Dir,
        /// Its position in that direction.
        position: usize,
    },
    /// The values of a map.
    Map,
    /// A slice that a dynptr handed out; its bytes stand in the arena of the call.
    Slice {
        /// The allocation.
        memory: MemoryId,
        /// Where the slice begins in it.
        offset: u32,
        /// Whether a program may store.
        is_writable: bool,
    },
    /// A kernel object that can be read.
    Kernel,
    /// An argument of an Android program, with a window of 256 bytes whatever its length (AND-2).
    Window {
        /// Whether a program may store.
        is_writable: bool,
    },
    /// A record reserved in a ring buffer, or memory lent by the caller.
    Lent,
}

/// Bytes with bounds.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Region {
    pub(in crate::engine) bytes: Vec<u8>,
    /// Which bits of an offset count within one value; all of them outside maps.
    pub(in crate::engine) mask: u32,
    /// End of what may be loaded, within one value; 0 sends every load to the slow path.
    pub(in crate::engine) read_end: u32,
    /// The same for stores.
    pub(in crate::engine) write_end: u32,
    pub(in crate::engine) kind: Kind,
    /// What it is called in messages.
    pub(in crate::engine) owner: Cow<'static, str>,
    /// The struct it is, or nothing.
    pub(in crate::engine) type_name: &'static str,
    /// Its length in messages: of one value in maps.
    pub(in crate::engine) len: u32,
    /// How many memories the same owner had before.
    pub(in crate::engine) generation: u32,
    /// Whether a store went to it by the slow path.
    pub(in crate::engine) is_written: bool,
}

impl Region {
    pub(in crate::engine) fn unmapped() -> Region {
        Region {
            bytes: Vec::new(),
            mask: u32::MAX,
            read_end: 0,
            write_end: 0,
            kind: Kind::Unmapped,
            owner: Cow::Borrowed(""),
            type_name: "",
            len: 0,
            generation: 0,
            is_written: false,
        }
    }

    /// Plain memory of the machine's own.
    pub(in crate::engine) fn plain(
        kind: Kind,
        owner: impl Into<Cow<'static, str>>,
        bytes: Vec<u8>,
        is_writable: bool,
    ) -> Region {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Region {
            bytes,
            read_end: len,
            write_end: if is_writable { len } else { 0 },
            kind,
            owner: owner.into(),
            len,
            ..Region::unmapped()
        }
    }

    /// Ends both kinds of access at `len`.
    #[inline]
    pub(in crate::engine) fn limit(&mut self, len: u32) {
        self.read_end = len;
        self.write_end = len;
        self.len = len;
    }
}

/// All regions by number.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Memory {
    pub(in crate::engine) regions: Vec<Region>,
}

/// The address of the first byte of a region.
pub(in crate::engine) const fn region_address(region: usize) -> u64 {
    (region as u64) << 32
}

/// The number of the region that an address names.
#[inline(always)]
pub(in crate::engine) const fn region_of(address: u64) -> usize {
    (address >> 32) as usize
}

impl Memory {
    /// `N` bytes at an address, if the fast path has them.
    #[inline(always)]
    pub(in crate::engine) fn load<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let region = self.regions.get(region_of(address))?;
        let offset = address as u32;
        if u64::from(offset & region.mask) + N as u64 > u64::from(region.read_end) {
            return None;
        }
        let first = offset as usize;
        region.bytes.get(first..first + N)?.try_into().ok()
    }

    /// Stores bytes at an address, if the fast path may.
    #[inline(always)]
    pub(in crate::engine) fn store<const N: usize>(
        &mut self,
        address: u64,
        value: [u8; N],
    ) -> Option<()> {
        let region = self.regions.get_mut(region_of(address))?;
        let offset = address as u32;
        if u64::from(offset & region.mask) + N as u64 > u64::from(region.write_end) {
            return None;
        }
        let first = offset as usize;
        region.bytes.get_mut(first..first + N)?.copy_from_slice(&value);
        Some(())
    }

    /// `len` bytes of the machine's own memory for reading.
    pub(in crate::engine) fn slice(&self, address: u64, len: u32) -> Option<&[u8]> {
        let region = self.regions.get(region_of(address))?;
        let offset = address as u32;
        if u64::from(offset & region.mask) + u64::from(len) > u64::from(region.read_end) {
            return None;
        }
        region.bytes.get(offset as usize..offset as usize + len as usize)
    }

    /// `len` bytes of the machine's own memory for writing.
    pub(in crate::engine) fn slice_mut(&mut self, address: u64, len: u32) -> Option<&mut [u8]> {
        let region = self.regions.get_mut(region_of(address))?;
        let offset = address as u32;
        if u64::from(offset & region.mask) + u64::from(len) > u64::from(region.write_end) {
            return None;
        }
        region.bytes.get_mut(offset as usize..offset as usize + len as usize)
    }

    /// What an address stands for, for people: region and signed offset within the value.
    pub(in crate::engine) fn locate(&self, address: u64) -> Option<(&Region, i64)> {
        let low = address as u32;
        // An offset just below a region borrows from the number of the region.
        if low > i32::MAX as u32 {
            let above = self.regions.get(region_of(address) + 1)?;
            if above.kind != Kind::Unmapped {
                return Some((above, i64::from(low as i32)));
            }
        }
        let region = self.regions.get(region_of(address))?;
        let known = region.kind != Kind::Unmapped;
        known.then(|| (region, i64::from(low & region.mask)))
    }
}
