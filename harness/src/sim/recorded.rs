//! A finding as a trace: the system calls of its run with their results.
//!
//! Calls stand in the order in which they began; each says between which steps it was under way.
//! It refuses to lose a call: one that never returned is marked as unfinished. What a reader would
//! get wrong: a replay issues one call after the other, so that a finding that needs forced
//! switches, faults or a loss of power is told by its trace and shown again by its case.

use fuserig_abi::{Gid, Pid};
use fuserig_sim_fs::{Lock, LockKind};
use fuserig_traces::calls::{CallNr, CallSpec, Shape};
use fuserig_traces::record::{CallFlags, CallRecord, NoteKind, NoteRecord, TreeRecord, Value};
use fuserig_traces::{FirstClient, Header, TraceWriter};

use super::stage::pid_of;
use super::{Finding, Processes};
use crate::replay::{RWF_APPEND, outputs_of};
use crate::vfs::{Call, NewTime, PathAt, Target};

/// `AT_FDCWD`, `AT_SYMLINK_NOFOLLOW` and `AT_REMOVEDIR`.
const AT_FDCWD: i64 = -100;
const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
const AT_REMOVEDIR: u64 = 0x200;
/// `UTIME_NOW` and `UTIME_OMIT`.
const UTIME_NOW: i64 = 0x3fff_ffff;
const UTIME_OMIT: i64 = 0x3fff_fffe;
/// `F_GETLK`, `F_SETLK`, `F_SETLKW` and `LOCK_NB`.
const F_GETLK: u32 = 5;
const F_SETLK: u32 = 6;
const F_SETLKW: u32 = 7;
const LOCK_NB: u32 = 4;
/// Nanoseconds between two steps.
const STEP_NS: u64 = 1_000_000;

