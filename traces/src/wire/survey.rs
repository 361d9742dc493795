//! What the messages of a mount say about the mount.

use super::bytes::{u32_at, u64_at};
use super::used::Used;
use crate::record::{OpFlags, OpRef};
use crate::{CacheMode, Header, Init, Timeouts};

const LOOKUP: u16 = 1;
const GETATTR: u16 = 3;
const SETATTR: u16 = 4;
const SYMLINK: u16 = 6;
const MKNOD: u16 = 8;
const MKDIR: u16 = 9;
const LINK: u16 = 13;
const OPEN: u16 = 14;
const INIT: u16 = 26;
const CREATE: u16 = 35;
const TMPFILE: u16 = 51;
const ENOENT: i64 = 2;

/// `FOPEN_*` of an open reply.
const FOPEN_DIRECT_IO: u32 = 1;
const FOPEN_KEEP_CACHE: u32 = 2;
const FOPEN_PASSTHROUGH: u32 = 1 << 7;
/// Where `open_flags` lies in the replies of OPEN and of CREATE.
const OPEN_FLAGS: usize = 8;
const CREATE_OPEN_FLAGS: usize = 136;

/// Collects what the header of a trace says about its mount from the replies of the daemon: the
/// INIT exchange, how long answers are trusted, and what the page cache does. What replies disagree
/// on stays absent.
///
/// ```
/// use fuserig_traces::record::OpRef;
/// use fuserig_traces::wire::Survey;
/// use fuserig_traces::Header;
/// let mut survey = Survey::default();
/// survey.add(&OpRef { opcode: 1, seq_reply: 2, result: -2, ..OpRef::default() });
/// let mut header = Header::default();
/// survey.fill(&mut header);
/// assert_eq!(header.timeouts.and_then(|timeouts| timeouts.negative_ns), Some(0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    init: Option<Init>,
    minor: Option<u32>,
    entry: Same<u64>,
    attr: Same<u64>,
    negative: Same<u64>,
    open: Same<CacheMode>,
    passthrough: bool,
    used: Used,
}

/// A value that all agree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Same<T> {
    #[default]
    Nothing,
    One(T),
    Many,
}

impl<T: Copy + PartialEq> Same<T> {
    fn add(&mut self, value: T) {
        *self = match *self {
            Same::Nothing => Same::One(value),
            Same::One(known) if known == value => Same::One(known),
            Same::One(_) | Same::Many => Same::Many,
        };
    }

    fn value(self) -> Option<T> {
        match self {
            Same::One(value) => Some(value),
            Same::Nothing | Same::Many => None,
        }
    }
}

impl Survey {
    /// Takes an operation into account.
    pub fn add(&mut self, op: &OpRef<'_>) {
        self.used.add(op);
        let unseen = op.flags.contains(OpFlags::REPLY_UNSEEN);
        if op.seq_reply == 0 || unseen {
            return;
        }
        if op.opcode == LOOKUP && op.result == -ENOENT {
            // An ENOENT is not cached; a reply with node 0 is.
            self.negative.add(0);
        }
        if op.result != 0 {
            return;
        }
        match op.opcode {
            INIT => {
                let (init, minor) = super::init_of(op.request, op.reply);
                self.init = Some(init);
                self.minor = minor;
            }
            LOOKUP | SYMLINK | MKNOD | MKDIR | LINK => self.entry(op.reply),
            CREATE | TMPFILE => {
                self.entry(op.reply);
                self.opened(op.reply, CREATE_OPEN_FLAGS);
            }
            GETATTR | SETATTR => self.attr.add(timeout(op.reply, 0, 8)),
            OPEN => self.opened(op.reply, OPEN_FLAGS),
            _ => {}
        }
    }

    fn entry(&mut self, reply: &[u8]) {
        let Some(nodeid) = u64_at(reply, 0) else { return };
        let entry = timeout(reply, 16, 32);
        if nodeid == 0 {
            self.negative.add(entry);
            return;
        }
        self.entry.add(entry);
        self.attr.add(timeout(reply, 24, 36));
    }

    fn opened(&mut self, reply: &[u8], at: usize) {
        let Some(flags) = u32_at(reply, at) else { return };
        self.passthrough |= flags & FOPEN_PASSTHROUGH != 0;
        self.open.add(if flags & FOPEN_DIRECT_IO != 0 {
            CacheMode::Direct
        } else if flags & FOPEN_KEEP_CACHE != 0 {
            CacheMode::Keep
        } else {
            CacheMode::Through
        });
    }

    /// Whether the INIT exchange was seen.
    pub fn has_init(&self) -> bool {
        self.init.is_some()
    }

    /// Names of the INIT flags without which the messages would not be as they are, in bit order,
    /// for a recording that has no INIT.
    pub fn in_use(&self) -> Vec<String> {
        super::init_flag_names(self.used.flags())
    }

    /// The oldest minor version of the protocol that has all the messages: 9 at least, because
    /// older structs are not told apart without INIT.
    pub fn minor_at_least(&self) -> u32 {
        self.used.minor()
    }

    /// Writes what is known into a header. Without INIT the flags are those in use.
    pub fn fill(&self, header: &mut Header) {
        let timeouts = Timeouts {
            entry_ns: self.entry.value(),
            attr_ns: self.attr.value(),
            negative_ns: self.negative.value(),
        };
        header.timeouts = (timeouts != Timeouts::default()).then_some(timeouts);
        let in_use = self.in_use();
        let assumed = || Init { flags: in_use, ..Init::default() };
        let init = self.init.clone().or_else(|| (self.used.flags() != 0).then(assumed));
        let writeback = |init: &Init| init.flags.iter().any(|flag| flag == "writeback_cache");
        header.cache = match init.as_ref().is_some_and(writeback) {
            true => CacheMode::Writeback,
            false => self.open.value().unwrap_or(CacheMode::Unknown),
        };
        header.passthrough = self.passthrough;
        header.fuse_minor = self.minor;
        header.init = init;
    }
}

/// Seconds and nanoseconds of a timeout, in nanoseconds; "for ever" is the largest number.
fn timeout(reply: &[u8], seconds: usize, nanos: usize) -> u64 {
    let whole = u64_at(reply, seconds).unwrap_or(0).saturating_mul(1_000_000_000);
    whole.saturating_add(u64::from(u32_at(reply, nanos).unwrap_or(0)))
}
