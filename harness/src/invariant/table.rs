//! The names that findings of a simulation carry, and what each says.

/// Every invariant by the name that reports use, with the sentence that does not hold when it is
/// found. The last seven are judged by the simulation itself, whatever invariants are chosen.
///
/// ```
/// use fuserig::invariant::{self, Invariant};
/// let name = invariant::read_only().name().to_owned();
/// assert!(invariant::KNOWN.iter().any(|(known, _)| *known == name));
/// ```
pub const KNOWN: &[(&str, &str)] = &[
    ("balance", "every lookup that the daemon was told of is given back by FORGET, and no other"),
    ("cost_bound", "no call of the filter costs more instructions than its bound"),
    ("no_data_lost", "what was written is read again until it is overwritten, cut off or removed"),
    ("errno_envelope", "a call fails only with errors that Linux documents for it"),
    ("tells_errors", "a call says what went wrong below it, or what the daemon refused it with"),
    ("never_visible", "no client sees the name, by whatever call"),
    ("hides_only", "no name is hidden but those that are meant"),
    ("never_listed", "no listing shows the name"),
    ("within_quota", "every user may use what the quota allows, and no more"),
    ("never_setid", "nothing becomes setuid or setgid"),
    ("ends_at", "no file gets longer than that"),
    ("guards", "attributes of that name cannot be read, set or removed"),
    ("keeps_out", "the user opens nothing"),
    ("no_interference", "clients that share nothing get what each alone would get"),
    ("no_leak", "nothing of the kernel is held when everything is closed"),
    ("linearizable", "overlapping calls have results of some order of them, one after the other"),
    ("atomic_changes", "changes that overlap leave what some order of them leaves"),
    ("read_only", "the lower tree is the same before and after"),
    ("posix", "a call does what POSIX and its manual page say, without a filter"),
    ("transparent", "every call ends as it would without the filter"),
    ("refuses_only", "before the filter refuses a call, each ends as it would without it"),
    ("redacts_only", "each call ends as without the filter, but for names in listings"),
    ("twins_agree", "two filters that should decide alike do"),
    ("agrees_with", "every call ends as with the filter that is right"),
    ("durable", "what was synced is there after a loss of power, and what was removed is not"),
    ("atomic_names", "after a loss of power each name is the old one or the new one"),
    ("corridor", "each request goes the way that the codes of its filter ask for"),
    ("locked", "each request is made with the locks that Linux holds around it, taken in order"),
    ("no_panic", "no code panics: the filter, what is below or beside it, what judges it"),
    ("no_crash", "the modelled kernel does not crash"),
    ("no_hang", "every call returns"),
    ("no_deadlock", "nobody waits for somebody who waits for him"),
    ("step_limit", "the run ends within its number of steps"),
    ("deterministic", "the same case does the same twice"),
];
