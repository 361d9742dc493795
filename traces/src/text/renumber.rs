//! Records with everything that differs from run to run replaced by small numbers.

use std::collections::BTreeMap;

use crate::ops::{FieldKind, Layout, OpSpec, Segment, number};
use crate::record::{OpRecord, Record};

/// Renumbers time, unique, nodeid and file handles in order of first sight, for snapshots.
///
/// The root stays node 1. Times of files in replies become zero. What the table of operations does
/// not know (directory listings, for one) stays as it is.
///
/// ```
/// use fuserig_traces::record::OpRecord;
/// use fuserig_traces::text::Renumber;
/// let mut renumber = Renumber::default();
/// let mut op = OpRecord { nodeid: 93_812, unique: 4_711, time_ns: 5, ..OpRecord::default() };
/// renumber.op(&mut op);
/// assert_eq!((op.nodeid, op.unique, op.time_ns), (2, 1, 0));
/// ```
#[derive(Clone, Debug)]
pub struct Renumber {
    nodes: BTreeMap<u64, u64>,
    handles: BTreeMap<u64, u64>,
    uniques: BTreeMap<u64, u64>,
    owners: BTreeMap<u64, u64>,
}

impl Default for Renumber {
    fn default() -> Renumber {
        let own_zero = || BTreeMap::from([(0, 0)]);
        Renumber {
            nodes: BTreeMap::from([(0, 0), (1, 1)]),
            handles: own_zero(),
            uniques: own_zero(),
            owners: own_zero(),
        }
    }
}

/// The number that stands for `old`: the next free one if it is new.
fn small(map: &mut BTreeMap<u64, u64>, old: u64) -> u64 {
    let next = map.len() as u64;
    *map.entry(old).or_insert(next)
}

impl Renumber {
    /// Renumbers a record.
    pub fn record(&mut self, record: &mut Record) {
        match record {
            Record::Op(op) => self.op(op),
            Record::Call(call) => (call.time_ns, call.duration_ns) = (0, 0),
            Record::Stage(_) | Record::Payload(_) | Record::Tree(_) | Record::Note(_) => {}
        }
    }

    /// Renumbers an operation.
    pub fn op(&mut self, op: &mut OpRecord) {
        (op.time_ns, op.duration_ns) = (0, 0);
        op.unique = small(&mut self.uniques, op.unique);
        op.nodeid = small(&mut self.nodes, op.nodeid);
        if let Some(spec) = OpSpec::by_number(op.opcode) {
            self.body(spec.request, &mut op.request);
            self.body(spec.reply, &mut op.reply);
        }
    }

    fn body(&mut self, layouts: &'static [Layout], body: &mut [u8]) {
        let Some((layout, _)) = Layout::find(layouts, body) else { return };
        let mut rest = body;
        for segment in layout.segments {
            // Fields stand before names and the rest, which have nothing to renumber.
            let Segment::Field(field) = segment else { return };
            let Some(bytes) = rest.split_off_mut(..field.width) else { return };
            let old = number(bytes);
            let new = match field.kind {
                FieldKind::Node => small(&mut self.nodes, old),
                FieldKind::Handle => small(&mut self.handles, old),
                FieldKind::Unique => small(&mut self.uniques, old),
                FieldKind::Owner => small(&mut self.owners, old),
                FieldKind::Time => 0,
                FieldKind::Decimal | FieldKind::Hexadecimal | FieldKind::Octal => old,
            };
            bytes.copy_from_slice(&new.to_le_bytes()[..field.width]);
        }
    }
}
