//! Structs and unions: fields added, removed, renamed, moved, and of another type or size.

use super::names::{listed, matched};
use super::{Change, Rungs, Touches};
use crate::spec::{AbiSpec, FieldSpec, StructSpec, TypeRef};

const NONE: Rungs = Rungs::empty();
const SOURCE: Rungs = Rungs::SOURCE;
const VERIFY: Rungs = Rungs::VERIFY;
const BEHAVIOUR: Rungs = Rungs::BEHAVIOUR;
const SOURCE_VERIFY: Rungs = SOURCE.union(VERIFY);

pub(super) fn compare(old: &AbiSpec, new: &AbiSpec, changes: &mut Vec<Change>) {
    let same = |_: &StructSpec, _: &StructSpec| false;
    let found = matched(&old.structs, &new.structs, |structure| &structure.name, same);
    let no_type = "CO-RE finds no such type, and the verifier refuses the instructions it left; \
                   without CO-RE only the source names it.";
    for gone in &found.removed {
        changes.push(
            Change::new("struct-removed", &gone.name, format!("`{}` is gone", title(gone)))
                .sides(format!("{} bytes", gone.size), "")
                .touches(Touches::Struct(gone.name.clone()))
                .forward((SOURCE_VERIFY, SOURCE), no_type)
                .backward((NONE, NONE), "New filters do not use it."),
        );
    }
    for added in &found.added {
        changes.push(
            Change::new("struct-added", &added.name, format!("`{}` is new", title(added)))
                .sides("", format!("{} bytes", added.size))
                .touches(Touches::Struct(added.name.clone()))
                .forward((NONE, NONE), "Old filters do not use it.")
                .backward((SOURCE_VERIFY, SOURCE), no_type),
        );
    }
    for (before, after) in &found.common {
        if before.union != after.union {
            let who = "Fields that had places of their own share one, or the other way round.";
            changes.push(
                Change::new("struct-kind", &after.name, "a struct became a union or a union one")
                    .sides(title(before), title(after))
                    .touches(Touches::Struct(after.name.clone()))
                    .both((SOURCE_VERIFY, SOURCE_VERIFY), who),
            );
        }
        fields(before, after, changes);
        size(before, after, changes);
    }
}

fn title(structure: &StructSpec) -> String {
    format!("{} {}", if structure.union { "union" } else { "struct" }, structure.name)
}

fn size(before: &StructSpec, after: &StructSpec, changes: &mut Vec<Change>) {
    if before.size == after.size {
        return;
    }
    let grown = before.size < after.size;
    let (rule, what) = if grown {
        ("struct-grown", "the struct is longer")
    } else {
        ("struct-shrunk", "the struct is shorter")
    };
    let wire = match before.wire || after.wire {
        true => " It is sent to the daemon, which must know both lengths.",
        false => "",
    };
    let fits = format!("Fields that are there stay reachable.{wire}");
    let past = format!(
        "What lies behind the shorter struct is refused by the verifier on loads, and not on \
         stores (VER-2); offsets that were compiled in may point there.{wire}"
    );
    let change = Change::new(rule, &after.name, what)
        .sides(format!("{} bytes", before.size), format!("{} bytes", after.size))
        .touches(Touches::Struct(after.name.clone()));
    changes.push(if grown {
        change.forward((NONE, NONE), fits).backward((NONE, VERIFY), past)
    } else {
        change.forward((NONE, VERIFY), past).backward((NONE, NONE), fits)
    });
}

fn fields(before: &StructSpec, after: &StructSpec, changes: &mut Vec<Change>) {
    let same = |was: &FieldSpec, is: &FieldSpec| {
        let named = !was.name.is_empty() && !is.name.is_empty();
        let place = (was.offset, was.size, was.bits) == (is.offset, is.size, is.bits);
        named && place && was.ty.bare() == is.ty.bare()
    };
    let found = matched(&before.fields, &after.fields, |field| &field.name, same);
    let pair = Pair { name: &after.name, before, after };
    for (was, is) in &found.renamed {
        let who = format!(
            "CO-RE looks for `{}` by name and finds none; offsets that were compiled in still fit.",
            was.name
        );
        changes.push(
            pair.change("field-renamed", was, format!("`{}` is now `{}`", was.name, is.name))
                .sides(&was.name, &is.name)
                .both((SOURCE_VERIFY, SOURCE), who),
        );
    }
    for gone in found.removed.iter().filter(|field| !field.name.is_empty()) {
        changes.push(
            pair.change("field-removed", gone, format!("`{}` is gone", gone.name))
                .sides(place(gone), "")
                .forward(
                    (SOURCE_VERIFY, SOURCE | past_end(gone, after)),
                    format!(
                        "Old filters that use `{}` are refused where CO-RE finds no such field; \
                         with a compiled offset they read what lies there now.",
                        gone.name
                    ),
                )
                .backward((NONE, NONE), "New filters do not use it."),
        );
    }
    for added in found.added.iter().filter(|field| !field.name.is_empty()) {
        changes.push(
            pair.change("field-added", added, format!("`{}` is new", added.name))
                .sides("", place(added))
                .forward((NONE, NONE), "Old filters do not use it.")
                .backward(
                    (SOURCE_VERIFY, SOURCE | past_end(added, before)),
                    format!(
                        "New filters that use `{}` are refused on the old ABI, unless they ask \
                         bpf_core_field_exists first.",
                        added.name
                    ),
                ),
        );
    }
    pair.moved(&found.common, changes);
    for (was, is) in &found.common {
        pair.kind(was, is, changes);
    }
}

