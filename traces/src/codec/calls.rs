//! The body of a CALLS block.
//!
//! Arguments and outputs of all calls stand one after the other: a tag each, the numbers and the
//! lengths in columns of their own, all bytes in one string.

use super::{
    CodecError, Extent, Input, Scratch, Span, gap, put, put_bytes, ungap, unzigzag, zigzag,
};
use crate::calls::{CallNr, OutField};
use crate::record::{CallFlags, CallRef, Outs, ValueRef, Values};

/// What a call takes in a block besides its values.
const CALL_BYTES: usize = 20;

const TAG_INT: u8 = 0;
const TAG_UINT: u8 = 1;
const TAG_BYTES: u8 = 2;

const NUMBERS: [(&str, u64); 12] = [
    ("seq_send", u64::MAX),
    ("seq_reply", u64::MAX),
    ("time_ns", u64::MAX),
    ("duration_ns", u64::MAX),
    ("client", u32::MAX as u64),
    ("nr", u16::MAX as u64),
    ("flags", u16::MAX as u64),
    ("result", u64::MAX),
    ("errno", u16::MAX as u64),
    ("source_line", u64::MAX),
    ("argument counts", u32::MAX as u64),
    ("output counts", u32::MAX as u64),
];

/// Collects calls for a block.
#[derive(Debug, Default)]
pub(crate) struct CallsBuilder {
    pub(crate) extent: Extent,
    numbers: [Vec<u64>; NUMBERS.len()],
    fields: Vec<u64>,
    tags: Vec<u8>,
    ints: Vec<u64>,
    uints: Vec<u64>,
    lens: Vec<u64>,
    bytes: Vec<u8>,
}

impl CallsBuilder {
    pub(crate) fn push(&mut self, call: &CallRef<'_>) {
        let numbers = [
            call.seq_send,
            gap(call.seq_send, call.seq_reply),
            call.time_ns,
            call.duration_ns,
            u64::from(call.client),
            u64::from(call.nr.0),
            u64::from(call.flags.0),
            zigzag(call.result),
            u64::from(call.errno),
            call.source_line,
            call.args.len() as u64,
            call.out.len() as u64,
        ];
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
        let mut bytes = CALL_BYTES;
        for value in call.args.iter() {
            bytes += self.push_value(value);
        }
        for (field, value) in call.out.iter() {
            self.fields.push(u64::from(field.0));
            bytes += 1 + self.push_value(value);
        }
        self.extent.add(call.seq_send, call.time_ns, bytes);
    }

    fn push_value(&mut self, value: ValueRef<'_>) -> usize {
        match value {
            ValueRef::Int(number) => {
                self.tags.push(TAG_INT);
                self.ints.push(zigzag(number));
                4
            }
            ValueRef::UInt(number) => {
                self.tags.push(TAG_UINT);
                self.uints.push(number);
                4
            }
            ValueRef::Bytes(bytes) => {
                self.tags.push(TAG_BYTES);
                self.lens.push(bytes.len() as u64);
                self.bytes.extend_from_slice(bytes);
                2 + bytes.len()
            }
        }
    }

    /// Appends the block's body and starts over.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, scratch: &mut Scratch) {
        put(out, self.extent.count as u32);
        for column in &mut self.numbers {
            scratch.put(out, column);
            column.clear();
        }
        put_bytes(out, &self.tags);
        self.tags.clear();
        for column in [&mut self.fields, &mut self.ints, &mut self.uints, &mut self.lens] {
            scratch.put(out, column);
            column.clear();
        }
        put_bytes(out, &self.bytes);
        self.bytes.clear();
        self.extent = Extent::default();
    }
}

/// The calls of a block, decoded.
#[derive(Debug, Default)]
pub(crate) struct CallsColumns {
    numbers: [Vec<u64>; NUMBERS.len()],
    tags: Span,
    fields: Vec<u64>,
    ints: Vec<u64>,
    uints: Vec<u64>,
    lens: Vec<u64>,
    bytes: Span,
}

/// The values of a block's calls, in the order of the calls.
#[derive(Debug, Default)]
pub(crate) struct CallValues<'a> {
    args: Vec<ValueRef<'a>>,
    outs: Vec<(OutField, ValueRef<'a>)>,
    /// Where each call's arguments and outputs begin.
    starts: Vec<(usize, usize)>,
}

