//! Reading and writing through the page cache.

use fuserig_abi::{
    Errno, FUSE_READ_LOCKOWNER, FUSE_WRITE_KILL_SUIDGID, FUSE_WRITE_LOCKOWNER, FuseReadIn,
    FuseWriteIn, FuseWriteOut, Opcode, PAGE_SIZE, Quirk,
};

use super::exchange::{Ordinary, Served, body, number, parse};
use crate::kernel::{HandleId, InodeId, StatMask, Window};
use crate::pipeline::device::Shape;
use crate::pipeline::{Outcome, Stop};

const PAGE: u64 = PAGE_SIZE as u64;
/// `FOPEN_DIRECT_IO`: past the page cache.
const DIRECT_IO: u32 = 1;

impl Ordinary<'_> {
    /// `generic_file_read_iter` after the caller refreshed the length.
    pub(crate) async fn read(&mut self, handle: HandleId, offset: u64, size: u64) -> Served {
        if self.world.mount.handles[handle].open_flags & DIRECT_IO != 0 {
            return self.read_past_cache(handle, offset, size).await;
        }
        self.read_by_cache(handle, offset, size).await
    }

    /// A read through the page cache, as of a pipe, which heeds no `FOPEN_DIRECT_IO`
    /// (`fuse_splice_read`).
    pub(crate) async fn read_by_cache(
        &mut self,
        handle: HandleId,
        offset: u64,
        size: u64,
    ) -> Served {
        let inode = self.handle_inode(handle);
        let behind = offset.saturating_add(size).div_ceil(PAGE);
        let mut data = Vec::new();
        while (data.len() as u64) < size {
            let at = offset + data.len() as u64;
            if at >= self.world.mount.inodes[inode].size {
                break;
            }
            let index = at / PAGE;
            let own = match self.bring_page(handle, inode, index, behind).await {
                Ok(own) => own,
                Err(halt) if data.is_empty() => return Err(halt),
                Err(_) => break,
            };
            let state = &self.world.mount.inodes[inode];
            let end = state.size.min(offset.saturating_add(size));
            let kept = state.pages.get(&index).and_then(Option::as_ref);
            let Some(page) = own.as_ref().or(kept) else { break };
            let within = (at % PAGE) as usize;
            let until = end.saturating_sub(index * PAGE).min(PAGE) as usize;
            if at >= end || within >= until {
                break;
            }
            data.extend_from_slice(&page[within..until]);
        }
        if !data.is_empty() {
            let last = (offset + data.len() as u64) / PAGE;
            self.world.mount.handles[handle].ahead.ended(last);
        }
        Ok(Outcome { data: data.clone(), ..number(data.len() as i64) })
    }

    /// A page that can be read, of a read that ends in front of the page `behind`. One that is not
    /// there is read ahead first, whose failure leaves it empty in the cache and is not reported;
    /// then it is read for itself. One that is marked has the next ones read (`filemap_get_pages`).
    /// Its bytes, if they could not be kept.
    async fn bring_page(
        &mut self,
        handle: HandleId,
        inode: InodeId,
        index: u64,
        behind: u64,
    ) -> Served<Option<Vec<u8>>> {
        let state = &self.world.mount.inodes[inode];
        if index > 0 && index * PAGE >= state.size {
            return Ok(None);
        }
        let wanted = behind.saturating_sub(index).max(1);
        let most = (u64::from(self.world.connection.max_readahead) / PAGE).max(1);
        let mount = &mut self.world.mount;
        let state = &mount.inodes[inode];
        if !state.pages.contains_key(&index) {
            let cached = |page| state.pages.contains_key(&page);
            let ahead = &mut mount.handles[handle].ahead;
            let window = ahead.missed(index, wanted, most, cached);
            self.read_window(handle, inode, window).await?;
        }
        let mount = &mut self.world.mount;
        let state = &mut mount.inodes[inode];
        if state.pages.contains_key(&index) && state.marked.remove(&index) {
            let cached = |page| state.pages.contains_key(&page);
            let ahead = &mut mount.handles[handle].ahead;
            if let Some(window) = ahead.met_mark(index, wanted, most, cached) {
                self.read_window(handle, inode, window).await?;
            }
        }
        match self.world.mount.inodes[inode].pages.get(&index) {
            Some(Some(_)) => Ok(None),
            _ => self.read_pages(handle, inode, index, 1).await,
        }
    }

    /// Reads what is missing of a window (`page_cache_ra_unbounded`), a READ for each stretch.
    async fn read_window(
        &mut self,
        handle: HandleId,
        inode: InodeId,
        window: Window,
    ) -> Served<()> {
        let state = &mut self.world.mount.inodes[inode];
        let window = window.within(state.size.div_ceil(PAGE));
        let missing: Vec<u64> = (window.start..window.start + window.pages)
            .filter(|page| !state.pages.contains_key(page))
            .collect();
        for page in &missing {
            state.marked.remove(page);
        }
        state.marked.extend(window.mark.filter(|mark| missing.contains(mark)));
        let most = self.world.connection.max_pages.max(1) as usize;
        for stretch in missing.chunk_by(|page, next| page + 1 == *next) {
            for piece in stretch.chunks(most) {
                match self.read_pages(handle, inode, piece[0], piece.len() as u64).await {
                    Err(super::Halt::Stop(stop)) => return Err(stop.into()),
                    // Whoever wants the page asks again.
                    Ok(_) | Err(super::Halt::Errno(_)) => {}
                }
            }
        }
        Ok(())
    }

    /// One READ for whole pages. A short reply means the end of the file is earlier. What changed
    /// meanwhile is not kept, and comes back.
    ///
    /// FIDELITY: a page that is read is locked, so that a change of it waits; here it is read
    /// again.
    async fn read_pages(
        &mut self,
        handle: HandleId,
        inode: InodeId,
        index: u64,
        count: u64,
    ) -> Served<Option<Vec<u8>>> {
        for page in index..index + count {
            self.world.mount.inodes[inode].pages.entry(page).or_insert(None);
        }
        let size = count * PAGE;
        let mut bytes = self.ask_read(handle, index * PAGE, size).await?;
        let read = bytes.len() as u64;
        bytes.resize(size as usize, 0);
        self.invalidate(inode, StatMask::ATIME);
        if self.has_changed(inode) {
            return Ok(Some(bytes));
        }
        let state = &mut self.world.mount.inodes[inode];
        for (page, bytes) in (index..).zip(bytes.chunks_exact(PAGE as usize)) {
            state.pages.insert(page, Some(bytes.to_vec()));
        }
        if read < size && state.size > index * PAGE + read {
            state.size = index * PAGE + read;
        }
        Ok(None)
    }

    async fn ask_read(&mut self, handle: HandleId, offset: u64, size: u64) -> Served<Vec<u8>> {
        let state = &self.world.mount.handles[handle];
        // Who fills the page cache owns no locks.
        let direct = state.open_flags & DIRECT_IO != 0;
        let (read_flags, lock_owner) =
            if direct { (FUSE_READ_LOCKOWNER, self.lock_owner()) } else { (0, 0) };
        let head = FuseReadIn {
            fh: state.fh.0,
            offset,
            read_flags,
            lock_owner,
            size: u32::try_from(size).unwrap_or(u32::MAX),
            flags: state.flags.bits(),
            ..FuseReadIn::default()
        };
        let nodeid = state.nodeid;
        let room = usize::try_from(size).unwrap_or(usize::MAX);
        self.ask(Opcode::READ, nodeid, body(&head, &[]), Shape::up_to(room)).await
    }

    async fn read_past_cache(&mut self, handle: HandleId, offset: u64, size: u64) -> Served {
        let most = u64::from(self.world.connection.max_pages) * PAGE;
        self.invalidate(self.handle_inode(handle), StatMask::ATIME);
        let mut data = Vec::new();
        while (data.len() as u64) < size {
            let piece = (size - data.len() as u64).min(most);
            let got = match self.ask_read(handle, offset + data.len() as u64, piece).await {
                Ok(got) => got,
                Err(halt) if data.is_empty() => return Err(halt),
                Err(_) => break,
            };
            data.extend_from_slice(&got);
            if (got.len() as u64) < piece {
                break;
            }
        }
        Ok(Outcome { data: data.clone(), ..number(data.len() as i64) })
    }

    /// `fuse_perform_write`: the cache is filled and the daemon told, a piece at a time. Without
    /// INIT no piece is small enough, and the kernel tries for ever (N5).
    pub(super) async fn write(
        &mut self,
        handle: HandleId,
        offset: u64,
        data: &[u8],
        append: bool,
    ) -> Served {
        if data.is_empty() {
            return Ok(number(0));
        }
        if self.world.connection.max_write == 0 {
            if !self.world.faithful() {
                return Err(Errno::ECONNREFUSED.into());
            }
            return Err(Stop::Hang(Quirk::N5).into());
        }
        let inode = self.handle_inode(handle);
        let flags = self.world.mount.handles[handle].flags;
        let appends = append || flags.contains(fuserig_sim_fs::OpenFlags::APPEND);
        let start = if appends { self.world.mount.inodes[inode].size } else { offset };
        let cached = self.world.mount.handles[handle].open_flags & DIRECT_IO == 0;
        let mut written = 0;
        while written < data.len() {
            let at = start + written as u64;
            let left = data.len() - written;
            let piece = if cached { self.piece(inode, at, left) } else { left.min(self.most()) };
            let bytes = &data[written..written + piece];
            let told = self.ask_write(handle, at, bytes).await;
            if cached {
                self.fill_cache(inode, at, bytes, told.is_ok());
            }
            match told {
                Ok(count) => {
                    written += count;
                    self.grow(inode, at + count as u64);
                    if count < piece {
                        break;
                    }
                }
                Err(halt) if written == 0 => return Err(halt),
                Err(_) => break,
            }
        }
        if !cached {
            self.forget_pages(inode, start, data.len() as u64);
        }
        let end = start + written as u64;
        let data = end.to_le_bytes().to_vec();
        Ok(Outcome { data, ..number(written as i64) })
    }

    /// Bytes of the longest WRITE.
    fn most(&self) -> usize {
        let connection = &self.world.connection;
        (connection.max_write as usize).min((connection.max_pages * PAGE_SIZE) as usize)
    }

    /// `fuse_fill_write_pages`: a piece ends with its page, unless the daemon takes larger ones
    /// and the page is whole in the cache after the write. It spans no more pages than a request.
    fn piece(&self, inode: InodeId, at: u64, left: usize) -> usize {
        let left = left.min(self.world.connection.max_write as usize);
        let pages = &self.world.mount.inodes[inode].pages;
        let mut piece = 0;
        for _ in 0..self.world.connection.max_pages {
            let place = at + piece as u64;
            let within = (place % PAGE) as usize;
            let count = (left - piece).min(PAGE as usize - within);
            piece += count;
            let whole =
                count == PAGE as usize || matches!(pages.get(&(place / PAGE)), Some(Some(_)));
            let more = piece < left && self.world.connection.big_writes;
            if !whole || !more {
                break;
            }
        }
        piece
    }

    async fn ask_write(&mut self, handle: HandleId, offset: u64, data: &[u8]) -> Served<usize> {
        let state = &self.world.mount.handles[handle];
        let kills = self.world.connection.handle_killpriv_v2 && !self.keeps_privileges();
        let direct = state.open_flags & DIRECT_IO != 0;
        // A write through the page cache belongs to no owner of locks.
        let (owned, lock_owner) =
            if direct { (FUSE_WRITE_LOCKOWNER, self.lock_owner()) } else { (0, 0) };
        let head = FuseWriteIn {
            fh: state.fh.0,
            offset,
            write_flags: owned | if kills { FUSE_WRITE_KILL_SUIDGID } else { 0 },
            lock_owner,
            size: data.len() as u32,
            flags: state.flags.bits(),
            ..FuseWriteIn::default()
        };
        let nodeid = state.nodeid;
        let shape = Shape::fixed(size_of::<FuseWriteOut>());
        let reply = self.ask(Opcode::WRITE, nodeid, body(&head, &[data]), shape).await?;
        let count = parse::<FuseWriteOut>(&reply).size as usize;
        if count > data.len() { Err(Errno::EIO.into()) } else { Ok(count) }
    }

    /// What was written lies in the cache; a page that is not whole, or that the daemon did not
    /// take, has to be read again.
    fn fill_cache(&mut self, inode: InodeId, at: u64, data: &[u8], taken: bool) {
        self.world.mount.note_change(inode);
        let state = &mut self.world.mount.inodes[inode];
        let mut done = 0;
        while done < data.len() {
            let place = at + done as u64;
            let within = (place % PAGE) as usize;
            let count = (data.len() - done).min(PAGE as usize - within);
            if !state.pages.contains_key(&(place / PAGE)) {
                state.marked.remove(&(place / PAGE));
            }
            let page = state.pages.entry(place / PAGE).or_insert(None);
            if count == PAGE as usize {
                *page = Some(vec![0; PAGE as usize]);
            }
            match page {
                Some(bytes) if taken => {
                    bytes[within..within + count].copy_from_slice(&data[done..done + count]);
                }
                other => *other = None,
            }
            done += count;
        }
    }

    /// Nothing of the contents is known any more.
    pub(super) fn drop_pages(&mut self, inode: InodeId) {
        self.world.mount.note_change(inode);
        self.world.mount.inodes[inode].pages.clear();
    }

    /// Nobody goes by the pages that bytes came to past them (`fuse_direct_io`,
    /// `__fuse_copy_file_range`).
    pub(super) fn forget_pages(&mut self, inode: InodeId, start: u64, size: u64) {
        let about = start / PAGE..start.saturating_add(size).div_ceil(PAGE);
        self.world.mount.note_change(inode);
        self.world.mount.inodes[inode].pages.retain(|page, _| !about.contains(page));
    }

    /// The file is at least that long now.
    pub(super) fn grow(&mut self, inode: InodeId, end: u64) {
        self.world.mount.note_change(inode);
        let state = &mut self.world.mount.inodes[inode];
        state.size = state.size.max(end);
        state.stale |= StatMask::CONTENTS;
    }
}
