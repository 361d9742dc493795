//! Recording a mount: operations go through a bounded queue to a thread that writes the trace.
//!
//! The pipeline never waits for the disk. When the queue is full, or the trace cannot be written
//! any more, operations are dropped and counted, and the trace ends with a note that says how many.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use fuserig_abi::{Opcode, Timespec};
use fuserig_traces::ops::OpSpec;
use fuserig_traces::record::{NoteKind, NoteRef, OpFlags, OpRecord, RecordKind, TreeRef};
use fuserig_traces::{Header, PayloadMode, TraceWriter, WriteError};

use super::MountError;
use super::job::Job;
use crate::rim;
use crate::serve::{Incoming, Outgoing};

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

/// When an answer was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// Its place in the order of everything.
    pub(super) sequence: u64,
    /// By the clock of this machine.
    pub(super) end: Timespec,
}

/// An operation and the data it carried, on its way to the writer.
struct Taken {
    record: OpRecord,
    data: Vec<u8>,
}

/// The pipeline's end of the queue.
pub(super) struct Tape {
    queue: SyncSender<Taken>,
    base: Timespec,
    keeps_data: bool,
    /// What found no room; the writer says so at the end of the trace.
    dropped: Arc<AtomicU64>,
    /// Whether the writer is at work.
    works: Arc<AtomicBool>,
}

impl core::fmt::Debug for Tape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tape").field("dropped", &self.dropped).finish_non_exhaustive()
    }
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
    let (queue, taken) = sync_channel(options.queue.max(1));
    let keeps_data = matches!(options.payload, PayloadMode::Hash | PayloadMode::Full);
    let RecordingOptions { output, payload, tree, mut header, .. } = options;
    header.payload = payload;
    let mut writer = TraceWriter::create(output, header)?;
    if let Some(text) = tree {
        writer.append(TreeRef { seq: 0, label: "lower", text: &text })?;
    }
    let (dropped, works) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (lost, at_work) = (Arc::clone(&dropped), Arc::clone(&works));
    let thread = std::thread::Builder::new()
        .name("fuserig-trace".to_owned())
        .spawn(move || write(writer, Queue { taken: &taken, works: &at_work, pauses: 0 }, &lost))
        .map_err(MountError::Thread)?;
    Ok((Tape { queue, base, keeps_data, dropped, works }, Writer { thread }))
}

