//! The device and its mount.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use rustix::fs::OFlags;
use rustix::io::FdFlags;
use rustix::mount::MountFlags;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};

/// Mounts on a directory and gives the device. Root mounts by itself; others ask fusermount3.
pub(super) fn mount(directory: &Path, allow_other: bool, permissions: bool) -> io::Result<OwnedFd> {
    let mut options = Vec::new();
    if allow_other {
        options.push("allow_other");
    }
    if permissions {
        options.push("default_permissions");
    }
    let device = if rustix::process::geteuid().is_root() {
        mount_as_root(directory, &options)?
    } else {
        mount_by_helper(directory, &options)?
    };
    rustix::io::fcntl_setfd(&device, FdFlags::CLOEXEC)?;
    rustix::fs::fcntl_setfl(&device, rustix::fs::fcntl_getfl(&device)? | OFlags::NONBLOCK)?;
    Ok(device)
}

fn mount_as_root(directory: &Path, options: &[&str]) -> io::Result<OwnedFd> {
    let device: File = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
    let mode = directory.metadata()?.mode() & 0o170_000;
    let fd = device.as_raw_fd();
    let mut data = format!("fd={fd},rootmode={mode:o},user_id=0,group_id=0");
    for option in options {
        data.push(',');
        data.push_str(option);
    }
    let data = CString::new(data)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("fuserig-proxy", directory, "fuse", flags, data.as_c_str())?;
    Ok(device.into())
}

/// fusermount3 opens the device and hands it over on the socket that `_FUSE_COMMFD` names.
fn mount_by_helper(directory: &Path, options: &[&str]) -> io::Result<OwnedFd> {
    let kind = SocketType::STREAM;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    rustix::io::fcntl_setfd(&theirs, FdFlags::empty())?;
    let mut all = vec!["nosuid", "nodev", "fsname=fuserig-proxy"];
    all.extend(options);
    let status = Command::new("fusermount3")
        .args(["-o", &all.join(","), "--"])
        .arg(directory)
        .env("_FUSE_COMMFD", theirs.as_raw_fd().to_string())
        .status()?;
    drop(theirs);
    if !status.success() {
        return Err(io::Error::other(format!("fusermount3 failed ({status})")));
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
