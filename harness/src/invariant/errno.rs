//! Every call fails only as its manual page says it may (man-pages 6.9, section 2).
//!
//! A filter can return any number, and the modelled kernels hand it on; a program that meets an
//! errno its call cannot have does something that nobody tested. What a reader would get wrong:
//! a code below -4095 is no error to libc but a huge success (N3), and is found here as well.

use fuserig_abi::Errno;
use fuserig_sim_fs::OpenFlags;

use super::{Invariant, Seen};
use crate::sim::Action;
use crate::vfs::Output;

/// See [`errno_envelope`].
///
/// ```
/// use fuserig::invariant::{Invariant, errno_envelope};
/// assert_eq!(errno_envelope().name(), "errno_envelope");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrnoEnvelope;

/// No call returns an errno that it cannot have.
pub fn errno_envelope() -> ErrnoEnvelope {
    ErrnoEnvelope
}

/// What walking a path can give.
const WALK: &[Errno] = &[
    Errno::EACCES,
    Errno::ELOOP,
    Errno::ENAMETOOLONG,
    Errno::ENOENT,
    Errno::ENOTDIR,
    Errno::ENOMEM,
    Errno::EIO,
    Errno::ESTALE,
];
/// What changing a directory or a file can give.
const CHANGE: &[Errno] = &[Errno::EPERM, Errno::EROFS, Errno::ENOSPC, Errno::EDQUOT];
/// What a call on a descriptor can give.
const DESCRIPTOR: &[Errno] =
    &[Errno::EBADF, Errno::EIO, Errno::EINVAL, Errno::EISDIR, Errno::ENOMEM, Errno::EINTR];

/// What only a call that locks gives.
const LOCK: &[Errno] =
    &[Errno::EAGAIN, Errno::EACCES, Errno::EOVERFLOW, Errno::ENOLCK, Errno::ENXIO];
/// What only a wait for a range gives; it has no reason to be refused for who is in the way.
const WAIT: &[Errno] = &[Errno::EDEADLK, Errno::EOVERFLOW, Errno::ENOLCK, Errno::ENXIO];

/// Groups of errnos and those of the call itself.
fn allowed(action: &Action) -> (&'static [&'static [Errno]], &'static [Errno]) {
    match action {
        Action::Open { .. } => (
            &[WALK, CHANGE],
            &[
                Errno::EISDIR,
                Errno::EINVAL,
                Errno::EMFILE,
                Errno::ENFILE,
                Errno::ENXIO,
                Errno::EOPNOTSUPP,
                Errno::ETXTBSY,
                Errno::EFBIG,
                Errno::EBUSY,
            ],
        ),
        Action::Close { .. } => (&[DESCRIPTOR, CHANGE], &[]),
        Action::Read { .. } => {
            (&[DESCRIPTOR], &[Errno::ENXIO, Errno::EAGAIN, Errno::EOVERFLOW, Errno::ESPIPE])
        }
        Action::Write { .. } | Action::Append { .. } => (
            &[DESCRIPTOR, CHANGE],
            &[
                Errno::EFBIG,
                Errno::ENXIO,
                Errno::EAGAIN,
                Errno::EPIPE,
                Errno::EOVERFLOW,
                Errno::ESPIPE,
            ],
        ),
        Action::Seek { .. } => (&[DESCRIPTOR], &[Errno::ENXIO, Errno::EOVERFLOW, Errno::ESPIPE]),
        Action::Truncate { .. } => (
            &[WALK, CHANGE],
            &[Errno::EFBIG, Errno::EINVAL, Errno::EISDIR, Errno::ETXTBSY, Errno::EINTR],
        ),
        Action::Ftruncate { .. } => {
            (&[DESCRIPTOR, CHANGE], &[Errno::EFBIG, Errno::ETXTBSY, Errno::EACCES, Errno::ENXIO])
        }
        Action::Fallocate { .. } => (
            &[DESCRIPTOR, CHANGE],
            &[
                Errno::EFBIG,
                Errno::ENODEV,
                Errno::EOPNOTSUPP,
                Errno::ESPIPE,
                Errno::ENXIO,
                Errno::ETXTBSY,
            ],
        ),
        Action::Fsync { .. } => (&[DESCRIPTOR, CHANGE], &[Errno::ENXIO]),
        Action::Fstat { .. } => (&[DESCRIPTOR], &[Errno::EACCES, Errno::EOVERFLOW]),
        Action::List { .. } => {
            (&[DESCRIPTOR], &[Errno::ENOENT, Errno::ENOTDIR, Errno::EACCES, Errno::ENXIO])
        }
        Action::Copy { .. } => (
            &[DESCRIPTOR, CHANGE],
            &[
                Errno::EFBIG,
                Errno::EOVERFLOW,
                Errno::ETXTBSY,
                Errno::EXDEV,
                Errno::ENXIO,
                Errno::EOPNOTSUPP,
            ],
        ),
        named if named.named_paths()[0].is_some() => allowed_by_name(named),
        other => allowed_besides(other),
    }
}

