//! From a filesystem to canonical text.

use std::{collections::BTreeMap, fmt::Write as _};

use fuserig_abi::{FileKind, Gid, Ino, Stat, Timespec, Uid};

use super::{
    build::{DIRECTORY_MODE, FILE_MODE},
    lex::escape,
};
use crate::{
    MemFs, WalkEntry,
    mem::{Extent, PAGE_U64},
};

/// A path or bare word ends at a space, and a name at an equals sign too.
const WORD_SPECIAL: &[u8] = b" ";
const NAME_SPECIAL: &[u8] = b" =";

impl MemFs {
    /// The tree as canonical text: sorted by the bytes of paths, in ASCII, without defaults. Equal
    /// text means equal [`MemFs::digest`], and [`MemFs::from_tree`] makes a filesystem with that
    /// digest of it.
    ///
    /// ```
    /// use fuserig_sim_fs::MemFs;
    /// let fs = MemFs::from_tree("/b = /a").map_err(|error| error.to_string());
    /// assert!(fs.is_err());
    /// let fs = MemFs::from_tree("/a mode=0600 'x'\n/b = /a").unwrap();
    /// assert_eq!(fs.to_tree(), "/a mode=0600 'x'\n/b = /a\n");
    /// ```
    pub fn to_tree(&self) -> String {
        let mut text = String::new();
        let mut first_paths: BTreeMap<Ino, Vec<u8>> = BTreeMap::new();
        for entry in self.walk() {
            let mut line = String::new();
            escape(&entry.path, WORD_SPECIAL, &mut line);
            let is_root = entry.path == b"/";
            if entry.stat.kind == FileKind::Directory && !is_root {
                line.push('/');
            }
            match first_paths.get(&entry.stat.ino) {
                Some(path) => {
                    line.push_str(" = ");
                    escape(path, WORD_SPECIAL, &mut line);
                }
                None => {
                    let bare = line.len();
                    self.print_node(&entry, is_root, &mut line);
                    first_paths.insert(entry.stat.ino, entry.path);
                    if is_root && line.len() == bare {
                        continue;
                    }
                }
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    fn print_node(&self, entry: &WalkEntry, is_root: bool, line: &mut String) {
        let stat = &entry.stat;
        self.print_attributes(stat, is_root, line);
        let special = match stat.kind {
            FileKind::Regular => return self.print_contents(stat, line),
            FileKind::Directory => return,
            FileKind::Symlink => return print_target(&entry.target, line),
            FileKind::Fifo => "p".to_owned(),
            FileKind::Socket => "s".to_owned(),
            FileKind::CharDevice => format!("c {}", stat.rdev),
            FileKind::BlockDevice => format!("b {}", stat.rdev),
        };
        line.push(' ');
        line.push_str(&special);
    }

    fn print_attributes(&self, stat: &Stat, is_root: bool, line: &mut String) {
        let default_mode = match stat.kind {
            FileKind::Directory if is_root => self.options().root_permissions,
            FileKind::Directory => DIRECTORY_MODE,
            FileKind::Symlink => 0o777,
            _ => FILE_MODE,
        };
        let mut put = |text: String| {
            line.push(' ');
            line.push_str(&text);
        };
        if stat.permissions != default_mode {
            put(format!("mode={:04o}", stat.permissions));
        }
        if stat.uid != Uid::ROOT {
            put(format!("uid={}", stat.uid));
        }
        if stat.gid != Gid::ROOT {
            put(format!("gid={}", stat.gid));
        }
        match stat.mtime {
            Timespec::ZERO => {}
            Timespec { sec, nsec: 0 } => put(format!("mtime={sec}")),
            mtime => put(format!("mtime={mtime}")),
        }
        for (name, value) in self.xattrs_of(stat.ino) {
            let mut text = "xattr.".to_owned();
            escape(&name, NAME_SPECIAL, &mut text);
            text.push_str("='");
            escape(&value, b"", &mut text);
            text.push('\'');
            put(text);
        }
    }

    fn print_contents(&self, stat: &Stat, line: &mut String) {
        let extents = merge(self.extents(stat.ino));
        let mut end = 0;
        for (offset, stretch) in &extents {
            if let Stretch::Data(bytes) = stretch {
                if *offset != 0 {
                    let _ = write!(line, " @{offset}");
                }
                line.push_str(" '");
                escape(bytes, b"", line);
                line.push('\'');
                end = offset + bytes.len() as u64;
            }
        }
        if stat.size != end {
            let _ = write!(line, " size={}", stat.size);
        }
        for (offset, stretch) in &extents {
            if let Stretch::Reserved(length) = stretch {
                let _ = write!(line, " alloc={offset}+{length}");
            }
        }
    }
}

/// Neighbouring extents as one, where nothing is lost by it.
#[derive(Debug)]
enum Stretch {
    Data(Vec<u8>),
    Reserved(u64),
}

fn merge(extents: Vec<Extent<'_>>) -> Vec<(u64, Stretch)> {
    let mut merged: Vec<(u64, Stretch)> = Vec::new();
    for extent in extents {
        match (merged.last_mut(), extent) {
            (Some((start, Stretch::Data(before))), Extent::Data { offset, bytes })
                if *start + before.len() as u64 == offset && offset % PAGE_U64 == 0 =>
            {
                before.extend_from_slice(bytes);
            }
            (Some((start, Stretch::Reserved(before))), Extent::Reserved { offset, length })
                if *start + *before == offset =>
            {
                *before += length;
            }
            (_, Extent::Data { offset, bytes }) => {
                merged.push((offset, Stretch::Data(bytes.to_vec())));
            }
            (_, Extent::Reserved { offset, length }) => {
                merged.push((offset, Stretch::Reserved(length)));
            }
        }
    }
    merged
}

fn print_target(target: &[u8], line: &mut String) {
    line.push_str(" -> ");
    escape(target, WORD_SPECIAL, line);
}
