//! Opening a log that may be compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What the first bytes of other files say, and what to do about it.
const OTHERS: [(&[u8], &str); 6] = [
    (&[0x1f, 0x8b], "compressed with gzip: unpack it first, or pack it with zstd"),
    (b"\xfd7zXZ\0", "compressed with xz: unpack it first, or pack it with zstd"),
    (b"BZh", "compressed with bzip2: unpack it first, or pack it with zstd"),
    (&[0x04, 0x22, 0x4d, 0x18], "compressed with lz4: unpack it first, or pack it with zstd"),
    (&[0xff, 0xfe], "UTF-16: save it as UTF-8"),
    (&[0xfe, 0xff], "UTF-16: save it as UTF-8"),
];
/// Enough for long lines to come in few pieces.
const BUFFER_BYTES: usize = 256 << 10;

/// Opens a log, plain or compressed with zstd; its first bytes decide, not its name.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("log");
/// std::fs::write(&path, "close(3) = 0\n")?;
/// let mut text = String::new();
/// std::io::Read::read_to_string(&mut fuserig_traces::import::open_log(&path)?, &mut text)?;
/// assert_eq!(text, "close(3) = 0\n");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// When the file cannot be opened or read, or is compressed in another way.
pub fn open_log(path: &Path) -> io::Result<Box<dyn BufRead>> {
    open_log_from(BufReader::with_capacity(BUFFER_BYTES, File::open(path)?))
}

/// The same for a log that is open already, such as one whose reading is watched.
///
/// ```
/// let mut text = String::new();
/// let log = &b"close(3) = 0\n"[..];
/// std::io::Read::read_to_string(&mut fuserig_traces::import::open_log_from(log)?, &mut text)?;
/// assert_eq!(text, "close(3) = 0\n");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// When the log cannot be read, or is compressed in another way.
pub fn open_log_from<'a>(mut plain: impl BufRead + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let head = plain.fill_buf()?;
    if let Some((_, hint)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the log is {hint}")));
    }
    if !head.starts_with(&ZSTD_MAGIC) {
        return Ok(Box::new(plain));
    }
    let unpacked = crate::compress::unpack(plain)?;
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked)))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::open_log;

    fn check(content: &[u8], expected: Option<&str>) {
        let dir = tempfile::tempdir().expect("a directory for temporary files");
        let path = dir.path().join("log");
        std::fs::write(&path, content).expect("the directory is writable");
        let mut text = String::new();
        let read = open_log(&path).and_then(|mut log| log.read_to_string(&mut text));
        assert_eq!(read.ok().map(|_| &text[..]), expected);
    }

    #[test]
    fn the_first_bytes_decide_how_a_log_is_read() {
        let packed = zstd::encode_all(&b"close(3) = 0\n"[..], 1).expect("packing in memory works");
        check(b"close(3) = 0\n", Some("close(3) = 0\n"));
        check(&packed, Some("close(3) = 0\n"));
        for (magic, hint) in super::OTHERS {
            check(magic, None);
            let error = super::open_log_from(magic).err().expect("it is not read").to_string();
            assert!(error.contains(hint), "{error}");
        }
        check(b"", Some(""));
        check(&packed[..packed.len() - 3], None);
    }
}
