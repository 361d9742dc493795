//! Commands on open files.

use fuserig_abi::Caller;

use super::attrs::count_of;
use super::names::bits;
use super::outcome::{Outcome, fields};
use super::run::{Bench, Done, Stop};
use super::words::{bytes, mode, narrow, number, signed};
use crate::{
    FallocateMode, Lock, LockKind, LowerExt, LowerFh, LowerOp, LowerReply, OpenCheck, OpenFlags,
    Whence,
};

impl Bench<'_> {
    pub(super) fn on_files(
        &mut self,
        caller: &Caller,
        command: &str,
        arguments: &[&str],
    ) -> Option<Done> {
        Some(match (command, arguments) {
            ("open", [name, node, flags @ ..]) => self.open(caller, name, node, flags),
            ("createopen", [name, place, mode, flags @ ..]) => {
                self.createopen(caller, name, place, mode, flags)
            }
            ("tmpfile", [name, node, mode, flags @ ..]) => {
                self.tmpfile(caller, name, node, mode, flags)
            }
            ("release", [fh]) => self.on_handle(caller, fh, |fh| LowerOp::Release { fh }),
            ("flush", [fh, owner]) => self.flush(caller, fh, owner),
            ("fsync", [fh]) => {
                self.on_handle(caller, fh, |fh| LowerOp::Fsync { fh, datasync: false })
            }
            ("fsync", [fh, "data"]) => {
                self.on_handle(caller, fh, |fh| LowerOp::Fsync { fh, datasync: true })
            }
            ("read", [fh, offset, size]) => self.read(caller, fh, offset, size),
            ("write", [fh, offset, data]) => self.write(caller, fh, offset, data),
            ("fallocate", [fh, offset, length, modes @ ..]) => {
                self.fallocate(caller, fh, (offset, length), modes)
            }
            ("seek", [fh, whence, offset]) => self.seek(caller, fh, whence, offset, "0"),
            ("seek", [fh, whence, offset, position]) => {
                self.seek(caller, fh, whence, offset, position)
            }
            ("copy", [from, from_offset, to, to_offset, length, flags @ ..]) => {
                self.copy(caller, (from, from_offset), (to, to_offset), length, flags)
            }
            ("getlock", [fh, lock @ ..]) => self.getlock(caller, fh, lock),
            ("setlock", [fh, lock @ ..]) => self.setlock(caller, fh, lock),
            ("flock", [fh, kind, owner]) => self.flock(caller, fh, kind, owner),
            _ => return None,
        })
    }

    fn on_handle(
        &mut self,
        caller: &Caller,
        fh: &str,
        op: impl Fn(LowerFh) -> LowerOp<'static>,
    ) -> Done {
        let fh = self.handle(fh)?;
        self.apply(caller, &op(fh))?;
        Ok(Outcome::Done)
    }

    fn open(&mut self, caller: &Caller, name: &str, node: &str, words: &[&str]) -> Done {
        let node = self.node(node)?;
        let (flags, granted) = open_flags(words)?;
        let check = if granted { OpenCheck::Granted } else { OpenCheck::Permission };
        match self.apply(caller, &LowerOp::Open { node, flags, check })? {
            LowerReply::Opened(fh) => self.remember_handle(name, fh),
            other => return Err(Stop::Bad(format!("open answered {other:?}"))),
        }
        Ok(Outcome::Done)
    }

    fn createopen(
        &mut self,
        caller: &Caller,
        name: &str,
        place: &str,
        bits: &str,
        words: &[&str],
    ) -> Done {
        let (parent, leaf) = self.place(place)?;
        let (flags, _) = open_flags(words)?;
        let (stat, fh) = self.fs.create_open(caller, parent, &leaf, mode(bits)?, flags)?;
        self.remember_handle(name, fh);
        self.remember_node(name, stat.ino);
        Ok(fields(&stat))
    }

    fn tmpfile(
        &mut self,
        caller: &Caller,
        name: &str,
        node: &str,
        bits: &str,
        words: &[&str],
    ) -> Done {
        let node = self.node(node)?;
        let (flags, _) = open_flags(words)?;
        let (stat, fh) = self.fs.tmpfile(caller, node, mode(bits)?, flags)?;
        self.remember_handle(name, fh);
        self.remember_node(name, stat.ino);
        Ok(fields(&stat))
    }

    fn flush(&mut self, caller: &Caller, fh: &str, owner: &str) -> Done {
        let owner = number(owner)?;
        self.on_handle(caller, fh, |fh| LowerOp::Flush { fh, owner })
    }

    fn read(&mut self, caller: &Caller, fh: &str, offset: &str, size: &str) -> Done {
        let fh = self.handle(fh)?;
        Ok(Outcome::Bytes(self.fs.read(caller, fh, number(offset)?, narrow(size)?)?))
    }

    fn write(&mut self, caller: &Caller, fh: &str, offset: &str, data: &str) -> Done {
        let fh = self.handle(fh)?;
        let op = LowerOp::Write { fh, offset: number(offset)?, data: &bytes(data)? };
        match self.apply(caller, &op)? {
            LowerReply::Written { count, end } => {
                Ok(Outcome::Fields(vec![("count", count.to_string()), ("end", end.to_string())]))
            }
            other => Err(Stop::Bad(format!("write answered {other:?}"))),
        }
    }

    fn fallocate(
        &mut self,
        caller: &Caller,
        fh: &str,
        (offset, length): (&str, &str),
        words: &[&str],
    ) -> Done {
        let fh = self.handle(fh)?;
        let mut mode = FallocateMode::empty();
        for word in words {
            mode |= match *word {
                "keep" => FallocateMode::KEEP_SIZE,
                "punch" => FallocateMode::PUNCH_HOLE | FallocateMode::KEEP_SIZE,
                "zero" => FallocateMode::ZERO_RANGE,
                "collapse" => FallocateMode::COLLAPSE_RANGE,
                "insert" => FallocateMode::INSERT_RANGE,
                _ => FallocateMode::from_bits_retain(bits(word)?),
            };
        }
        self.fs.fallocate(caller, fh, mode, number(offset)?, number(length)?)?;
        Ok(Outcome::Done)
    }

    fn seek(
        &mut self,
        caller: &Caller,
        fh: &str,
        whence: &str,
        offset: &str,
        position: &str,
    ) -> Done {
        let fh = self.handle(fh)?;
        let whence = match whence {
            "set" => Whence::Set,
            "cur" => Whence::Cur,
            "end" => Whence::End,
            "data" => Whence::Data,
            "hole" => Whence::Hole,
            _ => return Err(Stop::Bad(format!("unknown whence `{whence}`"))),
        };
        let at = self.fs.seek(caller, fh, signed(offset)?, whence, number(position)?)?;
        Ok(Outcome::Fields(vec![("at", at.to_string())]))
    }

    fn copy(
        &mut self,
        caller: &Caller,
        (from, from_offset): (&str, &str),
        (to, to_offset): (&str, &str),
        length: &str,
        flags: &[&str],
    ) -> Done {
        let op = LowerOp::CopyRange {
            from: self.handle(from)?,
            from_offset: number(from_offset)?,
            to: self.handle(to)?,
            to_offset: number(to_offset)?,
            length: number(length)?,
            flags: flags.first().map_or(Ok(0), |word| narrow(word))?,
        };
        match self.apply(caller, &op)? {
            LowerReply::Count(count) => Ok(count_of(count)),
            other => Err(Stop::Bad(format!("copy answered {other:?}"))),
        }
    }

    fn getlock(&mut self, caller: &Caller, fh: &str, words: &[&str]) -> Done {
        let fh = self.handle(fh)?;
        match self.apply(caller, &LowerOp::GetLock { fh, lock: lock(words)? })? {
            LowerReply::Lock(lock) => Ok(Outcome::Fields(vec![
                ("kind", kind_letter(lock.kind).to_owned()),
                ("owner", lock.owner.to_string()),
                ("first", lock.start.to_string()),
                ("last", lock.end.to_string()),
            ])),
            other => Err(Stop::Bad(format!("getlock answered {other:?}"))),
        }
    }

    fn setlock(&mut self, caller: &Caller, fh: &str, words: &[&str]) -> Done {
        let lock = lock(words)?;
        self.on_handle(caller, fh, |fh| LowerOp::SetLock { fh, lock })
    }

    fn flock(&mut self, caller: &Caller, fh: &str, kind: &str, owner: &str) -> Done {
        let (kind, owner) = (lock_kind(kind)?, number(owner)?);
        self.on_handle(caller, fh, |fh| LowerOp::Flock { fh, kind, owner })
    }
}

