//! Kernel functions: gone, new, renamed, of another signature, with other flags.

use super::names::matched;
use super::{Change, Rungs, Touches};
use crate::spec::{AbiSpec, KfuncSpec, Prototype, TypeRef};

const NONE: (Rungs, Rungs) = (Rungs::empty(), Rungs::empty());
const SOURCE: (Rungs, Rungs) = same(Rungs::SOURCE);
const VERIFY: (Rungs, Rungs) = same(Rungs::VERIFY);
const BEHAVIOUR: (Rungs, Rungs) = same(Rungs::BEHAVIOUR);
const SOURCE_LOAD: (Rungs, Rungs) = same(Rungs::SOURCE.union(Rungs::LOAD));
const SOURCE_VERIFY: (Rungs, Rungs) = same(Rungs::SOURCE.union(Rungs::VERIFY));
const SOURCE_BEHAVIOUR: (Rungs, Rungs) = same(Rungs::SOURCE.union(Rungs::BEHAVIOUR));

const fn same(rungs: Rungs) -> (Rungs, Rungs) {
    (rungs, rungs)
}

/// Suffixes of parameters that the verifier reads.
const SUFFIXES: [&str; 8] =
    ["__sz", "__szk", "__k", "__ign", "__uninit", "__alloc", "__opt", "__nullable"];

fn change(rule: &'static str, kfunc: &KfuncSpec, title: impl Into<String>) -> Change {
    Change::new(rule, &kfunc.name, title).touches(Touches::Kfunc(kfunc.name.clone()))
}

pub(super) fn compare(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let renamed = |was: &KfuncSpec, is: &KfuncSpec| {
        was.prototype.bare() == is.prototype.bare() && was.semantics == is.semantics
    };
    let found = matched(&old.kfuncs, &new.kfuncs, |kfunc| &kfunc.name, renamed);
    let unknown = "libbpf finds no such function in the kernel and refuses the object, unless the \
                   filter declares it weak and asks before it calls.";
    for gone in &found.removed {
        changes.push(
            change("kfunc-removed", gone, format!("`{}` is gone", gone.name))
                .sides(&gone.prototype, "")
                .forward(SOURCE_LOAD, unknown)
                .backward(NONE, "New filters do not call it."),
        );
    }
    for added in &found.added {
        changes.push(
            change("kfunc-added", added, format!("`{}` is new", added.name))
                .sides("", &added.prototype)
                .forward(NONE, "Old filters do not call it.")
                .backward(SOURCE_LOAD, unknown),
        );
    }
    for (was, is) in &found.renamed {
        changes.push(
            change("kfunc-renamed", was, format!("it is now `{}`", is.name))
                .sides(&was.name, &is.name)
                .both(SOURCE_LOAD, unknown),
        );
    }
    for (was, is) in &found.common {
        signature(was, is, changes);
    }
}

fn signature(was: &KfuncSpec, is: &KfuncSpec, changes: &mut Vec<Change>) {
    let (old, new) = (&was.prototype, &is.prototype);
    if old == new {
        return;
    }
    let kinds = |prototype: &Prototype| -> Vec<&'static str> {
        let types = prototype.params.iter().map(|param| param.ty.kind());
        std::iter::once(prototype.ret.kind()).chain(types).collect()
    };
    let (old_bare, new_bare) = (old.bare(), new.bare());
    let (rule, title, rungs, who) = if kinds(old) != kinds(new) {
        (
            "kfunc-signature",
            "it has another number or kind of arguments",
            SOURCE_LOAD,
            "libbpf compares the number and the kinds of arguments and refuses the object.",
        )
    } else if old_bare != new_bare && numbers_only(&old_bare, &new_bare) {
        (
            "kfunc-number",
            "a number has another width or sign",
            SOURCE_BEHAVIOUR,
            "libbpf takes every integer for every other; the value is cut off or extended.",
        )
    } else if old_bare != new_bare {
        (
            "kfunc-pointee",
            "a pointer points at another type",
            SOURCE_VERIFY,
            "libbpf does not compare what pointers point at; the verifier does.",
        )
    } else if suffixes(old) != suffixes(new) {
        (
            "kfunc-suffix",
            "the suffix of a parameter changed",
            VERIFY,
            "The verifier reads the suffix: an argument that was accepted is not any more.",
        )
    } else {
        constness(is, old, new, changes);
        return;
    };
    changes.push(change(rule, is, title).sides(old, new).both(rungs, who));
}

