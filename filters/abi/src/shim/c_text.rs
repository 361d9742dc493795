//! C as text: parameters and macros over several lines.

use crate::description::{Callback, CallbackArg};

/// The type and name of a parameter.
pub(super) fn parameter(arg: &CallbackArg) -> String {
    let constness = if arg.r#const { "const " } else { "" };
    match arg.kind.as_str() {
        "scalar" => format!("{} {}", arg.r#type, arg.name),
        _ => format!("{constness}struct {} *{}", arg.r#type, arg.name),
    }
}

/// The parameters of a callback.
pub(super) fn parameters(callback: &Callback) -> String {
    callback.args.iter().map(parameter).collect::<Vec<_>>().join(", ")
}

/// A macro: its head, and lines that are joined by backslashes.
pub(super) fn define(text: &mut String, head: &str, lines: &[String]) {
    text.push_str("#define ");
    text.push_str(head);
    for line in lines {
        text.push_str(" \\\n\t");
        text.push_str(line);
    }
    text.push('\n');
}
