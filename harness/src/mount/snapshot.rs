//! What a lower filesystem holds, copied into memory: the start of a recording.

use std::collections::BTreeMap;

use fuserig_abi::{Caller, Credentials, Errno, FileKind, Ino, Stat};
use fuserig_sim_fs::{
    AttrChanges, Lower, LowerExt, LowerOp, LowerReply, MemFs, MemFsOptions, OpenCheck, OpenFlags,
    SetTime, XattrFlags,
};

/// Bytes read at once.
const PIECE: u32 = 1 << 20;
/// Records listed at once.
const RECORDS: usize = 512;
/// Bytes of an extended attribute, and of their list, at most (`XATTR_SIZE_MAX`).
const XATTR_MAX: usize = 65536;

/// How much a snapshot may take.
///
/// ```
/// use fuserig::mount::SnapshotLimit;
/// assert_eq!(SnapshotLimit::default().nodes, 100_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotLimit {
    /// Files of all kinds.
    pub nodes: u64,
    /// Bytes of contents.
    pub bytes: u64,
}

impl Default for SnapshotLimit {
    fn default() -> SnapshotLimit {
        SnapshotLimit { nodes: 100_000, bytes: 256 << 20 }
    }
}

/// Copies everything below the root of `from`, with owners, modes, times, links and attributes.
///
/// # Errors
/// The errno of either filesystem, and `EFBIG` when there is more than the limit allows.
pub fn snapshot(
    from: &mut dyn Lower,
    caller: &Caller,
    limit: SnapshotLimit,
) -> Result<MemFs, Errno> {
    let options = MemFsOptions { capacity_bytes: limit.bytes, ..MemFsOptions::default() };
    let to = MemFs::new(options);
    let maker = Caller::new(Credentials::root(), caller.pid, caller.now);
    let (copied, nodes_left) = (BTreeMap::new(), limit.nodes);
    let mut copy = Copy { from, to, caller, maker, copied, nodes_left };
    let (source, target) = (copy.from.root(), copy.to.root());
    let stat = copy.from.getattr(caller, source)?;
    copy.children(source, target)?;
    copy.attributes(source, target, &stat)?;
    Ok(copy.to)
}

struct Copy<'a> {
    from: &'a mut dyn Lower,
    to: MemFs,
    /// Who reads.
    caller: &'a Caller,
    /// Who writes: whoever may read a tree may have a copy of it, whosever its files are.
    maker: Caller,
    /// Ours for each source node that has more than one name.
    copied: BTreeMap<Ino, Ino>,
    nodes_left: u64,
}

