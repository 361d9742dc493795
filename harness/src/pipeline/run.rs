//! One operation on its way through the steps.

use fuserig_abi::{
    Abi, AccessMask, Arg, BufferFlags, CALL_ARGS_MAX, CallArgs, Caller, Credentials, FuseBuffer,
    MemoryId, MemoryKind, Op, Phase, Pid, Quirk, Stat, StatFs, Timespec, WireStruct,
};
use fuserig_sim_fs::DirEntry;

use super::entries::EntryActions;
use super::ops::{self, DirRecord};
use super::{Event, Operation, Step, Stop, What, conversation, dispatch};
use crate::kernel::{DentryId, FilterId, HandleId, InodeId, World};

/// Before which step the run gives way; none at its end.
type Pause = Result<Option<Step>, Stop>;

/// Whether a run has steps left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Call [`Run::step`] again.
    Running,
    /// Take the [`Outcome`].
    Done,
}

/// The typed value an operation leaves.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Value {
    /// Nothing beyond the number 0.
    #[default]
    None,
    /// A number: a result, a count, a position, or a negative errno.
    Number(i64),
    /// A lookup: the dentry that names the node, or none for a negative one. The dentry differs
    /// from the one given when a directory was found under its other name.
    Dentry(Option<DentryId>),
    /// A created and opened file.
    Handle(HandleId),
    /// Attributes, apart: an outcome goes through many hands, and they would be copied each time.
    Attr(Box<Stat>),
    /// Filesystem figures.
    StatFs(Box<StatFs>),
}

/// What came out of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// False when the ordinary path has to serve the operation.
    pub handled: bool,
    /// Negative errno, 0, or (for reads) a positive count.
    pub error: i64,
    /// The typed value; meaningless when `error` is not 0.
    pub value: Value,
    /// Bytes beside the value: data read, an attribute, a link target.
    pub data: Vec<u8>,
    /// Directory records handed to the caller, also when `error` is negative (N7).
    pub records: Vec<DirRecord>,
    /// How the modelled kernel stopped, when it did.
    pub stop: Option<Stop>,
}

/// What an operation keeps between its steps besides the arguments.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Bytes for the caller.
    pub(super) data: Vec<u8>,
    /// Records handed to the caller.
    pub(super) records: Vec<DirRecord>,
    /// What the lower step listed and the caller was not offered yet, for its names (readdir).
    pub(super) listed: std::vec::IntoIter<DirEntry>,
    /// Memory whose ORIGINAL contents the lower step uses, by in argument.
    pub(super) original: [Option<MemoryId>; 3],
    /// The memory of the caller's value buffer or the directory page.
    pub(super) out_memory: Option<MemoryId>,
    /// Whether the lower iteration produced a record (readdir).
    pub(super) produced: bool,
    /// Whether finalize asked for another round (readdir).
    pub(super) again: bool,
    /// Whether finalize meets out arguments that still are the in arguments (AND-1).
    pub(super) aliased: bool,
    /// Rounds of a readdir so far.
    pub(super) rounds: u32,
    /// Attributes that the lower step found.
    pub(super) stat: Option<Stat>,
    /// The handle that create made.
    pub(super) handle: Option<HandleId>,
    /// The lower call failed without saying so (getxattr).
    pub(super) failed: bool,
    /// What the entries of a daemon's reply asked for (lookup).
    pub(super) entries: Option<EntryActions>,
}

impl Scratch {
    /// As new. Most runs use two or three of these, and a whole new value would be moved here.
    fn clear(&mut self) {
        self.data.clear();
        self.records.clear();
        self.listed = Vec::new().into_iter();
        self.original = [None; 3];
        self.out_memory = None;
        (self.produced, self.again, self.aliased, self.failed) = (false, false, false, false);
        self.rounds = 0;
        self.stat = None;
        self.handle = None;
        self.entries = None;
    }
}

/// The in arguments as the filter was last shown them. What is not there is not copied, for each
/// has room for the largest struct.
#[derive(Default)]
struct Shown {
    room: [Arg; CALL_ARGS_MAX],
    count: usize,
}

impl Shown {
    fn keep(&mut self, ins: &[Arg]) {
        self.room[..ins.len()].copy_from_slice(ins);
        self.count = ins.len();
    }

