//! Which filter in C has which twin in Rust.
//!
//! Each filter of `filters/bpf` is written a second time in this module's neighbours. The two
//! should decide alike in everything, and disagreement is how mistakes of either are found. Loads
//! nothing. What a reader would get wrong: a number that an object has in a constant is the
//! parameter of its twin, so that either follows the other; a pattern is no constant, and an
//! object that hides has a twin with the pattern that it was compiled with alone.

use std::borrow::Cow;

use crate::object::{constant, with_constant};

/// A filter in C.
#[derive(Clone, Copy, Debug)]
struct Twin {
    /// The name that its object registers.
    object: &'static str,
    /// The specification of its twin, without the number that is a constant of the object.
    builtin: &'static str,
    /// The constant with the twin's parameter.
    constant: Option<&'static str>,
    /// The object, with the filters of its file.
    bytes: &'static [u8],
}

macro_rules! constant {
    () => {
        None
    };
    ($name:literal) => {
        Some($name)
    };
}

macro_rules! twins {
    ($($object:literal in $file:literal is $builtin:literal $(with $constant:literal)?;)*) => {
        &[$(Twin {
            object: $object,
            builtin: $builtin,
            constant: constant!($($constant)?),
            bytes: include_bytes!(concat!("../../bpf/", $file, ".o")),
        }),*]
    };
}

static TWINS: &[Twin] = twins! {
    "hide_names" in "hide_names" is "hide:.*";
    "redact_list" in "redact_list" is "redact:*.key";
    "read_only" in "read_only" is "readonly";
    "deny_uid" in "deny_uid" is "deny_uid" with "denied_uid";
    "media_view" in "media_view" is "media_view";
    "audit_ring" in "audit_ring" is "audit_ring";
    "alias_lookup" in "alias_lookup" is "alias_lookup";
    "xattr_guard" in "xattr_guard" is "xattr_guard";
    "write_limit" in "write_limit" is "write_limit" with "limit";
    "uid_quota" in "uid_quota" is "uid_quota" with "creations_max";
    "strip_setid" in "strip_setid" is "strip_setid";
    "trace_ops" in "selftests" is "trace_ops";
    "test_trace_ops" in "selftests" is "test_trace_ops";
    "readdir_redact" in "selftests" is "readdir_redact";
    "test_hidden" in "selftests" is "test_hidden";
    "test_error" in "selftests" is "test_error";
    "readdir_plus" in "selftests" is "readdir_plus";
    "passthrough" in "selftests" is "passthrough";
    "lookup_post" in "selftests" is "lookup_post";
};

/// The specification of the [built-in](crate::builtin) filter that decides as the library's object
/// of that registered name, with the numbers that this one has in its constants; none for the name
/// of somebody else's.
///
/// ```
/// use fuserig_filters::{twin_of_builtin, twin_of_object};
/// assert_eq!(twin_of_object("hide_names", b""), Some("hide:.*".to_owned()));
/// assert_eq!(twin_of_object("mine", b""), None);
/// let (name, object) = twin_of_builtin("write_limit:512").expect("written in C as well");
/// assert_eq!(twin_of_object(name, &object), Some("write_limit:512".to_owned()));
/// ```
pub fn twin_of_object(name: &str, object: &[u8]) -> Option<String> {
    let twin = TWINS.iter().find(|twin| twin.object == name)?;
    match twin.constant {
        Some(name) => Some(format!("{}:{}", twin.builtin, constant(object, name)?)),
        None => Some(twin.builtin.to_owned()),
    }
}

/// The object that decides as a built-in filter, with its parameter in its constant, and the name
/// that it registers; none where no object does.
///
/// ```
/// use fuserig_filters::twin_of_builtin;
/// let (name, _object) = twin_of_builtin("readonly").expect("written in C as well");
/// assert_eq!(name, "read_only");
/// assert!(twin_of_builtin("hide:other").is_none());
/// ```
pub fn twin_of_builtin(spec: &str) -> Option<(&'static str, Cow<'static, [u8]>)> {
    let of = |twin: &Twin| {
        let Some(constant) = twin.constant else {
            return (twin.builtin == spec).then_some(Cow::Borrowed(twin.bytes));
        };
        let (name, number) = spec.split_once(':')?;
        let number = number.parse().ok().filter(|_| name == twin.builtin)?;
        Some(Cow::Owned(with_constant(twin.bytes, constant, number)?))
    };
    TWINS.iter().find_map(|twin| Some((twin.object, of(twin)?)))
}
