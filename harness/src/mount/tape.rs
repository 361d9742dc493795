//! Operations on their way to the writer of a trace: one buffer, to which the pipeline appends and
//! which the writer takes whole.
//!
//! An operation costs the pipeline a few copies of what is small, and no allocation. Data whose
//! bytes are kept are handed on where they are large; of others a summary is made at once, while
//! a processor has them in its cache. What a reader would get wrong: nobody is woken for an
//! operation, which would cost the pipeline more than everything else that recording does. While
//! there is something to do the writer looks now and then by itself, and is woken when much has
//! come; after that it sleeps until something comes. It looks rarely: each time it goes to sleep, a
//! processor of the host looks for work and takes the mount's client away from the server.

use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::Thread;
use std::time::Duration;

use fuserig_abi::Timespec;
use fuserig_traces::PayloadMode;
use fuserig_traces::record::PayloadRef;

use super::batch::{Batch, Caller, Facts, Started, Summary, length, number};
use super::helper::Helper;
use super::job::Job;
use crate::rim;
use crate::serve::{Head, Incoming, Outgoing};

/// When an answer was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// Its place in the order of everything.
    pub(super) sequence: u64,
    /// By the clock of this machine.
    pub(super) end: Timespec,
}

/// Most bytes that wait for the writer.
const BYTES_MAX: usize = 256 << 20;

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
        let much = self.closed || self.batch.bytes() >= self.wakes_at;
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
    payload: PayloadMode,
    /// Operations that may wait for the writer.
    room: usize,
    helper: Arc<Helper>,
    /// Room for a request.
    spare: Option<Box<Started>>,
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Reel {
    shared: Arc<Mutex<Shared>>,
    taken: Batch,
    helper: Arc<Helper>,
    pauses: u32,
}

/// Both ends. Times count from `base`; `payload` says what is kept of data; `room` is for so many
/// operations.
pub(super) fn tape(base: Timespec, payload: PayloadMode, room: usize) -> (Tape, Reel) {
    let shared = Arc::<Mutex<Shared>>::default();
    let helper = Arc::<Helper>::default();
    let reel = Reel {
        shared: Arc::clone(&shared),
        taken: Batch::default(),
        helper: Arc::clone(&helper),
        pauses: 0,
    };
    (Tape { shared, base, payload, room, helper, spare: None }, reel)
}

impl Tape {
    /// The thread of the writer.
    pub(super) fn helper(&self) -> Arc<Helper> {
        Arc::clone(&self.helper)
    }

    /// The record of a request that is about to be answered, at the instant of its answer.
    pub(super) fn request(&mut self, job: &Job, now: Timespec) -> Box<Started> {
        let mut started = self.spare.take().unwrap_or_default();
        let Head { unique, nodeid, uid, gid, pid } = job.head;
        started.facts = Facts {
            opcode: number(job.incoming.opcode()),
            unanswered: job.incoming.is_unanswered(),
            seq_send: job.sequence,
            time_ns: self.since_base(now),
            unique: unique.0,
            nodeid: nodeid.0,
            caller: Caller { uid: uid.0, gid: gid.0, pid: pid.0 },
            ..Facts::default()
        };
        match &job.incoming {
            Incoming::Write { input, data } => {
                if !self.summarise(&mut started, data) {
                    started.data.extend_from_slice(data);
                }
                let head = Incoming::Write { input: *input, data: Vec::new() };
                head.encode_into(&mut started.request);
            }
            incoming => incoming.encode_into(&mut started.request),
        }
        started
    }

    /// Takes from an answer that was made, and will be sent, its result, its place in the order of
    /// everything, and what is kept of its data instead of their bytes, which a processor has in
    /// its cache.
    pub(super) fn answered(&self, started: &mut Started, outgoing: &Outgoing, stamp: Stamp) {
        let facts = &mut started.facts;
        if !facts.unanswered {
            facts.seq_reply = stamp.sequence;
            let end = self.since_base(stamp.end);
            facts.duration_ns = end.saturating_sub(facts.time_ns);
        }
        facts.result = outgoing.result();
        if let Outgoing::Data(data) = outgoing
            && started.reads()
        {
            self.summarise(started, data);
        }
    }