    fn ins(&self) -> &[Arg] {
        &self.room[..self.count]
    }
}

impl core::fmt::Debug for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.ins()).finish()
    }
}

/// One operation in the pipeline.
#[derive(Debug)]
pub struct Run {
    /// Its number in the trace.
    pub number: u64,
    /// The operation.
    pub op: Op,
    /// What the VFS passed.
    pub operation: Operation,
    /// Who asks.
    pub caller: Caller,
    /// The caller's file mode creation mask.
    pub umask: u32,
    abi: Abi,
    pub(super) inode: InodeId,
    pub(super) filter: Option<FilterId>,
    /// Apart, because a run moves through futures and would drag a thousand bytes along.
    pub(super) args: Box<CallArgs>,
    shown: Shown,
    pub(super) next: i32,
    pub(super) error: i64,
    pub(super) value: Value,
    pub(super) scratch: Scratch,
    initialized: bool,
    handled: bool,
    step: Step,
    stop: Option<Stop>,
}

impl Run {
    /// Room for runs: nothing is under way. [`Run::renew`] makes it a run.
    pub(crate) fn idle(inode: InodeId) -> Run {
        let operation = Run::nothing(inode);
        let op = operation.op();
        Run {
            number: 0,
            op,
            filter: None,
            operation,
            caller: Caller::new(Credentials::root(), Pid(0), Timespec::default()),
            umask: 0,
            abi: Abi::V4,
            inode,
            args: Box::new(CallArgs::new(op)),
            shown: Shown::default(),
            next: 0,
            error: 0,
            value: Value::None,
            scratch: Scratch::default(),
            initialized: false,
            handled: false,
            step: Step::Enter,
            stop: None,
        }
    }

    /// What an idle run would ask.
    fn nothing(inode: InodeId) -> Operation {
        Operation::Access { inode, mask: AccessMask::empty() }
    }

    /// A run about to enter. The filter is read once, here (SEMANTICS 2.2).
    pub fn new(world: &mut World, operation: Operation, caller: Caller, umask: u32) -> Run {
        let mut run = Run::idle(operation.pipeline_inode(&world.mount));
        run.renew(world, operation, (&caller.credentials, caller.pid), umask);
        run.caller = caller;
        run
    }

    /// Makes of a run that is done the next one, of a caller at the world's instant, in the room
    /// that it has: as [`Run::new`], without an allocation and without moving anything.
    pub fn renew(
        &mut self,
        world: &mut World,
        operation: Operation,
        (credentials, pid): (&Credentials, Pid),
        umask: u32,
    ) {
        self.op = operation.op();
        self.inode = operation.pipeline_inode(&world.mount);
        self.number = world.number_operation();
        self.filter = world.mount.inodes[self.inode].filter;
        self.operation = operation;
        self.caller.renew(credentials, pid, world.now);
        self.umask = umask;
        self.abi = world.abi;
        self.args.reset(self.op);
        self.shown.count = 0;
        (self.next, self.error) = (0, 0);
        self.value = Value::None;
        self.scratch.clear();
        (self.initialized, self.handled) = (false, false);
        (self.step, self.stop) = (Step::Enter, None);
        self.args.arena.fail_allocations(world.alloc_failures);
        self.args.arena.set_fidelity(world.fidelity);
    }

    /// The step that is performed, and between two calls of [`Run::step`] the next one.
    pub fn at(&self) -> Step {
        self.step
    }

    /// Whether the next step sends a request to the daemon and waits for its reply.
    pub fn asks_daemon(&self) -> bool {
        matches!(self.step, Step::DaemonPrefilter | Step::DaemonPostfilter)
    }

    /// Performs the steps up to the next before which another client may move, or all that are
    /// left: a pause stands before the lower operation, before what follows it, and before the
    /// daemon is asked.
    pub fn step(&mut self, world: &mut World) -> Progress {
        match self.go_on(world) {
            Ok(Some(next)) => {
                self.step = next;
                Progress::Running
            }
            Ok(None) => {
                self.emit(world, self.step, self.result_event());
                Progress::Done
            }
            Err(stop) => {
                self.stop(world, stop);
                Progress::Done
            }
        }
    }

