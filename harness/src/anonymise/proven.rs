//! A trace made anonymous, and the proof that filters decide the same on it.

use fuserig_abi::Abi;
use fuserig_filters::Filter;
use fuserig_traces::anonymise::{AnonymiseError, AnonymiseReport, Lengths, Policy, anonymise};
use fuserig_traces::record::{CallRecord, OpRecord, Record};
use fuserig_traces::{Trace, text};

use super::decisions::{Decision, Decisions, abi, decisions};
use super::tree;

/// Makes the filter of a specification; none for `none`.
pub type MakeFilter<'a> = dyn FnMut(&str, Abi) -> Result<Option<Box<dyn Filter>>, String> + 'a;

/// A trace that may be given away.
#[derive(Clone, Debug)]
pub struct Anonymised {
    /// The trace. Its header says what was kept and which filters were compared.
    pub trace: Trace,
    /// What was replaced, left out, and can still be told.
    pub report: AnonymiseReport,
    /// What was compared: `none` first, then each filter.
    pub proofs: Vec<Proof>,
}

/// Both traces played with one filter, and no difference.
///
/// ```
/// use fuserig::anonymise::Proof;
/// let proof = Proof { filter: "readonly".into(), arrivals: 370, decisions: 812 };
/// assert_eq!(proof.to_string(), "readonly: 370 arrivals, 812 decisions");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The filter as it was named.
    pub filter: String,
    /// System calls or messages that were played.
    pub arrivals: u64,
    /// Results of members, of the lower filesystem and of calls that were compared.
    pub decisions: u64,
}

impl core::fmt::Display for Proof {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "{}: {} arrivals, {} decisions", self.filter, self.arrivals, self.decisions)
    }
}

/// The first place where the two traces go different ways.
///
/// ```
/// use fuserig::anonymise::Difference;
/// let difference = Difference {
///     filter: "hide:*.jpg".into(),
///     arrival: 3,
///     call: "unlinkat(AT_FDCWD, \"a.jpg\", 0) = 0".into(),
///     original: "lookup_prefilter -> -2".into(),
///     safe: "lookup_prefilter -> 0".into(),
/// };
/// assert!(difference.to_string().contains("--keep"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The filter as it was named, `none` without one.
    pub filter: String,
    /// Number of the call or message, counted from 1; 0 for the totals.
    pub arrival: u64,
    /// The call or message as the original trace has it.
    pub call: String,
    /// What came of it in the original trace.
    pub original: String,
    /// What came of it in the other.
    pub safe: String,
}

impl core::fmt::Display for Difference {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Difference { filter, arrival, call, original, safe } = self;
        writeln!(out, "the filter `{filter}` decides differently on the two traces")?;
        if *arrival > 0 {
            writeln!(out, "  at arrival {arrival}: {call}")?;
        }
        writeln!(out, "  original    {original}")?;
        writeln!(out, "  anonymised  {safe}")?;
        write!(
            out,
            "  keep what it looks at: --keep extension,dot,ids,times; --keep-name NAME; --keep-id N"
        )
    }
}

/// Why there is no trace to give away.
///
/// ```
/// use fuserig::anonymise::AnonymiseFailure;
/// assert!(AnonymiseFailure::NothingToReplay.to_string().contains("nothing"));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum AnonymiseFailure {
    /// Something would be copied without being understood.
    #[error(transparent)]
    Input(#[from] AnonymiseError),
    /// A filter cannot be made.
    #[error("filter {filter}: {message}")]
    Filter {
        /// The filter as it was named.
        filter: String,
        /// What is wrong with it.
        message: String,
    },
    /// One of the traces cannot be played.
    #[error("replay with {filter}: {message}")]
    Replay {
        /// The filter as it was named.
        filter: String,
        /// What is wrong.
        message: String,
    },
    /// Nothing could be compared.
    #[error("the trace has nothing to replay, so that nothing can be proven")]
    NothingToReplay,
    /// A filter decides differently.
    #[error("{0}")]
    Decides(Box<Difference>),
}

