//! Operations in the order of their requests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::record::OpRecord;

/// Puts operations that end in any order into the order of their requests, because that is how a
/// trace is replayed. One that never ends holds back everything behind it only up to a limit;
/// beyond it, what is done leaves first, and the late one comes late.
///
/// ```
/// use fuserig_traces::record::OpRecord;
/// use fuserig_traces::wire::InOrder;
/// let mut order = InOrder::default();
/// order.begin(1);
/// order.push(OpRecord { seq_send: 2, ..OpRecord::default() });
/// assert_eq!(order.pop(), None);
/// order.push(OpRecord { seq_send: 1, ..OpRecord::default() });
/// assert_eq!(order.pop().map(|op| op.seq_send), Some(1));
/// assert_eq!(order.pop().map(|op| op.seq_send), Some(2));
/// ```
#[derive(Debug, Default)]
pub struct InOrder {
    open: BTreeSet<u64>,
    held: BTreeMap<u64, OpRecord>,
    held_bytes: usize,
    ready: VecDeque<OpRecord>,
}

/// Operations held back behind one that has not ended.
const HELD_MAX: usize = 65_536;
/// Bytes in them.
const HELD_BYTES_MAX: usize = 64 << 20;

impl InOrder {
    /// An operation has begun at `seq` and will be pushed later.
    pub fn begin(&mut self, seq: u64) {
        self.open.insert(seq);
    }

    /// What has begun at `seq` will not come after all.
    pub fn cancel(&mut self, seq: u64) {
        self.open.remove(&seq);
        self.release();
    }

    /// Takes an operation that is complete.
    pub fn push(&mut self, op: OpRecord) {
        self.open.remove(&op.seq_send);
        self.held_bytes += size(&op);
        if let Some(double) = self.held.insert(op.seq_send, op) {
            // Two operations of one number come from a caller that does not count; keep both.
            self.held_bytes -= size(&double);
            self.ready.push_back(double);
        }
        self.release();
    }

    /// The next operation whose turn it is.
    pub fn pop(&mut self) -> Option<OpRecord> {
        self.ready.pop_front()
    }

    /// Nothing will end any more: everything that is held is due.
    pub fn finish(&mut self) {
        self.open.clear();
        self.release();
    }

    fn release(&mut self) {
        while let Some((seq, _)) = self.held.first_key_value() {
            let waits = self.open.first().is_some_and(|open| open < seq);
            let is_full = self.held.len() > HELD_MAX || self.held_bytes > HELD_BYTES_MAX;
            if waits && !is_full {
                return;
            }
            let Some((_, op)) = self.held.pop_first() else { return };
            self.held_bytes -= size(&op);
            self.ready.push_back(op);
        }
    }
}

fn size(op: &OpRecord) -> usize {
    let data = match op.payload.as_ref() {
        crate::record::PayloadRef::Inline(bytes) => bytes.len(),
        _ => 0,
    };
    op.request.len() + op.reply.len() + data
}

#[cfg(test)]
mod tests {
    use super::{HELD_MAX, InOrder};
    use crate::record::OpRecord;

    #[test]
    fn an_operation_that_never_ends_holds_back_a_bounded_number() {
        let mut order = InOrder::default();
        order.begin(1);
        let mut left = 0;
        for seq in 2..HELD_MAX as u64 + 12 {
            order.begin(seq);
            order.push(OpRecord { seq_send: seq, ..OpRecord::default() });
            left += u64::from(order.pop().is_some());
        }
        assert_eq!(left, 10);
        order.finish();
        assert_eq!(std::iter::from_fn(|| order.pop()).count(), HELD_MAX);
    }
}
