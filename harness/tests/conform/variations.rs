//! Records as they might be: those of the tree and of the folder with other numbers, flags, names
//! and members. What came of them nobody recorded; that each is played to a verdict, and that what
//! cannot be played is said in words, can be asked of any.

use fuserig::conform::{ConformOptions, Verdict};
use fuserig_abi::Abi;
use serde_json::Value as Json;

use crate::{in_tree, play, read, shared};

/// Numbers at the borders of what a field, a size, a code or an offset may be.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "7",
    "9",
    "24",
    "48",
    "64",
    "256",
    "257",
    "4095",
    "4096",
    "4097",
    "65536",
    "0xffffffff",
    "-1",
    "-2",
    "-38",
    "-512",
    "-4095",
    "-4096",
    "2147483647",
    "-2147483648",
    "0777",
    "9223372036854775807",
];
const FLAGS: &[&str] = &[
    "R",
    "W",
    "RW",
    "C|RW",
    "C|RW|X",
    "RW|T",
    "W|A",
    "R|D",
    "C|D|R",
    "TMP|RW",
    "TMP|R",
    "PATH",
    "PATH|D",
    "R|NF",
    "R|DIRECT",
    "RW|SYNC",
    "R|NB",
    "NOATIME|R",
];
const PATHS: &[&str] = &[
    "f1", "f2", "d1", "d1/x", "d1/sub/z", "d2", "ed", "ln", "dln/x", "xa", "none", "nn", ".", "^f1",
];

/// Numbers that a seed gives; the same in every run.
#[derive(Debug)]
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below.max(1)
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.next(list.len())]
    }
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Another system call of the same kind.
fn call(text: &str, draw: &mut Draw) -> String {
    let mut words = text.split(' ');
    let name = words.next().unwrap_or("");
    let changed = words.map(|word| match word {
        _ if draw.next(5) > 1 => word.to_owned(),
        _ if word.starts_with("fd") => format!("fd{}", draw.next(5)),
        _ if is_number(word) => draw.of(NUMBERS).to_owned(),
        _ if name == "open" && word.chars().all(|c| c.is_ascii_uppercase() || c == '|') => {
            draw.of(FLAGS).to_owned()
        }
        _ => draw.of(PATHS).to_owned(),
    });
    let changed: Vec<String> = changed.collect();
    // A loop of the recorder is a loop here; how often is not the question.
    if name == "loop" { text.to_owned() } else { format!("{name} {}", changed.join(" ")) }
}

/// Another rule of the same member, or a policy with another number.
fn rule(text: &str, draw: &mut Draw) -> String {
    let words = text.split(' ').map(|word| match word.split_once('=') {
        Some((key, value)) if is_number(value) && draw.next(3) == 0 => {
            format!("{key}={}", draw.of(NUMBERS))
        }
        None if is_number(word) && !word.starts_with("0x") && draw.next(4) == 0 => {
            draw.of(NUMBERS).to_owned()
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The record with other inputs; what became of lost calls is left out.
fn vary(text: &str, draw: &mut Draw) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut json: Json = serde_json::from_str(line).expect("records are JSON");
        match json["t"].as_str() {
            Some("case") => {
                for text in json["rules"].as_array_mut().into_iter().flatten() {
                    *text = rule(text.as_str().expect("rules are text"), draw).into();
                }
                json["mount_ret"] = 0.into();
            }
            Some("op") => {
                json["do"] = call(json["do"].as_str().expect("calls are text"), draw).into()
            }
            Some("end") => {}
            _ => continue,
        }
        out.push_str(&json.to_string());
        out.push('\n');
    }
    out
}

/// What may be said of a case that cannot be played.
const REASONS: &[&str] = &[
    "an open file beside the mount",
    "lies outside what is modelled",
    "behind an umount of the mount",
    "not a number",
    "number too large",
];

#[test]
fn any_record_is_played_to_a_verdict_or_skipped_in_words() {
    let mut texts: Vec<(Abi, Vec<u8>)> =
        [Abi::V3, Abi::V4].map(|abi| (abi, in_tree(abi, "baseline"))).to_vec();
    if let Some(folder) = shared() {
        for group in ["buffers", "arg_modification", "daemon", "further"] {
            texts.push((Abi::V4, read(&folder.join("v4").join(format!("{group}.jsonl.zst")))));
        }
    }
    let (mut played, mut skipped) = (0, 0);
    for (seed, (abi, text)) in texts.iter().enumerate() {
        let mut draw = Draw(seed as u64);
        let text = core::str::from_utf8(text).expect("records are text");
        let varied = vary(text, &mut draw);
        let reports = play(varied.as_bytes(), &ConformOptions::new(*abi));
        assert_eq!(reports, play(varied.as_bytes(), &ConformOptions::new(*abi)), "two runs");
        for report in &reports {
            played += 1;
            if let Verdict::Skipped(reason) = &report.verdict {
                skipped += 1;
                let known = REASONS.iter().any(|words| reason.contains(words));
                assert!(known, "{abi} {}: {reason}", report.name);
            }
        }
    }
    println!("{played} records, {skipped} of them skipped in words");
    assert!(played >= 40 && skipped * 3 < played, "{skipped} of {played}");
}