/// Those of locks, of the attributes of open files, and of what does not leave the client.
fn allowed_besides(action: &Action) -> (&'static [&'static [Errno]], &'static [Errno]) {
    match action {
        Action::Lock { .. } if action.waits() => (&[DESCRIPTOR], WAIT),
        Action::Flock { .. } | Action::Lock { .. } | Action::GetLock { .. } => {
            (&[DESCRIPTOR], LOCK)
        }
        Action::Sendfile { .. } => (
            &[DESCRIPTOR, CHANGE],
            &[Errno::EFBIG, Errno::EOVERFLOW, Errno::ESPIPE, Errno::ENXIO, Errno::EAGAIN],
        ),
        Action::Futimens { .. } => (&[DESCRIPTOR, CHANGE], &[Errno::EACCES]),
        Action::Fchmod { .. } | Action::Fchown { .. } => (&[DESCRIPTOR, CHANGE], &[]),
        Action::Dup { .. } | Action::CloseRange { .. } => (&[DESCRIPTOR], &[Errno::EMFILE]),
        Action::Dup2 { .. } => (&[DESCRIPTOR], &[Errno::EMFILE, Errno::EBUSY]),
        Action::SetFlags { .. } => (&[DESCRIPTOR], &[Errno::EPERM]),
        Action::SetCloexec { .. } => (&[DESCRIPTOR], &[]),
        Action::Fork => (&[], &[Errno::EAGAIN]),
        _ => (&[], &[]),
    }
}

/// Whether the name of an attribute is that of a namespace and nothing more, such as `user.`.
fn is_namespace(name: &[u8]) -> bool {
    name.strip_suffix(b".").is_some_and(|space| !space.contains(&b'.'))
}

fn allowed_by_name(action: &Action) -> (&'static [&'static [Errno]], &'static [Errno]) {
    match action {
        Action::Stat { .. } => (&[WALK], &[Errno::EOVERFLOW]),
        Action::Statfs { .. } => (&[WALK], &[Errno::EOVERFLOW, Errno::EINTR, Errno::ENOSYS]),
        Action::Access { .. } => {
            (&[WALK], &[Errno::EPERM, Errno::EROFS, Errno::ETXTBSY, Errno::EINVAL])
        }
        Action::Mkdir { .. } | Action::Mknod { .. } | Action::Symlink { .. } => {
            (&[WALK, CHANGE], &[Errno::EEXIST, Errno::EMLINK, Errno::EINVAL])
        }
        Action::Link { .. } => (&[WALK, CHANGE], &[Errno::EEXIST, Errno::EMLINK, Errno::EXDEV]),
        Action::Unlink { .. } => (&[WALK, CHANGE], &[Errno::EBUSY, Errno::EISDIR]),
        Action::Rmdir { .. } => {
            (&[WALK, CHANGE], &[Errno::EBUSY, Errno::EINVAL, Errno::ENOTEMPTY, Errno::EEXIST])
        }
        Action::Rename { .. } => (
            &[WALK, CHANGE],
            &[
                Errno::EBUSY,
                Errno::EINVAL,
                Errno::EISDIR,
                Errno::EMLINK,
                Errno::ENOTEMPTY,
                Errno::EEXIST,
                Errno::EXDEV,
            ],
        ),
        Action::Readlink { .. } => (&[WALK], &[Errno::EINVAL]),
        Action::Chmod { .. }
        | Action::Chown { .. }
        | Action::Touch { .. }
        | Action::Times { .. } => (&[WALK, CHANGE], &[Errno::EINVAL]),
        // Linux gives EINVAL of a namespace alone, which the page leaves out.
        Action::Getxattr { name, .. } if is_namespace(&name.0) => {
            (&[WALK], &[Errno::ENODATA, Errno::EOPNOTSUPP, Errno::EINVAL, Errno::EPERM])
        }
        Action::Getxattr { .. } | Action::Listxattr { .. } => (
            &[WALK],
            &[Errno::E2BIG, Errno::ENODATA, Errno::EOPNOTSUPP, Errno::ERANGE, Errno::EPERM],
        ),
        Action::Setxattr { .. } | Action::Removexattr { .. } => (
            &[WALK, CHANGE],
            &[
                Errno::EEXIST,
                Errno::ENODATA,
                Errno::EOPNOTSUPP,
                Errno::ERANGE,
                Errno::E2BIG,
                Errno::EINVAL,
            ],
        ),
        _ => (&[WALK], &[]),
    }
}

impl ErrnoEnvelope {
    /// libc turns any success of stat into 0; the caller's struct stays as it was.
    fn lacks_attributes(self, seen: &Seen<'_>) -> bool {
        let asks = matches!(seen.action, Action::Stat { .. } | Action::Fstat { .. });
        asks && !matches!(seen.result.output, Output::Stat(_))
    }
}

impl Invariant for ErrnoEnvelope {
    fn name(&self) -> &str {
        "errno_envelope"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen.result.value {
            Ok(value) if value < 0 => {
                Err(format!("`{}` succeeds with {value}, which is no result (N3)", seen.action))
            }
            Ok(_) if self.lacks_attributes(seen) => {
                Err(format!("`{}` succeeds and gives no attributes (N3)", seen.action))
            }
            Ok(_) => Ok(()),
            Err(errno) => {
                let (groups, own) = allowed(seen.action);
                // man 2 open: EEXIST is for who insists on making it.
                let insists = matches!(seen.action, Action::Open { flags, .. }
                    if flags & OpenFlags::EXCL.bits() != 0);
                let exists = insists && errno == Errno::EEXIST;
                if exists
                    || own.contains(&errno)
                    || groups.iter().any(|group| group.contains(&errno))
                {
                    return Ok(());
                }
                let why = match errno {
                    // What the modelled kernels answer for a daemon that is not there.
                    Errno::ECONNREFUSED => ": the filter asks a daemon, and there is none",
                    _ => "",
                };
                Err(format!("`{}` fails with {errno}, which it cannot have{why}", seen.action))
            }
        }
    }
}
