//! The recorded kernels, to the last case.
//!
//! The baseline of both versions is part of the tree and must agree completely over either lower
//! filesystem. The other groups are read from the folder that `FUSERIG_SHARED` names; how many of
//! their cases agree is pinned exactly, so that a regression and an improvement both show.

mod conform {
    pub(crate) mod messages;
    pub(crate) mod variations;
}

use std::path::{Path, PathBuf};

use fuserig::conform::{
    CaseReport, ConformOptions, LowerChoice, RecordError, Verdict, conform_text, fuzz_entry,
};
use fuserig_abi::Abi;

/// Cases that agreed, disagreed and could not be played.
type Counts = (usize, usize, usize);

/// Every group outside the tree. What is skipped stands in [`SKIPPED`].
const GROUPS: &[(Abi, &str, Counts)] = &[
    (Abi::V4, "arg_modification", (50, 0, 0)),
    (Abi::V4, "buffers", (33, 0, 0)),
    (Abi::V4, "crash_candidates", (16, 0, 0)),
    (Abi::V4, "daemon", (102, 0, 0)),
    (Abi::V4, "further", (38, 0, 0)),
    (Abi::V4, "fuzz_daemon", (151, 0, 0)),
    (Abi::V4, "fuzz_nodaemon_1", (203, 0, 0)),
    (Abi::V4, "fuzz_nodaemon_2", (189, 0, 0)),
    (Abi::V4, "fuzz_nodaemon_ext4", (42, 0, 0)),
    (Abi::V4, "return_codes_a", (213, 0, 0)),
    (Abi::V4, "return_codes_b", (259, 0, 0)),
    (Abi::V4, "return_codes_big", (23, 0, 0)),
    (Abi::V4, "return_codes_forced_no_daemon", (6, 0, 0)),
    (Abi::V4, "verifier", (4, 0, 21)),
    (Abi::V3, "arg_modification", (50, 0, 0)),
    (Abi::V3, "buffers", (33, 0, 0)),
    (Abi::V3, "crash_candidates", (12, 0, 0)),
    (Abi::V3, "daemon", (102, 0, 0)),
    (Abi::V3, "further", (38, 0, 0)),
    (Abi::V3, "fuzz_daemon", (151, 0, 0)),
    (Abi::V3, "fuzz_nodaemon_1", (203, 0, 0)),
    (Abi::V3, "fuzz_nodaemon_2", (189, 0, 0)),
    (Abi::V3, "fuzz_nodaemon_ext4", (42, 0, 0)),
    (Abi::V3, "leak_release_v3", (1, 0, 0)),
    (Abi::V3, "return_codes_a", (213, 0, 0)),
    (Abi::V3, "return_codes_b", (259, 0, 0)),
    (Abi::V3, "return_codes_big", (23, 0, 0)),
];

/// The only records that may be skipped: of a program at load the outcome is recorded, and not the
/// instructions. What they show is asked of programs of our own, by the quirks VER-1 to VER-3 and
/// N9 and in the tests of the static check. A program that only calls a helper is not skipped:
/// the table of helpers judges it, but for `bpf_d_path`, which is not in it.
const SKIPPED: &[&str] = &[
    "verifier buffer_load_size",
    "verifier buffer_store_data",
    "verifier buffer_store_size",
    "verifier ctx_read_arg2",
    "verifier ctx_read_off96",
    "verifier helper_d_path",
    "verifier kfunc_rw_const_post",
    "verifier license_nongpl",
    "verifier load_misaligned",
    "verifier out_store_past",
    "verifier sleepable",
    "verifier slice_no_null_check",
    "verifier slice_past",
    "verifier slice_stale_same",
    "verifier store_const_in",
    "verifier store_meta_opcode",
    "verifier store_negative",
    "verifier store_past_end",
    "verifier store_past_end_4096",
    "verifier store_u8_inside",
    "verifier two_members_one_prog",
];

/// Twenty cases, and the registrations at the start of a recording.
const BASELINE: Counts = (36, 0, 0);

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[expect(clippy::disallowed_methods, reason = "where the recordings lie is the machine's affair")]
fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("FUSERIG_SHARED").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| here().join("../../shared")).join("observations");
    folder.is_dir().then_some(folder)
}

fn read(path: &Path) -> Vec<u8> {
    let packed = std::fs::read(path).expect("the record file can be read");
    zstd::decode_all(&packed[..]).expect("the record file is compressed")
}

fn in_tree(abi: Abi, group: &str) -> Vec<u8> {
    let folder = here().join("tests/data/observations").join(abi.name());
    read(&folder.join(format!("{group}.jsonl.zst")))
}

