//! The worked filters by name, for the command line.
//!
//! A specification is `NAME` or `NAME:PARAMETERS`. Knows the filters of this module and no
//! file: BPF objects are loaded elsewhere. A reader would get wrong the colon: the first one
//! separates, so parameters may contain more of them.

use fuserig_abi::Uid;

use super::{
    Audit, LimitError, PatternError, Patterns, QuotaLimits, alias_lookup, audit_ring, deny_uid,
    hide, media_view, quota, readonly, redact, selftest, strip_setid, uid_quota, write_limit,
    xattr_guard,
};
use crate::Filter;

/// A filter that can be named on the command line.
///
/// ```
/// use fuserig_filters::builtins;
/// let hide = builtins().iter().find(|filter| filter.name == "hide").expect("there");
/// assert_eq!(hide.parameters, "PATTERN[,PATTERN...]");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// The name before the colon, under which the filter is registered as well.
    pub name: &'static str,
    /// What comes behind the colon; empty when nothing may.
    pub parameters: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    make: fn(&str) -> Result<Box<dyn Filter>, Problem>,
}

/// The parameters of one filter cannot be read; the caller knows which filter it is.
#[derive(Debug)]
enum Problem {
    Pattern(PatternError),
    Limit(LimitError),
    Number(String),
}

static BUILTINS: [Builtin; 21] = [
    Builtin {
        name: "hide",
        parameters: "PATTERN[,PATTERN...]",
        about: "names that match cannot be found, listed, created or removed",
        make: |text| Ok(Box::new(hide(patterns(text)?))),
    },
    Builtin {
        name: "readonly",
        parameters: "",
        about: "every change is refused with EROFS",
        make: |_| Ok(Box::new(readonly())),
    },
    Builtin {
        name: "redact",
        parameters: "PATTERN[,PATTERN...]",
        about: "names that match are shown as xxxx in listings and stay reachable",
        make: |text| Ok(Box::new(redact(patterns(text)?))),
    },
    Builtin {
        name: "audit",
        parameters: "",
        about: "prints one line for every operation and changes nothing",
        make: |_| Ok(Box::new(Audit::new())),
    },
    Builtin {
        name: "quota",
        parameters: "BYTES[,FILES]",
        about: "counts bytes written and files created by each user; EDQUOT beyond the limits",
        make: |text| Ok(Box::new(quota(QuotaLimits::parse(text).map_err(Problem::Limit)?))),
    },
    Builtin {
        name: "deny_uid",
        parameters: "UID",
        about: "the user may open, create and ask for nothing; EACCES",
        make: |text| Ok(Box::new(deny_uid(Uid(number(text)?)))),
    },
    Builtin {
        name: "write_limit",
        parameters: "BYTES",
        about: "files end at so many bytes; EFBIG beyond, and nothing is opened for appending",
        make: |text| Ok(Box::new(write_limit(number(text)?))),
    },
    Builtin {
        name: "uid_quota",
        parameters: "COUNT",
        about: "each user creates so many files and directories; EDQUOT beyond",
        make: |text| Ok(Box::new(uid_quota(number(text)?))),
    },
    Builtin {
        name: "alias_lookup",
        parameters: "",
        about: "the name `current` is looked up as `v1`",
        make: |_| Ok(Box::new(alias_lookup())),
    },
    Builtin {
        name: "media_view",
        parameters: "",
        about: "the daemon decides about the lookup of what not everybody may read",
        make: |_| Ok(Box::new(media_view())),
    },
    Builtin {
        name: "xattr_guard",
        parameters: "",
        about: "attributes `user.guard.*` cannot be read, set or removed",
        make: |_| Ok(Box::new(xattr_guard())),
    },
    Builtin {
        name: "strip_setid",
        parameters: "",
        about: "nothing becomes setuid or setgid",
        make: |_| Ok(Box::new(strip_setid())),
    },
    Builtin {
        name: "audit_ring",
        parameters: "",
        about: "reports opens, creations and removals in a ring buffer and changes nothing",
        make: |_| Ok(Box::new(audit_ring())),
    },
    Builtin {
        name: "trace_ops",
        parameters: "",
        about: "selftest: prints a word an operation; asks the daemon at lookups in the root",
        make: |_| Ok(of_selftests("trace_ops")),
    },
    Builtin {
        name: "test_trace_ops",
        parameters: "",
        about: "selftest: serves `real`, `partial` and a few more below, the daemon the rest",
        make: |_| Ok(of_selftests("test_trace_ops")),
    },
    Builtin {
        name: "readdir_redact",
        parameters: "",
        about: "selftest: the daemon filters every directory listing",
        make: |_| Ok(of_selftests("readdir_redact")),
    },
    Builtin {
        name: "test_hidden",
        parameters: "",
        about: "selftest: the name `hide` cannot be found",
        make: |_| Ok(of_selftests("test_hidden")),
    },
    Builtin {
        name: "test_error",
        parameters: "",
        about: "selftest: changes errors of mkdir, lets the daemon change those of lookup",
        make: |_| Ok(of_selftests("test_error")),
    },
    Builtin {
        name: "readdir_plus",
        parameters: "",
        about: "selftest: the daemon lists directories",
        make: |_| Ok(of_selftests("readdir_plus")),
    },
    Builtin {
        name: "passthrough",
        parameters: "",
        about: "selftest: what is looked up loses its filter, and the daemon may redirect it",
        make: |_| Ok(of_selftests("passthrough")),
    },
    Builtin {
        name: "lookup_post",
        parameters: "",
        about: "selftest: the daemon sees every lookup afterwards",
        make: |_| Ok(of_selftests("lookup_post")),
    },
];

