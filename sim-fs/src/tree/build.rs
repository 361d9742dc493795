//! From text to a filesystem.

use std::collections::BTreeMap;

use fuserig_abi::{Caller, Credentials, Errno, FileKind, Gid, Ino, Pid, Stat, Timespec, Uid};

use super::{
    error::{TreeError, TreeProblem},
    lex::Spot,
    line::{Kind, Line, parse},
};
use crate::{
    AttrChanges, FallocateMode, Lower, LowerExt, MemFs, MemFsOptions, OpenFlags, SetTime,
    XattrFlags,
};

pub(super) const DIRECTORY_MODE: u32 = 0o755;
pub(super) const FILE_MODE: u32 = 0o644;

impl MemFs {
    /// A filesystem from tree text, with default limits.
    ///
    /// One node a line; a line is a path, then attributes and contents in any order:
    ///
    /// ```text
    /// # A comment.
    /// /notes.txt 'hi'                             a file with contents
    /// /empty                                      an empty file
    /// /photos/                                    a directory; missing parents are made
    /// /run.sh mode=0755 uid=1000 gid=1000 '#!'    attributes; the defaults are 0644, 0755, root
    /// /old mtime=1000000000.5 xattr.user.a='v'    a time in seconds, an extended attribute
    /// /sparse size=8192 'abc' @4096 'def'         contents from an offset on, holes between
    /// /room alloc=0+8192                          space without data
    /// /link -> notes.txt                          a symbolic link; quote a target with spaces
    /// /again = /notes.txt                         a hard link to an earlier line
    /// /null c 1:3                                 devices `c` and `b`, fifo `p`, socket `s`
    /// ```
    ///
    /// (The words on the right are not part of it.) Escapes are `\xNN`, `\n`, `\\` and `\'`, in
    /// quotes and outside; a space outside quotes is `\x20`. `/` alone sets attributes of the root.
    /// A directory may come after what is in it. Times that are not given are the epoch. An error
    /// has the line, the column and the mistake.
    ///
    /// ```
    /// use fuserig_sim_fs::MemFs;
    /// let fs = MemFs::from_tree("/notes.txt 'hi'\n/photos/2024/\n/link -> notes.txt").unwrap();
    /// assert_eq!(fs.to_tree(), "/link -> notes.txt\n/notes.txt 'hi'\n/photos/\n/photos/2024/\n");
    /// ```
    pub fn from_tree(text: &str) -> Result<MemFs, TreeError> {
        MemFs::from_tree_with(MemFsOptions::default(), text)
    }

    /// A filesystem from tree text, with limits and choices of one's own.
    ///
    /// ```
    /// use fuserig_sim_fs::{MemFs, MemFsOptions, TreeProblem};
    /// let options = MemFsOptions { inodes_max: 2, ..MemFsOptions::default() };
    /// let error = MemFs::from_tree_with(options, "/a\n/b").unwrap_err();
    /// assert_eq!(error.problem, TreeProblem::Refused(fuserig_abi::Errno::ENOSPC));
    /// ```
    pub fn from_tree_with(options: MemFsOptions, text: &str) -> Result<MemFs, TreeError> {
        let root = options.root_ino;
        let mut builder = Builder {
            fs: MemFs::new(options),
            caller: Caller::new(Credentials::root(), Pid(0), Timespec::ZERO),
            made: BTreeMap::from([(Vec::new(), (root, Origin::Implied))]),
        };
        let mut lines = Vec::new();
        for (number, text) in (1..).zip(text.lines()) {
            let at = |(column, problem)| TreeError { line: number, column, problem };
            if let Some(line) = parse(text).map_err(at)? {
                let ino = builder.make(&line).map_err(at)?;
                lines.push((number, ino, line));
            }
        }
        // Attributes come last: contents and children would change them again.
        for (number, ino, line) in &lines {
            let at = |(column, problem)| TreeError { line: *number, column, problem };
            builder.set_attributes(*ino, line).map_err(at)?;
        }
        for (number, ino, line) in &lines {
            if let Some(mtime) = line.mtime {
                let changes =
                    AttrChanges { mtime: Some(SetTime::At(mtime)), ..AttrChanges::default() };
                let at = |errno| refused(*number, errno);
                builder.fs.setattr(&builder.caller, *ino, changes).map_err(at)?;
            }
        }
        Ok(builder.finish())
    }
}

fn refused(line: usize, errno: Errno) -> TreeError {
    TreeError { line, column: 1, problem: TreeProblem::Refused(errno) }
}

/// Whether a path has a line of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Implied,
    Written,
}

#[derive(Debug)]
struct Builder {
    fs: MemFs,
    caller: Caller,
    made: BTreeMap<Vec<Vec<u8>>, (Ino, Origin)>,
}