/// Flags from words, and whether the open was granted before.
fn open_flags(words: &[&str]) -> Result<(OpenFlags, bool), Stop> {
    let mut flags = OpenFlags::empty();
    let mut granted = false;
    for word in words {
        flags |= match *word {
            "r" => OpenFlags::empty(),
            "w" => OpenFlags::WRONLY,
            "rw" => OpenFlags::RDWR,
            "none" => OpenFlags::WRONLY | OpenFlags::RDWR,
            "append" => OpenFlags::APPEND,
            "trunc" => OpenFlags::TRUNC,
            "creat" => OpenFlags::CREAT,
            "excl" => OpenFlags::EXCL,
            "directory" => OpenFlags::DIRECTORY,
            "nofollow" => OpenFlags::NOFOLLOW,
            "noatime" => OpenFlags::NOATIME,
            "path" => OpenFlags::PATH,
            "granted" => {
                granted = true;
                OpenFlags::empty()
            }
            _ => return Err(Stop::Bad(format!("unknown open flag `{word}`"))),
        };
    }
    Ok((flags, granted))
}

fn lock(words: &[&str]) -> Result<Lock, Stop> {
    let [kind, owner, start, end] = words else {
        return Err(Stop::Bad("a lock is `r|w|u OWNER FIRST LAST`".to_owned()));
    };
    let end = if *end == "eof" { u64::MAX } else { number(end)? };
    Ok(Lock { kind: lock_kind(kind)?, owner: number(owner)?, start: number(start)?, end })
}

fn lock_kind(word: &str) -> Result<LockKind, Stop> {
    [LockKind::Read, LockKind::Write, LockKind::Unlock]
        .into_iter()
        .find(|kind| kind_letter(*kind) == word)
        .ok_or_else(|| Stop::Bad(format!("unknown lock kind `{word}` (use r, w or u)")))
}

fn kind_letter(kind: LockKind) -> &'static str {
    match kind {
        LockKind::Read => "r",
        LockKind::Write => "w",
        LockKind::Unlock => "u",
    }
}
