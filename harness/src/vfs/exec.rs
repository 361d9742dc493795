//! execve and close_range: a program is found, opened and read; marked descriptors close.
//!
//! The loader outside the mount (the dynamic linker, an interpreter such as `/bin/sh`) is not
//! modelled; whether it takes the program comes with the call. The program's file stays open as
//! long as the client runs it, as the kernel holds `mm->exe_file`.

use fuserig_abi::{AccessMask, Errno, FileKind, Pid};
use fuserig_sim_fs::OpenFlags;

use super::call::{At, CallResult, PathAt, Program};
use super::fail::Fail;
use super::state::{FileId, FileKindOpen, Table};
use super::system::Vfs;
use crate::kernel::DentryId;
use crate::pipeline::Operation;

/// Interpreters of interpreters that execve follows (fs/exec.c, `exec_binprm`).
const INTERPRETERS_MAX: u32 = 5;
/// Bytes of a program that are read to see what it is (`BINPRM_BUF_SIZE`).
const HEAD_BYTES: u64 = 256;
/// `__FMODE_EXEC`, which an open for execution carries to the filesystem.
const FMODE_EXEC: u32 = 0x20;
const CLOSE_RANGE_UNSHARE: u32 = 2;
const CLOSE_RANGE_CLOEXEC: u32 = 4;

/// What the first bytes of a program say.
enum Format {
    /// A binary; its loader is outside.
    Elf,
    /// A script and the path of its interpreter.
    Script(Vec<u8>),
    /// Nothing that the kernel can execute.
    Unknown,
}

impl Format {
    fn of(head: &[u8]) -> Format {
        if head.starts_with(b"\x7fELF") {
            return Format::Elf;
        }
        let Some(rest) = head.strip_prefix(b"#!") else { return Format::Unknown };
        let line = rest.split(|&byte| byte == b'\n' || byte == 0).next().unwrap_or_default();
        let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
        match line.split(blank).find(|word| !word.is_empty()) {
            Some(path) => Format::Script(path.to_vec()),
            None => Format::Unknown,
        }
    }
}

impl Vfs {
    pub(super) async fn exec(
        &self,
        pid: Pid,
        program: Option<&Program>,
    ) -> Result<CallResult, Fail> {
        let loaded = match program {
            Some(program) => self.load(pid, program).await?,
            None => None,
        };
        self.unshare_table(pid);
        let closed: Vec<FileId> = {
            let mut guard = self.state();
            let state = &mut *guard;
            let table = state.client(pid).table;
            let slots = &mut state.tables[table].slots;
            let fds: Vec<i32> =
                slots.iter().filter(|(_, slot)| slot.cloexec).map(|(&fd, _)| fd).collect();
            fds.iter().filter_map(|fd| slots.remove(fd)).map(|slot| slot.file).collect()
        };
        for file in closed {
            let _ = self.close_file(pid, file).await;
        }
        self.unmap(pid).await;
        if let Some(file) = loaded {
            self.state().client_mut(pid).mappings.push((0, file));
        }
        Ok(CallResult::value(0))
    }

    /// The open file of the program, or of its interpreter when that is in the mount, too; none
    /// when it leads out of the mount.
    async fn load(&self, pid: Pid, program: &Program) -> Result<Option<FileId>, Fail> {
        let mut path = program.path.clone();
        for _ in 0..=INTERPRETERS_MAX {
            let file = match self.open_program(pid, &path).await {
                Ok(file) => file,
                Err(Fail::Outside) => {
                    return program.refused.map_or(Ok(None), |errno| Err(errno.into()));
                }
                Err(fail) => return Err(fail),
            };
            let format = match self.read_head(pid, file).await {
                Ok(head) => Format::of(&head),
                Err(fail) => {
                    self.drop_file(pid, file).await;
                    return Err(fail);
                }
            };
            let refused = match format {
                Format::Elf => program.refused,
                Format::Unknown => Some(Errno::ENOEXEC),
                Format::Script(interpreter) => match self.in_mount(&interpreter) {
                    None => program.refused,
                    Some(inner) => {
                        self.drop_file(pid, file).await;
                        path = PathAt { at: At::Cwd, path: inner };
                        continue;
                    }
                },
            };
            return match refused {
                None => Ok(Some(file)),
                Some(errno) => {
                    self.drop_file(pid, file).await;
                    Err(errno.into())
                }
            };
        }
        Err(Errno::ELOOP.into())
    }

