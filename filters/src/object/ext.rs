//! `.BTF.ext`: source lines and CO-RE relocations by section.

use std::collections::BTreeMap;

use super::error::{LoadError, damaged};
use fuserig_abi::btf::{Btf, Name, TypeId};

/// The section's name.
pub(super) const EXT: &str = ".BTF.ext";

/// What `.BTF.ext` says, by section; offsets count bytes from the start of the section.
#[derive(Default)]
pub(super) struct Ext {
    pub(super) lines: BTreeMap<String, Vec<LineRecord>>,
    pub(super) relocations: BTreeMap<String, Vec<CoreRecord>>,
}

/// One line_info record.
#[derive(Clone, Copy)]
pub(super) struct LineRecord {
    pub(super) offset: u32,
    pub(super) file: Name,
    pub(super) text: Name,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// One core_relo record.
#[derive(Clone, Copy)]
pub(super) struct CoreRecord {
    pub(super) offset: u32,
    pub(super) root: TypeId,
    pub(super) access: Name,
    pub(super) kind: u32,
}

/// Reads the section; the names in it are those of `btf`.
pub(super) fn read(bytes: &[u8], btf: &Btf) -> Result<Ext, LoadError> {
    let word = |at: usize| words(bytes, at, 1).map(|words| words[0]);
    let magic = word(0)?;
    if magic & 0xffff != 0xeb9f || magic >> 16 & 0xff != 1 {
        return Err(damaged(EXT, "the magic or version is not that of BTF 1"));
    }
    let header_len = word(4)? as usize;
    if header_len < 24 {
        return Err(damaged(EXT, format!("a header of {header_len} bytes is too short")));
    }
    let mut ext = Ext::default();
    for record in records(bytes, header_len, 16, btf)? {
        let Record { section, at, len } = record;
        let words = words(bytes, at, len / 4)?;
        ext.lines.entry(section).or_default().push(LineRecord {
            offset: words[0],
            file: Name(words[1]),
            text: Name(words[2]),
            line: words[3] >> 10,
            column: words[3] & 0x3ff,
        });
    }
    if header_len >= 32 {
        for record in records(bytes, header_len, 24, btf)? {
            let Record { section, at, len } = record;
            let words = words(bytes, at, len / 4)?;
            ext.relocations.entry(section).or_default().push(CoreRecord {
                offset: words[0],
                root: TypeId(words[1]),
                access: Name(words[2]),
                kind: words[3],
            });
        }
    }
    for lines in ext.lines.values_mut() {
        lines.sort_by_key(|line| line.offset);
    }
    Ok(ext)
}

/// Where one record is.
struct Record {
    section: String,
    at: usize,
    len: usize,
}

/// All records of the subsection whose offset and length stand at `field` of the header. Both kinds
/// that are read have four words; newer compilers may append more.
fn records(
    bytes: &[u8],
    header_len: usize,
    field: usize,
    btf: &Btf,
) -> Result<Vec<Record>, LoadError> {
    let head = words(bytes, field, 2)?;
    let (start, len) = (header_len.saturating_add(head[0] as usize), head[1] as usize);
    let mut found = Vec::new();
    if len == 0 {
        return Ok(found);
    }
    let end = start.saturating_add(len);
    let Some(bytes) = bytes.get(..end) else {
        return Err(damaged(
            EXT,
            format!("byte {field}: a part ends at {end}, behind the section"),
        ));
    };
    let record_len = words(bytes, start, 1)?[0] as usize;
    if record_len < 16 || !record_len.is_multiple_of(4) || record_len > 1024 {
        return Err(damaged(EXT, format!("byte {start}: records of {record_len} bytes")));
    }
    let mut at = start + 4;
    while at < end {
        let head = words(bytes, at, 2)?;
        let section = btf.str(Name(head[0])).to_owned();
        at += 8;
        let total = (head[1] as usize).saturating_mul(record_len);
        if total > end - at {
            return Err(damaged(EXT, format!("byte {at}: the records of {section} are cut")));
        }
        for index in 0..head[1] as usize {
            let at = at + index * record_len;
            found.push(Record { section: section.clone(), at, len: record_len });
        }
        at += total;
    }
    Ok(found)
}

fn words(bytes: &[u8], at: usize, count: usize) -> Result<Vec<u32>, LoadError> {
    let slice = bytes.get(at..at.saturating_add(count * 4));
    let slice = slice.ok_or_else(|| damaged(EXT, format!("byte {at}: the section ends here")))?;
    let (chunks, _) = slice.as_chunks::<4>();
    Ok(chunks.iter().map(|word| u32::from_le_bytes(*word)).collect())
}
