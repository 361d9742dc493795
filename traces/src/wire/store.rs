//! File data, kept as the payload mode asks, and each once.

use std::collections::BTreeSet;

use crate::PayloadMode;
use crate::record::{OpRecord, Payload, PayloadId, PayloadRecord};

/// Data up to this length stay in their operation: a reference costs 24 bytes.
const INLINE_MAX: usize = 64;
/// Names that are remembered; data beyond them may be stored twice, which is no error.
const KNOWN_MAX: usize = 4 << 20;

/// Turns the data of operations into what a payload mode keeps.
///
/// ```
/// use fuserig_traces::record::{OpRecord, Payload};
/// use fuserig_traces::wire::PayloadStore;
/// use fuserig_traces::PayloadMode;
/// let mut store = PayloadStore::new(PayloadMode::Full);
/// let read = OpRecord { payload: Payload::Inline(vec![7; 4096]), ..OpRecord::default() };
/// let (mut one, mut two) = (read.clone(), read);
/// assert!(store.keep(&mut one).is_some());
/// assert!(store.keep(&mut two).is_none());
/// assert_eq!(one.payload, two.payload);
/// ```
#[derive(Debug)]
pub struct PayloadStore {
    mode: PayloadMode,
    known: BTreeSet<PayloadId>,
}

impl PayloadStore {
    /// A store that keeps what `mode` says.
    pub fn new(mode: PayloadMode) -> PayloadStore {
        PayloadStore { mode, known: BTreeSet::new() }
    }

    /// Replaces inline data of `op` by what is kept, and returns the bytes to store first when
    /// they are new.
    pub fn keep(&mut self, op: &mut OpRecord) -> Option<PayloadRecord> {
        let Payload::Inline(bytes) = &mut op.payload else { return None };
        if let Some(summary) = self.mode.summary(bytes) {
            op.payload = summary.to_owned();
            return None;
        }
        if bytes.len() <= INLINE_MAX {
            return None;
        }
        let len = bytes.len() as u64;
        let stored = PayloadRecord::new(core::mem::take(bytes));
        op.payload = Payload::Ref { len, id: stored.id };
        if self.known.contains(&stored.id) {
            return None;
        }
        if self.known.len() < KNOWN_MAX {
            self.known.insert(stored.id);
        }
        Some(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::PayloadStore;
    use crate::PayloadMode;
    use crate::record::{OpRecord, Payload, PayloadDigest, PayloadId};

    #[test]
    fn each_mode_keeps_what_it_says() {
        let check = |mode: PayloadMode, bytes: &[u8], expected: Payload| {
            let mut op =
                OpRecord { payload: Payload::Inline(bytes.to_vec()), ..OpRecord::default() };
            PayloadStore::new(mode).keep(&mut op);
            assert_eq!(op.payload, expected, "{mode:?}");
        };
        let digest = PayloadDigest::of(b"hello");
        check(PayloadMode::None, b"hello", Payload::None);
        check(PayloadMode::Len, b"hello", Payload::Len(5));
        check(PayloadMode::Hash, b"hello", Payload::Digest { len: 5, digest });
        check(PayloadMode::Full, b"hello", Payload::Inline(b"hello".to_vec()));
        let long = [1; 65];
        check(PayloadMode::Full, &long, Payload::Ref { len: 65, id: PayloadId::of(&long) });
    }
}