impl Tape {
    /// Tells whether the writer is at work at the moment.
    pub(super) fn works(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.works)
    }

    /// The record of a request that is about to be answered, at the instant of its answer.
    pub(super) fn request(&self, job: &Job, now: Timespec) -> (OpRecord, Vec<u8>) {
        let opcode = job.incoming.opcode();
        let (request, data) = match &job.incoming {
            Incoming::Write { input, data } => {
                let kept = if self.keeps_data { data.clone() } else { vec![0; data.len()] };
                let body = Incoming::Write { input: *input, data: Vec::new() }.encode();
                (body, kept)
            }
            incoming => (incoming.encode(), Vec::new()),
        };
        let mut flags = OpFlags::default();
        if job.incoming.is_unanswered() {
            flags = flags.with(OpFlags::NO_REPLY);
        }
        let record = OpRecord {
            opcode: number(opcode),
            flags,
            seq_send: job.sequence,
            time_ns: self.since_base(now),
            unique: job.head.unique.0,
            nodeid: job.head.nodeid.0,
            uid: job.head.uid.0,
            gid: job.head.gid.0,
            pid: job.head.pid.0,
            request,
            ..OpRecord::default()
        };
        (record, data)
    }

    /// Completes a record with its reply and hands it on.
    pub(super) fn reply(
        &mut self,
        (mut record, mut data): (OpRecord, Vec<u8>),
        outgoing: Outgoing,
        Stamp { sequence, end }: Stamp,
    ) {
        if !record.flags.contains(OpFlags::NO_REPLY) {
            record.seq_reply = sequence;
            record.duration_ns = self.since_base(end).saturating_sub(record.time_ns);
        }
        record.result = i64::from(outgoing.result());
        match outgoing {
            Outgoing::Data(bytes) if record.opcode == number(Opcode::READ) => {
                data = if self.keeps_data { bytes } else { vec![0; bytes.len()] };
            }
            Outgoing::Records(ref records) => {
                record.reply = outgoing.encode();
                // fuser does not say how large the reply may be. One that was filled ends here;
                // one that was not ended the directory, and a page holds it as well.
                let used = record.reply.len();
                let whole = records.is_empty() || used.next_multiple_of(4096) - used > 512;
                let size = if whole { used.next_multiple_of(4096).max(4096) } else { used };
                set_size(&mut record.request, size);
            }
            _ => record.reply = outgoing.encode(),
        }
        match self.queue.try_send(Taken { record, data }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn since_base(&self, now: Timespec) -> u64 {
        let nanos = |t: Timespec| i128::from(t.sec) * 1_000_000_000 + i128::from(t.nsec);
        u64::try_from(nanos(now) - nanos(self.base)).unwrap_or(0)
    }
}

fn number(opcode: Opcode) -> u16 {
    u16::try_from(opcode.0).unwrap_or(u16::MAX)
}

/// `size` of a `struct fuse_read_in`.
fn set_size(request: &mut [u8], size: usize) {
    let size = u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(field) = request.get_mut(16..20) {
        field.copy_from_slice(&size);
    }
}

/// How long the writer looks away from an empty queue.
const PAUSE: Duration = Duration::from_millis(5);
/// After how many pauses in a row it sleeps until it is woken.
const PAUSES: u32 = 100;

/// The writer's view of the queue. To wake a thread for each operation costs the pipeline more than
/// everything else that recording does, so the writer looks by itself while there is something to
/// do.
struct Queue<'a> {
    taken: &'a Receiver<Taken>,
    works: &'a AtomicBool,
    pauses: u32,
}

impl Queue<'_> {
    /// The next operation; none when the tape is gone and nothing is left.
    fn next(&mut self) -> Option<Taken> {
        loop {
            let taken = match self.pauses {
                PAUSES => self.taken.recv().map_err(TryRecvError::from),
                _ => self.taken.try_recv(),
            };
            self.works.store(taken.is_ok(), Ordering::Relaxed);
            match taken {
                Ok(taken) => {
                    self.pauses = 0;
                    return Some(taken);
                }
                Err(TryRecvError::Empty) => self.pauses += 1,
                Err(TryRecvError::Disconnected) => return None,
            }
            rim::pause(PAUSE);
        }
    }
}

fn write(
    mut writer: TraceWriter<Box<dyn Write + Send>>,
    mut queue: Queue<'_>,
    lost: &AtomicU64,
) -> Result<Recorded, WriteError> {
    let mut recorded = Recorded::default();
    let mut counts = [0_u64; 4096];
    let mut failure: Option<WriteError> = None;
    while let Some(Taken { record, data }) = queue.next() {
        if failure.is_some() {
            recorded.dropped += 1;
            continue;
        }
        let opcode = usize::from(record.opcode).min(counts.len() - 1);
        match append(&mut writer, &record, &data) {
            Ok(()) => counts[opcode] += 1,
            Err(error) => {
                recorded.dropped += 1;
                failure = Some(error);
            }
        }
    }
    recorded.by_name = by_name(&counts);
    recorded.dropped += lost.load(Ordering::Relaxed);
    if let Some(error) = failure {
        recorded.operations = recorded.by_name.iter().map(|(_, count)| count).sum();
        recorded.failure = Some(error.to_string());
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
    record: &OpRecord,
    data: &[u8],
) -> Result<(), WriteError> {
    let mut op = record.as_ref();
    if !data.is_empty() {
        op.payload = writer.payload(data)?;
    }
    writer.append(op)
}
