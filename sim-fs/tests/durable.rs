//! What a crash may leave, asked of the journal and of a reference that knows nothing of it.
//!
//! The reference is a dozen lines of rules over sets: it tries every subset of what happened,
//! throws out those that a rule forbids, and plays the rest on a map from paths to bytes. The
//! journal follows dependencies instead. For every small program both must give the same trees.

#[path = "durable/alphabet.rs"]
mod alphabet;
#[path = "durable/reference.rs"]
mod reference;

use std::collections::BTreeSet;

use alphabet::{Step, Trees, alphabet, drive, trees_of};
use fuserig_abi::{Caller, Credentials, Ino, Pid, Timespec};
use fuserig_sim_fs::{Durability, DurableFs, FallocateMode, LowerExt, MemFs, OpenFlags};
use reference::legal;

/// Every sequence of so many steps.
fn programs(length: usize) -> Vec<Vec<Step>> {
    let mut programs = vec![Vec::new()];
    for _ in 0..length {
        let longer = |program: &Vec<Step>| {
            alphabet().into_iter().map(|step| [&program[..], &[step]].concat()).collect::<Vec<_>>()
        };
        programs = programs.iter().flat_map(longer).collect();
    }
    programs
}

/// What the journal says, and how many states that were before equal ones were put together.
fn journalled(program: &[Step], durability: Durability) -> (Trees, usize) {
    let (fs, _) = drive(program, durability);
    let (states, complete) = fs.journal().states(1 << 12);
    assert!(complete, "{program:?}");
    let trees = states.iter().map(|state| trees_of(&fs.journal().recover(state))).collect();
    (trees, states.len())
}

#[test]
fn journal_and_reference_agree_on_small_programs() {
    // Every program of one and two steps, and of three that begin with one of these.
    let first = [Step::Create("/b"), Step::Write("/a", 4095), Step::Rename("/e", "/d/e")];
    let (mut compared, mut states) = (0, 0);
    for length in 1..=3 {
        let chosen = |program: &Vec<Step>| length < 3 || first.contains(&program[0]);
        for program in programs(length).into_iter().filter(chosen) {
            for durability in Durability::ALL {
                let (trees, count) = journalled(&program, durability);
                assert_eq!(trees, legal(&program, durability), "{durability}: {program:?}");
                compared += 1;
                states += count;
            }
        }
    }
    println!("{compared} programs and policies, {states} crash states");
    assert!(states > compared, "most programs have more than one state");
}

#[test]
fn the_comparison_tells_the_policies_apart() {
    // A journal under the wrong policy is a planted bug of each kind: it must be seen.
    for one in Durability::ALL {
        for other in Durability::ALL.into_iter().filter(|other| *other != one) {
            let differs = programs(2)
                .into_iter()
                .any(|program| journalled(&program, one).0 != legal(&program, other));
            assert!(differs, "{one} and {other} are the same to this test");
        }
    }
}

#[test]
fn a_stricter_policy_never_allows_what_a_weaker_one_forbids() {
    for program in programs(2) {
        let found: Vec<Trees> =
            Durability::ALL.iter().map(|policy| journalled(&program, *policy).0).collect();
        // A prefix cuts between pages, too, so that it is within loose but not within ordered.
        assert!(found[0].is_subset(&found[1]), "{program:?}");
        assert!(found[1].is_subset(&found[3]), "{program:?}");
        assert!(found[2].is_subset(&found[3]), "{program:?}");
    }
}

#[test]
fn the_last_state_is_what_was_seen_and_the_first_is_what_was_synced() {
    for program in programs(2) {
        for durability in Durability::ALL {
            let (fs, _) = drive(&program, durability);
            let (states, _) = fs.journal().states(1 << 12);
            let last = states.last().expect("there is always one");
            assert_eq!(last.lost_count(), 0);
            let recovered = fs.journal().recover(last);
            assert_eq!(trees_of(&recovered), trees_of(fs.fs()), "{durability}: {program:?}");
            // What is recovered is a filesystem like any other: its figures are right, too.
            for state in &states {
                let recovered = fs.journal().recover(state);
                assert_eq!(recovered.digest(), recovered.digest_from_scratch());
                let again = fs.journal().state(state.lost());
                assert_eq!(&again, state, "the causes say it all");
            }
        }
    }
}

#[test]
fn a_hundred_writes_have_states_without_number_and_some_are_drawn() {
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::from_secs(1));
    let start = MemFs::from_tree("/a ''").expect("well-formed");
    let mut fs = DurableFs::new(start, Durability::Loose);
    let node = fs.lookup(&caller, Ino(1), b"a").expect("it is there").ino;
    let fh = fs.open(&caller, node, OpenFlags::RDWR).expect("root may");
    for page in 0..100 {
        fs.write(&caller, fh, page * 4096, b"x").expect("there is room");
    }
    let (states, complete) = fs.journal().states(1000);
    assert_eq!((states.len(), complete), (1000, false));
    let mut word = 1_u64;
    let mut choose = |bound: u64| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (word >> 33) % bound
    };
    let drawn = fs.journal().some_states(50, &mut choose);
    let different: BTreeSet<_> = drawn.iter().collect();
    assert!(drawn.len() > 40 && different.len() == drawn.len(), "{}", drawn.len());
    fs.fsync(&caller, fh, false).expect("nothing fails");
    assert_eq!(fs.journal().states(10).0.len(), 1, "all is on disk");
}

#[test]
fn a_file_opened_for_synchronous_writes_needs_no_fsync() {
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::from_secs(1));
    let start = MemFs::from_tree("/a ''").expect("well-formed");
    for (flags, states) in [(OpenFlags::empty(), 2), (OpenFlags::DSYNC, 1)] {
        let mut fs = DurableFs::new(start.clone(), Durability::Ordered);
        let node = fs.lookup(&caller, Ino(1), b"a").expect("it is there").ino;
        let fh = fs.open(&caller, node, OpenFlags::RDWR | flags).expect("root may");
        fs.write(&caller, fh, 0, b"x").expect("there is room");
        assert_eq!(fs.journal().states(10).0.len(), states, "{flags:?}");
    }
}

#[test]
fn a_file_is_not_moved_together_before_it_is_as_long() {
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::from_secs(1));
    let start = MemFs::from_tree("/a 'abc'").expect("well-formed");
    for mode in [FallocateMode::COLLAPSE_RANGE, FallocateMode::INSERT_RANGE] {
        for durability in Durability::ALL {
            let mut fs = DurableFs::new(start.clone(), durability);
            let node = fs.lookup(&caller, Ino(1), b"a").expect("it is there").ino;
            let fh = fs.open(&caller, node, OpenFlags::RDWR).expect("root may");
            fs.write(&caller, fh, 3, &[b'x'; 20_000]).expect("there is room");
            fs.fallocate(&caller, fh, mode, 4096, 8192).expect("it is within the file");
            let (states, complete) = fs.journal().states(1 << 12);
            assert!(complete, "{durability}");
            for state in &states {
                let recovered = fs.journal().recover(state);
                let mut bytes = [0; 3];
                let read = recovered.peek(node, 0, &mut bytes).expect("it is there");
                assert_eq!(&bytes[..read], b"abc", "{durability} {state:?}");
            }
        }
    }
}
