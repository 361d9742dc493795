//! What a run may touch, and the judgement of accesses that the fast path refuses.
//!
//! Where the modelled kernels accept what is wrong, the access goes on and the quirk is reported,
//! unless the machine is strict: stores through const pointers (VER-1), stores past the end of a
//! struct (VER-2, whose bytes would land in the kernel's own stack and are dropped here), loads of
//! the fields of a `fuse_buffer` (VER-3).

use fuserig_abi::{CallArgs, Dir, FaultKind, MemoryFault, MemoryId};

use super::machine::{Machine, Mode, SLICES_MAX};
use super::memory::{Kind, Region, region_address, region_of};
use super::strict::is_stack_strict;
use super::trap::{TrapKind, Why, plural};
use crate::FilterEnv;

/// A machine, the arguments of a call and its surroundings, lent to one run.
///
/// ```
/// use fuserig_filters::engine::Context;
/// # let _ = |context: &Context<'_, '_>| context.executed();
/// ```
#[derive(Debug)]
pub struct Context<'a, 'e> {
    pub(in crate::engine) machine: &'a mut Machine,
    pub(in crate::engine) args: &'a mut CallArgs,
    pub(in crate::engine) env: &'a mut FilterEnv<'e>,
}

impl Context<'_, '_> {
    /// Instructions that the machine executed before this run.
    pub fn executed(&self) -> u64 {
        self.machine.executed()
    }

    pub(in crate::engine) fn is_strict(&self) -> bool {
        self.machine.limits.mode == Mode::Strict
    }

    /// Reports an oddity of the modelled kernel once a call, or stops a strict run.
    fn accepted_by_mistake(&mut self, quirk: &'static str, trap: TrapKind) -> Result<(), TrapKind> {
        if self.is_strict() || self.machine.refuses_mistakes {
            return Err(trap);
        }
        self.env.report_quirk(quirk);
        Ok(())
    }

    /// A load that the fast path refused.
    #[cold]
    #[inline(never)]
    pub(in crate::engine) fn load_slow(&mut self, address: u64, len: u32) -> Result<u64, TrapKind> {
        let mut value = [0; 8];
        self.read_into(address, &mut value[..len as usize])?;
        Ok(u64::from_le_bytes(value))
    }

    /// A store that the fast path refused.
    #[cold]
    #[inline(never)]
    pub(in crate::engine) fn store_slow(
        &mut self,
        address: u64,
        value: u64,
        len: u32,
    ) -> Result<(), TrapKind> {
        self.write_from(address, &value.to_le_bytes()[..len as usize])
    }

    /// Fills `target` from an address.
    pub(in crate::engine) fn read_into(
        &mut self,
        address: u64,
        target: &mut [u8],
    ) -> Result<(), TrapKind> {
        let len = fitting(target.len());
        if let Some(bytes) = self.machine.memory.slice(address, len) {
            target.copy_from_slice(bytes);
            return Ok(());
        }
        if len == 0 {
            return Ok(());
        }
        let number = region_of(address);
        let offset = address as u32;
        if self.watched_access(number, offset, len, false) {
            let read = self.read_into(address, target);
            self.close_again(number);
            return read;
        }
        match self.kind(number) {
            Kind::Slice { memory, offset: first, .. } => {
                let at = u64::from(first) + u64::from(offset);
                self.check_slice(address, len)?;
                match self.args.arena.read(memory, at, len.into()) {
                    Ok(bytes) => target.copy_from_slice(bytes),
                    Err(fault) => return Err(self.arena_fault(false, fault)),
                }
                Ok(())
            }
            Kind::Buffer { dir, position } => self.load_field(address, dir, position, target),
            Kind::Window { .. } => self.load_window(address, target),
            Kind::Stack if is_stack_strict(self.machine) => {
                super::strict::read_stack(self, number, offset, target)
            }
            _ => Err(self.refused(false, address, len, Why::PastEnd)),
        }
    }

