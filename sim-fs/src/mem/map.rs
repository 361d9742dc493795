//! The map under everything in [`super::MemFs`]: a persistent [`Trie`] behind a small buffer of
//! recent changes.
//!
//! A fork that makes one change copies the buffer and never touches the tree, so its cost does not
//! depend on how many keys there are. Changes move into the tree in batches. Small maps never
//! leave the buffer and are a sorted array.
//!
//! Invariant: the buffer is sorted by key without duplicates, and a removal is remembered in it
//! only while the tree has the key.

use std::sync::Arc;

use arrayvec::ArrayVec;

use super::trie::Trie;

/// A buffer this long is emptied into the tree by the next change, if no fork shares the tree.
const FLUSH: usize = 8;
/// A buffer never grows longer. Between [`FLUSH`] and this, a map whose tree is shared takes
/// changes without emptying: every fork of the same state would do that work again.
const FULL: usize = 16;

/// A key with its value, or with `None` where the tree's value is to be forgotten.
type Change<V> = (u64, Option<V>);
type Buffer<V> = ArrayVec<Change<V>, FULL>;

/// The buffer. Most files have one page and most processes one open file, so a single change is
/// kept in place: that saves an allocation of [`FULL`] changes.
#[derive(Clone, Debug)]
enum Recent<V> {
    Empty,
    One(Change<V>),
    Many(Arc<Buffer<V>>),
}

impl<V: Clone> Recent<V> {
    fn as_slice(&self) -> &[Change<V>] {
        match self {
            Recent::Empty => &[],
            Recent::One(change) => core::slice::from_ref(change),
            Recent::Many(buffer) => buffer,
        }
    }

    fn at(&mut self, index: usize) -> &mut Change<V> {
        match self {
            Recent::Many(buffer) => &mut Arc::make_mut(buffer)[index],
            Recent::One(change) if index == 0 => change,
            Recent::One(_) | Recent::Empty => unreachable!("the index came from a search"),
        }
    }

    fn insert(&mut self, index: usize, change: Change<V>) {
        *self = match core::mem::replace(self, Recent::Empty) {
            Recent::Empty => Recent::One(change),
            Recent::One(only) => {
                let mut buffer = Buffer::from_iter([only]);
                buffer.insert(index, change);
                Recent::Many(Arc::new(buffer))
            }
            Recent::Many(mut buffer) => {
                Arc::make_mut(&mut buffer).insert(index, change);
                Recent::Many(buffer)
            }
        };
    }

    fn remove(&mut self, index: usize) {
        *self = match core::mem::replace(self, Recent::Empty) {
            Recent::Empty | Recent::One(_) => Recent::Empty,
            Recent::Many(mut buffer) => {
                let own = Arc::make_mut(&mut buffer);
                own.remove(index);
                if own.len() == 1 { Recent::One(own.remove(0)) } else { Recent::Many(buffer) }
            }
        };
    }
}

#[derive(Clone, Debug)]
pub(super) struct Map<V> {
    base: Trie<V>,
    recent: Recent<V>,
}

impl<V> Default for Map<V> {
    fn default() -> Map<V> {
        Map { base: Trie::Empty, recent: Recent::Empty }
    }
}

impl<V: Clone> Map<V> {
    pub(super) fn get(&self, key: u64) -> Option<&V> {
        let recent = self.recent.as_slice();
        match find(recent, key) {
            Ok(index) => recent[index].1.as_ref(),
            Err(_) => self.base.get(key),
        }
    }

