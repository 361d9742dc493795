//! The initial tree of a trace with other names, owners, dates and contents.

use std::collections::BTreeMap;

use fuserig_abi::{Caller, Credentials, Errno, FileKind, Gid, Ino, Pid, Stat, Timespec, Uid};
use fuserig_sim_fs::{
    AttrChanges, LowerExt, MemFs, OpenFlags, SetTime, WalkEntry, Whence, XattrFlags,
};
use fuserig_traces::anonymise::Mapper;

/// Zeros that are written at once.
const CHUNK: u64 = 1 << 16;
/// Longest attribute value (XATTR_SIZE_MAX).
const VALUE_MAX: usize = 65_536;

/// The tree again.
pub(super) fn rewrite(text: &[u8], mapper: &mut Mapper) -> Result<Vec<u8>, String> {
    let text = core::str::from_utf8(text).map_err(|error| error.to_string())?;
    let old = MemFs::from_tree(text).map_err(|error| error.to_string())?;
    let new = MemFs::new(*old.options());
    let caller = Caller::new(Credentials::root(), Pid(0), Timespec::ZERO);
    let directories = BTreeMap::from([(Vec::new(), new.options().root_ino)]);
    let mut copy = Copy { old, new, caller, nodes: BTreeMap::new(), directories };
    let entries: Vec<WalkEntry> = copy.old.walk().collect();
    for entry in &entries {
        let errno = |errno: Errno| format!("a node cannot be made again: {errno}");
        copy.node(entry, mapper).map_err(errno)?;
    }
    for entry in &entries {
        let errno = |errno: Errno| format!("attributes cannot be set again: {errno}");
        copy.attributes(&entry.stat, mapper).map_err(errno)?;
    }
    Ok(copy.new.to_tree().into_bytes())
}

struct Copy {
    old: MemFs,
    new: MemFs,
    caller: Caller,
    /// The new node of each old one.
    nodes: BTreeMap<Ino, Ino>,
    /// The new directory of each old path; the root is the empty one.
    directories: BTreeMap<Vec<u8>, Ino>,
}

impl Copy {
    fn node(&mut self, entry: &WalkEntry, mapper: &mut Mapper) -> Result<(), Errno> {
        let (old, caller) = (&entry.stat, &self.caller);
        let Some((parent, name)) = self.place(&entry.path) else {
            self.nodes.insert(old.ino, self.new.options().root_ino);
            return Ok(());
        };
        let name = mapper.component(&name);
        if let Some(made) = self.nodes.get(&old.ino) {
            self.new.link(caller, *made, parent, &name)?;
            return Ok(());
        }
        let stat = match old.kind {
            FileKind::Directory => self.new.mkdir(caller, parent, &name, 0o755)?,
            FileKind::Symlink => {
                let target = mapper.path(&entry.target);
                self.new.symlink(caller, parent, &name, &target)?
            }
            FileKind::Regular => self.new.create(caller, parent, &name, 0o644)?,
            kind => {
                let mode = kind.type_bits() | 0o644;
                self.new.mknod(caller, parent, &name, mode, old.rdev)?
            }
        };
        self.nodes.insert(old.ino, stat.ino);
        match old.kind {
            FileKind::Directory => {
                self.directories.insert(entry.path.clone(), stat.ino);
            }
            FileKind::Regular => self.contents(old, stat.ino)?,
            _ => {}
        }
        self.xattrs(old.ino, stat.ino, mapper)
    }

    /// The parent in the new tree and the old name; none for the root.
    fn place(&self, path: &[u8]) -> Option<(Ino, Vec<u8>)> {
        let at = path.iter().rposition(|&byte| byte == b'/')?;
        let (parent, name) = (&path[..at], &path[at + 1..]);
        if name.is_empty() {
            return None;
        }
        // Parents come before what is in them.
        Some((*self.directories.get(parent)?, name.to_vec()))
    }