fn baseline(abi: Abi) -> Vec<u8> {
    in_tree(abi, "baseline")
}

fn play(text: &[u8], options: &ConformOptions) -> Vec<CaseReport> {
    conform_text(text, options).expect("the records can be read")
}

fn counts(reports: &[CaseReport]) -> Counts {
    let count = |wanted: fn(&Verdict) -> bool| {
        reports.iter().filter(|report| wanted(&report.verdict)).count()
    };
    (
        count(|verdict| *verdict == Verdict::Passed),
        count(|verdict| *verdict == Verdict::Failed),
        count(|verdict| matches!(verdict, Verdict::Skipped(_))),
    )
}

fn failures(reports: &[CaseReport]) -> String {
    let failed = reports.iter().filter(|report| report.verdict == Verdict::Failed);
    failed.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_baseline_agrees_over_the_filesystem_in_memory() {
    for abi in [Abi::V3, Abi::V4] {
        let options = ConformOptions::new(abi);
        let text = baseline(abi);
        let reports = play(&text, &options);
        assert_eq!(counts(&reports), BASELINE, "{abi}:\n{}", failures(&reports));
        assert_eq!(reports, play(&text, &options), "{abi}: two runs of the same case differ");
    }
}

#[test]
fn the_baseline_agrees_over_a_directory_of_the_host() {
    let memory = Path::new("/dev/shm");
    if !memory.is_dir() || !rustix::process::geteuid().is_root() {
        println!("skipped: needs root and a tmpfs at {}", memory.display());
        return;
    }
    let parent = tempfile::tempdir_in(memory).expect("a directory can be made");
    for abi in [Abi::V3, Abi::V4] {
        let lower = LowerChoice::Host(parent.path().to_owned());
        let reports = play(&baseline(abi), &ConformOptions { lower, ..ConformOptions::new(abi) });
        assert_eq!(counts(&reports), BASELINE, "{abi}:\n{}", failures(&reports));
    }
}

#[test]
fn a_lower_directory_that_is_not_there_skips_every_case_with_the_reason() {
    let lower = LowerChoice::Host(PathBuf::from("/nowhere/at/all"));
    let reports =
        play(&baseline(Abi::V4), &ConformOptions { lower, ..ConformOptions::new(Abi::V4) });
    // Registrations need no directory.
    assert_eq!(counts(&reports), (16, 0, 20));
    let last = reports.last().expect("many");
    assert!(matches!(&last.verdict, Verdict::Skipped(why) if why.contains("/nowhere")));
}

#[test]
fn every_other_group_agrees_as_far_as_it_did() {
    let Some(folder) = shared() else {
        println!("skipped: no recordings; name their folder with FUSERIG_SHARED");
        return;
    };
    let mut wrong = Vec::new();
    for (abi, group, expected) in GROUPS {
        let path = folder.join(abi.name()).join(format!("{group}.jsonl.zst"));
        let reports = play(&read(&path), &ConformOptions::new(*abi));
        let seen = counts(&reports);
        for report in &reports {
            let listed = SKIPPED.contains(&&report.name[..]);
            let skipped = matches!(report.verdict, Verdict::Skipped(_));
            assert_eq!(skipped, listed, "{abi}/{group} {}: skipped or listed", report.name);
        }
        if seen != *expected {
            let list = failures(&reports);
            wrong.push(format!("{abi}/{group}: pinned {expected:?}, now {seen:?}\n{list}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_kernels_own_selftests_end_as_they_did_there() {
    let Some(folder) = shared() else {
        println!("skipped: no recordings; name their folder with FUSERIG_SHARED");
        return;
    };
    let text = read(&folder.join("selftests.jsonl.zst"));
    let reports = play(&text, &ConformOptions::new(Abi::V4));
    assert_eq!(counts(&reports), (66, 0, 0), "{}", failures(&reports));
    let refused =
        String::from_utf8(text).expect("records are text").replace("\"not ok\"", "\"ok\"");
    let reports = play(refused.as_bytes(), &ConformOptions::new(Abi::V4));
    assert_eq!(counts(&reports), (65, 1, 0), "v3 passes no lock on");
    assert!(failures(&reports).contains("selftest v3 33 flock_test"), "{}", failures(&reports));
}

/// What the debug kernels said, and the quirk that it is.
const MESSAGES: [(&str, &str); 4] = [
    ("bpf_fuse_get_writeable", "KF-1"),
    ("unknown dynptr type 7", "N10"),
    ("slab-out-of-bounds in strnlen", "BUF-16"),
    ("Busy inodes after unmount of fuse", "N13"),
];

#[test]
fn a_message_of_a_debug_kernel_is_a_quirk_of_the_model() {
    let Some(folder) = shared() else {
        println!("skipped: no recordings; name their folder with FUSERIG_SHARED");
        return;
    };
    let mut hits = std::collections::BTreeMap::new();
    for (abi, group, _) in GROUPS.iter().filter(|(abi, ..)| *abi == Abi::V4) {
        let path = folder.join(abi.name()).join(format!("{group}.jsonl.zst"));
        for report in play(&read(&path), &ConformOptions::new(*abi)) {
            hits.insert(report.name, report.quirks);
        }
    }
    let text = read(&folder.join("debug_kernel.jsonl.zst"));
    let text = String::from_utf8(text).expect("records are text");
    let mut compared = 0;
    for line in text.lines().filter(|line| line.contains("\"kmsg\"")) {
        let record: serde_json::Value = serde_json::from_str(line).expect("a record");
        let case = record["case"].as_str().expect("it names its case");
        let Some(quirks) = hits.get(case) else { continue };
        let message = record["kmsg"].to_string();
        for (words, id) in MESSAGES {
            if message.contains(words) {
                let hit = quirks.iter().any(|quirk| quirk.id() == id);
                assert!(hit, "{case}: {id} is missing in {quirks:?}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 10, "only {compared} messages belong to cases that are here");
}

#[test]
fn a_stop_of_the_recorded_kernel_is_a_stop_of_the_model() {
    let Some(folder) = shared() else {
        println!("skipped: no recordings; name their folder with FUSERIG_SHARED");
        return;
    };
    let stops = [
        ("crash_candidates", "crash.dir_fsync.null", "DISP-1"),
        ("crash_candidates", "crash.getxattr.nameover", "BUF-17"),
        ("crash_candidates", "crash.getxattr.size0", "BUF-4"),
        ("crash_candidates", "crash.nodaemon.fsync4", "N4"),
        ("crash_candidates", "crash.create.enosys", "N2"),
        ("crash_candidates", "crash.open.user.close.backing", "OPEN-2"),
        ("crash_candidates", "crash.lookup.rw.post.user", "BUF-3"),
        ("return_codes_forced_no_daemon", "ret.flush.pre.1", "N4"),
        ("return_codes_forced_no_daemon", "ret.flush.post.4", "N4"),
    ];
    for (group, case, quirk) in stops {
        let text = read(&folder.join(format!("v4/{group}.jsonl.zst")));
        let reports = play(&text, &ConformOptions::new(Abi::V4));
        let report = reports.iter().find(|report| report.name == case).expect("a recorded case");
        let shown = report.to_string();
        assert_eq!(report.verdict, Verdict::Passed, "{shown}");
        assert!(shown.contains("as recorded") && shown.contains(quirk), "{shown}");
    }
}

#[test]
fn the_groups_in_the_tree_agree_to_the_last_case() {
    let folder = |abi: Abi| here().join("tests/data/observations").join(abi.name());
    for (abi, group, expected) in GROUPS {
        if !folder(*abi).join(format!("{group}.jsonl.zst")).is_file() {
            continue;
        }
        let reports = play(&in_tree(*abi, group), &ConformOptions::new(*abi));
        assert_eq!(counts(&reports), *expected, "{abi}/{group}:\n{}", failures(&reports));
    }
}

#[test]
fn a_conversation_that_differs_in_one_place_is_caught() {
    let text = String::from_utf8(in_tree(Abi::V4, "daemon")).expect("records are text");
    // One case asks five hundred times; the others say as much.
    let short = |line: &&str| !line.contains("d.readdir.userpost.again");
    let text: String = text.split_inclusive('\n').filter(short).collect();
    let changes = [
        // The request: which, for what, how long, with what in it.
        ("\"opcode\":27,\"ph\":\"none\"", "\"opcode\":28,\"ph\":\"none\"", "requests"),
        ("\"ph\":\"post\",\"node\":0,\"len\"", "\"ph\":\"pre\",\"node\":0,\"len\"", "requests"),
        (
            "\"opcode\":35,\"ph\":\"none\",\"node\":1",
            "\"opcode\":35,\"ph\":\"none\",\"node\":2",
            "nodeid",
        ),
        ("\"len\":187", "\"len\":188", "len"),
        ("\"total_extlen\":2", "\"total_extlen\":3", "total_extlen"),
        ("\"payload\":\"0080000000000000\"", "\"payload\":\"0180000000000000\"", "payload"),
        ("\"payload\":\"663100\"", "\"payload\":\"663200\"", "payload"),
        // The answer, and what the device made of it.
        ("\"write_errno\":\"EINVAL\"", "\"write_errno\":\"EIO\"", "write errno"),
        ("\"reply_error\":-13,\"write_ret\":16", "\"reply_error\":-13,\"write_ret\":17", "write"),
        (
            "\"reply\":\"data\",\"reply_len\":144",
            "\"reply\":\"data\",\"reply_len\":145",
            "reply length",
        ),
        // What the kernel forgot.
        (
            "\"payload\":\"0100000000000000\",\"reply\":\"noreply\"",
            "\"payload\":\"0200000000000000\",\"reply\":\"noreply\"",
            "forgets",
        ),
    ];
    for (from, to, expected) in changes {
        let changed = planted(&text, "", from, to);
        let reports = play(changed.as_bytes(), &ConformOptions::new(Abi::V4));
        let caught = reports
            .iter()
            .any(|report| report.differences.iter().any(|line| line.contains(expected)));
        assert!(caught, "{from} changed to {to} was not noticed");
    }
}

/// Changes the first line that holds `from` behind the line that holds `after`.
fn planted(text: &str, after: &str, from: &str, to: &str) -> String {
    let start = text.find(after).unwrap_or_else(|| panic!("the record has no {after}"));
    let at = start + text[start..].find(from).unwrap_or_else(|| panic!("no {from} there"));
    format!("{}{to}{}", &text[..at], &text[at + from.len()..])
}

#[test]
fn a_record_that_differs_in_one_place_is_caught() {
    let text = String::from_utf8(baseline(Abi::V4)).expect("records are text");
    let case = "\"case\":\"base.trace_prepost.tmpfs\"";
    assert!(text.contains(case), "the baseline traces every operation");
    let changes = [
        ("\"mask\":129", "\"mask\":1", "in.mask"),
        ("\"cb\":\"access_post\"", "\"cb\":\"lookup_post\"", "filter calls"),
        ("\"getattr_flags\":2147483648", "\"getattr_flags\":0", "in.getattr_flags"),
        ("\"attr.nlink\":1", "\"attr.nlink\":2", "nlink"),
        ("\"data\":\"hello", "\"data\":\"jello", "data"),
        ("\"err\":\"ENOENT\"", "\"err\":\"EACCES\"", "errno"),
        ("\"error_in\":-2", "\"error_in\":-13", "error_in"),
        ("\"ret\":3}", "\"ret\":0}", "returned"),
        ("\"node\":1", "\"node\":2", "nodeid"),
        ("\"ph\":\"post\"", "\"ph\":\"pre\"", "phase"),
        ("\"lower_umount\":\"ok\"", "\"lower_umount\":\"EBUSY\"", "lower umount"),
        ("\"umount\":\"ok\"", "\"umount\":\"EBUSY\"", "umount"),
        ("\"nents\":", "\"nents\":9", "records in all"),
    ];
    for (from, to, expected) in changes {
        let reports =
            play(planted(&text, case, from, to).as_bytes(), &ConformOptions::new(Abi::V4));
        let caught = reports.iter().any(|report| {
            report.verdict == Verdict::Failed
                && report.differences.iter().any(|line| line.contains(expected))
        });
        assert!(caught, "{from} changed to {to} was not noticed");
    }
}

#[test]
fn a_bad_line_is_named_with_its_column() {
    let table: [(&[u8], &str); 5] = [
        (b"{\"t\":\"case\"", "line 1, column 11"),
        (b"\n\n{]", "line 3, column 2"),
        (
            b"{\"t\":\"op\",\"case\":\"x\",\"n\":0,\"do\":\"\",\"ret\":0,\"err\":\"\"}",
            "line 1: case",
        ),
        (b"\xff", "byte 0"),
        (b"{\"t\":\"done\"}", "no case"),
    ];
    for (text, expected) in table {
        let error: RecordError =
            conform_text(text, &ConformOptions::new(Abi::V4)).expect_err("these are no records");
        assert!(error.to_string().contains(expected), "{error} does not say {expected}");
    }
}

#[test]
fn five_thousand_damaged_records_never_panic() {
    let text = baseline(Abi::V4);
    let whole: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').take(12).collect();
    let seed = whole.concat();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("below a length")
    };
    for _ in 0..5_000 {
        let start = draw(seed.len());
        let end = (start + 1 + draw(4_000)).min(seed.len());
        let mut bytes = if draw(4) == 0 { seed[start..end].to_vec() } else { seed[..end].to_vec() };
        for _ in 0..draw(4) {
            let at = draw(bytes.len());
            match draw(3) {
                0 => bytes[at] = u8::try_from(draw(256)).expect("a byte"),
                1 => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, b"\"{}[]\\,:0-x"[draw(11)]),
            }
            if bytes.is_empty() {
                break;
            }
        }
        fuzz_entry(&bytes);
    }
}
