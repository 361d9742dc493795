//! The allocations of one operation.

use super::{AllocFailures, BufferEvent, MemoryId, MemoryKind};
use crate::Fidelity;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allocation {
    pub(super) owner: &'static str,
    pub(super) generation: u32,
    pub(super) kind: MemoryKind,
    pub(super) start: usize,
    pub(super) len: u32,
    pub(super) freed: bool,
    pub(super) origin_written: bool,
}

/// The allocations of one operation. Reusable: after [`Arena::reset`] it keeps its capacity, so
/// that operations cost no allocation of ours once it is warm.
///
/// ```
/// use fuserig_abi::{Arena, FaultKind, MemoryKind};
/// let mut arena = Arena::new();
/// let page = arena.insert(MemoryKind::Page, "buffer", b"stale", 4096);
/// assert_eq!(arena.read(page, 0, 5), Ok(&b"stale"[..]));
/// assert_eq!(arena.leaked(), 1);
/// arena.free(page);
/// assert_eq!(arena.read(page, 0, 5).map_err(|fault| fault.kind), Err(FaultKind::Freed));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arena {
    pub(super) bytes: Vec<u8>,
    pub(super) allocations: Vec<Allocation>,
    pub(super) events: Vec<BufferEvent>,
    failures: AllocFailures,
    fidelity: Fidelity,
    private_allocations: u32,
    refused: u32,
}

impl Arena {
    /// An arena without allocations.
    pub const fn new() -> Arena {
        Arena {
            bytes: Vec::new(),
            allocations: Vec::new(),
            events: Vec::new(),
            failures: AllocFailures::Never,
            fidelity: Fidelity::Faithful,
            private_allocations: 0,
            refused: 0,
        }
    }

    /// Forgets everything but the capacity and the fidelity. All ids die; the failure policy is
    /// back to none.
    pub fn reset(&mut self) {
        self.bytes.clear();
        self.allocations.clear();
        self.events.clear();
        self.failures = AllocFailures::Never;
        self.private_allocations = 0;
        self.refused = 0;
    }

    /// How many private allocations the failure policy refused since the last reset.
    pub fn refused(&self) -> u32 {
        self.refused
    }

    /// Decides which private allocations fail from now on.
    pub fn fail_allocations(&mut self, failures: AllocFailures) {
        self.failures = failures;
    }

    /// Decides whether writable views are those of the modelled kernel or those that were meant
    /// (BUF-1, BUF-2, BUF-13, BUF-15 and BUF-16). A new arena is faithful.
    pub fn set_fidelity(&mut self, fidelity: Fidelity) {
        self.fidelity = fidelity;
    }

    /// Whose rules writable views follow.
    pub fn fidelity(&self) -> Fidelity {
        self.fidelity
    }

    /// Adds memory that begins with `content` and is zero up to `len` bytes.
    ///
    /// # Panics
    /// When `content` is longer than `len`: the caller computes both.
    pub fn insert(
        &mut self,
        kind: MemoryKind,
        owner: &'static str,
        content: &[u8],
        len: u32,
    ) -> MemoryId {
        assert!(content.len() <= len as usize, "content of {owner} is longer than its memory");
        let start = self.bytes.len();
        self.bytes.extend_from_slice(content);
        self.bytes.resize(start + len as usize, 0);
        let siblings = self.allocations.iter().filter(|other| other.owner == owner).count();
        let generation = u32::try_from(siblings).expect("a handful of allocations");
        self.allocations.push(Allocation {
            owner,
            generation,
            kind,
            start,
            len,
            freed: false,
            origin_written: false,
        });
        MemoryId::from_index(self.allocations.len() - 1)
    }

    /// Makes a zeroed private allocation, or `None` when the policy lets it fail.
    pub fn allocate_private(&mut self, owner: &'static str, len: u32) -> Option<MemoryId> {
        let number = self.private_allocations;
        self.private_allocations += 1;
        if self.failures.refuses(number, len) {
            self.refused += 1;
            return None;
        }
        Some(self.insert(MemoryKind::Private, owner, &[], len))
    }

    /// Frees an allocation; its bytes stay readable to nobody.
    ///
    /// # Panics
    /// When it is already free or does not belong to the operation: no kernel does that here.
    pub fn free(&mut self, memory: MemoryId) {
        let allocation = &mut self.allocations[memory.index()];
        assert!(!allocation.freed, "{} was freed twice", allocation.owner);
        assert!(allocation.kind.owned_by_operation(), "{} is not ours to free", allocation.owner);
        allocation.freed = true;
        self.events.push(BufferEvent::Freed(memory));
    }

    /// Every allocation, the oldest first.
    pub fn allocations(&self) -> impl Iterator<Item = MemoryId> + use<> {
        (0..self.allocations.len()).map(MemoryId::from_index)
    }

    /// What happened so far, for the trace.
    pub fn events(&self) -> &[BufferEvent] {
        &self.events
    }

    /// Forgets the events that were read.
    pub fn clear_events(&mut self) {
        self.events.clear();
    }

    pub(crate) fn note(&mut self, event: BufferEvent) {
        self.events.push(event);
    }

    /// Length in bytes.
    pub fn len_of(&self, memory: MemoryId) -> u32 {
        self.allocations[memory.index()].len
    }

    /// Whose memory it is.
    pub fn kind(&self, memory: MemoryId) -> MemoryKind {
        self.allocations[memory.index()].kind
    }

    /// The argument it was made for.
    pub fn owner(&self, memory: MemoryId) -> &'static str {
        self.allocations[memory.index()].owner
    }

    /// How many allocations were made for the same argument before it.
    pub fn generation(&self, memory: MemoryId) -> u32 {
        self.allocations[memory.index()].generation
    }

    /// Whether it was freed.
    pub fn is_freed(&self, memory: MemoryId) -> bool {
        self.allocations[memory.index()].freed
    }

    /// Whether constant memory was written to, so that the original value is no longer what the
    /// caller passed (BUF-15, N12). Its new bytes are read like any others.
    pub fn origin_written(&self, memory: MemoryId) -> bool {
        self.allocations[memory.index()].origin_written
    }

    /// How many allocations nobody freed. Meaningful after the last step of the operation.
    pub fn leaked(&self) -> usize {
        self.leaks().count()
    }

    /// The allocations that nobody freed.
    pub fn leaks(&self) -> impl Iterator<Item = MemoryId> + '_ {
        self.allocations().filter(|memory| {
            let allocation = &self.allocations[memory.index()];
            allocation.kind.owned_by_operation() && !allocation.freed
        })
    }
}
