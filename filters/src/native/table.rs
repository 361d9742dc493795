//! How a row of `members` becomes a typed method and a row that a test compares with the table.
//!
//! A row names the member, its slot, and the arguments behind meta with their direction, name and
//! type. A reader would get wrong that the order of arguments matters twice: for the closure, and
//! because [`super::given::Given`] hands them out in this order.

/// The methods of [`crate::FuseOps`] and, for tests, the rows they were made from.
macro_rules! members {
    ($(
        $(#[$doc:meta])*
        $member:ident $slot:tt ($($dir:ident $name:literal [$($ty:tt)+]),*);
    )*) => {
        /// One setter for each callback, in the order of the table. Panics when it is set already.
        impl<S> FuseOps<S> {
            $(
                #[doc = concat!(
                    "Sets `", stringify!($member), "(cx"
                    $(, ", ", $name, ": ", stringify!($($ty)+))*, ")`."
                )]
                $(#[doc = ""] #[$doc])*
                pub fn $member<R: Answer>(
                    self,
                    mut member: impl FnMut(&mut Cx<'_, S> $(, arg_type!($($ty)+))*) -> R + 'static,
                ) -> FuseOps<S> {
                    let wrapped = move |state: &mut S, args: &mut CallArgs, env: &mut Env<'_>| {
                        let given = Given::new(args);
                        let mut cx = given.cx(state, env.caller());
                        let answer = member(&mut cx $(, give!(given $dir $($ty)+))*);
                        cx.into_left().settle(env);
                        answer.code()
                    };
                    self.set(slot!($slot), Box::new(wrapped))
                }
            )*
        }

        /// Every row, in the order of the methods.
        #[cfg(test)]
        pub(super) const ROWS: &[MemberRow<'_>] = &[$(MemberRow {
            member: stringify!($member),
            slot: slot!($slot),
            args: &[$(MemberArg {
                name: $name,
                dir: dir!($dir),
                type_name: type_name!($($ty)+),
                is_const: is_const!($($ty)+),
            }),*],
        }),*];

        /// A filter with the one member of each row, which answers the length of its name.
        #[cfg(test)]
        pub(super) const SETTERS: &[fn(FuseOps) -> FuseOps] = &[$(
            |ops| ops.$member(|_ $(, unused!($dir))*| stringify!($member).len() as u32)
        ),*];
    };
}

macro_rules! slot {
    ([Default]) => {
        Slot::Default
    };
    ([$op:ident $phase:ident]) => {
        Slot::Member(Op::$op, Phase::$phase)
    };
}

macro_rules! dir {
    (in) => {
        Dir::In
    };
    (out) => {
        Dir::Out
    };
}

macro_rules! arg_type {
    (&Buffer) => { &Buffer<'_> };
    (&mut BufferMut) => { &mut BufferMut<'_> };
    (&mut DirBuffer) => { &mut DirBuffer<'_> };
    (&mut $wire:ident) => { &mut $wire };
    (&$wire:ident) => { &$wire };
}

macro_rules! give {
    ($given:ident $dir:ident &Buffer) => {
        &$given.view(dir!($dir))
    };
    ($given:ident $dir:ident &mut BufferMut) => {
        &mut $given.grow(dir!($dir))
    };
    ($given:ident $dir:ident &mut DirBuffer) => {
        &mut $given.list(dir!($dir))
    };
    ($given:ident $dir:ident &mut $wire:ident) => {
        $given.edit::<$wire>(dir!($dir))
    };
    ($given:ident $dir:ident &$wire:ident) => {
        $given.read::<$wire>(dir!($dir))
    };
}

#[cfg(test)]
macro_rules! type_name {
    (&Buffer) => {
        "fuse_buffer"
    };
    (&mut BufferMut) => {
        "fuse_buffer"
    };
    (&mut DirBuffer) => {
        "fuse_buffer"
    };
    (&mut $wire:ident) => {
        $wire::KERNEL_LAYOUT.name
    };
    (&$wire:ident) => {
        $wire::KERNEL_LAYOUT.name
    };
}

#[cfg(test)]
macro_rules! is_const {
    (&mut $type:ident) => {
        false
    };
    (&$type:ident) => {
        true
    };
}

#[cfg(test)]
macro_rules! unused {
    ($dir:ident) => {
        _
    };
}

pub(super) use {arg_type, dir, give, members, slot};
#[cfg(test)]
pub(super) use {is_const, type_name, unused};

/// One row as data.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct MemberRow<'a> {
    pub(super) member: &'static str,
    pub(super) slot: fuserig_abi::Slot,
    pub(super) args: &'a [MemberArg],
}

/// One argument of a row.
#[cfg(test)]
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MemberArg {
    pub(super) name: &'static str,
    pub(super) dir: fuserig_abi::Dir,
    pub(super) type_name: &'static str,
    pub(super) is_const: bool,
}
