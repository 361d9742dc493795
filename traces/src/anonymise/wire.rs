//! FUSE messages: each part of a body by the layout that its operation has.

use super::{AnonymiseError, Mapper};
use crate::MAX_RECORD_BYTES;
use crate::ops::{Field, FieldKind, Layout, OpSpec, Segment};
use crate::record::{OpFlags, OpRecord, Payload, PayloadDigest, PayloadId};

/// `struct fuse_dirent` before the name.
const DIRENT: usize = 24;
/// `struct fuse_entry_out`, in front of each record of READDIRPLUS.
const ENTRY: usize = 128;

/// An operation as it may be shown.
pub(super) fn op(mapper: &mut Mapper, op: &OpRecord) -> Result<OpRecord, AnonymiseError> {
    let seq = op.seq_send;
    if op.flags.contains(OpFlags::PREFILTER) || op.flags.contains(OpFlags::POSTFILTER) {
        return Err(AnonymiseError::FilterRequest { seq });
    }
    let spec = OpSpec::by_number(op.opcode)
        .ok_or(AnonymiseError::UnknownOperation { seq, opcode: op.opcode })?;
    let mut work = Work { mapper: &mut *mapper, op, spec };
    let (request, reply) = (work.request()?, work.reply()?);
    let payload = payload(mapper, seq, &op.payload)?;
    Ok(OpRecord {
        uid: mapper.id(op.uid),
        gid: mapper.id(op.gid),
        pid: mapper.client(op.pid),
        request,
        reply,
        payload,
        ..op.clone()
    })
}

/// Zeros of the same length, in the same form.
fn payload(mapper: &mut Mapper, seq: u64, data: &Payload) -> Result<Payload, AnonymiseError> {
    Ok(match data {
        Payload::None => Payload::None,
        Payload::Len(len) => Payload::Len(*len),
        Payload::Inline(bytes) => Payload::Inline(mapper.data(bytes)),
        Payload::Ref { len, .. } => {
            let zeros = zeros(seq, *len)?;
            Payload::Ref { len: *len, id: PayloadId::of(&mapper.data(&zeros)) }
        }
        Payload::Digest { len, .. } => {
            let zeros = zeros(seq, *len)?;
            Payload::Digest { len: *len, digest: PayloadDigest::of(&mapper.data(&zeros)) }
        }
    })
}

/// So many zeros, if a message can hold them.
fn zeros(seq: u64, len: u64) -> Result<Vec<u8>, AnonymiseError> {
    match usize::try_from(len) {
        Ok(length) if length <= MAX_RECORD_BYTES => Ok(vec![0; length]),
        _ => Err(AnonymiseError::TooLong { seq, bytes: len }),
    }
}

struct Work<'a> {
    mapper: &'a mut Mapper,
    op: &'a OpRecord,
    spec: &'static OpSpec,
}

