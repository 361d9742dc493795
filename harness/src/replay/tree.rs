//! The final tree of a replay in the form of the captures: rows and digests.

use fuserig_abi::{Caller, Errno, FileKind, Ino, Stat};
use fuserig_sim_fs::{Lower, LowerExt, OpenFlags};
use sha2::{Digest, Sha256};

/// A tree as text.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TreeOutput {
    /// One row a file, sorted by path: path, type letter, mode, uid, gid, nlink, size, target,
    /// separated by tabs.
    pub rows: String,
    /// One line a regular file, sorted by path: SHA-256 and `./path`, as sha256sum prints them.
    pub digests: String,
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
        let path = shown(&file.path);
        let target = shown(&file.target);
        output.rows.push_str(&format!(
            "{path}\t{}\t{:o}\t{}\t{}\t{}\t{}\t{target}\n",
            letter(file.stat.kind),
            file.stat.permissions,
            file.stat.uid,
            file.stat.gid,
            file.stat.nlink,
            file.stat.size,
        ));
        if file.stat.kind == FileKind::Regular {
            let digest = digest(lower, caller, file.stat.ino)?;
            output.digests.push_str(&digest_line(&digest, &path));
        }
    }
    Ok(output)
}

/// As GNU sha256sum writes it: a backslash at the start says that the name is escaped.
fn digest_line(digest: &str, path: &str) -> String {
    if !path.contains(['\\', '\n', '\r']) {
        return format!("{digest}  ./{path}\n");
    }
    let path = path.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    format!("\\{digest}  ./{path}\n")
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

/// Paths as text; what is not UTF-8 is shown, not kept.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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
        assert_eq!(digest_line("00", "a b"), "00  ./a b\n");
        assert_eq!(digest_line("00", "a\\b\nc"), "\\00  ./a\\\\b\\nc\n");
    }
}
