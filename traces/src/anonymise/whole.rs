//! A whole trace.

use super::report::AnonymiseReport;
use super::{AnonymiseError, KEY_BYTES_MIN, Lengths, Mapper, Policy, calls, wire};
use crate::record::{NoteKind, NoteRecord, OpFlags, PayloadRecord, Record, TreeRecord};
use crate::{Anonymisation, Clock, FirstClient, Header, LowerTraits, Source, Trace, UnknownFields};

/// Rewrites the text of a tree, which this crate does not read.
pub type TreeText<'a> = dyn FnMut(&[u8], &mut Mapper) -> Result<Vec<u8>, String> + 'a;

/// Mount options that say nothing about a place.
const PLAIN_OPTIONS: [&str; 6] =
    ["allow_other", "default_permissions", "ro", "rw", "nosuid", "nodev"];

/// Makes a trace anonymous. Traces of system calls lose the requests and stages that a replay makes
/// again; traces of messages keep their messages.
///
/// ```
/// use fuserig_traces::anonymise::{Policy, anonymise};
/// use fuserig_traces::calls::CallNr;
/// use fuserig_traces::record::{CallRecord, Record};
/// use fuserig_traces::Trace;
/// let args = vec!["/home/ann".into()];
/// let chdir = CallRecord { nr: CallNr::CHDIR, args, ..CallRecord::default() };
/// let trace = Trace { records: vec![chdir.into()], ..Trace::default() };
/// let policy = Policy { names: [b"home".to_vec()].into(), ..Policy::default() };
/// let key = b"sixteen bytes or more";
/// let (safe, _) = anonymise(&trace, key, &policy, &mut |_, _| unreachable!())?;
/// let Record::Call(call) = &safe.records[0] else { panic!("a call stays a call") };
/// let path = call.args[0].as_bytes().expect("a path stays a path");
/// assert!(path.starts_with(b"/home/") && !path.ends_with(b"ann"));
/// # Ok::<(), fuserig_traces::anonymise::AnonymiseError>(())
/// ```
///
/// # Errors
/// A key that is too short, and everything that would be copied without being understood.
pub fn anonymise(
    trace: &Trace,
    key: &[u8],
    policy: &Policy,
    tree: &mut TreeText<'_>,
) -> Result<(Trace, AnonymiseReport), AnonymiseError> {
    if key.len() < KEY_BYTES_MIN {
        return Err(AnonymiseError::ShortKey { bytes: key.len() });
    }
    let mut mapper = Mapper::new(key, policy, &trace.header);
    let has_calls = trace.records.iter().any(|record| matches!(record, Record::Call(_)));
    let has_ops = trace.records.iter().any(|record| matches!(record, Record::Op(_)));
    if has_ops && !has_calls && policy.lengths != Lengths::Exact {
        return Err(AnonymiseError::LengthsOfMessages);
    }
    pass(trace, &mut mapper, has_calls, policy, tree)?;
    mapper.seal()?;
    let safe = pass(trace, &mut mapper, has_calls, policy, tree)?;
    Ok((safe, mapper.report))
}

fn pass(
    trace: &Trace,
    mapper: &mut Mapper,
    has_calls: bool,
    policy: &Policy,
    tree: &mut TreeText<'_>,
) -> Result<Trace, AnonymiseError> {
    let header = header(&trace.header, mapper, policy);
    let mut records = Vec::with_capacity(trace.records.len());
    for record in &trace.records {
        match record {
            Record::Call(call) => records.push(Record::Call(calls::call(mapper, call)?)),
            Record::Op(op) if op.flags.contains(OpFlags::NOTIFICATION) => mapper.report.notes += 1,
            Record::Op(op) if !has_calls => records.push(Record::Op(wire::op(mapper, op)?)),
            Record::Payload(payload) if !has_calls => {
                let zeros = PayloadRecord::new(mapper.data(&payload.bytes));
                records.push(Record::Payload(zeros));
            }
            Record::Op(_) | Record::Stage(_) | Record::Payload(_) => mapper.report.derived += 1,
            Record::Tree(record) => records.push(tree_record(record, mapper, tree)?),
            Record::Note(note) => match note.kind {
                NoteKind::LOSS | NoteKind::REPAIR => {
                    let text = String::new();
                    records.push(Record::Note(NoteRecord { text, ..note.clone() }));
                }
                _ => mapper.report.notes += 1,
            },
        }
    }
    Ok(Trace { header, records })
}

fn tree_record(
    record: &TreeRecord,
    mapper: &mut Mapper,
    tree: &mut TreeText<'_>,
) -> Result<Record, AnonymiseError> {
    let text = tree(&record.text, mapper).map_err(|message| AnonymiseError::Tree { message })?;
    let label = label(&record.label);
    Ok(Record::Tree(TreeRecord { seq: record.seq, label, text }))
}

/// Labels that recorders choose may be paths.
fn label(label: &str) -> String {
    if matches!(label, "" | "lower") { label.to_owned() } else { "tree".to_owned() }
}

/// Whether a filter is a plain word. Its parameters may be names of the trace, and an object is a
/// path.
fn names_nothing(filter: &str) -> bool {
    filter.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn header(header: &Header, mapper: &mut Mapper, policy: &Policy) -> Header {
    let mut left_out: Vec<String> = header.unknown.names().map(str::to_owned).collect();
    let mut options = header.mount_options.clone();
    options.retain(|option| PLAIN_OPTIONS.contains(&option.as_str()));
    if options.len() < header.mount_options.len() {
        left_out.push("mount_options".to_owned());
    }
    if header.seed.is_some() {
        left_out.push("seed".to_owned());
    }
    let source = header.source.clone().map(|source| {
        if !source.what.is_empty() {
            left_out.push("source.what".to_owned());
        }
        let root = mapper.path(source.root.as_bytes());
        let root = String::from_utf8_lossy(&root).into_owned();
        Source { what: String::new(), root, ..source }
    });
    let first_client = header.first_client.map(|first| FirstClient {
        uid: mapper.id(first.uid),
        gid: mapper.id(first.gid),
        ..first
    });
    let lower = LowerTraits {
        root_uid: header.lower.root_uid.map(|uid| mapper.id(uid)),
        root_gid: header.lower.root_gid.map(|gid| mapper.id(gid)),
        ..header.lower
    };
    let clock = header.clock.map(|clock| Clock {
        base_ns: clock.base_ns.map(|base_ns| mapper.base_ns(base_ns)),
        ..clock
    });
    let filter = if names_nothing(&header.filter) {
        header.filter.clone()
    } else {
        left_out.push("filter".to_owned());
        String::new()
    };
    mapper.report.header_fields = left_out;
    Header {
        filter,
        mount_options: options,
        clock,
        first_client,
        lower,
        source,
        seed: None,
        initial_tree: label(&header.initial_tree),
        anonymisation: Some(Anonymisation {
            policy: policy.to_string(),
            ..Anonymisation::default()
        }),
        unknown: UnknownFields::default(),
        ..header.clone()
    }
}
