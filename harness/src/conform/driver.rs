//! The recorder's system-call language, performed on the model.

use core::fmt;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use fuserig_abi::{AccessMask, Credentials, Device, Errno, Gid, Pid, Timespec, Uid};
use fuserig_sim_fs::{LockKind, OpenFlags};

use super::filter::Shared;
use super::lower::{self, Beside, InMemory};
use super::record::{EntryRecord, StatFsRecord, StatRecord, TreeRecord};
use super::rule::{number, unescape};
use crate::kernel::FilterId;
use crate::pipeline::call_test_hook;
use crate::vfs::{Call, CallResult, NewTime, Output, PathAt, Target, Vfs};

/// Most rounds of a loop; the recorder made 2,000.
const ROUNDS_MAX: i64 = 100_000;
/// The test hook of the last patch of either series.
const SYSFS_HOOK: &str = "/sys/fs/fuse/struct_op";

/// The recording process.
pub(super) const CLIENT: Pid = Pid(1);

/// What a system call gave, in the record's terms.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    pub(super) ret: i64,
    pub(super) err: String,
    pub(super) data: Option<Vec<u8>>,
    pub(super) stat: Option<StatRecord>,
    pub(super) ents: Option<Vec<EntryRecord>>,
    pub(super) statfs: Option<StatFsRecord>,
    pub(super) tree: Option<Vec<TreeRecord>>,
    /// The call succeeded without filling the caller's struct (N3).
    pub(super) unfilled: bool,
    /// Getdents calls that returned records.
    pub(super) getdents_calls: Option<i64>,
    /// A compound call that failed at its open.
    pub(super) failed_open: bool,
}

/// A result in a word or two.
impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ret)?;
        if !self.err.is_empty() {
            write!(f, " {}", self.err)?;
        }
        if let Some(data) = &self.data {
            write!(f, " \"{}\"", data.escape_ascii())?;
        }
        if let Some(stat) = &self.stat {
            write!(f, " mode {} size {} rdev {}", stat.mode, stat.size, stat.rdev)?;
        }
        if let Some(statfs) = &self.statfs {
            write!(f, " type {} namelen {}", statfs.kind, statfs.namelen)?;
        }
        if let Some(ents) = &self.ents {
            for entry in ents {
                write!(f, " {}@{}", entry.name, entry.off)?;
            }
        }
        Ok(())
    }
}

/// Why a line cannot be performed.
#[derive(Debug)]
pub(super) enum Unable {
    /// A rule or default changes; the suite does that itself.
    Rules,
    /// The model has no such thing.
    NotModelled(String),
    /// The line is damaged.
    Bad(String),
}

/// Performs lines of the language.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) vfs: Vfs,
    beside: Beside,
    fds: [i32; 16],
    statfs_type: String,
    in_memory: InMemory,
    shared: Rc<RefCell<Shared>>,
    /// Directories of the lower tree that another filesystem was mounted on.
    covered: BTreeSet<String>,
    /// The table that the test hook of sysfs calls.
    hooked: Option<FilterId>,
    /// The mount went away before the end of the case.
    pub(super) unmounted: bool,
}

impl Driver {
    pub(super) fn new(
        vfs: Vfs,
        statfs_type: &str,
        in_memory: InMemory,
        shared: Rc<RefCell<Shared>>,
    ) -> Result<Driver, Errno> {
        let beside = Beside::new(&vfs)?;
        let statfs_type = statfs_type.to_owned();
        let covered = BTreeSet::new();
        let (fds, hooked, unmounted) = ([0; 16], None, false);
        Ok(Driver { vfs, beside, fds, statfs_type, in_memory, shared, covered, hooked, unmounted })
    }

