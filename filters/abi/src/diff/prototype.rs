//! Prototypes of callbacks: arguments added, removed, swapped, of another type, const or not.

use super::{Change, Rungs, Touches};
use crate::spec::{Param, Prototype, TypeRef};

const NONE: Rungs = Rungs::empty();
const SOURCE: Rungs = Rungs::SOURCE;
const SOURCE_VERIFY: Rungs = SOURCE.union(Rungs::VERIFY);
const SOURCE_BEHAVIOUR: Rungs = SOURCE.union(Rungs::BEHAVIOUR);
/// Registers that the x86 trampoline of 2023 fills (SEMANTICS 6.1).
const ARGUMENTS_MAX: usize = 6;

/// What is compared: the member, and both of its prototypes.
struct Pair<'a> {
    ops: &'a str,
    member: &'a str,
    old: &'a Prototype,
    new: &'a Prototype,
}

pub(super) fn compare(
    ops: &str,
    member: &str,
    old: &Prototype,
    new: &Prototype,
    changes: &mut Vec<Change>,
) {
    if old == new {
        return;
    }
    let pair = Pair { ops, member, old, new };
    pair.ret(changes);
    pair.arguments(changes);
    pair.limit(changes);
}

impl Pair<'_> {
    fn change(&self, rule: &'static str, detail: &str, title: impl Into<String>) -> Change {
        Change::new(rule, format!("{}.{}{detail}", self.ops, self.member), title)
            .touches(Touches::Member(self.ops.to_owned(), self.member.to_owned()))
    }

    fn ret(&self, changes: &mut Vec<Change>) {
        let (old, new) = (&self.old.ret, &self.new.ret);
        if old.bare() == new.bare() {
            return;
        }
        let who = "The kernel reads the returned register as another type: its width and sign \
                   decide what a negative value is.";
        changes.push(
            self.change("return-type", "", "it returns another type")
                .sides(old, new)
                .both((SOURCE_BEHAVIOUR, SOURCE_BEHAVIOUR), who),
        );
    }

    fn arguments(&self, changes: &mut Vec<Change>) {
        let (old, new) = (types(self.old), types(self.new));
        let shared = old.len().min(new.len());
        if old.len() != new.len() && old[..shared] == new[..shared] {
            self.appended(old.len() < new.len(), changes);
        } else if old.len() != new.len() {
            let who = "Arguments are taken by position, and some are at another one now.";
            changes.push(
                self.change("args-shifted", "", shifted(old.len(), new.len()))
                    .sides(self.old, self.new)
                    .both((SOURCE_VERIFY, SOURCE_VERIFY), who),
            );
            return;
        } else if self.swapped(&old, &new) {
            let (rungs, who) = if old == new {
                (Rungs::BEHAVIOUR, "Arguments of the same type changed places: nobody notices.")
            } else {
                (SOURCE_VERIFY, "Arguments changed places; the verifier sees other types.")
            };
            changes.push(
                self.change("args-swapped", "", "arguments changed places")
                    .sides(self.old, self.new)
                    .both((rungs, rungs), who),
            );
            return;
        }
        let params = self.old.params.iter().zip(&self.new.params);
        for (index, (was, is)) in params.enumerate() {
            self.argument(index, was, is, changes);
        }
    }

    /// The same parameters in another order, by type or, where types are equal, by name.
    fn swapped(&self, old: &[TypeRef], new: &[TypeRef]) -> bool {
        let sorted = |types: &[TypeRef]| {
            let mut types = types.to_vec();
            types.sort_unstable();
            types
        };
        if old != new {
            return sorted(old) == sorted(new);
        }
        let names = |prototype: &Prototype| -> Vec<String> {
            prototype.params.iter().map(|param| param.name.clone()).collect()
        };
        let (old, new) = (names(self.old), names(self.new));
        let known = old.iter().chain(&new).all(|name| !name.is_empty());
        let (mut old_sorted, mut new_sorted) = (old.clone(), new.clone());
        old_sorted.sort_unstable();
        new_sorted.sort_unstable();
        known && old != new && old_sorted == new_sorted
    }

    fn appended(&self, grown: bool, changes: &mut Vec<Change>) {
        let fewer = "A program that takes fewer arguments than it is given loads and runs; its \
                     source declares the member with another prototype.";
        let more = "The verifier refuses a program that reads an argument the kernel does not \
                    have: \"doesn't have N-th argument\".";
        let (rule, title) = if grown {
            ("args-added", "arguments were appended")
        } else {
            ("args-removed", "the last arguments are gone")
        };
        let change = self.change(rule, "", title).sides(self.old, self.new);
        let (fine, refused) = ((SOURCE, SOURCE), (SOURCE_VERIFY, SOURCE_VERIFY));
        changes.push(if grown {
            change.forward(fine, fewer).backward(refused, more)
        } else {
            change.forward(refused, more).backward(fine, fewer)
        });
    }

    fn argument(&self, index: usize, was: &Param, is: &Param, changes: &mut Vec<Change>) {
        let detail = format!(".arg{index}");
        let name = if is.name.is_empty() { format!("argument {index}") } else { is.name.clone() };
        let (old, new) = (was.ty.bare(), is.ty.bare());
        if old != new {
            let rungs = type_change(&old, &new);
            let who = match rungs {
                SOURCE_VERIFY => {
                    "The verifier types the argument by the kernel's prototype and \
                                  refuses what does not fit it."
                }
                _ => "The register is read with another width or sign, and nobody notices.",
            };
            changes.push(
                self.change("arg-type", &detail, format!("`{name}` has another type"))
                    .sides(was, is)
                    .both((rungs, rungs), who),
            );
        } else if was.ty.points_to_const() != is.ty.points_to_const() {
            self.constness(&detail, &name, was, is, changes);
        } else if was.name != is.name && !was.name.is_empty() && !is.name.is_empty() {
            let who = "Arguments are taken by position; their names are for people.";
            changes.push(
                self.change("arg-renamed", &detail, format!("`{}` is now `{name}`", was.name))
                    .sides(was, is)
                    .both((NONE, NONE), who),
            );
        }
    }

    fn constness(
        &self,
        detail: &str,
        name: &str,
        was: &Param,
        is: &Param,
        changes: &mut Vec<Change>,
    ) {
        let writes = "Source that writes through it no longer compiles without a cast; an object \
                      that is built is accepted, because no verifier enforces const here \
                      (SEMANTICS 6.3).";
        let reads = "Source that only reads compiles and loads on both.";
        let gained = is.ty.points_to_const();
        let change = if gained {
            self.change("arg-const-added", detail, format!("`{name}` is const now"))
                .forward((SOURCE, SOURCE), writes)
                .backward((NONE, NONE), reads)
        } else {
            self.change("arg-const-removed", detail, format!("`{name}` is no longer const"))
                .forward((NONE, NONE), reads)
                .backward((SOURCE, SOURCE), writes)
        };
        changes.push(change.sides(was, is));
    }

    fn limit(&self, changes: &mut Vec<Change>) {
        let is_over = |prototype: &Prototype| prototype.params.len() > ARGUMENTS_MAX;
        let (was, is) = (is_over(self.old), is_over(self.new));
        if was == is {
            return;
        }
        let refused = "Registers pass six arguments; the kernel cannot call the member and refuses \
                       every filter that sets it.";
        let fine = "Six arguments or fewer are passed.";
        let side = |over| if over { (Rungs::LOAD, Rungs::LOAD) } else { (NONE, NONE) };
        let who = |over| if over { refused } else { fine };
        let count = |prototype: &Prototype| format!("{} arguments", prototype.params.len());
        changes.push(
            self.change("args-limit", "", "the limit on arguments is crossed")
                .sides(count(self.old), count(self.new))
                .forward(side(is), who(is))
                .backward(side(was), who(was)),
        );
    }
}

/// How many arguments came or went in the middle.
fn shifted(old: usize, new: usize) -> String {
    let verb = if old < new { "added" } else { "removed" };
    match old.abs_diff(new) {
        1 => format!("an argument was {verb} in the middle"),
        count => format!("{count} arguments were {verb} in the middle"),
    }
}

fn types(prototype: &Prototype) -> Vec<TypeRef> {
    prototype.params.iter().map(|param| param.ty.bare()).collect()
}

/// Pointers are typed by the verifier; numbers are by nobody.
fn type_change(old: &TypeRef, new: &TypeRef) -> Rungs {
    let is_number = |ty: &TypeRef| matches!(ty.kind(), "integer" | "enum");
    if is_number(old) && is_number(new) { SOURCE_BEHAVIOUR } else { SOURCE_VERIFY }
}
