//! The replayer.

use std::collections::BTreeMap;

use fuserig_abi::{FuseEntryOut, Opcode};

use super::assumed::Assumed;
use super::compare::{Comparison, declined};
use super::exchange::{Exchange, Replied};
use super::map::{Listing, Map};
use super::report::{BEFORE, CUT, WireDivergence, WireReport};
use super::uses::{POLL_HACK, is_about_hidden, is_hidden_name};
use crate::serve::{Head, Incoming, Listed, Outgoing, Server};

/// What has to be equal.
///
/// ```
/// use fuserig::wire_replay::Judgement;
/// assert_ne!(Judgement::Exact, Judgement::Mapped);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Every byte: for what this server recorded itself, over the simulated lower filesystem.
    Exact,
    /// Results, types, modes, owners, link counts, lengths, contents and names; not numbers of
    /// nodes and handles, times, blocks, lengths of directories, validities, and figures of the
    /// filesystem, which are another daemon's own.
    Mapped,
}

/// The reason of names that libfuse makes up.
const HIDDEN: &str = "libfuse hides a removed file under the name";
/// Larger than any listing that is compared.
const WHOLE: u32 = 1 << 26;

/// Feeds recorded requests to a server and compares the replies.
///
/// ```
/// use fuserig::kernel::{World, WorldConfig};
/// use fuserig::pipeline::{NoDaemon, NullSink};
/// use fuserig::serve::{Head, Incoming, Outgoing, Server, ServerConfig};
/// use fuserig::wire_replay::{Exchange, Judgement, Replied, WireReplayer};
/// use fuserig_abi::{Opcode, Timespec};
/// use fuserig_sim_fs::MemFs;
///
/// let lower = Box::new(MemFs::from_tree("/notes.txt 'hi'").unwrap());
/// let config = WorldConfig::default();
/// let world = World::new(&config, lower, None, Box::new(NoDaemon), Box::new(NullSink)).unwrap();
/// let server = Server::new(world, ServerConfig::default());
/// let mut replayer = WireReplayer::new(server, Judgement::Mapped, 10);
/// replayer.play(&Exchange {
///     sequence: 1,
///     head: Head::default(),
///     opcode: Opcode::LOOKUP,
///     body: b"absent\0".to_vec(),
///     data_known: true,
///     reply: Some(Replied { error: -2, body: Vec::new(), data_known: true }),
///     cut: false,
///     now: Timespec::ZERO,
/// });
/// assert!(replayer.report().agrees());
/// ```
#[derive(Debug)]
pub struct WireReplayer {
    pub(super) server: Server,
    pub(super) map: Map,
    pub(super) judgement: Judgement,
    pub(super) assumed: Assumed,
    /// Data were cut from a write, so that what reads bring is unknown from there on.
    data_lost: bool,
    show_max: usize,
    report: WireReport,
}

impl WireReplayer {
    /// A replayer over a server that holds what the recorded one held at the start. Keeps the
    /// first `show_max` differences.
    pub fn new(server: Server, judgement: Judgement, show_max: usize) -> WireReplayer {
        let report = WireReport::default();
        let assumed = Assumed::default();
        let map = Map::new();
        WireReplayer { server, map, judgement, assumed, data_lost: false, show_max, report }
    }

    /// What was found so far.
    pub fn report(&self) -> &WireReport {
        &self.report
    }

    /// The server, for looking at what is left.
    pub fn into_server(self) -> Server {
        self.server
    }

