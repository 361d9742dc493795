//! The lower filesystem of a case: how it is populated, and how it is reached beside the mount.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use fuserig_abi::{
    Abi, Caller, Credentials, Device, Errno, Fidelity, FileKind, Ino, Pid, Stat, Timespec,
};
use fuserig_sim_fs::{AttrChanges, Lower, LowerExt, LowerOp, LowerReply, OpenFlags, SetTime};

use super::record::TreeRecord;
use crate::kernel::{MountOptions, World, WorldConfig};
use crate::pipeline::{NoDaemon, NullSink};
use crate::vfs::{Call, CallResult, Vfs, VfsConfig};

/// The process that makes system calls beside the mount.
const BESIDE: Pid = Pid(2);
/// Block size of the recorded ext4.
const EXT4_BLOCK: u64 = 1024;
/// Time stamps of everything but links at the start of a case.
const EPOCH: Timespec = Timespec::from_secs(1_000_000_000);

/// Makes the files every case starts with, in the recorder's order (observations README, "Lower").
pub(super) fn populate(lower: &mut dyn Lower, now: Timespec, ext4: bool) -> Result<(), Errno> {
    let caller = Caller::new(Credentials::root(), Pid(1), now);
    let root = lower.root();
    let permissions = Some(0o755);
    lower.setattr(&caller, root, AttrChanges { permissions, ..AttrChanges::default() })?;
    if ext4 {
        lower.mkdir(&caller, root, b"lost+found", 0o700)?;
    }
    let mut touched = Vec::new();
    let file = |lower: &mut dyn Lower, parent: Ino, name: &[u8], content: &[u8], mode: u32| {
        let (stat, fh) = lower.create_open(&caller, parent, name, mode, OpenFlags::WRONLY)?;
        if !content.is_empty() {
            lower.write(&caller, fh, 0, content)?;
        }
        lower.release(&caller, fh)?;
        Ok::<Stat, Errno>(stat)
    };
    touched.push(file(lower, root, b"f1", b"hello world", 0o644)?.ino);
    touched.push(file(lower, root, b"f2", b"0123456789abcdef", 0o644)?.ino);
    touched.push(file(lower, root, b"empty", b"", 0o644)?.ino);
    let d1 = lower.mkdir(&caller, root, b"d1", 0o755)?.ino;
    touched.push(file(lower, d1, b"x", b"xx", 0o644)?.ino);
    touched.push(file(lower, d1, b"y", b"yyyy", 0o644)?.ino);
    let sub = lower.mkdir(&caller, d1, b"sub", 0o700)?.ino;
    touched.push(file(lower, sub, b"z", b"zzz", 0o644)?.ino);
    let d2 = lower.mkdir(&caller, root, b"d2", 0o755)?.ino;
    let ed = lower.mkdir(&caller, root, b"ed", 0o755)?.ino;
    lower.symlink(&caller, root, b"ln", b"f1")?;
    lower.symlink(&caller, root, b"dln", b"d1")?;
    touched.push(file(lower, root, b"ro", b"readonly", 0o444)?.ino);
    touched.push(file(lower, root, b"none", b"noperm", 0o000)?.ino);
    let xa = file(lower, root, b"xa", b"xattrs", 0o644)?.ino;
    let flags = fuserig_sim_fs::XattrFlags::empty();
    lower.set_xattr(&caller, xa, b"user.a", b"AAAA", flags)?;
    lower.set_xattr(&caller, xa, b"user.bb", b"BBBBBBBB", flags)?;
    touched.extend([xa, sub, d1, d2, ed, root]);
    for ino in touched {
        let (atime, mtime) = (Some(SetTime::At(EPOCH)), Some(SetTime::At(EPOCH)));
        lower.setattr(&caller, ino, AttrChanges { atime, mtime, ..AttrChanges::default() })?;
    }
    Ok(())
}

/// The manners of the recorded ext4 over another lower filesystem: no `security.*` attributes,
/// and a regular file made by mknod cannot be opened while its inode is in memory.
#[derive(Debug)]
pub(super) struct Ext4Manners {
    below: Box<dyn Lower>,
    made_by_mknod: InMemory,
}

