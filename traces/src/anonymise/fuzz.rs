//! What the fuzz target runs: any trace through the whole work.

use super::{Policy, anonymise};
use crate::record::Record;
use crate::{ReadLimits, ReadOptions, Trace, TraceReader, text};

/// Enough to reach every branch.
const RECORDS_MAX: u64 = 2_000;

/// Anonymises `bytes`, read as a trace or as its text twin, and checks what must hold of any
/// result: it is the same twice, and no stage or free text is left.
pub fn fuzz_entry(bytes: &[u8]) {
    let mut mended = bytes.to_vec();
    crate::fuzz::mend_checksums(&mut mended);
    let parsed = core::str::from_utf8(bytes).ok().and_then(|text| text::parse(text).ok());
    for trace in [read(bytes), read(&mended), parsed].into_iter().flatten() {
        let policy = Policy { extensions: true, dots: true, ..Policy::default() };
        let run = || anonymise(&trace, &[7; 32], &policy, &mut |_, _| Ok(Vec::new()));
        let first = run();
        assert_eq!(first, run(), "the same key gives the same trace");
        let Ok((safe, report)) = first else { continue };
        assert_eq!(safe.header.seed, None, "a seed names a run");
        for record in &safe.records {
            match record {
                Record::Stage(_) => panic!("stages quote arguments"),
                Record::Note(note) => assert!(note.text.is_empty(), "notes quote anything"),
                _ => {}
            }
        }
        assert!(report.linkable().count() >= 5, "something is always left to tell");
    }
}

fn read(bytes: &[u8]) -> Option<Trace> {
    let limits = ReadLimits { block_bytes: 1 << 20, records: RECORDS_MAX };
    let options = ReadOptions { limits, without_header: true };
    let mut reader = TraceReader::open_with(bytes, options).ok()?;
    let mut trace = Trace { header: reader.header().clone(), records: Vec::new() };
    while let Ok(Some(block)) = reader.next_block() {
        trace.records.extend(block.iter().map(|record| record.to_owned()));
    }
    Some(trace)
}