    /// A path of the client's machine as seen from the mount; `None` outside it.
    fn in_mount(&self, path: &[u8]) -> Option<Vec<u8>> {
        if path.first() != Some(&b'/') {
            return Some(path.to_vec());
        }
        self.state().absolute_target(path).ok().map(|rest| [b"/", rest].concat())
    }

    /// `do_open_execat`: execution is all that is asked for; reading is not.
    async fn open_program(&self, pid: Pid, path: &PathAt) -> Result<FileId, Fail> {
        let dentry = self.walk(pid, path, true).await?;
        match self.open_found(pid, dentry).await {
            Ok(file) => Ok(file),
            Err(fail) => {
                self.put(dentry);
                Err(fail)
            }
        }
    }

    async fn open_found(&self, pid: Pid, dentry: DentryId) -> Result<FileId, Fail> {
        if self.kind_of(dentry) != FileKind::Regular {
            return Err(Errno::EACCES.into());
        }
        let inode = self.inode_of(dentry);
        self.permission(pid, inode, AccessMask::EXEC | AccessMask::OPEN).await?;
        let flags = OpenFlags::from_bits_retain(FMODE_EXEC) | OpenFlags::LARGEFILE;
        self.open_handle(pid, dentry, flags, false).await
    }

    async fn read_head(&self, pid: Pid, file: FileId) -> Result<Vec<u8>, Fail> {
        let FileKindOpen::Fuse(handle) = self.state().files[file].kind else {
            return Err(Errno::EACCES.into());
        };
        let operation = Operation::ReadIter { handle, offset: 0, size: HEAD_BYTES };
        Ok(self.operate_checked(pid, operation).await?.data)
    }

    /// A shared descriptor table is left to the others.
    fn unshare_table(&self, pid: Pid) {
        let mut guard = self.state();
        let state = &mut *guard;
        let table = state.client(pid).table;
        if state.tables[table].users <= 1 {
            return;
        }
        state.tables[table].users -= 1;
        let slots = state.tables[table].slots.clone();
        for slot in slots.values() {
            state.files[slot.file].references += 1;
        }
        let own = state.tables.insert(Table { slots, users: 1 });
        state.client_mut(pid).table = own;
    }

    pub(super) async fn close_range(
        &self,
        pid: Pid,
        first: u64,
        last: u64,
        flags: u32,
    ) -> Result<CallResult, Fail> {
        if first > last || flags & !(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) != 0 {
            return Err(Errno::EINVAL.into());
        }
        if flags & CLOSE_RANGE_UNSHARE != 0 {
            self.unshare_table(pid);
        }
        let named = |fd: i32| u64::try_from(fd).is_ok_and(|fd| first <= fd && fd <= last);
        let closed: Vec<FileId> = {
            let mut guard = self.state();
            let state = &mut *guard;
            let table = state.client(pid).table;
            let slots = &mut state.tables[table].slots;
            if flags & CLOSE_RANGE_CLOEXEC != 0 {
                let marked = slots.iter_mut().filter(|(fd, _)| named(**fd));
                marked.for_each(|(_, slot)| slot.cloexec = true);
                return Ok(CallResult::value(0));
            }
            let fds: Vec<i32> = slots.keys().copied().filter(|&fd| named(fd)).collect();
            fds.iter().filter_map(|fd| slots.remove(fd)).map(|slot| slot.file).collect()
        };
        for file in closed {
            let _ = self.close_file(pid, file).await;
        }
        Ok(CallResult::value(0))
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    fn interpreter(head: &str) -> Option<String> {
        match Format::of(head.as_bytes()) {
            Format::Script(path) => Some(String::from_utf8(path).expect("ascii")),
            Format::Elf | Format::Unknown => None,
        }
    }

    #[test]
    fn a_script_names_its_interpreter() {
        assert_eq!(interpreter("#!/bin/sh\necho").as_deref(), Some("/bin/sh"));
        assert_eq!(interpreter("#!  /usr/bin/env  python3\n").as_deref(), Some("/usr/bin/env"));
        assert_eq!(interpreter("#!\n/bin/sh"), None);
        assert_eq!(interpreter("# /bin/sh"), None);
        assert!(matches!(Format::of(b"\x7fELF\x02"), Format::Elf));
    }
}
