//! The state of a buffer when its operation begins.

use crate::XATTR_SIZE_MAX;
use crate::{Arena, BufferFlags, BufferRow, Dir, FuseBuffer, MemoryId, MemoryKind, SizeInputs};
use crate::{FUSE_BPF_MAX_ENTRIES, FuseBpfEntryOut, PAGE_SIZE, PATH_MAX, SizeRule, XATTR_NAME_MAX};

/// The states that initialize_in and initialize_out make (SEMANTICS 4.2).
impl FuseBuffer {
    /// A dentry name that no filter may change. A NUL is added.
    pub fn immutable_name(arena: &mut Arena, owner: &'static str, name: &[u8]) -> FuseBuffer {
        FuseBuffer { flags: BufferFlags::IMMUTABLE, ..FuseBuffer::string(arena, owner, name, 0) }
    }

    /// A name that is copied before it is written, of at most 256 bytes with its NUL, which is
    /// added.
    pub fn variable_name(arena: &mut Arena, owner: &'static str, name: &[u8]) -> FuseBuffer {
        FuseBuffer::string(arena, owner, name, XATTR_NAME_MAX + 1)
    }

    /// A link target that is copied before it is written, of at most 4096 bytes with its NUL,
    /// which is added.
    pub fn variable_path(arena: &mut Arena, owner: &'static str, path: &[u8]) -> FuseBuffer {
        FuseBuffer::string(arena, owner, path, PATH_MAX)
    }

    /// The value of setxattr, copied before it is written, of at most 65536 bytes. `None` is the
    /// NULL that a caller may pass with size 0.
    pub fn variable_value(
        arena: &mut Arena,
        owner: &'static str,
        value: Option<&[u8]>,
    ) -> FuseBuffer {
        let size = checked_len(value.unwrap_or(&[]));
        let data = value.map(|value| arena.insert(MemoryKind::Borrowed, owner, value, size));
        FuseBuffer {
            data,
            size,
            alloc_size: 0,
            max_size: XATTR_SIZE_MAX,
            flags: BufferFlags::VARIABLE_SIZE | BufferFlags::MUST_ALLOCATE,
        }
    }

    /// A result of at most `size` bytes in the caller's kernel buffer, which is zero before the
    /// lower step. Size 0 gives [`FuseBuffer::ABSENT`].
    pub fn out_value(arena: &mut Arena, owner: &'static str, size: u32) -> FuseBuffer {
        if size == 0 {
            return FuseBuffer::ABSENT;
        }
        let memory = arena.insert(MemoryKind::Caller, owner, &[], size);
        FuseBuffer::whole(memory, size, size)
    }

    /// The entries of a lookup: empty, with room for two in the pipeline's own storage.
    pub fn lookup_entries(arena: &mut Arena, owner: &'static str) -> FuseBuffer {
        let room = FUSE_BPF_MAX_ENTRIES * FuseBpfEntryOut::SIZE as u32;
        let memory = arena.insert(MemoryKind::Inline, owner, &[], room);
        FuseBuffer::whole(memory, 0, room)
    }

    /// The page of a readdir. The kernel does not clear it: `stale` is what it begins with, the
    /// rest is zero.
    ///
    /// # Panics
    /// When `stale` is longer than a page.
    pub fn readdir_page(arena: &mut Arena, owner: &'static str, stale: &[u8]) -> FuseBuffer {
        let memory = arena.insert(MemoryKind::Page, owner, stale, PAGE_SIZE);
        FuseBuffer::whole(memory, PAGE_SIZE, PAGE_SIZE)
    }

    /// The all-zero buffer that stands where a getxattr with size 0 has no value.
    pub const ABSENT: FuseBuffer =
        FuseBuffer { data: None, size: 0, alloc_size: 0, max_size: 0, flags: BufferFlags::empty() };

    /// The state that a row of the table describes. `content` is the string, the value, or what
    /// uncleared memory holds; only as much of it as fits is taken, and a NUL is added where the
    /// row counts one. The row's own name is the owner.
    pub fn initial(
        row: &'static BufferRow,
        arena: &mut Arena,
        inputs: SizeInputs,
        content: &[u8],
    ) -> FuseBuffer {
        if row.needs_size && inputs.size_argument == 0 {
            return FuseBuffer::ABSENT;
        }
        let alloc_size = row.alloc_size.bytes(inputs);
        let size = row.size.bytes(inputs);
        let room = size.max(alloc_size);
        let kind = match (row.dir, row.size) {
            (Dir::In, _) => MemoryKind::Borrowed,
            (Dir::Out, SizeRule::SizeArgument | SizeRule::StringWithNul) => MemoryKind::Caller,
            (Dir::Out, SizeRule::Bytes(0)) => MemoryKind::Inline,
            (Dir::Out, SizeRule::Bytes(_)) => MemoryKind::Page,
        };
        let known = &content[..content.len().min(room as usize)];
        FuseBuffer {
            data: Some(arena.insert(kind, &row.arg, known, room)),
            size,
            alloc_size,
            max_size: row.max_size.bytes(inputs),
            flags: row.initial_flags,
        }
    }

    fn string(arena: &mut Arena, owner: &'static str, text: &[u8], max_size: u32) -> FuseBuffer {
        let size = checked_len(text).checked_add(1).expect("names are far below 4 GiB");
        let memory = arena.insert(MemoryKind::Borrowed, owner, text, size);
        FuseBuffer {
            data: Some(memory),
            size,
            alloc_size: 0,
            max_size,
            flags: BufferFlags::VARIABLE_SIZE | BufferFlags::MUST_ALLOCATE,
        }
    }

    fn whole(memory: MemoryId, size: u32, room: u32) -> FuseBuffer {
        FuseBuffer {
            data: Some(memory),
            size,
            alloc_size: room,
            max_size: room,
            flags: BufferFlags::VARIABLE_SIZE,
        }
    }
}

fn checked_len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("arguments of a system call are far below 4 GiB")
}
