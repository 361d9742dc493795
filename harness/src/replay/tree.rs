//! The final tree of a replay in the form of the captures: rows and digests.

use fuserig_abi::{Caller, Errno, FileKind, Ino, Stat};
use fuserig_sim_fs::{Lower, LowerExt, LowerFh, OpenFlags, Whence};
use sha2::{Digest, Sha256};

/// A tree as text. Names are bytes as the filesystem has them, UTF-8 or not.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TreeOutput {
    /// One row a file, sorted by path: path, type letter, mode, uid, gid, nlink, size, target,
    /// separated by tabs.
    pub rows: Vec<u8>,
    /// One line a regular file, sorted by path: SHA-256 and `./path`, as sha256sum prints them.
    pub digests: Vec<u8>,
}

/// Reads every file below the root of `lower`.
///
/// # Errors
/// The errno of the first file that cannot be read.
pub fn tree_output(lower: &mut dyn Lower, caller: &Caller) -> Result<TreeOutput, Errno> {
    output(lower, caller, whole)
}

/// As [`tree_output`], with digests that are good for nothing but to be compared with each other:
/// holes are left out, of which a file may have more than anybody can wait for.
///
/// # Errors
/// As [`tree_output`].
pub(crate) fn comparable_tree(lower: &mut dyn Lower, caller: &Caller) -> Result<TreeOutput, Errno> {
    output(lower, caller, placed)
}

/// How the bytes of an open file are hashed.
type Hashed = fn(&mut dyn Lower, &Caller, LowerFh, &mut Sha256) -> Result<(), Errno>;

fn output(lower: &mut dyn Lower, caller: &Caller, hashed: Hashed) -> Result<TreeOutput, Errno> {
    let mut files = Vec::new();
    let root = lower.root();
    collect(lower, caller, root, &[], &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut output = TreeOutput::default();
    for file in &files {
        output.rows.extend_from_slice(&file.path);
        let attributes = format!(
            "\t{}\t{:o}\t{}\t{}\t{}\t{}\t",
            letter(file.stat.kind),
            file.stat.permissions,
            file.stat.uid,
            file.stat.gid,
            file.stat.nlink,
            file.stat.size,
        );
        output.rows.extend_from_slice(attributes.as_bytes());
        output.rows.extend_from_slice(&file.target);
        output.rows.push(b'\n');
        if file.stat.kind == FileKind::Regular {
            let digest = digest(lower, caller, file.stat.ino, hashed)?;
            output.digests.extend(digest_line(&digest, &file.path));
        }
    }
    Ok(output)
}

/// As GNU sha256sum writes it: a backslash at the start says that the name is escaped.
fn digest_line(digest: &str, path: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'\\' => escaped.extend_from_slice(b"\\\\"),
            b'\n' => escaped.extend_from_slice(b"\\n"),
            b'\r' => escaped.extend_from_slice(b"\\r"),
            byte => escaped.push(byte),
        }
    }
    let mark: &[u8] = if escaped.len() == path.len() { b"" } else { b"\\" };
    [mark, digest.as_bytes(), b"  ./", &escaped, b"\n"].concat()
}

struct Found {
    path: Vec<u8>,
    stat: Stat,
    target: Vec<u8>,
}

fn letter(kind: FileKind) -> char {
    match kind {
        FileKind::Regular => 'f',
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::Fifo => 'p',
        FileKind::Socket => 's',
        FileKind::CharDevice => 'c',
        FileKind::BlockDevice => 'b',
    }
}

fn collect(
    lower: &mut dyn Lower,
    caller: &Caller,
    directory: Ino,
    prefix: &[u8],
    files: &mut Vec<Found>,
) -> Result<(), Errno> {
    let fh = lower.open(caller, directory, OpenFlags::DIRECTORY)?;
    let mut position = 0;
    loop {
        let (entries, end) = lower.read_dir(caller, fh, position, 1024)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if entry.name == b"." || entry.name == b".." {
                continue;
            }
            let stat = lower.lookup(caller, directory, &entry.name)?;
            let path = [prefix, &entry.name].concat();
            let target = match stat.kind {
                FileKind::Symlink => lower.readlink(caller, stat.ino)?,
                _ => Vec::new(),
            };
            files.push(Found { path: path.clone(), stat, target });
            if stat.kind == FileKind::Directory {
                collect(lower, caller, stat.ino, &[&path[..], b"/"].concat(), files)?;
            }
        }
        position = end;
    }
    lower.release(caller, fh)
}

