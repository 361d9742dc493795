//! Calls without a row in the table: do they concern the root at all?
//!
//! A call that nobody knows is counted as outside only if none of its arguments is a descriptor or
//! a path below the root. What a reader would get wrong: most calls without a row (poll, epoll,
//! inotify) touch descriptors and change no file; those are named here.

use super::super::error::Trouble;
use super::super::report::LossKind;
use super::super::session::{Outcome, Scene, Session};
use super::super::syntax::{Annotation, Arg};
use super::super::term::Term;

/// Calls that neither read nor change a file, whatever descriptor or path they are given.
const HARMLESS: &[&str] = &[
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "inotify_add_watch",
    "inotify_rm_watch",
    "fanotify_mark",
    "fanotify_init",
    "kcmp",
    "name_to_handle_at",
    "cachestat",
    "statmount",
    "listmount",
    "pathconf",
    "quotactl",
    "quotactl_fd",
    "process_madvise",
    "landlock_add_rule",
    "munmap",
    "sendmsg",
    "sendmmsg",
    "sendto",
    "connect",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
    "prctl",
    "wait4",
    "waitid",
    "exit",
    "exit_group",
    "getrandom",
    "restart_syscall",
];

/// Calls that change what paths mean.
const NAMESPACE: &[&str] =
    &["mount", "umount2", "umount", "pivot_root", "move_mount", "open_tree", "setns", "fsmount"];

/// What a call without a row is.
pub(in super::super) fn other(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
) -> Result<Outcome, Trouble> {
    let call = scene.call;
    if HARMLESS.contains(&call.name) {
        let concerns = call.args.iter().any(|arg| concerns_root(session, scene, *arg));
        return Ok(if concerns { Outcome::Quiet } else { Outcome::Outside });
    }
    if call.name == "io_uring_setup" && call.succeeded() {
        return session.lost(scene, LossKind::NoRecord, "requests through a ring are not traced");
    }
    if call.name.starts_with("syscall_0x") && call.succeeded() {
        let what = "this strace has no name for it; a newer one tells whether it matters";
        return session.lost(scene, LossKind::NoRecord, what);
    }
    let concerns = call.args.iter().any(|arg| concerns_root(session, scene, *arg));
    let returned = call.ret.annotation.as_ref().is_some_and(|found| session.is_inside(found));
    if !concerns && !returned {
        return Ok(Outcome::Outside);
    }
    if !call.succeeded() {
        return Ok(Outcome::Quiet);
    }
    let kind = match NAMESPACE.contains(&call.name) {
        true => LossKind::Namespace,
        false => LossKind::NoRecord,
    };
    let what = match call.ret.annotation.as_ref().and_then(Annotation::path) {
        Some(path) if returned => format!("returned {}", path.escape_ascii()),
        _ => "concerns the root".to_owned(),
    };
    session.lost(scene, kind, what)
}

/// Whether an argument is a descriptor below the root, or a path that begins there. Arguments that
/// cannot be read concern nobody.
pub(in super::super) fn concerns_root(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    arg: Arg<'_>,
) -> bool {
    match arg.text.first() {
        Some(b'"') => match Term::parse(arg) {
            Ok(Term::Str { bytes, .. }) => {
                bytes.first() == Some(&b'/') && session.root.contains(&bytes)
            }
            _ => false,
        },
        Some(first) if first.is_ascii_digit() => match Term::parse(arg) {
            Ok(Term::Fd(number, annotation)) => {
                let fd = i64::try_from(number).unwrap_or(-1);
                session.is_inside(&annotation) || session.tasks.open(scene.pid, fd).is_some()
            }
            // A bare number is a descriptor only where the log has no annotations at all.
            _ => false,
        },
        _ => matches!(Term::parse(arg), Ok(Term::Name(b"AT_FDCWD", Some(found)))
            if session.is_inside(&found)),
    }
}
