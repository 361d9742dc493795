//! One line of tree text as a value.

use fuserig_abi::{Device, FileKind, Gid, Timespec, Uid};

use super::{
    error::TreeProblem,
    lex::{Cursor, Spot},
};

/// A line that says something, before anything is done about it. Columns are kept for what can
/// still be refused later.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// The components; none for the root.
    pub(super) path: Vec<Vec<u8>>,
    pub(super) path_is_directory: bool,
    pub(super) kind: Option<Kind>,
    pub(super) mode: Option<u32>,
    pub(super) uid: Option<Uid>,
    pub(super) gid: Option<Gid>,
    pub(super) mtime: Option<Timespec>,
    pub(super) size: Option<u64>,
    pub(super) xattrs: Vec<(usize, Vec<u8>, Vec<u8>)>,
    /// Column, offset and bytes.
    pub(super) data: Vec<(usize, u64, Vec<u8>)>,
    /// Column, offset and length.
    pub(super) reserved: Vec<(usize, u64, u64)>,
}

/// What a line says that its node is, beyond being a file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Symlink(Vec<u8>),
    HardLink(usize, Vec<Vec<u8>>),
    Special(FileKind, Device),
}

impl Kind {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Kind::Symlink(_) => "a symbolic link",
            Kind::HardLink(..) => "a hard link",
            Kind::Special(FileKind::Fifo, _) => "a fifo",
            Kind::Special(FileKind::Socket, _) => "a socket",
            Kind::Special(..) => "a device",
        }
    }
}

/// Reads one line; `None` for one that is empty or a comment.
pub(super) fn parse(text: &str) -> Result<Option<Line>, Spot> {
    let mut cursor = Cursor::new(text);
    cursor.skip_spaces();
    if matches!(cursor.peek(), None | Some(b'#')) {
        return Ok(None);
    }
    let mut line = Line::default();
    (line.path, line.path_is_directory) = parse_path(&mut cursor)?;
    let mut offset = 0;
    loop {
        cursor.skip_spaces();
        let column = cursor.column();
        match cursor.peek() {
            None => break,
            Some(b'\'') => {
                cursor.take(b'\'');
                let bytes = cursor.quoted()?;
                let next = offset + bytes.len() as u64;
                line.data.push((column, offset, bytes));
                offset = next;
            }
            Some(b'@') => {
                cursor.take(b'@');
                offset = number(cursor.word()).ok_or((
                    column,
                    TreeProblem::Number("an offset", "a decimal number below 2^63"),
                ))?;
            }
            Some(_) => parse_word(&mut cursor, &mut line)?,
        }
    }
    check_conflicts(&line).map_err(|problem| (1, problem))?;
    Ok(Some(line))
}

fn parse_path(cursor: &mut Cursor<'_>) -> Result<(Vec<Vec<u8>>, bool), Spot> {
    let column = cursor.column();
    if cursor.peek() != Some(b'/') {
        return Err((column, TreeProblem::NotAPath));
    }
    let mut components: Vec<Vec<u8>> = Vec::new();
    while cursor.take(b'/') {
        components.push(cursor.bare(Some(b'/'))?);
    }
    let is_directory = components.last().is_some_and(|last| last.is_empty());
    if is_directory {
        components.pop();
    }
    let bad = |name: &Vec<u8>| {
        matches!(name.as_slice(), b"" | b"." | b"..") || name.contains(&0) || name.contains(&b'/')
    };
    if components.iter().any(bad) {
        return Err((column, TreeProblem::BadComponent));
    }
    Ok((components, is_directory))
}

