//! The mount options that attach a directory, a filter and a server to the root (SEMANTICS 7.1).

use fuserig_abi::{Errno, FileKind, Quirk, Stat};
use fuserig_sim_fs::LowerExt;

use super::{FilterId, World};

/// `root_bpf` may have 15 characters, although no registered name has more than 14 (REG-4).
const ROOT_BPF_MAX: usize = 15;

/// The lower directory that the option `root_dir` gives.
///
/// ```
/// use fuserig::kernel::RootDir;
/// assert_ne!(RootDir::Path(b"/below"), RootDir::Absent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootDir<'a> {
    /// The option is not given: the server serves the root.
    Absent,
    /// A descriptor on this directory of the lower filesystem.
    Path(&'a [u8]),
    /// A number that is no open descriptor.
    Closed,
}

/// Which server the options name.
///
/// ```
/// use fuserig::kernel::Server;
/// assert_ne!(Server::Descriptor, Server::Unnamed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// `fd=`: a daemon holds the device.
    Descriptor,
    /// `no_daemon`.
    Absent,
    /// Neither of the two, which no kernel accepts.
    Unnamed,
}

/// What the options say about the root.
///
/// ```
/// use fuserig::kernel::{RootDir, RootOptions, Server};
/// let options = RootOptions {
///     root_dir: RootDir::Path(b"/"),
///     root_bpf: Some(b"hide"),
///     server: Server::Absent,
/// };
/// assert_eq!(options.server, Server::Absent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootOptions<'a> {
    /// `root_dir=`.
    pub root_dir: RootDir<'a>,
    /// `root_bpf=`: the registered name of a filter.
    pub root_bpf: Option<&'a [u8]>,
    /// `fd=` or `no_daemon`.
    pub server: Server,
}

/// Why a mount is refused, in the words of the kernel.
///
/// ```
/// use fuserig::kernel::MountRefused;
/// use fuserig_abi::Errno;
/// assert_eq!(MountRefused::Program.to_string(), "Unable to find bpf program");
/// assert_eq!(MountRefused::Program.errno(), Errno::EINVAL);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MountRefused {
    /// `root_bpf` is longer than its buffer.
    #[error("root_bpf name too long. Max length is 15")]
    LongName,
    /// No filter is registered under the name of `root_bpf`.
    #[error("Unable to find bpf program")]
    Program,
    /// `root_dir` is no open descriptor of a directory.
    #[error("Unable to open root directory")]
    Directory,
    /// Neither `fd=` nor `no_daemon`.
    #[error("neither fd= nor no_daemon")]
    Server,
}

impl MountRefused {
    /// What mount(2) fails with.
    pub fn errno(self) -> Errno {
        Errno::EINVAL
    }
}

impl World {
    /// Attaches to the root what the mount options say. A filter without a directory has no effect:
    /// the pipeline is chosen by the backing inode alone.
    ///
    /// # Errors
    /// What a kernel refuses at mount; the root stays as it was.
    pub fn mount_root(&mut self, options: &RootOptions<'_>) -> Result<(), MountRefused> {
        let filter = match options.root_bpf {
            None => None,
            Some(name) if name.len() > ROOT_BPF_MAX => return Err(MountRefused::LongName),
            Some(name) => Some(self.named(name)?),
        };
        let directory = match options.root_dir {
            RootDir::Absent => None,
            RootDir::Closed => return Err(MountRefused::Directory),
            RootDir::Path(path) => Some(self.directory(path).ok_or(MountRefused::Directory)?),
        };
        if options.server == Server::Unnamed {
            return Err(MountRefused::Server);
        }
        let Some(directory) = directory else {
            self.mount.unback_root();
            return Ok(());
        };
        self.mount.back_root(&directory);
        if self.faithful() {
            self.mount.forget_root_attributes();
        }
        if filter.is_some() {
            self.attach_root(true, filter);
        }
        Ok(())
    }

    /// The filter of a mount option. One whose name differs in case alone is not it (REG-3).
    fn named(&mut self, name: &[u8]) -> Result<FilterId, MountRefused> {
        if let Some(filter) = self.registered(name) {
            return Ok(filter);
        }
        if self.filters.iter().any(|filter| filter.name().as_bytes().eq_ignore_ascii_case(name)) {
            self.note(Quirk::REG_3);
        }
        Err(MountRefused::Program)
    }

    /// A directory of the lower filesystem by its path from the lower root.
    fn directory(&mut self, path: &[u8]) -> Option<Stat> {
        let kernel = self.kernel_caller();
        let root = self.lower.root();
        let mut stat = self.lower.getattr(&kernel, root).ok()?;
        for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
            stat = self.lower.lookup(&kernel, stat.ino, name).ok()?;
        }
        (stat.kind == FileKind::Directory).then_some(stat)
    }
}
