//! The inferred tree as a filesystem.

use std::collections::BTreeMap;

use fuserig_abi::{
    Caller, Credentials, Device, Errno, FileKind, Gid, Ino, Pid, S_IALLUGO, Timespec, Uid,
};
use fuserig_sim_fs::{
    AttrChanges, Lower, LowerExt, MemFs, MemFsOptions, OpenFlags, SetTime, XattrFlags,
};

use super::file::File;
use super::observer::{Id, Observer, ROOT};

/// Directories and links that are made up to have a recorded count, at most for one file.
const MADE_UP_MAX: u64 = 1000;

struct Build<'a> {
    seen: &'a Observer,
    fs: MemFs,
    caller: Caller,
    made: BTreeMap<Id, Ino>,
}

impl Observer {
    /// The tree of the start in memory. Subdirectories and links that are counted and were never
    /// named get names (`unseen-0`) that no listing of the recording can miss.
    ///
    /// # Errors
    /// When the filesystem in memory is too small for it.
    pub fn build(&self, options: MemFsOptions) -> Result<MemFs, Errno> {
        let caller = Caller::new(Credentials::root(), Pid(0), Timespec::ZERO);
        let fs = MemFs::new(options);
        let made = BTreeMap::from([(ROOT, fs.root())]);
        let mut build = Build { seen: self, fs, caller, made };
        build.names()?;
        build.unseen()?;
        for (&id, &ino) in &build.made.clone() {
            build.attributes(ino, &self.files[id])?;
        }
        Ok(build.fs)
    }
}

impl Build<'_> {
    /// Directories come before what is in them.
    fn names(&mut self) -> Result<(), Errno> {
        let mut pending = vec![ROOT];
        while let Some(parent) = pending.pop() {
            let at = self.made[&parent];
            let below = (parent, Vec::new())..(parent + 1, Vec::new());
            for ((_, name), &id) in self.seen.start.range(below) {
                if let Some(&ino) = self.made.get(&id) {
                    // A directory has one name; one that is said to have two moved meanwhile.
                    let _ = self.fs.link(&self.caller, ino, at, name);
                    continue;
                }
                let ino = self.file(at, name, &self.seen.files[id])?;
                self.made.insert(id, ino);
                if self.seen.files[id].kind == Some(FileKind::Directory) {
                    pending.push(id);
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, parent: Ino, name: &[u8], file: &File) -> Result<Ino, Errno> {
        let caller = &self.caller;
        let stat = match file.kind.unwrap_or(FileKind::Regular) {
            FileKind::Directory => self.fs.mkdir(caller, parent, name, 0o755)?,
            FileKind::Symlink => {
                let length = file.attr.map_or(1, |attr| attr.size.clamp(1, 4095) as usize);
                let unseen = vec![b'?'; length];
                let target = file.target.as_deref().filter(|target| !target.is_empty());
                self.fs.symlink(caller, parent, name, target.unwrap_or(&unseen))?
            }
            FileKind::Regular => {
                let flags = OpenFlags::WRONLY;
                let (stat, fh) = self.fs.create_open(caller, parent, name, 0o644, flags)?;
                let size = file.attr.map(|attr| attr.size);
                for (&offset, bytes) in &file.data {
                    let room = size.map_or(u64::MAX, |size| size.saturating_sub(offset));
                    let length = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
                    if length > 0 {
                        self.fs.write(caller, fh, offset, &bytes[..length])?;
                    }
                }
                let length = AttrChanges { size, ..AttrChanges::default() };
                self.fs.setattr(caller, stat.ino, length)?;
                self.fs.release(caller, fh)?;
                stat
            }
            kind @ (FileKind::Fifo
            | FileKind::Socket
            | FileKind::CharDevice
            | FileKind::BlockDevice) => {
                let device = Device::decode(file.attr.map_or(0, |attr| attr.rdev));
                self.fs.mknod(caller, parent, name, kind.type_bits() | 0o644, device)?
            }
        };
        Ok(stat.ino)
    }

    /// Makes up what is counted: subdirectories of a directory, links of a file beside it.
    fn unseen(&mut self) -> Result<(), Errno> {
        for (&id, &ino) in &self.made.clone() {
            let file = &self.seen.files[id];
            let Some((unseen, known)) = file.unseen else { continue };
            let directory = file.kind == Some(FileKind::Directory);
            let found = match directory {
                true => self.seen.started_below(id),
                false => file.names_at_start,
            };
            let missing = unseen.saturating_sub(found.saturating_sub(known)).min(MADE_UP_MAX);
            if missing == 0 {
                continue;
            }
            let parent = match directory {
                true => Some(id),
                false => self.parent(id),
            };
            let Some(parent) = parent.filter(|parent| !self.seen.files[*parent].listed) else {
                continue;
            };
            let at = self.made[&parent];
            for number in 0..missing {
                if directory {
                    let name = format!("unseen-{number}");
                    self.fs.mkdir(&self.caller, at, name.as_bytes(), 0)?;
                } else {
                    let name = format!("unseen-{number}-of-{id}");
                    self.fs.link(&self.caller, ino, at, name.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    fn parent(&self, id: Id) -> Option<Id> {
        let named = self.seen.start.iter().find(|(_, child)| **child == id);
        named.map(|((parent, _), _)| *parent)
    }

    fn attributes(&mut self, ino: Ino, file: &File) -> Result<(), Errno> {
        for (name, value) in &file.xattrs {
            // A namespace that memory does not keep is no part of what is replayed.
            let flags = XattrFlags::empty();
            let _ = self.fs.set_xattr(&self.caller, ino, name, value, flags);
        }
        let Some(attr) = file.attr else { return Ok(()) };
        let owner = AttrChanges {
            uid: Some(Uid(attr.uid)),
            gid: Some(Gid(attr.gid)),
            ..AttrChanges::default()
        };
        self.fs.setattr(&self.caller, ino, owner)?;
        let time = |sec: u64, nsec: u32| {
            Some(SetTime::At(Timespec { sec: sec as i64, nsec: nsec.min(999_999_999) }))
        };
        let permissions = (file.kind != Some(FileKind::Symlink)).then_some(attr.mode & S_IALLUGO);
        let rest = AttrChanges {
            permissions,
            atime: time(attr.atime, attr.atimensec),
            mtime: time(attr.mtime, attr.mtimensec),
            ..AttrChanges::default()
        };
        self.fs.setattr(&self.caller, ino, rest)?;
        Ok(())
    }
}
