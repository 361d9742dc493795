//! Directory records and lookup entries.
//!
//! Nothing here walks a buffer of records. A reader would get wrong that `off` of a record made by
//! the pipeline is the position of that record, not the position behind it (SEMANTICS 3.5).

use super::constants::{FUSE_ENTRY_BACKING, FUSE_ENTRY_BPF};
use super::layout::wire_struct;

wire_struct! {
    /// Head of a directory record; the name follows, padded to 8 bytes.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseDirent = "fuse_dirent", 24 {
        /// Inode number.
        ino: u64,
        /// Position of this record (the pipeline) or behind it (an ordinary READDIR).
        off: u64,
        /// Length of a name in bytes.
        namelen: u32,
        /// `DT_*` type of the entry.
        r#type: u32,
    }
}

wire_struct! {
    /// Result of a filtered readdir.
    ///
    /// Source: fuse-bpf, SEMANTICS 3.3.
    FuseReadOut = "fuse_read_out", 16 {
        /// Position behind the last record.
        offset: u64,
        /// Non-zero asks for another pass of the pipeline.
        again: u32,
        /// Unused.
        padding: u32,
    }
}

wire_struct! {
    /// A lookup entry of fuse-bpf: a backing file or a program name, which share bytes 8 to 23.
    ///
    /// Source: fuse-bpf, SEMANTICS 3.3.
    FuseBpfEntryOut = "fuse_bpf_entry_out", 24 {
        /// `FUSE_ENTRY_*`.
        entry_type: u32,
        /// Must be zero.
        unused: u32,
        /// Unused for a backing entry; first half of a program name.
        unused2: u64,
        /// Descriptor for a backing entry; second half of a program name.
        fd: u64,
    }
}

impl FuseBpfEntryOut {
    /// Length of a reply with one entry, and the unit of its length.
    pub const SIZE: usize = 24;

    /// An entry that names a backing file by descriptor.
    pub fn backing(fd: u64) -> FuseBpfEntryOut {
        FuseBpfEntryOut { entry_type: FUSE_ENTRY_BACKING, fd, ..FuseBpfEntryOut::default() }
    }

    /// An entry that names a program, or `None` when the name has no room for its final NUL
    /// (longer than 15 bytes).
    pub fn program(name: &[u8]) -> Option<FuseBpfEntryOut> {
        let mut field = [0; 16];
        field.get_mut(..name.len())?.copy_from_slice(name);
        if field[15] != 0 {
            return None;
        }
        let (low, high) = field.split_at(8);
        Some(FuseBpfEntryOut {
            entry_type: FUSE_ENTRY_BPF,
            unused: 0,
            unused2: u64::from_le_bytes(low.try_into().expect("half of 16 bytes")),
            fd: u64::from_le_bytes(high.try_into().expect("half of 16 bytes")),
        })
    }

    /// The bytes of the name field, which overlap `unused2` and `fd`.
    pub fn name_field(&self) -> [u8; 16] {
        let mut field = [0; 16];
        field[..8].copy_from_slice(&self.unused2.to_le_bytes());
        field[8..].copy_from_slice(&self.fd.to_le_bytes());
        field
    }

    /// The program name up to its NUL, or `None` when the field has no NUL.
    pub fn program_name(&self) -> Option<Vec<u8>> {
        let field = self.name_field();
        let end = field.iter().position(|byte| *byte == 0)?;
        Some(field[..end].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::FuseBpfEntryOut;

    #[test]
    fn a_program_name_keeps_room_for_its_nul() {
        let entry = FuseBpfEntryOut::program(b"fifteen_letters").expect("15 bytes fit");
        assert_eq!(entry.program_name().as_deref(), Some(&b"fifteen_letters"[..]));
        assert_eq!(FuseBpfEntryOut::program(b"sixteen_letters_"), None);
        assert_eq!(FuseBpfEntryOut::program(b"seventeen_letters"), None);
    }

    #[test]
    fn a_field_without_a_nul_names_no_program() {
        let entry = FuseBpfEntryOut { unused2: u64::MAX, fd: u64::MAX, ..Default::default() };
        assert_eq!(entry.program_name(), None);
    }

    #[test]
    fn a_backing_entry_keeps_its_descriptor() {
        let entry = FuseBpfEntryOut::backing(7);
        assert_eq!((entry.entry_type, entry.fd, entry.unused2), (1, 7, 0));
    }
}