    /// Stores bytes at an address.
    pub(in crate::engine) fn write_from(
        &mut self,
        address: u64,
        bytes: &[u8],
    ) -> Result<(), TrapKind> {
        let len = fitting(bytes.len());
        if let Some(target) = self.machine.memory.slice_mut(address, len) {
            target.copy_from_slice(bytes);
            return Ok(());
        }
        if len == 0 {
            return Ok(());
        }
        let number = region_of(address);
        let offset = address as u32;
        if self.watched_access(number, offset, len, true) {
            let written = self.write_from(address, bytes);
            self.close_again(number);
            return written;
        }
        match self.kind(number) {
            Kind::Slice { is_writable: false, .. } => {
                Err(self.refused(true, address, len, Why::ReadOnly))
            }
            Kind::Slice { memory, offset: first, .. } => {
                self.check_slice(address, len)?;
                let at = u64::from(first) + u64::from(offset);
                let written = self.args.arena.write(memory, at, bytes);
                written.map_err(|fault| self.arena_fault(true, fault))
            }
            Kind::Buffer { .. } => Err(self.refused(true, address, len, Why::Fields)),
            Kind::Struct { is_const } => self.store_struct(address, bytes, is_const),
            Kind::Window { is_writable } => self.store_window(address, bytes, is_writable),
            Kind::Stack if is_stack_strict(self.machine) => {
                super::strict::write_stack(self, number, offset, bytes)
            }
            Kind::Map | Kind::Arguments | Kind::Kernel => {
                let region = &self.machine.memory.regions[number];
                let inside =
                    u64::from(offset & region.mask) + u64::from(len) <= u64::from(region.read_end);
                let why = if inside { Why::ReadOnly } else { Why::PastEnd };
                Err(self.refused(true, address, len, why))
            }
            Kind::Stack | Kind::Lent | Kind::Unmapped => {
                Err(self.refused(true, address, len, Why::PastEnd))
            }
        }
    }

    fn kind(&self, number: usize) -> Kind {
        self.machine.memory.regions.get(number).map_or(Kind::Unmapped, |region| region.kind)
    }

    /// VER-1 and VER-2.
    fn store_struct(&mut self, address: u64, bytes: &[u8], is_const: bool) -> Result<(), TrapKind> {
        let number = region_of(address);
        let first = address as u32 as usize;
        let len = fitting(bytes.len());
        let struct_len = self.machine.memory.regions[number].len as usize;
        if first + bytes.len() > struct_len {
            let trap = self.refused(true, address, len, Why::PastEnd);
            return self.accepted_by_mistake("VER-2", trap);
        }
        if is_const {
            let trap = self.refused(true, address, len, Why::ReadOnly);
            self.accepted_by_mistake("VER-1", trap)?;
        }
        let region = &mut self.machine.memory.regions[number];
        region.bytes[first..first + bytes.len()].copy_from_slice(bytes);
        region.is_written = true;
        Ok(())
    }

    /// VER-3: a load of a field of `fuse_buffer`, as its 24 bytes would be in a kernel. The
    /// address of the data is a number that maps nowhere.
    fn load_field(
        &mut self,
        address: u64,
        dir: Dir,
        position: usize,
        target: &mut [u8],
    ) -> Result<(), TrapKind> {
        let first = address as u32 as usize;
        let len = fitting(target.len());
        let trap = self.refused(false, address, len, Why::Fields);
        let Some(buffer) = self.args.arg(dir, position).and_then(|arg| arg.as_buffer()) else {
            return Err(trap);
        };
        let data = buffer.data.map_or(0, |memory| DATA_BASE + ((memory.index() as u64) << 32));
        let mut bytes = [0; 24];
        bytes[0..8].copy_from_slice(&data.to_le_bytes());
        bytes[8..12].copy_from_slice(&buffer.size.to_le_bytes());
        bytes[12..16].copy_from_slice(&buffer.alloc_size.to_le_bytes());
        bytes[16..20].copy_from_slice(&buffer.max_size.to_le_bytes());
        bytes[20..24].copy_from_slice(&buffer.flags.bits().to_le_bytes());
        let Some(found) = bytes.get(first..first + target.len()) else {
            return Err(self.refused(false, address, len, Why::PastEnd));
        };
        target.copy_from_slice(found);
        self.accepted_by_mistake("VER-3", trap)
    }

    /// AND-2: what lies behind an argument reads as zeros here, in a kernel as whatever is there.
    fn load_window(&mut self, address: u64, target: &mut [u8]) -> Result<(), TrapKind> {
        let (first, len) = (address as u32 as usize, fitting(target.len()));
        if first + target.len() > crate::android::WINDOW || self.is_strict() {
            return Err(self.refused(false, address, len, Why::PastEnd));
        }
        let region = &self.machine.memory.regions[region_of(address)];
        target.fill(0);
        let known = region.bytes.get(first..).unwrap_or(&[]);
        let known = &known[..known.len().min(target.len())];
        target[..known.len()].copy_from_slice(known);
        self.env.report_quirk("AND-2");
        Ok(())
    }

    /// AND-2: bytes behind an argument would land in the kernel's own memory and are dropped.
    fn store_window(
        &mut self,
        address: u64,
        bytes: &[u8],
        is_writable: bool,
    ) -> Result<(), TrapKind> {
        let (first, len) = (address as u32 as usize, fitting(bytes.len()));
        if !is_writable {
            return Err(self.refused(true, address, len, Why::ReadOnly));
        }
        if first + bytes.len() > crate::android::WINDOW || self.is_strict() {
            return Err(self.refused(true, address, len, Why::PastEnd));
        }
        let region = &mut self.machine.memory.regions[region_of(address)];
        let room = region.bytes.len().saturating_sub(first).min(bytes.len());
        if let Some(target) = region.bytes.get_mut(first..first + room) {
            target.copy_from_slice(&bytes[..room]);
        }
        self.env.report_quirk("AND-2");
        Ok(())
    }