    /// Performs one line.
    pub(super) fn perform(&mut self, text: &str) -> Result<Observed, Unable> {
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        let line = Line { words: &words };
        if let ["echo", name, SYSFS_HOOK] | ["cat", name @ SYSFS_HOOK] = words[..] {
            return self.sysfs_hook((name != SYSFS_HOOK).then_some(name));
        }
        self.check_reach(&line)?;
        match line.word(0)? {
            "rule" | "clearrules" | "dflt" => Err(Unable::Rules),
            "tree" => {
                let tree = lower::tree(&mut self.vfs.world_mut());
                let tree = tree.map_err(|e| Unable::NotModelled(format!("tree: {e}")))?;
                Ok(Observed { tree: Some(tree), ..Observed::default() })
            }
            "dropcache" => {
                self.in_memory.borrow_mut().clear();
                Ok(Observed::default())
            }
            "sleep" | "meminfo" | "memfree" => Ok(Observed::default()),
            "wr" => self.write_whole(&line),
            "readdir" => self.readdir(&line),
            "cat" => self.cat(&line),
            "echo" => self.echo(&line),
            "open" | "relopen" => self.open(&line),
            "mmapread" => self.mmapread(&line),
            "loop" => self.repeat(&line),
            "mounttmp" => {
                self.covered.insert(line.word(1)?.to_owned());
                Ok(Observed::default())
            }
            "umountp" => {
                self.covered.remove(line.word(1)?);
                Ok(Observed::default())
            }
            "umount" => Ok(self.umount()),
            "chdir" if line.word(1)? == "/" => {
                self.vfs.leave_mount(CLIENT);
                Ok(Observed::default())
            }
            _ => {
                let (call, beside) = self.call_of(&line)?;
                let result = self.run(&call, beside);
                self.observe(&line, &call, result)
            }
        }
    }

    /// The file of sysfs that chooses a registered table by name, and calls its mkdir_prefilter
    /// when it is read (SEMANTICS 6.4).
    fn sysfs_hook(&mut self, chosen: Option<&str>) -> Result<Observed, Unable> {
        let mut world = self.vfs.world_mut();
        if let Some(name) = chosen {
            self.hooked = world.registered(name.as_bytes());
            return Ok(Observed { ret: name.len() as i64, ..Observed::default() });
        }
        let text = match self.hooked.map(|filter| call_test_hook(&mut world, filter)) {
            None => Vec::new(),
            Some(Some(text)) => text,
            Some(None) => {
                let what = "the test hook calls a member that the table has not got";
                return Err(Unable::NotModelled(what.to_owned()));
            }
        };
        Ok(Observed { ret: text.len() as i64, data: Some(text), ..Observed::default() })
    }

    /// Takes the mount away, unless the client holds something in it.
    fn umount(&mut self) -> Observed {
        let errno = match (self.unmounted, self.vfs.holds_mount(CLIENT)) {
            (true, _) => Some(Errno::EINVAL),
            (false, true) => Some(Errno::EBUSY),
            (false, false) => None,
        };
        self.unmounted |= errno.is_none();
        match errno {
            None => Observed::default(),
            Some(errno) => Observed { ret: -1, err: errno.to_string(), ..Observed::default() },
        }
    }

    /// Paths outside the mount and its lower directory, and those below a filesystem mounted on
    /// the lower one, are out of the model's sight. The mount itself does not cross lower mount
    /// points (LOOK-6), so it sees none of the latter.
    fn check_reach(&self, line: &Line<'_>) -> Result<(), Unable> {
        let name = line.word(0)?;
        let leaving = name == "chdir" && line.words.get(1) == Some(&"/");
        let moving = matches!(name, "mounttmp" | "umountp" | "rule");
        let apart = matches!(name, "umount" | "rule" | "clearrules" | "dflt" | "tree" | "sleep");
        let below = line.words.get(1).is_some_and(|word| word.starts_with('^'));
        if self.unmounted && !apart && !below {
            return Err(Unable::NotModelled(format!("{name} behind an umount of the mount")));
        }
        for word in line.words.iter().skip(1).filter(|_| !leaving && !moving) {
            let hidden = self.covered.iter().any(|place| word.starts_with(&place[..]));
            if hidden || word.starts_with('/') && name != "symlink" {
                return Err(Unable::NotModelled(format!("{word} lies outside what is modelled")));
            }
        }
        Ok(())
    }

