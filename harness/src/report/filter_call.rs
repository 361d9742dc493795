//! A call of a filter as a report shows it: every argument before and after.

/// One call of a member of a filter.
///
/// ```
/// use fuserig::report::FilterCall;
/// let call = FilterCall { member: "lookup_prefilter".into(), ..FilterCall::default() };
/// assert!(call.arguments.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilterCall {
    /// The member.
    pub member: String,
    /// What it answered, as the modelled kernel reads it.
    pub answer: String,
    /// What it was given, meta first.
    pub arguments: Vec<Argument>,
}

/// One argument of a call, when the member was called and when it returned.
///
/// ```
/// use fuserig::report::Argument;
/// let name = Argument { name: "name".into(), before: ["\"a\"".into(), String::new()],
///     after: ["\"b\"".into(), String::new()] };
/// assert!(name.is_changed());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Argument {
    /// Its name in the ABI.
    pub name: String,
    /// Its value, and the state of its buffer (empty for a struct), before the call.
    pub before: [String; 2],
    /// The same afterwards.
    pub after: [String; 2],
}

impl Argument {
    /// Whether the call changed anything of it.
    pub fn is_changed(&self) -> bool {
        self.before != self.after
    }
}
