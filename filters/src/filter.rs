//! The seam between the pipeline and a filter: one trait with one entry.
//!
//! A filter is one registered `struct fuse_ops`: a name and up to 64 (v4: 65) members. It sees the
//! arguments of one call, changes them within the rules of [`CallArgs`], and returns the code as
//! the kernel reads it: an unsigned 32-bit value whose top bit means an errno (SEMANTICS 2.3).
//! Only the pipeline calls filters.

use core::fmt;

use fuserig_abi::{CallArgs, Caller, Slot};

use crate::Mentions;
use crate::engine::{LineCount, Trap};

/// What a filter may know beyond its arguments, and where it may leave words.
///
/// ```
/// use fuserig_abi::{Caller, Credentials, Pid, Timespec};
/// use fuserig_filters::FilterEnv;
/// let caller = Caller::new(Credentials::root(), Pid(7), Timespec::ZERO);
/// let mut env = FilterEnv::new(&caller);
/// env.print("seen");
/// assert_eq!(env.printed(), ["seen"]);
/// ```
#[derive(Debug)]
pub struct FilterEnv<'a> {
    caller: &'a Caller,
    printed: Vec<String>,
    quirks: Vec<&'static str>,
    outputs: Vec<(String, Vec<u8>)>,
    trap: Option<Box<Trap>>,
    is_watched: bool,
    touches: Option<Vec<Touch>>,
}

impl<'a> FilterEnv<'a> {
    /// The surroundings of one call.
    pub fn new(caller: &'a Caller) -> FilterEnv<'a> {
        FilterEnv {
            caller,
            printed: Vec::new(),
            quirks: Vec::new(),
            outputs: Vec::new(),
            trap: None,
            is_watched: false,
            touches: None,
        }
    }

    /// The process whose system call is being served, and the instant on the virtual clock.
    pub fn caller(&self) -> &Caller {
        self.caller
    }

    /// Leaves a line in the trace, as `bpf_printk` does.
    pub fn print(&mut self, line: impl Into<String>) {
        self.printed.push(line.into());
    }

    /// The lines left so far, in order.
    pub fn printed(&self) -> &[String] {
        &self.printed
    }

    /// Reports that the filter did what the modelled kernel accepts by mistake, by the id of the
    /// quirk (VER-1 to VER-3, BUF-13, BUF-16). Each id counts once a call.
    pub fn report_quirk(&mut self, id: &'static str) {
        if !self.quirks.contains(&id) {
            self.quirks.push(id);
        }
    }

    /// The ids reported so far, in order.
    pub fn quirks(&self) -> &[&'static str] {
        &self.quirks
    }

    /// Gives a record to the reader of a map (`bpf_ringbuf_output`, `bpf_perf_event_output`).
    pub fn output(&mut self, map: impl Into<String>, bytes: Vec<u8>) {
        self.outputs.push((map.into(), bytes));
    }

    /// The records given so far, in order: the symbol of the map and the bytes.
    pub fn outputs(&self) -> &[(String, Vec<u8>)] {
        &self.outputs
    }

    /// The same surroundings with nothing left in them.
    pub(crate) fn empty(&self) -> FilterEnv<'a> {
        FilterEnv::new(self.caller)
    }

    /// Takes over everything that was left in the surroundings of the same call on an engine.
    pub(crate) fn absorb(&mut self, other: FilterEnv<'_>) {
        self.printed.extend(other.printed);
        self.outputs.extend(other.outputs);
        other.quirks.into_iter().for_each(|quirk| self.report_quirk(quirk));
        self.trap = other.trap.or(self.trap.take());
    }

    /// Reports that an engine stopped the filter. The call then answers -EFAULT.
    pub fn report_trap(&mut self, trap: Box<Trap>) {
        self.trap = Some(trap);
    }

    /// The trap that stopped the filter, if one did.
    pub fn trap(&self) -> Option<&Trap> {
        self.trap.as_deref()
    }

