//! Requests and results as lines that two arms can agree on.

use std::collections::BTreeMap;

use fuserig::serve::Incoming;
use fuserig::vfs::{CallResult, Output};
use fuserig::wire_replay::Exchange;
use fuserig_abi::{
    FATTR_ATIME_NOW, FATTR_CTIME, FATTR_KILL_SUIDGID, FATTR_LOCKOWNER, FATTR_MTIME_NOW,
};
use fuserig_sim_fs::LockKind;

/// A mask that leaves out whole calls.
pub(crate) const DATA_OF_FIFOS: &str = "data of a fifo";

/// Masks that make a random program another one.
pub(crate) const WAITING_OPENS: &str = "opens that wait";
pub(crate) const OTHER_USERS: &str = "users besides one";
/// A mask that hides who has a lock.
const HOLDER: &str = "holder of a lock";

/// What is left out of the comparison, each with its reason. `unique`, `pid` and the time of a
/// request are no part of a line at all: they say who counted, and when.
pub(crate) const MASKS: &[(&str, &str)] = &[
    ("lock owner", "the kernel scrambles a pointer, the model gives a number"),
    ("time of now", "the two arms have two clocks; the bit that says `now` is compared"),
    ("hidden flags", "fuser 0.18 keeps GETATTR, READ, RELEASE and SETATTR flags to itself"),
    ("listing size", "fuser 0.18 does not say how large the reply may be"),
    (DATA_OF_FIFOS, "no filesystem carries it: reads and writes without a position are not made"),
    (WAITING_OPENS, "nobody comes to the other end of a fifo: every open has O_NONBLOCK"),
    (OTHER_USERS, "the tree is for one user: every other one of a program is that one at first"),
    (HOLDER, "the clients of the kernel are threads of one process, which is whom it names"),
    ("number of FORGETs", "the kernel sends them when it likes, and several as one: sums count"),
];

