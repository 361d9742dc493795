//! What was replaced, what was left out, and what can still be told.

use core::fmt;

use super::{Lengths, Policy};

/// What became of a trace.
///
/// ```
/// use fuserig_traces::anonymise::{Policy, anonymise};
/// use fuserig_traces::Trace;
/// let nothing = Trace::default();
/// let (_, report) = anonymise(&nothing, &[7; 32], &Policy::default(), &mut |_, _| {
///     Err("there is no tree".into())
/// })?;
/// assert_eq!((report.names, report.data_bytes), (0, 0));
/// assert!(report.linkable().any(|sentence| sentence.contains("lengths")));
/// # Ok::<(), fuserig_traces::anonymise::AnonymiseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnonymiseReport {
    policy: Policy,
    /// Different names that were replaced.
    pub names: usize,
    /// Users and groups that were replaced.
    pub ids: usize,
    /// Clients that were numbered anew.
    pub clients: usize,
    /// Bytes of data that were cleared.
    pub data_bytes: u64,
    /// Records of stages and of requests that a replay makes again, left out.
    pub derived: u64,
    /// Notes and notifications that were left out.
    pub notes: u64,
    /// Fields of the header that were left out or cleared.
    pub header_fields: Vec<String>,
}

impl AnonymiseReport {
    pub(super) fn new(policy: &Policy) -> AnonymiseReport {
        AnonymiseReport {
            policy: policy.clone(),
            names: 0,
            ids: 0,
            clients: 0,
            data_bytes: 0,
            derived: 0,
            notes: 0,
            header_fields: Vec::new(),
        }
    }

    /// The first pass counted what the second counts again.
    pub(super) fn restart(&mut self) {
        (self.data_bytes, self.derived, self.notes) = (0, 0, 0);
        self.header_fields.clear();
    }

    /// What somebody with the trace and without the key can still tell or connect.
    pub fn linkable(&self) -> impl Iterator<Item = String> {
        let policy = &self.policy;
        let lengths = match policy.lengths {
            Lengths::Exact => "lengths of names, exactly".to_owned(),
            Lengths::Class => "classes of lengths of names".to_owned(),
            Lengths::Hidden => String::new(),
        };
        let kept = |kept: bool, text: &str| if kept { text.to_owned() } else { String::new() };
        let names = match policy.names.len() {
            0 => String::new(),
            count => format!("{count} names that were to be kept, wherever they stand"),
        };
        let sentences = [
            "the shape of directory trees, and which paths are the same path".to_owned(),
            "the same name under the same key, in this trace and in others".to_owned(),
            lengths,
            kept(policy.extensions, "extensions of names"),
            kept(policy.dots, "which names begin with a dot"),
            names,
            "sizes and offsets of files, reads and writes; which attributes are set".to_owned(),
            "modes, link counts, inode numbers, handles and descriptors".to_owned(),
            "order and distance in time of everything".to_owned(),
            kept(policy.times, "dates"),
            kept(policy.ids, "users and groups"),
            kept(!policy.ids, "how many users there are, who owns what, and what root does"),
        ];
        sentences.into_iter().filter(|sentence| !sentence.is_empty())
    }
}

impl fmt::Display for AnonymiseReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "replaced")?;
        writeln!(out, "  {:>8} names", self.names)?;
        writeln!(out, "  {:>8} users and groups", self.ids)?;
        writeln!(out, "  {:>8} clients", self.clients)?;
        writeln!(out, "  {:>8} bytes of data by zeros", self.data_bytes)?;
        if self.derived + self.notes > 0 || !self.header_fields.is_empty() {
            writeln!(out, "left out")?;
        }
        if self.derived > 0 {
            writeln!(out, "  {:>8} requests and stages, which a replay makes again", self.derived)?;
        }
        if self.notes > 0 {
            writeln!(out, "  {:>8} notes and notifications", self.notes)?;
        }
        if !self.header_fields.is_empty() {
            writeln!(out, "           of the header: {}", self.header_fields.join(", "))?;
        }
        writeln!(out, "still to be told without the key")?;
        self.linkable().try_for_each(|sentence| writeln!(out, "  - {sentence}"))
    }
}
