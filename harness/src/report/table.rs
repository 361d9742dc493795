//! Figures and source lines that stand beside the checks.

/// A table of figures: text that is laid out in columns.
///
/// ```
/// use fuserig::report::Table;
/// let mut table = Table::new("hot paths", &["count", "path"]);
/// table.row(["7".to_owned(), "/a".to_owned()]);
/// assert_eq!(table.rows, [["7", "/a"]]);
/// assert!(table.text().starts_with("count  path\n    7  /a\n"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What it shows, a few words.
    pub name: String,
    /// The heads of its columns.
    pub columns: Vec<String>,
    /// Its rows, each with a cell for every column.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(name: impl Into<String>, columns: &[&str]) -> Table {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Table { name: name.into(), columns, rows: Vec::new() }
    }

    /// Adds a row; cells that are missing are empty, and those too many are left out.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().take(self.columns.len()).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// Whether every cell of a column is a figure or empty, so that it stands on the right.
    pub fn is_figures(&self, column: usize) -> bool {
        let is_figure =
            |cell: &str| cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit());
        !self.rows.is_empty() && self.rows.iter().all(|row| is_figure(&row[column]))
    }

    /// The heads and rows in columns, a line each.
    pub fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.columns[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |row: &[String]| {
            let cell = |(column, cell): (usize, &String)| match self.is_figures(column) {
                true => format!("{cell:>width$}", width = widths[column]),
                false => format!("{cell:<width$}", width = widths[column]),
            };
            let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
            format!("{}\n", cells.join("  ").trim_end())
        };
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&self.columns) + &rows
    }
}

/// A source file of a filter, as far as its object tells.
///
/// ```
/// use fuserig::report::{CodeLine, Source};
/// let line = CodeLine { line: 9, text: "return 0;".into(), count: 3, ways: [1, 2] };
/// let source = Source { file: "hide.bpf.c".into(), lines: vec![line] };
/// assert_eq!((source.ran(), source.around(8).len()), (1, 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The file as the compiler named it.
    pub file: String,
    /// Its lines that have code, in order.
    pub lines: Vec<CodeLine>,
}

impl Source {
    /// How many lines ran.
    pub fn ran(&self) -> usize {
        self.lines.iter().filter(|line| line.count > 0).count()
    }

    /// The lines that have code within a few lines of one.
    pub fn around(&self, number: u32) -> &[CodeLine] {
        const NEAR: u32 = 4;
        let first = self.lines.partition_point(|line| line.line < number.saturating_sub(NEAR));
        let end = self.lines.partition_point(|line| line.line <= number.saturating_add(NEAR));
        &self.lines[first..end]
    }
}

/// One line of a source file that has code.
///
/// ```
/// use fuserig::report::CodeLine;
/// let line = CodeLine { count: 3, ways: [1, 2], ..CodeLine::default() };
/// assert!(!line.is_whole(), "one way of its branch was never gone");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeLine {
    /// Its number, counted from 1.
    pub line: u32,
    /// Its text without indentation; empty when the object does not have it.
    pub text: String,
    /// How often it ran.
    pub count: u64,
    /// How many ways its branches went, and how many there are.
    pub ways: [u64; 2],
}

impl CodeLine {
    /// Whether it ran and its branches went both ways.
    pub fn is_whole(&self) -> bool {
        self.count > 0 && self.ways[0] == self.ways[1]
    }
}