/// How often each mask had something to hide.
#[derive(Debug, Default)]
pub(crate) struct Masked(pub(crate) BTreeMap<&'static str, u64>);

impl Masked {
    /// Counts where a mask changed a program.
    pub(crate) fn count(&mut self, name: &'static str, changed: bool) {
        *self.0.entry(name).or_default() += u64::from(changed);
    }

    fn hide<T: Default + PartialEq>(&mut self, name: &'static str, field: &mut T) {
        assert!(MASKS.iter().any(|(known, _)| *known == name), "{name} is in the list");
        if *field != T::default() {
            *self.0.entry(name).or_default() += 1;
            *field = T::default();
        }
    }

    fn hide_bits(&mut self, name: &'static str, field: &mut u32, bits: u32) {
        let mut hidden = *field & bits;
        *field &= !bits;
        self.hide(name, &mut hidden);
    }

    /// A request as a line.
    pub(crate) fn request(&mut self, exchange: &Exchange) -> String {
        let Exchange { head, opcode, body, .. } = exchange;
        let mut incoming = Incoming::decode(*opcode, body).expect("a kernel's own bytes");
        let result = exchange.reply.as_ref().map_or(0, |reply| reply.error);
        self.mask(&mut incoming);
        let text = match incoming {
            Incoming::Write { input, data } => format!("{input:?} with {} bytes", data.len()),
            other => readable(&format!("{other:?}")),
        };
        format!("n{} u{}:{} {text} -> {result}", head.nodeid.0, head.uid, head.gid)
    }

    fn mask(&mut self, incoming: &mut Incoming) {
        match incoming {
            Incoming::Getattr { flags, .. } => self.hide_bits("hidden flags", flags, !1),
            Incoming::Setattr { input } => {
                self.hide("lock owner", &mut input.lock_owner);
                let hidden = FATTR_LOCKOWNER | FATTR_KILL_SUIDGID | FATTR_CTIME;
                self.hide_bits("hidden flags", &mut input.valid, hidden);
                let now = [
                    (FATTR_ATIME_NOW, &mut input.atime, &mut input.atimensec),
                    (FATTR_MTIME_NOW, &mut input.mtime, &mut input.mtimensec),
                ];
                for (bit, seconds, nanoseconds) in now {
                    if input.valid & bit != 0 {
                        self.hide("time of now", seconds);
                        self.hide("time of now", nanoseconds);
                    }
                }
            }
            Incoming::Write { input, .. } => self.hide("lock owner", &mut input.lock_owner),
            Incoming::Read { input } => {
                self.hide("lock owner", &mut input.lock_owner);
                self.hide("hidden flags", &mut input.read_flags);
            }
            Incoming::Readdir { input } | Incoming::Readdirplus { input } => {
                self.hide("listing size", &mut input.size);
                self.hide("hidden flags", &mut input.flags);
            }
            Incoming::Release { input } | Incoming::Releasedir { input } => {
                self.hide("lock owner", &mut input.lock_owner);
                self.hide("hidden flags", &mut input.release_flags);
            }
            Incoming::Flush { input } => self.hide("lock owner", &mut input.lock_owner),
            _ => {}
        }
    }

    /// A result without times.
    pub(crate) fn result(&mut self, result: &CallResult) -> String {
        let output = match &result.output {
            Output::Stat(stat) => format!(
                "ino {} {:?} {:o} nlink {} {}:{} size {}",
                stat.ino, stat.kind, stat.permissions, stat.nlink, stat.uid, stat.gid, stat.size
            ),
            Output::Bytes(bytes) if bytes.len() > 64 => {
                let sum =
                    bytes.iter().fold(0_u64, |sum, &byte| sum.wrapping_mul(31) + u64::from(byte));
                format!("{} bytes, {sum:x}", bytes.len())
            }
            Output::Bytes(bytes) if bytes.is_empty() => String::new(),
            Output::Bytes(bytes) => format!("'{}'", bytes.escape_ascii()),
            Output::Records(records) => {
                let names = records.iter().map(|record| {
                    format!("{} {} {}", record.ino, record.kind, record.name.escape_ascii())
                });
                names.collect::<Vec<_>>().join(", ")
            }
            // Figures of the filesystem are in the reply to STATFS.
            Output::None | Output::StatFs(_) => String::new(),
            Output::Lock(lock) => {
                let mut owner = lock.owner;
                if lock.kind != LockKind::Unlock {
                    self.hide(HOLDER, &mut owner);
                }
                format!("{:?} from {} to {}", lock.kind, lock.start, lock.end)
            }
        };
        match result.value {
            Ok(value) => format!("{value} {output}"),
            Err(errno) => errno.to_string(),
        }
    }

    /// The requests that are answered, in order, and by node the lookups given back.
    pub(crate) fn stream(&mut self, exchanges: &[Exchange]) -> (Vec<String>, BTreeMap<u64, u64>) {
        let (mut lines, mut forgotten) = (Vec::new(), BTreeMap::new());
        for exchange in exchanges {
            match Incoming::decode(exchange.opcode, &exchange.body) {
                Ok(Incoming::Forget { nlookup }) => {
                    *self.0.entry("number of FORGETs").or_default() += 1;
                    *forgotten.entry(exchange.head.nodeid.0).or_default() += nlookup;
                }
                _ => lines.push(self.request(exchange)),
            }
        }
        (lines, forgotten)
    }
}

/// Lists of bytes as text.
fn readable(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((list, tail)) = after.split_once(']') else { break };
        let bytes: Option<Vec<u8>> = list.split(", ").map(|byte| byte.parse().ok()).collect();
        shown.push_str(before);
        match bytes {
            Some(bytes) => shown.push_str(&format!("'{}'", bytes.escape_ascii())),
            None => shown.push_str(&format!("[{list}]")),
        }
        rest = tail;
    }
    shown + rest
}
