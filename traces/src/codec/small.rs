//! The bodies of PAYLOAD, TREE and NOTE blocks: few numbers, and one string of all bytes.

use super::{CodecError, Extent, Input, Scratch, Span, put, put_bytes};
use crate::record::{NoteKind, NoteRef, PayloadId, PayloadRecordRef, TreeRef};

/// Byte strings one after the other, with a column of lengths.
#[derive(Debug, Default)]
struct Strings {
    lens: Vec<u64>,
    bytes: Vec<u8>,
}

impl Strings {
    fn push(&mut self, bytes: &[u8]) {
        self.lens.push(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    fn finish(&mut self, out: &mut Vec<u8>, scratch: &mut Scratch) {
        scratch.put(out, &self.lens);
        put_bytes(out, &self.bytes);
        self.lens.clear();
        self.bytes.clear();
    }
}

fn take_strings(
    input: &mut Input<'_>,
    count: usize,
    spans: &mut Vec<Span>,
) -> Result<(), CodecError> {
    let mut lens = Vec::new();
    input.take_narrow(count, u64::from(u32::MAX), "string lengths", &mut lens)?;
    let all = input.take_span("strings")?;
    // At most 2^14 lengths below 2^32: the sum fits.
    if lens.iter().sum::<u64>() != u64::from(all.len) {
        return Err(input.error("strings", "are not as long as their lengths say"));
    }
    let mut start = all.start;
    spans.clear();
    for len in lens {
        let len = len as u32;
        spans.push(Span { start, len });
        start += len;
    }
    Ok(())
}

fn check_utf8(input: &Input<'_>, spans: &[Span], what: &'static str) -> Result<(), CodecError> {
    let valid = |span: &Span| core::str::from_utf8(span.of(input.bytes)).is_ok();
    if spans.iter().all(valid) { Ok(()) } else { Err(input.error(what, "is not UTF-8")) }
}

fn text(span: Span, raw: &[u8]) -> &str {
    core::str::from_utf8(span.of(raw)).expect("checked when the block was decoded")
}

/// Collects stored payloads for a block.
#[derive(Debug, Default)]
pub(crate) struct PayloadsBuilder {
    pub(crate) extent: Extent,
    ids: Vec<u8>,
    strings: Strings,
}

impl PayloadsBuilder {
    pub(crate) fn push(&mut self, payload: &PayloadRecordRef<'_>) {
        self.ids.extend_from_slice(&payload.id.0);
        self.strings.push(payload.bytes);
        self.extent.add(0, 0, 20 + payload.bytes.len());
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, scratch: &mut Scratch) {
        put(out, self.extent.count as u32);
        put_bytes(out, &self.ids);
        self.ids.clear();
        self.strings.finish(out, scratch);
        self.extent = Extent::default();
    }
}

/// The stored payloads of a block, decoded.
#[derive(Debug, Default)]
pub(crate) struct PayloadsColumns {
    ids: Span,
    bytes: Vec<Span>,
}

impl PayloadsColumns {
    pub(crate) fn take(&mut self, input: &mut Input<'_>) -> Result<usize, CodecError> {
        let count = input.take_count()?;
        self.ids = input.take_span("payload ids")?;
        if self.ids.len as usize != 16 * count {
            return Err(input.error("payload ids", "are not as many as the block has records"));
        }
        take_strings(input, count, &mut self.bytes)?;
        Ok(count)
    }

    pub(crate) fn get<'a>(&self, raw: &'a [u8], index: usize) -> PayloadRecordRef<'a> {
        let mut id = [0; 16];
        id.copy_from_slice(&self.ids.of(raw)[16 * index..][..16]);
        PayloadRecordRef { id: PayloadId(id), bytes: self.bytes[index].of(raw) }
    }
}

/// Collects trees for a block.
#[derive(Debug, Default)]
pub(crate) struct TreesBuilder {
    pub(crate) extent: Extent,
    seqs: Vec<u64>,
    labels: Strings,
    texts: Strings,
}

impl TreesBuilder {
    pub(crate) fn push(&mut self, tree: &TreeRef<'_>) {
        self.seqs.push(tree.seq);
        self.labels.push(tree.label.as_bytes());
        self.texts.push(tree.text);
        self.extent.add(tree.seq, 0, 16 + tree.label.len() + tree.text.len());
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, scratch: &mut Scratch) {
        put(out, self.extent.count as u32);
        scratch.put(out, &self.seqs);
        self.seqs.clear();
        self.labels.finish(out, scratch);
        self.texts.finish(out, scratch);
        self.extent = Extent::default();
    }
}

/// The trees of a block, decoded.
#[derive(Debug, Default)]
pub(crate) struct TreesColumns {
    seqs: Vec<u64>,
    labels: Vec<Span>,
    texts: Vec<Span>,
}

impl TreesColumns {
    pub(crate) fn take(&mut self, input: &mut Input<'_>) -> Result<usize, CodecError> {
        let count = input.take_count()?;
        input.take_column(count, "seq", &mut self.seqs)?;
        take_strings(input, count, &mut self.labels)?;
        check_utf8(input, &self.labels, "label")?;
        take_strings(input, count, &mut self.texts)?;
        Ok(count)
    }

    pub(crate) fn get<'a>(&self, raw: &'a [u8], index: usize) -> TreeRef<'a> {
        TreeRef {
            seq: self.seqs[index],
            label: text(self.labels[index], raw),
            text: self.texts[index].of(raw),
        }
    }
}

/// Collects notes for a block.
#[derive(Debug, Default)]
pub(crate) struct NotesBuilder {
    pub(crate) extent: Extent,
    seqs: Vec<u64>,
    kinds: Vec<u64>,
    counts: Vec<u64>,
    texts: Strings,
}

impl NotesBuilder {
    pub(crate) fn push(&mut self, note: &NoteRef<'_>) {
        self.seqs.push(note.seq);
        self.kinds.push(u64::from(note.kind.0));
        self.counts.push(note.count);
        self.texts.push(note.text.as_bytes());
        self.extent.add(note.seq, 0, 16 + note.text.len());
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, scratch: &mut Scratch) {
        put(out, self.extent.count as u32);
        for column in [&mut self.seqs, &mut self.kinds, &mut self.counts] {
            scratch.put(out, column);
            column.clear();
        }
        self.texts.finish(out, scratch);
        self.extent = Extent::default();
    }
}

/// The notes of a block, decoded.
#[derive(Debug, Default)]
pub(crate) struct NotesColumns {
    seqs: Vec<u64>,
    kinds: Vec<u64>,
    counts: Vec<u64>,
    texts: Vec<Span>,
}

impl NotesColumns {
    pub(crate) fn take(&mut self, input: &mut Input<'_>) -> Result<usize, CodecError> {
        let count = input.take_count()?;
        input.take_column(count, "seq", &mut self.seqs)?;
        input.take_narrow(count, u64::from(u16::MAX), "kind", &mut self.kinds)?;
        input.take_column(count, "count", &mut self.counts)?;
        take_strings(input, count, &mut self.texts)?;
        check_utf8(input, &self.texts, "text")?;
        Ok(count)
    }

    pub(crate) fn get<'a>(&self, raw: &'a [u8], index: usize) -> NoteRef<'a> {
        NoteRef {
            seq: self.seqs[index],
            kind: NoteKind(self.kinds[index] as u16),
            count: self.counts[index],
            text: text(self.texts[index], raw),
        }
    }
}
