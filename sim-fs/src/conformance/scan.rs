//! Listing directories, and helpers that make cases short: content, data segments, which times
//! moved, and reading a directory while it changes.

use std::collections::BTreeMap;

use fuserig_abi::{Caller, Ino};

use super::outcome::Outcome;
use super::run::{Bench, Done, Stop};
use super::words::{bytes, mode, number};
use crate::{LowerExt, LowerFh, OpenFlags, SetTime, Whence};

/// No case has a directory of more batches; a listing that does not end is a finding.
const BATCHES_MAX: usize = 10_000;

/// No case has a file of more mebibytes; one that does not end is a finding.
const READS_MAX: usize = 64;

/// How often a clock may be asked to move; the coarsest moves every few thousand questions.
const TICKS_MAX: usize = 10_000_000;

impl Bench<'_> {
    pub(super) fn with_helpers(
        &mut self,
        caller: &Caller,
        command: &str,
        arguments: &[&str],
    ) -> Option<Done> {
        Some(match (command, arguments) {
            ("readdir", [fh, from, max]) => self.readdir(caller, fh, from, max),
            ("put", [place, data]) => self.put(place, data, "0644"),
            ("put", [place, data, mode]) => self.put(place, data, mode),
            ("cat", [node]) => self.cat(node),
            ("list", [node]) => self.list(node),
            ("segments", [node]) => self.segments(node),
            ("mark", [node]) => self.mark(node),
            ("moved", [node]) => self.moved(node),
            ("scan", [node, batch, change]) => self.scan(node, batch, change),
            _ => return None,
        })
    }

    fn readdir(&mut self, caller: &Caller, fh: &str, from: &str, max: &str) -> Done {
        let fh = self.handle(fh)?;
        let position = match from {
            "start" => 0,
            "end" => self.ends.get(&fh).copied().unwrap_or(0),
            _ => match from.strip_prefix("at:") {
                Some(name) => {
                    let name = bytes(name)?;
                    let unseen = || Stop::Bad(format!("{from} was not read through this handle"));
                    let seen = self.positions.get(&fh).and_then(|seen| seen.get(&name));
                    *seen.ok_or_else(unseen)?
                }
                None => number(from)?,
            },
        };
        let max = usize::try_from(number(max)?).or(Err("too many records".to_owned()))?;
        let (entries, end) = self.fs.read_dir(caller, fh, position, max)?;
        self.ends.insert(fh, end);
        let seen = self.positions.entry(fh).or_default();
        seen.extend(entries.iter().map(|entry| (entry.name.clone(), entry.position)));
        Ok(Outcome::Names(entries.into_iter().map(|entry| entry.name).collect()))
    }

    fn put(&mut self, place: &str, data: &str, bits: &str) -> Done {
        let (parent, name) = self.place(place)?;
        let root = self.root();
        let flags = OpenFlags::WRONLY;
        let (_, fh) = self.fs.create_open(&root, parent, &name, mode(bits)?, flags)?;
        let data = bytes(data)?;
        let written = self.fs.write(&root, fh, 0, &data)?;
        self.fs.release(&root, fh)?;
        if written != data.len() as u64 {
            return Err(Stop::Bad(format!("put wrote only {written} bytes")));
        }
        Ok(Outcome::Done)
    }

    fn with_open<T>(
        &mut self,
        node: Ino,
        action: impl FnOnce(&mut Self, &Caller, LowerFh) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let root = self.root();
        let fh = self.fs.open(&root, node, OpenFlags::NOATIME)?;
        let result = action(self, &root, fh);
        self.fs.release(&root, fh)?;
        result
    }

    fn cat(&mut self, node: &str) -> Done {
        let node = self.node(node)?;
        let data = self.with_open(node, |bench, root, fh| {
            let mut data = Vec::new();
            for _ in 0..READS_MAX {
                let part = bench.fs.read(root, fh, data.len() as u64, 1 << 20)?;
                if part.is_empty() {
                    return Ok(data);
                }
                data.extend(part);
            }
            Err(Stop::Bad(format!("the file did not end after {READS_MAX} reads")))
        })?;
        Ok(Outcome::Bytes(data))
    }

    fn list(&mut self, node: &str) -> Done {
        let node = self.node(node)?;
        let mut names = self.names_in(node, 100, |_, _, _| Ok(()))?;
        names.sort();
        Ok(Outcome::Names(names))
    }

    /// The names of a directory without `.` and `..`, with something done after every batch.
    fn names_in(
        &mut self,
        node: Ino,
        batch: usize,
        mut between: impl FnMut(&mut Self, usize, &[Vec<u8>]) -> Result<(), Stop>,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        self.with_open(node, |bench, root, fh| {
            let mut all = Vec::new();
            let mut position = 0;
            for round in 0..BATCHES_MAX {
                let (entries, end) = bench.fs.read_dir(root, fh, position, batch)?;
                if entries.is_empty() {
                    return Ok(all);
                }
                let names: Vec<Vec<u8>> = entries
                    .into_iter()
                    .map(|entry| entry.name)
                    .filter(|name| !matches!(name.as_slice(), b"." | b".."))
                    .collect();
                between(bench, round, &names)?;
                all.extend(names);
                position = end;
            }
            Err(Stop::Bad(format!("the listing did not end after {BATCHES_MAX} batches")))
        })
    }

    fn scan(&mut self, node: &str, batch: &str, change: &str) -> Done {
        let node = self.node(node)?;
        let batch = usize::try_from(number(batch)?).or(Err("batch too large".to_owned()))?;
        let root = self.root();
        let mut names = match change {
            "unlink" => self.names_in(node, batch, |bench, _, names| {
                Ok(names.iter().try_for_each(|name| bench.fs.unlink(&root, node, name))?)
            })?,
            "create" => self.names_in(node, batch, |bench, round, _| {
                if round < 50 {
                    bench.fs.create(&root, node, format!("new-{round}").as_bytes(), 0o644)?;
                }
                Ok(())
            })?,
            _ => return Err(Stop::Bad(format!("unknown change `{change}`"))),
        };
        // POSIX leaves open whether names that come in during a scan are met.
        names.retain(|name| !name.starts_with(b"new-"));
        names.sort();
        Ok(Outcome::Names(names))
    }

    /// The stretches of data, as `first-last` with `last` exclusive.
    fn segments(&mut self, node: &str) -> Done {
        let node = self.node(node)?;
        let segments = self.with_open(node, |bench, root, fh| {
            let mut segments = Vec::new();
            let mut at = 0;
            loop {
                match bench.fs.seek(root, fh, at, Whence::Data, 0) {
                    Err(fuserig_abi::Errno::ENXIO) => return Ok(segments),
                    data => {
                        let first = data?.cast_signed();
                        let last = bench.fs.seek(root, fh, first, Whence::Hole, 0)?;
                        if last.cast_signed() <= first || first < at {
                            return Err(Stop::Bad(format!(
                                "data at {first} from {at}, but a hole at {last}"
                            )));
                        }
                        segments.push(format!("{first}-{last}").into_bytes());
                        at = last.cast_signed();
                    }
                }
            }
        })?;
        Ok(Outcome::Names(segments))
    }

    /// Remembers the times of a node, after making access and modification old and waiting until
    /// the filesystem's clock has left the instant of its last change.
    fn mark(&mut self, node: &str) -> Done {
        let node = self.node(node)?;
        let root = self.root();
        let old = crate::AttrChanges {
            atime: Some(SetTime::At(fuserig_abi::Timespec::from_secs(1000))),
            mtime: Some(SetTime::At(fuserig_abi::Timespec::from_secs(1000))),
            ..Default::default()
        };
        let stat = self.fs.setattr(&root, node, old)?;
        self.marks.insert(node, stat);
        for _ in 0..TICKS_MAX {
            let caller = self.root();
            let touch = crate::AttrChanges { mtime: Some(SetTime::Now), ..Default::default() };
            let root_node = self.fs.root();
            if self.fs.setattr(&caller, root_node, touch)?.ctime > stat.ctime {
                return Ok(Outcome::Done);
            }
        }
        Err(Stop::Bad("the clock of the filesystem does not move".to_owned()))
    }

    fn moved(&mut self, node: &str) -> Done {
        let node = self.node(node)?;
        let root = self.root();
        let now = self.fs.getattr(&root, node)?;
        let unmarked = || Stop::Bad("moved without a mark".to_owned());
        let before = self.marks.get(&node).ok_or_else(unmarked)?;
        let times = BTreeMap::from([
            ("a", now.atime != before.atime),
            ("c", now.ctime != before.ctime),
            ("m", now.mtime != before.mtime),
        ]);
        let moved = times.into_iter().filter(|(_, moved)| *moved);
        Ok(Outcome::Names(moved.map(|(name, _)| name.as_bytes().to_vec()).collect()))
    }
}
