//! The record format: one JSON object a line (observations README, "Records").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::daemon::RequestRecord;

/// Why a record file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A line is no JSON object of the format.
    #[error("read records: line {line}, column {column}: {source}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What the JSON reader says.
        source: serde_json::Error,
    },
    /// An operation or end names a case that did not begin.
    #[error("read records: line {line}: case {case:?} did not begin; is the file cut off?")]
    Orphan {
        /// The line, counted from 1.
        line: usize,
        /// The case it names.
        case: String,
    },
    /// Not text.
    #[error("read records: not UTF-8 at byte {offset}; decompress or choose another file")]
    Encoding {
        /// First bad byte.
        offset: usize,
    },
    /// Nothing in it.
    #[error("read records: no case in the file; is it a record of observations?")]
    Empty,
}

/// One filter call as recorded.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct CallRecord {
    pub(super) cb: String,
    pub(super) op: u32,
    pub(super) ph: String,
    pub(super) node: u64,
    #[serde(default)]
    pub(super) error_in: i64,
    #[serde(default)]
    pub(super) error_out: i64,
    #[serde(default, rename = "in")]
    pub(super) input: BTreeMap<String, i64>,
    #[serde(default, rename = "out")]
    pub(super) output: BTreeMap<String, i64>,
    #[serde(default)]
    pub(super) buf: BTreeMap<String, BufferRecord>,
    #[serde(default)]
    pub(super) rule: Option<i32>,
    pub(super) ret: i64,
}

/// What a call saw of a buffer, and what a rule did to it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(super) struct BufferRecord {
    pub(super) size: u32,
    #[serde(default)]
    pub(super) rd: Option<i32>,
    #[serde(default)]
    pub(super) data: Option<String>,
    #[serde(default)]
    pub(super) size_after: Option<u32>,
    #[serde(default)]
    pub(super) wr: Option<i32>,
    #[serde(default)]
    pub(super) dynptr_size: Option<i32>,
    #[serde(default)]
    pub(super) first_dynptr_size: Option<i32>,
    #[serde(default)]
    pub(super) dynptr_before_write: Option<String>,
}

/// The start of a case.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CaseRecord {
    pub(super) case: String,
    pub(super) struct_ops: String,
    pub(super) mode: String,
    pub(super) lower: String,
    #[serde(default)]
    pub(super) default_ret: DefaultReturns,
    #[serde(default)]
    pub(super) rules: Vec<String>,
    pub(super) mount_ret: i64,
    #[serde(default)]
    pub(super) mount_err: String,
    #[serde(default)]
    pub(super) opts: String,
}

/// What members return without a rule.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct DefaultReturns {
    pub(super) pre: i32,
    pub(super) post: i32,
    #[serde(rename = "default_filter")]
    pub(super) default: i32,
}

/// One system call and its result.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OpRecord {
    pub(super) case: String,
    pub(super) n: u64,
    #[serde(rename = "do")]
    pub(super) text: String,
    pub(super) ret: i64,
    pub(super) err: String,
    #[serde(default)]
    pub(super) data: Option<String>,
    #[serde(default)]
    pub(super) stat: Option<StatRecord>,
    #[serde(default)]
    pub(super) ents: Option<Vec<EntryRecord>>,
    #[serde(default)]
    pub(super) nents: Option<i64>,
    #[serde(default)]
    pub(super) getdents_calls: Option<i64>,
    #[serde(default)]
    pub(super) at: Option<String>,
    #[serde(default)]
    pub(super) statfs: Option<StatFsRecord>,
    #[serde(default)]
    pub(super) tree: Option<Vec<TreeRecord>>,
    #[serde(default)]
    pub(super) calls: Vec<CallRecord>,
}

/// `struct stat` as recorded.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct StatRecord {
    pub(super) ino: i64,
    pub(super) mode: String,
    pub(super) nlink: i64,
    pub(super) uid: i64,
    pub(super) gid: i64,
    pub(super) size: i64,
    pub(super) rdev: String,
    pub(super) mtime: i64,
}

/// `struct statfs` as recorded.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct StatFsRecord {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) bsize: i64,
    pub(super) namelen: i64,
}

/// A directory record as recorded.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct EntryRecord {
    #[serde(rename = "n")]
    pub(super) name: String,
    pub(super) ino: i64,
    #[serde(rename = "type")]
    pub(super) kind: i64,
    pub(super) off: i64,
}

/// A file of the lower tree as recorded.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct TreeRecord {
    #[serde(rename = "p")]
    pub(super) path: String,
    pub(super) mode: String,
    pub(super) nlink: i64,
    pub(super) size: i64,
    #[serde(default)]
    pub(super) uid: i64,
    #[serde(default)]
    pub(super) gid: i64,
    #[serde(default, rename = "c")]
    pub(super) content: Option<String>,
    #[serde(default, rename = "t")]
    pub(super) target: Option<String>,
    #[serde(default)]
    pub(super) rdev: Option<String>,
}

