//! What recorded kernels printed, against the quirks that the model steps on in the same case.
//!
//! A message comes once a boot, so that its absence says nothing; each that is there names what the
//! model must report. A message that no table row explains fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fuserig::conform::ConformOptions;
use fuserig_abi::{Abi, Quirk};
use serde_json::Value as Json;

use crate::{play, read, shared};

/// What a message stands for.
#[derive(Clone, Copy, Debug)]
enum Means {
    /// This quirk, which the model reports in the same case.
    Quirk(&'static str),
    /// The death or the hang that the comparison of the case itself is about.
    Lost,
    /// Nothing that is compared, for this reason.
    Not(&'static str),
}

use Means::{Lost, Not, Quirk as Hits};

/// Words of a message and what it means; the first row that fits decides.
const MESSAGES: &[(&str, Means)] = &[
    ("bpf_dynptr_read: unknown dynptr type", Hits("N10")),
    ("bpf_dynptr_read+", Hits("N10")),
    ("sleeping function called from invalid context at include/linux/sched/mm.h", Hits("KF-1")),
    (
        "sleeping function called from invalid context at kernel/locking/mutex.c",
        Not("a daemon prefilter of an access check locks the inode in an RCU walk; no result \
             and no quirk of the tables shows it, and the model has no preemption"),
    ),
    (
        "possible recursive locking detected",
        Not("N21: the order of two freeze protections, which lock debugging alone sees"),
    ),
    ("KASAN: slab-out-of-bounds in strnlen", Hits("BUF-16")),
    ("fuse_evict_inode+", Hits("N15")),
    ("VFS: Busy inodes after unmount", Hits("N13")),
    ("generic_shutdown_super+", Hits("N13")),
    (
        "fuse_dev_release+",
        Not("the daemon died with a request in its hands; that it died is compared"),
    ),
    ("kernel NULL pointer dereference", Lost),
    ("unable to handle page fault", Lost),
    ("kernel BUG at", Lost),
    ("KASAN: null-ptr-deref", Lost),
    ("KASAN: maybe wild-memory-access", Lost),
];

/// The lines of a message that say what happened.
fn headlines(text: &str) -> impl Iterator<Item = &str> {
    let marks = ["BUG: ", "WARNING: ", "kernel BUG", "VFS: ", "unknown dynptr"];
    text.lines().filter(move |line| marks.iter().any(|mark| line.contains(mark)))
}

/// Every case with the messages that were printed in it, and every case with its own lines.
#[derive(Debug, Default)]
struct Printed {
    messages: Vec<(String, String)>,
    lines: BTreeMap<String, String>,
}

impl Printed {
    fn add(&mut self, text: &[u8]) {
        for line in core::str::from_utf8(text).expect("records are text").lines() {
            let json: Json = serde_json::from_str(line).expect("records are JSON");
            let Some(case) = json["case"].as_str() else { continue };
            let said = match &json["kmsg"] {
                Json::String(text) => text.clone(),
                Json::Array(lines) => {
                    lines.iter().filter_map(Json::as_str).collect::<Vec<_>>().join("\n")
                }
                _ => String::new(),
            };
            if !said.is_empty() {
                self.messages.push((case.to_owned(), said));
            }
            if json.get("kernel").is_none() {
                let own = self.lines.entry(case.to_owned()).or_default();
                own.push_str(line);
                own.push('\n');
            }
        }
    }

    fn read(folder: &Path) -> Printed {
        let mut printed = Printed::default();
        let groups = std::fs::read_dir(folder.join("v4")).expect("the folder of v4 is there");
        let mut paths: Vec<_> =
            groups.map(|entry| entry.expect("an entry can be read").path()).collect();
        paths.sort();
        for path in paths {
            printed.add(&read(&path));
        }
        printed.add(&read(&folder.join("debug_kernel.jsonl.zst")));
        printed
    }
}

#[test]
fn every_message_of_a_recorded_kernel_names_a_quirk_that_the_model_steps_on() {
    let Some(folder) = shared() else {
        println!("skipped: no recordings; name their folder with FUSERIG_SHARED");
        return;
    };
    let printed = Printed::read(&folder);
    let mut wrong = BTreeSet::new();
    let (mut compared, mut elsewhere) = (0, 0);
    for (case, said) in &printed.messages {
        for line in headlines(said) {
            let row = MESSAGES.iter().find(|(words, _)| line.contains(words));
            let id = match row {
                Some((_, Hits(id))) => *id,
                Some((_, Lost)) => continue,
                Some((_, Not(reason))) => {
                    assert!(reason.len() > 16, "{line}");
                    continue;
                }
                None => {
                    wrong.insert(format!("{case}: no row explains {line:?}"));
                    continue;
                }
            };
            // The other half of the cases is not in the folder.
            let Some(lines) = printed.lines.get(case) else {
                elsewhere += 1;
                continue;
            };
            let reports = play(lines.as_bytes(), &ConformOptions::new(Abi::V4));
            let quirk = Quirk::from_id(id).expect("a known id");
            compared += 1;
            if !reports.iter().any(|report| report.quirks.contains(&quirk)) {
                wrong.insert(format!("{case}: {line:?} and no {id}"));
            }
        }
    }
    println!("{compared} messages compared, {elsewhere} of cases that are not in the folder");
    assert!(wrong.is_empty(), "\n{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(compared > 20, "{compared}");
}
