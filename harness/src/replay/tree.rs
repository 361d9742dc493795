//! The final tree of a replay in the form of the captures: rows and digests.

use fuserig_abi::{Caller, Errno, FileKind, Ino, Stat};
use fuserig_sim_fs::{Lower, LowerExt, OpenFlags};
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
            let digest = digest(lower, caller, file.stat.ino)?;
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

fn digest(lower: &mut dyn Lower, caller: &Caller, node: Ino) -> Result<String, Errno> {
    const PIECE: u32 = 1 << 20;
    let fh = lower.open(caller, node, OpenFlags::NOATIME)?;
    let mut hasher = Sha256::new();
    let mut offset = 0;
    loop {
        let data = lower.read(caller, fh, offset, PIECE)?;
        if data.is_empty() {
            break;
        }
        offset += data.len() as u64;
        hasher.update(&data);
    }
    lower.release(caller, fh)?;
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::digest_line;

    #[test]
    fn odd_names_are_escaped_as_sha256sum_does() {
        assert_eq!(digest_line("00", b"a b"), b"00  ./a b\n");
        assert_eq!(digest_line("00", b"a\\b\nc"), b"\\00  ./a\\\\b\\nc\n");
        assert_eq!(digest_line("00", b"\xff"), b"00  ./\xff\n");
    }
}
