//! Findings, reports, and the forms a report is written in.
//!
//! Every door that judges (the ABI gate, `check`, replay, simulation) returns [`Finding`]s inside a
//! [`Report`], and this module alone turns a report into text for people, JSON for machines, JUnit
//! and SARIF for CI, annotations for GitHub, a Markdown summary and an HTML page. It refuses to
//! print and to open files: it gives text back.
//!
//! What a reader would get wrong: a report without a single check that ran is a failure, not a
//! success, and a suppressed finding is still in every form, marked as suppressed.

mod check;
mod filter_call;
mod finding;
mod form;
mod github;
mod html;
mod html_lanes;
mod html_source;
mod human;
mod ids;
mod json;
mod junit;
mod lanes;
mod markdown;
mod sarif;
mod table;
#[cfg(test)]
mod tests;

pub use check::{Check, Count, Extent, Outcome, Report, Verdict};
pub use filter_call::{Argument, FilterCall};
pub use finding::{
    Finding, FindingClass, Location, MinimalCase, Severity, Side, Sides, Suppression,
};
pub use form::{ReportForm, ReportTarget};
pub use human::human;
pub use ids::IDS;
pub use lanes::{LaneStep, Lanes};
pub use table::{CodeLine, Source, Table};
