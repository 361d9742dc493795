//! Any bytes whatever give an error or a result: mutated files and mutated texts, the same in
//! every run.

#[path = "common/load.rs"]
mod load;

use fuserig_traces::fuzz::{fuzz_entry, fuzz_mended};
use fuserig_traces::record::RecordKind;
use fuserig_traces::{Header, Trace, TraceWriter, WriteOptions, text, tools};
use load::{Load, Random};

/// A small trace of everything.
fn everything() -> Trace {
    text::parse(include_str!("golden/everything.txt")).expect("the golden text is right")
}

/// Small traces: one for each kind of record, so that mutations meet all of them equally, one of
/// everything, and a compressed one.
fn files() -> Vec<Vec<u8>> {
    let whole = everything();
    let plain = WriteOptions { zstd_level: None, ..WriteOptions::default() };
    let write = |trace: &Trace, options| {
        let mut file = Vec::new();
        trace.write_with(&mut file, options).expect("memory takes it");
        file
    };
    let mut files = vec![write(&whole, plain), write(&whole, WriteOptions::default())];
    for kind in RecordKind::ALL {
        let records = whole.records.iter().filter(|record| record.kind() == kind);
        let records = records.cloned().collect();
        files.push(write(&Trace { header: Header::default(), records }, plain));
    }
    // Enough operations of a kind that their bodies are stored in groups.
    let mut load = Load::new(3);
    let mut writer =
        TraceWriter::create_with(Vec::new(), Header::default(), plain).expect("memory takes it");
    for _ in 0..30 {
        writer.append(load.op()).expect("memory takes it");
    }
    files.push(writer.finish().expect("memory takes it").1);
    files
}

/// Numbers that lengths, counts and offsets break at.
const EDGES: [u64; 10] =
    [0, 1, 7, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX / 2, u64::MAX];

/// Changes `bytes` in one to four places.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let len = bytes.len() as u64;
        let at = random.below(len) as usize;
        match random.below(8) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.next() as u8,
            3 => bytes.truncate(at),
            4 => {
                // A splice: a part of the other file in place of a part of this one.
                let from = random.below(other.len() as u64) as usize;
                let part = &other[from..][..random.below((other.len() - from) as u64) as usize];
                let end = at + random.below(len - at as u64 + 1) as usize;
                bytes.splice(at..end, part.iter().copied());
            }
            5 | 6 => {
                // A length: an edge in place of an aligned word.
                let width = [1, 2, 4, 8][random.below(4) as usize];
                let at = at / width * width;
                let edge = EDGES[random.below(EDGES.len() as u64) as usize].to_le_bytes();
                if let Some(word) = bytes.get_mut(at..at + width) {
                    word.copy_from_slice(&edge[..width]);
                }
            }
            _ => {
                let end = (at + 1 + random.below(16) as usize).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
}

#[test]
fn a_hundred_thousand_mutated_files_give_an_error_or_a_result() {
    let files = files();
    let mut random = Random::new(11);
    for round in 0..100_000 {
        let mut bytes = files[round % files.len()].clone();
        let other = &files[random.below(files.len() as u64) as usize];
        mutate(&mut random, &mut bytes, other);
        if round % 10 == 0 {
            fuzz_entry(&bytes);
        } else {
            fuzz_mended(&mut bytes);
        }
        if round % 500 == 0 {
            // The tools read as the fuzz entry does; a few rounds show that they cope.
            let _ = tools::verify(&bytes[..]);
            let _ = tools::diff(&bytes[..], &other[..]);
            if let Ok((_, repaired)) = tools::repair(&bytes[..], Vec::new()) {
                let report = tools::verify(&repaired[..]).expect("what was repaired is readable");
                assert!(report.damage.is_empty(), "{:?}", report.damage);
            }
        }
    }
}

#[test]
fn mutated_texts_give_an_error_or_a_result() {
    let text = text::print(&everything()).into_bytes();
    let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    let mut random = Random::new(12);
    for round in 0..20_000 {
        // One line at a time keeps the others from hiding its mistakes.
        let mut line = lines[1 + round % (lines.len() - 1)].to_vec();
        mutate(&mut random, &mut line, &text);
        let mut twin = lines[0].to_vec();
        twin.extend(line);
        fuzz_entry(&twin);
    }
}
