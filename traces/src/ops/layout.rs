//! What a body contains: fields, names, and bytes up to the end.

/// One part of a body.
///
/// ```
/// use fuserig_traces::ops::{OpSpec, Segment};
/// let mkdir = OpSpec::by_name("MKDIR").expect("MKDIR is in the table");
/// assert_eq!(mkdir.request[0].segments.last(), Some(&Segment::Name));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A number.
    Field(Field),
    /// A name that ends with a zero byte. Not empty.
    Name,
    /// A name of an extended attribute: begins with a letter, has a dot, ends with a zero byte.
    Attribute,
    /// Everything up to the end, maybe nothing.
    Rest,
}

/// A number in a body.
///
/// ```
/// use fuserig_traces::ops::{Field, FieldKind};
/// let field = Field { name: "size", width: 4, kind: FieldKind::Decimal };
/// assert_eq!(field.width, 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the protocol, without the prefix.
    pub name: &'static str,
    /// Its bytes: 2, 4 or 8.
    pub width: usize,
    /// What it is.
    pub kind: FieldKind,
}

/// What a field is, which decides how people read it and what snapshots make of it.
///
/// ```
/// use fuserig_traces::ops::FieldKind;
/// assert_ne!(FieldKind::Node, FieldKind::Handle);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A count, a size, an id.
    Decimal,
    /// Bits.
    Hexadecimal,
    /// Permission bits.
    Octal,
    /// A nodeid; snapshots renumber it.
    Node,
    /// A file handle of the daemon; snapshots renumber it.
    Handle,
    /// `unique` of another request; snapshots renumber it.
    Unique,
    /// An owner of locks, a scrambled pointer of the kernel; snapshots renumber it.
    Owner,
    /// Seconds or nanoseconds of a file time; snapshots clear it.
    Time,
}

/// One possible content of a body.
///
/// ```
/// use fuserig_traces::ops::OpSpec;
/// let getattr = OpSpec::by_name("GETATTR").expect("GETATTR is in the table");
/// let parts = getattr.request[0].split(&[0; 16]).expect("struct fuse_getattr_in");
/// assert_eq!(parts.len(), 3);
/// assert!(getattr.request[0].split(&[0; 15]).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Tells the layouts of one body apart; empty for the first.
    pub tag: &'static str,
    /// The parts in order.
    pub segments: &'static [Segment],
}

impl Layout {
    /// The layout of those that a body has, with its parts: one slice a segment, names without
    /// their zero.
    pub fn find<'a>(layouts: &'static [Layout], body: &'a [u8]) -> Option<(Layout, Vec<&'a [u8]>)> {
        layouts.iter().find_map(|layout| Some((*layout, layout.split(body)?)))
    }

    /// The parts of a body, or `None` if it does not have this layout.
    pub fn split<'a>(&self, body: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        let mut rest = body;
        let mut parts = Vec::with_capacity(self.segments.len());
        for segment in self.segments {
            let part = match segment {
                Segment::Field(field) => rest.split_off(..field.width)?,
                Segment::Name => split_name(&mut rest)?,
                // SETXATTR grew by 8 bytes before the name; a name's looks tell the two apart.
                Segment::Attribute => split_name(&mut rest)
                    .filter(|name| name[0].is_ascii_alphabetic() && name.contains(&b'.'))?,
                Segment::Rest => core::mem::take(&mut rest),
            };
            parts.push(part);
        }
        rest.is_empty().then_some(parts)
    }

    /// Whether there are fields, which text puts in braces.
    pub fn has_fields(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Field(_)))
    }
}

/// Splits off a name that is not empty, and its zero.
fn split_name<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|&byte| byte == 0).filter(|&end| end > 0)?;
    let name = rest.split_off(..end)?;
    rest.split_off(..1)?;
    Some(name)
}

/// A little-endian number of at most 8 bytes.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
