//! The world in the hands of one operation, which lets go of it while it waits for a reply.

use core::cell::RefMut;
use core::fmt;
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::task::Poll;

use fuserig_abi::Opcode;

use crate::kernel::World;

/// Who has the world while no operation works on it.
pub(crate) trait Lender {
    /// The world. Nobody else may have it.
    fn lend(&self) -> RefMut<'_, World>;

    /// Whether others can go on while a reply is waited for.
    fn has_others(&self) -> bool;

    /// The operation gives way: it waits for the reply to such a request.
    fn note_waiting(&self, opcode: Opcode);
}

/// The world, but while its operation gives way.
pub(super) struct Lent<'a> {
    lender: &'a dyn Lender,
    world: Option<RefMut<'a, World>>,
}

impl<'a> Lent<'a> {
    pub(super) fn by(lender: &'a dyn Lender) -> Lent<'a> {
        Lent { lender, world: Some(lender.lend()) }
    }

    pub(super) fn has_others(&self) -> bool {
        self.lender.has_others()
    }

    /// Lets others have the world, until somebody wants the operation to go on.
    pub(super) async fn give_way(&mut self, opcode: Opcode) {
        self.world = None;
        self.lender.note_waiting(opcode);
        let mut waited = false;
        poll_fn(|_| match core::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        self.world = Some(self.lender.lend());
    }
}

impl Deref for Lent<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        self.world.as_ref().expect("only who gives way has no world")
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut World {
        self.world.as_mut().expect("only who gives way has no world")
    }
}

impl fmt::Debug for Lent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("world", &self.world.is_some()).finish_non_exhaustive()
    }
}
