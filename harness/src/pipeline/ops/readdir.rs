//! readdir: the lower directory into a page, the page through the filter, the page to the caller.

use fuserig_abi::{
    Arg, Errno, FuseBuffer, FuseDirent, FuseReadIn, FuseReadOut, Quirk, RequestFlags,
};
use fuserig_sim_fs::{DirEntry, LowerExt};
use zerocopy::{FromBytes, IntoBytes};

use super::open::{backing, handle};
use super::row::Code;
use crate::kernel::World;
use crate::pipeline::{Operation, Run, Stop, Value};

const PAGE: usize = fuserig_abi::PAGE_SIZE as usize;
const HEADER: usize = size_of::<FuseDirent>();
/// Longest name a record may carry (`FUSE_NAME_MAX`).
const RECORD_NAME_MAX: usize = fuserig_abi::FUSE_NAME_MAX as usize;
/// Bytes of `struct linux_dirent64` before the name.
const DIRENT64_NAME_OFFSET: usize = 19;

/// A record as `getdents64` hands it to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirRecord {
    /// Inode number.
    pub ino: u64,
    /// Position of the NEXT record (`d_off`).
    pub next: i64,
    /// `DT_*` type.
    pub kind: u32,
    /// Name.
    pub name: Vec<u8>,
}

impl DirRecord {
    /// Bytes this record takes in the caller's buffer.
    pub fn caller_bytes(&self) -> usize {
        caller_bytes(self.name.len())
    }
}

fn caller_bytes(name_length: usize) -> usize {
    (DIRENT64_NAME_OFFSET + name_length + 1).next_multiple_of(8)
}

pub(super) fn readdir_in(world: &mut World, run: &mut Run) -> Code {
    let handle = &world.mount.handles[handle(run)];
    run.args.meta.nodeid = handle.nodeid.0;
    let (fh, offset) = (handle.fh.0, handle.position as u64);
    let size = fuserig_abi::PAGE_SIZE;
    run.push_input(&FuseReadIn { fh, offset, size, ..FuseReadIn::default() });
    Ok(0)
}

pub(super) fn readdir_out(world: &mut World, run: &mut Run) -> Code {
    run.push_output(&FuseReadOut::default());
    // The page is not zeroed: what the last one held is still there (N8).
    let stale = if world.faithful() { &world.stale_page[..] } else { &[] };
    let page = FuseBuffer::readdir_page(&mut run.args.arena, "buffer", stale);
    run.scratch.out_memory = page.data;
    run.push_output_buffer(page);
    run.args.request_flags |= RequestFlags::OUT_ARGVAR;
    Ok(0)
}

pub(super) fn readdir_lower(world: &mut World, run: &mut Run) -> Code {
    let id = handle(run);
    let fh = backing(world, id)?;
    if run.scratch.rounds == 0 {
        let position = world.mount.handles[id].position;
        world.mount.handles[id].backing_position = position as u64;
    }
    run.scratch.rounds += 1;
    let position = world.mount.handles[id].backing_position;
    // A page holds fewer records than this: each takes at least a header and a padded name.
    let records_max = PAGE / (HEADER + 8) + 1;
    let (entries, end) = match world.lower.read_dir(&run.caller, fh, position, records_max) {
        Ok(listing) => listing,
        Err(errno) => {
            if let Arg::Buffer(buffer) = &mut run.args.out_args[1] {
                buffer.size = 0;
            }
            run.set_output(0, &FuseReadOut { offset: position, again: 0, padding: 0 });
            return Ok(i64::from(errno.negative()));
        }
    };
    let (page, next) = fill_page(&entries, end);
    run.scratch.records.reserve(entries.len());
    run.scratch.listed = entries.into_iter();
    run.scratch.produced = !page.is_empty();
    world.mount.handles[id].backing_position = next;
    let memory = run.scratch.out_memory.expect("initialize_out allocated the page");
    let room = run.args.arena.write(memory, 0, &page);
    assert!(room.is_ok(), "the page was filled within its size");
    if let Arg::Buffer(buffer) = &mut run.args.out_args[1] {
        buffer.size = page.len() as u32;
    }
    run.set_output(0, &FuseReadOut { offset: next, again: 0, padding: 0 });
    Ok(0)
}

/// Records until one does not fit, and the position of the first that did not.
fn fill_page(entries: &[DirEntry], end: u64) -> (Vec<u8>, u64) {
    let mut page = Vec::with_capacity(PAGE);
    for entry in entries {
        if page.len() + HEADER + entry.name.len() > PAGE {
            return (page, entry.position);
        }
        let header = FuseDirent {
            ino: entry.ino.0,
            off: entry.position,
            namelen: entry.name.len() as u32,
            r#type: entry.kind.dirent_type(),
        };
        page.extend_from_slice(header.as_bytes());
        page.extend_from_slice(&entry.name);
        page.resize(page.len().next_multiple_of(8).min(PAGE), 0);
    }
    (page, end)
}

