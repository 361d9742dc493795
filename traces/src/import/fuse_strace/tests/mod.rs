//! What the importer makes of small logs.

mod columns;
mod hostile;
mod messages;

use core::fmt::Write;
use core::ops::ControlFlow;

use super::{FuseStraceOptions, FuseStraceReport, import_fuse_strace};
use crate::import::LogError;
use crate::record::Record;
use crate::text;
use crate::wire::{ReplyHead, RequestHead};

/// Records and report of a log.
pub(super) fn try_import(log: &[u8]) -> Result<(Vec<Record>, FuseStraceReport), LogError> {
    let mut records = Vec::new();
    let mut keep = |record| {
        records.push(record);
        ControlFlow::Continue(())
    };
    let report = import_fuse_strace(log, &FuseStraceOptions::default(), &mut keep)?;
    Ok((records, report))
}

/// The records as text, and the problems by line.
pub(super) fn check(log: &str, records: &[&str], problems: &[&str]) {
    let (got, report) = try_import(log.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let lines: Vec<String> = got.iter().map(|record| text::record_line(&record.as_ref())).collect();
    assert_eq!(lines, records, "{log}");
    let found: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let same = found.len() == problems.len()
        && found.iter().zip(problems).all(|(found, expected)| found.starts_with(expected));
    assert!(same, "{found:?} are not {problems:?}");
    assert_eq!(report.is_lossless(), problems.is_empty());
}

/// A request as strace prints it under `-xx`, in quotes.
pub(super) fn request(opcode: u32, unique: u64, body: &[u8]) -> String {
    let len = u32::try_from(RequestHead::LEN + body.len()).expect("messages of tests are short");
    let head = RequestHead { len, opcode, unique, nodeid: 1, pid: 9, ..RequestHead::default() };
    let mut bytes = Vec::new();
    head.put(&mut bytes);
    bytes.extend_from_slice(body);
    quoted(&bytes)
}

/// A reply as strace prints it.
pub(super) fn reply(error: i32, unique: u64, body: &[u8]) -> String {
    let len = u32::try_from(ReplyHead::LEN + body.len()).expect("messages of tests are short");
    let mut bytes = Vec::new();
    ReplyHead { len, error, unique }.put(&mut bytes);
    bytes.extend_from_slice(body);
    quoted(&bytes)
}

fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        write!(text, "\\x{byte:02x}").expect("a string takes everything");
    }
    text.push('"');
    text
}
