//! Daemons beside a filter with a mistake.

use fuserig::prelude::*;
use fuserig_abi::Opcode;

use super::super::Planted;
use super::super::daemons::{Bug, answer, echo, planted, planted_asking, wrong};

fn looks() -> FuseOps {
    FuseOps::new("looks")
        .getattr_prefilter(|_, _| Verdict::Postfilter)
        .getattr_postfilter(|_, _, _| Verdict::UserPostfilter)
}

fn reserves() -> FuseOps {
    FuseOps::new("reserves").file_fallocate_prefilter(|_, _| Verdict::UserPrefilter)
}

/// The name of a new directory is behind its mode and the umask, and not where other names are.
const NAMES: Bug = |_, request, device| {
    let makes = request.opcode.0 & 0xffff == Opcode::MKDIR.0;
    let empty = makes && request.body.first() == Some(&0);
    empty && answer(device, request, Errno::ENOENT.negative(), Vec::new())
};

/// A mode has nine bits besides its type.
const MODES: Bug = |_, request, device| {
    let mut body = echo(request);
    if let Some(byte) = body.get_mut(77) {
        *byte &= !0x0e;
    }
    answer(device, request, 0, body)
};

/// To reserve is to reserve, as for the old call that has no mode.
const RESERVES: Bug = |_, request, device| {
    let mut body = echo(request);
    if let Some(mode) = body.get_mut(24..28) {
        mode.fill(0);
    }
    answer(device, request, 0, body)
};

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("looks for a name where the mode is", NAMES),
        planted_asking("knows nine bits of a mode", looks, || wrong(MODES)),
        planted_asking("reserves without a mode", reserves, || wrong(RESERVES)),
    ]
}
