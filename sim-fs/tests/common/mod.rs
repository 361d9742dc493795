//! What the tests of the host arm share: directories on the filesystems of this machine.

use std::path::Path;

use fuserig_sim_fs::HostFs;
use tempfile::TempDir;

/// A fresh directory of the host and the name of its filesystem, as the cases use it.
pub(crate) struct HostDirectory {
    pub(crate) arm: &'static str,
    pub(crate) fs: HostFs,
    /// Removed when dropped, after the descriptors of `fs`.
    _directory: TempDir,
}

/// A fresh directory below `base`, or why there is none.
pub(crate) fn host_directory(base: &Path) -> Result<HostDirectory, String> {
    let directory = tempfile::tempdir_in(base)
        .map_err(|error| format!("no directory in {}: {error}", base.display()))?;
    // As a simulated root; a temporary directory is private at first.
    rustix::fs::chmod(directory.path(), rustix::fs::Mode::from_raw_mode(0o755))
        .map_err(|error| error.to_string())?;
    let arm = filesystem(directory.path())?;
    let fs = HostFs::open(directory.path()).map_err(|error| error.to_string())?;
    if !fs.can_act_as_callers() {
        return Err("acting as other users needs root".to_owned());
    }
    Ok(HostDirectory { arm, fs, _directory: directory })
}

/// The filesystem of a path by its magic number.
fn filesystem(path: &Path) -> Result<&'static str, String> {
    let figures = rustix::fs::statfs(path).map_err(|error| error.to_string())?;
    // From linux/magic.h.
    Ok(match figures.f_type {
        0x0102_1994 => "tmpfs",
        0xef53 => "ext4",
        0x9123_683e => "btrfs",
        0x5846_5342 => "xfs",
        0x794c_7630 => "overlay",
        other => return Err(format!("filesystem type {other:#x} is not known to the cases")),
    })
}

/// Says why a test did not run.
#[expect(clippy::print_stderr, reason = "a test that cannot run here says so and passes")]
pub(crate) fn skipped(reason: &str) {
    eprintln!("skipped: {reason}");
}
