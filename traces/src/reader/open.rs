//! The beginning of a file: magic, version, header.

use std::io::Read;

use super::block::Columns;
use super::window::Window;
use super::{DamageKind, DamageReport, ReadOptions, TraceReader};
use crate::codec::{PRELUDE_LEN, Prelude};
use crate::compress::Decompressor;
use crate::format::{ALIGN, HEADER_LEN_MAX, MAGIC};
use crate::{FormatVersion, Header, TraceError};

/// Beginnings that a transfer in text mode makes of the magic, and how much of it survives.
const TEXT_MODE: &[(&[u8], u64)] = &[
    (b"\x89FRT\n\x1a", 4),
    (b"\x89FRT\r\n\x1a\r\n", 7),
    (b"\x89FRT\r\r\n", 5),
    (b"\x09FRT\r\n", 0),
    (b"\x09FRT\n", 0),
    (b"\xc2\x89FRT", 0),
    (b"\xef\xbf\xbdFRT", 0),
];

impl<R: Read> TraceReader<R> {
    /// Reads the beginning of a trace.
    ///
    /// # Errors
    /// When the input is no trace, is of an unknown version, or has an unreadable header.
    pub fn open(input: R) -> Result<TraceReader<R>, TraceError> {
        TraceReader::open_with(input, ReadOptions::default())
    }

    /// Reads the beginning of a trace, as `options` say.
    ///
    /// # Errors
    /// As for [`TraceReader::open`], but an unreadable header is only one if it is needed.
    pub fn open_with(input: R, options: ReadOptions) -> Result<TraceReader<R>, TraceError> {
        let mut window = Window::new(input);
        let mut damage = DamageReport::default();
        let (version, header) = match read_header(&mut window) {
            Ok(start) => start,
            Err(error) if !options.without_header => return Err(error),
            Err(error @ (TraceError::UnknownVersion { .. } | TraceError::Io { .. })) => {
                return Err(error);
            }
            Err(_unreadable) => {
                damage.add(0, 0, DamageKind::Header);
                (FormatVersion::CURRENT, Header::default())
            }
        };
        let decompressor =
            Decompressor::new().map_err(|source| TraceError::Io { offset: 0, source })?;
        Ok(TraceReader {
            window,
            limits: options.limits,
            version,
            header,
            decompressor,
            raw: Vec::new(),
            columns: Columns::default(),
            damage,
            footer: None,
            ended: false,
            searched: 0,
            records: 0,
            skipped_blocks: 0,
            index: Vec::new(),
            seen: Vec::new(),
            keep_index: false,
        })
    }
}

/// Reads magic, version and header, and moves past them. Consumes nothing on failure, so that a
/// reader without a header can look for blocks from there.
fn read_header<R: Read>(window: &mut Window<R>) -> Result<(FormatVersion, Header), TraceError> {
    let io = |source| TraceError::Io { offset: 0, source };
    let damaged = |why| TraceError::HeaderDamaged { offset: PRELUDE_LEN as u64, why };
    let whole = window.fill(PRELUDE_LEN).map_err(io)?;
    check_magic(window.bytes())?;
    let Some(prelude) = Prelude::parse(window.bytes()).filter(|_| whole) else {
        return Err(damaged("is cut"));
    };
    let version = FormatVersion { major: prelude.major, minor: prelude.minor };
    if !version.readable() {
        return Err(TraceError::UnknownVersion { found: version });
    }
    if prelude.header_len > HEADER_LEN_MAX {
        return Err(damaged("is longer than a header can be"));
    }
    let end = PRELUDE_LEN + prelude.header_len as usize;
    if !window.fill(end + 4).map_err(io)? {
        return Err(damaged("is cut"));
    }
    let bytes = window.bytes();
    if crc32c::crc32c(&bytes[..end]).to_le_bytes() != bytes[end..end + 4] {
        return Err(damaged("does not match its checksum"));
    }
    let json = core::str::from_utf8(&bytes[PRELUDE_LEN..end])
        .map_err(|_not_utf8| damaged("is not UTF-8"))?;
    let header = Header::from_json(json)
        .map_err(|source| TraceError::HeaderJson { offset: PRELUDE_LEN as u64, source })?;
    let padded = (end + 4).next_multiple_of(ALIGN as usize);
    window.fill(padded).map_err(io)?;
    let zeros = window.bytes().iter().take(padded).skip(end + 4).take_while(|&&byte| byte == 0);
    let zeros = zeros.count();
    window.consume(end + 4 + zeros);
    Ok((version, header))
}

fn check_magic(bytes: &[u8]) -> Result<(), TraceError> {
    if bytes.starts_with(&MAGIC) {
        return Ok(());
    }
    if let Some((_, offset)) = TEXT_MODE.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Err(TraceError::TextMode { offset: *offset });
    }
    let same = bytes.iter().zip(&MAGIC).take_while(|(byte, magic)| byte == magic).count();
    Err(TraceError::NotATrace { offset: same as u64 })
}