/// Makes a trace anonymous and proves that `filters` decide the same on both. `watch` is told how
/// many arrivals of how many were played; the count begins anew with each replay.
///
/// ```
/// use fuserig::anonymise::{AnonymiseFailure, anonymise_proven};
/// use fuserig_traces::anonymise::Policy;
/// use fuserig_traces::calls::CallNr;
/// use fuserig_traces::record::CallRecord;
/// use fuserig_traces::Trace;
/// let mkdir = CallRecord {
///     seq_send: 1,
///     seq_reply: 2,
///     client: 1,
///     nr: CallNr::MKDIRAT,
///     args: vec![(-100i64).into(), "secret.d".into(), 0o755u64.into()],
///     ..CallRecord::default()
/// };
/// let trace = Trace { records: vec![mkdir.into()], ..Trace::default() };
/// let make = &mut |spec: &str, _| {
///     fuserig_filters::builtin(spec).map(Some).map_err(|error| error.to_string())
/// };
/// let filters = ["hide:*.d".to_owned()];
/// let hide = Policy::default();
/// let lost = anonymise_proven(&trace, &[7; 32], &hide, &filters, make, &mut |_, _| {});
/// assert!(matches!(lost, Err(AnonymiseFailure::Decides(_))));
/// let keep = Policy { extensions: true, ..Policy::default() };
/// let kept = anonymise_proven(&trace, &[7; 32], &keep, &filters, make, &mut |_, _| {})?;
/// assert_eq!(kept.proofs.len(), 2);
/// # Ok::<(), AnonymiseFailure>(())
/// ```
///
/// # Errors
/// Whatever keeps the proof from being complete.
pub fn anonymise_proven(
    trace: &Trace,
    key: &[u8],
    policy: &Policy,
    filters: &[String],
    make: &mut MakeFilter<'_>,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Anonymised, AnonymiseFailure> {
    let (mut safe, report) = anonymise(trace, key, policy, &mut tree::rewrite)?;
    let mut specs = vec!["none".to_owned()];
    let recorded = [trace.header.filter.clone()];
    for spec in recorded.iter().chain(filters).filter(|spec| !spec.is_empty()) {
        if !specs.contains(spec) {
            specs.push(spec.clone());
        }
    }
    let mut proofs = Vec::new();
    for filter in &specs {
        let original = play(trace, filter, make, watch)?;
        let replaced = play(&safe, filter, make, watch)?;
        if let Some(difference) = compare(trace, filter, &original, &replaced, policy.lengths) {
            return Err(AnonymiseFailure::Decides(Box::new(difference)));
        }
        proofs.push(Proof {
            filter: filter.clone(),
            arrivals: original.arrivals,
            decisions: original.list.len() as u64,
        });
    }
    // The parameters of the recorded filter may be names of the trace: they are written only for
    // who named them.
    let is_named = filters.contains(&trace.header.filter);
    if is_named {
        safe.header.filter.clone_from(&trace.header.filter);
    }
    if let Some(anonymisation) = &mut safe.header.anonymisation {
        let shown = |spec: String| match spec == trace.header.filter && !is_named {
            true => spec.split(':').next().unwrap_or_default().to_owned(),
            false => spec,
        };
        anonymisation.filters = specs.into_iter().map(shown).collect();
    }
    Ok(Anonymised { trace: safe, report, proofs })
}

fn play(
    trace: &Trace,
    spec: &str,
    make: &mut MakeFilter<'_>,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Decisions, AnonymiseFailure> {
    let filter = match spec {
        "none" => None,
        _ => make(spec, abi(&trace.header))
            .map_err(|message| AnonymiseFailure::Filter { filter: spec.to_owned(), message })?,
    };
    let played = decisions(trace, filter, watch)
        .map_err(|message| AnonymiseFailure::Replay { filter: spec.to_owned(), message })?;
    played.ok_or(AnonymiseFailure::NothingToReplay)
}

/// The first difference. Without exact lengths a positive result, such as that of readlink, may be
/// another; whether a call fails, and how, may not.
fn compare(
    trace: &Trace,
    filter: &str,
    original: &Decisions,
    safe: &Decisions,
    lengths: Lengths,
) -> Option<Difference> {
    let code = |decision: &Decision| match lengths {
        Lengths::Exact => decision.code,
        Lengths::Class | Lengths::Hidden => decision.code.min(0),
    };
    let longest = original.list.len().max(safe.list.len());
    let found =
        (0..longest).find(|&index| match (original.list.get(index), safe.list.get(index)) {
            (Some(one), Some(other)) => {
                (one.arrival, &one.what, code(one)) != (other.arrival, &other.what, code(other))
            }
            _ => true,
        });
    let filter = filter.to_owned();
    if let Some(index) = found {
        let shown = |decision: Option<&Decision>| {
            decision.map_or("nothing more".to_owned(), Decision::to_string)
        };
        let (one, other) = (original.list.get(index), safe.list.get(index));
        let arrival = one.or(other).map_or(0, |decision| decision.arrival);
        let call = arrival_text(trace, arrival);
        return Some(Difference {
            filter,
            arrival,
            call,
            original: shown(one),
            safe: shown(other),
        });
    }
    let exact = lengths == Lengths::Exact && original.diverged != safe.diverged;
    if exact || original.arrivals != safe.arrivals {
        let shown = |played: &Decisions| {
            format!("{} arrivals, {} results not as recorded", played.arrivals, played.diverged)
        };
        let (original, safe) = (shown(original), shown(safe));
        return Some(Difference { filter, arrival: 0, call: String::new(), original, safe });
    }
    None
}

/// An arrival of the original trace as text.
fn arrival_text(trace: &Trace, arrival: u64) -> String {
    let mut calls: Vec<&CallRecord> = Vec::new();
    let mut ops: Vec<&OpRecord> = Vec::new();
    for record in &trace.records {
        match record {
            Record::Call(call) => calls.push(call),
            Record::Op(op) => ops.push(op),
            _ => {}
        }
    }
    calls.sort_by_key(|call| call.seq_send);
    let index = usize::try_from(arrival.saturating_sub(1)).unwrap_or(usize::MAX);
    let call = calls.get(index).map(|call| text::record_line(&(*call).as_ref().into()));
    let op = || {
        let ordered = crate::wire_replay::order_of_effects(ops.clone());
        ordered.get(index).map(|op| text::record_line(&op.as_ref().into()))
    };
    call.or_else(op).unwrap_or_default()
}
