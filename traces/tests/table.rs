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

/// A row of every kind of tool: the exact record, or the line with what is wrong.
#[test]
fn odd_tables_give_the_exact_record_or_the_line_that_is_wrong() {
    let lines = |text: &str, form: TableForm| -> Vec<String> {
        let (trace, report) = import(text.as_bytes(), form);
        assert!(report.is_lossless(), "{text:?}: {report}");
        let line = |record: &fuserig_traces::record::Record| {
            fuserig_traces::text::record_line(&record.as_ref())
        };
        trace.records.iter().map(line).collect()
    };
    let getattr = "op 7- +0ns 0ns pid=0 u=0:0 GETATTR 3";
    for text in [
        "\u{feff}{\"type\":\"op\",\"op\":\"GETATTR\",\"seq_send\":7,\"nodeid\":\"0x3\"}\r\n\r\n",
        " { \"nodeid\" : 3.0 , \"seq_send\" : \"7\", \"type\" : \"op\" , \"op\" : 3 } ",
        r#"{"type":"\u006fp","op":"3","seq_send":"7.00","nodeid":3,"result":0.0,"flags":null}"#,
    ] {
        assert_eq!(lines(text, TableForm::Jsonl), [getattr], "{text:?}");
    }
    for text in [
        "type,op,seq_send,nodeid\nop,GETATTR,7,3",
        "\u{feff}type,op,seq_send,nodeid\r\nop,GETATTR,7,3\r\n",
        "\"type\",\"op\",\"seq_send\",\"nodeid\"\n\"op\",\"GETATTR\",\"7\",\"3\"\n",
        "nodeid;seq_send;op;type\n3.0;7;FUSE_GETATTR;op\n",
        "nodeid\tseq_send\top\ttype\n0x3\t7\t3\top\n\n",
        "type,op,seq_send,nodeid,uid\nop,GETATTR,7,3,\n",
    ] {
        assert_eq!(lines(text, TableForm::Csv), [getattr], "{text:?}");
    }
    let largest =
        r#"{"type":"op","op":3,"seq_send":18446744073709551615,"nodeid":"0xffffffffffffffff"}"#;
    let shown = lines(largest, TableForm::Jsonl);
    assert_eq!(
        shown,
        [getattr
            .replace("7-", "18446744073709551615-")
            .replace("GETATTR 3", "GETATTR 18446744073709551615")]
    );
}

#[test]
fn what_would_be_read_wrongly_is_refused_by_line() {
    let jsonl = |row: &str, says: &str| {
        let good = r#"{"type":"op","op":"GETATTR","seq_send":"1"}"#;
        let (trace, report) = import(format!("{good}\n{row}\n").as_bytes(), TableForm::Jsonl);
        assert_eq!((trace.records.len(), report.mistakes_total), (1, 1), "{row}: {report}");
        let said = &report.mistakes[0];
        assert!(said.starts_with("line 2: ") && said.contains(says), "{row}: {said}");
    };
    let of = |rest: &str| format!(r#"{{"type":"op","op":3,{rest}}}"#);
    jsonl(&of(r#""nodeid":1,"nodeid":2"#), "the key \"nodeid\" stands twice");
    jsonl(&of(r#""nodeid":18446744073709551616"#), "key `nodeid`: expected a number below 2^64");
    jsonl(&of(r#""nodeid":9007199254740994.0"#), "key `nodeid`: expected a number");
    jsonl(&of(r#""nodeid":1.5"#), "key `nodeid`: expected a number");
    jsonl(&of(r#""nodeid":"1.5""#), "key `nodeid`: expected a number");
    jsonl(&of(r#""nodeid":" 3""#), "key `nodeid`: expected a number");
    jsonl(&of(r#""nodeid":true"#), "key `nodeid`: expected a number");
    jsonl(&of(r#""nodeid":NaN"#), "no JSON");
    jsonl(&of(r#""uid":4294967296"#), "key `uid`: expected a number below 2^32");
    jsonl(&of(r#""result":"9223372036854775808""#), "key `result`: expected a number");
    jsonl(&of(r#""request":{"hex":"abc"}"#), "key `request`");
    jsonl(&of(r#""data":{"size":3,"id":"x"}"#), "key `data`: expected len, id, digest or bytes");
    jsonl(r#"[{"type":"op","op":3}]"#, "jq -c .[]");
    jsonl(&"[".repeat(5_000), "recursion limit");
    jsonl(r#"{"type":"op""#, "no JSON: EOF");
    jsonl(r#"{"type":"opp"}"#, "key `type`: no record is a \"opp\"");

    let csv = |row: &str, says: &str| {
        let text = format!("type,op,seq_send,nodeid\nop,3,1,1\n{row}\nop,3,5,1\n");
        let (trace, report) = import(text.as_bytes(), TableForm::Csv);
        // The rows around it are read: a mistake ends where its line does.
        assert_eq!((trace.records.len(), report.mistakes_total), (2, 1), "{row}: {report}");
        let said = &report.mistakes[0];
        assert!(said.starts_with("line 3: ") && said.contains(says), "{row}: {said}");
    };
    csv("op,3,2", "3 cells for 4 columns");
    csv("op,3,2,1,9", "5 cells for 4 columns");
    csv("op,3,2,5\" disk", "a quote in a cell without quotes");
    csv("op,3,2,\"1\"2", "text behind the quote");
    csv("op,3,2,1 000", "key `nodeid`: expected a number");
    csv("op;3;2;1", "1 cells for 4 columns");

    let refused = |text: &[u8], form: TableForm, says: &str| {
        let mut keep = |_record| ControlFlow::Continue(());
        let error = import_table(text, form, &mut keep).expect_err("it is no table").to_string();
        assert!(error.contains("line 1") && error.contains(says), "{error}");
    };
    refused(b"type,op,op\nop,3,3\n", TableForm::Csv, "names the column twice");
    refused(b"kind,op\nop,3\n", TableForm::Csv, "names no column `type`");
    refused(b"\xff\xfet\0y\0p\0e\0", TableForm::Csv, "UTF-16; save it as UTF-8");
    refused(b"\xff\xfe{\0", TableForm::Jsonl, "UTF-16; save it as UTF-8");
    // A quote that nobody closes takes the rest, and says where it began.
    let (trace, report) = import(b"type,op,label\nop,3,\nop,3,\"x\nop,3,\nop,3,\n", TableForm::Csv);
    assert_eq!(trace.records.len(), 1);
    assert_eq!(report.mistakes, ["line 3: a quoted cell has no end"]);
}

/// A cell that never ends costs no more than its length, however many lines it has.
#[test]
fn a_quote_that_is_never_closed_is_read_once() {
    let text = format!("type,op,label\nop,3,\"{}", "x\n".repeat(400_000));
    let (trace, report) = import(text.as_bytes(), TableForm::Csv);
    assert_eq!((trace.records.len(), report.mistakes_total, report.lines), (0, 1, 400_001));
}
