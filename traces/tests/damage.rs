//! Files that are not what they were: what can be read is read, and what cannot is reported.

#[path = "common/load.rs"]
mod load;

use std::io::{self, Write};

use fuserig_traces::fuzz::mend_checksums;
use fuserig_traces::record::{
    NoteRef, OpRecord, OpRef, PayloadDigest, PayloadId, PayloadRef, Record, RecordKind,
};
use fuserig_traces::{
    Damage, DamageKind, Header, ReadLimits, ReadOptions, Trace, TraceError, TraceReader,
    TraceWriter, WriteError, WriteOptions, tools,
};
use load::Load;

const OPS: usize = 120;
const BLOCK_HEAD: usize = 72;

fn ops() -> Vec<OpRecord> {
    let mut load = Load::new(5);
    (0..OPS).map(|_| load.op().to_owned()).collect()
}

/// A trace of small blocks.
fn file() -> Vec<u8> {
    let options = WriteOptions { zstd_level: None, block_bytes: 1000, ..WriteOptions::default() };
    let header = Header { abi: "v4".into(), ..Header::default() };
    let mut writer =
        TraceWriter::create_with(Vec::new(), header, options).expect("memory takes it");
    for op in ops() {
        writer.append(op.as_ref()).expect("memory takes it");
    }
    writer.finish().expect("memory takes it").1
}

/// Where blocks begin.
fn blocks(file: &[u8]) -> Vec<usize> {
    let sync = b"\xf5frtblk\n";
    (0..file.len() - sync.len()).filter(|&at| file[at..].starts_with(sync)).collect()
}

fn read(file: &[u8]) -> (Vec<OpRecord>, Vec<Damage>) {
    let (trace, damage) = Trace::read_damaged(file).expect("damage is no error");
    let ops = trace.records.into_iter().map(|record| match record {
        Record::Op(op) => op,
        other => panic!("there are only operations here, not {other:?}"),
    });
    (ops.collect(), damage.listed().to_vec())
}

fn kinds(damage: &[Damage]) -> Vec<&DamageKind> {
    damage.iter().map(|damage| &damage.kind).collect()
}

#[test]
fn a_file_cut_anywhere_gives_its_whole_blocks_and_the_bytes_lost() {
    let (file, all) = (file(), ops());
    let mut starts = blocks(&file);
    starts.push(file.len() - 40); // The footer.
    for cut in (starts[0]..file.len()).step_by(13) {
        let (found, damage) = read(&file[..cut]);
        assert_eq!(found, all[..found.len()], "cut at {cut}");
        let whole = starts.iter().filter(|&&start| start <= cut).max().expect("a first block");
        // A block that ends at the cut, or whose zeros do, is whole.
        let lost: u64 = damage.iter().map(|damage| damage.len).sum();
        assert!(lost == 0 || lost == (cut - whole) as u64, "cut at {cut}: {damage:?}");
        assert_eq!(damage.last().map(|damage| &damage.kind), Some(&DamageKind::NoFooter));
    }
    assert_eq!(read(&file), (all, vec![]));
}

#[test]
fn a_damaged_block_is_left_out_and_the_next_one_is_read() {
    let (file, all) = (file(), ops());
    let starts = blocks(&file);
    for at in (starts[2]..starts[3]).step_by(3) {
        let mut broken = file.clone();
        broken[at] ^= 0x10;
        let (found, damage) = read(&broken);
        if found.len() == all.len() {
            // Only the zeros behind a block may change without harm.
            assert_eq!(kinds(&damage), [&DamageKind::NotABlock], "at {at}");
            assert!(starts[3] - at < 8);
            continue;
        }
        assert!(found.len() < all.len());
        let kind = if at < starts[2] + BLOCK_HEAD {
            DamageKind::NotABlock
        } else {
            DamageKind::BodyChecksum
        };
        let len = (starts[3] - starts[2]) as u64;
        assert_eq!(damage, [Damage { offset: starts[2] as u64, len, kind }], "at {at}");
        let prefix = found.iter().zip(&all).take_while(|(one, other)| one == other).count();
        assert_eq!(found[prefix..], all[all.len() - (found.len() - prefix)..], "at {at}");
    }
}

#[test]
fn bytes_taken_out_or_put_in_between_cost_one_block() {
    let (file, all) = (file(), ops());
    let starts = blocks(&file);
    let in_a_block = starts[2] + BLOCK_HEAD + 50;
    let mut shorter = file.clone();
    shorter.drain(in_a_block..in_a_block + 13);
    let mut longer = file.clone();
    longer.splice(in_a_block..in_a_block, *b"thirteen more");
    for broken in [shorter, longer] {
        let (found, damage) = read(&broken);
        assert_eq!(kinds(&damage), [&DamageKind::BodyChecksum]);
        let missing = all.len() - found.len();
        assert!((1..100).contains(&missing), "{missing} operations are missing");
        assert_eq!(found.last(), all.last());
    }
    let mut between = file.clone();
    between.splice(starts[2]..starts[2], [7; 1000]);
    let (found, damage) = read(&between);
    let damaged = Damage { offset: starts[2] as u64, len: 1000, kind: DamageKind::NotABlock };
    assert_eq!((found, damage), (all, vec![damaged]));
}

