//! The arguments of one call, handed out once each in the order of the table.
//!
//! Splits one `CallArgs` so that a member can hold all of its arguments at the same time. It knows
//! no slot; the rows in `members` do. A reader would get wrong why the arena moves: several
//! buffers share it, so each view borrows it for the length of one access only.

use core::cell::RefCell;
use core::slice::IterMut;

use fuserig_abi::{Arena, Arg, CallArgs, Caller, Dir, FuseBuffer, MetaInfo, StructArg, WireStruct};

use super::{Buffer, BufferMut, Cx, DirBuffer};

/// Why an argument is where the row of the slot says: the pipeline fills the arguments by the
/// table, and a test compares the rows with it.
const BY_TABLE: &str = "the pipeline fills arguments by the table that the rows are checked with";

#[derive(Debug)]
pub(super) struct Given<'a> {
    meta: MetaInfo,
    ins: RefCell<IterMut<'a, Arg>>,
    outs: RefCell<IterMut<'a, Arg>>,
    memory: RefCell<Arena>,
    home: &'a mut Arena,
}

impl<'a> Given<'a> {
    pub(super) fn new(args: &'a mut CallArgs) -> Given<'a> {
        Given {
            meta: args.meta,
            ins: RefCell::new(args.in_args[..args.in_count].iter_mut()),
            outs: RefCell::new(args.out_args[..args.out_count].iter_mut()),
            memory: RefCell::new(core::mem::take(&mut args.arena)),
            home: &mut args.arena,
        }
    }

    pub(super) fn cx<'c, S>(&self, state: &'c mut S, caller: &'c Caller) -> Cx<'c, S> {
        Cx::new(state, self.meta, caller)
    }

    pub(super) fn read<T: WireStruct>(&self, dir: Dir) -> &'a T {
        self.structure(dir).view()
    }

    pub(super) fn edit<T: WireStruct>(&self, dir: Dir) -> &'a mut T {
        self.structure(dir).view_mut()
    }

    pub(super) fn view(&self, dir: Dir) -> Buffer<'_> {
        Buffer::new(self.buffer(dir), &self.memory)
    }

    pub(super) fn grow(&self, dir: Dir) -> BufferMut<'_> {
        BufferMut::new(self.buffer(dir), &self.memory)
    }

    pub(super) fn list(&self, dir: Dir) -> DirBuffer<'_> {
        DirBuffer::new(self.grow(dir))
    }

    fn structure(&self, dir: Dir) -> &'a mut StructArg {
        self.next(dir).as_struct_mut().expect(BY_TABLE)
    }

    fn buffer(&self, dir: Dir) -> &'a mut FuseBuffer {
        self.next(dir).as_buffer_mut().expect(BY_TABLE)
    }

    fn next(&self, dir: Dir) -> &'a mut Arg {
        let args = match dir {
            Dir::In => &self.ins,
            Dir::Out => &self.outs,
        };
        args.borrow_mut().next().expect(BY_TABLE)
    }
}

impl Drop for Given<'_> {
    fn drop(&mut self) {
        *self.home = core::mem::take(self.memory.get_mut());
    }
}
