//! A filter of a posted version as a program of Android: its codes become bits, and what it writes
//! to arguments of fixed size is kept. A name or value cannot get another size there.

use fuserig_abi::{
    Arg, BufferFlags, CallArgs, FuseBuffer, FuseEntryBpfOut, Op, Phase, Slot, StructArg,
};

use super::{ANDROID_BACKING, ANDROID_POST_FILTER, ANDROID_USER_FILTER};
use crate::{Filter, FilterEnv, Mentions};

/// Length of an entry of the posted versions.
const ENTRY: usize = 24;

/// The program that stands for the members of a filter.
#[derive(Debug)]
pub(crate) struct AsAndroid {
    inner: Box<dyn Filter>,
    /// What the prefilter answered, which in the posted versions decides about the daemon later.
    asks_afterwards: bool,
}

impl AsAndroid {
    pub(crate) fn new(inner: Box<dyn Filter>) -> AsAndroid {
        AsAndroid { inner, asks_afterwards: false }
    }

    fn prefilter(&mut self, code: u32) -> u32 {
        self.asks_afterwards = code == 4;
        match code {
            1 => 0,
            2 => ANDROID_USER_FILTER | ANDROID_BACKING,
            3 | 4 => ANDROID_BACKING | ANDROID_POST_FILTER,
            code if (code as i32) < 0 => code,
            _ => ANDROID_BACKING,
        }
    }
}

impl Filter for AsAndroid {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn has(&self, slot: Slot) -> bool {
        slot != Slot::Default
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let phase = slot.phase().expect("Android has no default filter");
        if phase == Phase::Post && core::mem::take(&mut self.asks_afterwards) {
            return ANDROID_USER_FILTER;
        }
        let is_set = self.inner.has(slot);
        let code = if is_set { posted(self.inner.as_mut(), slot, args, env) } else { 0 };
        match phase {
            Phase::Pre => self.prefilter(code),
            Phase::Post if code == 4 => ANDROID_USER_FILTER,
            Phase::Post if (code as i32) < 0 => code,
            Phase::Post => 0,
        }
    }

    fn programs(&self) -> usize {
        1
    }

    fn mentions(&self) -> Mentions {
        self.inner.mentions()
    }
}

/// Calls a member with arguments in the shape of the posted versions.
fn posted(inner: &mut dyn Filter, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
    let mut own = args.clone();
    let is_lookup = slot == Slot::Member(Op::Lookup, Phase::Post);
    if is_lookup {
        own.out_args[1] = Arg::Buffer(FuseBuffer::lookup_entries(&mut own.arena, "entries"));
    }
    let code = inner.call(slot, &mut own, env);
    for index in 0..args.in_count {
        keep(&mut args.in_args[index], &own.in_args[index], &own, &mut args.arena);
    }
    for index in 0..args.out_count {
        if is_lookup && index == 1 {
            args.out_args[1] = Arg::Struct(StructArg::new(&entry(&own)));
        } else {
            keep(&mut args.out_args[index], &own.out_args[index], &own, &mut args.arena);
        }
    }
    code
}

/// Keeps what fits: a struct, and the bytes of a buffer up to its size here. A buffer that got
/// smaller is smaller here too where the operation lets it vary.
fn keep(here: &mut Arg, there: &Arg, own: &CallArgs, arena: &mut fuserig_abi::Arena) {
    match (here, there) {
        (Arg::Struct(old), Arg::Struct(new)) => *old = *new,
        (Arg::Buffer(old), Arg::Buffer(new)) => {
            let Ok(bytes) = new.bytes(&own.arena) else { return };
            let len = bytes.len().min(old.size as usize);
            if old.bytes(arena).is_ok_and(|was| was[..len] != bytes[..len]) {
                let written = arena.write(old.data, 0, &bytes[..len]);
                debug_assert!(written.is_ok(), "as many bytes were just read");
            }
            let is_out = !old.flags.contains(BufferFlags::IMMUTABLE)
                && !old.flags.contains(BufferFlags::MUST_ALLOCATE);
            if is_out && new.size < old.size {
                old.size = new.size;
            }
        }
        _ => {}
    }
}

/// What the entries of the posted versions ask for, in the one entry of Android. A filter cannot
/// be named there, only given as a descriptor.
fn entry(own: &CallArgs) -> FuseEntryBpfOut {
    let mut out = FuseEntryBpfOut::default();
    let Some(buffer) = own.out_args[1].as_buffer() else { return out };
    let Ok(bytes) = buffer.bytes(&own.arena) else { return out };
    for one in bytes.chunks_exact(ENTRY) {
        let word = |at: usize| u32::from_le_bytes(one[at..at + 4].try_into().expect("four bytes"));
        match word(0) {
            1 => {
                out.backing_action = 2;
                out.backing_fd = u64::from_le_bytes(one[16..24].try_into().expect("eight bytes"));
            }
            3 => out.backing_action = 1,
            4 => out.bpf_action = 1,
            _ => {}
        }
    }
    out
}
