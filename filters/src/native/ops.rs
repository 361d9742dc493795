//! [`FuseOps`]: a filter made of closures.
//!
//! Holds the closures and calls them; the typed methods that set them are in `members`. A reader
//! would get wrong `default_filter`: it exists in v4 only, and a v3 pipeline never asks for it.

use core::fmt;

use fuserig_abi::{CallArgs, Slot};

use super::{FilterName, RegisterError};
use crate::{Filter, FilterEnv, Mentions};

/// A member after its typed closure was wrapped.
pub(super) type Member<S> = Box<dyn FnMut(&mut S, &mut CallArgs, &mut FilterEnv<'_>) -> u32>;

/// A filter built member by member: one method for each callback of `struct fuse_ops`, with its
/// arguments as the ABI declares them. In arguments of a postfilter are constant; names that no
/// lower call lets change have no mutable view. State lives in the closures or, typed, in `S`.
/// Source: SEMANTICS 4.1.
///
/// # Panics
/// [`FuseOps::new`] and [`FuseOps::with_state`] refuse a bad name, and every setter a second
/// closure for its member: both are mistakes in the code that builds. Names from outside go
/// through [`FilterName::parse`].
///
/// ```
/// use fuserig_abi::{Errno, Op, Phase, Slot, Verdict};
/// use fuserig_filters::{Filter, FuseOps};
/// let hide_dotfiles = FuseOps::new("hide_dotfiles").lookup_prefilter(|_cx, name| {
///     match name.name() {
///         [b'.', ..] => Verdict::Error(Errno::ENOENT),
///         _ => Verdict::Continue,
///     }
/// });
/// assert!(hide_dotfiles.has(Slot::Member(Op::Lookup, Phase::Pre)));
/// assert!(!hide_dotfiles.has(Slot::Member(Op::Lookup, Phase::Post)));
/// ```
pub struct FuseOps<S = ()> {
    name: FilterName,
    state: S,
    members: Vec<Option<Member<S>>>,
    mentions: Mentions,
}

impl FuseOps {
    /// A filter without members and without typed state.
    ///
    /// # Panics
    /// When no kernel would register the name.
    pub fn new(name: &str) -> FuseOps {
        FuseOps::with_state(name, ())
    }
}

impl<S> FuseOps<S> {
    /// A filter without members whose closures find `state` in their [`crate::Cx`].
    ///
    /// # Panics
    /// When no kernel would register the name.
    pub fn with_state(name: &str, state: S) -> FuseOps<S> {
        let checked = FilterName::parse(name);
        FuseOps::named(checked.unwrap_or_else(|error| refuse(name, error)), state)
    }

    /// As [`FuseOps::with_state`], with a name that was checked before.
    pub fn named(name: FilterName, state: S) -> FuseOps<S> {
        let members = (0..Slot::COUNT).map(|_| None).collect();
        FuseOps { name, state, members, mentions: Mentions::default() }
    }

    /// Says which names and numbers the closures compare with, which nobody sees from outside:
    /// simulations try them.
    ///
    /// ```
    /// use fuserig_filters::{Filter, FuseOps, Mentions};
    /// let filter = FuseOps::new("f").mentioning(Mentions::of([b"secret"], []));
    /// assert_eq!(filter.mentions().words, [b"secret"]);
    /// ```
    #[must_use]
    pub fn mentioning(self, mentions: Mentions) -> FuseOps<S> {
        FuseOps { mentions, ..self }
    }

    /// The typed state.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// The typed state for writing.
    pub fn state_mut(&mut self) -> &mut S {
        &mut self.state
    }

    /// The members that are set, in the order of the table.
    pub fn members(&self) -> impl Iterator<Item = Slot> + '_ {
        Slot::all().filter(|slot| self.members[slot.index()].is_some())
    }

    pub(super) fn set(mut self, slot: Slot, member: Member<S>) -> FuseOps<S> {
        let place = &mut self.members[slot.index()];
        assert!(place.is_none(), "{slot} is set twice in the filter {}", self.name);
        *place = Some(member);
        self
    }
}

#[track_caller]
fn refuse(name: &str, error: RegisterError) -> FilterName {
    panic!("a filter cannot be called {name:?}: {error}")
}

impl<S> Filter for FuseOps<S> {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn has(&self, slot: Slot) -> bool {
        self.members[slot.index()].is_some()
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let member = self.members[slot.index()].as_mut();
        let member = member.expect("the pipeline calls only members that are set");
        member(&mut self.state, args, env)
    }

    fn mentions(&self) -> Mentions {
        self.mentions.clone()
    }
}

impl<S> fmt::Debug for FuseOps<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.members().map(Slot::name).collect();
        f.debug_struct("FuseOps")
            .field("name", &self.name.as_str())
            .field("members", &names)
            .finish_non_exhaustive()
    }
}
