//! Daemons beside a filter with a mistake.

use fuserig::prelude::*;
use fuserig_abi::{FATTR_SIZE, Opcode};

use super::super::Planted;
use super::super::daemons::{Bug, answer, echo, planted, planted_asking, wrong};

fn changes() -> FuseOps {
    FuseOps::new("changes").setattr_prefilter(|_, _| Verdict::UserPrefilter)
}

fn lists() -> FuseOps {
    FuseOps::new("lists")
        .readdir_prefilter(|_, _| Verdict::Postfilter)
        .readdir_postfilter(|_, _, _, _| Verdict::UserPostfilter)
}

fn asks() -> FuseOps {
    FuseOps::new("asks").access_prefilter(|_, _| Verdict::UserPrefilter)
}

/// Was built with offsets of 32 bits, of which one is the sign.
const OFFSETS: Bug = |_, request, device| {
    let valid = request.body.first_chunk().copied().map_or(0, u32::from_le_bytes);
    let size = request.body.get(16..24).and_then(|bytes| bytes.first_chunk());
    let size = size.copied().map_or(0, u64::from_le_bytes);
    let far = valid & FATTR_SIZE != 0 && i32::try_from(size).is_err();
    far && answer(device, request, Errno::EOVERFLOW.negative(), Vec::new())
};

/// Does not let anybody touch what begins with a dot. The name of a new directory is behind two
/// words.
const DOTS: Bug = |_, request, device| {
    let makes = request.opcode.0 & 0xffff == Opcode::MKDIR.0;
    let name = request.body.get(if makes { 8 } else { 0 }..).unwrap_or_default();
    name.starts_with(b".") && answer(device, request, Errno::EPERM.negative(), Vec::new())
};

/// Lists names and numbers, and not what they are. A listing is behind sixteen bytes.
const KINDS: Bug = |_, request, device| {
    let mut body = echo(request);
    let mut at = 16;
    while let Some(record) = body.get_mut(at..).filter(|record| record.len() > 24) {
        let length = record[16..20].first_chunk().copied().map_or(0, u32::from_le_bytes);
        record[20..24].fill(0);
        at += (24 + length as usize).next_multiple_of(8);
    }
    answer(device, request, 0, body)
};

/// Looks with its own rights, which are all, whether something may be done.
const RIGHTS: Bug = |_, request, device| {
    let mut body = echo(request);
    if let Some(mask) = body.get_mut(..4) {
        mask.fill(0);
    }
    answer(device, request, 0, body)
};

/// Has nothing to say to the first, as it is still at its start.
const STARTS: Bug = |count, request, device| {
    *count == 1 && answer(device, request, Errno::EAGAIN.negative(), Vec::new())
};

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted_asking("has offsets of 31 bits", changes, || wrong(OFFSETS)),
        planted("refuses what begins with a dot", DOTS),
        planted_asking("does not say what is listed", lists, || wrong(KINDS)),
        planted_asking("asks with its own rights", asks, || wrong(RIGHTS)),
        planted("is not ready for the first", STARTS),
    ]
}