/// Inodes made by mknod that no dropped cache has made forget it.
pub(super) type InMemory = Rc<RefCell<BTreeSet<Ino>>>;

impl Ext4Manners {
    pub(super) fn over(below: Box<dyn Lower>, made_by_mknod: InMemory) -> Ext4Manners {
        Ext4Manners { below, made_by_mknod }
    }
}

impl Lower for Ext4Manners {
    fn root(&self) -> Ino {
        self.below.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        match *op {
            LowerOp::GetXattr { name, .. } | LowerOp::SetXattr { name, .. }
                if name.starts_with(b"security.") =>
            {
                Err(Errno::EOPNOTSUPP)
            }
            LowerOp::Open { node, .. } if self.made_by_mknod.borrow().contains(&node) => {
                Err(Errno::ENXIO)
            }
            LowerOp::Mknod { mode, .. } => {
                let reply = self.below.apply(caller, op)?;
                if let (LowerReply::Stat(stat), Some(FileKind::Regular)) =
                    (&reply, FileKind::from_mode(mode))
                {
                    self.made_by_mknod.borrow_mut().insert(stat.ino);
                }
                Ok(reply)
            }
            _ => self.below.apply(caller, op).map(whole_blocks),
        }
    }
}

/// A directory of the recorded ext4 is a block long.
fn whole_blocks(reply: LowerReply) -> LowerReply {
    match reply {
        LowerReply::Stat(stat) if stat.kind == FileKind::Directory => {
            LowerReply::Stat(Stat { size: EXT4_BLOCK, ..stat })
        }
        reply => reply,
    }
}

/// A lower filesystem beside which the console of the recording machine can be named: standard
/// input, output and error of the recording process (BUF-11).
#[derive(Debug)]
pub(super) struct WithConsole {
    below: Box<dyn Lower>,
    stat: Stat,
}

/// The console's inode number; no file of a recording comes near.
pub(super) const CONSOLE: Ino = Ino(1 << 62);

impl WithConsole {
    pub(super) fn over(below: Box<dyn Lower>, now: Timespec) -> WithConsole {
        let stat = Stat {
            ino: CONSOLE,
            kind: FileKind::CharDevice,
            permissions: 0o600,
            nlink: 1,
            rdev: Device { major: 5, minor: 1 },
            atime: now,
            mtime: now,
            ctime: now,
            ..Stat::EMPTY
        };
        WithConsole { below, stat }
    }
}

impl Lower for WithConsole {
    fn root(&self) -> Ino {
        self.below.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        match *op {
            LowerOp::Getattr { node: CONSOLE } => Ok(LowerReply::Stat(self.stat)),
            LowerOp::Access { node: CONSOLE, .. } | LowerOp::Forget { node: CONSOLE } => {
                Ok(LowerReply::Done)
            }
            _ => self.below.apply(caller, op),
        }
    }
}

/// A lower filesystem that has been taken away for a while.
#[derive(Debug)]
struct Elsewhere;

impl Lower for Elsewhere {
    fn root(&self) -> Ino {
        Ino(1)
    }

    fn apply(&mut self, _: &Caller, _: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        Err(Errno::ESTALE)
    }
}

/// System calls made directly on the lower directory, beside the mount: the same VFS over the
/// same lower filesystem without filter and without the mistakes of fuse-bpf.
#[derive(Debug)]
pub(super) struct Beside {
    vfs: Vfs,
}

impl Beside {
    /// A second way to the lower filesystem of `main`.
    pub(super) fn new(main: &Vfs) -> Result<Beside, Errno> {
        let lower = core::mem::replace(&mut main.world_mut().lower, Box::new(Elsewhere));
        let config = WorldConfig {
            abi: Abi::V4,
            fidelity: Fidelity::Intended,
            options: MountOptions { allow_other: true, ..MountOptions::default() },
            start: main.world().now,
        };
        let world = World::new(&config, lower, None, Box::new(NoDaemon), Box::new(NullSink))?;
        let vfs = Vfs::new(world, &VfsConfig::default());
        vfs.add_client(BESIDE, Credentials::root(), 0o022);
        let beside = Beside { vfs };
        beside.swap(main);
        Ok(beside)
    }