    /// Asks the filter to say which cells of its state the call touches.
    pub fn watch(&mut self) {
        self.is_watched = true;
    }

    /// Whether somebody wants to know what the call touches.
    pub fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Promises that every cell of the filter's state that the call touches is reported with
    /// [`FilterEnv::touch`]. A filter that promises nothing is taken to touch all of its state.
    pub fn tells_touches(&mut self) {
        self.touches.get_or_insert_default();
    }

    /// Reports that the call reads or changes a cell of the filter's state.
    pub fn touch(&mut self, touch: Touch) {
        let touches = self.touches.get_or_insert_default();
        if !touches.contains(&touch) {
            touches.push(touch);
        }
    }

    /// What the call touched; none when the filter did not say.
    pub fn touches(&self) -> Option<&[Touch]> {
        self.touches.as_deref()
    }
}

/// A cell of a filter's state that a call used: a map value, a key, a global variable. Two calls
/// can be swapped when neither changes a cell that the other uses.
///
/// ```
/// use fuserig_abi::{Caller, Credentials, Pid, Timespec};
/// use fuserig_filters::{FilterEnv, Touch};
/// let caller = Caller::new(Credentials::root(), Pid(7), Timespec::ZERO);
/// let mut env = FilterEnv::new(&caller);
/// assert_eq!(env.touches(), None, "nothing is known");
/// env.touch(Touch { cell: 3, is_change: true });
/// assert_eq!(env.touches().map(<[Touch]>::len), Some(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// Which cell; what the number means is the filter's own business.
    pub cell: u64,
    /// Whether the call may change it.
    pub is_change: bool,
}

/// One registered table of callbacks.
///
/// ```
/// use fuserig_abi::{CallArgs, Op, Phase, Slot};
/// use fuserig_filters::{Filter, FilterEnv};
///
/// #[derive(Debug)]
/// struct NoUnlink;
/// impl Filter for NoUnlink {
///     fn name(&self) -> &str { "no_unlink" }
///     fn has(&self, slot: Slot) -> bool { slot == Slot::Member(Op::Unlink, Phase::Pre) }
///     fn call(&mut self, _: Slot, _: &mut CallArgs, _: &mut FilterEnv<'_>) -> u32 {
///         fuserig_abi::Errno::EPERM.negative() as u32
///     }
/// }
/// assert!(!NoUnlink.has(Slot::Default));
/// ```
pub trait Filter: fmt::Debug {
    /// The name it is registered under (1 to 14 characters in v3 and v4, REG-4).
    fn name(&self) -> &str;

    /// Whether the member is set. A missing one gives CONTINUE (v3) or CALL_DEFAULT (v4).
    fn has(&self, slot: Slot) -> bool;

    /// Runs one member. Called only for members that are set.
    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32;

    /// BPF instructions that it executed so far; none for a filter that is not of instructions of
    /// the ABI it is called by.
    fn executed(&self) -> Option<u64> {
        None
    }

    /// Helpers and kernel functions that it called so far; none as for [`Filter::executed`].
    fn helper_calls(&self) -> Option<u64> {
        None
    }

    /// How often each line of its source ran so far, as far as the line information of its object
    /// goes (`.BTF.ext`); empty for a filter without lines.
    fn lines(&self) -> Vec<LineCount> {
        Vec::new()
    }

    /// How many programs it is made of: one for each member that is set, where a member is for one
    /// operation and one phase.
    fn programs(&self) -> usize {
        Slot::all().filter(|slot| self.has(*slot)).count()
    }

    /// The places of its code that ran so far, each as a number that means the same in every run;
    /// none for a filter that does not count. Who searches for inputs is guided by them.
    fn reached(&self) -> Vec<u64> {
        Vec::new()
    }

    /// The words and numbers that its code compares with; none for a filter whose code nobody can
    /// read and that does not say. Who draws inputs uses them.
    fn mentions(&self) -> Mentions {
        Mentions::default()
    }
}
