//! Which descriptors are open, and which file one means that got another meaning: man 2 close,
//! man 2 dup, man 2 close_range.
//!
//! What a reader would get wrong: the open files of a client are what its calls returned, which
//! nothing that serves them is asked about.

use fuserig_abi::Errno;

use crate::invariant::Seen;
use crate::sim::Action;

pub(super) fn judge(seen: &Seen<'_>) -> Result<(), String> {
    if let Some(fd) = seen.files.iter().find(|fd| !seen.vfs.is_open(seen.pid, **fd)) {
        return Err(format!("leaves the descriptor {fd} closed, which must be open"));
    }
    let open = seen.vfs.descriptors(seen.pid);
    if let Some(fd) = open.iter().find(|fd| !seen.files.contains(fd)) {
        return Err(format!("leaves the descriptor {fd} open, which must be closed"));
    }
    match *seen.action {
        Action::Dup2 { file, onto } => replaced(seen, file, onto),
        Action::CloseRange { first, last } => range(seen, first, last),
        _ => Ok(()),
    }
}

/// The number is the one that was asked for, and it means the same file.
fn replaced(seen: &Seen<'_>, file: u8, onto: u8) -> Result<(), String> {
    let (Some(from), Some(to)) = (seen.file(file), seen.file(onto)) else { return Ok(()) };
    match seen.result.value {
        Ok(fd) if fd != i64::from(to) => Err(format!("gives {fd} instead of {to}")),
        Ok(_) if seen.vfs.lower_inode(seen.pid, from) != seen.vfs.lower_inode(seen.pid, to) => {
            Err("leaves two descriptors that mean different files".to_owned())
        }
        _ => Ok(()),
    }
}

/// It is refused where the last comes before the first, and for nothing else.
fn range(seen: &Seen<'_>, first: u8, last: u8) -> Result<(), String> {
    // What fails leaves all of them open.
    let is_empty = seen.file(first) > seen.file(last);
    match seen.result.value {
        Err(errno) if errno != Errno::EINVAL || !is_empty => {
            Err(format!("fails with {errno}, and there is no reason for it"))
        }
        _ => Ok(()),
    }
}
