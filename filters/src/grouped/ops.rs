//! [`GroupedOps`]: a filter of v3-grouped made of closures.

use core::fmt;

use fuserig_abi::{CallArgs, Slot};

use super::{Family, GroupedCall, close, open, row};
use crate::native::{Answer, Cx, FilterName};
use crate::{Filter, FilterEnv};

type Member<S> = Box<dyn FnMut(&mut Cx<'_, S>, &mut GroupedCall<'_>) -> u32>;

/// A filter of v3-grouped, built member by member. State lives in the closures or, typed, in `S`.
///
/// # Panics
/// As [`crate::FuseOps`]: for a name that no kernel would register, and for a member set twice.
///
/// ```
/// use fuserig_abi::{Errno, Op, Phase, Slot, Verdict};
/// use fuserig_filters::{Family, Filter, GroupedOps, GroupedSlot};
/// let hide_dotfiles = GroupedOps::new("hide_dotfiles").on(Family::Entry, |_, call| {
///     if call.op() == Op::Lookup && call.name(GroupedSlot::Name).starts_with(b".") {
///         return Verdict::Error(Errno::ENOENT);
///     }
///     Verdict::Continue
/// });
/// assert!(hide_dotfiles.has(Slot::Member(Op::CreateOpen, Phase::Post)), "the whole family");
/// assert_eq!(hide_dotfiles.programs(), 1);
/// ```
pub struct GroupedOps<S = ()> {
    name: FilterName,
    state: S,
    members: [Option<Member<S>>; Family::ALL.len()],
}

impl GroupedOps {
    /// A filter without members and without typed state.
    ///
    /// # Panics
    /// When no kernel would register the name.
    pub fn new(name: &str) -> GroupedOps {
        GroupedOps::with_state(name, ())
    }
}

impl<S> GroupedOps<S> {
    /// A filter without members whose closures find `state` in their [`Cx`].
    ///
    /// # Panics
    /// When no kernel would register the name.
    pub fn with_state(name: &str, state: S) -> GroupedOps<S> {
        let checked = FilterName::parse(name);
        let name = checked.unwrap_or_else(|error| panic!("a filter cannot be {name:?}: {error}"));
        GroupedOps { name, state, members: [None, None, None, None, None] }
    }

    /// Sets the member of a family, which is called for all its operations in both phases.
    ///
    /// # Panics
    /// When it is set already.
    pub fn on<R: Answer>(
        mut self,
        family: Family,
        mut member: impl FnMut(&mut Cx<'_, S>, &mut GroupedCall<'_>) -> R + 'static,
    ) -> GroupedOps<S> {
        let place = &mut self.members[family as usize];
        assert!(place.is_none(), "{family} is set twice in the filter {}", self.name);
        *place = Some(Box::new(move |cx, call| member(cx, call).code()));
        self
    }

    /// The typed state.
    pub fn state(&self) -> &S {
        &self.state
    }
}

impl<S> Filter for GroupedOps<S> {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn has(&self, slot: Slot) -> bool {
        Family::of_slot(slot).is_some_and(|family| self.members[family as usize].is_some())
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let Slot::Member(op, phase) = slot else {
            unreachable!("v3-grouped has no default filter")
        };
        let member = self.members[Family::of(op) as usize].as_mut();
        let member = member.expect("the pipeline calls only members that are set");
        let row = row(op);
        let mut frame = open(args, row, phase);
        let mut cx = Cx::new(&mut self.state, frame.meta, env.caller());
        let code = member(&mut cx, &mut GroupedCall::new(&mut frame, row, phase));
        cx.into_left().settle(env);
        close(frame, args, row);
        code
    }

    fn programs(&self) -> usize {
        self.members.iter().flatten().count()
    }
}

impl<S> fmt::Debug for GroupedOps<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Family::ALL.into_iter().filter(|family| self.members[*family as usize].is_some());
        f.debug_struct("GroupedOps")
            .field("name", &self.name.as_str())
            .field("members", &set.map(Family::member).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
