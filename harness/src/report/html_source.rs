//! Figures and sources in the page.

use core::fmt::Write as _;

use super::html::{escape, line};
use super::{CodeLine, Location, Source, Table};

/// Every table below a heading of its own.
pub(super) fn tables(out: &mut String, tables: &[Table]) {
    for table in tables {
        line(out, &format!("<h2>{}</h2>\n<div class=\"wide\"><table>", escape(&table.name)));
        let class = |column: usize| if table.is_figures(column) { " class=\"n\"" } else { "" };
        out.push_str("<tr>");
        for (at, column) in table.columns.iter().enumerate() {
            let _infallible = write!(out, "<th{}>{}", class(at), escape(column));
        }
        out.push('\n');
        for row in &table.rows {
            out.push_str("<tr>");
            for (at, cell) in row.iter().enumerate() {
                let _infallible = write!(out, "<td{}>{}", class(at), escape(cell));
            }
            out.push('\n');
        }
        line(out, "</table></div>");
    }
}

/// Every source file with how often each of its lines ran.
pub(super) fn sources(out: &mut String, sources: &[Source]) {
    if sources.is_empty() {
        return;
    }
    line(out, "<h2>Source</h2>");
    for source in sources {
        let (file, ran, total) = (escape(&source.file), source.ran(), source.lines.len());
        line(
            out,
            &format!(
                "<details class=\"source\">\n<summary>{file} <span class=\"dim\">{ran} of {total} \
                 lines ran</span></summary>\n<div class=\"wide\"><table class=\"code\">"
            ),
        );
        source.lines.iter().for_each(|one| code_line(out, one, false));
        line(out, "</table></div>\n</details>");
    }
}

/// The lines around the place of a finding, where a source has them.
pub(super) fn excerpt(out: &mut String, place: &Location, sources: &[Source]) {
    let Some(number) = place.line else { return };
    let Some(source) = sources.iter().find(|source| source.file == place.file) else { return };
    let around = source.around(number);
    if around.is_empty() {
        return;
    }
    line(out, "<div class=\"wide\"><table class=\"code\">");
    around.iter().for_each(|one| code_line(out, one, one.line == number));
    line(out, "</table></div>");
}

fn code_line(out: &mut String, one: &CodeLine, blamed: bool) {
    let class = match (one.count, one.is_whole()) {
        (0, _) => "never",
        (_, false) => "partly",
        (_, true) => "ran",
    };
    let blamed = if blamed { " blamed" } else { "" };
    let count = if one.count == 0 { "never".to_owned() } else { format!("{}", one.count) };
    let [gone, ways] = one.ways;
    let ways = if ways == 0 { String::new() } else { format!("{gone}/{ways}") };
    let _infallible = write!(
        out,
        "<tr class=\"{class}{blamed}\"><td class=\"n\">{count}<td class=\"n\" title=\"ways of \
         its branches that were gone\">{ways}<td class=\"n\">{}<td><code>{}</code>",
        one.line,
        escape(&one.text)
    );
    out.push('\n');
}
