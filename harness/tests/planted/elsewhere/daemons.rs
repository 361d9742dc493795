//! Daemons beside a filter with a mistake.

use fuserig::prelude::*;
use fuserig_abi::Request;

use super::super::Planted;
use super::super::daemons::{Bug, answer, echo, planted_asking, wrong};

fn seeks() -> FuseOps {
    FuseOps::new("seeks").lseek_prefilter(|_, _| Verdict::UserPrefilter)
}

fn copies() -> FuseOps {
    FuseOps::new("copies").copy_file_range_prefilter(|_, _| Verdict::UserPrefilter)
}

fn counts() -> FuseOps {
    FuseOps::new("counts")
        .statfs_prefilter(|_| Verdict::Postfilter)
        .statfs_postfilter(|_, _| Verdict::UserPostfilter)
}

/// Asks about the value of an attribute that there is.
fn values() -> FuseOps {
    FuseOps::new("values").getxattr_prefilter(|_, _, _| Verdict::Postfilter).getxattr_postfilter(
        |_, arg, _, value, _| match arg.size > 0 && value.len() <= arg.size {
            true => Verdict::UserPostfilter,
            false => Verdict::Continue,
        },
    )
}

fn writes() -> FuseOps {
    FuseOps::new("writes").write_iter_prefilter(|_, _| Verdict::UserPrefilter)
}

fn word(request: &Request, at: usize) -> u32 {
    let word = request.body.get(at..).and_then(|bytes| bytes.first_chunk());
    word.copied().map_or(0, u32::from_le_bytes)
}

/// Knows how to seek from the start, from where one is, and from the end. Which it is stands behind
/// a handle and an offset.
const THREE: Bug = |_, request, device| {
    word(request, 16) > 2 && answer(device, request, Errno::EINVAL.negative(), Vec::new())
};

/// Takes the place that a copy is read from for the one that it is written to. There are a node and
/// a handle between them.
const SAME_PLACE: Bug = |_, request, device| {
    let mut body = echo(request);
    if body.len() >= 40 {
        body.copy_within(8..16, 32);
    }
    answer(device, request, 0, body)
};

/// Says that blocks have 512 bytes, and counts those that there are. Their length is behind five
/// counts.
const OTHER_BLOCKS: Bug = |_, request, device| {
    let mut body = echo(request);
    if let Some(length) = body.get_mut(40..44) {
        length.copy_from_slice(&512_u32.to_le_bytes());
    }
    answer(device, request, 0, body)
};

/// Sends values as it sends names, with a NUL at their end, where there is space for one.
const WITH_NUL: Bug = |_, request, device| {
    let mut body = echo(request);
    if body.len() < word(request, 0) as usize {
        body.push(0);
    }
    answer(device, request, 0, body)
};

/// Has a buffer of a page. How much is written stands behind a handle and an offset.
const ONE_PAGE: Bug = |_, request, device| {
    word(request, 16) > 4096 && answer(device, request, Errno::EINVAL.negative(), Vec::new())
};

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted_asking("knows three ways to seek", seeks, || wrong(THREE)),
        planted_asking("copies to the place that it reads", copies, || wrong(SAME_PLACE)),
        planted_asking("says that blocks have another length", counts, || wrong(OTHER_BLOCKS)),
        planted_asking("ends a value with a NUL", values, || wrong(WITH_NUL)),
        planted_asking("takes a page at a time", writes, || wrong(ONE_PAGE)),
    ]
}
