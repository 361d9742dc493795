//! Looking at the whole filesystem from outside: no permissions, no access times, no changes.

use std::{collections::BTreeMap, sync::Arc};

use fuserig_abi::{Errno, Ino, Stat};

use super::{
    digest::{Digest, ROOT_PLACE},
    fs::MemFs,
    inode::Body,
    page::{PAGE_U64, Page, without_trailing_zeros},
    xattrs::Xattrs,
};

/// One name of the tree, as [`MemFs::walk`] lists them. A node with several names comes several
/// times.
///
/// ```
/// use fuserig_sim_fs::MemFs;
/// let fs = MemFs::from_tree("/a/b 'x'").unwrap();
/// let paths: Vec<_> = fs.walk().map(|entry| entry.path).collect();
/// assert_eq!(paths, [b"/".to_vec(), b"/a".to_vec(), b"/a/b".to_vec()]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkEntry {
    /// The path from the root, with the slash in front.
    pub path: Vec<u8>,
    /// The attributes, with the inode number.
    pub stat: Stat,
    /// Where a symbolic link points; empty for other kinds.
    pub target: Vec<u8>,
}

/// A stretch of a file as tree text writes it: bytes, or space without data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extent<'a> {
    Data { offset: u64, bytes: &'a [u8] },
    Reserved { offset: u64, length: u64 },
}

impl MemFs {
    /// Every name with its attributes, sorted by the bytes of the path, the root first.
    pub fn walk(&self) -> impl Iterator<Item = WalkEntry> + use<> {
        let root = self.options.root_ino;
        let mut entries = Vec::new();
        let mut pending = vec![(Vec::new(), root)];
        while let Some((path, ino)) = pending.pop() {
            let inode = self.inode(ino).expect("a name always has a node");
            if let Some(directory) = inode.directory() {
                pending.extend(
                    directory
                        .entries()
                        .map(|entry| ([path.as_slice(), b"/", &entry.name].concat(), entry.ino)),
                );
            }
            let path = if path.is_empty() { b"/".to_vec() } else { path };
            let target = match &inode.body {
                Body::Symlink(target) => target.to_vec(),
                Body::Regular(_) | Body::Directory(_) | Body::Special => Vec::new(),
            };
            entries.push(WalkEntry { path, stat: inode.stat(ino), target });
        }
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        entries.into_iter()
    }

