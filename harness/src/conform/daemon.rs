//! The recorded daemon: its policies, what it was asked, and the comparison of both sides.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{NodeId, Opcode, Quirk};
use serde::Deserialize;

use super::compare::Comparison;
use super::rule::number;
use super::wire::{Kind, spans};
use crate::daemon::{Action, Heard, PolicyDaemon};
use crate::pipeline::{Event, Route, Sink, What};

/// What answers requests that no policy names, when the case does not say: ENOSYS.
const OTHERWISE: i32 = -38;

/// One request read by the recorded daemon.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RequestRecord {
    pub(super) case: String,
    pub(super) n: i64,
    pub(super) opcode: u32,
    pub(super) ph: String,
    pub(super) node: u64,
    pub(super) len: u32,
    #[serde(default)]
    pub(super) uid: u32,
    #[serde(default)]
    pub(super) total_extlen: u32,
    #[serde(default)]
    pub(super) payload: String,
    #[serde(default)]
    pub(super) reply: String,
    #[serde(default)]
    pub(super) reply_len: u32,
    #[serde(default)]
    pub(super) reply_error: i32,
    #[serde(default)]
    pub(super) write_ret: i64,
    #[serde(default)]
    pub(super) write_errno: String,
}

impl RequestRecord {
    fn opcode_with_phase(&self) -> Opcode {
        let phase = match &self.ph[..] {
            "pre" => 0x1_0000,
            "post" => 0x2_0000,
            "pre|post" => 0x3_0000,
            _ => 0,
        };
        Opcode(self.opcode | phase)
    }
}

/// Reads the policies of a case (`dpol` and `ddef` among its rules).
pub(super) fn policies(rules: &[String]) -> Result<PolicyDaemon, String> {
    let mut otherwise = OTHERWISE;
    for rule in rules {
        if let Some(error) = rule.strip_prefix("ddef ") {
            otherwise = number(error.trim())? as i32;
        }
    }
    let mut daemon = PolicyDaemon::new(Action::Error(otherwise));
    for rule in rules {
        let Some(text) = rule.strip_prefix("dpol ") else { continue };
        let mut words = text.split_whitespace();
        let mut word = || words.next().ok_or_else(|| format!("a policy is cut off: {rule}"));
        let opcode = Opcode(number(word()?)? as u32);
        let (kind, value) = (word()?, words.next().unwrap_or(""));
        daemon.policy(opcode, action(kind, value)?);
    }
    Ok(daemon)
}

fn action(kind: &str, value: &str) -> Result<Action, String> {
    let count = |text: &str| number(text).map(|value| usize::try_from(value).unwrap_or(0));
    Ok(match kind {
        "err" => Action::Error(number(value)? as i32),
        "echo" => Action::Echo,
        "echofirst" => Action::EchoFirst(count(value)?),
        "slice" => {
            let (offset, length) =
                value.split_once(',').ok_or_else(|| format!("not OFFSET,LENGTH: {value}"))?;
            Action::Slice { offset: count(offset)?, length: count(length)?.min(1 << 16) }
        }
        "data" => Action::Data(hex(value), Route::Write),
        "ioctldata" => Action::Data(hex(value), Route::Ioctl),
        other => match other.strip_prefix("errdata") {
            Some(error) => Action::ErrorData(number(error)? as i32, hex(value)),
            None => return Err(format!("unknown policy {other}")),
        },
    })
}

/// Pairs of digits up to the first that is none; at most 512 bytes, as the recorder keeps.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().collect();
    digits
        .chunks_exact(2)
        .map_while(|pair| {
            let (high, low) = (pair[0].to_digit(16)?, pair[1].to_digit(16)?);
            u8::try_from(high * 16 + low).ok()
        })
        .take(512)
        .collect()
}

/// Notes quirks, and of which lengths the body of each request was put together.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) pieces: Rc<RefCell<Vec<Vec<u32>>>>,
    pub(super) hits: Rc<RefCell<Vec<Quirk>>>,
}

