//! The rules: an id each, and what it looks for.

/// A rule that compares two descriptions.
///
/// ```
/// use fuserig_abi::diff::RULES;
/// assert!(RULES.iter().any(|rule| rule.id == "member-removed"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The first part of the ids of its changes; it never changes in meaning.
    pub id: &'static str,
    /// What it looks for.
    pub about: &'static str,
}

const fn rule(id: &'static str, about: &'static str) -> Rule {
    Rule { id, about }
}

/// Every rule, in the order of the subjects. All of them run over every pair.
pub const RULES: &[Rule] = &[
    rule("ops-removed", "a struct_ops type is gone"),
    rule("ops-added", "a struct_ops type is new"),
    rule("attach-kind", "filters are attached in another way"),
    rule("ops-size", "the struct of callbacks has another length"),
    rule("members-limit", "there are more members than the kernel registers"),
    rule("member-removed", "a member is gone"),
    rule("member-renamed", "a member has another name at the same place"),
    rule("member-added", "a member is new, behind all others"),
    rule("member-inserted", "a member is new, among others that moved"),
    rule("members-moved", "members are at other offsets"),
    rule("members-swapped", "members took each other's places"),
    rule("member-kind", "a program became data, or the other way round"),
    rule("member-default", "leaving a member out means something else"),
    rule("member-opcode", "a member is called with another opcode"),
    rule("data-member-kind", "a data member is of another kind"),
    rule("data-member-size", "a data member, such as the name, has another size"),
    rule("data-member-type", "a data member has another type of the same size"),
    rule("return-type", "a callback returns another type"),
    rule("args-added", "arguments were appended"),
    rule("args-removed", "the last arguments are gone"),
    rule("args-shifted", "an argument was added or removed in the middle"),
    rule("args-swapped", "arguments changed places"),
    rule("args-limit", "there are more arguments than registers"),
    rule("arg-type", "an argument has another type"),
    rule("arg-const-added", "an argument gained const"),
    rule("arg-const-removed", "an argument lost const"),
    rule("arg-renamed", "an argument has another name"),
    rule("struct-removed", "a struct is gone"),
    rule("struct-added", "a struct is new"),
    rule("struct-kind", "a struct became a union, or the other way round"),
    rule("struct-grown", "a struct is longer"),
    rule("struct-shrunk", "a struct is shorter"),
    rule("field-removed", "a field is gone"),
    rule("field-added", "a field is new"),
    rule("field-renamed", "a field has another name at the same place"),
    rule("fields-moved", "fields are at other offsets"),
    rule("fields-swapped", "fields took each other's places"),
    rule("field-size", "a number has another width"),
    rule("field-sign", "a number has another sign"),
    rule("field-bits", "a bit field has another width"),
    rule("field-kind", "a field is of another kind"),
    rule("field-pointee", "a field points at or holds another type"),
    rule("field-type-name", "a number has another name for its type"),
    rule("field-elements", "an array has elements of another width, sign or name"),
    rule("field-array-len", "an array has another number of elements"),
    rule("field-const-added", "a field gained const"),
    rule("field-const-removed", "a field lost const"),
    rule("enum-removed", "an enumeration is gone"),
    rule("enum-added", "an enumeration is new"),
    rule("enum-size", "an enumeration has another width"),
    rule("enumerator-removed", "an enumerator is gone"),
    rule("enumerator-added", "an enumerator is new"),
    rule("enumerator-renamed", "an enumerator has another name for the same number"),
    rule("enumerator-renumbered", "an enumerator is another number"),
    rule("kfunc-removed", "a kernel function is gone"),
    rule("kfunc-added", "a kernel function is new"),
    rule("kfunc-renamed", "a kernel function has another name"),
    rule("kfunc-signature", "a kernel function takes other kinds of arguments"),
    rule("kfunc-number", "a kernel function takes or returns a number of another width or sign"),
    rule("kfunc-pointee", "a kernel function takes or returns a pointer to another type"),
    rule("kfunc-suffix", "a parameter has another suffix for the verifier"),
    rule("kfunc-const", "an argument of a kernel function gained or lost const"),
    rule("kfunc-flags", "a kernel function is registered with other flags"),
    rule("kfunc-prog-types", "a kernel function is registered for other program types"),
    rule("kfunc-semantics", "a kernel function does something else"),
    rule("constant-removed", "a named number is gone"),
    rule("constant-added", "a named number is new"),
    rule("constant-renamed", "a named number has another name"),
    rule("constant-changed", "a named number is another number"),
    rule("code-removed", "a return code is gone"),
    rule("code-added", "a return code is new"),
    rule("code-renamed", "a return code has another name"),
    rule("code-renumbered", "a return code is another number"),
    rule("code-range", "a range of return codes has another border"),
    rule("code-meaning", "a return code does something else"),
    rule("helper-removed", "a helper may no longer be called"),
    rule("helper-added", "a helper may be called now"),
    rule("rule-removed", "a rule of behaviour no longer holds"),
    rule("rule-added", "a rule of behaviour is new"),
    rule("rule-changed", "a rule of behaviour is another"),
    rule("quirk-removed", "a known oddity is gone"),
    rule("quirk-added", "a known oddity is new"),
    rule("quirk-changed", "a known oddity is another"),
];
