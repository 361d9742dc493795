//! The command that `record` runs inside its mount.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use super::MountError;

/// What a child gets back that this process changes for itself: the host lower clears the umask
/// and raises the limit of descriptors.
///
/// ```
/// use fuserig::mount::Surroundings;
/// assert_eq!(Surroundings::current(), Surroundings::current());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    umask: u32,
    descriptors: Option<u64>,
}

impl Surroundings {
    /// Those of this process now.
    pub fn current() -> Surroundings {
        let umask = rustix::process::umask(rustix::fs::Mode::empty());
        rustix::process::umask(umask);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        Surroundings { umask: umask.bits(), descriptors: limit.current }
    }
}

/// A running command.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts `command` (a program and its arguments) in `directory`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        command: &[OsString],
        directory: &Path,
        surroundings: Surroundings,
    ) -> Result<Running, MountError> {
        let limit = surroundings
            .descriptors
            .map_or_else(String::new, |limit| format!("ulimit -S -n {limit} 2>/dev/null; "));
        let script = format!("umask {:04o}; {limit}exec \"$@\"", surroundings.umask & 0o777);
        let child = Command::new("sh")
            .args([OsStr::new("-c"), OsStr::new(&script), OsStr::new("fuserig-record")])
            .args(command)
            .current_dir(directory)
            .env("FUSERIG_MOUNT", directory)
            .spawn()
            .map_err(MountError::Command)?;
        Ok(Running { child })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end: its exit code, or 128 and the signal that ended it, as a shell says it.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait(mut self) -> Result<u8, MountError> {
        Ok(status_code(self.child.wait().map_err(MountError::Command)?))
    }
}

/// An exit code, or 128 and the signal that ended the process, as a shell says it.
pub(super) fn status_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    u8::try_from(code.unwrap_or(255)).unwrap_or(255)
}

/// Hands a signal on to a process; one that is gone does not mind.
pub fn forward(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let signal = rustix::process::Signal::from_named_raw(signal);
    if let (Some(pid), Some(signal)) = (pid, signal) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}