impl Copy<'_> {
    /// Breadth by a list of directories, so that depth costs no stack.
    fn children(&mut self, source: Ino, target: Ino) -> Result<(), Errno> {
        let mut pending = vec![(source, target)];
        let mut finished = Vec::new();
        while let Some((source, target)) = pending.pop() {
            for name in self.names(source)? {
                self.nodes_left = self.nodes_left.checked_sub(1).ok_or(Errno::EFBIG)?;
                let stat = self.from.lookup(self.caller, source, &name)?;
                let is_link = self.copied.contains_key(&stat.ino);
                let made = self.make(&stat, target, &name)?;
                if stat.kind == FileKind::Directory {
                    pending.push((stat.ino, made));
                }
                // However many names a node has, it is let go once.
                if !is_link {
                    finished.push((stat, made));
                }
            }
        }
        // Times last: making names below moves those of a directory.
        for (stat, made) in finished {
            self.attributes(stat.ino, made, &stat)?;
            self.from.forget(self.caller, stat.ino)?;
        }
        Ok(())
    }

    fn names(&mut self, directory: Ino) -> Result<Vec<Vec<u8>>, Errno> {
        let fh = self.open(directory, OpenFlags::DIRECTORY)?;
        let (mut names, mut position) = (Vec::new(), 0);
        loop {
            let (entries, end) = self.from.read_dir(self.caller, fh, position, RECORDS)?;
            if entries.is_empty() {
                break;
            }
            position = end;
            names.extend(entries.into_iter().map(|entry| entry.name));
        }
        self.from.release(self.caller, fh)?;
        names.retain(|name| name != b"." && name != b"..");
        Ok(names)
    }

    fn open(&mut self, node: Ino, flags: OpenFlags) -> Result<fuserig_sim_fs::LowerFh, Errno> {
        let op = LowerOp::Open { node, flags, check: OpenCheck::Granted };
        match self.from.apply(self.caller, &op)? {
            LowerReply::Opened(fh) => Ok(fh),
            other => unreachable!("open answered {other:?}"),
        }
    }

    fn make(&mut self, stat: &Stat, parent: Ino, name: &[u8]) -> Result<Ino, Errno> {
        if let Some(&made) = self.copied.get(&stat.ino) {
            self.to.link(&self.maker, made, parent, name)?;
            return Ok(made);
        }
        let made = match stat.kind {
            FileKind::Directory => self.to.mkdir(&self.maker, parent, name, 0o755)?.ino,
            FileKind::Symlink => {
                let target = self.from.readlink(self.caller, stat.ino)?;
                self.to.symlink(&self.maker, parent, name, &target)?.ino
            }
            FileKind::Regular => self.file(stat, parent, name)?,
            FileKind::Fifo | FileKind::Socket | FileKind::CharDevice | FileKind::BlockDevice => {
                let mode = stat.kind.type_bits() | 0o644;
                self.to.mknod(&self.maker, parent, name, mode, stat.rdev)?.ino
            }
        };
        if stat.nlink > 1 && stat.kind != FileKind::Directory {
            self.copied.insert(stat.ino, made);
        }
        Ok(made)
    }

    fn file(&mut self, stat: &Stat, parent: Ino, name: &[u8]) -> Result<Ino, Errno> {
        let fh = self.open(stat.ino, OpenFlags::empty())?;
        let flags = OpenFlags::WRONLY;
        let (made, to) = self.to.create_open(&self.maker, parent, name, 0o644, flags)?;
        let mut offset = 0;
        loop {
            let data = self.from.read(self.caller, fh, offset, PIECE)?;
            if data.is_empty() {
                break;
            }
            if data.iter().any(|&byte| byte != 0) {
                self.to.write(&self.maker, to, offset, &data)?;
            }
            offset += data.len() as u64;
        }
        let length = AttrChanges { size: Some(offset), ..AttrChanges::default() };
        self.to.setattr(&self.maker, made.ino, length)?;
        self.to.release(&self.maker, to)?;
        self.from.release(self.caller, fh)?;
        Ok(made.ino)
    }

    fn attributes(&mut self, source: Ino, target: Ino, stat: &Stat) -> Result<(), Errno> {
        for name in self.attribute_names(source)? {
            let value = self.from.get_xattr(self.caller, source, &name, XATTR_MAX)?;
            // A namespace that memory does not keep is no part of what is replayed.
            let _ = self.to.set_xattr(&self.maker, target, &name, &value, XattrFlags::empty());
        }
        let owner =
            AttrChanges { uid: Some(stat.uid), gid: Some(stat.gid), ..AttrChanges::default() };
        self.to.setattr(&self.maker, target, owner)?;
        let permissions = (stat.kind != FileKind::Symlink).then_some(stat.permissions);
        let rest = AttrChanges {
            permissions,
            atime: Some(SetTime::At(stat.atime)),
            mtime: Some(SetTime::At(stat.mtime)),
            ..AttrChanges::default()
        };
        self.to.setattr(&self.maker, target, rest)?;
        Ok(())
    }

    fn attribute_names(&mut self, source: Ino) -> Result<Vec<Vec<u8>>, Errno> {
        match self.from.list_xattr(self.caller, source, XATTR_MAX) {
            Ok(list) => {
                let names = list.split(|&byte| byte == 0).filter(|name| !name.is_empty());
                Ok(names.map(<[u8]>::to_vec).collect())
            }
            Err(Errno::EOPNOTSUPP | Errno::EPERM) => Ok(Vec::new()),
            Err(errno) => Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Caller, Credentials, Errno, Gid, Pid, Timespec, Uid};
    use fuserig_sim_fs::{HostFs, Lower, LowerExt, MemFs};

    use super::{SnapshotLimit, snapshot};

    fn caller() -> Caller {
        Caller::new(Credentials::root(), Pid(0), Timespec::from_secs(9))
    }

    #[test]
    fn a_snapshot_is_the_same_tree() {
        let text = "/a/ mode=0750 uid=5 gid=6\n/a/f 'hello' mode=0604\n/a/l -> f\n/e ''\n";
        let mut fs = MemFs::from_tree(text).expect("the tree is good");
        let copied = snapshot(&mut fs, &caller(), SnapshotLimit::default()).expect("it fits");
        assert_eq!(copied.to_tree(), fs.to_tree());
    }

    #[test]
    fn a_file_of_the_host_with_several_names_is_copied_with_all_of_them() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(directory.path().join("d")).expect("fresh");
        std::fs::write(directory.path().join("a"), "text").expect("writable");
        for name in ["b", "d/c"] {
            let link = directory.path().join(name);
            std::fs::hard_link(directory.path().join("a"), link).expect("one filesystem");
        }
        let mut host = HostFs::open(directory.path()).expect("it opens");
        let caller = caller();
        let mut copied = snapshot(&mut host, &caller, SnapshotLimit::default()).expect("it fits");
        let root = copied.root();
        let folder = copied.lookup(&caller, root, b"d").expect("there").ino;
        let [a, b, c] = [(root, b"a"), (root, b"b"), (folder, b"c")]
            .map(|(parent, name)| copied.lookup(&caller, parent, name).expect("there"));
        assert_eq!((a.ino, a.ino, a.nlink, a.size), (b.ino, c.ino, 3, 4));
    }

    #[test]
    fn whoever_reads_a_tree_gets_a_copy_with_the_owners_that_it_has() {
        let text = "/ mode=0755 uid=5 gid=6\n/a/ mode=0750 uid=5 gid=6\n/a/f 'text' uid=7 gid=8\n";
        let mut fs = MemFs::from_tree(text).expect("the tree is good");
        let user = Caller::new(Credentials::user(Uid(5), Gid(6)), Pid(9), Timespec::from_secs(9));
        let copied = snapshot(&mut fs, &user, SnapshotLimit::default()).expect("it may read");
        assert_eq!(copied.to_tree(), fs.to_tree());
    }

    #[test]
    fn more_than_the_limit_is_an_error() {
        let mut fs = MemFs::from_tree("/a 'x'\n/b 'y'\n").expect("the tree is good");
        let limit = SnapshotLimit { nodes: 1, ..SnapshotLimit::default() };
        assert_eq!(snapshot(&mut fs, &caller(), limit).err(), Some(Errno::EFBIG));
    }
}
