//! Filters in C with a mistake; the objects and their sources are in `tests/data/planted`.

use fuserig::prelude::*;
use fuserig_abi::{FATTR_SIZE, S_IFMT};

use super::super::bpf::{object, planted};
use super::super::refused;
use super::super::{Judges, Planted};

/// Only regular files are made by mknod.
fn only_files() -> FuseOps {
    const S_IFREG: u32 = 0o100_000;
    FuseOps::new("files")
        .mknod_prefilter(|_, node, _| refused(node.mode & S_IFMT != S_IFREG, Errno::EPERM))
}

/// Nobody sets a length.
fn no_lengths() -> FuseOps {
    FuseOps::new("lengths")
        .setattr_prefilter(|_, attr| refused(attr.valid & FATTR_SIZE != 0, Errno::EPERM))
}

/// Directories are removed by the system, whose users are those below 1000.
fn system_removes() -> FuseOps {
    FuseOps::new("system").rmdir_prefilter(|cx, _| refused(cx.uid().0 >= 1000, Errno::EPERM))
}

/// Four blocks are written at most, and what is begun is a block.
fn four_blocks() -> FuseOps<u64> {
    FuseOps::with_state("blocks", 0_u64).write_iter_prefilter(|cx, write| {
        let blocks = *cx.state + u64::from(write.size).div_ceil(512);
        if blocks > 4 {
            return Verdict::Error(Errno::EDQUOT);
        }
        *cx.state = blocks;
        Verdict::Continue
    })
}

fn twin<F: Filter + 'static>(right: fn() -> F) -> Judges {
    vec![Box::new(invariant::twins_agree(right))]
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("a socket has the bit of a file", object!("mode_bit"), only_files, || {
            twin(only_files)
        }),
        planted("a bit is named by its number", object!("attr_number"), no_lengths, || {
            twin(no_lengths)
        }),
        planted("the first user is of the system", object!("first_user"), system_removes, || {
            twin(system_removes)
        }),
        planted("what is begun is no block", object!("blocks_begun"), four_blocks, || {
            twin(four_blocks)
        }),
    ]
}
