//! What changes while programs run: memory, maps, budget, coverage.

use fuserig_abi::CallArgs;

use super::context::Context;
use super::dynptrs::Dynptrs;
use super::memory::{Kind, Memory, Region, region_address};
use super::run::{self, Frame};
use super::stack::{FRAMES_MAX, STACK_MAX};
use super::{Code, Trap};
use crate::FilterEnv;
use crate::engine::maps::{MapError, Maps};
use crate::program::MapDef;

/// Regions by number. The frames of the stack come first.
pub(in crate::engine) const STACK: usize = 1;
/// The array of arguments.
pub(in crate::engine) const ARGUMENTS: usize = STACK + FRAMES_MAX;
/// The first argument; the longest callback has five.
pub(in crate::engine) const ARGUMENT: usize = ARGUMENTS + 1;
/// Most arguments of a callback.
pub(in crate::engine) const ARGUMENTS_MAX: usize = 6;
/// `struct task_struct` of the caller.
pub(in crate::engine) const TASK: usize = ARGUMENT + ARGUMENTS_MAX;
/// `struct cred` of the caller.
pub(in crate::engine) const CRED: usize = TASK + 1;
/// Memory lent by whoever runs a program without arguments.
pub(in crate::engine) const LENT: usize = CRED + 1;
/// The first map.
const MAPS: usize = 32;
/// Most slices of buffers that one call may take.
pub(in crate::engine) const SLICES_MAX: usize = 65_536;

/// The region of a map.
pub(in crate::engine) const fn map_region(map: u32) -> usize {
    MAPS + map as usize
}

/// How far programs may go.
///
/// ```
/// use fuserig_filters::engine::{Limits, Mode};
/// let limits = Limits::default();
/// assert_eq!((limits.budget, limits.mode), (1_000_000, Mode::Kernel));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Instructions of one call, callbacks included. Default 1,000,000.
    pub budget: u64,
    /// Whether what a kernel accepts by mistake goes on.
    pub mode: Mode,
    /// Number of simulated CPUs, which per-CPU maps have a value for. Default 4.
    pub cpus: u32,
    /// The CPU that programs run on. Default 0.
    pub cpu: u32,
    /// Where the numbers of `bpf_get_prandom_u32` come from. Default 0.
    pub seed: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { budget: 1_000_000, mode: Mode::Kernel, cpus: 4, cpu: 0, seed: 0 }
    }
}

/// What happens on accesses that a kernel accepts although they are wrong, and on values that were
/// never set.
///
/// ```
/// use fuserig_filters::engine::Mode;
/// assert_ne!(Mode::Kernel, Mode::Strict);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The run goes on as in that kernel, and the quirk is reported (VER-1 to VER-3, BUF-13).
    Kernel,
    /// The run stops. Reads of registers and stack bytes that were never set stop it as well, and
    /// r1 to r5 count as never set after a call.
    Strict,
}

/// Memory, maps and counters of the programs of one object. A clone is a snapshot.
///
/// ```
/// use fuserig_filters::engine::{Limits, Machine};
/// let machine = Machine::new(&[], Limits::default()).expect("no maps to make");
/// assert_eq!(machine.executed(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Machine {
    pub(in crate::engine) memory: Memory,
    pub(in crate::engine) maps: Maps,
    pub(in crate::engine) limits: Limits,
    /// Whether the verifier of the ABI refuses what those of the posted kernels let pass (VER-1
    /// to VER-3), so that it stops the run here.
    pub(in crate::engine) refuses_mistakes: bool,
    pub(in crate::engine) random: u64,
    pub(in crate::engine) dynptrs: Dynptrs,
    pub(in crate::engine) frames: Vec<Frame>,
    /// Instructions left of the call; negative when it is spent.
    pub(in crate::engine) left: i64,
    /// Active functions.
    pub(in crate::engine) depth: usize,
    /// Bytes of stack that the active functions leave.
    pub(in crate::engine) stack_left: u32,
    /// Taken jumps, entries and exits by instruction.
    pub(in crate::engine) counters: Vec<super::coverage::Counter>,
    /// Positions of the last taken jumps, a ring.
    pub(in crate::engine) branches: [u32; BRANCHES],
    pub(in crate::engine) branch: usize,
    /// Two buffers for bytes on their way, so that helpers need not allocate.
    pub(in crate::engine) scratch: [Vec<u8>; 2],
    /// How far the values of each map may be accessed, while somebody watches the call.
    pub(in crate::engine) watched: Option<super::watch::Ends>,
    executed: u64,
    /// Calls of helpers and kernel functions so far.
    pub(in crate::engine) helped: u64,
    /// The arguments of runs on bytes, which have none; absent while one goes on.
    spare: Option<Box<CallArgs>>,
}

