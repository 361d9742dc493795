//! Dynptrs on the stack of a program.
//!
//! The 16 bytes in a program's stack hold a tag; what the dynptr is stands beside the machine. A
//! program that scribbles over the slot is found when it uses the dynptr next.

use fuserig_abi::{Dynptr, MemoryId};

use super::context::Context;
use super::trap::TrapKind;

/// The live dynptrs of a call, by the address of their slot.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Dynptrs {
    slots: Vec<(u64, [u8; 16], Dynptr)>,
    made: u64,
}

/// Most slots of a call: a stack of 512 bytes has 32.
const SLOTS_MAX: usize = 32 * 8;

impl Dynptrs {
    pub(in crate::engine) fn clear(&mut self) {
        self.slots.clear();
        self.made = 0;
    }
}

impl Context<'_, '_> {
    /// Makes a dynptr in the slot at an address.
    pub(in crate::engine) fn put_dynptr(
        &mut self,
        address: u64,
        dynptr: Dynptr,
    ) -> Result<(), TrapKind> {
        let dynptrs = &mut self.machine.dynptrs;
        dynptrs.made += 1;
        let mut tag = [0xd9; 16];
        tag[..8].copy_from_slice(&(0xd9d9_0000_0000_0000 | dynptrs.made).to_le_bytes());
        match dynptrs.slots.iter().position(|(known, ..)| *known == address) {
            Some(slot) => dynptrs.slots[slot] = (address, tag, dynptr),
            None if dynptrs.slots.len() < SLOTS_MAX => dynptrs.slots.push((address, tag, dynptr)),
            None => return Err(TrapKind::Argument("too many dynptrs in one call".to_owned())),
        }
        self.write_from(address, &tag)
    }

    /// The dynptr in the slot at an address.
    pub(in crate::engine) fn dynptr_at(&mut self, address: u64) -> Result<Dynptr, TrapKind> {
        let known = self.machine.dynptrs.slots.iter().find(|(known, ..)| *known == address);
        let Some(&(_, tag, dynptr)) = known else {
            return Err(TrapKind::Argument(format!("no dynptr was made at {address:#x}")));
        };
        let mut bytes = [0; 16];
        self.read_into(address, &mut bytes)?;
        if bytes != tag {
            let text = format!("the dynptr at {address:#x} was overwritten by the program");
            return Err(TrapKind::Argument(text));
        }
        Ok(dynptr)
    }

    /// Changes the dynptr in a slot that was looked at before.
    pub(in crate::engine) fn change_dynptr(&mut self, address: u64, dynptr: Dynptr) {
        let slots = &mut self.machine.dynptrs.slots;
        if let Some(slot) = slots.iter_mut().find(|(known, ..)| *known == address) {
            slot.2 = dynptr;
        }
    }

    /// Makes every dynptr over that memory null.
    pub(in crate::engine) fn invalidate_dynptrs(&mut self, memory: MemoryId) {
        for (.., dynptr) in &mut self.machine.dynptrs.slots {
            if dynptr.memory() == Some(memory) {
                *dynptr = Dynptr::NULL;
            }
        }
    }
}
