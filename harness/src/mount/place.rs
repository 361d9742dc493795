//! A place where something of ours is mounted: made, and taken away again.
//!
//! What a reader would get wrong: a path is no name of a mount. Whoever hears of the end of its
//! mount may find the next one at the same path, so the path is only used while the kernel still
//! talks to this device, or has said that it is cut and not that it is gone.

use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, FdFlags};
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};

/// How a mount is to look from outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appearance {
    /// What `mount` shows as its source.
    pub(super) name: &'static str,
    /// The part of its type after `fuse.`, where fusermount3 mounts it.
    pub(super) subtype: Option<&'static str>,
    /// Whether users besides the one who mounts may enter.
    pub(super) allow_other: bool,
    /// Whether the kernel checks permissions.
    pub(super) default_permissions: bool,
    /// Whether nothing may be changed through it.
    pub(super) read_only: bool,
}

/// A mount of this process.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    /// The device, for as long as the mount is there by all that is known.
    mounted: Mutex<Option<OwnedFd>>,
}

impl Place {
    /// Mounts on a directory and gives the device. Who may not mount asks fusermount3.
    pub(super) fn mount(directory: &Path, looks: &Appearance) -> io::Result<(Arc<Place>, OwnedFd)> {
        let directory = directory.canonicalize()?;
        // The kernel would mount on a file as well, and then find a directory where it wants one.
        // A dead mount that is there says itself what it is.
        if !directory.metadata()?.is_dir() {
            return Err(Errno::NOTDIR.into());
        }
        let device = match mount_here(&directory, looks) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                mount_by_helper(&directory, looks)?
            }
            mounted => mounted?,
        };
        let mounted = device.try_clone().inspect_err(|_| detach(&directory))?;
        let mounted = Mutex::new(Some(mounted));
        Ok((Arc::new(Place { directory, mounted }), device))
    }

    /// Where.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes the mount away, out of the tree at least when it is in use. Where the kernel has cut
    /// the connection, whoever reads from it will hear why and say it to [`Place::is_cut`] or
    /// [`Place::is_gone`]; until then nobody knows whose mount the path names.
    pub(super) fn take_away(&self) {
        let mut mounted = self.mounted.lock().expect("nobody panics with this lock");
        if mounted.as_ref().is_some_and(|device| !is_disconnected(device)) {
            *mounted = None;
            drop(mounted);
            detach(&self.directory);
        }
    }

    /// The connection is cut and the mount still there: nobody will serve it any more.
    pub(super) fn is_cut(&self) {
        if self.forget() {
            detach(&self.directory);
        }
    }

    /// Somebody else took the mount away. One that was in use when it was to go by force is still
    /// in the tree, dead, and says so itself.
    pub(super) fn is_gone(&self) {
        let is_dead = || rustix::fs::statfs(&self.directory).err() == Some(Errno::NOTCONN);
        if self.forget() && is_dead() {
            detach(&self.directory);
        }
    }

    /// Whether it is there, by all that is known.
    pub(super) fn is_mounted(&self) -> bool {
        self.mounted.lock().expect("nobody panics with this lock").is_some()
    }

    fn forget(&self) -> bool {
        self.mounted.lock().expect("nobody panics with this lock").take().is_some()
    }
}

/// Takes a mount away when it is dropped, unless it was told to keep it.
#[derive(Debug)]
pub(super) struct Unmount(Option<Arc<Place>>);

impl Unmount {
    /// One for a mount whose server is not there yet.
    pub(super) fn unless_kept(place: &Arc<Place>) -> Unmount {
        Unmount(Some(Arc::clone(place)))
    }

    /// From here on somebody else sees to the mount.
    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unmount {
    fn drop(&mut self) {
        if let Some(place) = &self.0 {
            place.take_away();
        }
    }
}

/// Whether the kernel has given up the connection of a device.
fn is_disconnected(device: &OwnedFd) -> bool {
    let mut looked = [PollFd::new(device, PollFlags::empty())];
    poll(&mut looked, Some(&Timespec::default())).is_ok()
        && looked[0].revents().contains(PollFlags::ERR)
}

/// Takes whatever is mounted there out of the tree.
fn detach(directory: &Path) {
    if rustix::mount::unmount(directory, UnmountFlags::DETACH).is_err() {
        let mut program = Command::new("fusermount3");
        // Whatever it says, nothing is left to be tried.
        let _ = program.args(["-u", "-z", "-q", "--"]).arg(directory).status();
    }
}

fn mount_here(directory: &Path, looks: &Appearance) -> io::Result<OwnedFd> {
    let device: OwnedFd = OpenOptions::new().read(true).write(true).open("/dev/fuse")?.into();
    let mode = directory.metadata()?.mode() & 0o170_000;
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    let fd = device.as_raw_fd();
    let mut data = format!("fd={fd},rootmode={mode:o},user_id={user},group_id={group}");
    for option in looks.options() {
        data.push(',');
        data.push_str(option);
    }
    let data = CString::new(data)?;
    let mut flags = MountFlags::NOSUID | MountFlags::NODEV;
    flags.set(MountFlags::RDONLY, looks.read_only);
    rustix::mount::mount(looks.name, directory, "fuse", flags, data.as_c_str())?;
    Ok(device)
}

/// fusermount3 opens the device and hands it over on the socket that `_FUSE_COMMFD` names.
fn mount_by_helper(directory: &Path, looks: &Appearance) -> io::Result<OwnedFd> {
    let kind = SocketType::STREAM;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    rustix::io::fcntl_setfd(&theirs, FdFlags::empty())?;
    let mut all = vec!["nosuid".to_owned(), "nodev".to_owned(), format!("fsname={}", looks.name)];
    all.extend(looks.subtype.map(|subtype| format!("subtype={subtype}")));
    all.extend(looks.read_only.then(|| "ro".to_owned()));
    all.extend(looks.options().map(str::to_owned));
    let output = Command::new("fusermount3")
        .args(["-o", &all.join(","), "--"])
        .arg(directory)
        .env("_FUSE_COMMFD", theirs.as_raw_fd().to_string())
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("run fusermount3: {error}")))?;
    drop(theirs);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(said.trim().to_owned()));
    }
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut byte)];
    recvmsg(ours.as_fd(), &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let rights = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut rights) => rights.next(),
        _ => None,
    });
    rights.ok_or_else(|| io::Error::other("fusermount3 sent no descriptor"))
}

impl Appearance {
    /// The options that the filesystem itself reads.
    fn options(&self) -> impl Iterator<Item = &'static str> {
        let chosen =
            [(self.allow_other, "allow_other"), (self.default_permissions, "default_permissions")];
        chosen.into_iter().filter_map(|(is_chosen, name)| is_chosen.then_some(name))
    }
}
