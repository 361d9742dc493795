//! Operations on their way to the writer of a trace: one buffer, to which the pipeline appends and
//! which the writer takes whole.
//!
//! An operation costs the pipeline a few copies of what is small, and no allocation; what is large
//! is handed on. What a reader would get wrong: nobody is woken for an operation, which would cost
//! the pipeline more than everything else that recording does. While there is something to do the
//! writer looks now and then by itself, and is woken when much has come; after that it sleeps until
//! something comes. It looks rarely: each time it goes to sleep, a processor of the host looks for
//! work and takes the mount's client away from the server.

use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::Thread;
use std::time::Duration;

use fuserig_abi::{Opcode, Timespec};
use fuserig_traces::record::{OpFlags, OpRef};

use super::helper::Helper;
use super::job::Job;
use crate::rim;
use crate::serve::{Incoming, Outgoing};

/// When an answer was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// Its place in the order of everything.
    pub(super) sequence: u64,
    /// By the clock of this machine.
    pub(super) end: Timespec,
}

/// A request that is being answered, as it will be recorded.
#[derive(Debug, Default)]
pub(super) struct Started {
    op: OpRef<'static>,
    request: Vec<u8>,
    data: Vec<u8>,
    /// Bytes of data, which are kept or not.
    carried: usize,
}

/// Data of so many bytes is handed on as it is and not copied.
const LONG: usize = 16 << 10;
/// Most bytes that wait for the writer.
const BYTES_MAX: usize = 256 << 20;
/// Room that a batch keeps when it is empty again.
const BYTES_KEPT: usize = 4 << 20;

/// An operation in a batch: what is not bytes, and how many of the batch's bytes are of which
/// kind, in this order.
#[derive(Clone, Copy, Debug)]
struct Entry {
    op: OpRef<'static>,
    reply: usize,
    request: usize,
    data: Data,
    carried: usize,
}

/// The data of an operation.
#[derive(Clone, Copy, Debug)]
enum Data {
    /// So many bytes behind the request.
    Short(usize),
    /// The next of those that were handed on.
    Long,
}

/// Operations for the writer, in the order of their replies.
#[derive(Debug, Default)]
pub(super) struct Batch {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    long: Vec<Vec<u8>>,
    /// Bytes of what was handed on.
    long_bytes: usize,
}

/// An operation as the writer finds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken<'a> {
    pub(super) op: OpRef<'a>,
    /// What is kept of its data.
    pub(super) data: &'a [u8],
    /// Bytes of data that it carried.
    pub(super) carried: usize,
}

impl Batch {
    fn append(&mut self, started: &mut Started, outgoing: Outgoing, keeps_data: bool) {
        let before = self.bytes.len();
        match outgoing {
            Outgoing::Data(bytes) if started.op.opcode == number(Opcode::READ) => {
                started.carried = bytes.len();
                if keeps_data {
                    started.data = bytes;
                }
            }
            outgoing => {
                outgoing.encode_into(&mut self.bytes);
                if let Outgoing::Records(records) = outgoing {
                    set_size(
                        &mut started.request,
                        listing_size(self.bytes.len() - before, records.is_empty()),
                    );
                }
            }
        }
        let reply = self.bytes.len() - before;
        self.bytes.extend_from_slice(&started.request);
        let data = if started.data.len() < LONG {
            self.bytes.extend_from_slice(&started.data);
            Data::Short(started.data.len())
        } else {
            self.long_bytes += started.data.len();
            self.long.push(core::mem::take(&mut started.data));
            Data::Long
        };
        let (op, request, carried) = (started.op, started.request.len(), started.carried);
        self.entries.push(Entry { op, reply, request, data, carried });
    }

    /// How many operations there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The operations.
    pub(super) fn operations(&self) -> impl Iterator<Item = Taken<'_>> {
        let (mut rest, mut long) = (&self.bytes[..], self.long.iter());
        let mut next = move |length: usize| {
            let (front, behind) = rest.split_at(length);
            rest = behind;
            front
        };
        self.entries.iter().map(move |entry| {
            let mut op: OpRef<'_> = entry.op;
            op.reply = next(entry.reply);
            op.request = next(entry.request);
            let data = match entry.data {
                Data::Short(length) => next(length),
                Data::Long => long.next().expect("each was handed on with its entry"),
            };
            Taken { op, data, carried: entry.carried }
        })
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.long.clear();
        self.long_bytes = 0;
        self.bytes.clear();
        self.bytes.shrink_to(BYTES_KEPT);
    }
}