    /// Serves one recorded request and compares the reply.
    pub fn play(&mut self, exchange: &Exchange) {
        if matches!(exchange.opcode, Opcode::INIT | Opcode::DESTROY) {
            return self.skip("session");
        }
        let Some(incoming) = exchange.incoming() else { return self.play_nothing(exchange) };
        if self.judgement == Judgement::Mapped {
            if is_about_hidden(&incoming) {
                self.report.served += 1;
                return self.uncompare(HIDDEN);
            }
            self.prepare(exchange, &incoming);
        }
        let (head, incoming) = self.map.translate(&exchange.head, &incoming);
        let recorded = exchange.reply.as_ref().and_then(|reply| recorded(&incoming, reply));
        let listing = matches!(incoming, Incoming::Readdir { .. } | Incoming::Readdirplus { .. });
        self.report.served += 1;
        if listing && self.judgement == Judgement::Mapped {
            return self.play_listing(exchange, &head, &incoming, recorded);
        }
        if let (Judgement::Mapped, Some(recorded)) = (self.judgement, &recorded)
            && let Some(reason) = declined(&incoming, recorded)
        {
            return self.uncompare(reason);
        }
        let unanswered = incoming.is_unanswered();
        let released = match &incoming {
            Incoming::Releasedir { input } => Some(input.fh),
            _ => None,
        };
        self.data_lost |= exchange.cut && exchange.opcode == Opcode::WRITE;
        let ours = self.server.handle(&head, incoming, exchange.now);
        let ours = self.assumed.without_holder(exchange.head.nodeid, ours);
        if let Some(fh) = released {
            self.map.listings.remove(&fh);
        }
        if exchange.cut {
            self.learn_cut(exchange, &ours);
            return self.uncompare(CUT);
        }
        let Some(recorded) = recorded else {
            return match (&exchange.reply, unanswered) {
                (_, true) => self.uncompare("the protocol has no reply"),
                (None, false) => self.uncompare("no reply was recorded"),
                (Some(_), false) => {
                    let reply = "not what the protocol has".to_owned();
                    self.conclude(exchange, vec![("reply".to_owned(), reply, String::new())]);
                }
            };
        };
        self.learn(exchange.head.nodeid.0, &recorded, &ours);
        let known = exchange.reply.as_ref().is_none_or(|reply| reply.data_known);
        let known = known && !self.data_lost;
        let mut comparison = Comparison::new(self.judgement);
        if let (Outgoing::Records(theirs), Outgoing::Records(our)) = (&recorded, &ours) {
            if !theirs.iter().map(numbered_alike).eq(our.iter().map(numbered_alike)) {
                let text = |records: &[Listed]| format!("{} records", records.len());
                comparison.differ("listing", text(theirs), text(our));
            }
        } else {
            comparison.replies(&recorded, &ours, known);
        }
        self.conclude(exchange, comparison.found);
    }

    /// Another daemon lists in an order and in portions of its own: names are compared as a set.
    fn play_listing(
        &mut self,
        exchange: &Exchange,
        head: &Head,
        incoming: &Incoming,
        recorded: Option<Outgoing>,
    ) {
        let (Incoming::Readdir { input } | Incoming::Readdirplus { input }) = incoming else {
            return self.uncompare("no listing");
        };
        let fh = input.fh;
        if input.offset == 0 || !self.map.listings.contains_key(&fh) {
            let mut whole = *input;
            (whole.offset, whole.size) = (0, WHOLE);
            let request = match incoming {
                Incoming::Readdirplus { .. } => Incoming::Readdirplus { input: whole },
                _ => Incoming::Readdir { input: whole },
            };
            match self.server.handle(head, request, exchange.now) {
                Outgoing::Records(records) => {
                    let named = |record: Listed| (record.name.clone(), record);
                    let mut ours: BTreeMap<_, _> = records.into_iter().map(named).collect();
                    if let Some(holder) = self.assumed.holder_in(head.nodeid) {
                        ours.remove(holder);
                    }
                    let has_gaps = input.offset != 0;
                    let listing = Listing { ours, has_gaps, ..Listing::default() };
                    self.map.listings.insert(fh, listing);
                }
                other => {
                    let Some(recorded) = recorded else {
                        return self.uncompare("no reply was recorded");
                    };
                    let mut comparison = Comparison::new(self.judgement);
                    comparison.replies(&recorded, &other, true);
                    return self.conclude(exchange, comparison.found);
                }
            }
        }
        match recorded {
            _ if exchange.cut => {
                if let Some(listing) = self.map.listings.get_mut(&fh) {
                    listing.has_gaps = true;
                }
                self.uncompare(CUT);
            }
            Some(Outgoing::Records(records)) => self.judge_listing(exchange, fh, &records),
            Some(other) => {
                let mut comparison = Comparison::new(self.judgement);
                comparison.replies(&other, &Outgoing::Records(Vec::new()), true);
                self.conclude(exchange, comparison.found);
            }
            None => self.uncompare("no reply was recorded"),
        }
    }