    fn swap(&self, main: &Vfs) {
        core::mem::swap(&mut main.world_mut().lower, &mut self.vfs.world_mut().lower);
    }

    /// Performs a call on the lower filesystem while the mount stands still.
    pub(super) fn call(&self, main: &Vfs, call: &Call) -> CallResult {
        self.swap(main);
        self.vfs.advance_to(main.world().now);
        let result = self.vfs.call(BESIDE, call);
        self.swap(main);
        result
    }
}

/// The lower tree in the recorder's form, sorted by path.
pub(super) fn tree(world: &mut World) -> Result<Vec<TreeRecord>, Errno> {
    let caller = world.kernel_caller();
    let mut rows = Vec::new();
    let root = world.lower.root();
    let written_over = world.type_bits.clone();
    walk(&mut *world.lower, &caller, root, "", &mut rows)?;
    for (ino, row) in &mut rows {
        // A file without type has no contents that anybody could read (N1).
        if let Some(bits) = written_over.get(ino) {
            let permissions = u32::from_str_radix(&row.mode, 8).unwrap_or(0) & 0o7777;
            row.mode = format!("{:o}", bits | permissions);
            row.content = row.content.take().filter(|_| *bits == FileKind::Regular.type_bits());
        }
    }
    let mut rows: Vec<TreeRecord> = rows.into_iter().map(|(_, row)| row).collect();
    rows.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(rows)
}

fn walk(
    lower: &mut dyn Lower,
    caller: &Caller,
    directory: Ino,
    prefix: &str,
    rows: &mut Vec<(Ino, TreeRecord)>,
) -> Result<(), Errno> {
    let fh = lower.open(caller, directory, OpenFlags::DIRECTORY)?;
    let mut position = 0;
    loop {
        let (entries, end) = lower.read_dir(caller, fh, position, 256)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if entry.name == b"." || entry.name == b".." {
                continue;
            }
            let stat = lower.lookup(caller, directory, &entry.name)?;
            let path = format!("{prefix}{}", latin1(&entry.name));
            rows.push((stat.ino, row(lower, caller, &path, &stat)?));
            if stat.kind == FileKind::Directory {
                walk(lower, caller, stat.ino, &format!("{path}/"), rows)?;
            }
        }
        position = end;
    }
    lower.release(caller, fh)
}

fn row(
    lower: &mut dyn Lower,
    caller: &Caller,
    path: &str,
    stat: &Stat,
) -> Result<TreeRecord, Errno> {
    let content = if stat.kind == FileKind::Regular {
        // The recorder shows no content of what it cannot open.
        content(lower, caller, stat.ino).ok().map(|data| latin1(&data))
    } else {
        None
    };
    let target = match stat.kind {
        FileKind::Symlink => {
            let mut target = lower.readlink(caller, stat.ino)?;
            target.truncate(32);
            Some(latin1(&target))
        }
        _ => None,
    };
    let Device { major, minor } = stat.rdev;
    let rdev = (stat.kind == FileKind::CharDevice).then(|| format!("{major}:{minor}"));
    Ok(TreeRecord {
        path: path.to_owned(),
        mode: format!("{:o}", stat.mode()),
        nlink: i64::from(stat.nlink),
        size: stat.size as i64,
        uid: i64::from(stat.uid.0),
        gid: i64::from(stat.gid.0),
        content,
        target,
        rdev,
    })
}

fn content(lower: &mut dyn Lower, caller: &Caller, file: Ino) -> Result<Vec<u8>, Errno> {
    let fh = lower.open(caller, file, OpenFlags::empty())?;
    let data = lower.read(caller, fh, 0, 32)?;
    lower.release(caller, fh)?;
    Ok(data)
}

/// One code point per byte, as the records have it.
pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}