    fn run(&self, call: &Call, beside: bool) -> CallResult {
        if beside { self.beside.call(&self.vfs, call) } else { self.vfs.call(CLIENT, call) }
    }

    fn fd(&self, word: &str) -> Result<i32, Unable> {
        Ok(self.fds[slot(word)?])
    }

    fn call_of(&self, line: &Line<'_>) -> Result<(Call, bool), Unable> {
        let name = line.word(0)?;
        if let Some(call) = self.descriptor_call(name, line)? {
            return Ok((call, false));
        }
        if let Some(call) = process_call(name, line)? {
            return Ok((call, false));
        }
        let Some((call, beside)) = path_call(name, line)? else {
            return Err(Unable::NotModelled(format!("system call {name}")));
        };
        Ok((call, beside))
    }

    fn descriptor_call(&self, name: &str, line: &Line<'_>) -> Result<Option<Call>, Unable> {
        let fd = |place: usize| self.fd(line.word(place)?);
        Ok(Some(match name {
            "fstat" => Call::Stat { target: Target::Fd(fd(1)?), flags: 0 },
            "close" => Call::Close { fd: fd(1)? },
            "read" => Call::Read { fd: fd(1)?, size: line.num(2)?, offset: None },
            "pread" => {
                let offset = Some(line.num(3)? as i64);
                Call::Read { fd: fd(1)?, size: line.num(2)?, offset }
            }
            "write" => Call::Write { fd: fd(1)?, data: unescape(line.word(2)?), offset: None },
            "pwrite" => {
                let offset = Some(line.num(3)? as i64);
                Call::Write { fd: fd(1)?, data: unescape(line.word(2)?), offset }
            }
            "lseek" => {
                let (offset, whence) = (line.num(2)? as i64, line.num(3)? as u32);
                Call::Seek { fd: fd(1)?, offset, whence }
            }
            "ftruncate" => Call::Truncate { target: Target::Fd(fd(1)?), size: line.num(2)? as i64 },
            "fchmod" => Call::Chmod { target: Target::Fd(fd(1)?), mode: line.num(2)? as u32 },
            "fallocate" => Call::Fallocate {
                fd: fd(1)?,
                mode: line.num(2)? as u32,
                offset: line.num(3)? as i64,
                length: line.num(4)? as i64,
            },
            "fsync" => Call::Fsync { fd: fd(1)?, datasync: false },
            "fdatasync" => Call::Fsync { fd: fd(1)?, datasync: true },
            "getdents" => Call::Getdents { fd: fd(1)?, space: line.num(2)? },
            "cfr" => Call::CopyFileRange {
                from: fd(1)?,
                from_offset: Some(line.num(2)? as i64),
                to: fd(3)?,
                to_offset: Some(line.num(4)? as i64),
                length: line.num(5)?,
                flags: 0,
            },
            "flock" => {
                let kind = match line.num(2)? & 0xf & !4 {
                    1 => LockKind::Read,
                    2 => LockKind::Write,
                    _ => LockKind::Unlock,
                };
                Call::Flock { fd: fd(1)?, kind }
            }
            _ => return Ok(None),
        }))
    }