impl Builder {
    /// Makes the node of a line with its contents; attributes are for later.
    fn make(&mut self, line: &Line) -> Result<Ino, Spot> {
        let here = |errno| (1, TreeProblem::Refused(errno));
        let is_directory = line.path_is_directory;
        if let Some((ino, origin)) = self.made.get_mut(&line.path) {
            // A directory may get its own line after lines for what is in it.
            if *origin == Origin::Written || !is_directory {
                return Err((1, TreeProblem::Exists));
            }
            *origin = Origin::Written;
            return Ok(*ino);
        }
        let Some((name, parents)) = line.path.split_last() else {
            return Err((1, TreeProblem::NotAPath));
        };
        let parent = self.make_parents(parents).map_err(here)?;
        let (fs, caller) = (&mut self.fs, &self.caller);
        let stat: Result<Stat, Errno> = match &line.kind {
            None if is_directory => fs.mkdir(caller, parent, name, DIRECTORY_MODE),
            None => fs.create(caller, parent, name, FILE_MODE),
            Some(Kind::Symlink(target)) => fs.symlink(caller, parent, name, target),
            Some(Kind::Special(kind, device)) => {
                fs.mknod(caller, parent, name, kind.type_bits() | FILE_MODE, *device)
            }
            Some(Kind::HardLink(column, source)) => {
                let (source, _) =
                    self.made.get(source).ok_or((*column, TreeProblem::NoLinkSource))?;
                fs.link(caller, *source, parent, name)
            }
        };
        let ino = stat.map_err(here)?.ino;
        self.fill(ino, line)?;
        self.made.insert(line.path.clone(), (ino, Origin::Written));
        Ok(ino)
    }

    fn make_parents(&mut self, components: &[Vec<u8>]) -> Result<Ino, Errno> {
        let mut at = self.fs.root();
        for len in 1..=components.len() {
            let path = &components[..len];
            at = match self.made.get(path) {
                Some((ino, _)) => *ino,
                None => {
                    let name = &path[len - 1];
                    let stat = self.fs.mkdir(&self.caller, at, name, DIRECTORY_MODE)?;
                    self.made.insert(path.to_vec(), (stat.ino, Origin::Implied));
                    stat.ino
                }
            };
        }
        Ok(at)
    }

    fn fill(&mut self, ino: Ino, line: &Line) -> Result<(), Spot> {
        if line.data.is_empty() && line.reserved.is_empty() && line.size.is_none() {
            return Ok(());
        }
        let (fs, caller) = (&mut self.fs, &self.caller);
        let refuse = |column: usize| move |errno| (column, TreeProblem::Refused(errno));
        let fh = fs.open(caller, ino, OpenFlags::RDWR).map_err(refuse(1))?;
        for (column, offset, bytes) in &line.data {
            let count = fs.write(caller, fh, *offset, bytes).map_err(refuse(*column))?;
            if count < bytes.len() as u64 {
                return Err((*column, TreeProblem::Refused(Errno::ENOSPC)));
            }
        }
        if let Some(size) = line.size {
            let changes = AttrChanges { size: Some(size), ..AttrChanges::default() };
            fs.setattr(caller, ino, changes).map_err(refuse(1))?;
        }
        for (column, offset, length) in &line.reserved {
            let mode = FallocateMode::KEEP_SIZE;
            fs.fallocate(caller, fh, mode, *offset, *length).map_err(refuse(*column))?;
        }
        fs.release(caller, fh).map_err(refuse(1))
    }

    fn set_attributes(&mut self, ino: Ino, line: &Line) -> Result<(), Spot> {
        if matches!(line.kind, Some(Kind::HardLink(..))) {
            return Ok(());
        }
        let (fs, caller) = (&mut self.fs, &self.caller);
        let here = |errno| (1, TreeProblem::Refused(errno));
        // The defaults are set too: a setgid or default list on the parent would show otherwise.
        let stat = fs.getattr(caller, ino).map_err(here)?;
        let default_mode = match stat.kind {
            FileKind::Directory if line.path.is_empty() => stat.permissions,
            FileKind::Directory => DIRECTORY_MODE,
            FileKind::Symlink => stat.permissions,
            _ => FILE_MODE,
        };
        let owner = AttrChanges {
            uid: Some(line.uid.unwrap_or(Uid::ROOT)),
            gid: Some(line.gid.unwrap_or(Gid::ROOT)),
            ..AttrChanges::default()
        };
        fs.setattr(caller, ino, owner).map_err(here)?;
        let permissions = line.mode.unwrap_or(default_mode);
        if stat.kind != FileKind::Symlink {
            let changes = AttrChanges { permissions: Some(permissions), ..AttrChanges::default() };
            fs.setattr(caller, ino, changes).map_err(here)?;
        } else if permissions != stat.permissions {
            return Err((1, TreeProblem::Refused(Errno::EOPNOTSUPP)));
        }
        for (column, name, value) in &line.xattrs {
            fs.set_xattr(caller, ino, name, value, XattrFlags::empty())
                .map_err(|errno| (*column, TreeProblem::Refused(errno)))?;
        }
        Ok(())
    }

    /// Nobody knows any number yet.
    fn finish(mut self) -> MemFs {
        for (ino, _) in self.made.values() {
            let forgotten = self.fs.forget(&self.caller, *ino);
            assert_eq!(forgotten, Ok(()), "every node that was made has a name");
        }
        self.fs
    }
}
