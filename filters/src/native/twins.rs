//! Which filter in C has which twin in Rust.
//!
//! Each filter of `filters/bpf` is written a second time in this module's neighbours. The two
//! should decide alike in everything, and disagreement is how mistakes of either are found. Knows
//! names and bytes, and loads nothing. A reader would get wrong the direction: a built-in filter
//! has a twin only with the parameters that its object was compiled with.

/// A filter in C.
#[derive(Clone, Copy, Debug)]
struct Twin {
    /// The name that its object registers.
    object: &'static str,
    /// The specification of its twin.
    builtin: &'static str,
    /// The object, with the filters of its file.
    bytes: &'static [u8],
}

macro_rules! twins {
    ($($object:literal in $file:literal is $builtin:literal;)*) => {
        &[$(Twin {
            object: $object,
            builtin: $builtin,
            bytes: include_bytes!(concat!("../../bpf/", $file, ".o")),
        }),*]
    };
}

static TWINS: &[Twin] = twins! {
    "hide_names" in "hide_names" is "hide:.*";
    "redact_list" in "redact_list" is "redact:*.key";
    "read_only" in "read_only" is "readonly";
    "deny_uid" in "deny_uid" is "deny_uid:1000";
    "media_view" in "media_view" is "media_view";
    "audit_ring" in "audit_ring" is "audit_ring";
    "alias_lookup" in "alias_lookup" is "alias_lookup";
    "xattr_guard" in "xattr_guard" is "xattr_guard";
    "write_limit" in "write_limit" is "write_limit:1048576";
    "uid_quota" in "uid_quota" is "uid_quota:8";
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
/// of that registered name; none for the name of somebody else's.
///
/// ```
/// use fuserig_filters::twin_of_object;
/// assert_eq!(twin_of_object("hide_names"), Some("hide:.*"));
/// assert_eq!(twin_of_object("mine"), None);
/// ```
pub fn twin_of_object(name: &str) -> Option<&'static str> {
    TWINS.iter().find(|twin| twin.object == name).map(|twin| twin.builtin)
}

/// The object that decides as a built-in filter, and the name that it registers; none where the
/// parameters are not those that it was compiled with.
///
/// ```
/// use fuserig_filters::twin_of_builtin;
/// let (name, _object) = twin_of_builtin("readonly").expect("written in C as well");
/// assert_eq!(name, "read_only");
/// assert!(twin_of_builtin("hide:other").is_none());
/// ```
pub fn twin_of_builtin(spec: &str) -> Option<(&'static str, &'static [u8])> {
    TWINS.iter().find(|twin| twin.builtin == spec).map(|twin| (twin.object, twin.bytes))
}
