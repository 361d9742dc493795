//! Access to the bytes of allocations, judged to the byte.

use super::{Arena, BufferEvent, FaultKind, MemoryFault, MemoryId, MemoryKind};

/// Access to bytes.
impl Arena {
    /// `len` bytes from `offset`.
    ///
    /// # Errors
    /// NULL, freed memory and any byte past the end. An access of no bytes touches nothing and
    /// succeeds.
    pub fn read(
        &self,
        memory: impl Into<Option<MemoryId>>,
        offset: u64,
        len: u64,
    ) -> Result<&[u8], MemoryFault> {
        let range = self.range(memory.into(), offset, len)?;
        Ok(&self.bytes[range])
    }

    /// The same bytes for writing. Borrowed memory is not protected; the write is remembered.
    ///
    /// # Errors
    /// As for [`Arena::read`].
    pub fn read_mut(
        &mut self,
        memory: impl Into<Option<MemoryId>>,
        offset: u64,
        len: u64,
    ) -> Result<&mut [u8], MemoryFault> {
        let memory = memory.into();
        let range = self.range(memory, offset, len)?;
        if let Some(memory) = memory.filter(|_| !range.is_empty()) {
            self.mark_written(memory);
        }
        Ok(&mut self.bytes[range])
    }

    /// Writes all of `data` at `offset`, or nothing.
    ///
    /// # Errors
    /// As for [`Arena::read`].
    pub fn write(
        &mut self,
        memory: impl Into<Option<MemoryId>>,
        offset: u64,
        data: &[u8],
    ) -> Result<(), MemoryFault> {
        self.read_mut(memory, offset, data.len() as u64)?.copy_from_slice(data);
        Ok(())
    }

    /// The bytes before the first NUL, at most `limit_bytes`, read as `strnlen` reads them: a NUL
    /// inside the memory ends the access before the end of the memory is reached.
    ///
    /// # Errors
    /// As for [`Arena::read`], when no NUL stops it in time.
    pub fn c_string(
        &self,
        memory: impl Into<Option<MemoryId>>,
        limit_bytes: u64,
    ) -> Result<&[u8], MemoryFault> {
        let memory = memory.into();
        if let Some(live) = memory.filter(|memory| !self.is_freed(*memory)) {
            let here = self.stale(live);
            let window = here.len().min(usize::try_from(limit_bytes).unwrap_or(usize::MAX));
            if let Some(end) = here[..window].iter().position(|byte| *byte == 0) {
                return Ok(&here[..end]);
            }
        }
        self.read(memory, 0, limit_bytes)
    }

    /// All bytes of an allocation, even of a freed one: what physically may still be there.
    pub(crate) fn stale(&self, memory: MemoryId) -> &[u8] {
        let allocation = &self.allocations[memory.index()];
        &self.bytes[allocation.start..allocation.start + allocation.len as usize]
    }

    /// Copies the first `len` bytes, which both allocations must have.
    pub(crate) fn copy_within(&mut self, from: MemoryId, to: MemoryId, len: u32) {
        let source = self.allocations[from.index()].start;
        let target = self.allocations[to.index()].start;
        self.bytes.copy_within(source..source + len as usize, target);
    }

    fn range(
        &self,
        memory: Option<MemoryId>,
        offset: u64,
        len: u64,
    ) -> Result<core::ops::Range<usize>, MemoryFault> {
        if len == 0 {
            return Ok(0..0);
        }
        let Some(memory) = memory else {
            return Err(MemoryFault::null(offset, len));
        };
        let allocation = &self.allocations[memory.index()];
        let fault = |kind| MemoryFault {
            kind,
            memory: Some(memory),
            owner: allocation.owner,
            generation: allocation.generation,
            offset,
            len,
        };
        if allocation.freed {
            return Err(fault(FaultKind::Freed));
        }
        let end = u64::from(allocation.len);
        match offset.checked_add(len) {
            Some(last) if last <= end => {
                let first = allocation.start
                    + usize::try_from(offset).expect("bounded by the allocation's length");
                let len = usize::try_from(len).expect("bounded by the allocation's length");
                Ok(first..first + len)
            }
            _ => Err(fault(FaultKind::PastEnd { end })),
        }
    }

    fn mark_written(&mut self, memory: MemoryId) {
        let allocation = &mut self.allocations[memory.index()];
        if allocation.kind == MemoryKind::Borrowed && !allocation.origin_written {
            allocation.origin_written = true;
            self.events.push(BufferEvent::OriginWritten(memory));
        }
    }
}
