//! The inferred tree as a filesystem.

use std::collections::BTreeMap;

use fuserig_abi::{
    Caller, Credentials, Device, Errno, FileKind, FuseAttr, Gid, Ino, Pid, S_IALLUGO, Timespec, Uid,
};
use fuserig_sim_fs::{
    AttrChanges, Lower, LowerExt, MemFs, MemFsOptions, OpenFlags, SetTime, XattrFlags,
};

use super::file::File;
use super::observer::{Id, Observer, ROOT};
use super::unseen::placeholder;

/// Directories and links that are made up to have a recorded count, at most for one file.
const MADE_UP_MAX: u64 = 1000;

struct Build<'a> {
    seen: &'a Observer,
    fs: MemFs,
    caller: Caller,
    made: BTreeMap<Id, Ino>,
    holder: Option<Ino>,
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
        let mut build = Build { seen: self, fs, caller, made, holder: None };
        build.names()?;
        build.nameless()?;
        build.unseen()?;
        for (&id, &ino) in &build.made.clone() {
            build.attributes(ino, &self.files[id])?;
        }
        Ok(build.fs)
    }
}

impl Observer {
    /// Subdirectories of a directory and links of another file that were counted at the start and
    /// that nobody named.
    fn missing(&self, id: Id) -> u64 {
        let file = &self.files[id];
        let Some((unseen, known)) = file.unseen else { return 0 };
        let found = match file.kind {
            Some(FileKind::Directory) => self.started_below(id),
            _ => file.names_at_start,
        };
        unseen.saturating_sub(found.saturating_sub(known)).min(MADE_UP_MAX)
    }

    /// The directory where nobody would have seen them.
    fn room(&self, id: Id) -> Option<Id> {
        let file = &self.files[id];
        let parent = match file.kind {
            Some(FileKind::Directory) => Some(id),
            _ => file.start_key.as_ref().map(|(parent, _)| *parent),
        };
        parent.filter(|parent| !self.files[*parent].listed)
    }

    /// Whether a link has to stand where no name is known.
    pub(super) fn has_links_elsewhere(&self) -> bool {
        let is_elsewhere = |id: &Id| {
            let file = &self.files[*id];
            let is_link = file.kind != Some(FileKind::Directory) && !file.made;
            is_link && self.missing(*id) > 0 && self.room(*id).is_none()
        };
        (0..self.files.len()).any(|id| is_elsewhere(&id))
    }
}

impl Build<'_> {
    /// Files whose names nobody said, each under its number, with what is below them.
    fn nameless(&mut self) -> Result<(), Errno> {
        let nameless = self.seen.nameless();
        let Some(holder) = self.seen.holder() else { return Ok(()) };
        let parent = self.made[&ROOT];
        let holder = self.fs.mkdir(&self.caller, parent, &holder, 0o777)?.ino;
        let open = AttrChanges { permissions: Some(0o777), ..AttrChanges::default() };
        self.fs.setattr(&self.caller, holder, open)?;
        self.holder = Some(holder);
        for (node, id) in nameless {
            let ino = self.file(holder, &placeholder(node), &self.seen.files[id])?;
            self.made.insert(id, ino);
            self.below(vec![id])?;
        }
        Ok(())
    }

    fn names(&mut self) -> Result<(), Errno> {
        self.below(vec![ROOT])
    }

    /// Directories come before what is in them.
    fn below(&mut self, mut pending: Vec<Id>) -> Result<(), Errno> {
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
                let size = file.attr.map_or_else(|| file.length_seen(), |attr| attr.size);
                let size = Some(size).filter(|size| file.attr.is_some() || *size > 0);
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
            if file.crowded && self.seen.started_within(id) == 0 {
                let flags = OpenFlags::WRONLY;
                let (_, fh) = self.fs.create_open(&self.caller, ino, b"unseen", 0o644, flags)?;
                self.fs.release(&self.caller, fh)?;
            }
            let missing = self.seen.missing(id);
            if missing == 0 {
                continue;
            }
            let directory = file.kind == Some(FileKind::Directory);
            let at = match self.seen.room(id) {
                Some(parent) => self.made.get(&parent).copied(),
                // All of its directory was listed: the name is somewhere else.
                None if directory => None,
                None => self.holder,
            };
            let Some(at) = at else { continue };
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

    fn attributes(&mut self, ino: Ino, file: &File) -> Result<(), Errno> {
        for (name, value) in &file.xattrs {
            // A namespace that memory does not keep is no part of what is replayed.
            let flags = XattrFlags::empty();
            let _ = self.fs.set_xattr(&self.caller, ino, name, value, flags);
        }
        let Some(attr) = file.attr else { return self.open_to_all(ino, file) };
        let owner = AttrChanges {
            uid: Some(Uid(attr.uid)),
            gid: Some(Gid(attr.gid)),
            ..AttrChanges::default()
        };
        self.fs.setattr(&self.caller, ino, owner)?;
        self.settings(ino, file, &attr)
    }

    /// Nobody told the mode of a file that the log found in use: whoever used it was let in.
    fn open_to_all(&mut self, ino: Ino, file: &File) -> Result<(), Errno> {
        if self.seen.is_partial() && file.kind != Some(FileKind::Symlink) {
            let mode = if file.kind == Some(FileKind::Directory) { 0o777 } else { 0o666 };
            let open = AttrChanges { permissions: Some(mode), ..AttrChanges::default() };
            self.fs.setattr(&self.caller, ino, open)?;
        }
        Ok(())
    }

    fn settings(&mut self, ino: Ino, file: &File, attr: &FuseAttr) -> Result<(), Errno> {
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
