//! What the traces of a corpus hold, in tables: calls and operations with how long they took, a
//! histogram, the paths that are asked for most, and what a filter has and no trace reaches.

use std::collections::BTreeMap;

use fuserig_traces::ops::OpSpec;
use fuserig_traces::tools::{Histogram, Info};

use crate::report::{Report, Table};

/// Rows of the tables of calls and of paths.
const ROWS_MAX: usize = 12;
/// Characters of the longest bar.
const BAR: u64 = 40;

/// How often something occurs, fails, and how long it takes.
#[derive(Debug, Default)]
struct Row {
    count: u64,
    failed: u64,
    took: Histogram,
}

/// Figures of several traces together.
#[derive(Debug, Default)]
pub(super) struct CorpusFigures {
    rows: BTreeMap<String, Row>,
    took: Histogram,
    paths: BTreeMap<String, u64>,
    traces: u64,
}

impl CorpusFigures {
    /// Adds a trace.
    pub(super) fn add(&mut self, info: &Info) {
        self.traces += 1;
        for (opcode, count) in &info.ops {
            let took = info.statistics.ops.get(opcode);
            self.row(OpSpec::name_of(*opcode).to_string(), (count.count, count.failed), took);
        }
        for (number, count) in &info.calls {
            let took = info.statistics.calls.get(number);
            self.row(number.to_string(), (count.count, count.failed), took);
        }
        for (path, count) in info.statistics.hot_paths() {
            *self.paths.entry(path).or_default() += count;
        }
    }

    fn row(&mut self, name: String, (count, failed): (u64, u64), took: Option<&Histogram>) {
        let row = self.rows.entry(name).or_default();
        row.count += count;
        row.failed += failed;
        if let Some(took) = took.filter(|took| took.largest() > 0) {
            row.took.merge(took);
            self.took.merge(took);
        }
    }

    /// Puts the tables into a report.
    pub(super) fn tables(&self, report: &mut Report) {
        if self.traces == 0 {
            return;
        }
        report.table(self.calls());
        report.table(histogram(&self.took));
        let mut hot: Vec<(&String, &u64)> = self.paths.iter().collect();
        hot.sort_by(|one, other| other.1.cmp(one.1).then_with(|| one.0.cmp(other.0)));
        let mut table = Table::new("Hot paths of the corpus", &["count", "path"]);
        for (path, count) in hot.into_iter().take(ROWS_MAX) {
            table.row([count.to_string(), path.clone()]);
        }
        report.table(table);
    }

    fn calls(&self) -> Table {
        let columns = ["call", "count", "failed", "50 %", "90 %", "99 %", "longest"];
        let mut table = Table::new("Calls of the corpus, and how long they took", &columns);
        let mut rows: Vec<(&String, &Row)> = self.rows.iter().collect();
        rows.sort_by(|one, other| other.1.count.cmp(&one.1.count).then_with(|| one.0.cmp(other.0)));
        for (name, row) in rows.iter().take(ROWS_MAX) {
            let mut cells = vec![(*name).clone(), row.count.to_string(), row.failed.to_string()];
            if row.took.count() > 0 {
                let took = [50, 90, 99].map(|percent| row.took.at_most(percent));
                cells.extend(took.iter().chain([&row.took.largest()]).map(|ns| duration(*ns)));
            }
            table.row(cells);
        }
        let rest = rows.get(ROWS_MAX..).unwrap_or_default();
        if !rest.is_empty() {
            let sum = |of: fn(&Row) -> u64| rest.iter().map(|(_, row)| of(row)).sum::<u64>();
            let name = format!("{} others", rest.len());
            table.row([name, sum(|row| row.count).to_string(), sum(|row| row.failed).to_string()]);
        }
        table
    }
}

/// A row for each power of two of nanoseconds, with a bar.
fn histogram(took: &Histogram) -> Table {
    let mut table = Table::new("How long calls of the corpus took", &["up to", "calls", "share"]);
    let most = took.buckets().map(|(_, count)| count).max().unwrap_or(1);
    for (end, count) in took.buckets() {
        let length = count.saturating_mul(BAR).div_ceil(most);
        let bar = "#".repeat(usize::try_from(length).unwrap_or(0));
        table.row([duration(end.min(took.largest())), count.to_string(), bar]);
    }
    table
}

/// A time of at most four figures.
fn duration(ns: u64) -> String {
    match ns {
        0..10_000 => format!("{ns} ns"),
        10_000..10_000_000 => format!("{} us", ns / 1_000),
        10_000_000..10_000_000_000 => format!("{} ms", ns / 1_000_000),
        _ => format!("{} s", ns / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, histogram};
    use fuserig_traces::tools::Histogram;

    #[test]
    fn durations_have_four_figures_at_most() {
        let shown = [9_999, 10_000, 9_999_999, 10_000_000, 10_000_000_000, u64::MAX].map(duration);
        assert_eq!(shown, ["9999 ns", "10 us", "9999 us", "10 ms", "10 s", "18446744073 s"]);
    }

    #[test]
    fn the_longest_bar_has_the_most_calls_and_every_call_is_seen() {
        let mut took = Histogram::default();
        (0..1000).for_each(|_| took.add(100));
        took.add(5_000);
        let table = histogram(&took);
        assert_eq!(table.rows[0], ["127 ns".to_owned(), "1000".to_owned(), "#".repeat(40)]);
        assert_eq!(table.rows[1], ["5000 ns", "1", "#"]);
        assert!(histogram(&Histogram::default()).rows.is_empty());
    }
}