/// What the pipeline and the writer share.
#[derive(Debug, Default)]
struct Shared {
    batch: Batch,
    /// What found no room.
    dropped: u64,
    /// Whether nothing will come any more.
    closed: bool,
    /// The writer, when it sleeps.
    sleeper: Option<Thread>,
    /// From so many bytes on it is woken.
    wakes_at: usize,
}

impl Shared {
    /// Who is to be woken, if anybody is.
    fn woken(&mut self) -> Option<Thread> {
        let much = self.closed || self.batch.bytes.len() + self.batch.long_bytes >= self.wakes_at;
        if much { self.sleeper.take() } else { None }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().expect("nobody panics with this lock")
}

/// The pipeline's end.
#[derive(Debug)]
pub(super) struct Tape {
    shared: Arc<Mutex<Shared>>,
    base: Timespec,
    keeps_data: bool,
    /// Operations that may wait for the writer.
    room: usize,
    helper: Arc<Helper>,
    /// Room for requests.
    spare: Vec<Started>,
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Reel {
    shared: Arc<Mutex<Shared>>,
    taken: Batch,
    helper: Arc<Helper>,
    pauses: u32,
}

/// Both ends. Times count from `base`; `room` is for so many operations.
pub(super) fn tape(base: Timespec, keeps_data: bool, room: usize) -> (Tape, Reel) {
    let shared = Arc::<Mutex<Shared>>::default();
    let helper = Arc::<Helper>::default();
    let reel = Reel {
        shared: Arc::clone(&shared),
        taken: Batch::default(),
        helper: Arc::clone(&helper),
        pauses: 0,
    };
    (Tape { shared, base, keeps_data, room, helper, spare: Vec::new() }, reel)
}

impl Tape {
    /// The thread of the writer.
    pub(super) fn helper(&self) -> Arc<Helper> {
        Arc::clone(&self.helper)
    }

    /// The record of a request that is about to be answered, at the instant of its answer.
    pub(super) fn request(&mut self, job: &Job, now: Timespec) -> Started {
        let mut started = self.spare.pop().unwrap_or_default();
        let mut flags = OpFlags::default();
        if job.incoming.is_unanswered() {
            flags = flags.with(OpFlags::NO_REPLY);
        }
        started.op = OpRef {
            opcode: number(job.incoming.opcode()),
            flags,
            seq_send: job.sequence,
            time_ns: self.since_base(now),
            unique: job.head.unique.0,
            nodeid: job.head.nodeid.0,
            uid: job.head.uid.0,
            gid: job.head.gid.0,
            pid: job.head.pid.0,
            ..OpRef::default()
        };
        match &job.incoming {
            Incoming::Write { input, data } => {
                started.carried = data.len();
                if self.keeps_data {
                    started.data.extend_from_slice(data);
                }
                let head = Incoming::Write { input: *input, data: Vec::new() };
                head.encode_into(&mut started.request);
            }
            incoming => incoming.encode_into(&mut started.request),
        }
        started
    }

    /// Completes a record with its reply and hands it on.
    pub(super) fn reply(&mut self, mut started: Started, outgoing: Outgoing, stamp: Stamp) {
        if !started.op.flags.contains(OpFlags::NO_REPLY) {
            started.op.seq_reply = stamp.sequence;
            let end = self.since_base(stamp.end);
            started.op.duration_ns = end.saturating_sub(started.op.time_ns);
        }
        started.op.result = i64::from(outgoing.result());
        let sleeper = {
            let mut shared = lock(&self.shared);
            let batch = &mut shared.batch;
            let waiting = batch.bytes.len() + batch.long_bytes;
            if batch.len() < self.room && waiting < BYTES_MAX {
                batch.append(&mut started, outgoing, self.keeps_data);
            } else {
                shared.dropped += 1;
            }
            shared.woken()
        };
        if let Some(sleeper) = sleeper {
            sleeper.unpark();
        }
        let Started { mut request, mut data, .. } = started;
        request.clear();
        data.clear();
        self.spare.push(Started { request, data, ..Started::default() });
    }