impl CallsColumns {
    pub(crate) fn take(&mut self, input: &mut Input<'_>) -> Result<usize, CodecError> {
        let count = input.take_count()?;
        for (column, (name, max)) in self.numbers.iter_mut().zip(NUMBERS) {
            input.take_narrow(count, max, name, column)?;
        }
        let [sends, replies, ..] = &mut self.numbers;
        for (reply, send) in replies.iter_mut().zip(sends) {
            *reply = ungap(*send, *reply);
        }
        let tags: &[u8] = {
            let bytes = input.bytes;
            self.tags = input.take_span("value tags")?;
            self.tags.of(bytes)
        };
        // Counts are at most 2^32 and there are at most 2^14 of them, so the sums fit. A tag is a
        // byte of the file, which is what bounds the number of values.
        let args: u64 = self.numbers[10].iter().sum();
        let outs: u64 = self.numbers[11].iter().sum();
        if args + outs != tags.len() as u64 {
            return Err(input.error("value tags", "are not as many as the calls have values"));
        }
        let mut tagged = [0; 3];
        for &tag in tags {
            let Some(tagged) = tagged.get_mut(usize::from(tag)) else {
                return Err(input.error("value tags", "name an unknown form of value"));
            };
            *tagged += 1;
        }
        let outs = usize::try_from(outs).expect("at most as many as there are tags");
        input.take_narrow(outs, u64::from(u16::MAX), "output fields", &mut self.fields)?;
        input.take_column(tagged[usize::from(TAG_INT)], "signed values", &mut self.ints)?;
        input.take_column(tagged[usize::from(TAG_UINT)], "unsigned values", &mut self.uints)?;
        let strings = tagged[usize::from(TAG_BYTES)];
        input.take_narrow(strings, u64::from(u32::MAX), "value lengths", &mut self.lens)?;
        self.bytes = input.take_span("value bytes")?;
        let total = self.lens.iter().try_fold(0, |sum: u64, &len| sum.checked_add(len));
        if total != Some(u64::from(self.bytes.len)) {
            return Err(input.error("value bytes", "are not as long as their lengths say"));
        }
        Ok(count)
    }

    /// Lays out the values; `raw` is the block's body.
    pub(crate) fn values<'a>(&self, raw: &'a [u8]) -> CallValues<'a> {
        let tags = self.tags.of(raw);
        let mut bytes = self.bytes.of(raw);
        let (mut ints, mut uints) = (self.ints.iter(), self.uints.iter());
        let (mut lens, mut fields) = (self.lens.iter(), self.fields.iter());
        let mut value = |tag: u8| match tag {
            TAG_INT => ValueRef::Int(unzigzag(ints.next().copied().unwrap_or_default())),
            TAG_UINT => ValueRef::UInt(uints.next().copied().unwrap_or_default()),
            _ => {
                let len = lens.next().copied().unwrap_or_default() as usize;
                let (this, rest) = bytes.split_at(len);
                bytes = rest;
                ValueRef::Bytes(this)
            }
        };
        let mut values = CallValues::default();
        let mut tags = tags.iter();
        for (&args, &outs) in self.numbers[10].iter().zip(&self.numbers[11]) {
            values.starts.push((values.args.len(), values.outs.len()));
            values.args.extend(tags.by_ref().take(args as usize).map(|&tag| value(tag)));
            for (&tag, &field) in tags.by_ref().zip(fields.by_ref()).take(outs as usize) {
                values.outs.push((OutField(field as u16), value(tag)));
            }
        }
        values
    }

    pub(crate) fn get<'a>(&self, values: &'a CallValues<'a>, index: usize) -> CallRef<'a> {
        let number = |column: usize| self.numbers[column][index];
        let (args, outs) = values.starts[index];
        CallRef {
            seq_send: number(0),
            seq_reply: number(1),
            time_ns: number(2),
            duration_ns: number(3),
            client: number(4) as u32,
            nr: CallNr(number(5) as u16),
            flags: CallFlags(number(6) as u16),
            args: Values::from(&values.args[args..][..number(10) as usize]),
            result: unzigzag(number(7)),
            errno: number(8) as u16,
            out: Outs::from(&values.outs[outs..][..number(11) as usize]),
            source_line: number(9),
        }
    }
}