    /// The value for changing: in its place if nothing shares it, else copied into the buffer.
    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let index = match find(self.recent.as_slice(), key) {
            Ok(index) => index,
            // A second look because a borrow that is returned on one path lasts on all of them.
            Err(_) if self.base.get_unshared_mut(key).is_some() => {
                return self.base.get_unshared_mut(key);
            }
            Err(_) => {
                let value = self.base.get(key)?.clone();
                self.put(key, Some(value))
            }
        };
        self.recent.at(index).1.as_mut()
    }

    pub(super) fn insert(&mut self, key: u64, value: V) {
        self.put(key, Some(value));
    }

    pub(super) fn remove(&mut self, key: u64) {
        let index = find(self.recent.as_slice(), key);
        if self.base.get(key).is_some() {
            self.put(key, None);
        } else if let Ok(index) = index {
            self.recent.remove(index);
        }
    }

    /// Writes one entry of the buffer and says where it is.
    fn put(&mut self, key: u64, value: Option<V>) -> usize {
        let recent = self.recent.as_slice();
        match find(recent, key) {
            Ok(index) => {
                self.recent.at(index).1 = value;
                index
            }
            Err(index) => {
                let full = recent.len() >= if self.base.is_shared() { FULL } else { FLUSH };
                if full {
                    self.flush();
                }
                let index = if full { 0 } else { index };
                self.recent.insert(index, (key, value));
                index
            }
        }
    }

    fn flush(&mut self) {
        let Recent::Many(buffer) = core::mem::replace(&mut self.recent, Recent::Empty) else {
            unreachable!("only a full buffer is emptied")
        };
        for (key, value) in Arc::unwrap_or_clone(buffer) {
            match value {
                Some(value) => self.base.insert(key, value),
                None => self.base.remove(key),
            }
        }
    }

    /// The entry with the largest key that is not above `key`.
    pub(super) fn floor(&self, key: u64) -> Option<(u64, &V)> {
        let recent = self.recent.as_slice();
        let above = recent.partition_point(|(at, _)| *at <= key);
        let buffered = recent[..above]
            .iter()
            .rev()
            .find_map(|(at, value)| value.as_ref().map(|value| (*at, value)));
        let mut based = self.base.floor(key);
        while let Some((at, _)) = based
            && find(recent, at).is_ok()
        {
            based = at.checked_sub(1).and_then(|below| self.base.floor(below));
        }
        match (buffered, based) {
            (Some(left), Some(right)) => Some(if left.0 > right.0 { left } else { right }),
            (found, None) | (None, found) => found,
        }
    }

    /// The entry with the smallest key that is not below `key`.
    pub(super) fn ceil(&self, key: u64) -> Option<(u64, &V)> {
        let recent = self.recent.as_slice();
        let below = recent.partition_point(|(at, _)| *at < key);
        let buffered =
            recent[below..].iter().find_map(|(at, value)| value.as_ref().map(|value| (*at, value)));
        let mut based = self.base.ceil(key);
        while let Some((at, _)) = based
            && find(recent, at).is_ok()
        {
            based = at.checked_add(1).and_then(|above| self.base.ceil(above));
        }
        match (buffered, based) {
            (Some(left), Some(right)) => Some(if left.0 < right.0 { left } else { right }),
            (found, None) | (None, found) => found,
        }
    }

    /// Every entry in ascending order of its key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let mut next = Some(0);
        core::iter::from_fn(move || {
            let (key, value) = self.ceil(next?)?;
            next = key.checked_add(1);
            Some((key, value))
        })
    }
}

/// A linear search: at this length it beats a binary one.
fn find<V>(recent: &[Change<V>], key: u64) -> Result<usize, usize> {
    for (index, (at, _)) in recent.iter().enumerate() {
        if *at >= key {
            return if *at == key { Ok(index) } else { Err(index) };
        }
    }
    Err(recent.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Map;

    #[derive(Clone, Debug)]
    enum Change {
        Insert(u64, u8),
        Remove(u64),
        Mutate(u64, u8),
        Fork,
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let key = 0..60_u64;
        let one = prop_oneof![
            4 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Change::Insert(key, value)),
            2 => key.clone().prop_map(Change::Remove),
            2 => (key, any::<u8>()).prop_map(|(key, value)| Change::Mutate(key, value)),
            1 => Just(Change::Fork),
        ];
        proptest::collection::vec(one, 0..200)
    }

    fn assert_equal(map: &Map<u8>, model: &BTreeMap<u64, u8>) {
        let entries: Vec<_> = map.iter().map(|(key, value)| (key, *value)).collect();
        assert_eq!(entries, model.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>());
        for key in 0..60 {
            assert_eq!(map.get(key), model.get(&key), "key {key}");
            let below = model.range(..=key).next_back().map(|(at, value)| (*at, value));
            assert_eq!(map.floor(key), below, "floor of {key}");
        }
    }

    proptest! {
        #[test]
        fn forks_of_a_map_go_their_own_ways(changes in changes()) {
            let mut map = Map::default();
            let mut model = BTreeMap::new();
            let mut forks = Vec::new();
            for change in changes {
                match change {
                    Change::Insert(key, value) => {
                        map.insert(key, value);
                        model.insert(key, value);
                    }
                    Change::Remove(key) => {
                        map.remove(key);
                        model.remove(&key);
                    }
                    Change::Mutate(key, value) => {
                        let found = map.get_mut(key);
                        prop_assert_eq!(found.is_some(), model.contains_key(&key));
                        if let Some(found) = found {
                            *found = value;
                            model.insert(key, value);
                        }
                    }
                    Change::Fork => forks.push((map.clone(), model.clone())),
                }
            }
            forks.push((map, model));
            for (map, model) in &forks {
                assert_equal(map, model);
            }
        }
    }

    #[test]
    fn an_emptied_map_keeps_nothing() {
        let mut map = Map::default();
        for key in 0..100 {
            map.insert(key, key);
        }
        for key in 0..100 {
            map.remove(key);
        }
        assert_eq!(map.iter().count(), 0);
    }
}