/// Bytes that are read at once.
const PIECE: u32 = 1 << 20;

/// Every byte.
fn whole(
    lower: &mut dyn Lower,
    caller: &Caller,
    fh: LowerFh,
    hasher: &mut Sha256,
) -> Result<(), Errno> {
    let mut offset = 0;
    loop {
        let data = lower.read(caller, fh, offset, PIECE)?;
        if data.is_empty() {
            return Ok(());
        }
        offset += data.len() as u64;
        hasher.update(&data);
    }
}

/// Every page that has something else than zeros, with its place, so that a hole and zeros that
/// were written are the same.
fn placed(
    lower: &mut dyn Lower,
    caller: &Caller,
    fh: LowerFh,
    hasher: &mut Sha256,
) -> Result<(), Errno> {
    const PAGE: u64 = 4096;
    let mut offset = 0;
    loop {
        let from = i64::try_from(offset).map_err(|_far| Errno::EFBIG)?;
        let start = match lower.seek(caller, fh, from, Whence::Data, 0) {
            Ok(data) => data / PAGE * PAGE,
            Err(Errno::ENXIO) => return Ok(()),
            Err(errno) => return Err(errno),
        };
        let data = lower.read(caller, fh, start, PIECE)?;
        if data.is_empty() {
            return Ok(());
        }
        for (place, page) in (start..).step_by(PAGE as usize).zip(data.chunks(PAGE as usize)) {
            if page.iter().any(|byte| *byte != 0) {
                hasher.update(place.to_le_bytes());
                hasher.update(page);
            }
        }
        offset = start + data.len() as u64;
    }
}

fn digest(
    lower: &mut dyn Lower,
    caller: &Caller,
    node: Ino,
    hashed: Hashed,
) -> Result<String, Errno> {
    let fh = lower.open(caller, node, OpenFlags::NOATIME)?;
    let mut hasher = Sha256::new();
    hashed(lower, caller, fh, &mut hasher)?;
    lower.release(caller, fh)?;
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Caller, Credentials, Pid, Timespec};
    use fuserig_sim_fs::MemFs;

    use super::{Hashed, digest_line, output, placed, whole};

    fn digests(tree: &str, hashed: Hashed) -> Vec<u8> {
        let mut fs = MemFs::from_tree(tree).expect("a tree");
        let root = Caller::new(Credentials::root(), Pid(1), Timespec::default());
        output(&mut fs, &root, hashed).expect("it can be read").digests
    }

    #[test]
    fn what_is_compared_is_the_bytes_and_not_where_the_holes_are() {
        let both = |tree: &str| (digests(tree, whole), digests(tree, placed));
        let (hole, zeros) = (both("/a size=3"), both("/a '\\x00\\x00\\x00'"));
        assert_eq!(hole, zeros);
        for other in ["/a 'b'", "/a 'b' size=9000", "/a size=9000 'b' @8192 'b'"] {
            let (there, same) = (both(other), both(other));
            assert_eq!(there, same);
            assert!(there.0 != hole.0 && there.1 != hole.1, "{other}");
        }
        let far = |at: u64| format!("/a size=9007199254740992 @{at} 'x'");
        let [near, further] = [1 << 40, 1 << 50].map(|at| digests(&far(at), placed));
        assert_ne!(near, further, "and nobody waits for the rest");
    }

    #[test]
    fn odd_names_are_escaped_as_sha256sum_does() {
        assert_eq!(digest_line("00", b"a b"), b"00  ./a b\n");
        assert_eq!(digest_line("00", b"a\\b\nc"), b"\\00  ./a\\\\b\\nc\n");
        assert_eq!(digest_line("00", b"\xff"), b"00  ./\xff\n");
    }
}
