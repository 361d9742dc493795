//! Commands on attributes, rights and extended attributes.

use fuserig_abi::{AccessMask, Caller, Gid, Timespec, Uid};

use super::names::bits;
use super::outcome::{Outcome, fields};
use super::run::{Bench, Done, Stop};
use super::words::{bytes, mode, narrow, number, signed};
use crate::{AttrChanges, LowerExt, LowerOp, LowerReply, SetTime, XattrFlags};

impl Bench<'_> {
    pub(super) fn on_attributes(
        &mut self,
        caller: &Caller,
        command: &str,
        arguments: &[&str],
    ) -> Option<Done> {
        Some(match (command, arguments) {
            ("stat", [node]) => self.stat(caller, node),
            ("setattr", [node, changes @ ..]) => self.setattr(caller, node, changes),
            ("access", [node, rights]) => self.access(caller, node, rights),
            ("statfs", [node]) => self.statfs(caller, node),
            ("getxattr", [node, name]) => self.getxattr(caller, node, name, "64K"),
            ("getxattr", [node, name, size]) => self.getxattr(caller, node, name, size),
            ("listxattr", [node]) => self.listxattr(caller, node, "64K"),
            ("listxattr", [node, size]) => self.listxattr(caller, node, size),
            ("setxattr", [node, name, value, flags @ ..]) => {
                self.setxattr(caller, node, name, value, flags)
            }
            ("removexattr", [node, name]) => self.removexattr(caller, node, name),
            _ => return None,
        })
    }

    fn stat(&mut self, caller: &Caller, node: &str) -> Done {
        let node = self.node(node)?;
        Ok(fields(&self.fs.getattr(caller, node)?))
    }

    fn setattr(&mut self, caller: &Caller, node: &str, words: &[&str]) -> Done {
        let node = self.node(node)?;
        let mut changes = AttrChanges::default();
        for word in words {
            match word.split_once('=') {
                Some(("mode", value)) => changes.permissions = Some(mode(value)?),
                Some(("uid", value)) => changes.uid = Some(Uid(narrow(value)?)),
                Some(("gid", value)) => changes.gid = Some(Gid(narrow(value)?)),
                Some(("size", value)) => changes.size = Some(number(value)?),
                Some(("atime", value)) => changes.atime = Some(time(value)?),
                Some(("mtime", value)) => changes.mtime = Some(time(value)?),
                None if *word == "kill" => changes.kill_suid_sgid = true,
                _ => return Err(Stop::Bad(format!("unknown attribute `{word}`"))),
            }
        }
        Ok(fields(&self.fs.setattr(caller, node, changes)?))
    }

    fn access(&mut self, caller: &Caller, node: &str, rights: &str) -> Done {
        let node = self.node(node)?;
        let mut mask = AccessMask::empty();
        for right in rights.chars() {
            mask |= match right {
                'r' => AccessMask::READ,
                'w' => AccessMask::WRITE,
                'x' => AccessMask::EXEC,
                _ => return Err(Stop::Bad(format!("unknown right `{right}` (use r, w, x)"))),
            };
        }
        self.fs.access(caller, node, mask)?;
        Ok(Outcome::Done)
    }

    fn statfs(&mut self, caller: &Caller, node: &str) -> Done {
        let node = self.node(node)?;
        let figures = self.fs.statfs(caller, node)?;
        let yes = |fact: bool| if fact { "yes" } else { "no" }.to_owned();
        Ok(Outcome::Fields(vec![
            ("bsize", figures.bsize.to_string()),
            ("namelen", figures.namelen.to_string()),
            // Host figures vary; what every filesystem keeps is the order between them.
            (
                "blocks-ordered",
                yes(figures.bavail <= figures.bfree && figures.bfree <= figures.blocks),
            ),
            ("files-ordered", yes(figures.ffree <= figures.files)),
        ]))
    }

    fn getxattr(&mut self, caller: &Caller, node: &str, name: &str, size: &str) -> Done {
        let node = self.node(node)?;
        let op = LowerOp::GetXattr { node, name: &bytes(name)?, size_max: size_max(size)? };
        match self.apply(caller, &op)? {
            LowerReply::Bytes(value) => Ok(Outcome::Bytes(value)),
            LowerReply::Count(count) => Ok(count_of(count)),
            other => Err(Stop::Bad(format!("getxattr answered {other:?}"))),
        }
    }

    fn listxattr(&mut self, caller: &Caller, node: &str, size: &str) -> Done {
        let node = self.node(node)?;
        let op = LowerOp::ListXattr { node, size_max: size_max(size)? };
        match self.apply(caller, &op)? {
            LowerReply::Bytes(names) => {
                let mut names: Vec<Vec<u8>> = names
                    .split_inclusive(|byte| *byte == 0)
                    .map(|name| name.strip_suffix(b"\0").unwrap_or(name).to_vec())
                    .collect();
                names.sort();
                Ok(Outcome::Names(names))
            }
            LowerReply::Count(count) => Ok(count_of(count)),
            other => Err(Stop::Bad(format!("listxattr answered {other:?}"))),
        }
    }

    fn setxattr(
        &mut self,
        caller: &Caller,
        node: &str,
        name: &str,
        value: &str,
        words: &[&str],
    ) -> Done {
        let node = self.node(node)?;
        let mut flags = XattrFlags::empty();
        for word in words {
            flags |= match *word {
                "create" => XattrFlags::CREATE,
                "replace" => XattrFlags::REPLACE,
                _ => XattrFlags::from_bits_retain(bits(word)?),
            };
        }
        self.fs.set_xattr(caller, node, &bytes(name)?, &bytes(value)?, flags)?;
        Ok(Outcome::Done)
    }

    fn removexattr(&mut self, caller: &Caller, node: &str, name: &str) -> Done {
        let node = self.node(node)?;
        self.fs.remove_xattr(caller, node, &bytes(name)?)?;
        Ok(Outcome::Done)
    }
}

fn time(word: &str) -> Result<SetTime, Stop> {
    if word == "now" {
        return Ok(SetTime::Now);
    }
    let (seconds, nanoseconds) = word.split_once('.').unwrap_or((word, "0"));
    Ok(SetTime::At(Timespec { sec: signed(seconds)?, nsec: narrow(nanoseconds)? }))
}

fn size_max(word: &str) -> Result<usize, Stop> {
    Ok(narrow(word)? as usize)
}

/// A count as the only field.
pub(super) fn count_of(count: u64) -> Outcome {
    Outcome::Fields(vec![("count", count.to_string())])
}