impl Work<'_> {
    fn unknown(&self, side: &'static str) -> AnonymiseError {
        let (seq, operation) = (self.op.seq_send, self.spec.name);
        AnonymiseError::UnknownLayout { seq, operation, side }
    }

    fn request(&mut self) -> Result<Vec<u8>, AnonymiseError> {
        let op = self.op;
        let body = &op.request;
        match Layout::find(self.spec.request, body) {
            Some((layout, parts)) => Ok(self.parts(layout, &parts)),
            None if body.is_empty() => Ok(Vec::new()),
            None if self.op.flags.contains(OpFlags::TRUNCATED) => Ok(Vec::new()),
            None => Err(self.unknown("request")),
        }
    }

    fn reply(&mut self) -> Result<Vec<u8>, AnonymiseError> {
        let op = self.op;
        let body = &op.reply;
        if body.is_empty() {
            return Ok(Vec::new());
        }
        let special = match self.spec.name {
            "READLINK" => Some(self.mapper.path(body)),
            "READDIR" => self.records(0),
            "READDIRPLUS" => self.records(ENTRY),
            "GETXATTR" if self.asks_for_bytes() => {
                let name = self.attribute_name().unwrap_or_default();
                Some(self.mapper.attribute_value(&name, body))
            }
            "LISTXATTR" if self.asks_for_bytes() => Some(self.mapper.attributes(body)),
            // The length alone.
            "GETXATTR" | "LISTXATTR" => (body.len() == 8).then(|| body.clone()),
            _ => Layout::find(self.spec.reply, body)
                .map(|(layout, parts)| self.parts(layout, &parts)),
        };
        match special {
            Some(made) => Ok(made),
            None if self.op.flags.contains(OpFlags::TRUNCATED) => Ok(Vec::new()),
            None => Err(self.unknown("reply")),
        }
    }

    /// Whether the size in front of a request for attributes is not 0.
    fn asks_for_bytes(&self) -> bool {
        self.op.request.get(..4).is_some_and(|size| size != [0; 4])
    }

    /// The name that a request for an attribute ends with.
    fn attribute_name(&self) -> Option<Vec<u8>> {
        let (layout, parts) = Layout::find(self.spec.request, &self.op.request)?;
        let at = layout.segments.iter().position(|part| *part == Segment::Attribute)?;
        parts.get(at).map(|name| name.to_vec())
    }

    fn parts(&mut self, layout: Layout, parts: &[&[u8]]) -> Vec<u8> {
        let mut made = Vec::new();
        let mut names = 0;
        let mut attribute = Vec::new();
        for (segment, part) in layout.segments.iter().zip(parts) {
            match segment {
                Segment::Field(field) => made.extend(self.field(*field, part)),
                Segment::Name => {
                    names += 1;
                    // The second name of a symlink is its target.
                    let target = self.spec.name == "SYMLINK" && names == 2;
                    let name = match target {
                        true => self.mapper.path(part),
                        false => self.mapper.component(part),
                    };
                    made.extend(name);
                    made.push(0);
                }
                Segment::Attribute => {
                    attribute = part.to_vec();
                    made.extend(self.mapper.attribute(part));
                    made.push(0);
                }
                Segment::Rest => made.extend(self.rest(&attribute, part)),
            }
        }
        made
    }

    fn field(&mut self, field: Field, part: &[u8]) -> Vec<u8> {
        let mut bytes = [0; 8];
        bytes[..part.len()].copy_from_slice(part);
        let number = u64::from_le_bytes(bytes);
        let made = match (field.name, field.kind) {
            ("uid" | "gid", _) => u64::from(self.mapper.id(number as u32)),
            ("pid", _) => u64::from(self.mapper.client(number as u32)),
            (_, FieldKind::Time) if field.width == 8 => self.mapper.seconds(number as i64) as u64,
            _ => number,
        };
        made.to_le_bytes()[..part.len()].to_vec()
    }

    /// Everything up to the end, by the operation.
    fn rest(&mut self, attribute: &[u8], part: &[u8]) -> Vec<u8> {
        match self.spec.name {
            "SETXATTR" => self.mapper.attribute_value(attribute, part),
            // Numbers of nodes, and what INIT will grow by.
            "BATCH_FORGET" | "REMOVEMAPPING" | "INIT" => part.to_vec(),
            "STATX" => self.statx_times(part),
            _ => self.mapper.data(part),
        }
    }

    /// Four times of 16 bytes each, seconds first, then devices.
    fn statx_times(&mut self, part: &[u8]) -> Vec<u8> {
        let mut made = part.to_vec();
        for time in made.chunks_exact_mut(16).take(4) {
            let seconds = i64::from_le_bytes(time[..8].try_into().expect("eight of sixteen"));
            time[..8].copy_from_slice(&self.mapper.seconds(seconds).to_le_bytes());
        }
        made
    }

    /// Records of a directory, each behind `front` bytes of an entry. None when they do not fit.
    fn records(&mut self, front: usize) -> Option<Vec<u8>> {
        let op = self.op;
        let mut made = Vec::with_capacity(op.reply.len());
        let mut rest = &op.reply[..];
        while !rest.is_empty() {
            let head = rest.get(..front + DIRENT)?;
            let length: [u8; 4] = head[front + 16..front + 20].try_into().ok()?;
            let length = u32::from_le_bytes(length) as usize;
            let size = (front + DIRENT).checked_add(length)?;
            let name = rest.get(front + DIRENT..size)?;
            let whole = size.checked_next_multiple_of(8)?.min(rest.len());
            let padding = whole - size;
            if front > 0 {
                let (layout, parts) = entry(&head[..front])?;
                made.extend(self.parts(layout, &parts));
            }
            made.extend_from_slice(&head[front..]);
            made.extend(self.mapper.component(name));
            made.extend(vec![0; padding]);
            rest = &rest[whole..];
        }
        Some(made)
    }
}

/// `struct fuse_entry_out`, which the reply of LOOKUP describes.
fn entry(bytes: &[u8]) -> Option<(Layout, Vec<&[u8]>)> {
    Layout::find(OpSpec::by_name("LOOKUP")?.reply, bytes)
}
