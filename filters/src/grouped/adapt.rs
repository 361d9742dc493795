//! One filter under both ABIs.
//!
//! The filter runs on a copy of the arguments as its own ABI has them. What it changed there is
//! then done again through the functions of the other ABI, so that nothing reaches the pipeline
//! that a filter of that ABI could not have done. What a reader would get wrong: what cannot be
//! done there is lost, as it would be (a store through const meta, a lost buffer of BUF-2).

use fuserig_abi::{Abi, Arg, BufferFlags, CallArgs, Dir, Phase, Slot};

use super::Family;
use crate::android::AsAndroid;
use crate::{Filter, FilterEnv, Mentions};

/// Shows a filter that was made for one ABI as a filter of another. A filter of a posted version
/// is one of every posted version.
///
/// # Panics
/// For a program of Android on another ABI: its answers are bits that the others do not have.
///
/// ```
/// use fuserig_abi::{Abi, Op, Phase, Slot, Verdict};
/// use fuserig_filters::{Filter, FuseOps, present};
/// let v3 = FuseOps::new("no_op").mkdir_prefilter(|_, _, _| Verdict::Continue);
/// let grouped = present(Box::new(v3), Abi::V3, Abi::V3Grouped);
/// assert!(grouped.has(Slot::Member(Op::Unlink, Phase::Post)), "name_op serves unlink as well");
/// assert_eq!(grouped.programs(), 1);
/// ```
pub fn present(filter: Box<dyn Filter>, made_for: Abi, on: Abi) -> Box<dyn Filter> {
    match (made_for, on) {
        (Abi::V3 | Abi::V4, Abi::V3 | Abi::V4) | (Abi::V3Grouped, Abi::V3Grouped) => filter,
        (Abi::V3 | Abi::V4, Abi::V3Grouped) => Box::new(AsGrouped { inner: filter }),
        (Abi::V3Grouped, Abi::V3 | Abi::V4) => Box::new(AsPosted { inner: filter }),
        (Abi::Android, Abi::Android) => filter,
        (Abi::V3 | Abi::V4, Abi::Android) => Box::new(AsAndroid::new(filter)),
        (Abi::V3Grouped, Abi::Android) => {
            Box::new(AsAndroid::new(Box::new(AsPosted { inner: filter })))
        }
        (Abi::Android, Abi::V3 | Abi::V4 | Abi::V3Grouped) => {
            panic!("a program of Android answers with bits that no struct_ops ABI has")
        }
    }
}

/// A filter of a posted version behind the members of v3-grouped.
#[derive(Debug)]
struct AsGrouped {
    inner: Box<dyn Filter>,
}

impl AsGrouped {
    /// Whether the filter has any member of a family.
    fn serves(&self, family: Family) -> bool {
        let members = family.operations().flat_map(|op| Phase::ALL.map(|p| Slot::Member(op, p)));
        members.into_iter().any(|slot| self.inner.has(slot))
    }
}

impl Filter for AsGrouped {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn has(&self, slot: Slot) -> bool {
        Family::of_slot(slot).is_some_and(|family| self.serves(family))
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        if !self.inner.has(slot) {
            env.report_quirk("GRP-2");
            return fuserig_abi::BPF_FUSE_CONTINUE;
        }
        let mut own = args.clone();
        let code = self.inner.call(slot, &mut own, env);
        let frozen = slot.phase() == Some(Phase::Post);
        for (dir, index) in changed(args, &own) {
            if let Some(Arg::Struct(new)) = own.arg(dir, index) {
                if let (false, Some(Arg::Struct(old))) =
                    (frozen && dir == Dir::In, args.arg_mut(dir, index))
                {
                    *old = *new;
                }
            } else if let (Some(bytes), Some((buffer, arena))) =
                (bytes_of(&own, dir, index), args.buffer_mut(dir, index))
            {
                let size = u32::try_from(bytes.len()).expect("sizes of buffers have 32 bits");
                if buffer.resize(arena, size) == 0 {
                    let (_, view) = buffer.dynptr_rw(arena, 0);
                    view.write(arena, 0, bytes, 0);
                }
            }
        }
        code
    }

    fn programs(&self) -> usize {
        Family::ALL.into_iter().filter(|family| self.serves(*family)).count()
    }

    fn mentions(&self) -> Mentions {
        self.inner.mentions()
    }
}

/// A filter of v3-grouped behind the members of a posted version: each operation of a family has
/// both of its members.
#[derive(Debug)]
struct AsPosted {
    inner: Box<dyn Filter>,
}

impl Filter for AsPosted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn has(&self, slot: Slot) -> bool {
        self.inner.has(slot)
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let mut own = args.clone();
        let code = self.inner.call(slot, &mut own, env);
        for (dir, index) in changed(args, &own) {
            if let Some(Arg::Struct(new)) = own.arg(dir, index) {
                if let Some(Arg::Struct(old)) = args.arg_mut(dir, index) {
                    *old = *new;
                }
            } else if let (Some(bytes), Some((buffer, arena))) =
                (bytes_of(&own, dir, index), args.buffer_mut(dir, index))
                && !buffer.flags.contains(BufferFlags::IMMUTABLE)
            {
                // Everything is written anew, so one request without copy is enough (BUF-1).
                let view = buffer.get_rw_dynptr(arena, bytes.len() as u64, false);
                view.write(arena, 0, bytes, 0);
            }
        }
        code
    }

    fn programs(&self) -> usize {
        Slot::all().filter(|slot| self.inner.has(*slot)).count()
    }
}

/// The arguments that differ: structs by their bytes, buffers by size and bytes.
fn changed(old: &CallArgs, new: &CallArgs) -> Vec<(Dir, usize)> {
    let mut found = Vec::new();
    for dir in [Dir::In, Dir::Out] {
        for index in 0.. {
            let (Some(was), Some(is)) = (old.arg(dir, index), new.arg(dir, index)) else { break };
            let differs = match (was, is) {
                (Arg::Buffer(_), Arg::Buffer(_)) => {
                    bytes_of(old, dir, index) != bytes_of(new, dir, index)
                }
                _ => was != is,
            };
            if differs {
                found.push((dir, index));
            }
        }
    }
    found
}

/// The bytes of a buffer; none when they are lost (BUF-2) or not all there (BUF-16).
fn bytes_of(args: &CallArgs, dir: Dir, index: usize) -> Option<&[u8]> {
    let buffer = args.arg(dir, index)?.as_buffer()?;
    buffer.data?;
    buffer.bytes(&args.arena).ok()
}
