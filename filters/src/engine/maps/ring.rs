//! Ring buffers: how much is taken, and which records are reserved.

/// Bytes before each record (`BPF_RINGBUF_HDR_SZ`).
const HEADER: u64 = 8;

/// A ring buffer whose reader drains it between calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ring {
    size: u64,
    taken: u64,
    /// Region numbers of records that were reserved and neither submitted nor discarded.
    pub(super) reserved: Vec<usize>,
}

impl Ring {
    pub(super) fn new(size: u32) -> Ring {
        Ring { size: size.into(), taken: 0, reserved: Vec::new() }
    }

    /// Takes room for a record, if there is room.
    pub(super) fn take(&mut self, len: u64) -> bool {
        let need = (len.saturating_add(HEADER)).div_ceil(8) * 8;
        if len > self.size || self.taken + need > self.size {
            return false;
        }
        self.taken += need;
        true
    }

    /// Bytes in use.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The reader caught up.
    pub(super) fn drain(&mut self) {
        self.taken = 0;
        self.reserved.clear();
    }
}
