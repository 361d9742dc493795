//! Names that one of two ABIs does not have: whether they are there, and what stands in for them.

use core::fmt::Write as _;

use super::families;
use crate::diff::{AbiDiff, Change};

/// Which of the two a header is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

/// What the changes make of names on one side.
pub(super) fn print(text: &mut String, diff: &AbiDiff, side: Side, go_on: &str) {
    for change in &diff.changes {
        let Some((kind, event)) = change.rule.rsplit_once('-') else { continue };
        let present = match (event, side) {
            ("added" | "inserted", Side::New) | ("removed", Side::Old) => true,
            ("added" | "inserted", Side::Old) | ("removed", Side::New) => false,
            ("renamed", _) => {
                renamed(text, kind, change, side);
                continue;
            }
            _ => continue,
        };
        let value = if change.new.is_empty() { &change.old } else { &change.new };
        match kind {
            "kfunc" if families::stands_in(&change.subject) => {}
            "member" | "kfunc" | "struct" | "helper" => has(text, &change.subject, present),
            "field" => field(text, &change.subject, present),
            // The preprocessor does not see enumerators, so a name is defined where it is lacking.
            "enumerator" | "constant" => {
                let name = last(&change.subject);
                has(text, name, present);
                if !present && value.parse::<i64>().is_ok() {
                    let _infallible = writeln!(text, "#define {name} {value}");
                }
            }
            "code" => {
                has(text, &change.subject, present);
                if !present {
                    let _infallible =
                        writeln!(text, "#undef {0}\n#define {0} {go_on}", change.subject);
                }
            }
            _ => {}
        }
    }
}

fn last(subject: &str) -> &str {
    subject.rsplit('.').next().unwrap_or(subject)
}

fn word(subject: &str) -> String {
    subject.replace('.', "_")
}

fn has(text: &mut String, subject: &str, present: bool) {
    let _infallible = writeln!(text, "#define FUSERIG_HAS_{} {}", word(subject), u8::from(present));
}

/// A field is read with something to say where it is lacking, and written if it is there.
fn field(text: &mut String, subject: &str, present: bool) {
    has(text, subject, present);
    let (name, field) = (word(subject), last(subject));
    let (get, put) = match present {
        true => (format!("((pointer)->{field})"), format!("((pointer)->{field} = (value))")),
        false => ("(otherwise)".to_owned(), "((void)(value))".to_owned()),
    };
    let _infallible = write!(
        text,
        "#define FUSERIG_GET_{name}(pointer, otherwise) {get}\n\
         #define FUSERIG_PUT_{name}(pointer, value) {put}\n"
    );
}

/// The old name means the new thing.
fn renamed(text: &mut String, kind: &str, change: &Change, side: Side) {
    let by_name = matches!(kind, "kfunc" | "constant" | "enumerator" | "code");
    if by_name && side == Side::New && !change.old.is_empty() {
        let _infallible = writeln!(text, "#define {} {}", last(&change.old), last(&change.new));
    }
}