/// A word that is neither contents nor an offset.
fn parse_word(cursor: &mut Cursor<'_>, line: &mut Line) -> Result<(), Spot> {
    let column = cursor.column();
    let mut ahead = cursor.clone();
    let word = ahead.word();
    let kind = match word {
        "->" => {
            *cursor = ahead;
            cursor.skip_spaces();
            let quoted = cursor.take(b'\'');
            let target = if quoted { cursor.quoted()? } else { cursor.bare(None)? };
            if target.is_empty() {
                return Err((column, TreeProblem::Missing("the target", "->")));
            }
            Kind::Symlink(target)
        }
        "=" => {
            *cursor = ahead;
            cursor.skip_spaces();
            let path_column = cursor.column();
            if cursor.peek().is_none() {
                return Err((column, TreeProblem::Missing("the other path", "=")));
            }
            Kind::HardLink(path_column, parse_path(cursor)?.0)
        }
        "c" | "b" => {
            *cursor = ahead;
            cursor.skip_spaces();
            let kind = if word == "c" { FileKind::CharDevice } else { FileKind::BlockDevice };
            let device = device(cursor.word());
            let missing = TreeProblem::Missing("MAJOR:MINOR", "c or b");
            Kind::Special(kind, device.ok_or((column, missing))?)
        }
        "p" | "s" => {
            *cursor = ahead;
            let kind = if word == "p" { FileKind::Fifo } else { FileKind::Socket };
            Kind::Special(kind, Device::default())
        }
        _ => return parse_attribute(cursor, line),
    };
    match line.kind.replace(kind) {
        None => Ok(()),
        Some(before) => {
            let after = line.kind.as_ref().map_or("", Kind::name);
            Err((column, TreeProblem::Conflict(before.name(), after)))
        }
    }
}

fn parse_attribute(cursor: &mut Cursor<'_>, line: &mut Line) -> Result<(), Spot> {
    let column = cursor.column();
    let name = cursor.bare(Some(b'='))?;
    if !cursor.take(b'=') {
        return Err((column, TreeProblem::Unexpected(lossy(&name))));
    }
    if let Some(xattr) = name.strip_prefix(b"xattr.") {
        let value = if cursor.take(b'\'') { cursor.quoted()? } else { cursor.bare(None)? };
        line.xattrs.push((column, xattr.to_vec(), value));
        return Ok(());
    }
    let value = cursor.word();
    let id = || value.parse::<u32>().ok();
    let wrong = |name, expected| (column, TreeProblem::Number(name, expected));
    match name.as_slice() {
        b"mode" => {
            let mode = u32::from_str_radix(value, 8).ok().filter(|mode| *mode <= 0o7777);
            line.mode = Some(mode.ok_or(wrong("mode", "an octal number up to 7777"))?);
        }
        b"uid" => line.uid = Some(Uid(id().ok_or(wrong("uid", "a decimal number"))?)),
        b"gid" => line.gid = Some(Gid(id().ok_or(wrong("gid", "a decimal number"))?)),
        b"mtime" => {
            let expected = "seconds, with at most nine digits behind a point";
            line.mtime = Some(timespec(value).ok_or(wrong("mtime", expected))?);
        }
        b"size" => {
            let expected = "a decimal number below 2^63";
            line.size = Some(number(value).ok_or(wrong("size", expected))?);
        }
        b"alloc" => {
            let range = value.split_once('+');
            let range = range.and_then(|(at, len)| Some((number(at)?, number(len)?)));
            let (offset, length) = range.ok_or(wrong("alloc", "OFFSET+LENGTH"))?;
            line.reserved.push((column, offset, length));
        }
        _ => return Err((column, TreeProblem::UnknownAttribute(lossy(&name)))),
    }
    Ok(())
}

fn check_conflicts(line: &Line) -> Result<(), TreeProblem> {
    let has_contents = !line.data.is_empty() || !line.reserved.is_empty() || line.size.is_some();
    let has_attributes = line.mode.is_some()
        || line.uid.is_some()
        || line.gid.is_some()
        || line.mtime.is_some()
        || !line.xattrs.is_empty();
    match &line.kind {
        Some(kind) if line.path_is_directory => {
            Err(TreeProblem::Conflict("a directory", kind.name()))
        }
        None if line.path_is_directory && has_contents => {
            Err(TreeProblem::Conflict("a directory", "a file"))
        }
        Some(kind) if has_contents => Err(TreeProblem::Conflict(kind.name(), "a file")),
        Some(Kind::HardLink(..)) if has_attributes => {
            Err(TreeProblem::Conflict("a hard link", "a node with attributes of its own"))
        }
        Some(_) | None => Ok(()),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| *number <= i64::MAX as u64)
}

fn device(text: &str) -> Option<Device> {
    let (major, minor) = text.split_once(':')?;
    let device = Device { major: major.parse().ok()?, minor: minor.parse().ok()? };
    // A number that the kernel's 32-bit form cannot hold would come back as another one.
    (Device::decode(device.encode()) == device).then_some(device)
}

fn timespec(text: &str) -> Option<Timespec> {
    let (sec, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nsec = format!("{fraction:0<9}").parse().ok()?;
    Some(Timespec { sec: sec.parse().ok()?, nsec })
}
