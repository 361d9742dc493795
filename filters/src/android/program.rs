//! A program of Android in Rust.

use core::fmt;

use fuserig_abi::{CallArgs, NodeId, Opcode, Phase, Slot, WireStruct};

use super::frame::{Window, windows, write_back};
use crate::native::{Answer, Cx, FilterName};
use crate::{Filter, FilterEnv};

type Body<S> = Box<dyn FnMut(&mut Cx<'_, S>, &mut AndroidCall<'_>) -> u32>;

/// The context of one call, `struct fuse_bpf_args`.
///
/// ```
/// use fuserig_abi::{FuseOpenIn, Opcode, Phase};
/// use fuserig_filters::{ANDROID_BACKING, AndroidProgram};
/// let read_only = AndroidProgram::new("read_only", |_, call| {
///     if call.opcode() == Opcode::OPEN.with_phase(Phase::Pre) {
///         let mut open: FuseOpenIn = call.input(0).expect("the first argument of open");
///         open.flags &= !3;
///         call.write(0, &open);
///     }
///     ANDROID_BACKING
/// });
/// # let _ = read_only;
/// ```
#[derive(Debug)]
pub struct AndroidCall<'a> {
    args: &'a mut CallArgs,
    windows: Vec<Window>,
    phase: Phase,
}

impl AndroidCall<'_> {
    /// The opcode with the bit of the phase.
    pub fn opcode(&self) -> Opcode {
        Opcode(self.args.meta.opcode)
    }

    /// The node of the operation.
    pub fn nodeid(&self) -> NodeId {
        NodeId(self.args.meta.nodeid)
    }

    /// What the lower step failed with, negative and in two's complement, or 0.
    pub fn error_in(&self) -> u32 {
        self.args.meta.error_in
    }

    /// How many in arguments there are; in the postfilter those that come out stand behind them.
    pub fn in_count(&self) -> usize {
        self.windows.len()
    }

    /// The bytes of an in argument; none for one that has no address (AND-4).
    pub fn bytes(&self, index: usize) -> Option<&[u8]> {
        self.windows.get(index)?.bytes.as_deref()
    }

    /// An in argument as the struct it is, or none when it has another length.
    pub fn input<T: WireStruct>(&self, index: usize) -> Option<T> {
        T::read_from_bytes(self.bytes(index)?).ok()
    }

    /// Puts a struct into an out argument, which in the prefilter is the in argument of that
    /// number. Bytes past its end are dropped (AND-2).
    pub fn write<T: WireStruct>(&mut self, index: usize, value: &T) {
        self.write_bytes(index, value.as_bytes());
    }

    /// Puts bytes at the start of an out argument.
    pub fn write_bytes(&mut self, index: usize, bytes: &[u8]) {
        let first = match self.phase {
            Phase::Pre => 0,
            Phase::Post => self.windows.iter().take_while(|window| !window.is_out).count(),
        };
        let Some(window) = self.windows.get_mut(first + index) else { return };
        write_back(self.args, window, bytes);
        if let Some(own) = &mut window.bytes {
            let len = own.len().min(bytes.len());
            own[..len].copy_from_slice(&bytes[..len]);
        }
    }
}

/// A program of Android made of one closure, which answers with bits or a negative errno.
///
/// ```
/// use fuserig_abi::{Op, Phase, Slot};
/// use fuserig_filters::{ANDROID_BACKING, AndroidProgram, Filter};
/// let pass = AndroidProgram::new("pass", |_, _| ANDROID_BACKING);
/// assert!(pass.has(Slot::Member(Op::Access, Phase::Pre)), "one program for everything");
/// assert_eq!(pass.programs(), 1);
/// ```
pub struct AndroidProgram<S = ()> {
    name: FilterName,
    state: S,
    body: Body<S>,
}

impl AndroidProgram {
    /// A program without typed state.
    ///
    /// # Panics
    /// When the name is none.
    pub fn new<R: Answer>(
        name: &str,
        body: impl FnMut(&mut Cx<'_, ()>, &mut AndroidCall<'_>) -> R + 'static,
    ) -> AndroidProgram {
        AndroidProgram::with_state(name, (), body)
    }
}

impl<S> AndroidProgram<S> {
    /// A program whose closure finds `state` in its [`Cx`].
    ///
    /// # Panics
    /// When the name is none.
    pub fn with_state<R: Answer>(
        name: &str,
        state: S,
        mut body: impl FnMut(&mut Cx<'_, S>, &mut AndroidCall<'_>) -> R + 'static,
    ) -> AndroidProgram<S> {
        let checked = FilterName::parse(name);
        let name = checked.unwrap_or_else(|error| panic!("a program cannot be {name:?}: {error}"));
        let body: Body<S> = Box::new(move |cx, call| body(cx, call).code());
        AndroidProgram { name, state, body }
    }
}

impl<S> Filter for AndroidProgram<S> {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn has(&self, slot: Slot) -> bool {
        slot != Slot::Default
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let phase = slot.phase().expect("Android has no default filter");
        let mut cx = Cx::new(&mut self.state, args.meta, env.caller());
        let mut call = AndroidCall { windows: windows(args, phase), args, phase };
        let code = (self.body)(&mut cx, &mut call);
        cx.into_left().settle(env);
        code
    }

    fn programs(&self) -> usize {
        1
    }
}

impl<S> fmt::Debug for AndroidProgram<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AndroidProgram").field("name", &self.name.as_str()).finish_non_exhaustive()
    }
}