#[test]
fn bytes_after_the_footer_are_counted() {
    let mut file = file();
    let len = file.len() as u64;
    file.extend_from_slice(b"more");
    let (found, damage) = read(&file);
    assert_eq!(found.len(), OPS);
    assert_eq!(damage, [Damage { offset: len, len: 4, kind: DamageKind::AfterFooter }]);
}

/// The message for a file whose beginning was changed.
fn refused(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut file = file();
    change(&mut file);
    let error = Trace::read(&file[..]).expect_err("the file is refused");
    match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[test]
fn a_file_that_is_no_trace_is_refused_with_the_reason() {
    assert_eq!(
        refused(|file| file[3] = b'X'),
        "open trace: byte 3 is not the beginning of an .frt file"
    );
    assert_eq!(refused(Vec::clear), "open trace: byte 0 is not the beginning of an .frt file");
    let text = "was changed by a transfer in text mode; transfer as binary";
    assert_eq!(refused(|file| _ = file.remove(4)), format!("open trace: byte 4 {text}"));
    assert_eq!(refused(|file| file[0] &= 0x7f), format!("open trace: byte 0 {text}"));
    assert_eq!(
        refused(|file| file[8] = 2),
        "open trace: unknown format version 2.1 (this build reads 1.x)"
    );
    let header = "open trace: header at byte 16";
    let save = "; `trace repair` saves the blocks";
    assert_eq!(
        refused(|file| file[20] ^= 1),
        format!("{header} does not match its checksum{save}")
    );
    assert_eq!(refused(|file| file.truncate(30)), format!("{header} is cut{save}"));
    assert_eq!(
        refused(|file| file[15] = 0xff),
        format!("{header} is longer than a header can be{save}")
    );
}

/// A file with one more block, whose head is that of the first with some bytes changed.
fn with_block(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut file = file();
    let starts = blocks(&file);
    let mut block = file[starts[0]..starts[1]].to_vec();
    change(&mut block);
    file.splice(starts[1]..starts[1], block);
    mend_checksums(&mut file);
    file
}

/// A file of one operation with these data, and the schema of its block.
fn with_payload(payload: PayloadRef<'_>) -> (Vec<u8>, u8) {
    let options = WriteOptions { zstd_level: None, ..WriteOptions::default() };
    let mut writer =
        TraceWriter::create_with(Vec::new(), Header::default(), options).expect("memory takes it");
    writer.append(OpRef { opcode: 15, payload, ..OpRef::default() }).expect("memory takes it");
    let file = writer.finish().expect("memory takes it").1;
    let schema = file[blocks(&file)[0] + 12];
    (file, schema)
}

#[test]
fn only_blocks_with_digests_are_of_the_schema_that_has_them() {
    let id = PayloadId::of(b"hello");
    for older in [PayloadRef::Len(5), PayloadRef::Ref { len: 5, id }, PayloadRef::Inline(b"hello")]
    {
        assert_eq!(with_payload(older).1, 1, "{older:?}");
    }
    let digest = PayloadDigest::of(b"hello");
    let (mut file, schema) = with_payload(PayloadRef::Digest { len: 5, digest });
    assert_eq!((schema, read(&file).1), (2, vec![]));
    let at = blocks(&file)[0];
    file[at + 12] = 1;
    mend_checksums(&mut file);
    let (ops, damage) = read(&file);
    let [Damage { kind: DamageKind::Undecodable(why), .. }] = &damage[..] else {
        panic!("a block of schema 1 has no digests: {ops:?} {damage:?}");
    };
    assert!(why.contains("payload kinds"), "{why}");
}

#[test]
fn an_unknown_kind_is_skipped_if_it_may_be_and_refused_by_name_if_not() {
    let skippable = with_block(|head| {
        head[8] = 77;
        head[11] = 1;
    });
    let mut reader = TraceReader::open(&skippable[..]).expect("the header is whole");
    let mut count = 0;
    while let Some(block) = reader.next_block().expect("the block may be skipped") {
        count += block.len();
    }
    assert_eq!((count, reader.skipped_blocks()), (OPS, 1));
    assert!(reader.damage().is_empty());

    let message = |file: &[u8]| {
        let error = Trace::read(file).expect_err("the block is critical").to_string();
        error.split_once(": ").expect("a position comes first").1.to_owned()
    };
    assert_eq!(
        message(&with_block(|head| head[8] = 77)),
        "unknown critical block kind 77 schema 1 in format 1.1 (this build reads 1.1)"
    );
    assert_eq!(
        message(&with_block(|head| head[12] = 9)),
        "unknown critical block kind 1 schema 9 in format 1.1 (this build reads 1.1)"
    );
    assert_eq!(
        message(&with_block(|head| head[10] = 1)),
        "block codec lz4 is not built in (none and zstd are)"
    );
    assert_eq!(
        message(&with_block(|head| head[10] = 9)),
        "block codec number 9 is not built in (none and zstd are)"
    );
}

#[test]
fn trailing_fields_of_a_newer_minor_version_are_skipped() {
    let mut file = file();
    file[10] = 7; // The minor version.
    let header_len = u32::from_le_bytes(file[12..16].try_into().expect("four bytes")) as usize;
    let crc = crc32c::crc32c(&file[..16 + header_len]).to_le_bytes();
    file[16 + header_len..20 + header_len].copy_from_slice(&crc);
    let starts = blocks(&file);
    let mut block = file[starts[0]..starts[1]].to_vec();
    let grown = |head: &mut [u8], at: usize| {
        let len = u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
        head[at..at + 4].copy_from_slice(&(len + 8).to_le_bytes());
        len as usize
    };
    grown(&mut block, 16);
    let stored = grown(&mut block, 20);
    block.splice(BLOCK_HEAD + stored..BLOCK_HEAD + stored, *b"newfield");
    file.splice(starts[0]..starts[1], block);
    mend_checksums(&mut file);
    assert_eq!(read(&file), (ops(), vec![]));
}

#[test]
fn limits_are_kept() {
    let file = file();
    let limited = |limits| {
        let options = ReadOptions { limits, ..ReadOptions::default() };
        let mut reader = TraceReader::open_with(&file[..], options).expect("the header is whole");
        loop {
            match reader.next_block() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(reader.damage().listed().to_vec()),
                Err(error) => return Err(error),
            }
        }
    };
    let error = limited(ReadLimits { records: 100, ..ReadLimits::default() });
    assert!(matches!(error, Err(TraceError::Limit { limit: 100, what: "records", .. })));
    let damage = limited(ReadLimits { block_bytes: 100, ..ReadLimits::default() });
    let damage = damage.expect("large blocks are damage");
    assert!(damage[..damage.len() - 1].iter().all(|damage| damage.kind == DamageKind::TooLarge));
}

