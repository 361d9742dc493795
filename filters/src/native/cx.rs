//! What a member knows beside its arguments.
//!
//! A [`Cx`] lives for one call. It refuses to change meta: the argument is declared const, and
//! that a real program can write through it anyway (VER-1, N23) is left to filters that implement
//! `Filter` themselves. A reader would get wrong the caller: the modelled kernels offer a BPF
//! program no helper for the user id, and one for the process id only since Linux 6.12
//! (SEMANTICS 6.3), so a BPF twin of a filter that asks for them may be impossible.

use fuserig_abi::{Caller, Errno, Gid, MetaInfo, NodeId, Opcode, Pid, Uid};

use crate::FilterEnv;

/// The surroundings of one call: the state of the filter, meta, the caller, and where to print.
/// Source: SEMANTICS 2.1 and 2.5.
///
/// ```
/// use fuserig_abi::Verdict;
/// use fuserig_filters::FuseOps;
/// let counting = FuseOps::with_state("counting", 0_u32).lookup_prefilter(|cx, name| {
///     *cx.state += 1;
///     cx.print(format!("lookup {} in node {}", name.name().escape_ascii(), cx.nodeid()));
///     Verdict::Continue
/// });
/// assert_eq!(*counting.state(), 0);
/// ```
#[derive(Debug)]
pub struct Cx<'a, S = ()> {
    /// The state of the filter. A field and not a method, so that it can be changed while
    /// something else of the context is in use.
    pub state: &'a mut S,
    meta: MetaInfo,
    caller: &'a Caller,
    left: Left,
}

/// What a call leaves for others.
#[derive(Debug, Default)]
pub(crate) struct Left {
    printed: Vec<String>,
    records: Vec<(&'static str, Vec<u8>)>,
}

impl Left {
    /// It goes to them.
    pub(crate) fn settle(self, env: &mut FilterEnv<'_>) {
        for line in self.printed {
            env.print(line);
        }
        for (map, bytes) in self.records {
            env.output(map, bytes);
        }
    }
}

impl<'a, S> Cx<'a, S> {
    pub(crate) fn new(state: &'a mut S, meta: MetaInfo, caller: &'a Caller) -> Cx<'a, S> {
        Cx { state, meta, caller, left: Left::default() }
    }

    pub(crate) fn into_left(self) -> Left {
        self.left
    }

    /// The meta information as it was when the member was called.
    pub fn meta(&self) -> &MetaInfo {
        &self.meta
    }

    /// The node of the operation; 0 is common (SEMANTICS 7.6).
    pub fn nodeid(&self) -> NodeId {
        NodeId(self.meta.nodeid)
    }

    /// The FUSE opcode with the bit of the phase.
    pub fn opcode(&self) -> Opcode {
        Opcode(self.meta.opcode)
    }

    /// The errno of the lower step as a postfilter sees it. For about half of the operations it is
    /// `None` whatever happened below (PIPE-11, SEMANTICS 2.5).
    pub fn error_in(&self) -> Option<Errno> {
        match self.meta.error_in {
            0 => None,
            code => Some(Errno((code as i32).wrapping_neg())),
        }
    }

    /// The process whose system call is being served, and the instant on the virtual clock.
    pub fn caller(&self) -> &Caller {
        self.caller
    }

    /// The user of that process.
    pub fn uid(&self) -> Uid {
        self.caller.credentials.uid
    }

    /// The group of that process.
    pub fn gid(&self) -> Gid {
        self.caller.credentials.gid
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        self.caller.pid
    }

    /// Leaves a line in the trace, as `bpf_printk` does.
    pub fn print(&mut self, line: impl Into<String>) {
        self.left.printed.push(line.into());
    }

    /// Gives a record to the reader of a map, as `bpf_ringbuf_output` does.
    ///
    /// ```
    /// use fuserig_abi::Verdict;
    /// use fuserig_filters::FuseOps;
    /// let counting = FuseOps::new("tells").unlink_prefilter(|cx, name| {
    ///     cx.output("removed", name.name().to_vec());
    ///     Verdict::Continue
    /// });
    /// ```
    pub fn output(&mut self, map: &'static str, bytes: Vec<u8>) {
        self.left.records.push((map, bytes));
    }
}
