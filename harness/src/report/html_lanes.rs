//! The steps of clients in the page: a lane for each, the stages nested, and each call of a filter
//! with its arguments, which show when the mouse is on it or the keyboard gets there.
//!
//! What a reader would get wrong: the arguments need no script; they are there, and style hides
//! them until the call has the mouse or the focus.

use core::fmt::Write as _;

use super::html::{escape, line};
use super::{FilterCall, LaneStep, Lanes};

/// A grid with a column for each client, and a row for each step.
pub(super) fn lanes(out: &mut String, lanes: &Lanes) {
    let columns = lanes.names.len();
    line(
        out,
        &format!(
            "<div class=\"lanes\" style=\"grid-template-columns:2.5em \
             repeat({columns},minmax(190px,1fr))\">\n<span></span>"
        ),
    );
    for name in &lanes.names {
        line(out, &format!("<div class=\"lane\">{}</div>", escape(name)));
    }
    for (at, step) in lanes.steps.iter().enumerate() {
        let row = at + 2;
        line(out, &format!("<div class=\"at\" style=\"grid-area:{row}/1\">{}</div>", at + 1));
        lane_step(out, row, step);
    }
    line(out, "</div>");
}

fn lane_step(out: &mut String, row: usize, step: &LaneStep) {
    let mut class = String::from("step");
    for (is, word) in
        [(step.goes_on, " on"), (step.result.is_none(), " out"), (step.blamed, " blamed")]
    {
        class.push_str(if is { word } else { "" });
    }
    let (call, column) = (escape(&step.call), step.lane + 2);
    let result = step.result.as_deref().unwrap_or("another client moves before it returns");
    let shown = if step.goes_on { format!("... {call}") } else { call.clone() };
    line(
        out,
        &format!(
            "<div class=\"{class}\" style=\"grid-area:{row}/{column}\" \
             title=\"{call}&#10;{}\"><code>{shown}</code>",
            escape(result)
        ),
    );
    if !step.stages.is_empty() {
        out.push_str("<ol>");
        for (operation, parts) in operations(&step.stages) {
            let (operation, parts) = (escape(operation), escape(&parts.join(", ")));
            let _infallible = write!(out, "<li><b>{operation}</b> {parts}");
        }
        line(out, "</ol>");
    }
    step.filter_calls.iter().for_each(|call| filter_call(out, call));
    match &step.result {
        Some(result) => line(out, &format!("<div>= {}</div></div>", escape(result))),
        None => line(out, "</div>"),
    }
}

/// `lookup enter`, `lookup lower` as one operation with its parts.
fn operations(stages: &[String]) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for stage in stages {
        let (operation, part) = stage.split_once(' ').unwrap_or((stage, ""));
        match found.last_mut() {
            Some((last, parts)) if *last == operation && part != "enter" => parts.push(part),
            _ => found.push((operation, vec![part])),
        }
    }
    found
}

/// A call of a filter, which can have the focus, and its arguments.
fn filter_call(out: &mut String, call: &FilterCall) {
    let (member, answer) = (escape(&call.member), escape(&call.answer));
    let _infallible = write!(
        out,
        "<div class=\"call\" tabindex=\"0\"><b>{member}</b> &rarr; {answer}\
         <div class=\"tip\" role=\"tooltip\"><p><b>{member}</b> answers {answer}</p>\n<table>\n\
         <tr><th>argument<th>before the call<th>after it\n"
    );
    for argument in &call.arguments {
        let changed = if argument.is_changed() { " class=\"changed\"" } else { "" };
        let _infallible = write!(
            out,
            "<tr><td>{}<td>{}<td{changed}>{}",
            escape(&argument.name),
            side(&argument.before),
            if argument.is_changed() { side(&argument.after) } else { "the same".to_owned() }
        );
        out.push('\n');
    }
    line(out, "</table></div></div>");
}

/// A value, and the state of its buffer below it.
fn side([value, buffer]: &[String; 2]) -> String {
    let value = format!("<code>{}</code>", escape(value));
    match buffer.is_empty() {
        true => value,
        false => format!("{value}<br><span class=\"dim\">{}</span>", escape(buffer)),
    }
}