    fn observe(
        &self,
        line: &Line<'_>,
        call: &Call,
        result: CallResult,
    ) -> Result<Observed, Unable> {
        let mut seen = outcome(&result);
        match (&result.output, call) {
            (Output::Stat(stat), _) if result.value.is_ok() => {
                let mode = self.vfs.world().lower_mode(stat);
                seen.stat = Some(stat_of(stat, mode));
            }
            (Output::None, Call::Stat { .. }) => seen.unfilled = result.value.is_ok(),
            (Output::StatFs(figures), _) => {
                seen.statfs = Some(StatFsRecord {
                    kind: self.statfs_type.clone(),
                    bsize: i64::from(figures.bsize),
                    namelen: i64::from(figures.namelen),
                });
            }
            (Output::Records(_), _) => {
                seen.ents = Some(entries_of(&result));
                seen.getdents_calls = Some(i64::from(seen.ret > 0));
            }
            (Output::Bytes(bytes), Call::Read { size, .. }) if seen.ret >= 0 => {
                seen.data = Some(shown(line, bytes, seen.ret, *size));
            }
            (Output::Bytes(bytes), Call::Getxattr { size, .. } | Call::Listxattr { size, .. })
                if seen.ret >= 0 && *size > 0 =>
            {
                let mut bytes = bytes.clone();
                bytes.truncate(usize::try_from(*size).unwrap_or(usize::MAX));
                seen.data = Some(bytes);
            }
            (Output::Bytes(bytes), Call::Readlink { .. }) if seen.ret >= 0 => {
                seen.data = Some(bytes.clone());
            }
            (_, Call::Getdents { .. }) => {
                seen.ents = Some(Vec::new());
                seen.getdents_calls = Some(0);
            }
            _ => {}
        }
        Ok(seen)
    }

    fn open(&mut self, line: &Line<'_>) -> Result<Observed, Unable> {
        let relative = line.word(0)? == "relopen";
        let slot = slot(line.word(1)?)?;
        let (path, beside) =
            if relative { (PathAt::cwd(line.word(2)?), false) } else { path(line.word(2)?) };
        let flags = open_flags(line.word(3)?);
        let mode = if relative || line.words.len() < 5 { 0o644 } else { line.num(4)? as u32 };
        if beside {
            return Err(Unable::NotModelled("an open file beside the mount".to_owned()));
        }
        let result = self.run(&Call::Open { path, flags, mode, fd: None }, false);
        let mut seen = outcome(&result);
        self.fds[slot] = seen.ret as i32;
        seen.ret = seen.ret.min(0);
        Ok(seen)
    }

    fn write_whole(&self, line: &Line<'_>) -> Result<Observed, Unable> {
        let (path, beside) = path(line.word(1)?);
        let data = line.words.get(2).map(|word| word.as_bytes().to_vec()).unwrap_or_default();
        let flags = OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::TRUNC;
        let fd = self.run(&Call::Open { path, flags, mode: 0o644, fd: None }, beside);
        if let Ok(fd) = fd.value {
            let fd = fd as i32;
            self.run(&Call::Write { fd, data, offset: None }, beside);
            self.run(&Call::Close { fd }, beside);
        }
        Ok(Observed::default())
    }

    fn readdir(&self, line: &Line<'_>) -> Result<Observed, Unable> {
        let (path, beside) = path(line.word(1)?);
        let space = if line.words.len() > 2 { line.num(2)? } else { 32768 };
        let flags = OpenFlags::DIRECTORY;
        let opened = self.run(&Call::Open { path, flags, mode: 0, fd: None }, beside);
        let Ok(fd) = opened.value else {
            return Ok(Observed { failed_open: true, ..outcome(&opened) });
        };
        let fd = fd as i32;
        let mut seen = Observed::default();
        let mut entries = Vec::new();
        let mut listings = 0;
        for _ in 0..51 {
            let got = self.run(&Call::Getdents { fd, space }, beside);
            let step = outcome(&got);
            if step.ret <= 0 {
                seen = Observed { ret: step.ret.min(0), ..step };
                break;
            }
            entries.extend(entries_of(&got));
            listings += 1;
        }
        self.run(&Call::Close { fd }, beside);
        seen.ents = Some(entries);
        seen.getdents_calls = Some(listings);
        Ok(seen)
    }

    fn cat(&self, line: &Line<'_>) -> Result<Observed, Unable> {
        let (path, beside) = path(line.word(1)?);
        let call = Call::Open { path, flags: OpenFlags::empty(), mode: 0, fd: None };
        let opened = self.run(&call, beside);
        let Ok(fd) = opened.value else { return Ok(outcome(&opened)) };
        let fd = fd as i32;
        let got = self.run(&Call::Read { fd, size: 256, offset: None }, beside);
        self.run(&Call::Close { fd }, beside);
        let mut seen = outcome(&got);
        if let (Output::Bytes(bytes), 0..) = (got.output, seen.ret) {
            seen.data = Some(bytes);
        }
        Ok(seen)
    }

