//! Which slot a key has: a chained table over slots of fixed size, with order of use for LRU.

const NONE: u32 = u32::MAX;

/// What stands at a slot besides the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Links {
    /// Next slot of the same bucket.
    next: u32,
    /// The slot used more recently, and the one used less recently.
    newer: u32,
    older: u32,
    is_live: bool,
}

/// Keys of a hash map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hash {
    key_size: usize,
    capacity: u32,
    is_lru: bool,
    keys: Vec<u8>,
    links: Vec<Links>,
    buckets: Vec<u32>,
    /// Slots that were deleted, the last one on top: the order in which a kernel reuses them.
    free: Vec<u32>,
    live: u32,
    newest: u32,
    oldest: u32,
}

impl Hash {
    pub(super) fn new(key_size: u32, capacity: u32, is_lru: bool) -> Hash {
        Hash {
            key_size: key_size as usize,
            capacity,
            is_lru,
            keys: Vec::new(),
            links: Vec::new(),
            buckets: vec![NONE; 16],
            free: Vec::new(),
            live: 0,
            newest: NONE,
            oldest: NONE,
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.live
    }

    pub(super) fn is_lru(&self) -> bool {
        self.is_lru
    }

    /// The slot of a key.
    pub(super) fn find(&self, key: &[u8]) -> Option<u32> {
        let mut slot = self.buckets[self.bucket(key)];
        while slot != NONE {
            if self.key(slot) == key {
                return Some(slot);
            }
            slot = self.links[slot as usize].next;
        }
        None
    }

    /// Live keys with their slots, in the order of slots.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let live = (0_u32..).zip(&self.links).filter(|(_, links)| links.is_live);
        live.map(|(slot, _)| (slot, self.key(slot)))
    }

    /// Makes a slot the most recently used one.
    pub(super) fn touch(&mut self, slot: u32) {
        if self.is_lru && self.newest != slot {
            self.unlink(slot);
            self.link_newest(slot);
        }
    }

    /// A slot for a key that is not there; an LRU map evicts for it, another may be full.
    pub(super) fn insert(&mut self, key: &[u8]) -> Option<u32> {
        if self.live >= self.capacity {
            if !self.is_lru || self.oldest == NONE {
                return None;
            }
            self.remove(self.oldest);
        }
        if self.links.len() >= self.buckets.len() * 2 {
            self.grow();
        }
        let bucket = self.bucket(key);
        let links = Links { next: self.buckets[bucket], newer: NONE, older: NONE, is_live: true };
        let slot = match self.free.pop() {
            Some(slot) => {
                let first = slot as usize * self.key_size;
                self.keys[first..first + self.key_size].copy_from_slice(key);
                self.links[slot as usize] = links;
                slot
            }
            None => {
                self.keys.extend_from_slice(key);
                self.links.push(links);
                u32::try_from(self.links.len() - 1).expect("at most max_entries slots")
            }
        };
        self.buckets[bucket] = slot;
        self.live += 1;
        if self.is_lru {
            self.link_newest(slot);
        }
        Some(slot)
    }

    /// Gives up a slot.
    pub(super) fn remove(&mut self, slot: u32) {
        let bucket = self.bucket(&self.keys[slot as usize * self.key_size..][..self.key_size]);
        let next = self.links[slot as usize].next;
        let mut at = self.buckets[bucket];
        if at == slot {
            self.buckets[bucket] = next;
        } else {
            while self.links[at as usize].next != slot {
                at = self.links[at as usize].next;
            }
            self.links[at as usize].next = next;
        }
        if self.is_lru {
            self.unlink(slot);
        }
        self.links[slot as usize].is_live = false;
        self.free.push(slot);
        self.live -= 1;
    }

    fn key(&self, slot: u32) -> &[u8] {
        let first = slot as usize * self.key_size;
        &self.keys[first..first + self.key_size]
    }

    /// FNV-1a: short, and the same everywhere.
    fn bucket(&self, key: &[u8]) -> usize {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        let hash = key.iter().fold(0xcbf2_9ce4_8422_2325, step);
        (hash ^ hash >> 32) as usize & (self.buckets.len() - 1)
    }

    fn grow(&mut self) {
        self.buckets = vec![NONE; self.buckets.len() * 4];
        for slot in 0..self.links.len() {
            if self.links[slot].is_live {
                let number = u32::try_from(slot).expect("at most max_entries slots");
                let bucket = self.bucket(&self.keys[slot * self.key_size..][..self.key_size]);
                self.links[slot].next = self.buckets[bucket];
                self.buckets[bucket] = number;
            }
        }
    }

    fn link_newest(&mut self, slot: u32) {
        let before = self.newest;
        let links = &mut self.links[slot as usize];
        (links.newer, links.older) = (NONE, before);
        match before {
            NONE => self.oldest = slot,
            before => self.links[before as usize].newer = slot,
        }
        self.newest = slot;
    }

    fn unlink(&mut self, slot: u32) {
        let Links { newer, older, .. } = self.links[slot as usize];
        match newer {
            NONE => self.newest = older,
            newer => self.links[newer as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.links[older as usize].newer = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Hash;

    #[test]
    fn keys_survive_growth_and_slots_are_reused_last_first() {
        let mut hash = Hash::new(4, 1000, false);
        for key in 0_u32..1000 {
            assert_eq!(hash.insert(&key.to_le_bytes()), Some(key));
        }
        assert_eq!(hash.insert(&[9; 4]), None, "a full map takes no more");
        for key in 0_u32..1000 {
            assert_eq!(hash.find(&key.to_le_bytes()), Some(key));
        }
        hash.remove(5);
        hash.remove(7);
        assert_eq!(hash.find(&5_u32.to_le_bytes()), None);
        assert_eq!(hash.insert(&[9; 4]), Some(7));
        assert_eq!((hash.len(), hash.entries().count()), (999, 999));
    }

    #[test]
    fn the_least_recently_used_entry_is_evicted() {
        let mut hash = Hash::new(1, 3, true);
        for key in [1, 2, 3] {
            hash.insert(&[key]);
        }
        hash.touch(0);
        hash.insert(&[4]);
        let left: Vec<u8> = hash.entries().map(|(_, key)| key[0]).collect();
        assert_eq!(left, [1, 4, 3], "key 2 was used least recently");
    }
}
