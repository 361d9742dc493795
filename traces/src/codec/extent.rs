//! What a block's records span.

/// Smallest and largest sequence number and time of a block's records, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) first_time: u64,
    pub(crate) last_time: u64,
    /// Bytes that the records are expected to take uncompressed; decides when a block is full.
    pub(crate) bytes: usize,
    pub(crate) count: usize,
}

impl Extent {
    pub(super) fn add(&mut self, seq: u64, time: u64, bytes: usize) {
        if self.count == 0 {
            (self.first_seq, self.last_seq) = (seq, seq);
            (self.first_time, self.last_time) = (time, time);
        }
        self.first_seq = self.first_seq.min(seq);
        self.last_seq = self.last_seq.max(seq);
        self.first_time = self.first_time.min(time);
        self.last_time = self.last_time.max(time);
        self.bytes += bytes;
        self.count += 1;
    }
}