    /// Completes the record of an operation that was [answered](Tape::answered) with the reply, and
    /// hands it on.
    pub(super) fn reply(&mut self, mut started: Box<Started>, outgoing: Outgoing) {
        let outgoing = match outgoing {
            Outgoing::Data(data) if started.reads() => {
                if self.payload == PayloadMode::Full {
                    started.data = data;
                }
                None
            }
            outgoing => Some(outgoing),
        };
        let sleeper = {
            let mut shared = lock(&self.shared);
            let batch = &mut shared.batch;
            if batch.len() < self.room && batch.bytes() < BYTES_MAX {
                batch.append(&mut started, outgoing);
            } else {
                shared.dropped += 1;
            }
            shared.woken()
        };
        if let Some(sleeper) = sleeper {
            sleeper.unpark();
        }
        started.request.clear();
        started.data.clear();
        self.spare = Some(started);
    }

    /// Whether an operation now has what is kept of its data; if not, their bytes are kept.
    fn summarise(&self, started: &mut Started, data: &[u8]) -> bool {
        if data.is_empty() {
            return true;
        }
        let Some(summary) = self.payload.summary(data) else { return false };
        started.facts.summary = match summary {
            PayloadRef::Digest { digest, .. } => Summary::Digest(length(data.len()), digest),
            PayloadRef::Len(_) => Summary::Length(length(data.len())),
            _ => Summary::Nothing,
        };
        true
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
const PAUSE: Duration = Duration::from_millis(64);
/// What has come is looked at sooner when it is so many bytes: more would not stay in a processor's
/// cache.
const MUCH: usize = 512 << 10;
/// After how many pauses in a row it sleeps until something comes.
const PAUSES: u32 = 8;

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

#[cfg(test)]
mod tests {
    use fuserig_abi::{FuseReadIn, FuseWriteIn, Opcode, Timespec, Unique};
    use fuserig_traces::PayloadMode;
    use fuserig_traces::record::{Payload, PayloadDigest};
    use zerocopy::IntoBytes;

    use super::{Reel, Stamp, Tape, tape};
    use crate::mount::batch::{Batch, Caller, FAR, Facts, LONG, Started};
    use crate::mount::job::{Job, ReplyTo};
    use crate::serve::{Head, Incoming, Listed, Outgoing};

    fn started(opcode: Opcode, unique: u64, request: &[u8]) -> Box<Started> {
        let facts = Facts { opcode: opcode.0 as u16, unique, time_ns: 5, ..Facts::default() };
        Box::new(Started { facts, request: request.to_vec(), data: Vec::new() })
    }

    fn stamp(sequence: u64) -> Stamp {
        Stamp { sequence, end: Timespec { sec: 0, nsec: 12 } }
    }

    /// Unique number, reply sequence, request, reply, data and what is kept instead of them.
    type Seen = (u64, u64, Vec<u8>, Vec<u8>, Vec<u8>, Payload);

    fn all(mut reel: Reel) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Some(batch) = reel.next() {
            seen.extend(batch.operations().map(|taken| {
                let op = taken.op;
                let (request, reply) = (op.request.to_vec(), op.reply.to_vec());
                (
                    op.unique,
                    op.seq_reply,
                    request,
                    reply,
                    taken.data.to_vec(),
                    op.payload.to_owned(),
                )
            }));
        }
        seen
    }

    fn reply(tape: &mut Tape, mut started: Box<Started>, outgoing: Outgoing, stamp: Stamp) {
        tape.answered(&mut started, &outgoing, stamp);
        tape.reply(started, outgoing);
    }

    fn write(tape: &mut Tape, data: &[u8]) {
        let incoming = Incoming::Write { input: FuseWriteIn::default(), data: data.to_vec() };
        let head = Head { unique: Unique(3), ..Head::default() };
        let job = Job { head, incoming, reply: ReplyTo::Nobody, sequence: 2 };
        let started = tape.request(&job, Timespec::ZERO);
        reply(tape, started, Outgoing::Done, stamp(3));
    }

    fn filled(payload: PayloadMode) -> (Tape, Reel) {
        let (mut tape, reel) = tape(Timespec::ZERO, payload, 6);
        let long = vec![7; LONG];
        reply(&mut tape, started(Opcode::READ, 1, b"r1"), Outgoing::Data(b"ab".into()), stamp(1));
        reply(&mut tape, started(Opcode::READ, 2, b"r2"), Outgoing::Data(long.clone()), stamp(2));
        write(&mut tape, &long);
        reply(&mut tape, started(Opcode::READLINK, 4, b""), Outgoing::Data(b"to".into()), stamp(4));
        reply(&mut tape, started(Opcode::READ, 5, b"r5"), Outgoing::Data(vec![8; LONG]), stamp(5));
        reply(&mut tape, started(Opcode::READ, 6, b"r6"), Outgoing::Data(vec![]), stamp(6));
        (tape, reel)
    }

    #[test]
    fn operations_come_out_as_they_went_in_short_and_long() {
        let (tape, reel) = filled(PayloadMode::Full);
        drop(tape);
        let (long, write) = (vec![7; LONG], FuseWriteIn::default().as_bytes().to_vec());
        let expected: Vec<Seen> = vec![
            (1, 1, b"r1".into(), vec![], b"ab".into(), Payload::None),
            (2, 2, b"r2".into(), vec![], long.clone(), Payload::None),
            (3, 3, write, vec![], long, Payload::None),
            (4, 4, vec![], b"to".into(), vec![], Payload::None),
            (5, 5, b"r5".into(), vec![], vec![8; LONG], Payload::None),
            (6, 6, b"r6".into(), vec![], vec![], Payload::None),
        ];
        assert_eq!(all(reel), expected);
    }

    #[test]
    fn data_that_nobody_keeps_are_summarised() {
        let check = |mode: PayloadMode, summary: &dyn Fn(&[u8]) -> Payload| {
            let (tape, reel) = filled(mode);
            drop(tape);
            let seen: Vec<_> = all(reel).into_iter().map(|seen| (seen.0, seen.4, seen.5)).collect();
            let (two, long) = (summary(b"ab"), summary(&[7; LONG]));
            let kept = [two, long.clone(), long, Payload::None, summary(&[8; LONG]), Payload::None];
            let expected: Vec<_> =
                (1..).zip(kept).map(|(unique, kept)| (unique, vec![], kept)).collect();
            assert_eq!(seen, expected, "{mode:?}");
        };
        check(PayloadMode::None, &|_| Payload::None);
        check(PayloadMode::Len, &|data| Payload::Len(data.len() as u64));
        check(PayloadMode::Hash, &|data| Payload::Digest {
            len: data.len() as u64,
            digest: PayloadDigest::of(data),
        });
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let (mut tape, mut reel) = filled(PayloadMode::Full);
        for unique in [7, 8] {
            reply(&mut tape, started(Opcode::FSYNC, unique, b""), Outgoing::Done, stamp(unique));
        }
        assert_eq!(reel.next().map(Batch::len), Some(6));
        reply(&mut tape, started(Opcode::FSYNC, 9, b""), Outgoing::Done, stamp(9));
        drop(tape);
        assert_eq!(reel.dropped(), 2);
        assert_eq!(all(reel).iter().map(|seen| seen.0).collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn a_listing_says_how_large_its_reply_may_have_been() {
        let (mut tape, reel) = tape(Timespec::ZERO, PayloadMode::Hash, 8);
        let request = FuseReadIn { fh: 1, offset: 2, size: 0, ..FuseReadIn::default() };
        let request = request.as_bytes();
        let record = Listed { ino: 1, off: 1, kind: 4, name: b"name".to_vec(), entry: None };
        // In the middle of a batch, where nothing is aligned.
        reply(
            &mut tape,
            started(Opcode::READLINK, 1, b""),
            Outgoing::Data(b"odd".into()),
            stamp(1),
        );
        let (records, end) = (vec![record.clone(), record.clone()], vec![]);
        reply(
            &mut tape,
            started(Opcode::READDIR, 2, request),
            Outgoing::Records(records),
            stamp(2),
        );
        reply(&mut tape, started(Opcode::READDIR, 3, request), Outgoing::Records(end), stamp(3));
        drop(tape);
        let seen = all(reel);
        let sizes: Vec<_> = seen[1..].iter().map(|seen| seen.2[16..20].to_vec()).collect();
        assert_eq!(sizes, [4096_u32, 4096].map(|size| size.to_le_bytes().to_vec()));
        assert_eq!(Listed::decode_all(&seen[1].3, false), Some(vec![record.clone(), record]));
    }

    #[test]
    fn a_request_without_a_reply_has_neither_order_nor_duration() {
        let (mut tape, mut reel) = tape(Timespec::ZERO, PayloadMode::Hash, 8);
        let mut forget = started(Opcode::FORGET, 1, b"");
        forget.facts.unanswered = true;
        reply(&mut tape, forget, Outgoing::Nothing, stamp(9));
        reply(&mut tape, started(Opcode::FSYNC, 2, b""), Outgoing::Done, stamp(10));
        let batch = reel.next().expect("two operations");
        let times: Vec<_> =
            batch.operations().map(|taken| (taken.op.seq_reply, taken.op.duration_ns)).collect();
        assert_eq!(times, [(0, 0), (10, 7)]);
    }

    #[test]
    fn a_reply_that_comes_late_has_its_order_and_its_duration() {
        let (mut tape, mut reel) = tape(Timespec::ZERO, PayloadMode::Hash, 8);
        let far = u64::from(FAR);
        let lates =
            [(7, 3), (far + 6, 3), (far + 7, 3), (9, far - 1), (9, far), (2 * far, 2 * far)];
        for (seq_reply, duration) in lates {
            let mut late = started(Opcode::SETLKW, 1, b"");
            late.facts.seq_send = 7;
            let (sec, nsec) = (duration / 1_000_000_000, (duration + 5) % 1_000_000_000);
            let end = Timespec { sec: sec as i64, nsec: nsec as u32 };
            reply(&mut tape, late, Outgoing::Done, Stamp { sequence: seq_reply, end });
        }
        let batch = reel.next().expect("operations");
        let seen: Vec<_> =
            batch.operations().map(|taken| (taken.op.seq_reply, taken.op.duration_ns)).collect();
        assert_eq!(seen, lates);
    }

    #[test]
    fn each_operation_has_its_caller() {
        let (mut tape, mut reel) = tape(Timespec::ZERO, PayloadMode::Hash, 8);
        let callers = [3, 3, 4, 3, 5].map(|pid| Caller { uid: 1, gid: pid * 2, pid });
        for caller in callers {
            let mut asked = started(Opcode::FSYNC, 1, b"");
            asked.facts.caller = caller;
            reply(&mut tape, asked, Outgoing::Done, stamp(1));
        }
        let batch = reel.next().expect("operations");
        let seen: Vec<_> = batch
            .operations()
            .map(|taken| Caller { uid: taken.op.uid, gid: taken.op.gid, pid: taken.op.pid })
            .collect();
        assert_eq!(seen, callers);
    }

    #[test]
    fn a_writer_that_sleeps_is_woken() {
        let (mut tape, mut reel) = tape(Timespec::ZERO, PayloadMode::Hash, 8);
        reel.pauses = super::PAUSES;
        let writer = std::thread::Builder::new().spawn(move || all(reel).len()).expect("a thread");
        while super::lock(&tape.shared).sleeper.is_none() {
            std::thread::yield_now();
        }
        reply(&mut tape, started(Opcode::FSYNC, 1, b""), Outgoing::Done, stamp(1));
        drop(tape);
        assert_eq!(writer.join().expect("it ends"), 1);
    }
}
