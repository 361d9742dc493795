//! Files of every version of the format stay readable, and this version's bytes stay as they are.

use std::path::Path;

use fuserig_traces::{Trace, WriteOptions, text, tools};

const TEXT: &str = include_str!("golden/everything.txt");

fn trace() -> Trace {
    text::parse(TEXT).expect("the golden text is right")
}

fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read(path).unwrap_or_default()
}

fn written(zstd_level: Option<i32>) -> Vec<u8> {
    let mut file = Vec::new();
    let options = WriteOptions { zstd_level, ..WriteOptions::default() };
    trace().write_with(&mut file, options).expect("memory takes it");
    file
}

/// Fails with the place of the new bytes, for a person to look at.
fn check(name: &str, same: bool, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).expect("the target directory is writable");
    assert!(
        same,
        "tests/golden/{name} is not what this build writes. If the format was meant to \
         change, give it a new version and a new golden file; the new bytes are in {}",
        path.display()
    );
}

#[test]
fn this_version_writes_the_golden_bytes() {
    let bytes = written(None);
    check("v1.0.frt", bytes == golden("v1.0.frt"), &bytes);
}

#[test]
fn golden_files_hold_what_they_held() {
    let mut expected = trace();
    expected.sort();
    for (name, level) in [("v1.0.frt", None), ("v1.0-zstd.frt", Some(3))] {
        let file = golden(name);
        // Compressors change between versions, so compressed bytes are only read.
        let read = Trace::read_damaged(&file[..]);
        let same = read.is_ok_and(|(mut trace, damage)| {
            trace.sort();
            trace == expected && damage.is_empty()
        });
        check(name, same, &written(level));
        let report = tools::verify(&file[..]).expect("golden files are readable");
        assert!(report.is_whole(), "{name}: {report:?}");
        assert_eq!(report.stream_id.to_string(), "97424a08c0e19c60185fdc5aa6520def");
    }
}

#[test]
fn the_golden_text_is_what_is_printed() {
    assert_eq!(text::print(&trace()), TEXT);
}