/// The end of a case.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct EndRecord {
    pub(super) case: String,
    #[serde(default)]
    pub(super) lower_tree: Vec<TreeRecord>,
    #[serde(default)]
    pub(super) lower_umount: String,
    #[serde(default)]
    pub(super) umount: String,
    #[serde(default)]
    pub(super) kmsg: String,
}

/// How the recorded kernel did not come through: `died` or `hang`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct LostRecord {
    pub(super) case: String,
    #[serde(rename = "t")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) stack: String,
    #[serde(default)]
    pub(super) calls: Vec<CallRecord>,
}

/// A whole case.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) head: CaseRecord,
    pub(super) ops: Vec<OpRecord>,
    pub(super) end: Option<EndRecord>,
    /// The system call from which the recorded kernel did not come back, if there was one.
    pub(super) lost: Option<LostRecord>,
    /// What the recorded daemon was asked.
    pub(super) requests: Vec<RequestRecord>,
}

/// What a file holds: cases, and records that are complete in one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    pub(super) cases: Vec<Case>,
    pub(super) attached: Vec<AttachRecord>,
    pub(super) selftests: Vec<SelftestRecord>,
    pub(super) verified: Vec<VerifierRecord>,
    /// Lines that a debug kernel printed about a case that another file holds.
    pub(super) messages: usize,
}

/// A registration at the start of a recording.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct AttachRecord {
    pub(super) map: String,
    pub(super) ret: i64,
    #[serde(default)]
    pub(super) err: String,
}

/// What became of one test of the kernel's own suite.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SelftestRecord {
    pub(super) kernel: String,
    pub(super) n: usize,
    pub(super) name: String,
    pub(super) result: String,
}

/// What a kernel said to one program at load.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct VerifierRecord {
    pub(super) prog: String,
    #[serde(default)]
    pub(super) what: String,
    #[serde(default)]
    pub(super) load: String,
}

/// Reads a record file; lines of unknown kinds are passed over.
pub(super) fn read_records(text: &[u8]) -> Result<Records, RecordError> {
    let text = core::str::from_utf8(text)
        .map_err(|error| RecordError::Encoding { offset: error.valid_up_to() })?;
    let mut records = Records::default();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let bad = |source: serde_json::Error| RecordError::Line {
            line: number,
            column: source.column(),
            source,
        };
        if line.trim().is_empty() {
            continue;
        }
        let json: Json = serde_json::from_str(line).map_err(bad)?;
        let kind = json.get("t").and_then(Json::as_str).unwrap_or("").to_owned();
        let cases = &mut records.cases;
        match &kind[..] {
            "case" => {
                let head = serde_json::from_value(json).map_err(bad)?;
                let (ops, requests) = (Vec::new(), Vec::new());
                cases.push(Case { head, ops, end: None, lost: None, requests });
            }
            "attach" => records.attached.push(serde_json::from_value(json).map_err(bad)?),
            "selftest" => records.selftests.push(serde_json::from_value(json).map_err(bad)?),
            "verifier" => records.verified.push(serde_json::from_value(json).map_err(bad)?),
            // A debug kernel says which it is; its cases stand in other files.
            "kmsg" | "hang" | "died" if json.get("kernel").is_some() => records.messages += 1,
            "op" => {
                let op: OpRecord = serde_json::from_value(json).map_err(bad)?;
                let name = op.case.clone();
                current(cases, number, &name)?.ops.push(op);
            }
            "end" => {
                let end: EndRecord = serde_json::from_value(json).map_err(bad)?;
                let name = end.case.clone();
                current(cases, number, &name)?.end = Some(end);
            }
            "dreq" => {
                let request: RequestRecord = serde_json::from_value(json).map_err(bad)?;
                let name = request.case.clone();
                current(cases, number, &name)?.requests.push(request);
            }
            "hang" | "died" => {
                let lost: LostRecord = serde_json::from_value(json).map_err(bad)?;
                let name = lost.case.clone();
                current(cases, number, &name)?.lost = Some(lost);
            }
            _ => {}
        }
    }
    if records.is_empty() { Err(RecordError::Empty) } else { Ok(records) }
}

impl Records {
    fn is_empty(&self) -> bool {
        let lines = self.attached.len() + self.selftests.len() + self.verified.len();
        self.cases.len() + lines + self.messages == 0
    }
}

fn current<'a>(
    cases: &'a mut [Case],
    line: usize,
    name: &str,
) -> Result<&'a mut Case, RecordError> {
    cases
        .last_mut()
        .filter(|case| case.head.case == name)
        .ok_or_else(|| RecordError::Orphan { line, case: name.to_owned() })
}

/// Reads arbitrary bytes as records: an error or a result, never a panic.
#[doc(hidden)]
pub fn fuzz_entry(bytes: &[u8]) {
    if let Ok(records) = read_records(bytes) {
        for case in &records.cases {
            for rule in &case.head.rules {
                let _ = super::rule::Rule::parse(rule);
            }
            let _ = super::daemon::policies(&case.head.rules);
            for request in &case.requests {
                let _ = super::daemon::hex(&request.payload);
            }
        }
    }
}

/// Strings carry one code point per byte.
pub(super) fn bytes_of(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}
