//! Recording a mount: operations go through a bounded queue to a thread that writes the trace.
//!
//! The pipeline never waits for the disk. When the queue is full, or the trace cannot be written
//! any more, operations are dropped and counted, and the trace ends with a note that says how many.

use std::io::Write;
use std::thread::JoinHandle;

use fuserig_abi::Timespec;
use fuserig_traces::ops::OpSpec;
use fuserig_traces::record::{NoteKind, NoteRef, RecordKind, TreeRef};
use fuserig_traces::{Header, PayloadMode, TraceWriter, WriteError, WriteOptions};

use super::MountError;
use super::batch::Taken;
use super::tape::{Reel, Tape, tape};

/// What a recording needs.
pub struct RecordingOptions {
    /// Where the trace goes.
    pub output: Box<dyn Write + Send>,
    /// How much of file data it keeps.
    pub payload: PayloadMode,
    /// Operations that may wait for the writer.
    pub queue: usize,
    /// The tree of the lower filesystem at the start, as tree text, when it is known.
    pub tree: Option<Vec<u8>>,
    /// The header, which the session completes.
    pub header: Header,
}

impl core::fmt::Debug for RecordingOptions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RecordingOptions")
            .field("payload", &self.payload)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// What a recording holds when it is finished.
///
/// ```
/// use fuserig::mount::Recorded;
/// assert_eq!(Recorded::default().dropped, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Operations in the trace.
    pub operations: u64,
    /// Operations that found no room, or no disk.
    pub dropped: u64,
    /// Bytes of the trace.
    pub bytes: u64,
    /// The trace's stream id, in hexadecimal.
    pub stream_id: String,
    /// Operations by name, the most frequent first.
    pub by_name: Vec<(String, u64)>,
    /// Why the trace ended early, when it did.
    pub failure: Option<String>,
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Writer {
    thread: JoinHandle<Result<Recorded, WriteError>>,
}

impl Writer {
    /// Waits for the writer, which ends when the tape is dropped.
    pub(super) fn finish(self) -> Result<Recorded, MountError> {
        Ok(self.thread.join().ok().ok_or(MountError::Panicked)??)
    }
}

/// Starts the writer.
pub(super) fn start(
    options: RecordingOptions,
    base: Timespec,
) -> Result<(Tape, Writer), MountError> {
    let RecordingOptions { output, payload, tree, mut header, queue } = options;
    header.payload = payload;
    let mut writer = TraceWriter::create_with(output, header, WriteOptions::LIVE)?;
    if let Some(text) = tree {
        writer.append(TreeRef { seq: 0, label: "lower", text: &text })?;
    }
    let (tape, reel) = tape(base, payload, queue.max(1));
    let thread = std::thread::Builder::new()
        .name("fuserig-trace".to_owned())
        .spawn(move || write(writer, reel))
        .map_err(MountError::Thread)?;
    Ok((tape, Writer { thread }))
}

fn write(
    mut writer: TraceWriter<Box<dyn Write + Send>>,
    mut reel: Reel,
) -> Result<Recorded, WriteError> {
    reel.is_here();
    let mut recorded = Recorded::default();
    let mut counts = [0_u64; 4096];
    let mut failure: Option<WriteError> = None;
    while let Some(batch) = reel.next() {
        let mut written = 0;
        for taken in batch.operations() {
            if failure.is_some() {
                break;
            }
            let opcode = usize::from(taken.op.opcode).min(counts.len() - 1);
            match append(&mut writer, taken) {
                Ok(()) => (counts[opcode], written) = (counts[opcode] + 1, written + 1),
                Err(error) => failure = Some(error),
            }
        }
        recorded.dropped += (batch.len() - written) as u64;
    }
    recorded.by_name = by_name(&counts);
    recorded.dropped += reel.dropped();
    if let Some(error) = failure {
        recorded.operations = recorded.by_name.iter().map(|(_, count)| count).sum();
        recorded.failure = Some(why(&error));
        return Ok(recorded);
    }
    if recorded.dropped > 0 {
        writer.append(NoteRef {
            seq: 0,
            kind: NoteKind::LOSS,
            count: recorded.dropped,
            text: "operations that the recorder had no room for",
        })?;
    }
    let (summary, _) = writer.finish()?;
    recorded.operations = summary.count(RecordKind::Op);
    recorded.bytes = summary.bytes;
    recorded.stream_id = summary.stream_id.to_string();
    Ok(recorded)
}

/// Why a trace could not be written to its end, what the system said first.
pub(super) fn why(error: &WriteError) -> String {
    match error {
        WriteError::Io { source, .. } => format!("{source}: {error}"),
        error => error.to_string(),
    }
}

/// Counts by opcode as counts by name, the most frequent first.
pub(super) fn by_name(counts: &[u64]) -> Vec<(String, u64)> {
    let named = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let mut named: Vec<_> =
        named.map(|(opcode, count)| (OpSpec::name_of(opcode as u16), *count)).collect();
    named.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    named
}

fn append(
    writer: &mut TraceWriter<Box<dyn Write + Send>>,
    Taken { mut op, data }: Taken<'_>,
) -> Result<(), WriteError> {
    if !data.is_empty() {
        op.payload = writer.payload(data)?;
    }
    writer.append(op)
}
