//! What the flags of the mount say about access times.
//!
//! The kernel leaves the access times of a FUSE mount to its server and never tells it `noatime`,
//! `strictatime` or `ro`, so the server looks into the table of mounts, which can be asked whether
//! it changed. Of several mounts of one filesystem (bind mounts) the last in the table counts.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use fuserig_sim_fs::AtimePolicy;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The table of mounts of this process (man 5 proc_pid_mountinfo).
const TABLE: &str = "/proc/self/mountinfo";

/// The policy for files and the policy for directories.
pub(super) type Policies = (AtimePolicy, AtimePolicy);

/// The flags of one filesystem's mount, looked at again whenever the table of mounts changed.
#[derive(Debug)]
pub(super) struct MountFlags {
    table: File,
    /// `major:minor`, which stays when the mount point does not.
    device: Vec<u8>,
    told: Option<Policies>,
}

impl MountFlags {
    /// The flags of the filesystem that is mounted at `place`, a path without symbolic links; none
    /// without procfs or when nothing is mounted there.
    pub(super) fn of(place: &Path) -> Option<MountFlags> {
        let mut table = File::open(TABLE).ok()?;
        let text = contents(&mut table)?;
        let wanted = place.as_os_str().as_bytes();
        let device = rows(&text).filter(|row| unescaped(row.place) == wanted).last()?.device;
        Some(MountFlags { table, device: device.to_vec(), told: None })
    }

    /// The policies when they are others than this said before, or for the first time.
    pub(super) fn changed(&mut self) -> Option<Policies> {
        if self.told.is_some() && !self.stirred() {
            return None;
        }
        let text = contents(&mut self.table)?;
        let now = rows(&text).filter(|row| row.device == self.device).last()?.policies();
        (self.told != Some(now)).then_some(now).inspect(|&now| self.told = Some(now))
    }

    /// Whether the table changed since the last question.
    fn stirred(&self) -> bool {
        let mut fds = [PollFd::new(&self.table, PollFlags::PRI)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready > 0)
    }
}

fn contents(table: &mut File) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    table.rewind().ok()?;
    table.read_to_end(&mut text).ok()?;
    Some(text)
}

/// What a row of the table says that matters here.
#[derive(Clone, Copy, Debug)]
struct Row<'a> {
    device: &'a [u8],
    /// The mount point, with `\040` for a space.
    place: &'a [u8],
    mount_options: &'a [u8],
    super_options: &'a [u8],
}

impl Row<'_> {
    fn policies(&self) -> Policies {
        let has = |options: &[u8], word: &[u8]| options.split(|&b| b == b',').any(|o| o == word);
        let is = |word: &[u8]| has(self.mount_options, word);
        let files = if is(b"ro") || has(self.super_options, b"ro") || is(b"noatime") {
            AtimePolicy::Noatime
        } else if is(b"relatime") {
            AtimePolicy::Relatime
        } else {
            AtimePolicy::Strictatime
        };
        (files, if is(b"nodiratime") { AtimePolicy::Noatime } else { files })
    }
}

/// The rows that are as the manual says; others are passed over.
fn rows(text: &[u8]) -> impl Iterator<Item = Row<'_>> {
    text.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut words = line.split(|&byte| byte == b' ');
        let device = words.nth(2)?;
        let place = words.nth(1)?;
        let mount_options = words.next()?;
        // Optional fields end with a lone dash; type, source and the options follow.
        words.find(|&word| word == b"-")?;
        Some(Row { device, place, mount_options, super_options: words.nth(2)? })
    })
}

/// A path with the table's octal escapes undone.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut path = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.first_chunk::<3>().filter(|_| byte == b'\\');
        let code = code.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok());
        path.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_which_reads_move_times() {
        use AtimePolicy::{Noatime, Relatime, Strictatime};
        let cases = [
            ("rw,nosuid,relatime", "rw,user_id=0", (Relatime, Relatime)),
            ("rw", "rw", (Strictatime, Strictatime)),
            ("rw,nodiratime,relatime", "rw", (Relatime, Noatime)),
            ("rw,noatime", "rw", (Noatime, Noatime)),
            ("ro", "rw", (Noatime, Noatime)),
            ("rw", "ro", (Noatime, Noatime)),
            ("rw,xnoatime", "rw,roX", (Strictatime, Strictatime)),
        ];
        for (mount, superblock, expected) in cases {
            for optional in ["", "shared:1 master:2 "] {
                let text = format!("9 1 0:5 / /a\\040b {mount} {optional}- fuse x {superblock}\n");
                let found: Vec<Row<'_>> = rows(text.as_bytes()).collect();
                assert_eq!(found.len(), 1, "{text}");
                assert_eq!(found[0].policies(), expected, "{text}");
                assert_eq!(
                    (found[0].device, unescaped(found[0].place)),
                    (&b"0:5"[..], b"/a b".into())
                );
            }
        }
    }

    #[test]
    fn damage_in_the_table_is_passed_over() {
        let rows = |text: &str| rows(text.as_bytes()).count();
        assert_eq!(rows("\n9 1\n9 1 0:5 / /a rw\n9 1 0:5 / /a rw - fuse\n"), 0);
        assert_eq!(unescaped(br"\04\999\\101"), br"\04\999\A".to_vec());
    }
}