/// The arguments that a call has, by the names of its row; the rest are zero.
type Named = Vec<(&'static str, Value)>;

/// What `flock` is asked for.
fn flock_bits(kind: LockKind) -> u32 {
    match kind {
        LockKind::Read => 1,
        LockKind::Write => 2,
        LockKind::Unlock => 8,
    }
}

/// `F_RDLCK`, `F_WRLCK` and `F_UNLCK`.
fn lock_type(kind: LockKind) -> u32 {
    match kind {
        LockKind::Read => 0,
        LockKind::Write => 1,
        LockKind::Unlock => 2,
    }
}

/// The arguments of `pwritev2` with `RWF_APPEND`.
fn appended(fd: i32, data: &[u8], offset: Option<i64>) -> Named {
    let rest = [int("offset", offset.unwrap_or(-1)), int("flags", RWF_APPEND)];
    with(vec![int("fd", fd), bytes("data", data)], rest)
}

fn number(value: impl Into<i128>) -> Value {
    let value: i128 = value.into();
    match u64::try_from(value) {
        Ok(number) => Value::UInt(number),
        Err(_negative) => Value::Int(i64::try_from(value).unwrap_or(i64::MIN)),
    }
}

fn path(path: &PathAt) -> (&'static str, Value) {
    ("path", Value::Bytes(path.path.clone()))
}

fn bytes(name: &'static str, bytes: &[u8]) -> (&'static str, Value) {
    (name, Value::Bytes(bytes.to_vec()))
}

fn int(name: &'static str, value: impl Into<i128>) -> (&'static str, Value) {
    (name, number(value))
}

/// A path and the flag that says not to follow it.
fn target(target: &Target, flags: &'static str) -> Option<Named> {
    match target {
        Target::Path { path: at, follow } => {
            let bits = if *follow { 0 } else { AT_SYMLINK_NOFOLLOW };
            Some(vec![path(at), int(flags, bits)])
        }
        _ => None,
    }
}

fn with(mut named: Named, more: impl IntoIterator<Item = (&'static str, Value)>) -> Named {
    named.extend(more);
    named
}

/// The arguments of calls on descriptors.
/// Owners; -1 is none.
fn ids(uid: Option<u32>, gid: Option<u32>) -> [(&'static str, Value); 2] {
    let id = |id: Option<u32>| id.map_or(-1, i64::from);
    [int("uid", id(uid)), int("gid", id(gid))]
}

/// Calls on descriptors that move no data.
fn on_slot(call: &Call) -> Option<(CallNr, Named)> {
    Some(match call {
        Call::Dup { fd, to, .. } => {
            (CallNr::DUP, vec![int("old_fd", *fd), int("new_fd", to.unwrap_or(-1))])
        }
        Call::CloseRange { first, last, flags } => {
            let ends = vec![int("first", *first), int("last", *last)];
            (CallNr::CLOSE_RANGE, with(ends, [int("flags", *flags)]))
        }
        Call::Sendfile { to, from, offset, length } => {
            let named = vec![
                int("fd_out", *to),
                int("fd_in", *from),
                int("offset", offset.unwrap_or(-1)),
                int("count", *length),
            ];
            (CallNr::SENDFILE, named)
        }
        Call::SetFlags { fd, flags } => {
            (CallNr::FCNTL_SETFL, vec![int("fd", *fd), int("flags", flags.bits())])
        }
        Call::SetCloexec { fd, on } => {
            (CallNr::SET_CLOEXEC, vec![int("fd", *fd), int("on", u32::from(*on))])
        }
        // Each has a table and a directory of its own.
        Call::Fork { child, share_files: false, share_fs: false } => {
            (CallNr::FORK, vec![int("child", child.0)])
        }
        // From outside the mount, where no path of it leads.
        Call::Exec { program: None } => (CallNr::EXEC, vec![bytes("path", b"")]),
        Call::Exit => (CallNr::EXIT, Vec::new()),
        _ => return None,
    })
}

/// The arguments of `fcntl` on a range.
fn range(fd: i32, command: u32, lock: &Lock, whence: u32) -> Named {
    vec![
        int("fd", fd),
        int("command", command),
        int("type", lock_type(lock.kind)),
        int("whence", whence),
        int("start", lock.start.cast_signed()),
        int("len", lock.end.cast_signed()),
    ]
}

fn on_file(call: &Call) -> Option<(CallNr, Named)> {
    Some(match call {
        Call::Close { fd } => (CallNr::CLOSE, vec![int("fd", *fd)]),
        Call::Read { fd, size, offset: None } => {
            (CallNr::READ, vec![int("fd", *fd), int("count", *size)])
        }
        Call::Read { fd, size, offset: Some(at) } => {
            (CallNr::PREAD64, vec![int("fd", *fd), int("count", *size), int("offset", *at)])
        }
        Call::Write { fd, data, offset: None } => {
            (CallNr::WRITE, vec![int("fd", *fd), bytes("data", data)])
        }
        Call::Write { fd, data, offset: Some(at) } => {
            (CallNr::PWRITE64, vec![int("fd", *fd), bytes("data", data), int("offset", *at)])
        }
        Call::Append { fd, data, offset } => (CallNr::PWRITE64, appended(*fd, data, *offset)),
        Call::Seek { fd, offset, whence } => {
            let rest = [int("offset", *offset), int("whence", *whence)];
            (CallNr::LSEEK, with(vec![int("fd", *fd)], rest))
        }
        Call::Truncate { target: Target::Fd(fd), size } => {
            (CallNr::FTRUNCATE, vec![int("fd", *fd), int("size", *size)])
        }
        Call::Fallocate { fd, mode, offset, length } => {
            let rest = [int("mode", *mode), int("offset", *offset), int("len", *length)];
            (CallNr::FALLOCATE, with(vec![int("fd", *fd)], rest))
        }
        Call::Fsync { fd, datasync: true } => (CallNr::FDATASYNC, vec![int("fd", *fd)]),
        Call::Fsync { fd, datasync: false } => (CallNr::FSYNC, vec![int("fd", *fd)]),
        Call::Stat { target: Target::Fd(fd), .. } => (CallNr::FSTAT, vec![int("fd", *fd)]),
        Call::Chmod { target: Target::Fd(fd), mode } => {
            (CallNr::FCHMOD, vec![int("fd", *fd), int("mode", *mode)])
        }
        Call::Chown { target: Target::Fd(fd), uid, gid } => {
            (CallNr::FCHOWN, with(vec![int("fd", *fd)], ids(*uid, *gid)))
        }
        Call::Getdents { fd, space } => {
            (CallNr::GETDENTS64, vec![int("fd", *fd), int("count", *space)])
        }
        Call::Flock { fd, kind } => {
            (CallNr::FLOCK, vec![int("fd", *fd), int("operation", LOCK_NB | flock_bits(*kind))])
        }
        Call::WaitFlock { fd, kind } => {
            (CallNr::FLOCK, vec![int("fd", *fd), int("operation", flock_bits(*kind))])
        }
        Call::SetLock { fd, lock, whence } => {
            (CallNr::FCNTL_LOCK, range(*fd, F_SETLK, lock, *whence))
        }
        Call::WaitLock { fd, lock, whence } => {
            (CallNr::FCNTL_LOCK, range(*fd, F_SETLKW, lock, *whence))
        }
        Call::GetLock { fd, lock, whence } => {
            (CallNr::FCNTL_LOCK, range(*fd, F_GETLK, lock, *whence))
        }
        Call::CopyFileRange { from, from_offset, to, to_offset, length, flags } => {
            let offset = |at: &Option<i64>| at.unwrap_or(-1);
            let named = vec![
                int("fd_in", *from),
                int("off_in", offset(from_offset)),
                int("fd_out", *to),
                int("off_out", offset(to_offset)),
                int("len", *length),
                int("flags", *flags),
            ];
            (CallNr::COPY_FILE_RANGE, named)
        }
        _ => return None,
    })
}

/// The arguments of calls on names.
fn on_name(call: &Call) -> Option<(CallNr, Named)> {
    Some(match call {
        Call::Open { path: at, flags, mode, .. } => {
            (CallNr::OPENAT, vec![path(at), int("flags", flags.bits()), int("mode", *mode)])
        }
        Call::Mkdir { path: at, mode } => (CallNr::MKDIRAT, vec![path(at), int("mode", *mode)]),
        Call::Mknod { path: at, mode, rdev } => {
            let device = int("device", rdev.encode());
            (CallNr::MKNODAT, vec![path(at), int("mode", *mode), device])
        }
        Call::Symlink { target, path: at } => {
            (CallNr::SYMLINKAT, vec![bytes("target", target), path(at)])
        }
        Call::Link { source: Target::Path { path: old, .. }, path: new } => {
            (CallNr::LINKAT, vec![bytes("old_path", &old.path), bytes("new_path", &new.path)])
        }
        Call::Unlink { path: at } => (CallNr::UNLINKAT, vec![path(at)]),
        Call::Rmdir { path: at } => (CallNr::UNLINKAT, vec![path(at), int("flags", AT_REMOVEDIR)]),
        Call::Rename { old, new, flags } => {
            let names = vec![bytes("old_path", &old.path), bytes("new_path", &new.path)];
            (CallNr::RENAMEAT2, with(names, [int("flags", *flags)]))
        }
        Call::Readlink { target: at, size } => {
            (CallNr::READLINKAT, with(target(at, "")?, [int("size", *size)]))
        }
        Call::Chdir { target: at } => (CallNr::CHDIR, target(at, "")?),
        _ => return on_attributes(call),
    })
}

fn on_attributes(call: &Call) -> Option<(CallNr, Named)> {
    Some(match call {
        Call::Stat { target: at, .. } => (CallNr::STAT, target(at, "flags")?),
        Call::Statfs { target: at } => (CallNr::STATFS, target(at, "")?),
        Call::Truncate { target: at, size } => {
            (CallNr::TRUNCATE, with(target(at, "")?, [int("size", *size)]))
        }
        Call::Access { target: at, mode } => {
            (CallNr::ACCESS, with(target(at, "flags")?, [int("mode", mode.bits())]))
        }
        Call::Chmod { target: at, mode } => {
            (CallNr::FCHMODAT, with(target(at, "flags")?, [int("mode", *mode)]))
        }
        Call::Chown { target: at, uid, gid } => {
            (CallNr::FCHOWNAT, with(target(at, "flags")?, ids(*uid, *gid)))
        }
        Call::Utimens { target: at, atime, mtime } => {
            let nanos = |time: &NewTime| match time {
                NewTime::Now => UTIME_NOW,
                NewTime::Omit => UTIME_OMIT,
                NewTime::At(at) => i64::from(at.nsec),
            };
            let seconds = |time: &NewTime| match time {
                NewTime::At(at) => at.sec,
                NewTime::Now | NewTime::Omit => 0,
            };
            let times = [
                int("atime_sec", seconds(atime)),
                int("atime_nsec", nanos(atime)),
                int("mtime_sec", seconds(mtime)),
                int("mtime_nsec", nanos(mtime)),
            ];
            let at = match at {
                // futimens is utimensat without a path.
                Target::Fd(fd) => vec![int("dirfd", *fd)],
                at => target(at, "flags")?,
            };
            (CallNr::UTIMENSAT, with(at, times))
        }
        Call::Getxattr { target: at, name, size } => {
            let rest = [bytes("name", name), int("size", *size)];
            (CallNr::GETXATTRAT, with(target(at, "flags")?, rest))
        }
        Call::Listxattr { target: at, size } => {
            (CallNr::LISTXATTRAT, with(target(at, "flags")?, [int("size", *size)]))
        }
        Call::Setxattr { target: at, name, value, flags } => {
            let rest = [bytes("name", name), bytes("value", value), int("flags", *flags)];
            (CallNr::SETXATTRAT, with(target(at, "at_flags")?, rest))
        }
        Call::Removexattr { target: at, name } => {
            (CallNr::REMOVEXATTRAT, with(target(at, "flags")?, [bytes("name", name)]))
        }
        Call::Umask { mask } => (CallNr::UMASK, vec![int("mask", *mask)]),
        Call::SetIds { uid, gid } => (CallNr::SET_CREDENTIALS, ids(*uid, *gid).into()),
        Call::SetGroups { groups } => {
            let groups: Vec<u8> = groups.iter().flat_map(|group| group.0.to_le_bytes()).collect();
            (CallNr::SETGROUPS, vec![bytes("groups", &groups)])
        }
        _ => return None,
    })
}

/// The call as a record without its result.
pub(super) fn call_record(call: &Call) -> Option<CallRecord> {
    let (nr, mut named) = on_slot(call).or_else(|| on_file(call)).or_else(|| on_name(call))?;
    let spec = CallSpec::by_nr(nr)?;
    let args = spec.args.iter().map(|(name, kind)| {
        let given = named.iter().position(|(known, _)| known == name);
        let value = given.map(|place| named.swap_remove(place).1);
        match (kind.shape(), value) {
            (_, Some(Value::Bytes(bytes))) => Value::Bytes(bytes),
            (Shape::Bytes, _) => Value::Bytes(Vec::new()),
            (Shape::Int, Some(value)) => {
                Value::Int(value.as_int().unwrap_or_else(|| value.as_uint().unwrap_or(0) as i64))
            }
            (Shape::UInt, Some(value)) => {
                Value::UInt(value.as_uint().unwrap_or_else(|| value.as_int().unwrap_or(0) as u64))
            }
            // Nobody here names a directory by a descriptor.
            (Shape::Int, None) if name.ends_with("dirfd") => Value::Int(AT_FDCWD),
            (Shape::Int, None) => Value::Int(0),
            (Shape::UInt, None) => Value::UInt(0),
        }
    });
    Some(CallRecord { nr, args: args.collect(), ..CallRecord::default() })
}

impl Finding {
    /// The finding as a trace (`.frt`) with the calls of its run and what they returned; none for a
    /// run in which nothing was called.
    ///
    /// ```
    /// use fuserig::prelude::*;
    /// let finding = Simulation::new(Seed(7))
    ///     .run(Subject::without_filter(Abi::V4).over("/.secret 'no'"))
    ///     .check(invariant::never_visible(".secret"))
    ///     .result()
    ///     .unwrap_err();
    /// assert!(finding.to_trace().is_some());
    /// ```
    pub fn to_trace(&self) -> Option<Vec<u8>> {
        let header = Header {
            abi: self.case.abi.name().to_owned(),
            filter: self.case.filter.clone(),
            kernel: self.case.fidelity.name().to_owned(),
            first_client: Some(FirstClient { uid: 0, gid: 0, umask: 0o022 }),
            initial_tree: "lower".to_owned(),
            seed: Some(self.seed.0),
            ..Header::default()
        };
        let mut writer = TraceWriter::create(Vec::new(), header).ok()?;
        let text = format!("{}\n", self.case.tree).into_bytes();
        let tree = TreeRecord { seq: 0, label: "lower".to_owned(), text };
        writer.append(tree.as_ref()).ok()?;
        let records = self.call_records();
        for record in &records {
            writer.append(record.as_ref()).ok()?;
        }
        if let Some(power) = &self.record.power {
            let text = match power.lost.is_empty() {
                true => power.crash.to_string(),
                false => format!("{}; gone are: {}", power.crash, power.lost.join("; ")),
            };
            let note = NoteRecord { seq: 0, kind: NoteKind::ANNOTATION, count: 0, text };
            writer.append(note.as_ref()).ok()?;
        }
        let written = writer.finish().ok()?.1;
        (!records.is_empty()).then_some(written)
    }

    /// Who each client is, then the calls in the order in which they began.
    fn call_records(&self) -> Vec<CallRecord> {
        let mut records = Vec::new();
        for (client, program) in self.case.clients.iter().enumerate() {
            let who = (program.uid, program.group());
            let groups = program.groups.iter().map(|group| Gid(*group)).collect();
            let joins = (!program.groups.is_empty()).then_some(Call::SetGroups { groups });
            let becomes = Call::SetIds { uid: Some(who.0), gid: Some(who.1) };
            for call in joins.into_iter().chain((who != (0, 0)).then_some(becomes)) {
                let said =
                    call_record(&call).map(|record| at(record, pid_of(client), (0, Some(0))));
                records.extend(said);
            }
        }
        let mut processes: Vec<Processes> =
            (0..self.case.clients.len()).map(pid_of).map(Processes::new).collect();
        for entry in &self.record.calls {
            let action = &self.case.clients[entry.client].actions[entry.action];
            let client = &mut processes[entry.client];
            let Some(call) = call_record(&client.call(action)) else { continue };
            let mut call = at(call, client.pid(), (entry.begin, entry.end));
            if let Some(result) = &entry.result {
                call.result = result.value.unwrap_or(-1);
                let errno = result.value.err().map_or(0, |errno| errno.0);
                call.errno = u16::try_from(errno).unwrap_or(u16::MAX);
                call.out = outputs_of(call.nr, result);
                client.note(action, result.value);
            }
            records.push(call);
        }
        // Positions in the order of everything: a place for each beginning and each return.
        for (place, record) in (1_u64..).zip(&mut records) {
            record.seq_send = 2 * place - 1;
            if !record.flags.contains(CallFlags::UNFINISHED) {
                record.seq_reply = 2 * place;
            }
        }
        records
    }
}

/// The record with who called and when, in steps of the run.
fn at(mut record: CallRecord, pid: Pid, (begin, end): (u64, Option<u64>)) -> CallRecord {
    record.client = pid.0;
    record.time_ns = begin * STEP_NS;
    match end {
        Some(end) => record.duration_ns = end.saturating_sub(begin) * STEP_NS,
        None => record.flags = CallFlags(record.flags.0 | CallFlags::UNFINISHED.0),
    }
    record
}

#[cfg(test)]
mod tests {
    use fuserig_sim_fs::MemFs;

    use super::call_record;
    use crate::replay::issue_call;
    use crate::sim::{Seed, WorkloadConfig};
    use crate::vfs::Call;

    #[test]
    fn a_recorded_call_says_everything_that_the_call_said() {
        let tree = MemFs::from_tree("/a 'x'\n/d/\n/d/b 'y'").expect("the tree is well-formed");
        let config = WorkloadConfig::default();
        let programs = (0..40).flat_map(|seed| config.draw(&mut Seed(seed).rng(), &tree));
        let mut kinds = std::collections::BTreeSet::new();
        for action in programs.flat_map(|program| program.actions) {
            let mut call = action.call(&[3, 4, 5]);
            let record = call_record(&call).expect("there is a record for each");
            // What was returned is installed again.
            if let Call::Open { fd, .. } | Call::Dup { to: fd, .. } = &mut call {
                *fd = Some(0);
            }
            let back = issue_call(&record).expect("it is well-formed");
            assert_eq!(back, Some(call), "{action}");
            kinds.insert(record.nr);
        }
        assert!(kinds.len() > 20, "{kinds:?}");
    }
}