    fn check_slice(&self, address: u64, len: u32) -> Result<(), TrapKind> {
        let region = &self.machine.memory.regions[region_of(address)];
        if u64::from(address as u32) + u64::from(len) > u64::from(region.len) {
            return Err(self.refused(false, address, len, Why::PastEnd));
        }
        Ok(())
    }

    /// The words for an access that is refused.
    #[cold]
    pub(in crate::engine) fn refused(
        &self,
        is_store: bool,
        address: u64,
        len: u32,
        why: Why,
    ) -> TrapKind {
        let Some((region, offset)) = self.machine.memory.locate(address) else {
            return TrapKind::Unmapped { address, len: len.into() };
        };
        let why = if offset < 0 { Why::BeforeStart } else { why };
        let len = u64::from(len);
        let verb = if is_store { "store of " } else { "" };
        let bytes = plural(len);
        let owner = describe(region);
        let reason = match why {
            Why::PastEnd => "past the end",
            Why::BeforeStart => "before the start",
            Why::ReadOnly => "it is read-only",
            Why::NeverSet => "never set",
            Why::Fields => "a fuse_buffer is accessed through a dynptr only",
        };
        TrapKind::Access(format!("{verb}{len} {bytes} at offset {offset} of {owner}: {reason}"))
    }

    #[cold]
    fn arena_fault(&self, is_store: bool, fault: MemoryFault) -> TrapKind {
        let MemoryFault { owner, generation, offset, len, .. } = fault;
        let verb = if is_store { "store of " } else { "" };
        let bytes = plural(len);
        let reason = match fault.kind {
            FaultKind::Null => "it is NULL".to_owned(),
            FaultKind::Freed => "it was freed when the buffer was reallocated (BUF-13)".to_owned(),
            FaultKind::PastEnd { end } => format!("past the end of its {end} bytes (BUF-16)"),
        };
        TrapKind::Access(format!(
            "{verb}{len} {bytes} at offset {offset} of the data of `{owner}` (memory \
             {generation}): {reason}"
        ))
    }

    /// The address of a slice that a dynptr hands out.
    pub(in crate::engine) fn add_slice(
        &mut self,
        memory: MemoryId,
        offset: u32,
        len: u32,
        is_writable: bool,
    ) -> Result<u64, TrapKind> {
        let kind = Kind::Slice { memory, offset, is_writable };
        let regions = &mut self.machine.memory.regions;
        let first = super::machine::map_region(0) + self.machine.maps.len();
        let recent = regions.len().saturating_sub(SLICES_COMPARED).max(first);
        if let Some(known) = regions[recent..].iter().position(|r| r.kind == kind && r.len == len) {
            return Ok(region_address(recent + known));
        }
        if regions.len() >= first + SLICES_MAX {
            return Err(TrapKind::Argument(format!(
                "a call may take at most {SLICES_MAX} slices of buffers"
            )));
        }
        regions.push(Region {
            kind,
            owner: std::borrow::Cow::Borrowed(self.args.arena.owner(memory)),
            type_name: "slice",
            len,
            generation: self.args.arena.generation(memory),
            ..Region::unmapped()
        });
        Ok(region_address(regions.len() - 1))
    }

    /// The buffer argument that an address is.
    pub(in crate::engine) fn buffer_at(&self, address: u64) -> Result<(Dir, usize), TrapKind> {
        match self.kind(region_of(address)) {
            Kind::Buffer { dir, position } if address as u32 == 0 => Ok((dir, position)),
            _ => Err(TrapKind::Argument(format!(
                "{address:#x} is no fuse_buffer argument of this call"
            ))),
        }
    }
}

/// Slices made last that a new one is compared with, so that a loop over one name does not grow
/// the table.
const SLICES_COMPARED: usize = 8;

/// Region numbers no region gets, for data pointers that a program may print but not follow.
const DATA_BASE: u64 = 0xffff_0000_0000_0000;

fn fitting(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// A region in words.
fn describe(region: &Region) -> String {
    let len = u64::from(region.len);
    let bytes = plural(len);
    match region.kind {
        Kind::Stack => format!("the stack ({len} {bytes} left to this function)"),
        Kind::Map => format!("a value of map `{}` ({len} {bytes})", region.owner),
        Kind::Slice { .. } => format!("a slice of `{}` ({len} {bytes})", region.owner),
        _ if region.type_name.is_empty() => format!("`{}` ({len} {bytes})", region.owner),
        _ => format!("`{}` (struct {}, {len} {bytes})", region.owner, region.type_name),
    }
}