    /// The attributes of what a path from the root leads to; none where it leads nowhere. Links
    /// are not followed, and a slash at the end says nothing.
    ///
    /// ```
    /// use fuserig_sim_fs::MemFs;
    /// let fs = MemFs::from_tree("/a/b 'xyz'").unwrap();
    /// assert_eq!(fs.find(b"/a/b").map(|stat| stat.size), Some(3));
    /// assert!(fs.find(b"/a/c").is_none());
    /// ```
    pub fn find(&self, path: &[u8]) -> Option<Stat> {
        let mut ino = self.options.root_ino;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            ino = self.inode(ino).ok()?.directory()?.get(name)?.ino;
        }
        Some(self.inode(ino).ok()?.stat(ino))
    }

    /// What a name in a directory leads to; none when it is not there or this is no directory.
    ///
    /// ```
    /// use fuserig_sim_fs::{Lower, MemFs};
    /// let fs = MemFs::from_tree("/a 'x'").unwrap();
    /// assert_eq!(fs.leads_to(fs.root(), b"a"), fs.find(b"/a").map(|stat| stat.ino));
    /// ```
    pub fn leads_to(&self, directory: Ino, name: &[u8]) -> Option<Ino> {
        Some(self.inode(directory).ok()?.directory()?.get(name)?.ino)
    }

    /// What the `..` of a directory leads to; none when this is no directory.
    ///
    /// ```
    /// use fuserig_sim_fs::{Lower, MemFs};
    /// let fs = MemFs::from_tree("/d/\n/a 'x'").unwrap();
    /// let [d, a] = [b"d", b"a"].map(|name| fs.leads_to(fs.root(), name).unwrap());
    /// assert_eq!((fs.parent_of(d), fs.parent_of(a)), (Some(fs.root()), None));
    /// ```
    pub fn parent_of(&self, directory: Ino) -> Option<Ino> {
        Some(self.inode(directory).ok()?.directory()?.parent)
    }

    /// The names in a directory and what each leads to, in the order of a listing; none when this
    /// is no directory.
    ///
    /// ```
    /// use fuserig_sim_fs::{Lower, MemFs};
    /// let fs = MemFs::from_tree("/a 'x'").unwrap();
    /// let names: Vec<&[u8]> = fs.names_in(fs.root()).map(|(name, _)| name).collect();
    /// assert_eq!(names, [b"a"]);
    /// ```
    pub fn names_in(&self, directory: Ino) -> impl Iterator<Item = (&[u8], Ino)> {
        let directory = self.inode(directory).ok().and_then(|inode| inode.directory());
        let entries = directory.into_iter().flat_map(|directory| directory.entries());
        entries.map(|entry| (&*entry.name, entry.ino))
    }

    /// Where a symbolic link points; none for any other kind.
    ///
    /// ```
    /// use fuserig_sim_fs::MemFs;
    /// let fs = MemFs::from_tree("/l -> a").unwrap();
    /// assert_eq!(fs.target(fs.find(b"/l").unwrap().ino), Some(&b"a"[..]));
    /// ```
    pub fn target(&self, node: Ino) -> Option<&[u8]> {
        match &self.inode(node).ok()?.body {
            Body::Symlink(target) => Some(target),
            Body::Regular(_) | Body::Directory(_) | Body::Special => None,
        }
    }

    /// Attributes of a node, also of one that has no name any more; none when it is gone.
    pub fn stat(&self, node: Ino) -> Option<Stat> {
        Some(self.inode(node).ok()?.stat(node))
    }

    /// Copies bytes of a regular file into `out` and returns how many there were; fewer than asked
    /// for only at the end. `ESTALE` for a number that is gone, `EINVAL` for another kind of node.
    pub fn peek(&self, node: Ino, offset: u64, out: &mut [u8]) -> Result<usize, Errno> {
        let inode = self.inode(node)?;
        let contents = inode.contents().ok_or(Errno::EINVAL)?;
        let count = inode.size.saturating_sub(offset).min(out.len() as u64) as usize;
        contents.read(offset, &mut out[..count]);
        Ok(count)
    }

    /// How many nodes there are, with those that live on without a name.
    pub fn node_count(&self) -> u64 {
        self.inodes.iter().count() as u64
    }

    /// The digest computed from nothing but the tree, for checking [`MemFs::digest`].
    pub fn digest_from_scratch(&self) -> Digest {
        let mut places = BTreeMap::new();
        let mut pending = vec![(self.options.root_ino, ROOT_PLACE)];
        while let Some((ino, place)) = pending.pop() {
            let sum: &mut u128 = places.entry(ino).or_default();
            *sum = sum.wrapping_add(place);
            let inode = self.inode(ino).expect("a name always has a node");
            if let Some(directory) = inode.directory() {
                let child = |name: &[u8]| super::digest::place_of(place, name);
                pending.extend(directory.entries().map(|entry| (entry.ino, child(&entry.name))));
            }
        }
        let contribution = |(ino, place): (Ino, u128)| {
            let inode = self.inode(ino).expect("a name always has a node");
            let body = match &inode.body {
                Body::Regular(contents) => contents.digest_from_scratch().0,
                Body::Symlink(target) => super::digest::hash(target),
                Body::Directory(_) | Body::Special => 0,
            };
            let xattrs = inode.xattrs.as_ref().map(|xattrs| xattrs.digest_from_scratch());
            inode.contribution_with(place, body, xattrs)
        };
        Digest(places.into_iter().map(contribution).fold(0, u128::wrapping_add))
    }

    /// The stretches of a regular file that are not holes, data without the zeros at its end.
    pub(crate) fn extents(&self, node: Ino) -> Vec<Extent<'_>> {
        let contents = self.inode(node).ok().and_then(|inode| inode.contents());
        let extent = |(index, page)| {
            let offset = index * PAGE_U64;
            match page {
                &Page::Reserved => Extent::Reserved { offset, length: PAGE_U64 },
                Page::Data(data) => match without_trailing_zeros(data.bytes()) {
                    // A page of zeros is data all the same, so one of them has to be named.
                    [] => Extent::Data { offset, bytes: &[0] },
                    bytes => Extent::Data { offset, bytes },
                },
            }
        };
        contents.into_iter().flat_map(|contents| contents.pages()).map(extent).collect()
    }

    /// The extended attributes of a node in ascending order of their names.
    ///
    /// ```
    /// use fuserig_sim_fs::MemFs;
    /// let fs = MemFs::from_tree("/a xattr.user.k='v' ''").unwrap();
    /// let node = fs.find(b"/a").unwrap().ino;
    /// assert_eq!(fs.xattrs_of(node)[&b"user.k"[..]], b"v");
    /// ```
    pub fn xattrs_of(&self, node: Ino) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let xattrs: Option<&Arc<Xattrs>> =
            self.inode(node).ok().and_then(|inode| inode.xattrs.as_ref());
        let pairs = xattrs.into_iter().flat_map(|xattrs| {
            xattrs.names().filter_map(|name| Some((name.to_vec(), xattrs.get(name)?)))
        });
        pairs.collect()
    }
}
