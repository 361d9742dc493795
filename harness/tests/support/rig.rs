//! A mount for a test: `fuserig mount` in a process of its own, taken away at the end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal};

use super::support::print_skip;

/// The mount and the directory around it, which has `mnt` and `below`.
pub(crate) struct Rig {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) process: Option<std::process::Child>,
}

/// Whether mounts can be made here; prints why not.
pub(crate) fn runnable() -> bool {
    match fuserig::mount::missing() {
        Some(reason) => {
            print_skip(&reason);
            false
        }
        None if !rustix::process::geteuid().is_root() => {
            print_skip("mounts of these tests need root");
            false
        }
        None => true,
    }
}

/// Whether something is mounted there.
pub(crate) fn is_mounted(path: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("procfs is there");
    mounts.lines().any(|line| line.split(' ').nth(4).map(Path::new) == Some(path))
}

impl Rig {
    /// `fuserig mount` with more arguments; `{}` in one is the temporary directory.
    pub(crate) fn mount(arguments: &[&str]) -> Rig {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path().to_str().expect("text").to_owned();
        std::fs::create_dir(directory.path().join("mnt")).expect("fresh");
        std::fs::create_dir(directory.path().join("below")).expect("fresh");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fuserig"));
        command.arg("mount").arg(directory.path().join("mnt"));
        command.args(arguments.iter().map(|argument| argument.replace("{}", &root)));
        Rig::start(command, directory)
    }

    /// A mount at `mnt` of the directory, made by a command.
    pub(crate) fn start(command: Command, directory: tempfile::TempDir) -> Rig {
        Rig::try_start(command, directory).unwrap_or_else(|said| panic!("{said}"))
    }

    /// As [`Rig::start`], or what was said in place of "mounted".
    pub(crate) fn try_start(
        mut command: Command,
        directory: tempfile::TempDir,
    ) -> Result<Rig, String> {
        let mut process = command.stderr(Stdio::piped()).spawn().expect("the binary was built");
        // It says that it is mounted, or why not; nothing is waited for by the clock.
        let mut first = String::new();
        let said = process.stderr.as_mut().expect("piped");
        BufReader::new(said).read_line(&mut first).expect("readable");
        if !first.contains("mounted") {
            let _ = process.wait();
            return Err(first);
        }
        Ok(Rig { directory, process: Some(process) })
    }

    /// A path in the mount.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join("mnt").join(path)
    }

    /// Ends it by a signal and gives its exit code.
    pub(crate) fn end(mut self, signal: Signal) -> Option<i32> {
        let mut process = self.process.take().expect("it runs");
        let _ = rustix::process::kill_process(pid(&process), signal);
        process.wait().expect("it ends").code()
    }
}

/// The process id of a child.
pub(crate) fn pid(process: &std::process::Child) -> Pid {
    Pid::from_raw(i32::try_from(process.id()).expect("a pid")).expect("not 0")
}

impl Drop for Rig {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let _ = rustix::process::kill_process(pid(&process), Signal::TERM);
        let _ = process.wait();
        if !std::thread::panicking() {
            assert!(!is_mounted(&self.at("")), "a mount was left behind");
        }
    }
}

/// Runs a case on the simulated lower filesystem and on a host directory.
pub(crate) fn on_both(case: fn(&Rig)) {
    if !runnable() {
        return;
    }
    case(&Rig::mount(&[]));
    case(&Rig::mount(&["--lower", "host:{}/below"]));
}

/// The errno of a call that must fail.
pub(crate) fn errno<T: core::fmt::Debug>(result: rustix::io::Result<T>) -> i32 {
    result.expect_err("it is refused").raw_os_error()
}

/// Runs the binary to its end.
pub(crate) fn fuserig(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuserig"));
    command.args(arguments).output().expect("the binary was built")
}

/// Output as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