    /// Zeros wherever there were data, holes wherever there were holes.
    fn contents(&mut self, old: &Stat, made: Ino) -> Result<(), Errno> {
        let caller = self.caller.clone();
        let from = self.old.open(&caller, old.ino, OpenFlags::empty())?;
        let to = self.new.open(&caller, made, OpenFlags::WRONLY)?;
        let mut at = 0;
        while let Ok(start) = self.old.seek(&caller, from, at, Whence::Data, 0) {
            let end = self.old.seek(&caller, from, start as i64, Whence::Hole, 0)?;
            let mut offset = start;
            while offset < end {
                let length = CHUNK.min(end - offset);
                self.new.write(&caller, to, offset, &vec![0; length as usize])?;
                offset += length;
            }
            at = i64::try_from(end).unwrap_or(i64::MAX);
        }
        self.old.release(&caller, from)?;
        self.new.release(&caller, to)?;
        let size = AttrChanges { size: Some(old.size), ..AttrChanges::default() };
        self.new.setattr(&caller, made, size)?;
        Ok(())
    }

    fn xattrs(&mut self, old: Ino, made: Ino, mapper: &mut Mapper) -> Result<(), Errno> {
        let caller = self.caller.clone();
        let list = self.old.list_xattr(&caller, old, VALUE_MAX)?;
        for name in list.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
            let value = self.old.get_xattr(&caller, old, name, VALUE_MAX)?;
            let (value, name) = (mapper.attribute_value(name, &value), mapper.attribute(name));
            self.new.set_xattr(&caller, made, &name, &value, XattrFlags::empty())?;
        }
        Ok(())
    }

    fn attributes(&mut self, old: &Stat, mapper: &mut Mapper) -> Result<(), Errno> {
        let Some(&made) = self.nodes.get(&old.ino) else { return Ok(()) };
        let owner = AttrChanges {
            uid: Some(Uid(mapper.id(old.uid.0))),
            gid: Some(Gid(mapper.id(old.gid.0))),
            ..AttrChanges::default()
        };
        self.new.setattr(&self.caller, made, owner)?;
        if old.kind != FileKind::Symlink {
            let mode = AttrChanges { permissions: Some(old.permissions), ..AttrChanges::default() };
            self.new.setattr(&self.caller, made, mode)?;
        }
        let mtime = Timespec { sec: mapper.seconds(old.mtime.sec), nsec: old.mtime.nsec };
        let time = AttrChanges { mtime: Some(SetTime::At(mtime)), ..AttrChanges::default() };
        self.new.setattr(&self.caller, made, time)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use fuserig_traces::Trace;
    use fuserig_traces::anonymise::{Policy, anonymise};
    use fuserig_traces::record::{Record, TreeRecord};

    use super::*;

    #[test]
    fn a_tree_keeps_its_shape_and_loses_its_words() {
        let text = "/home/ann/notes.txt uid=1234 gid=1234 mode=0600 'dear diary'\n\
                    /home/ann/again = /home/ann/notes.txt\n\
                    /link -> home/ann\n/sparse size=8192 'abc' @4096 'def'\n\
                    /x xattr.user.mood='fine'\n";
        let tree = TreeRecord { text: text.into(), ..TreeRecord::default() };
        let trace = Trace { records: vec![tree.into()], ..Trace::default() };
        let (safe, report) =
            anonymise(&trace, &[3; 32], &Policy::default(), &mut rewrite).expect("a tree");
        let Record::Tree(tree) = &safe.records[0] else { panic!("a tree stays a tree") };
        let made = String::from_utf8(tree.text.clone()).expect("tree text is ASCII");
        for word in ["ann", "notes", "diary", "mood", "fine", "sparse", "1234", "abc"] {
            assert!(!made.contains(word), "{word} in {made}");
        }
        let again = MemFs::from_tree(&made).expect("it can be read again");
        assert_eq!(again.walk().count(), 8, "{made}");
        assert!(made.contains(" = ") && made.contains("mode=0600") && made.contains(" -> "));
        assert_eq!(report.names, 8);
    }
}