    fn judge_listing(&mut self, exchange: &Exchange, fh: u64, records: &[Listed]) {
        let mut comparison = Comparison::new(self.judgement);
        let mut listing = self.map.listings.remove(&fh).unwrap_or_default();
        for record in records.iter().filter(|record| !is_hidden_name(&record.name)) {
            let name = || record.name.escape_ascii().to_string();
            let Some(ours) = listing.ours.get(&record.name) else {
                comparison.differ("listing", name(), "no such name".to_owned());
                continue;
            };
            listing.seen.insert(record.name.clone());
            if let (Some(theirs), Some(our)) = (&record.entry, &ours.entry)
                && !record.is_dot()
            {
                self.map.learn_node(theirs.nodeid, our.nodeid);
            }
            comparison.listed(record, ours);
        }
        if records.is_empty() && listing.has_gaps {
            self.map.listings.insert(fh, listing);
            return self.uncompare("the end of a listing that the recording does not have whole");
        }
        if records.is_empty() {
            // The recorded listing is at its end.
            // A daemon may leave out the two that every directory has.
            let is_listed = |name: &[u8]| !matches!(name, b"." | b".." | POLL_HACK);
            let missed = |name: &&Vec<u8>| !listing.seen.contains(*name) && is_listed(name);
            for name in listing.ours.keys().filter(missed) {
                let name = name.escape_ascii().to_string();
                comparison.differ("listing", "no such name".to_owned(), name);
            }
        }
        self.map.listings.insert(fh, listing);
        self.conclude(exchange, comparison.found);
    }

    fn learn(&mut self, node: u64, recorded: &Outgoing, ours: &Outgoing) {
        match (recorded, ours) {
            (Outgoing::Entry(theirs), Outgoing::Entry(our)) => {
                self.map.learn_node(theirs.nodeid, our.nodeid);
            }
            (Outgoing::Create(entry, open), Outgoing::Create(our_entry, our_open)) => {
                self.map.learn_node(entry.nodeid, our_entry.nodeid);
                self.map.learn_file(entry.nodeid, open.fh, our_open.fh);
            }
            (Outgoing::Open(theirs), Outgoing::Open(our)) => {
                self.map.learn_file(node, theirs.fh, our.fh);
            }
            (Outgoing::Records(theirs), Outgoing::Records(our)) => {
                for (theirs, our) in theirs.iter().zip(our) {
                    let dot = theirs.is_dot();
                    if let (Some(theirs), Some(our), false) = (&theirs.entry, &our.entry, dot) {
                        self.map.learn_node(theirs.nodeid, our.nodeid);
                    }
                }
            }
            _ => {}
        }
    }

    /// What cannot be served: bytes that are no request, or not all of one.
    fn play_nothing(&mut self, exchange: &Exchange) {
        self.report.served += 1;
        if exchange.cut {
            return self.uncompare(CUT);
        }
        let error = match Incoming::decode(exchange.opcode, &exchange.body) {
            Ok(_) => return,
            Err(error) => error.to_string(),
        };
        let found = ("request".to_owned(), error, "not decodable".to_owned());
        self.conclude(exchange, vec![found]);
    }

    fn skip(&mut self, reason: &'static str) {
        self.uncompare(reason);
    }

    fn uncompare(&mut self, reason: &'static str) {
        *self.report.uncompared.entry(reason).or_default() += 1;
    }

    fn conclude(&mut self, exchange: &Exchange, found: Vec<super::compare::Difference>) {
        if found.is_empty() {
            self.assumed.confirm(exchange);
            self.report.equal += 1;
            return;
        }
        if self.assumed.excuses(exchange, &found) {
            return self.uncompare(BEFORE);
        }
        self.report.diverged += 1;
        for (field, recorded, ours) in found {
            if self.report.divergences.len() < self.show_max {
                self.report.divergences.push(WireDivergence {
                    sequence: exchange.sequence,
                    opcode: exchange.opcode,
                    field,
                    recorded,
                    ours,
                });
            }
        }
    }
}

/// The recorded reply as a value; none when it is not what the protocol promises.
pub(super) fn recorded(incoming: &Incoming, reply: &Replied) -> Option<Outgoing> {
    let length_asked =
        matches!(incoming, Incoming::Getxattr { size: 0, .. } | Incoming::Listxattr { size: 0 });
    Outgoing::decode(incoming.opcode(), length_asked, reply.error, &reply.body)
}

/// A record as any server would number it: a generation tells servers apart, and nothing else.
fn numbered_alike(record: &Listed) -> Listed {
    let entry = record.entry.map(|entry| FuseEntryOut { generation: 0, ..entry });
    Listed { entry, ..record.clone() }
}
