//! A made-up load that looks like one: `find` and `cat` over ten thousand files by eight processes.

use fuserig_traces::record::{OpRef, PayloadRef};

/// xorshift64*, good enough to make up a load and the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        ((self.next() >> 32) * limit) >> 32
    }
}

#[derive(Debug)]
struct File {
    name: Vec<u8>,
    attr: [u8; 88],
}

/// Makes up operations one after the other.
#[derive(Debug)]
pub(crate) struct Load {
    random: Random,
    files: Vec<File>,
    seq: u64,
    unique: u64,
    time: u64,
    request: Vec<u8>,
    reply: Vec<u8>,
}

const FILES: u64 = 10_000;
const LOOKUP: u16 = 1;
const GETATTR: u16 = 3;
const READ: u16 = 15;

impl Load {
    pub(crate) fn new(seed: u64) -> Load {
        let mut random = Random::new(seed);
        let files = (0..FILES).map(|number| File::new(number, &mut random)).collect();
        let (request, reply) = (Vec::new(), Vec::new());
        Load { random, files, seq: 0, unique: 0, time: 0, request, reply }
    }

    /// The next operation. Nine in ten concern a hundred files that are in use; the others walk on.
    pub(crate) fn op(&mut self) -> OpRef<'_> {
        let step = self.seq / 2;
        let number = match self.random.below(10) {
            0 => (step / 10) % FILES,
            _ => (step / 1000 * 37 + self.random.below(100)) % FILES,
        };
        let file = &self.files[number as usize];
        let nodeid = number + 2;
        let (opcode, payload) = match self.random.below(20) {
            0..8 => (LOOKUP, PayloadRef::None),
            8..16 => (GETATTR, PayloadRef::None),
            _ => (READ, PayloadRef::Len(4096 * (1 + self.random.below(4)))),
        };
        self.request.clear();
        self.reply.clear();
        match opcode {
            LOOKUP => {
                self.request.extend_from_slice(&file.name);
                self.reply.extend_from_slice(&nodeid.to_le_bytes());
                self.reply.extend_from_slice(&[0; 8]);
                self.reply.extend_from_slice(&1u64.to_le_bytes());
                self.reply.extend_from_slice(&1u64.to_le_bytes());
                self.reply.extend_from_slice(&[0; 8]);
                self.reply.extend_from_slice(&file.attr);
            }
            GETATTR => {
                self.request.extend_from_slice(&[0; 16]);
                self.reply.extend_from_slice(&1u64.to_le_bytes());
                self.reply.extend_from_slice(&[0; 8]);
                self.reply.extend_from_slice(&file.attr);
            }
            _ => {
                self.request.extend_from_slice(&(self.random.below(8) + 3).to_le_bytes());
                self.request.extend_from_slice(&(self.random.below(64) << 14).to_le_bytes());
                self.request.extend_from_slice(&(1u32 << 14).to_le_bytes());
                self.request.extend_from_slice(&[0; 20]);
            }
        }
        self.seq += 2;
        self.unique += 2;
        self.time += 3_000 + self.random.below(40_000);
        OpRef {
            opcode,
            seq_send: self.seq - 1,
            seq_reply: self.seq,
            time_ns: self.time,
            duration_ns: 8_000 + self.random.below(50_000),
            unique: self.unique,
            nodeid: if opcode == LOOKUP { 1 + number / 100 } else { nodeid },
            uid: 1000,
            gid: 1000,
            pid: 4000 + self.random.below(8) as u32,
            request: &self.request,
            reply: &self.reply,
            payload,
            ..OpRef::default()
        }
    }
}

impl File {
    fn new(number: u64, random: &mut Random) -> File {
        let size = random.below(1 << 16);
        let words = [number + 100, size, size.div_ceil(512)];
        let seconds = 1_795_000_000 + random.below(86_400);
        let nanoseconds = random.below(1_000_000_000) as u32;
        let mut attr = Vec::new();
        words.iter().for_each(|word| attr.extend_from_slice(&word.to_le_bytes()));
        // atime, mtime, ctime: mtime and ctime are equal for a file that was only written.
        for time in [seconds + random.below(4_000), seconds, seconds] {
            attr.extend_from_slice(&time.to_le_bytes());
        }
        for part in [random.below(1_000_000_000) as u32, nanoseconds, nanoseconds] {
            attr.extend_from_slice(&part.to_le_bytes());
        }
        for part in [0o100_644u32, 1, 1000, 1000, 0, 4096, 0] {
            attr.extend_from_slice(&part.to_le_bytes());
        }
        File {
            name: format!("photo-{number:05}.jpeg\0").into_bytes(),
            attr: attr.try_into().expect("struct fuse_attr is 88 bytes"),
        }
    }
}