    fn since_base(&self, now: Timespec) -> u64 {
        let nanos = |t: Timespec| i128::from(t.sec) * 1_000_000_000 + i128::from(t.nsec);
        u64::try_from(nanos(now) - nanos(self.base)).unwrap_or(0)
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        let sleeper = {
            let mut shared = lock(&self.shared);
            shared.closed = true;
            shared.woken()
        };
        if let Some(sleeper) = sleeper {
            sleeper.unpark();
        }
    }
}

/// How long the writer looks away when there is nothing.
const PAUSE: Duration = Duration::from_millis(16);
/// What has come is looked at sooner when it is so many bytes: more would not stay in a processor's
/// cache.
const MUCH: usize = 512 << 10;
/// After how many pauses in a row it sleeps until something comes.
const PAUSES: u32 = 32;

impl Reel {
    /// The writer is the calling thread.
    pub(super) fn is_here(&self) {
        self.helper.is_here();
    }

    /// The next operations; none when the tape is gone and nothing is left.
    pub(super) fn next(&mut self) -> Option<&Batch> {
        loop {
            self.taken.clear();
            let patient = self.pauses < PAUSES;
            {
                let mut shared = lock(&self.shared);
                core::mem::swap(&mut shared.batch, &mut self.taken);
                shared.sleeper = None;
                if self.taken.len() > 0 {
                    break;
                }
                if shared.closed {
                    return None;
                }
                shared.wakes_at = if patient { MUCH } else { 0 };
                shared.sleeper = Some(std::thread::current());
            }
            self.helper.set_busy(false);
            if patient {
                self.pauses += 1;
                rim::sleep_unless_woken(PAUSE);
            } else {
                std::thread::park();
            }
        }
        self.pauses = 0;
        self.helper.set_busy(true);
        Some(&self.taken)
    }