/// Taken jumps that a trap shows.
pub(in crate::engine) const BRANCHES: usize = 8;

impl Machine {
    /// A machine with these maps.
    ///
    /// # Errors
    /// A map that cannot be made, with the reason.
    pub fn new(maps: &[MapDef], limits: Limits) -> Result<Machine, MapError> {
        let mut regions = vec![Region::unmapped(); MAPS];
        for frame in &mut regions[STACK..STACK + FRAMES_MAX] {
            *frame = Region::plain(Kind::Stack, "stack", vec![0; STACK_MAX as usize], true);
            frame.limit(0);
        }
        regions[LENT] = Region::plain(Kind::Lent, "context", Vec::new(), true);
        let made = Maps::new(maps, limits.cpus.max(1), &mut regions)?;
        Ok(Machine {
            memory: Memory { regions },
            maps: made,
            limits,
            refuses_mistakes: false,
            random: limits.seed,
            dynptrs: Dynptrs::default(),
            frames: Vec::with_capacity(FRAMES_MAX),
            left: 0,
            depth: 0,
            stack_left: STACK_MAX,
            counters: Vec::new(),
            branches: [0; BRANCHES],
            branch: 0,
            scratch: [Vec::new(), Vec::new()],
            watched: None,
            executed: 0,
            helped: 0,
            spare: None,
        })
    }

    /// Makes room for the counters of one more program.
    pub fn add(&mut self, code: &mut Code) {
        let first = u32::try_from(self.counters.len()).expect("programs are limited in length");
        code.set_counters(first);
        self.counters.resize_with(self.counters.len() + code.len() + 1, Default::default);
    }

    /// Instructions executed so far.
    pub fn executed(&self) -> u64 {
        self.executed
    }

    /// Helpers and kernel functions called so far.
    pub fn helper_calls(&self) -> u64 {
        self.helped
    }

    /// The maps.
    pub fn maps(&self) -> &Maps {
        &self.maps
    }

    /// The values of a map as they stand in memory, for looking at.
    pub fn map_bytes(&self, map: u32) -> Option<&[u8]> {
        self.memory.regions.get(map_region(map)).map(|region| region.bytes.as_slice())
    }

    /// Runs a program on bytes of the caller's: r1 is their address and r2 their length, as for a
    /// `syscall` program.
    ///
    /// # Errors
    /// The trap that stopped it.
    pub fn run_bytes(
        &mut self,
        code: &Code,
        bytes: &mut Vec<u8>,
        env: &mut FilterEnv<'_>,
    ) -> Result<u64, Box<Trap>> {
        let lent = &mut self.memory.regions[LENT];
        lent.bytes = core::mem::take(bytes);
        lent.limit(u32::try_from(lent.bytes.len()).unwrap_or(u32::MAX));
        lent.is_written = false;
        let len = u64::from(lent.len);
        let first = if len == 0 { 0 } else { region_address(LENT) };
        let spare = self.spare.take();
        let mut args = spare.unwrap_or_else(|| Box::new(CallArgs::new(fuserig_abi::Op::Open)));
        let result = self.run(code, &mut args, env, [first, len]);
        self.spare = Some(args);
        let lent = &mut self.memory.regions[LENT];
        lent.limit(0);
        *bytes = core::mem::take(&mut lent.bytes);
        result
    }

    /// Runs the main function of a program.
    pub(in crate::engine) fn run(
        &mut self,
        code: &Code,
        args: &mut CallArgs,
        env: &mut FilterEnv<'_>,
        first: [u64; 2],
    ) -> Result<u64, Box<Trap>> {
        self.left = i64::try_from(self.limits.budget).unwrap_or(i64::MAX);
        self.depth = 0;
        self.stack_left = STACK_MAX;
        self.branch = 0;
        self.frames.clear();
        self.dynptrs.clear();
        self.memory.regions.truncate(MAPS + self.maps.len());
        let before = self.left;
        let mut context = Context { machine: self, args, env };
        let result = run::call_function(code, &mut context, 0, [first[0], first[1], 0, 0, 0]);
        self.executed += u64::try_from(before - self.left).unwrap_or(0);
        result
    }
}