impl Sink for Notes {
    fn event(&mut self, event: &Event<'_>) {
        match event.what {
            What::DaemonRequest { pieces, .. } => self.pieces.borrow_mut().push(pieces.to_vec()),
            What::Quirk { quirk } | What::Crash { quirk } => self.hits.borrow_mut().push(quirk),
            _ => {}
        }
    }
}

/// What one side's daemon heard, with the system call it belongs to.
#[derive(Debug)]
pub(super) struct HeardAt {
    pub(super) n: i64,
    pub(super) heard: Heard,
    pub(super) pieces: Vec<u32>,
}

/// Whether nobody waits for the request, so that its place among the others is chance.
fn floats(opcode: Opcode) -> bool {
    [Opcode::INIT, Opcode::RELEASE, Opcode::RELEASEDIR].contains(&opcode)
}

impl Comparison {
    /// Compares everything that the daemons were asked.
    pub(super) fn requests(
        &mut self,
        recorded: &[RequestRecord],
        ours: &[HeardAt],
        forgotten: &[(NodeId, u64)],
    ) {
        let mut there: Vec<&RequestRecord> =
            recorded.iter().filter(|record| record.reply != "noreply").collect();
        there.sort_by_key(|record| record.n);
        for floating in [false, true] {
            let there = there.iter().copied();
            let there: Vec<_> =
                there.filter(|record| floats(record.opcode_with_phase()) == floating).collect();
            let here: Vec<_> =
                ours.iter().filter(|at| floats(at.heard.request.opcode) == floating).collect();
            self.conversation(&there, &here, floating);
        }
        self.forgets(recorded, forgotten);
    }

    fn conversation(&mut self, there: &[&RequestRecord], here: &[&HeardAt], floating: bool) {
        let theirs: Vec<String> =
            there.iter().map(|record| record.opcode_with_phase().to_string()).collect();
        let ours: Vec<String> = here.iter().map(|at| at.heard.request.opcode.to_string()).collect();
        if theirs != ours {
            self.note("daemon", "requests", &theirs.join(" ")[..], &ours.join(" ")[..]);
            return;
        }
        for (record, at) in there.iter().zip(here) {
            self.request(record, at, floating);
        }
    }

    fn request(&mut self, record: &RequestRecord, at: &HeardAt, floating: bool) {
        let heard = &at.heard;
        let place = format!("daemon, #{} {}", record.n, heard.request.opcode);
        let bytes = heard.request.encode();
        let extension = if heard.request.error_in.is_some() { 2 } else { 0 };
        let (written, errno) = match heard.written {
            Ok(count) => (count as i64, String::new()),
            Err(errno) => (-1, errno.to_string()),
        };
        // A refused reply is followed by EIO, and that is what is recorded.
        let refused = heard.written.is_err();
        let reply_error = if refused { -5 } else { heard.reply.error };
        let reply_len = if refused { 0 } else { 16 + heard.reply.body.len() as i64 };
        let mut numbers = vec![
            ("nodeid", record.node as i64, heard.request.nodeid.0 as i64),
            ("len", i64::from(record.len), bytes.len() as i64),
            ("uid", i64::from(record.uid), i64::from(heard.request.uid.0)),
            ("total_extlen", i64::from(record.total_extlen), extension),
            ("write", record.write_ret, written),
            ("reply length", i64::from(record.reply_len), reply_len),
            ("reply error", i64::from(record.reply_error), i64::from(reply_error)),
        ];
        if !floating {
            numbers.push(("system call", record.n, at.n));
        }
        for (what, recorded, ours) in numbers {
            if recorded != ours {
                self.note(&place, what, recorded, ours);
            }
        }
        if record.write_errno != errno {
            self.note(&place, "write errno", &record.write_errno[..], &errno[..]);
        }
        let ours = &bytes[40..];
        let recorded = hex(&record.payload);
        if record.opcode == Opcode::INIT.0 {
            return;
        }
        self.payload(&place, heard.request.opcode, &at.pieces, &recorded, ours);
    }

