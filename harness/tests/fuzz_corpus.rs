//! Every file of the fuzz corpora through the same entries as the fuzzer, on stable.
//!
//! What a fuzzer once found stays in the corpus of its target, so this is the regression test of
//! every parser that takes bytes from strangers. It refuses to fuzz: `ci/fuzz-smoke.sh` does.

use std::fs;
use std::path::Path;

#[path = "../fuzz/entries/tree_text.rs"]
mod tree_text;

/// What a fuzz target calls with its bytes.
type Entry = fn(&[u8]);

/// Each target, and the entry it calls.
const TARGETS: &[(&str, Entry)] = &[
    ("abi_spec", fuserig_abi::spec::fuzz_abi_spec),
    ("anonymise", fuserig_traces::anonymise::fuzz::fuzz_entry),
    ("btf_read", fuserig_abi::btf::fuzz_entry),
    ("conform_records", fuserig::conform::fuzz_entry),
    ("fuse_messages", fuserig::serve::fuzz_entry),
    ("fuse_strace_import", fuserig_traces::import::fuzz_entry_fuse_strace),
    ("infer_tree", fuserig::wire_replay::fuzz_entry),
    ("mock_kernel", fuserig::door::fuzz_entry),
    ("object_load", fuserig_filters::object::fuzz_entry),
    ("scenario_text", fuserig::scenario::fuzz_entry),
    ("program", fuserig_filters::engine::fuzz_entry),
    ("strace_import", fuserig_traces::import::fuzz_entry_strace),
    ("table_import", fuserig_traces::import::fuzz_entry_table),
    ("tracepoint_import", fuserig_traces::import::fuzz_entry_tracepoints),
    ("trace_read", fuserig_traces::fuzz_entry),
    ("trace_text", fuserig_traces::fuzz_entry),
    ("tree_text", tree_text::tree_text),
];

#[test]
fn no_corpus_file_breaks_its_entry() {
    for (target, entry) in TARGETS {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut seeds: Vec<_> = fs::read_dir(&corpus)
            .expect("every target has a corpus")
            .map(|seed| seed.expect("the corpus can be listed").path())
            .collect();
        seeds.sort();
        assert!(!seeds.is_empty(), "no seed in {}", corpus.display());
        for seed in seeds {
            // Shown when the entry panics: the file is the case.
            println!("{}", seed.display());
            entry(&fs::read(&seed).expect("a seed can be read"));
        }
    }
}

#[test]
fn each_entry_takes_nothing_and_noise() {
    let noise: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for (_, entry) in TARGETS {
        entry(b"");
        entry(&noise);
    }
}