/// Takes so many bytes and no more.
#[derive(Debug)]
struct FullDisk(Vec<u8>, usize);

impl Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.1 - self.0.len();
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = room.min(bytes.len());
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_and_leaves_what_was_written_readable() {
    let (whole, all) = (file(), ops());
    let options = WriteOptions { zstd_level: None, block_bytes: 1000, ..WriteOptions::default() };
    let starts = blocks(&whole);
    for room in (starts[0]..whole.len()).step_by(97) {
        let mut disk = FullDisk(Vec::new(), room);
        let header = Header { abi: "v4".into(), ..Header::default() };
        let mut writer =
            TraceWriter::create_with(&mut disk, header, options).expect("the header fits");
        let failed = all.iter().find_map(|op| writer.append(op.as_ref()).err());
        match failed {
            Some(error) => {
                assert!(matches!(error, WriteError::Io { .. }), "{error}");
                let again = writer.append(all[0].as_ref()).expect_err("the disk is still full");
                assert!(matches!(again, WriteError::Failed { .. }), "{again}");
                drop(writer);
            }
            None => {
                writer.finish().expect_err("the footer does not fit");
            }
        }
        let (found, _) = read(&disk.0);
        assert_eq!(found, all[..found.len()]);
        assert_eq!(found.is_empty(), disk.0.len() < starts[1], "room for {room}");
    }
}

#[test]
fn a_record_above_the_limit_is_refused_and_the_trace_goes_on() {
    let text = "x".repeat(fuserig_traces::MAX_RECORD_BYTES + 1);
    let mut writer = TraceWriter::create(Vec::new(), Header::default()).expect("memory takes it");
    let error = writer.append(NoteRef { text: &text, ..NoteRef::default() });
    assert!(matches!(error, Err(WriteError::RecordTooLarge { kind: RecordKind::Note, .. })));
    writer.append(NoteRef { text: "small", ..NoteRef::default() }).expect("memory takes it");
    let (summary, file) = writer.finish().expect("memory takes it");
    assert_eq!(summary.records(), 1);
    assert!(tools::verify(&file[..]).expect("the file is a trace").is_whole());
}
