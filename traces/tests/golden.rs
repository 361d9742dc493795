//! Files of every version of the format stay readable, and this version's bytes stay as they are.

use std::path::Path;

use fuserig_traces::{Trace, WriteOptions, text, tools};

/// What files of the format's versions hold, and its stream id. The last one is this build's.
const VERSIONS: [(&str, &str, &str); 2] = [
    ("v1.0", include_str!("golden/v1.0.txt"), "97424a08c0e19c60185fdc5aa6520def"),
    ("v1.1", include_str!("golden/everything.txt"), "8a42e3d414120ac0709686b14e329812"),
];

fn trace(twin: &str) -> Trace {
    text::parse(twin).expect("the golden text is right")
}

fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read(path).unwrap_or_default()
}

fn written(twin: &str, zstd_level: Option<i32>) -> Vec<u8> {
    let mut file = Vec::new();
    let options = WriteOptions { zstd_level, ..WriteOptions::default() };
    trace(twin).write_with(&mut file, options).expect("memory takes it");
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
    let [.., (version, twin, _)] = VERSIONS;
    let (name, bytes) = (format!("{version}.frt"), written(twin, None));
    check(&name, bytes == golden(&name), &bytes);
}

#[test]
fn golden_files_hold_what_they_held() {
    for (version, twin, stream_id) in VERSIONS {
        let mut expected = trace(twin);
        expected.sort();
        for (form, level) in [("", None), ("-zstd", Some(3))] {
            let name = format!("{version}{form}.frt");
            let file = golden(&name);
            // Compressors change between versions, so compressed bytes are only read.
            let read = Trace::read_damaged(&file[..]);
            let same = read.is_ok_and(|(mut trace, damage)| {
                trace.sort();
                trace == expected && damage.is_empty()
            });
            check(&name, same, &written(twin, level));
            let report = tools::verify(&file[..]).expect("golden files are readable");
            assert!(report.is_whole(), "{name}: {report:?}");
            assert_eq!(report.stream_id.to_string(), stream_id, "{name}");
            assert_eq!(format!("v{}", report.version), version, "{name}");
        }
    }
}

#[test]
fn the_golden_text_is_what_is_printed() {
    let [.., (_, twin, _)] = VERSIONS;
    assert_eq!(text::print(&trace(twin)), twin);
}