    fn echo(&self, line: &Line<'_>) -> Result<Observed, Unable> {
        let data = line.word(1)?.as_bytes().to_vec();
        let (path, beside) = path(line.word(2)?);
        let call = Call::Open { path, flags: OpenFlags::WRONLY, mode: 0, fd: None };
        let opened = self.run(&call, beside);
        let Ok(fd) = opened.value else { return Ok(outcome(&opened)) };
        let fd = fd as i32;
        let wrote = self.run(&Call::Write { fd, data, offset: None }, beside);
        self.run(&Call::Close { fd }, beside);
        Ok(outcome(&wrote))
    }

    /// A shared read mapping reads the lower file without any call of a filter.
    fn mmapread(&self, line: &Line<'_>) -> Result<Observed, Unable> {
        let fd = self.fd(line.word(1)?)?;
        let length = line.num(2)?;
        let address = 0x1000;
        let mapped = self.run(&Call::Mmap { fd, address, length, offset: 0 }, false);
        let mut seen = outcome(&mapped);
        if seen.ret == 0 {
            seen.ret = length as i64;
            seen.data = Some(self.vfs.mapped_bytes(CLIENT, length as usize));
            self.run(&Call::Munmap { address, length }, false);
        }
        Ok(seen)
    }

    fn repeat(&self, line: &Line<'_>) -> Result<Observed, Unable> {
        let times = line.num(1)? as i64;
        if times > ROUNDS_MAX {
            return Err(Unable::NotModelled(format!("more than {ROUNDS_MAX} rounds of a loop")));
        }
        let what = line.word(2)?;
        let (path, beside) = path(line.word(3)?);
        let mut failed = 0;
        for _ in 0..times {
            // The recorder forgets the calls of each round.
            self.shared.borrow_mut().calls.clear();
            let call = match what {
                "stat" => Call::Stat {
                    target: Target::Path { path: path.clone(), follow: true },
                    flags: 0,
                },
                _ => Call::Open {
                    path: path.clone(),
                    flags: if what == "readdir" {
                        OpenFlags::DIRECTORY
                    } else {
                        OpenFlags::empty()
                    },
                    mode: 0,
                    fd: None,
                },
            };
            match self.run(&call, beside).value {
                Ok(fd) if what != "stat" => {
                    let fd = fd as i32;
                    let got = (what == "readdir")
                        .then(|| self.run(&Call::Getdents { fd, space: 4096 }, beside));
                    failed += i64::from(got.is_some_and(|got| got.value.is_err()));
                    self.run(&Call::Close { fd }, beside);
                }
                Ok(_) => {}
                Err(_) => failed += i64::from(what != "readdir"),
            }
        }
        self.shared.borrow_mut().calls.clear();
        Ok(Observed { ret: failed, ..Observed::default() })
    }
}

/// The words of one line.
struct Line<'a> {
    words: &'a [&'a str],
}

impl<'a> Line<'a> {
    fn word(&self, place: usize) -> Result<&'a str, Unable> {
        let missing = || Unable::Bad(format!("word {place} is missing in {:?}", self.words));
        self.words.get(place).copied().ok_or_else(missing)
    }

    fn num(&self, place: usize) -> Result<u64, Unable> {
        number(self.word(place)?).map_err(Unable::Bad)
    }
}

fn slot(word: &str) -> Result<usize, Unable> {
    let digits = word.strip_prefix("fd").unwrap_or("");
    let number: usize =
        digits.parse().ok().ok_or_else(|| Unable::Bad(format!("not fdN: {word}")))?;
    Ok(number & 15)
}

/// A path, and whether it is in the lower directory.
fn path(word: &str) -> (PathAt, bool) {
    match word.strip_prefix('^') {
        Some(lower) => (PathAt::cwd(format!("/{lower}")), true),
        None if word == "." => (PathAt::cwd("/"), false),
        None => (PathAt::cwd(format!("/{word}")), false),
    }
}

