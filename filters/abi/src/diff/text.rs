//! A difference for people.

use core::fmt;

use super::{AbiDiff, Chain, Change, Direction, Loader};

impl fmt::Display for Change {
    /// Several lines: what changed, both sides, and what that does in each direction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.id())?;
        writeln!(f, "  {}", self.title)?;
        if !self.old.is_empty() {
            writeln!(f, "  - {}", self.old)?;
        }
        if !self.new.is_empty() {
            writeln!(f, "  + {}", self.new)?;
        }
        let same = self.forward == self.backward;
        for direction in Direction::ALL {
            let impact = self.impact(direction);
            let label = match (direction, same) {
                (_, true) => "either way",
                (Direction::Forward, false) => "old filter, new ABI",
                (Direction::Backward, false) => "new filter, old ABI",
            };
            if impact.by_name == impact.by_offset {
                writeln!(f, "  {label}: {}", impact.by_name)?;
            } else {
                writeln!(
                    f,
                    "  {label}: {} by name, {} by offset",
                    impact.by_name, impact.by_offset
                )?;
            }
            if !impact.who.is_empty() {
                writeln!(f, "    {}", impact.who)?;
            }
            if same {
                break;
            }
        }
        writeln!(f, "  upgrade first: {}", self.first().name())
    }
}

impl fmt::Display for AbiDiff {
    /// Every change, then the totals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        let count = self.changes.len();
        let changes = if count == 1 { "change" } else { "changes" };
        writeln!(f, "{} -> {}: {count} {changes}", self.old, self.new)?;
        for (direction, label) in [
            (Direction::Forward, "old filters on the new ABI"),
            (Direction::Backward, "new filters on the old ABI"),
        ] {
            let by_name = self.rungs(direction, Loader::ByName);
            let by_offset = self.rungs(direction, Loader::ByOffset);
            writeln!(f, "  {label}: {by_name} by name, {by_offset} by offset")?;
        }
        writeln!(f, "  upgrade first: {}", self.first().name())?;
        if !self.not_compared.is_empty() {
            writeln!(f, "  not known on both sides: {}", self.not_compared.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Chain {
    /// One row a filter's version, one column a kernel's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (loader, label) in [
            (Loader::ByName, "members and fields found by name"),
            (Loader::ByOffset, "offsets compiled in"),
        ] {
            writeln!(f, "filter made for (row) on the kernel of (column), {label}:")?;
            let cell =
                |row: usize, column: usize| self.filter_on_kernel(row, column, loader).to_string();
            let count = self.names.len();
            let width = |column: usize| {
                let cells = (0..count).map(|row| cell(row, column).len());
                cells.chain([self.names[column].len()]).max().unwrap_or(0)
            };
            let first = self.names.iter().map(String::len).max().unwrap_or(0);
            let mut heading = format!("  {:first$}", "");
            for column in 0..count {
                heading.push_str(&format!(
                    "  {:width$}",
                    self.names[column],
                    width = width(column)
                ));
            }
            writeln!(f, "{}", heading.trim_end())?;
            for row in 0..count {
                let mut line = format!("  {:first$}", self.names[row]);
                for column in 0..count {
                    line.push_str(&format!(
                        "  {:width$}",
                        cell(row, column),
                        width = width(column)
                    ));
                }
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}