    /// Operations that found no room so far.
    pub(super) fn dropped(&self) -> u64 {
        lock(&self.shared).dropped
    }
}

fn number(opcode: Opcode) -> u16 {
    u16::try_from(opcode.0).unwrap_or(u16::MAX)
}

/// How large the reply to a listing may have been, of which fuser does not say it. One that was
/// filled ends here; one that was not ended the directory, and a page holds it as well.
fn listing_size(used: usize, is_end: bool) -> usize {
    let whole = is_end || used.next_multiple_of(4096) - used > 512;
    if whole { used.next_multiple_of(4096).max(4096) } else { used }
}

/// Writes `size` of a `struct fuse_read_in`.
fn set_size(request: &mut [u8], size: usize) {
    let size = u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(field) = request.get_mut(16..20) {
        field.copy_from_slice(&size);
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{FuseReadIn, Opcode, Timespec};
    use fuserig_traces::record::{OpFlags, OpRef};
    use zerocopy::IntoBytes;

    use super::{LONG, Reel, Stamp, Started, Tape, tape};
    use crate::serve::{Listed, Outgoing};

    fn started(opcode: Opcode, unique: u64, request: &[u8], data: &[u8]) -> Started {
        let op = OpRef { opcode: opcode.0 as u16, unique, time_ns: 5, ..OpRef::default() };
        let (request, carried) = (request.to_vec(), data.len());
        Started { op, request, data: data.to_vec(), carried }
    }

    fn stamp(sequence: u64) -> Stamp {
        Stamp { sequence, end: Timespec { sec: 0, nsec: 12 } }
    }

    /// Unique number, reply sequence, request, reply, kept and carried data.
    type Seen = (u64, u64, Vec<u8>, Vec<u8>, Vec<u8>, usize);

    fn all(mut reel: Reel) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Some(batch) = reel.next() {
            seen.extend(batch.operations().map(|taken| {
                let op = taken.op;
                let (request, reply) = (op.request.to_vec(), op.reply.to_vec());
                (op.unique, op.seq_reply, request, reply, taken.data.to_vec(), taken.carried)
            }));
        }
        seen
    }

    fn filled(keeps_data: bool) -> (Tape, Reel) {
        let (mut tape, reel) = tape(Timespec::ZERO, keeps_data, 5);
        let long = vec![7; LONG];
        tape.reply(started(Opcode::READ, 1, b"r1", b""), Outgoing::Data(b"ab".into()), stamp(1));
        tape.reply(started(Opcode::READ, 2, b"r2", b""), Outgoing::Data(long.clone()), stamp(2));
        let kept: &[u8] = if keeps_data { &long } else { b"" };
        tape.reply(started(Opcode::WRITE, 3, b"w3", kept), Outgoing::Done, stamp(3));
        tape.reply(started(Opcode::READLINK, 4, b"", b""), Outgoing::Data(b"to".into()), stamp(4));
        tape.reply(started(Opcode::READ, 5, b"r5", b""), Outgoing::Data(vec![8; LONG]), stamp(5));
        (tape, reel)
    }

    #[test]
    fn operations_come_out_as_they_went_in_short_and_long() {
        let (tape, reel) = filled(true);
        drop(tape);
        let long = vec![7; LONG];
        let expected: Vec<Seen> = vec![
            (1, 1, b"r1".into(), vec![], b"ab".into(), 2),
            (2, 2, b"r2".into(), vec![], long.clone(), LONG),
            (3, 3, b"w3".into(), vec![], long, LONG),
            (4, 4, vec![], b"to".into(), vec![], 0),
            (5, 5, b"r5".into(), vec![], vec![8; LONG], LONG),
        ];
        assert_eq!(all(reel), expected);
    }

    #[test]
    fn data_that_nobody_keeps_is_counted() {
        let (tape, reel) = filled(false);
        drop(tape);
        let seen: Vec<_> = all(reel).into_iter().map(|seen| (seen.0, seen.4, seen.5)).collect();
        let counted = [(1, 2), (2, LONG), (3, 0), (4, 0), (5, LONG)];
        assert_eq!(seen, counted.map(|(unique, carried)| (unique, vec![], carried)));
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let (mut tape, mut reel) = filled(true);
        for unique in [6, 7] {
            tape.reply(started(Opcode::FSYNC, unique, b"", b""), Outgoing::Done, stamp(unique));
        }
        assert_eq!(reel.next().map(super::Batch::len), Some(5));
        tape.reply(started(Opcode::FSYNC, 8, b"", b""), Outgoing::Done, stamp(8));
        drop(tape);
        assert_eq!(reel.dropped(), 2);
        assert_eq!(all(reel).iter().map(|seen| seen.0).collect::<Vec<_>>(), [8]);
    }

    #[test]
    fn a_listing_says_how_large_its_reply_may_have_been() {
        let (mut tape, reel) = tape(Timespec::ZERO, true, 8);
        let request = FuseReadIn { fh: 1, offset: 2, size: 0, ..FuseReadIn::default() };
        let request = request.as_bytes();
        let record = Listed { ino: 1, off: 1, kind: 4, name: b"name".to_vec(), entry: None };
        // In the middle of a batch, where nothing is aligned.
        tape.reply(started(Opcode::READLINK, 1, b"", b""), Outgoing::Data(b"odd".into()), stamp(1));
        let (records, end) = (vec![record.clone(), record.clone()], vec![]);
        tape.reply(started(Opcode::READDIR, 2, request, b""), Outgoing::Records(records), stamp(2));
        tape.reply(started(Opcode::READDIR, 3, request, b""), Outgoing::Records(end), stamp(3));
        drop(tape);
        let seen = all(reel);
        let sizes: Vec<_> = seen[1..].iter().map(|seen| seen.2[16..20].to_vec()).collect();
        assert_eq!(sizes, [4096_u32, 4096].map(|size| size.to_le_bytes().to_vec()));
        assert_eq!(Listed::decode_all(&seen[1].3, false), Some(vec![record.clone(), record]));
    }

    #[test]
    fn a_request_without_a_reply_has_neither_order_nor_duration() {
        let (mut tape, mut reel) = tape(Timespec::ZERO, true, 8);
        let mut forget = started(Opcode::FORGET, 1, b"", b"");
        forget.op.flags = OpFlags::default().with(OpFlags::NO_REPLY);
        tape.reply(forget, Outgoing::Nothing, stamp(9));
        tape.reply(started(Opcode::FSYNC, 2, b"", b""), Outgoing::Done, stamp(10));
        let batch = reel.next().expect("two operations");
        let times: Vec<_> =
            batch.operations().map(|taken| (taken.op.seq_reply, taken.op.duration_ns)).collect();
        assert_eq!(times, [(0, 0), (10, 7)]);
    }

    #[test]
    fn a_writer_that_sleeps_is_woken() {
        let (mut tape, mut reel) = tape(Timespec::ZERO, true, 8);
        reel.pauses = super::PAUSES;
        let writer = std::thread::Builder::new().spawn(move || all(reel).len()).expect("a thread");
        while super::lock(&tape.shared).sleeper.is_none() {
            std::thread::yield_now();
        }
        tape.reply(started(Opcode::FSYNC, 1, b"", b""), Outgoing::Done, stamp(1));
        drop(tape);
        assert_eq!(writer.join().expect("it ends"), 1);
    }
}
