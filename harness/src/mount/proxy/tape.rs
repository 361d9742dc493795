//! The trace of a proxy: messages are joined and written on a thread of their own.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use fuserig_traces::record::{NoteKind, NoteRecord, NoteRef, OpRecord, Record, RecordKind};
use fuserig_traces::wire::{Channel, InOrder, Moment, Pairing, PayloadStore, Survey, Written};
use fuserig_traces::{Header, TraceWriter, WriteError, WriteOptions};

use super::super::record::{by_name, why};
use super::super::{MountError, Recorded, RecordingOptions};

/// A message on its way to the trace.
pub(super) enum Message {
    /// From the kernel to the daemon.
    Request(Vec<u8>, Moment),
    /// From the daemon to the kernel, and what became of it.
    Reply(Vec<u8>, Moment, Written),
    /// Something to be said about the message with that number.
    Note(u64, String),
}

/// The relay's end.
pub(super) struct Tape {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Tape {
    /// Hands a message on; one without room is counted.
    pub(super) fn put(&self, message: Message) {
        if self.queue.try_send(message).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Waits for the writer, which ends when the tape is dropped.
pub(super) fn finish(
    thread: JoinHandle<Result<Recorded, WriteError>>,
) -> Result<Recorded, MountError> {
    Ok(thread.join().ok().ok_or(MountError::Panicked)??)
}

/// Starts the writer.
pub(super) fn start(
    options: RecordingOptions,
) -> Result<(Tape, JoinHandle<Result<Recorded, WriteError>>), MountError> {
    let (queue, taken) = sync_channel(options.queue.max(1));
    let dropped = Arc::new(AtomicU64::new(0));
    let lost = Arc::clone(&dropped);
    let thread = std::thread::Builder::new()
        .name("fuserig-trace".to_owned())
        .spawn(move || write(options, &taken, &lost))
        .map_err(MountError::Thread)?;
    Ok((Tape { queue, dropped }, thread))
}

/// Where joined operations go.
struct Sink {
    /// The output and the header, until the INIT exchange has said what the header must say.
    waiting: Option<(Box<dyn Write + Send>, Header)>,
    /// Records that came before.
    held: Vec<Record>,
    writer: Option<TraceWriter<Box<dyn Write + Send>>>,
    survey: Survey,
    counts: Vec<u64>,
    store: PayloadStore,
}

impl Sink {
    fn begin(&mut self) -> Result<(), WriteError> {
        if let Some((output, mut header)) = self.waiting.take() {
            self.survey.fill(&mut header);
            let mut writer = TraceWriter::create_with(output, header, WriteOptions::LIVE)?;
            let held = core::mem::take(&mut self.held);
            held.iter().try_for_each(|record| writer.append(record.as_ref()))?;
            self.writer = Some(writer);
        }
        Ok(())
    }

    fn record(&mut self, record: Record) -> Result<(), WriteError> {
        if self.survey.has_init() {
            self.begin()?;
        }
        match &mut self.writer {
            Some(writer) => writer.append(record.as_ref()),
            None => {
                self.held.push(record);
                Ok(())
            }
        }
    }

    fn operation(&mut self, mut op: OpRecord) -> Result<(), WriteError> {
        let opcode = usize::from(op.opcode).min(self.counts.len() - 1);
        self.counts[opcode] += 1;
        if let Some(stored) = self.store.keep(&mut op) {
            self.record(stored.into())?;
        }
        self.record(op.into())
    }
}

fn write(
    options: RecordingOptions,
    taken: &Receiver<Message>,
    lost: &AtomicU64,
) -> Result<Recorded, WriteError> {
    let RecordingOptions { output, payload, header, .. } = options;
    let header = Header { payload, ..header };
    let mut sink = Sink {
        waiting: Some((output, header)),
        held: Vec::new(),
        writer: None,
        survey: Survey::default(),
        counts: vec![0; 4096],
        store: PayloadStore::new(payload),
    };
    let mut recorded = Recorded::default();
    let mut failure: Option<WriteError> = None;
    let (mut pairing, mut order) = (Pairing::default(), InOrder::default());
    while let Ok(message) = taken.recv() {
        if failure.is_some() {
            recorded.dropped += 1;
            continue;
        }
        let notes = join(&mut pairing, &mut order, message);
        recorded.dropped += notes.iter().filter(|note| note.kind == NoteKind::LOSS).count() as u64;
        let noted = notes.into_iter().try_for_each(|note| sink.record(note.into()));
        failure = noted.and_then(|()| drain(&mut pairing, &mut order, &mut sink)).err();
    }
    pairing.finish();
    recorded.dropped += lost.load(Ordering::Relaxed);
    if failure.is_none() {
        failure = ending(&mut pairing, &mut order, &mut sink, recorded.dropped).err();
    }
    recorded.by_name = by_name(&sink.counts);
    match (failure, sink.writer) {
        (Some(error), _) => {
            recorded.operations = recorded.by_name.iter().map(|(_, count)| count).sum();
            recorded.failure = Some(why(&error));
        }
        (None, Some(writer)) => {
            let (summary, _) = writer.finish()?;
            recorded.operations = summary.count(RecordKind::Op);
            recorded.bytes = summary.bytes;
            recorded.stream_id = summary.stream_id.to_string();
        }
        (None, None) => {}
    }
    Ok(recorded)
}

/// Joins a message with what waits for it; what cannot be joined becomes a note.
fn join(pairing: &mut Pairing, order: &mut InOrder, message: Message) -> Vec<NoteRecord> {
    let note = |seq, kind, text| vec![NoteRecord { seq, kind, count: 1, text }];
    match message {
        Message::Note(seq, text) => note(seq, NoteKind::ANNOTATION, text),
        Message::Request(bytes, moment) => {
            order.begin(moment.seq);
            match pairing.request(Channel(0), &bytes, bytes.len() as u64, moment) {
                Ok(()) => Vec::new(),
                Err(error) => {
                    order.cancel(moment.seq);
                    note(moment.seq, NoteKind::LOSS, format!("a request: {error}"))
                }
            }
        }
        Message::Reply(bytes, moment, written) => {
            // A notification has a place of its own in the order.
            let is_notification = bytes.get(8..16).is_some_and(|unique| unique == [0; 8]);
            if is_notification {
                order.begin(moment.seq);
            }
            match pairing.reply(Channel(0), &bytes, bytes.len() as u64, moment, written) {
                Ok(()) => Vec::new(),
                Err(error) => {
                    if is_notification {
                        order.cancel(moment.seq);
                    }
                    note(moment.seq, NoteKind::LOSS, format!("a reply: {error}"))
                }
            }
        }
    }
}

/// Writes what is complete.
fn drain(pairing: &mut Pairing, order: &mut InOrder, sink: &mut Sink) -> Result<(), WriteError> {
    while let Some(note) = pairing.take_note() {
        sink.record(note.into())?;
    }
    while let Some(op) = pairing.take() {
        sink.survey.add(&op.as_ref());
        order.push(op);
    }
    while let Some(op) = order.pop() {
        sink.operation(op)?;
    }
    Ok(())
}

/// Writes what never ended, and what was lost.
fn ending(
    pairing: &mut Pairing,
    order: &mut InOrder,
    sink: &mut Sink,
    dropped: u64,
) -> Result<(), WriteError> {
    drain(pairing, order, sink)?;
    order.finish();
    drain(pairing, order, sink)?;
    sink.begin()?;
    if let (Some(writer), true) = (&mut sink.writer, dropped > 0) {
        let text = "messages that the recorder could not keep";
        writer.append(NoteRef { seq: 0, kind: NoteKind::LOSS, count: dropped, text })?;
    }
    Ok(())
}
