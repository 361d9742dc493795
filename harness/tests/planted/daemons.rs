//! Servers that answer the requests of a filter in a wrong way.

use fuserig::daemon::init_reply;
use fuserig::fault::EchoDaemon;
use fuserig::pipeline::{Daemon, Device};
use fuserig::prelude::*;
use fuserig_abi::{NodeId, Opcode, Reply, Request};

use super::{Planted, general};

/// What a server does with a request for a filter; false leaves it to the right one.
pub(super) type Bug = fn(&mut u32, &Request, &mut Device<'_>) -> bool;

#[derive(Debug)]
struct Wrong {
    right: EchoDaemon,
    count: u32,
    bug: Bug,
}

impl Daemon for Wrong {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        if request.opcode == Opcode::INIT {
            let _ = device.reply(&init_reply(request));
            return;
        }
        self.count += 1;
        if !(self.bug)(&mut self.count, request, device) {
            self.right.serve(request, device);
        }
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.right.forget(nodeid, nlookup);
    }
}

pub(super) fn answer(
    device: &mut Device<'_>,
    request: &Request,
    error: i32,
    body: Vec<u8>,
) -> bool {
    let _ = device.reply(&Reply { unique: request.unique, error, body });
    true
}

/// The right body of a reply.
pub(super) fn echo(request: &Request) -> Vec<u8> {
    EchoDaemon::default().echo(request).unwrap_or_default()
}

/// Asks the server about everything that has a name.
fn asking() -> FuseOps {
    FuseOps::new("asking")
        .mkdir_prefilter(|_, _, _| Verdict::UserPrefilter)
        .unlink_prefilter(|_, _| Verdict::UserPrefilter)
        .rmdir_prefilter(|_, _| Verdict::UserPrefilter)
}

/// A server with a mistake.
pub(super) fn wrong(bug: Bug) -> impl Daemon {
    Wrong { right: EchoDaemon::default(), count: 0, bug }
}

pub(super) fn planted(name: &'static str, bug: Bug) -> Planted {
    planted_by(name, move || wrong(bug))
}

/// A server that is wrong by itself.
pub(super) fn planted_by<D: Daemon + 'static>(
    name: &'static str,
    wrong: impl Fn() -> D + 'static,
) -> Planted {
    planted_asking(name, asking, wrong)
}

/// The same beside a filter that asks about something else.
pub(super) fn planted_asking<D: Daemon + 'static>(
    name: &'static str,
    asking: fn() -> FuseOps,
    wrong: impl Fn() -> D + 'static,
) -> Planted {
    let right = Subject::new(Abi::V4, asking).daemon(EchoDaemon::default).over(super::TREE);
    let model = right.clone();
    let judges = move || {
        let mut judges = general();
        judges.push(Box::new(invariant::agrees_with(&model)));
        judges
    };
    let wrong = Subject::new(Abi::V4, asking).daemon(wrong);
    Planted { kind: "daemon", name, wrong, right, judges: Box::new(judges), crashes: None }
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("answers every third request with EIO", |count, request, device| {
            *count % 3 == 0 && answer(device, request, Errno::EIO.negative(), Vec::new())
        }),
        planted("answers for another request", |_, request, device| {
            let unique = fuserig_abi::Unique(request.unique.0 + 2);
            let _ = device.reply(&Reply { unique, error: 0, body: request.body.clone() });
            true
        }),
        planted("sends a body that is a byte short", |_, request, device| {
            let mut body = echo(request);
            body.pop();
            answer(device, request, 0, body)
        }),
        planted("sends a body that is too long", |_, request, device| {
            let mut body = echo(request);
            body.extend([0; 8]);
            answer(device, request, 0, body)
        }),
        planted("changes the first byte", |_, request, device| {
            let mut body = echo(request);
            if let Some(first) = body.first_mut() {
                *first ^= 1;
            }
            answer(device, request, 0, body)
        }),
        planted("answers an empty body", |_, request, device| {
            answer(device, request, 0, Vec::new())
        }),
        planted("does not answer rmdir", |_, request, _| {
            request.opcode.0 & 0xffff == Opcode::RMDIR.0
        }),
        planted("answers with a positive error", |count, request, device| {
            *count % 2 == 0 && answer(device, request, Errno::EIO.0, Vec::new())
        }),
    ]
}
