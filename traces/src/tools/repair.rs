//! Saving what can be saved.

use std::io::{Read, Write};

use crate::record::{NoteKind, NoteRef};
use crate::{
    DamageKind, DamageReport, ReadOptions, Summary, TraceError, TraceReader, TraceWriter,
    WriteError,
};

/// Why a trace could not be repaired.
///
/// ```
/// use fuserig_traces::tools::{self, RepairError};
/// let future = b"\x89FRT\r\n\x1a\n\x02\x00\x00\x00\x00\x00\x00\x00";
/// let error = tools::repair(&future[..], Vec::new()).expect_err("version 2 is unknown");
/// assert!(matches!(error, RepairError::Read(_)));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The damaged trace cannot be read at all.
    #[error(transparent)]
    Read(#[from] TraceError),
    /// The repaired trace cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What [`repair`] did.
///
/// ```
/// use fuserig_traces::record::NoteRef;
/// use fuserig_traces::{tools, Header, TraceWriter};
/// let mut writer = TraceWriter::create(Vec::new(), Header::default())?;
/// writer.append(NoteRef { text: "hello", ..NoteRef::default() })?;
/// let (before, file) = writer.finish()?;
/// let (report, repaired) = tools::repair(&file[..file.len() - 40], Vec::new())?;
/// assert!(!report.records_lost);
/// assert_eq!(report.summary.stream_id, before.stream_id);
/// assert!(tools::verify(&repaired[..])?.is_whole());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RepairReport {
    /// What was left out.
    pub damage: DamageReport,
    /// Blocks of kinds that this build does not know, which were left out too.
    pub skipped_blocks: u64,
    /// Whether the header was lost.
    pub header_lost: bool,
    /// Whether records may be missing. If so, the new trace has a note that says so, and another
    /// stream id.
    pub records_lost: bool,
    /// The new trace.
    pub summary: Summary,
}

/// Writes every record that can still be read to a new trace.
///
/// # Errors
/// When the input fails or is of a version or kind that this build must not guess at, or when the
/// output fails.
pub fn repair<R: Read, W: Write>(input: R, output: W) -> Result<(RepairReport, W), RepairError> {
    let options = ReadOptions { without_header: true, ..ReadOptions::default() };
    let mut reader = TraceReader::open_with(input, options)?;
    let mut writer = TraceWriter::create(output, reader.header().clone())?;
    while let Some(block) = reader.next_block()? {
        for record in block.iter() {
            writer.append(record)?;
        }
    }
    let damage = reader.damage().clone();
    let skipped_blocks = reader.skipped_blocks();
    let header_lost = damage.listed().iter().any(|part| part.kind == DamageKind::Header);
    let harmless = |kind: &DamageKind| match kind {
        DamageKind::NoFooter | DamageKind::AfterFooter => true,
        DamageKind::Header
        | DamageKind::NotABlock
        | DamageKind::BodyChecksum
        | DamageKind::Cut
        | DamageKind::Undecodable(_)
        | DamageKind::TooLarge => false,
    };
    let listed = damage.listed();
    let all_listed = listed.len() as u64 == damage.count();
    let records_lost =
        skipped_blocks > 0 || !all_listed || !listed.iter().all(|part| harmless(&part.kind));
    if records_lost {
        let text = format!(
            "bytes left out by repair in {} places; blocks of unknown kinds left out: {}",
            damage.count(),
            skipped_blocks
        );
        let count = damage.lost_bytes();
        writer.append(NoteRef { seq: 0, kind: NoteKind::REPAIR, count, text: &text })?;
    }
    let (summary, output) = writer.finish()?;
    Ok((RepairReport { damage, skipped_blocks, header_lost, records_lost, summary }, output))
}