fn of_selftests(name: &str) -> Box<dyn Filter> {
    selftest(name).expect("the table names filters that the selftests have")
}

fn number<N: core::str::FromStr>(text: &str) -> Result<N, Problem> {
    text.parse().map_err(|_error| Problem::Number(text.to_owned()))
}

fn patterns(text: &str) -> Result<Patterns, Problem> {
    Patterns::parse(text).map_err(Problem::Pattern)
}

/// The filters that [`builtin`] knows, in the order of help texts.
pub fn builtins() -> &'static [Builtin] {
    &BUILTINS
}

/// The filter of a specification.
///
/// ```
/// use fuserig_filters::builtin;
/// assert_eq!(builtin("hide:.*,*.tmp").expect("well-formed").name(), "hide");
/// let error = builtin("hide:a*b").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "hide: read pattern at byte 1: a star stands only at one end: PREFIX* or *SUFFIX"
/// );
/// ```
///
/// # Errors
/// An unknown name, or parameters that are missing, superfluous or wrong.
pub fn builtin(spec: &str) -> Result<Box<dyn Filter>, UnknownFilter> {
    let (name, text) = match spec.split_once(':') {
        Some((name, text)) => (name, Some(text)),
        None => (spec, None),
    };
    let Some(builtin) = BUILTINS.iter().find(|builtin| builtin.name == name) else {
        return Err(UnknownFilter::Name { name: name.to_owned() });
    };
    let &Builtin { name, parameters, make, .. } = builtin;
    match text {
        None if !parameters.is_empty() => Err(UnknownFilter::Missing { name, parameters }),
        Some(_) if parameters.is_empty() => Err(UnknownFilter::Superfluous { name }),
        text => make(text.unwrap_or("")).map_err(|problem| match problem {
            Problem::Pattern(source) => UnknownFilter::Pattern { name, source },
            Problem::Limit(source) => UnknownFilter::Limit { name, source },
            Problem::Number(text) => UnknownFilter::Number { name, text, parameters },
        }),
    }
}

/// Why a specification names no filter.
///
/// ```
/// use fuserig_filters::{UnknownFilter, builtin};
/// let error = builtin("hdie:x").unwrap_err();
/// assert_eq!(error, UnknownFilter::Name { name: "hdie".to_owned() });
/// assert_eq!(error.to_string(), "no built-in filter is called `hdie`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFilter {
    /// No filter has that name.
    #[error("no built-in filter is called `{name}`")]
    Name {
        /// What stands before the colon.
        name: String,
    },
    /// A filter that needs parameters got none.
    #[error("{name} needs parameters; write `{name}:{parameters}`")]
    Missing {
        /// The filter.
        name: &'static str,
        /// What it wants.
        parameters: &'static str,
    },
    /// A filter without parameters got some.
    #[error("{name} takes no parameters; write `{name}`")]
    Superfluous {
        /// The filter.
        name: &'static str,
    },
    /// A pattern cannot be read.
    #[error("{name}: {source}")]
    Pattern {
        /// The filter.
        name: &'static str,
        /// The pattern and what is wrong with it.
        source: PatternError,
    },
    /// A limit cannot be read.
    #[error("{name}: {source}")]
    Limit {
        /// The filter.
        name: &'static str,
        /// The limit and what is wrong with it.
        source: LimitError,
    },
    /// A number cannot be read.
    #[error("{name}: `{text}` is no number in range; write `{name}:{parameters}` in digits")]
    Number {
        /// The filter.
        name: &'static str,
        /// What stands behind the colon.
        text: String,
        /// What it wants.
        parameters: &'static str,
    },
}
