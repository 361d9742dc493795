//! Damaged objects: an error, never a panic.

use fuserig_abi::Abi;
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::object::load;
use fuserig_filters::vet::vet;

/// Mutations of a run, unless `FUSERIG_MUTATIONS` says another number.
const MUTATIONS: usize = 20_000;

/// Small objects that reach every part of the loader.
const SEEDS: [&[u8]; 5] = [
    include_bytes!("data/bad/unknown_member.o"),
    include_bytes!("../../bpf/write_limit.o"),
    include_bytes!("data/bad/tail_call.o"),
    include_bytes!("data/bad/unknown_kfunc.o"),
    include_bytes!("data/bad/data_addresses.o"),
];

/// A generator of Marsaglia's xorshift family: the same mutations in every run.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

fn mutate(bytes: &mut Vec<u8>, draws: &mut Draws) {
    for _ in 0..=draws.below(3) {
        let at = draws.below(bytes.len());
        match draws.below(6) {
            0 => bytes[at] ^= 1 << draws.below(8),
            1 => bytes[at] = draws.below(256) as u8,
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][draws.below(5)],
            3 => {
                // A whole word, aligned: lengths, offsets, indices.
                let word = [0, 1, u32::MAX, u32::MAX - 7, 1 << 31, 0x1000][draws.below(6)];
                let start = at & !3;
                if let Some(slot) = bytes.get_mut(start..start + 4) {
                    slot.copy_from_slice(&word.to_le_bytes());
                }
            }
            4 => {
                let from = draws.below(bytes.len());
                let len = draws.below(64).min(bytes.len() - from.max(at));
                bytes.copy_within(from..from + len, at);
            }
            _ if draws.below(8) == 0 => bytes.truncate(at.max(1)),
            _ => bytes[at] = bytes[at].wrapping_add(1),
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how many is the caller's wish, not a decision")]
fn mutated_objects_are_loaded_or_refused() {
    let wanted = std::env::var("FUSERIG_MUTATIONS").ok();
    let mutations = wanted.map_or(MUTATIONS, |text| text.parse().expect("a number of mutations"));
    let mut draws = Draws(0x9e37_79b9_7f4a_7c15);
    let (mut loaded, mut refused) = (0, 0);
    for round in 0..mutations {
        let mut bytes = SEEDS[round % SEEDS.len()].to_vec();
        mutate(&mut bytes, &mut draws);
        match load(&bytes, Abi::V4) {
            Ok(linked) => {
                let _ = vet(&linked, Abi::V4);
                let _ = BpfFilter::new(&linked, None, Abi::V4, Limits::default());
                loaded += 1;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    println!("{loaded} loaded, {refused} refused");
    assert_eq!(loaded + refused, mutations);
    assert!(refused > mutations / 2, "most seeds are objects with mistakes");
    assert!(loaded > mutations / 50, "and one is good: {loaded}");
}

#[test]
fn every_cut_of_an_object_is_refused_or_loaded() {
    let bytes = SEEDS[0];
    for end in 0..bytes.len() {
        let _ = load(&bytes[..end], Abi::V3);
    }
}
