//! One field of all records of a block.
//!
//! A column is stored as `base + w[i]`, or, where that is narrower, as a running sum
//! `v[i] = v[i - 1] + step + w[i]`. The words `w` take as many bytes as the largest needs, byte
//! plane by byte plane: all lowest bytes, then all second ones. A constant column, and one that
//! grows by a constant, has no words at all. Planes are what makes zstd find the sameness.

use bincode::{BorrowDecode, Encode};

use super::{CodecError, Input, put};

/// `v[i] = base + w[i]`, all wrapping.
const OFFSET: u8 = 0;
/// `v[i] = v[i - 1] + step + w[i]` with `v[-1] = base`, all wrapping.
const RUNNING: u8 = 1;

/// A column as it is on disk.
#[derive(Debug, PartialEq, Eq, Encode, BorrowDecode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(super) struct Column<'a> {
    mode: u8,
    width: u8,
    base: u64,
    step: u64,
    planes: &'a [u8],
}

/// Buffers that are used again for each column.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    planes: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    pub(super) values: Vec<u64>,
    pub(super) offsets: Vec<u32>,
}

/// How a column is going to be written.
#[derive(Clone, Copy, Debug)]
struct Plan {
    mode: u8,
    width: u8,
    base: u64,
    step: u64,
}

fn bytes_for(largest: u64) -> u8 {
    let bits = 64 - largest.leading_zeros();
    u8::try_from(bits.div_ceil(8)).expect("64 bits are 8 bytes")
}

fn plan(values: &[u64]) -> Plan {
    let Some((&first, rest)) = values.split_first() else {
        return Plan { mode: OFFSET, width: 0, base: 0, step: 0 };
    };
    // Most columns are the same number again and again, which is seen soonest in this way.
    if rest.iter().fold(0, |differing, &value| differing | (value ^ first)) == 0 {
        return Plan { mode: OFFSET, width: 0, base: first, step: 0 };
    }
    let (mut low, mut high) = (first, first);
    let (mut low_step, mut high_step) = (i64::MAX, i64::MIN);
    let mut previous = first;
    for &value in rest {
        low = low.min(value);
        high = high.max(value);
        let step = value.wrapping_sub(previous).cast_signed();
        low_step = low_step.min(step);
        high_step = high_step.max(step);
        previous = value;
    }
    let offset_width = bytes_for(high - low);
    let step = low_step.cast_unsigned();
    let running_width = bytes_for(high_step.cast_unsigned().wrapping_sub(step));
    if running_width < offset_width {
        let base = first.wrapping_sub(step);
        return Plan { mode: RUNNING, width: running_width, base, step };
    }
    Plan { mode: OFFSET, width: offset_width, base: low, step: 0 }
}

/// Appends a column.
pub(super) fn put_column(out: &mut Vec<u8>, values: &[u64], planes: &mut Vec<u8>) {
    let plan = plan(values);
    planes.clear();
    planes.resize(usize::from(plan.width) * values.len(), 0);
    if plan.width > 0 {
        for (number, plane) in planes.chunks_exact_mut(values.len()).enumerate() {
            let shift = 8 * number;
            if plan.mode == OFFSET {
                for (byte, value) in plane.iter_mut().zip(values) {
                    *byte = (value.wrapping_sub(plan.base) >> shift) as u8;
                }
            } else {
                // The first word is 0, because base is first - step.
                let pairs = values.iter().zip(values.iter().skip(1));
                for (byte, (before, value)) in plane.iter_mut().skip(1).zip(pairs) {
                    let word = value.wrapping_sub(*before).wrapping_sub(plan.step);
                    *byte = (word >> shift) as u8;
                }
            }
        }
    }
    put(
        out,
        Column { mode: plan.mode, width: plan.width, base: plan.base, step: plan.step, planes },
    );
}

impl Scratch {
    /// Appends a column.
    pub(super) fn put(&mut self, out: &mut Vec<u8>, values: &[u64]) {
        put_column(out, values, &mut self.planes);
    }

    /// Appends the column that is in `values`.
    pub(super) fn put_values(&mut self, out: &mut Vec<u8>) {
        put_column(out, &self.values, &mut self.planes);
    }
}

