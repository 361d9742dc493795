//! What a kernel asks of a struct that is registered, as far as no type information says it.
//!
//! One row a struct_ops type. What a reader would get wrong: a type that is not here is not free
//! of such rules; they are not known, and nothing is said about them.

/// The rules for one struct_ops type.
pub(super) struct Registration {
    /// The type.
    pub(super) type_name: &'static str,
    /// Of each group one callback must be set.
    pub(super) required: &'static [&'static [&'static str]],
    /// Data that the kernel takes from a filter; any other that is not zero is refused.
    pub(super) data: &'static [&'static str],
    /// The member that holds the name it is registered under.
    pub(super) name: Option<&'static str>,
    /// Callbacks that no program may serve.
    pub(super) unsupported: &'static [&'static str],
    /// Whether the type is there for tests, and nothing of it can be registered.
    pub(super) never: bool,
}

/// Every type whose rules are known.
const KNOWN: [Registration; 4] = [
    // SEMANTICS 6.3, REG-4 (v3 28/37): no callback is needed, and only the name is data.
    Registration { name: Some("name"), data: &["name"], ..unruled("fuse_ops") },
    Registration { name: Some("name"), data: &["name"], ..unruled("fuse_grouped_ops") },
    // Linux 5.6 and later, net/ipv4/bpf_tcp_ca.c and tcp_cong.c; observed on 6.18.
    Registration {
        required: &[&["ssthresh"], &["undo_cwnd"], &["cong_avoid", "cong_control"]],
        data: &["name", "flags"],
        name: Some("name"),
        unsupported: &["get_info"],
        ..unruled("tcp_congestion_ops")
    },
    // Linux 5.17 and later, net/bpf/bpf_dummy_struct_ops.c; observed on 6.18.
    Registration { never: true, ..unruled("bpf_dummy_ops") },
];

const fn unruled(type_name: &'static str) -> Registration {
    Registration { type_name, required: &[], data: &[], name: None, unsupported: &[], never: false }
}

impl Registration {
    /// The rules for a type, where they are known.
    pub(super) fn of(type_name: &str) -> Option<&'static Registration> {
        KNOWN.iter().find(|known| known.type_name == type_name)
    }
}

/// What is wrong with the text of a name member; nothing when the kernel takes it. The text is
/// none when there is no NUL within the member.
pub(super) fn name_problem(text: Option<&str>) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    match text {
        None => Some("has no room for its NUL, or is no text"),
        Some("") => Some("is empty"),
        Some(text) if !text.bytes().all(allowed) => {
            Some("has a byte that is no letter, digit, `_` or `.`")
        }
        Some(_) => None,
    }
}
