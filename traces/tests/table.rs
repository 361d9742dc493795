//! Rows and back: JSONL and CSV hold everything that a trace holds.

#[path = "common/arbitrary.rs"]
mod arbitrary;

use std::ops::ControlFlow;
use std::path::Path;

use fuserig_traces::export::{write_csv, write_jsonl};
use fuserig_traces::import::{TableForm, TableReport, import_table};
use fuserig_traces::table::{CsvTable, KEYS, Row, csv_line, parse_row, row};
use fuserig_traces::{Trace, TraceReader};
use proptest::prelude::*;

fn import(bytes: &[u8], form: TableForm) -> (Trace, TableReport) {
    let mut records = Vec::new();
    let mut keep = |record| {
        records.push(record);
        ControlFlow::Continue(())
    };
    let report = import_table(bytes, form, &mut keep).expect("it is a table");
    (Trace { header: report.header.clone().unwrap_or_default(), records }, report)
}

fn there_and_back(file: &[u8]) {
    let trace = Trace::read(file).expect("it is a trace");
    for form in [TableForm::Jsonl, TableForm::Csv] {
        let mut reader = TraceReader::open(file).expect("it is a trace");
        let mut bytes = Vec::new();
        let count = match form {
            TableForm::Jsonl => write_jsonl(&mut reader, &mut bytes),
            TableForm::Csv => write_csv(&mut reader, &mut bytes),
        };
        assert_eq!(count.expect("memory takes it"), trace.records.len() as u64);
        let (back, report) = import(&bytes, form);
        assert!(report.is_lossless(), "{form:?}: {report}");
        assert!(back == trace, "{form:?} lost something");
    }
}

#[test]
fn the_corpus_survives_both_forms() {
    for name in ["shell", "sqlite"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("corpus/{name}.frt"));
        there_and_back(&std::fs::read(path).expect("the corpus is in the tree"));
    }
    let everything = fuserig_traces::text::parse(include_str!("golden/everything.txt"));
    let mut file = Vec::new();
    everything.expect("the golden text is right").write(&mut file).expect("memory takes it");
    there_and_back(&file);
}

proptest! {
    #![proptest_config(arbitrary::cases(512))]
    #[test]
    fn any_record_survives_its_row(records in arbitrary::records(4)) {
        for record in records {
            let names: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
            let columns = CsvTable::from_first_line(&names.join(",")).expect("keys are columns");
            let expected = Row::Record(record.clone(), Vec::new());
            let text = row(&record.as_ref());
            prop_assert_eq!(parse_row(&text), Ok(expected.clone()), "{}", text);
            let line = csv_line(&record.as_ref());
            prop_assert_eq!(columns.parse_line(&line), Ok(expected), "{}", line);
        }
    }
}

#[test]
fn mistakes_are_named_by_line_and_key() {
    let check = |line: &str, says: &str| {
        let good = r#"{"type":"op","op":"GETATTR","seq_send":"1"}"#;
        let (trace, report) = import(format!("{good}\n{line}\n").as_bytes(), TableForm::Jsonl);
        assert_eq!(trace.records.len(), 1, "{line}");
        assert_eq!(report.mistakes, [format!("line 2: {says}")], "{line}");
    };
    check("{", "no JSON: EOF while parsing an object at line 1 column 1");
    check("7", "expected a JSON object");
    check(r#"{"op":"GETATTR"}"#, "key `type`: a row needs its type");
    check(r#"{"type":"op","op":"FETCH"}"#, "key `op`: no operation is called \"FETCH\"");
    check(
        r#"{"type":"op","op":"LOOKUP","request":{"names":["a"],"fh":"3"}}"#,
        "key `request`: the struct has no field \"fh\"",
    );
    check(
        r#"{"type":"op","op":"OPEN","request":{"flags":"0x100000000"}}"#,
        "key `request`: field flags: expected a number of 4 bytes, found \"0x100000000\"",
    );
    check(r#"{"type":"op","op":3,"uid":-1}"#, "key `uid`: expected a number below 2^32, found -1");
    check(
        r#"{"type":"call","call":"fsync","args":{}}"#,
        "key `args`: fsync needs the argument \"fd\"",
    );
}

#[test]
fn what_other_tools_write_is_read() {
    let jsonl = "{\"type\":\"op\",\"op\":\"FUSE_LOOKUP\",\"nodeid\":1,\"request\":{\"names\":[\"a\"]}}\n\
                 {\"type\":\"op\",\"op\":3,\"nodeid\":\"0x10\",\"latency\":7}\n";
    let (trace, report) = import(jsonl.as_bytes(), TableForm::Jsonl);
    assert_eq!((report.numbered, report.unknown["latency"]), (2, 1));
    let lines: Vec<String> = trace
        .records
        .iter()
        .map(|record| fuserig_traces::text::record_line(&record.as_ref()))
        .collect();
    let expected =
        ["op 1- +0ns 0ns pid=0 u=0:0 LOOKUP 1 \"a\"", "op 2- +0ns 0ns pid=0 u=0:0 GETATTR 16"];
    assert_eq!(lines, expected);
    // A spreadsheet's table: a byte order mark, tabs, columns in another order.
    let csv = "\u{feff}op\ttype\tnote\tdetail\n\tnote\tstory\t\"\"\"a\\nb\"\"\"\nGETATTR\top\t\t\n";
    let (trace, report) = import(csv.as_bytes(), TableForm::Csv);
    assert!(report.is_lossless(), "{report}");
    assert_eq!(trace.records.len(), 2);
}

#[test]
fn damaged_tables_give_a_report_or_an_error() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/sqlite.frt");
    let file = std::fs::read(path).expect("the corpus is in the tree");
    let mut bytes = Vec::new();
    let mut reader = TraceReader::open(&file[..]).expect("it is a trace");
    write_jsonl(&mut reader, &mut bytes).expect("memory takes it");
    bytes.truncate(6_000);
    let mut state = 0x5eed_u64;
    for _ in 0..500 {
        let mut damaged = bytes.clone();
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = usize::try_from(state >> 33).expect("31 bits fit") % damaged.len();
            damaged[at] = b"{}[]\",:0x\\\n\xff"[usize::from(damaged[at]) % 12];
        }
        fuserig_traces::import::fuzz_entry_table(&damaged);
    }
}