impl<'a> Input<'a> {
    /// Reads a column header and checks that it has `count` words.
    pub(super) fn take_raw_column(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<Column<'a>, CodecError> {
        let column: Column<'a> = self.take(what)?;
        if column.mode > RUNNING || column.width > 8 {
            return Err(self.error(what, "has an unknown form"));
        }
        if count.checked_mul(usize::from(column.width)) != Some(column.planes.len()) {
            return Err(self.error(what, "is not as long as the block has records"));
        }
        Ok(column)
    }

    /// Reads a column of `count` numbers into `values`.
    pub(super) fn take_column(
        &mut self,
        count: usize,
        what: &'static str,
        values: &mut Vec<u64>,
    ) -> Result<(), CodecError> {
        self.take_raw_column(count, what)?.expand(count, values);
        Ok(())
    }

    /// Reads a column of numbers that must not exceed `max`.
    pub(super) fn take_narrow(
        &mut self,
        count: usize,
        max: u64,
        what: &'static str,
        values: &mut Vec<u64>,
    ) -> Result<(), CodecError> {
        let column = self.take_raw_column(count, what)?;
        column.expand(count, values);
        if !column.within(max) && values.iter().fold(0, |high, &value| high.max(value)) > max {
            return Err(self.error(what, "has a number that is too large for its field"));
        }
        Ok(())
    }
}

impl Column<'_> {
    /// The one value of a column without words, if it has the same value everywhere.
    pub(super) fn constant(&self) -> Option<u64> {
        (self.width == 0 && (self.mode == OFFSET || self.step == 0)).then_some(self.base)
    }

    /// Whether the column's form alone says that no value is above `max`. Saves a pass over the
    /// values, which is most columns' only other cost.
    fn within(&self, max: u64) -> bool {
        let words = match self.width {
            0 => 0,
            width => u64::MAX >> (64 - 8 * u32::from(width)),
        };
        max == u64::MAX
            || self.mode == OFFSET && self.base.checked_add(words).is_some_and(|high| high <= max)
    }

    /// All values. `planes` was checked to hold `count` words.
    pub(super) fn expand(&self, count: usize, values: &mut Vec<u64>) {
        values.clear();
        match self.width {
            0 => values.resize(count, 0),
            1 => values.extend(self.planes.iter().map(|&byte| u64::from(byte))),
            2 => {
                let (low, high) = self.planes.split_at(count);
                let pairs = low.iter().zip(high);
                values.extend(pairs.map(|(&low, &high)| u64::from(low) | u64::from(high) << 8));
            }
            width => {
                let (low, rest) = self.planes.split_at(count);
                let (middle, rest) = rest.split_at(count);
                let (high, rest) = rest.split_at(count);
                let triples = low.iter().zip(middle).zip(high);
                values.extend(triples.map(|((&low, &middle), &high)| {
                    u64::from(low) | u64::from(middle) << 8 | u64::from(high) << 16
                }));
                for (number, plane) in (3..width).zip(rest.chunks_exact(count.max(1))) {
                    for (value, &byte) in values.iter_mut().zip(plane) {
                        *value |= u64::from(byte) << (8 * number);
                    }
                }
            }
        }
        if self.mode == OFFSET {
            if self.base != 0 {
                values.iter_mut().for_each(|value| *value = value.wrapping_add(self.base));
            }
        } else {
            let mut running = self.base;
            for value in values {
                running = running.wrapping_add(self.step).wrapping_add(*value);
                *value = running;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[u64], width: u8) {
        let mut out = Vec::new();
        Scratch::default().put(&mut out, values);
        let mut input = Input::new(&out);
        let mut back = vec![7; 3];
        input.take_column(values.len(), "test", &mut back).expect("what was written is readable");
        assert_eq!(back, values);
        assert_eq!(out.len(), 26 + usize::from(width) * values.len(), "{values:?}");
    }

    #[test]
    fn a_column_takes_as_many_bytes_as_its_differences_need() {
        check(&[], 0);
        check(&[u64::MAX], 0);
        check(&[9, 9, 9], 0);
        check(&[10, 12, 14, 16], 0);
        check(&[u64::MAX, 1, 3, 5], 0);
        check(&[1000, 1255, 1001], 1);
        check(&[1000, 1256, 1001], 2);
        check(&[0, 70_000, 140_001], 1);
        check(&[0, u64::MAX], 0);
        check(&[0, u64::MAX / 2, 3], 8);
        check(&[1 << 40, 0, 5, 1 << 40], 6);
        check(&[5, 1 << 31, 9], 4);
        check(&[5, 1 << 23, 9], 3);
    }
}
