//! Daemons beside a filter with a mistake.

use core::fmt;
use std::collections::BTreeMap;

use fuserig::daemon::init_reply;
use fuserig::fault::EchoDaemon;
use fuserig::pipeline::{Daemon, Device};
use fuserig::prelude::*;
use fuserig_abi::{NodeId, Opcode, Request};
use fuserig_filters::Entries;

use super::super::Planted;
use super::super::daemons::{answer, echo, planted_asking};

/// What it says instead of the right body; it may remember something.
type Says = Box<dyn FnMut(&Request, Vec<u8>) -> Result<Vec<u8>, Errno>>;

/// A daemon that says something else.
struct Other {
    right: EchoDaemon,
    says: Says,
}

impl fmt::Debug for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Other").finish_non_exhaustive()
    }
}

impl Daemon for Other {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        if request.opcode == Opcode::INIT {
            let _ = device.reply(&init_reply(request));
            return;
        }
        match (self.says)(request, echo(request)) {
            Ok(body) => answer(device, request, 0, body),
            Err(errno) => answer(device, request, errno.negative(), Vec::new()),
        };
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.right.forget(nodeid, nlookup);
    }
}

fn planted(name: &'static str, asking: fn() -> FuseOps, says: fn() -> Says) -> Planted {
    planted_asking(name, asking, move || Other { right: EchoDaemon::default(), says: says() })
}

fn looks() -> FuseOps {
    FuseOps::new("looks")
        .getattr_prefilter(|_, _| Verdict::Postfilter)
        .getattr_postfilter(|_, _, _| Verdict::UserPostfilter)
}

fn opens() -> FuseOps {
    FuseOps::new("opens").open_prefilter(|_, _| Verdict::UserPrefilter)
}

fn reserves() -> FuseOps {
    FuseOps::new("reserves").file_fallocate_prefilter(|_, _| Verdict::UserPrefilter)
}

fn asks() -> FuseOps {
    FuseOps::new("asks").access_prefilter(|_, _| Verdict::UserPrefilter)
}

fn lists() -> FuseOps {
    FuseOps::new("lists")
        .readdir_prefilter(|_, _| Verdict::Postfilter)
        .readdir_postfilter(|_, _, _, _| Verdict::UserPostfilter)
}

fn word(body: &[u8]) -> u32 {
    body.first_chunk().copied().map_or(0, u32::from_le_bytes)
}

/// Keeps the attributes of each file until it has another length. Number and length of a file are
/// the first two words of its attributes, which come behind sixteen bytes.
fn until_length() -> Says {
    let mut kept = BTreeMap::new();
    Box::new(move |_, body| {
        let key = body.get(16..32).unwrap_or_default().to_vec();
        Ok(kept.entry(key).or_insert(body).clone())
    })
}

/// One writes at a time; but nobody says when a file is closed.
fn one_writer() -> Says {
    let mut written = false;
    Box::new(move |_, body| {
        let writes = word(&body) & 3 != 0;
        if writes && core::mem::replace(&mut written, true) {
            return Err(Errno::ETXTBSY);
        }
        Ok(body)
    })
}

/// What is reserved is whole blocks.
fn whole_blocks() -> Says {
    Box::new(|_, mut body| {
        if let Some(length) = body.get_mut(16..24).and_then(|bytes| bytes.first_chunk_mut()) {
            *length = u64::from_le_bytes(*length).next_multiple_of(4096).to_le_bytes();
        }
        Ok(body)
    })
}

/// A mask has three bits.
fn three_bits() -> Says {
    Box::new(|_, body| if word(&body) > 7 { Err(Errno::EINVAL) } else { Ok(body) })
}

/// A listing is sorted behind its header of sixteen bytes.
fn sorted() -> Says {
    Box::new(|_, body| {
        let (head, mut list) = body.split_at(body.len().min(16));
        let mut records = Vec::new();
        for entry in Entries::new(list) {
            let (record, rest) = list.split_at((24 + entry.name.len()).next_multiple_of(8));
            records.push((entry.name, record));
            list = rest;
        }
        records.sort();
        let records = records.into_iter().flat_map(|(_, record)| record);
        Ok(head.iter().chain(records).chain(list).copied().collect())
    })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("knows a change by the length", looks, until_length),
        planted("is not told that a file was closed", opens, one_writer),
        planted("reserves whole blocks", reserves, whole_blocks),
        planted("knows three bits of a mask", asks, three_bits),
        planted("sorts what it lists", lists, sorted),
    ]
}
