//! Daemons beside a filter with a mistake.

use std::collections::BTreeSet;

use fuserig::daemon::init_reply;
use fuserig::fault::EchoDaemon;
use fuserig::pipeline::{Daemon, Device};
use fuserig::prelude::*;
use fuserig_abi::{NodeId, Opcode, Request};

use super::super::Planted;
use super::super::daemons::{Bug, answer, echo, planted_asking, planted_by, wrong};

fn is(request: &Request, opcode: Opcode) -> bool {
    request.opcode.0 & 0xffff == opcode.0
}

/// The name that a request is about, with the NUL: behind mode and umask where there are any.
fn name_of(request: &Request) -> Vec<u8> {
    let before = if is(request, Opcode::MKDIR) { 8 } else { 0 };
    request.body.get(before..).unwrap_or_default().to_vec()
}

/// A daemon that keeps the names of the directories that it let through.
#[derive(Debug)]
struct Keeps {
    right: EchoDaemon,
    made: BTreeSet<Vec<u8>>,
    refuses: fn(&Request, bool) -> Option<Errno>,
}

impl Keeps {
    fn new(refuses: fn(&Request, bool) -> Option<Errno>) -> Keeps {
        Keeps { right: EchoDaemon::default(), made: BTreeSet::new(), refuses }
    }
}

impl Daemon for Keeps {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        if request.opcode == Opcode::INIT {
            let _ = device.reply(&init_reply(request));
            return;
        }
        let name = name_of(request);
        if let Some(errno) = (self.refuses)(request, self.made.contains(&name)) {
            answer(device, request, errno.negative(), Vec::new());
            return;
        }
        if is(request, Opcode::MKDIR) {
            self.made.insert(name);
        } else if is(request, Opcode::RMDIR) {
            self.made.remove(&name);
        }
        self.right.serve(request, device);
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.right.forget(nodeid, nlookup);
    }
}

fn opens() -> FuseOps {
    FuseOps::new("opens").open_prefilter(|_, _| Verdict::UserPrefilter)
}

fn changes() -> FuseOps {
    FuseOps::new("changes").setattr_prefilter(|_, _| Verdict::UserPrefilter)
}

fn looks() -> FuseOps {
    FuseOps::new("looks")
        .getattr_prefilter(|_, _| Verdict::Postfilter)
        .getattr_postfilter(|_, _, _| Verdict::UserPostfilter)
}

/// Who writes parts of pages has to read them, so that everything is opened for both.
const OPENS: Bug = |_, request, device| {
    let mut body = echo(request);
    if let Some(byte) = body.first_mut() {
        *byte = *byte & !0x03 | if *byte & 0x03 == 1 { 2 } else { *byte & 0x03 };
    }
    answer(device, request, 0, body)
};

/// Owner and group change places.
const CHANGES: Bug = |_, request, device| {
    let mut body = echo(request);
    if let Some(owner_and_group) = body.get_mut(76..84) {
        owner_and_group.rotate_left(4);
    }
    answer(device, request, 0, body)
};

/// Everything seems to be of the user of the daemon.
const OWNS: Bug = |_, request, device| {
    let mut body = echo(request);
    if let Some(owner) = body.get_mut(84..88) {
        owner.fill(0);
    }
    answer(device, request, 0, body)
};

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted_by("knows only the directories that it saw made", || {
            Keeps::new(|request, made| {
                (is(request, Opcode::RMDIR) && !made).then_some(Errno::ENOENT)
            })
        }),
        planted_by("takes a name for the same one elsewhere", || {
            Keeps::new(|request, made| {
                (is(request, Opcode::UNLINK) && made).then_some(Errno::EISDIR)
            })
        }),
        planted_asking("reads what is opened to write", opens, || wrong(OPENS)),
        planted_asking("takes the group for the owner", changes, || wrong(CHANGES)),
        planted_asking("shows what it has as its own", looks, || wrong(OWNS)),
    ]
}