fn target(word: &str, follow: bool) -> (Target, bool) {
    let (path, beside) = path(word);
    (Target::Path { path, follow }, beside)
}

fn path_call(name: &str, line: &Line<'_>) -> Result<Option<(Call, bool)>, Unable> {
    let at = |place: usize| Ok::<_, Unable>(path(line.word(place)?));
    let to = |place: usize| Ok::<_, Unable>(target(line.word(place)?, true));
    Ok(Some(match name {
        "mkdir" => {
            let ((path, beside), mode) = (at(1)?, line.num(2)? as u32);
            (Call::Mkdir { path, mode }, beside)
        }
        "rmdir" => at(1).map(|(path, beside)| (Call::Rmdir { path }, beside))?,
        "unlink" => at(1).map(|(path, beside)| (Call::Unlink { path }, beside))?,
        "mknod" => {
            let ((path, beside), mode) = (at(1)?, line.num(2)? as u32);
            let rdev = if line.words.len() > 3 {
                Device { major: line.num(3)? as u32, minor: line.num(4)? as u32 }
            } else {
                Device::default()
            };
            (Call::Mknod { path, mode, rdev }, beside)
        }
        "symlink" => {
            let (path, beside) = at(2)?;
            (Call::Symlink { target: line.word(1)?.as_bytes().to_vec(), path }, beside)
        }
        "link" => {
            let ((source, beside), (path, _)) = (target(line.word(1)?, false), at(2)?);
            (Call::Link { source, path }, beside)
        }
        "rename" | "rename2" => {
            let ((old, beside), (new, _)) = (at(1)?, at(2)?);
            let flags = if name == "rename2" { line.num(3)? as u32 } else { 0 };
            (Call::Rename { old, new, flags }, beside)
        }
        "stat" => to(1).map(|(target, beside)| (Call::Stat { target, flags: 0 }, beside))?,
        "lstat" => {
            let (target, beside) = target(line.word(1)?, false);
            (Call::Stat { target, flags: 0 }, beside)
        }
        "relstat" => {
            let target = Target::nofollow(line.word(1)?);
            (Call::Stat { target, flags: 0 }, false)
        }
        "relmkdir" => {
            let mode = line.num(2)? as u32;
            (Call::Mkdir { path: PathAt::cwd(line.word(1)?), mode }, false)
        }
        "access" => {
            let mode = AccessMask::from_bits_retain(line.num(2)? as u32);
            to(1).map(|(target, beside)| (Call::Access { target, mode }, beside))?
        }
        _ => return attribute_call(name, line),
    }))
}

fn attribute_call(name: &str, line: &Line<'_>) -> Result<Option<(Call, bool)>, Unable> {
    let (target, beside) = match line.words.get(1) {
        Some(word) => target(word, true),
        None => return Ok(None),
    };
    let call = match name {
        "truncate" => Call::Truncate { target, size: line.num(2)? as i64 },
        "chmod" => Call::Chmod { target, mode: line.num(2)? as u32 },
        "chown" => {
            let id = |place: usize| {
                let id = line.num(place)? as u32;
                Ok::<_, Unable>((id != u32::MAX).then_some(id))
            };
            Call::Chown { target, uid: id(2)?, gid: id(3)? }
        }
        "utime" => {
            let at = |place: usize| {
                Ok::<_, Unable>(NewTime::At(Timespec::from_secs(line.num(place)? as i64)))
            };
            Call::Utimens { target, atime: at(2)?, mtime: at(3)? }
        }
        "utimenow" => Call::Utimens { target, atime: NewTime::Now, mtime: NewTime::Now },
        "getxattr" => {
            let name = line.word(2)?.as_bytes().to_vec();
            Call::Getxattr { target, name, size: line.num(3)? }
        }
        "setxattr" => {
            let flags = if line.words.len() > 4 { line.num(4)? as u32 } else { 0 };
            let (name, value) = (line.word(2)?.as_bytes().to_vec(), unescape(line.word(3)?));
            Call::Setxattr { target, name, value, flags }
        }
        "removexattr" => Call::Removexattr { target, name: line.word(2)?.as_bytes().to_vec() },
        "listxattr" => Call::Listxattr { target, size: line.num(2)? },
        "readlink" => {
            let Target::Path { path, .. } = target else { return Ok(None) };
            let target = Target::Path { path, follow: false };
            Call::Readlink { target, size: line.num(2)? }
        }
        "statfs" => Call::Statfs { target },
        "chdir" => Call::Chdir { target },
        _ => return Ok(None),
    };
    Ok(Some((call, beside)))
}

