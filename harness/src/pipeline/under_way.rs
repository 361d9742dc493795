//! Requests of several clients that the daemon has at once: handed over, waited for, taken.
//!
//! A request is handed over and its client gives way; others may hand over theirs. When a client
//! wants its reply, every reply that is outstanding is waited for, so that what happens next does
//! not depend on which thread of the daemon was faster. What a reader would get wrong: the wait has
//! an end, since one request may wait for what another client does later. Then whoever has a reply
//! goes on, and what did not come stays under way.

use core::ops::ControlFlow;

use fuserig_abi::Unique;

use super::device::{Asking, Settled, issue, serve, settle_with};
use super::{NoDaemon, Stop};
use crate::kernel::{Found, World};

/// How long a reply is waited for.
///
/// ```
/// use fuserig::pipeline::Patience;
/// assert_ne!(Patience::Brief, Patience::Full);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Others may go on without it.
    Brief,
    /// Nobody can go on without it.
    Full,
}

/// Hands a request to a daemon that takes several at once. What came of it where it does not: one
/// that serves requests one by one has served it.
pub(super) fn hand_over(
    world: &mut World,
    asking: &mut Asking<'_>,
) -> ControlFlow<Result<Settled, Stop>, Unique> {
    let request = issue(world, asking)?;
    // Nobody waits for what is done in the background, so nobody comes for its reply.
    if asking.background || !world.daemon.takes(&request, world.now) {
        return ControlFlow::Break(serve(world, asking, &request));
    }
    world.connection.put_under_way(&request);
    ControlFlow::Continue(request.unique)
}

/// What came of a request that was handed over; none while its client has to give way.
pub(super) fn come_for(
    world: &mut World,
    unique: Unique,
    asking: &Asking<'_>,
) -> Option<Result<Settled, Stop>> {
    let mut found = world.connection.take_reply(unique);
    if found.is_none() {
        collect(world, Patience::Brief);
        found = world.connection.take_reply(unique);
    }
    match found? {
        Found::Reply(message) => Some(settle_with(world, unique, asking, &message)),
        Found::Nothing => Some(Err(Stop::Unanswered(asking.opcode))),
    }
}

/// Waits until every request under way has its reply, or the daemon is silent.
fn collect(world: &mut World, patience: Patience) {
    while world.connection.awaits_replies() {
        let Some(message) = receive(world, patience) else {
            return world.connection.note_late();
        };
        world.connection.keep_reply(&message);
    }
}

/// Nobody can go on without a reply: waits for one, and gives up what is under way when none comes.
/// False when nothing is.
pub(crate) fn wait_for_one(world: &mut World) -> bool {
    if !world.connection.awaits_replies() {
        return false;
    }
    loop {
        let Some(message) = receive(world, Patience::Full) else {
            world.connection.give_up();
            return true;
        };
        if world.connection.keep_reply(&message) {
            // Those that come with it are no later.
            collect(world, Patience::Brief);
            return true;
        }
    }
}

/// The next reply of the daemon.
fn receive(world: &mut World, patience: Patience) -> Option<Vec<u8>> {
    let mut daemon = core::mem::replace(&mut world.daemon, Box::new(NoDaemon));
    let message = daemon.receive(world, patience);
    world.daemon = daemon;
    message
}
