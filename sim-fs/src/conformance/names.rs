//! Commands on names.

use fuserig_abi::{Caller, Device, FileKind, Ino};

use super::outcome::{Outcome, fields, letter};
use super::run::{Bench, Done, Stop};
use super::words::{bytes, mode, narrow};
use crate::{LowerExt, RenameFlags};

impl Bench<'_> {
    pub(super) fn on_names(
        &mut self,
        caller: &Caller,
        command: &str,
        arguments: &[&str],
    ) -> Option<Done> {
        Some(match (command, arguments) {
            ("lookup", [place]) => self.lookup(caller, place),
            ("parent", [node]) => self.parent(caller, node),
            ("forget", [node]) => self.forget(caller, node),
            ("node", [name, node]) => self.name_node(name, node),
            ("same", [left, right]) => self.same(left, right),
            ("create", [place]) => self.create(caller, place, "0644"),
            ("create", [place, mode]) => self.create(caller, place, mode),
            ("mkdir", [place]) => self.mkdir(caller, place, "0755"),
            ("mkdir", [place, mode]) => self.mkdir(caller, place, mode),
            ("mknod", [place, kind, rest @ ..]) => self.mknod(caller, place, kind, rest),
            ("symlink", [place, target]) => self.symlink(caller, place, target),
            ("link", [node, place]) => self.link(caller, node, place),
            ("unlink", [place]) => self.unlink(caller, place),
            ("rmdir", [place]) => self.rmdir(caller, place),
            ("rename", [from, to, flags @ ..]) => self.rename(caller, from, to, flags),
            ("readlink", [node]) => self.readlink(caller, node),
            _ => return None,
        })
    }

    fn lookup(&mut self, caller: &Caller, place: &str) -> Done {
        let (parent, name) = self.place(place)?;
        Ok(fields(&self.fs.lookup(caller, parent, &name)?))
    }

    fn parent(&mut self, caller: &Caller, node: &str) -> Done {
        let node = self.node(node)?;
        Ok(fields(&self.fs.parent(caller, node)?))
    }

    fn forget(&mut self, caller: &Caller, node: &str) -> Done {
        let node = self.node(node)?;
        self.fs.forget(caller, node)?;
        Ok(Outcome::Done)
    }

    fn name_node(&mut self, name: &str, node: &str) -> Done {
        let node = match node.strip_prefix("ino:") {
            Some(number) => Ino(super::words::number(number)?),
            None => self.node(node)?,
        };
        self.remember_node(name, node);
        Ok(Outcome::Done)
    }

    fn same(&mut self, left: &str, right: &str) -> Done {
        let same = self.node(left)? == self.node(right)?;
        Ok(Outcome::Fields(vec![("same", if same { "yes" } else { "no" }.to_owned())]))
    }

    fn create(&mut self, caller: &Caller, place: &str, bits: &str) -> Done {
        let (parent, name) = self.place(place)?;
        Ok(fields(&self.fs.create(caller, parent, &name, mode(bits)?)?))
    }

    fn mkdir(&mut self, caller: &Caller, place: &str, bits: &str) -> Done {
        let (parent, name) = self.place(place)?;
        Ok(fields(&self.fs.mkdir(caller, parent, &name, mode(bits)?)?))
    }

    fn mknod(&mut self, caller: &Caller, place: &str, kind: &str, rest: &[&str]) -> Done {
        let (parent, name) = self.place(place)?;
        let kind = FileKind::ALL
            .into_iter()
            .find(|known| kind.chars().eq([letter(*known)]))
            .ok_or_else(|| Stop::Bad(format!("unknown kind {kind} (use one of f p s c b d l)")))?;
        let (bits, device) = match rest {
            [] => (0o644, Device::default()),
            [bits] => (mode(bits)?, Device::default()),
            [bits, device] => (mode(bits)?, self::device(device)?),
            _ => return Err(Stop::Bad("too many words after mknod".to_owned())),
        };
        Ok(fields(&self.fs.mknod(caller, parent, &name, kind.type_bits() | bits, device)?))
    }

    fn symlink(&mut self, caller: &Caller, place: &str, target: &str) -> Done {
        let (parent, name) = self.place(place)?;
        Ok(fields(&self.fs.symlink(caller, parent, &name, &bytes(target)?)?))
    }

    fn link(&mut self, caller: &Caller, node: &str, place: &str) -> Done {
        let node = self.node(node)?;
        let (parent, name) = self.place(place)?;
        Ok(fields(&self.fs.link(caller, node, parent, &name)?))
    }

    fn unlink(&mut self, caller: &Caller, place: &str) -> Done {
        let (parent, name) = self.place(place)?;
        self.fs.unlink(caller, parent, &name)?;
        Ok(Outcome::Done)
    }

    fn rmdir(&mut self, caller: &Caller, place: &str) -> Done {
        let (parent, name) = self.place(place)?;
        self.fs.rmdir(caller, parent, &name)?;
        Ok(Outcome::Done)
    }

    fn rename(&mut self, caller: &Caller, from: &str, to: &str, words: &[&str]) -> Done {
        let (parent, name) = self.place(from)?;
        let (new_parent, new_name) = self.place(to)?;
        let mut flags = RenameFlags::empty();
        for word in words {
            flags |= match *word {
                "noreplace" => RenameFlags::NOREPLACE,
                "exchange" => RenameFlags::EXCHANGE,
                "whiteout" => RenameFlags::WHITEOUT,
                _ => RenameFlags::from_bits_retain(bits(word)?),
            };
        }
        self.fs.rename(caller, parent, &name, new_parent, &new_name, flags)?;
        Ok(Outcome::Done)
    }

    fn readlink(&mut self, caller: &Caller, node: &str) -> Done {
        let node = self.node(node)?;
        Ok(Outcome::Bytes(self.fs.readlink(caller, node)?))
    }
}

/// The value of `bits=N`, for flags that have no name.
pub(super) fn bits(word: &str) -> Result<u32, Stop> {
    let bad = || Stop::Bad(format!("unknown flag `{word}`"));
    Ok(narrow(word.strip_prefix("bits=").ok_or_else(bad)?)?)
}

fn device(word: &str) -> Result<Device, Stop> {
    let bad = || Stop::Bad(format!("`{word}` is no device (use MAJOR:MINOR)"));
    let (major, minor) = word.split_once(':').ok_or_else(bad)?;
    Ok(Device { major: narrow(major)?, minor: narrow(minor)? })
}