fn process_call(name: &str, line: &Line<'_>) -> Result<Option<Call>, Unable> {
    Ok(Some(match name {
        "umask" => Call::Umask { mask: line.num(1)? as u32 },
        "seteuid" => {
            let uid = line.num(1)? as u32;
            let credentials = if uid == 0 {
                Credentials::root()
            } else {
                // Only the effective uid changes; the group stays root's.
                Credentials::user(Uid(uid), Gid::ROOT)
            };
            Call::SetCredentials { credentials }
        }
        _ => return Ok(None),
    }))
}

fn open_flags(word: &str) -> OpenFlags {
    word.split('|').fold(OpenFlags::empty(), |flags, name| {
        flags
            | match name {
                "W" => OpenFlags::WRONLY,
                "RW" => OpenFlags::RDWR,
                "C" => OpenFlags::CREAT,
                "X" => OpenFlags::EXCL,
                "T" => OpenFlags::TRUNC,
                "A" => OpenFlags::APPEND,
                "D" => OpenFlags::DIRECTORY,
                "DIRECT" => OpenFlags::DIRECT,
                "SYNC" => OpenFlags::SYNC_METADATA | OpenFlags::DSYNC,
                "NB" => OpenFlags::NONBLOCK,
                "NF" => OpenFlags::NOFOLLOW,
                "PATH" => OpenFlags::PATH,
                "TMP" => OpenFlags::TMPFILE_ONLY | OpenFlags::DIRECTORY,
                "NOATIME" => OpenFlags::NOATIME,
                _ => OpenFlags::empty(),
            }
    })
}

fn outcome(result: &CallResult) -> Observed {
    let err = match result.value {
        Ok(_) => String::new(),
        Err(errno) => errno.to_string(),
    };
    Observed { ret: result.number(), err, ..Observed::default() }
}

/// The bytes a read shows: at most 200, and for pread the untouched rest of its buffer when a
/// filter made the result longer than what was read.
fn shown(line: &Line<'_>, bytes: &[u8], ret: i64, size: u64) -> Vec<u8> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let ret = usize::try_from(ret).unwrap_or(usize::MAX);
    let pread = line.words.first() == Some(&"pread");
    let count = match (ret > size, pread) {
        (true, true) => size,
        (true, false) => 0,
        (false, _) => ret.min(200),
    };
    let mut out = bytes.to_vec();
    out.truncate(count);
    out.resize(count, b'#');
    out
}

fn stat_of(stat: &fuserig_abi::Stat, mode: u32) -> StatRecord {
    StatRecord {
        ino: stat.ino.0 as i64,
        mode: format!("{mode:o}"),
        nlink: i64::from(stat.nlink),
        uid: i64::from(stat.uid.0),
        gid: i64::from(stat.gid.0),
        size: stat.size as i64,
        rdev: stat.rdev.to_string(),
        mtime: stat.mtime.sec,
    }
}

fn entries_of(result: &CallResult) -> Vec<EntryRecord> {
    let Output::Records(records) = &result.output else { return Vec::new() };
    records
        .iter()
        .map(|record| EntryRecord {
            name: lower::latin1(&record.name),
            ino: record.ino as i64,
            kind: i64::from(record.kind),
            off: record.next,
        })
        .collect()
}
