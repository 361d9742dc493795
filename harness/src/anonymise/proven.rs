//! A trace made anonymous, and the proof that filters decide the same on it.

use fuserig_abi::Abi;
use fuserig_filters::Filter;
use fuserig_traces::anonymise::{AnonymiseError, AnonymiseReport, Lengths, Policy, anonymise};
use fuserig_traces::record::{CallRecord, OpRecord, Record};
use fuserig_traces::{Trace, text};

use super::decisions::{Decision, Decisions, Played, abi, decisions};
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
    /// Arrivals of which the proof says nothing certain; 0 unless [`Proving::partial`] allowed it.
    pub unproven: u64,
}

/// What has to be proven.
///
/// ```
/// use fuserig::anonymise::Proving;
/// let proving = Proving { filters: vec!["readonly".into()], ..Proving::default() };
/// assert!(!proving.partial);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proving {
    /// Filters that must decide the same on both traces, besides none and the one that the trace
    /// was recorded with.
    pub filters: Vec<String>,
    /// Whether arrivals may be left over whose outcome rests on what the trace does not show: what
    /// was before a recording that began within a session, and what the recorder cut. Filters are
    /// compared on these, too, but over a state that is a guess.
    pub partial: bool,
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
    /// What some arrivals did rests on what the trace does not show.
    #[error(
        "{unproven} of {arrivals} arrivals rest on what was before the recording, or were cut in \
         it: it cannot be proven that filters decide the same there\n  record the daemon from its \
         start and whole, or accept the proof of the others with --partial-proof"
    )]
    Unproven {
        /// How many.
        unproven: u64,
        /// Of how many.
        arrivals: u64,
    },
    /// A filter decides differently.
    #[error("{0}")]
    Decides(Box<Difference>),
}

/// Makes a trace anonymous and proves that filters decide the same on both. `watch` is told how
/// many arrivals of how many were played; the count begins anew with each replay.
///
/// ```
/// use fuserig::anonymise::{AnonymiseFailure, Proving, anonymise_proven};
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
/// let hidden = Proving { filters: vec!["hide:*.d".to_owned()], partial: false };
/// let hide = Policy::default();
/// let lost = anonymise_proven(&trace, &[7; 32], &hide, &hidden, make, &mut |_, _| {});
/// assert!(matches!(lost, Err(AnonymiseFailure::Decides(_))));
/// let keep = Policy { extensions: true, ..Policy::default() };
/// let kept = anonymise_proven(&trace, &[7; 32], &keep, &hidden, make, &mut |_, _| {})?;
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
    proving: &Proving,
    make: &mut MakeFilter<'_>,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Anonymised, AnonymiseFailure> {
    let (mut safe, report) = anonymise(trace, key, policy, &mut tree::rewrite)?;
    let mut specs = vec!["none".to_owned()];
    let recorded = [trace.header.filter.clone()];
    for spec in recorded.iter().chain(&proving.filters).filter(|spec| !spec.is_empty()) {
        if !specs.contains(spec) {
            specs.push(spec.clone());
        }
    }
    let as_recorded = if trace.header.filter.is_empty() { "none" } else { &trace.header.filter };
    let (mut proofs, mut unproven) = (Vec::new(), 0);
    for filter in &specs {
        // Only the replay with the filter of the recording can be as the recording.
        let played = if filter == as_recorded { Played::AsRecorded } else { Played::Otherwise };
        let original = play(trace, (filter, played), make, watch)?;
        let replaced = play(&safe, (filter, played), make, watch)?;
        let lengths = policy.lengths;
        if let Some(difference) = compare(trace, (filter, played), &original, &replaced, lengths) {
            return Err(AnonymiseFailure::Decides(Box::new(difference)));
        }
        if played == Played::AsRecorded {
            unproven = original.unjudged;
            check_judged(&original, proving)?;
        }
        proofs.push(Proof {
            filter: filter.clone(),
            arrivals: original.arrivals,
            decisions: original.list.len() as u64,
        });
    }
    // The parameters of the recorded filter may be names of the trace: they are written only for
    // who named them.
    let is_named = proving.filters.contains(&trace.header.filter);
    if is_named {
        safe.header.filter.clone_from(&trace.header.filter);
    }
    if let Some(anonymisation) = &mut safe.header.anonymisation {
        let shown = |spec: String| match spec == trace.header.filter && !is_named {
            true => spec.split(':').next().unwrap_or_default().to_owned(),
            false => spec,
        };
        anonymisation.filters = specs.into_iter().map(shown).collect();
        anonymisation.unproven = unproven;
    }
    Ok(Anonymised { trace: safe, report, proofs, unproven })
}

/// Fails when the replay of the original says too little about what the recording did.
fn check_judged(original: &Decisions, proving: &Proving) -> Result<(), AnonymiseFailure> {
    let Decisions { unjudged: unproven, arrivals, judged, .. } = *original;
    if judged == 0 && unproven > 0 {
        return Err(AnonymiseFailure::NothingToReplay);
    }
    if unproven > 0 && !proving.partial {
        return Err(AnonymiseFailure::Unproven { unproven, arrivals });
    }
    Ok(())
}

fn play(
    trace: &Trace,
    (spec, played): (&str, Played),
    make: &mut MakeFilter<'_>,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Decisions, AnonymiseFailure> {
    let filter = match spec {
        "none" => None,
        _ => make(spec, abi(&trace.header))
            .map_err(|message| AnonymiseFailure::Filter { filter: spec.to_owned(), message })?,
    };
    let decisions = decisions(trace, (filter, played), watch)
        .map_err(|message| AnonymiseFailure::Replay { filter: spec.to_owned(), message })?;
    decisions.ok_or(AnonymiseFailure::NothingToReplay)
}

/// The first difference. Without exact lengths a positive result, such as that of readlink, may be
/// another; whether a call fails, and how, may not.
fn compare(
    trace: &Trace,
    (filter, played): (&str, Played),
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
    let of = |played: &Decisions| (played.diverged, played.unjudged);
    let judged = lengths == Lengths::Exact && played == Played::AsRecorded;
    let exact = judged && of(original) != of(safe);
    if exact || original.arrivals != safe.arrivals {
        let shown = |played: &Decisions| {
            let Decisions { arrivals, diverged, unjudged, .. } = played;
            format!("{arrivals} arrivals, {diverged} not as recorded, {unjudged} not judged")
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