/// A load of the field where the struct does not have it: past the end, or of something else.
fn past_end(field: &FieldSpec, structure: &StructSpec) -> Rungs {
    let end = u64::from(field.offset) + u64::from(field.size);
    if end > u64::from(structure.size) { VERIFY } else { BEHAVIOUR }
}

fn place(field: &FieldSpec) -> String {
    match field.bits {
        Some((first, width)) => {
            format!("{} at byte {}, bits {first}+{width}", field.ty, field.offset)
        }
        None => format!("{} at byte {}", field.ty, field.offset),
    }
}

struct Pair<'a> {
    name: &'a str,
    before: &'a StructSpec,
    after: &'a StructSpec,
}

impl Pair<'_> {
    fn change(&self, rule: &'static str, field: &FieldSpec, title: impl Into<String>) -> Change {
        Change::new(rule, format!("{}.{}", self.name, field.name), title)
            .touches(Touches::Fields(self.name.to_owned(), vec![field.name.clone()]))
    }

    /// All fields of a struct that are elsewhere, as one change.
    fn moved(&self, common: &[(&FieldSpec, &FieldSpec)], changes: &mut Vec<Change>) {
        let at = |field: &FieldSpec| (field.offset, field.bits.map(|bits| bits.0));
        let moved: Vec<&(&FieldSpec, &FieldSpec)> =
            common.iter().filter(|(was, is)| at(was) != at(is) && !is.name.is_empty()).collect();
        if moved.is_empty() {
            return;
        }
        let names: Vec<String> = moved.iter().map(|(_, is)| is.name.clone()).collect();
        let mut from: Vec<_> = moved.iter().map(|(was, _)| at(was)).collect();
        let mut to: Vec<_> = moved.iter().map(|(_, is)| at(is)).collect();
        from.sort_unstable();
        to.sort_unstable();
        let swapped = from == to && self.before.size == self.after.size;
        let (rule, verb) =
            if swapped { ("fields-swapped", "changed places") } else { ("fields-moved", "moved") };
        let text = |of: fn(&(&FieldSpec, &FieldSpec)) -> u32| {
            let shown = moved.iter().take(4).map(|pair| format!("{}@{}", pair.1.name, of(pair)));
            shown.collect::<Vec<_>>().join(" ")
        };
        let wire = match self.before.wire || self.after.wire {
            true => " The daemon reads them by offset as well.",
            false => "",
        };
        let who = format!(
            "CO-RE finds them by name; offsets that were compiled in reach other bytes, and \
             nobody says so.{wire}"
        );
        changes.push(
            Change::new(rule, self.name, format!("{} {verb}", listed(&names)))
                .sides(text(|pair| pair.0.offset), text(|pair| pair.1.offset))
                .touches(Touches::Fields(self.name.to_owned(), names))
                .both((NONE, BEHAVIOUR), who),
        );
    }

    /// The type of one field.
    fn kind(&self, was: &FieldSpec, is: &FieldSpec, changes: &mut Vec<Change>) {
        let (old, new) = (was.ty.bare(), is.ty.bare());
        let is_number = |ty: &TypeRef| matches!(ty.kind(), "integer" | "enum");
        let change = |rule, title: &str| {
            let title = format!("`{}` {title}", is.name);
            self.change(rule, is, title).sides(&was.ty, &is.ty)
        };
        if was.bits.map(|bits| bits.1) != is.bits.map(|bits| bits.1) {
            let who = "It holds another range of numbers; CO-RE reads bit fields by the kernel's \
                       width, offsets that were compiled in do not.";
            let title = match (was.bits, is.bits) {
                (Some(_), None) => "is no bit field any more",
                (None, Some(_)) => "became a bit field",
                _ => "has another width in bits",
            };
            let change = change("field-bits", title);
            changes.push(change.sides(place(was), place(is)).both((NONE, BEHAVIOUR), who));
        } else if old == new {
            self.constness(was, is, changes);
        } else if is_number(&old) && is_number(&new) {
            self.number(was, is, changes);
        } else if let (TypeRef::Array(was_of, _), TypeRef::Array(is_of, _)) = (&old, &new)
            && was_of == is_of
        {
            self.length(was, is, changes);
        } else if let (TypeRef::Array(was_of, _), TypeRef::Array(is_of, _)) = (&old, &new)
            && is_number(was_of)
            && is_number(is_of)
        {
            let who = "An index reaches another element, and the element another range of \
                       numbers; CO-RE adjusts the width of a load and nothing else.";
            let change = change("field-elements", "has elements of another type");
            changes.push(change.both((BEHAVIOUR, BEHAVIOUR), who));
        } else if old.kind() == new.kind() {
            let who = "What it points at or holds is another type, and what is reached through it \
                       is typed by the kernel.";
            let change = change("field-pointee", "points at or holds another type");
            changes.push(change.both((SOURCE_VERIFY, SOURCE_VERIFY), who));
        } else {
            let who = "CO-RE takes no field of another kind for it, and the verifier refuses to \
                       use a number as a pointer.";
            let change = change("field-kind", "is of another kind");
            changes.push(change.both((SOURCE_VERIFY, SOURCE_VERIFY), who));
        }
    }

    fn constness(&self, was: &FieldSpec, is: &FieldSpec, changes: &mut Vec<Change>) {
        if was.ty == is.ty
            || matches!(was.ty.unqualified(), TypeRef::Pointer(_)) && {
                was.ty.points_to_const() == is.ty.points_to_const()
            }
        {
            return;
        }
        let gained = is.ty.to_string().matches("const").count()
            > was.ty.to_string().matches("const").count();
        let (rule, title) = if gained {
            ("field-const-added", "is const now")
        } else {
            ("field-const-removed", "is no longer const")
        };
        let writes = "Source that writes it does not compile where it is const; objects are not \
                      concerned.";
        let reads = "Source that only reads compiles on both.";
        let change = self.change(rule, is, format!("`{}` {title}", is.name)).sides(&was.ty, &is.ty);
        changes.push(if gained {
            change.forward((SOURCE, SOURCE), writes).backward((NONE, NONE), reads)
        } else {
            change.forward((NONE, NONE), reads).backward((SOURCE, SOURCE), writes)
        });
    }

    fn number(&self, was: &FieldSpec, is: &FieldSpec, changes: &mut Vec<Change>) {
        let is_signed = |ty: &TypeRef| matches!(ty, TypeRef::Int { signed: true, .. });
        let signed = is_signed(was.ty.unqualified()) || is_signed(is.ty.unqualified());
        let title = |what: &str| format!("`{}` {what}", is.name);
        if was.size != is.size {
            // libbpf widens and narrows loads of unsigned fields only.
            let by_name = if signed { VERIFY } else { BEHAVIOUR };
            let who = if signed {
                "libbpf cannot adjust loads of signed fields and leaves an instruction that the \
                 verifier refuses; a compiled width reads other bytes."
            } else {
                "libbpf adjusts the width of the load, not of what the value is stored in: large \
                 values are cut off; a compiled width reads other bytes."
            };
            changes.push(
                self.change("field-size", is, title("has another width"))
                    .sides(&was.ty, &is.ty)
                    .both((by_name, BEHAVIOUR), who),
            );
        } else if was.ty.kind() == is.ty.kind() && was.ty.kind() == "integer" {
            let who = "Comparisons and divisions treat the top bit otherwise, and nobody says so.";
            changes.push(
                self.change("field-sign", is, title("has another sign"))
                    .sides(&was.ty, &is.ty)
                    .both((BEHAVIOUR, BEHAVIOUR), who),
            );
        } else {
            let who = "Enumerations and integers of one size are the same to loader and verifier; \
                       a compiler may warn.";
            changes.push(
                self.change("field-type-name", is, title("has another name for its type"))
                    .sides(&was.ty, &is.ty)
                    .both((SOURCE, SOURCE), who),
            );
        }
    }

    fn length(&self, was: &FieldSpec, is: &FieldSpec, changes: &mut Vec<Change>) {
        let grown = was.size < is.size;
        let title = format!("`{}` has another number of elements", is.name);
        let past = "An element behind the shorter array is refused by CO-RE; with compiled offsets \
                    it is what lies behind the array.";
        let fits = "Every element of the shorter array is there in the longer one.";
        let refused = (VERIFY, BEHAVIOUR);
        let change = self.change("field-array-len", is, title).sides(&was.ty, &is.ty);
        changes.push(if grown {
            change.forward((NONE, NONE), fits).backward(refused, past)
        } else {
            change.forward(refused, past).backward((NONE, NONE), fits)
        });
    }
}