fn numbers_only(old: &[TypeRef], new: &[TypeRef]) -> bool {
    let pairs = old.iter().zip(new).filter(|(was, is)| was != is);
    pairs.into_iter().all(|(was, _)| matches!(was.kind(), "integer" | "enum"))
}

fn suffixes(prototype: &Prototype) -> Vec<Option<&'static str>> {
    let suffix = |name: &str| SUFFIXES.into_iter().find(|suffix| name.ends_with(suffix));
    prototype.params.iter().map(|param| suffix(&param.name)).collect()
}

fn constness(is: &KfuncSpec, old: &Prototype, new: &Prototype, changes: &mut Vec<Change>) {
    let consts = |prototype: &Prototype| -> Vec<bool> {
        prototype.params.iter().map(|param| param.ty.points_to_const()).collect()
    };
    let (was, now) = (consts(old), consts(new));
    if was == now {
        return;
    }
    let lost = was.iter().zip(&now).any(|(was, now)| *was && !*now);
    let passes = "Source that passes a const pointer no longer compiles without a cast.";
    let fine = "What is passed is accepted.";
    let change = change("kfunc-const", is, "an argument gained or lost const").sides(old, new);
    changes.push(if lost {
        change.forward(SOURCE, passes).backward(NONE, fine)
    } else {
        change.forward(NONE, fine).backward(SOURCE, passes)
    });
}

/// Flags, program types and meaning, where both sides know them.
pub(super) fn flags(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let found = matched(&old.kfuncs, &new.kfuncs, |kfunc| &kfunc.name, |_, _| false);
    let joined = |set: &std::collections::BTreeSet<String>| {
        let names: Vec<&str> = set.iter().map(String::as_str).collect();
        names.join(" ")
    };
    for (was, is) in found.common {
        if was.flags != is.flags {
            let stricter = !is.flags.is_subset(&was.flags);
            let laxer = !was.flags.is_subset(&is.flags);
            let asks = "A flag asks more of the caller: trusted arguments, a lock, a NULL check.";
            let fine = "Nothing more is asked of the caller.";
            let side = |strict| if strict { VERIFY } else { NONE };
            let who = |strict| if strict { asks } else { fine };
            changes.push(
                change("kfunc-flags", is, "it is registered with other flags")
                    .sides(joined(&was.flags), joined(&is.flags))
                    .forward(side(stricter), who(stricter))
                    .backward(side(laxer), who(laxer)),
            );
        }
        if was.prog_types != is.prog_types {
            let lost = !was.prog_types.is_subset(&is.prog_types);
            let gained = !is.prog_types.is_subset(&was.prog_types);
            let refused = "Programs of a type it is not registered for may not call it.";
            let fine = "Every type that could call it can.";
            let side = |refuses| if refuses { VERIFY } else { NONE };
            let who = |refuses| if refuses { refused } else { fine };
            changes.push(
                change("kfunc-prog-types", is, "it is registered for other program types")
                    .sides(joined(&was.prog_types), joined(&is.prog_types))
                    .forward(side(lost), who(lost))
                    .backward(side(gained), who(gained)),
            );
        }
        if was.semantics != is.semantics {
            changes.push(
                change("kfunc-semantics", is, "it does something else")
                    .sides(&was.semantics, &is.semantics)
                    .both(BEHAVIOUR, "The call is accepted and does something else."),
            );
        }
    }
}