    /// Performs every step that is left.
    pub fn finish(mut self, world: &mut World) -> Outcome {
        while self.step(world) == Progress::Running {}
        self.take_outcome()
    }

    /// Keeps the in arguments as they are: a filter is about to see them.
    pub(super) fn keep_shown(&mut self) {
        self.shown.keep(self.args.ins());
    }

    /// What [`Run::keep_shown`] kept.
    pub(super) fn shown(&self) -> &[Arg] {
        self.shown.ins()
    }

    /// Whether the pipeline served the operation. When it did not, the ordinary path takes what
    /// [`Run::take_operation`] gives.
    pub fn was_handled(&self) -> bool {
        self.handled || self.stop.is_some()
    }

    /// How the modelled kernel stopped, when it did.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        self.stop
    }

    /// What a run that is done left, as one number: an errno or a count, or the number that is its
    /// value.
    pub(crate) fn code(&self) -> i64 {
        match (&self.value, self.error) {
            (Value::Number(number), 0) => *number,
            (_, error) => error,
        }
    }

    /// The operation of a run that is done, with the arguments the VFS passed. Only
    /// [`Run::renew`] makes sense after it.
    pub fn take_operation(&mut self) -> Operation {
        core::mem::replace(&mut self.operation, Run::nothing(self.inode))
    }

    /// The attributes that the lower step of a lookup found; none for any other operation.
    pub(crate) fn found(&self) -> Option<Stat> {
        self.scratch.stat.filter(|_| matches!(self.operation, Operation::Lookup { .. }))
    }

    /// The outcome of a run that is done. Only [`Run::renew`] makes sense after it.
    pub fn take_outcome(&mut self) -> Outcome {
        Outcome {
            handled: self.was_handled(),
            error: self.error,
            value: core::mem::take(&mut self.value),
            data: core::mem::take(&mut self.scratch.data),
            records: core::mem::take(&mut self.scratch.records),
            stop: self.stop,
        }
    }

    fn go_on(&mut self, world: &mut World) -> Pause {
        match self.step {
            Step::Enter => self.enter(world),
            Step::DaemonPrefilter => self.ask_before(world),
            Step::Lower => self.lower(world),
            Step::Stop => self.after_lower(world),
            Step::DaemonPostfilter => self.ask_after(world),
            step => unreachable!("nobody moves before {step:?}"),
        }
    }

    /// P0.
    fn enter(&mut self, world: &mut World) -> Pause {
        let backed = world.mount.inodes[self.inode].backing.is_some()
            && (world.faithful() || !self.opened_by_daemon(world));
        if backed { self.initialize_in(world) } else { Ok(None) }
    }

    /// Whether the handle was opened by the daemon, so that there is no lower file (OPEN-2).
    fn opened_by_daemon(&self, world: &World) -> bool {
        let handle = match self.operation {
            Operation::Flush { handle }
            | Operation::Release { handle, .. }
            | Operation::Lseek { handle, .. }
            | Operation::Fsync { handle, .. }
            | Operation::ReadIter { handle, .. }
            | Operation::WriteIter { handle, .. }
            | Operation::FileFallocate { handle, .. }
            | Operation::Readdir { handle, .. }
            | Operation::CopyFileRange { from: handle, .. } => handle,
            _ => return false,
        };
        world.mount.handles[handle].backing.is_none()
    }

    /// P1.
    fn initialize_in(&mut self, world: &mut World) -> Pause {
        self.step = Step::InitializeIn;
        self.handled = true;
        self.args.meta.opcode = self.op.opcode().0;
        self.error = (ops::row(self.op).initialize_in)(world, self)?;
        self.emit(world, Step::InitializeIn, self.request_event());
        if self.error != 0 { self.finalize(world) } else { self.prefilter(world) }
    }

    /// P2 and P3.
    fn prefilter(&mut self, world: &mut World) -> Pause {
        self.step = Step::Prefilter;
        self.args.meta.opcode |= Phase::Pre.bit();
        self.next = dispatch::prefilter(world, self)?;
        self.step = Step::Check;
        if self.next < 0 {
            self.prefilter_failed(world, i64::from(self.next))
        } else if dispatch::asks_before(self.abi, self.next) {
            Ok(Some(Step::DaemonPrefilter))
        } else {
            self.initialize_out(world)
        }
    }

    /// P4, when the daemon is asked.
    fn ask_before(&mut self, world: &mut World) -> Pause {
        let outcome = conversation::prefilter(world, self)?;
        if outcome < 0 {
            return self.prefilter_failed(world, outcome);
        }
        // The reply's code is recorded for no prefilter request, so it is always 0.
        self.quirk(world, Quirk::PIPE_1);
        self.next = dispatch::after_daemon(self.abi, self.next);
        self.initialize_out(world)
    }

    /// P5 to P7.
    fn initialize_out(&mut self, world: &mut World) -> Pause {
        for arg in &mut self.args.in_args {
            if let Arg::Buffer(buffer) = arg {
                buffer.flags |= BufferFlags::IMMUTABLE;
            }
        }
        self.step = Step::InitializeOut;
        self.error = (ops::row(self.op).initialize_out)(world, self)?;
        if self.error != 0 {
            return self.finalize(world);
        }
        self.step = Step::User;
        self.initialized = true;
        if !dispatch::leaves(self.abi, self.next) {
            return Ok(Some(Step::Lower));
        }
        self.handled = false;
        self.user_taken(world);
        self.finalize(world)
    }

    /// P8.
    fn lower(&mut self, world: &mut World) -> Pause {
        self.args.meta.opcode &= !Phase::Pre.bit();
        let code = (ops::row(self.op).lower)(world, self)?;
        self.error = code;
        if code < 0 {
            self.args.meta.error_in = code as i32 as u32;
        }
        self.emit(world, Step::Lower, What::Lower { code });
        Ok(Some(Step::Stop))
    }

    /// P9 and P10.
    fn after_lower(&mut self, world: &mut World) -> Pause {
        if dispatch::ends(self.abi, self.next) {
            return self.finalize(world);
        }
        self.step = Step::Postfilter;
        self.args.meta.opcode |= Phase::Post.bit();
        self.next = dispatch::postfilter(world, self)?;
        if self.next < 0 {
            self.failed_afterwards(world, i64::from(self.next))
        } else if dispatch::asks_after(self.abi, self.next) {
            Ok(Some(Step::DaemonPostfilter))
        } else {
            self.finalize(world)
        }
    }

    /// P11, when the daemon is asked.
    fn ask_after(&mut self, world: &mut World) -> Pause {
        let outcome = conversation::postfilter(world, self)?;
        if outcome < 0 { self.failed_afterwards(world, outcome) } else { self.finalize(world) }
    }

    fn failed_afterwards(&mut self, world: &mut World, code: i64) -> Pause {
        dispatch::failed_afterwards(world, self);
        self.error = code;
        self.finalize(world)
    }

    /// P12 to P14.
    fn finalize(&mut self, world: &mut World) -> Pause {
        self.step = Step::Finalize;
        if self.initialized && self.handled || self.scratch.aliased {
            let code = match self.scratch.aliased {
                true => ops::aliased_finalize(world, self),
                false => (ops::row(self.op).finalize)(world, self)?,
            };
            if code != 0 {
                self.error = code;
            }
            self.emit(world, Step::Finalize, What::Finalize { code });
        }
        self.step = Step::Free;
        self.free(world);
        self.step = Step::Result;
        if self.wants_another_round() { self.again(world) } else { Ok(None) }
    }

    /// Whether readdir's finalize wants the run repeated (4.3, readdir).
    fn wants_another_round(&mut self) -> bool {
        core::mem::take(&mut self.scratch.again) && self.error >= 0
    }

    /// Starts over, with both filters.
    fn again(&mut self, world: &mut World) -> Pause {
        self.emit(world, Step::Result, self.result_event());
        self.args.reset(self.op);
        self.next = 0;
        self.initialized = false;
        self.initialize_in(world)
    }

    fn prefilter_failed(&mut self, world: &mut World, code: i64) -> Pause {
        self.error = code;
        let leaks = world.faithful() && world.abi.base() == Abi::V3;
        if leaks && matches!(self.op, Op::Release | Op::Releasedir) {
            self.quirk(world, Quirk::PIPE_2);
        }
        self.scratch.aliased = world.abi == Abi::Android;
        self.finalize(world)
    }

    fn user_taken(&mut self, world: &mut World) {
        if self.op == Op::Readdir && world.faithful() {
            world.mount.leaks.pages += 1;
            self.quirk(world, Quirk::PIPE_12);
        }
    }

    fn free(&mut self, world: &mut World) {
        let mut freed = 0;
        for arg in self.args.in_args.iter_mut().chain(&mut self.args.out_args) {
            if let Arg::Buffer(buffer) = arg {
                freed += u32::from(buffer.flags.contains(BufferFlags::ALLOCATED));
                buffer.free_allocated(&mut self.args.arena);
            }
        }
        let arena = &self.args.arena;
        let lost = arena.leaks().filter(|memory| arena.kind(*memory) == MemoryKind::Private);
        let leaked = u32::try_from(lost.count()).expect("a handful of allocations");
        world.mount.leaks.buffers += u64::from(leaked);
        world.allocs_refused += u64::from(arena.refused());
        if freed > 0 || leaked > 0 {
            self.emit(world, Step::Free, What::Buffers { freed, leaked });
        }
        if leaked > 0 {
            self.quirk(world, Quirk::BUF_2);
        }
    }

    fn stop(&mut self, world: &mut World, stop: Stop) {
        if let Stop::Crash(quirk) | Stop::Hang(quirk) = stop {
            self.emit(world, self.step, What::Crash { quirk });
        }
        self.stop = Some(stop);
        if let Stop::Crash(quirk) = stop {
            world.crashed.get_or_insert(quirk);
        }
    }

    fn request_event(&self) -> What<'_> {
        let data = match &self.operation {
            Operation::WriteIter { data, .. } => &data[..],
            _ => &[],
        };
        What::Request { op: self.op, caller: &self.caller, args: &self.args, data }
    }

    fn result_event(&self) -> What<'_> {
        let (handled, value) = (self.handled, self.code());
        What::Result { handled, value, args: &self.args, data: &self.scratch.data }
    }

    /// Emits an event of this run.
    pub(super) fn emit(&self, world: &mut World, step: Step, what: What<'_>) {
        if world.sink.wants_events() {
            world.emit(&Event { operation: self.number, step, what });
        }
    }

    /// Says that the run stepped on a quirk, if the ABI has it. The kernel as it was meant has
    /// none, also where it lacks the same ability.
    pub(super) fn quirk(&self, world: &mut World, quirk: Quirk) {
        if world.faithful() && world.sink.wants_events() && quirk.in_version(world.abi) {
            self.emit(world, self.step, What::Quirk { quirk });
        }
    }

    /// The copy of a fixed in struct as it is now.
    pub(super) fn input<T: WireStruct + Copy>(&self, index: usize) -> T {
        let arg = self.args.in_args[index].as_struct().expect("the row made it a struct");
        *arg.view::<T>()
    }

    /// The copy of a fixed out struct as it is now.
    pub(super) fn output<T: WireStruct + Copy>(&self, index: usize) -> T {
        let arg = self.args.out_args[index].as_struct().expect("the row made it a struct");
        *arg.view::<T>()
    }

    /// Stores a fixed out struct.
    pub(super) fn set_output<T: WireStruct>(&mut self, index: usize, value: &T) {
        self.args.out_args[index].put(value);
    }

    /// Appends an in argument that is a struct.
    pub(super) fn push_input<T: WireStruct>(&mut self, value: &T) {
        self.args.next_in().put(value);
    }

    /// Appends an in argument that is a buffer.
    pub(super) fn push_input_buffer(&mut self, buffer: FuseBuffer) {
        self.args.push_in(Arg::Buffer(buffer));
    }

    /// Appends an out argument that is a struct.
    pub(super) fn push_output<T: WireStruct>(&mut self, value: &T) {
        self.args.next_out().put(value);
    }

    /// Appends an out argument that is a buffer.
    pub(super) fn push_output_buffer(&mut self, buffer: FuseBuffer) {
        self.args.push_out(Arg::Buffer(buffer));
    }
}