    /// The bodies piece by piece; what depends on the day of the recording is compared by shape.
    fn payload(
        &mut self,
        place: &str,
        opcode: Opcode,
        pieces: &[u32],
        recorded: &[u8],
        ours: &[u8],
    ) {
        let shown = ours.len().min(256);
        if recorded.len() != shown {
            self.note(place, "payload length", recorded.len() as i64, shown as i64);
            return;
        }
        let (mut theirs, mut here) = (recorded.to_vec(), ours[..shown].to_vec());
        for (start, length, kind) in spans(opcode, pieces) {
            let Some(range) = (start < shown).then(|| start..(start + length).min(shown)) else {
                continue;
            };
            if kind == Kind::Records {
                if !self.same_records(&theirs[range.clone()], &here[range.clone()]) {
                    self.note(place, "records", &theirs[range.clone()], &here[range.clone()]);
                }
            } else if length == 8 && range.len() == 8 {
                self.figure(place, kind, &theirs[range.clone()], &here[range.clone()]);
            }
            theirs[range.clone()].fill(0);
            here[range].fill(0);
        }
        if theirs != here {
            self.note(place, "payload", &theirs[..], &here[..]);
        }
    }

    fn figure(&mut self, place: &str, kind: Kind, theirs: &[u8], here: &[u8]) {
        let word = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let (theirs, here) = (word(theirs), word(here));
        let same = match kind {
            Kind::Inode => theirs == 0 && here == 0 || self.same_inode(theirs, here),
            Kind::Time => Comparison::same_time(theirs, here),
            Kind::Size => theirs == here || self.is_ext4(),
            Kind::Any | Kind::Records => true,
        };
        if !same {
            self.note(place, &format!("{kind:?}"), theirs, here);
        }
    }

    /// FORGET and BATCH_FORGET are one thing in two packings, and come when they come.
    fn forgets(&mut self, recorded: &[RequestRecord], ours: &[(NodeId, u64)]) {
        let word = |bytes: &[u8], at: usize| {
            bytes.get(at..at + 8).map_or(0, |b| u64::from_le_bytes(b.try_into().expect("eight")))
        };
        let mut theirs: Vec<(u64, u64)> = Vec::new();
        // A record holds the first 256 bytes of a body, and a batch may have more.
        let mut cut_off = 0;
        for record in recorded {
            let payload = hex(&record.payload);
            match Opcode(record.opcode) {
                Opcode::FORGET => theirs.push((record.node, word(&payload, 0))),
                Opcode::BATCH_FORGET => {
                    let pairs = payload.get(8..).unwrap_or_default().chunks_exact(16);
                    cut_off += (word(&payload, 0) as u32 as usize).saturating_sub(pairs.len());
                    theirs.extend(pairs.map(|pair| (word(pair, 0), word(pair, 8))));
                }
                _ => {}
            }
        }
        let mut ours: Vec<(u64, u64)> = ours.iter().map(|(node, n)| (node.0, *n)).collect();
        theirs.sort_unstable();
        ours.sort_unstable();
        let mut rest = ours.clone();
        let shown = theirs.iter().all(|pair| match rest.iter().position(|ours| ours == pair) {
            Some(place) => {
                rest.remove(place);
                true
            }
            None => false,
        });
        if cut_off > 0 && shown && rest.len() == cut_off {
            return;
        }
        if theirs != ours {
            self.note("daemon", "forgets", &format!("{theirs:?}")[..], &format!("{ours:?}")[..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, action, hex};
    use crate::pipeline::Route;

    #[test]
    fn policies_are_read_as_the_recorder_reads_them() {
        let table = [
            (("err", "-13"), Action::Error(-13)),
            (("echo", "x"), Action::Echo),
            (("echofirst", "8"), Action::EchoFirst(8)),
            (("slice", "16,104"), Action::Slice { offset: 16, length: 104 }),
            (("data", "4144"), Action::Data(b"AD".to_vec(), Route::Write)),
            (("ioctldata", "41"), Action::Data(b"A".to_vec(), Route::Ioctl)),
            (("errdata-5", "41"), Action::ErrorData(-5, b"A".to_vec())),
        ];
        for ((kind, value), expected) in table {
            assert_eq!(action(kind, value), Ok(expected), "{kind} {value}");
        }
        assert!(action("sing", "").is_err());
        assert_eq!(hex("414z"), b"A");
    }
}
