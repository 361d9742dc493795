//! The body of a STAGES block.

use super::pool::{Origin, Pool, PoolView};
use super::{CodecError, Extent, Input, Scratch, Span, put, unzigzag, zigzag};
use crate::record::{StageKind, StageRef};

/// What a stage takes in a block besides its detail.
const STAGE_BYTES: usize = 5;

const NUMBERS: [(&str, u64); 5] = [
    ("op_seq", u64::MAX),
    ("step", u8::MAX as u64),
    ("kind", u16::MAX as u64),
    ("slot", u16::MAX as u64),
    ("code", u64::MAX),
];

/// Collects stages for a block.
#[derive(Debug)]
pub(crate) struct StagesBuilder {
    pub(crate) extent: Extent,
    numbers: [Vec<u64>; NUMBERS.len()],
    details: Vec<u64>,
    pool: Pool,
}

impl StagesBuilder {
    pub(crate) fn new() -> StagesBuilder {
        StagesBuilder {
            extent: Extent::default(),
            numbers: Default::default(),
            details: Vec::new(),
            pool: Pool::new(),
        }
    }

    pub(crate) fn push(&mut self, stage: &StageRef<'_>) {
        let numbers = [
            stage.op_seq,
            u64::from(stage.step),
            u64::from(stage.kind.0),
            u64::from(stage.slot),
            zigzag(stage.code),
        ];
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
        let origin = Origin { number: stage.kind.0, reply: false };
        let (detail, detail_bytes) = self.pool.add(origin, stage.detail);
        self.details.push(detail);
        self.extent.add(stage.op_seq, 0, STAGE_BYTES + detail_bytes);
    }

    /// Appends the block's body and starts over.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, scratch: &mut Scratch) {
        put(out, self.extent.count as u32);
        for column in &mut self.numbers {
            scratch.put(out, column);
            column.clear();
        }
        self.pool.put(out, scratch);
        self.pool.clear();
        scratch.put(out, &self.details);
        self.details.clear();
        self.extent = Extent::default();
    }
}

/// The stages of a block, decoded.
#[derive(Debug, Default)]
pub(crate) struct StagesColumns {
    numbers: [Vec<u64>; NUMBERS.len()],
    pool: PoolView,
    codes: Vec<u64>,
    details: Vec<Span>,
}

impl StagesColumns {
    pub(crate) fn take(&mut self, input: &mut Input<'_>) -> Result<usize, CodecError> {
        let count = input.take_count()?;
        for (column, (name, max)) in self.numbers.iter_mut().zip(NUMBERS) {
            input.take_narrow(count, max, name, column)?;
        }
        self.pool.take(input)?;
        input.take_column(count, "details", &mut self.codes)?;
        let mut resolver = self.pool.resolver();
        self.details.clear();
        for code in &self.codes {
            let Some(detail) = resolver.resolve(*code) else {
                return Err(input.error("details", "name a string that the block does not have"));
            };
            self.details.push(detail);
        }
        Ok(count)
    }

    pub(crate) fn get(&self, index: usize) -> StageRef<'_> {
        let number = |column: usize| self.numbers[column][index];
        StageRef {
            op_seq: number(0),
            step: number(1) as u8,
            kind: StageKind(number(2) as u16),
            slot: number(3) as u16,
            code: unzigzag(number(4)),
            detail: self.details[index].of(&self.pool.arena),
        }
    }
}