pub(super) fn readdir_finalize(world: &mut World, run: &mut Run) -> Code {
    let id = handle(run);
    let out = run.output::<FuseReadOut>(0);
    let walk = match page_bytes(run) {
        Ok(page) => walk_page(world, run, &page),
        Err(stop) => return Err(stop),
    };
    free_page(world, run);
    run.value = Value::Number(0);
    let mut error = walk.error;
    // v3 goes to out.offset whatever was refused (RDIR-1); v4 stays where it was refused.
    let goes_on = world.abi.base() == fuserig_abi::Abi::V3 && world.faithful();
    if goes_on && walk.refused {
        run.quirk(world, Quirk::RDIR_1);
    }
    let stays = !goes_on && (walk.refused || walk.error < 0);
    let position = if stays { walk.position } else { out.offset as i64 };
    if stays && walk.refused && walk.offered == 1 {
        error = i64::from(Errno::EINVAL.negative());
    }
    world.mount.handles[id].position = position;
    world.mount.handles[id].backing_position = position as u64;
    if out.again != 0 {
        if run.scratch.produced {
            run.scratch.again = true;
        } else {
            run.quirk(world, Quirk::RDIR_2);
            error = i64::from(Errno::EINVAL.negative());
        }
    }
    Ok(error)
}

fn page_bytes(run: &Run) -> Result<Vec<u8>, Stop> {
    let Arg::Buffer(buffer) = run.args.out_args[1] else { unreachable!("out 1 is the page") };
    if buffer.data.is_none() && buffer.size > 0 {
        return Err(Stop::Crash(Quirk::BUF_12));
    }
    match buffer.bytes(&run.args.arena) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(_) => Err(Stop::Crash(Quirk::BUF_16)),
    }
}

fn free_page(world: &mut World, run: &mut Run) {
    if let Some(memory) = run.scratch.out_memory.take() {
        if let Ok(page) = run.args.arena.read(memory, 0, u64::from(fuserig_abi::PAGE_SIZE)) {
            world.stale_page.clear();
            world.stale_page.extend_from_slice(page);
        }
        run.args.arena.free(memory);
    }
    if let Arg::Buffer(buffer) = &mut run.args.out_args[1] {
        buffer.data = None;
    }
}

/// How far the caller got.
struct Walk {
    position: i64,
    offered: usize,
    refused: bool,
    error: i64,
}

fn walk_page(world: &mut World, run: &mut Run, page: &[u8]) -> Walk {
    let position = world.mount.handles[handle(run)].position;
    let mut walk = Walk { position, offered: 0, refused: false, error: 0 };
    let mut rest = page;
    while rest.len() >= HEADER {
        let (header, _) = FuseDirent::read_from_prefix(rest).expect("a header is left");
        let length = header.namelen as usize;
        if length == 0 || length > RECORD_NAME_MAX {
            run.quirk(world, Quirk::RDIR_3);
            walk.error = i64::from(Errno::EIO.negative());
            break;
        }
        let record = (HEADER + length).next_multiple_of(8);
        if record > rest.len() {
            break;
        }
        let name = &rest[HEADER..HEADER + length];
        if name.contains(&b'/') {
            run.quirk(world, Quirk::RDIR_3);
            walk.error = i64::from(Errno::EIO.negative());
            break;
        }
        walk.position = header.off as i64;
        walk.offered += 1;
        if !offer(run, &header, name) {
            walk.refused = true;
            break;
        }
        rest = &rest[record..];
    }
    walk
}

/// Offers one record to the caller's buffer, as `dir_emit` does.
fn offer(run: &mut Run, header: &FuseDirent, name: &[u8]) -> bool {
    let Operation::Readdir { ref mut space, .. } = run.operation else {
        unreachable!("the row belongs to readdir")
    };
    let bytes = caller_bytes(name.len());
    if bytes > *space {
        return false;
    }
    *space -= bytes;
    if let Some(last) = run.scratch.records.last_mut() {
        last.next = header.off as i64;
    }
    run.scratch.records.push(DirRecord {
        ino: header.ino,
        next: 0,
        kind: header.r#type,
        name: own_name(&mut run.scratch.listed, name),
    });
    true
}

/// The name of a record for the caller to keep: that of the lower filesystem where the filter left
/// it alone, which saves a copy, else a copy.
fn own_name(listed: &mut impl Iterator<Item = DirEntry>, name: &[u8]) -> Vec<u8> {
    let same = listed.find(|entry| entry.name == name);
    same.map_or_else(|| name.to_vec(), |entry| entry.name)
}
