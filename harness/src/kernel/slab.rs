//! A vector with holes whose keys are typed. Keys are reused in a fixed order, so the same run
//! always mints the same keys.

use core::marker::PhantomData;

/// A key into a [`Slab`]. Minted by `insert`, dead after `remove`, then reused.
pub trait Key: Copy {
    /// The key for a position.
    fn from_index(index: usize) -> Self;
    /// The position of the key.
    fn index(self) -> usize;
}

/// Values addressed by typed keys.
#[derive(Clone, Debug)]
pub struct Slab<K, T> {
    items: Vec<Option<T>>,
    free: Vec<usize>,
    key: PhantomData<K>,
}

impl<K, T> Default for Slab<K, T> {
    fn default() -> Self {
        Slab { items: Vec::new(), free: Vec::new(), key: PhantomData }
    }
}

impl<K: Key, T> Slab<K, T> {
    /// Stores a value and mints its key.
    pub fn insert(&mut self, value: T) -> K {
        match self.free.pop() {
            Some(index) => {
                self.items[index] = Some(value);
                K::from_index(index)
            }
            None => {
                self.items.push(Some(value));
                K::from_index(self.items.len() - 1)
            }
        }
    }

    /// Takes the value out; the key is dead.
    ///
    /// # Panics
    /// When the key is dead already: a reference was counted wrong.
    pub fn remove(&mut self, key: K) -> T {
        let value = self.items[key.index()].take().expect("a key is removed once");
        self.free.push(key.index());
        value
    }

    /// The value of a key that may be dead.
    pub fn get(&self, key: K) -> Option<&T> {
        self.items.get(key.index())?.as_ref()
    }

    /// How many values live.
    pub fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    /// Whether nothing lives.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every live value in key order.
    pub fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| Some((K::from_index(index), item.as_ref()?)))
    }
}

impl<K: Key, T> core::ops::Index<K> for Slab<K, T> {
    type Output = T;

    fn index(&self, key: K) -> &T {
        self.items[key.index()].as_ref().expect("a counted reference keeps its key alive")
    }
}

impl<K: Key, T> core::ops::IndexMut<K> for Slab<K, T> {
    fn index_mut(&mut self, key: K) -> &mut T {
        self.items[key.index()].as_mut().expect("a counted reference keeps its key alive")
    }
}

macro_rules! key {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl Key for $name {
            fn from_index(index: usize) -> Self {
                $name(u32::try_from(index).expect("a run has fewer than 2^32 objects"))
            }

            fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

key! {
    /// A FUSE inode. Lives while a dentry, an open file or a running operation refers to it.
    InodeId
}
key! {
    /// A FUSE dentry. Lives while somebody walks through it, holds it, or it has children.
    DentryId
}
key! {
    /// The kernel object of an open FUSE file. Lives from open to release.
    HandleId
}

#[cfg(test)]
mod tests {
    use super::{InodeId, Slab};

    #[test]
    fn a_removed_key_is_reused_last_removed_first() {
        let mut slab: Slab<InodeId, &str> = Slab::default();
        let a = slab.insert("a");
        let b = slab.insert("b");
        assert_eq!((slab.remove(a), slab.remove(b)), ("a", "b"));
        assert_eq!(slab.insert("c"), b);
        assert_eq!(slab.insert("d"), a);
        assert_eq!(slab.len(), 2);
    }
}
