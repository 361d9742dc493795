//! Coverage: how often each instruction ran and each jump was taken.
//!
//! Only what leaves the straight line is counted while programs run; how often an instruction ran
//! follows from that, because control reaches it by a jump, by a call, or from the one before.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use super::Machine;
use super::code::{Code, Op};

/// What is counted at one instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Counter {
    /// Its jump was taken.
    pub(in crate::engine) taken: u64,
    /// A function was entered here.
    pub(in crate::engine) entered: u64,
    /// A run stopped here.
    pub(in crate::engine) stopped: u64,
}

/// How often one line of the source ran, and its branches.
///
/// ```
/// use fuserig_filters::engine::LineCount;
/// let line = LineCount {
///     file: "a.bpf.c".into(),
///     line: 3,
///     text: "return 0;".into(),
///     count: 2,
///     branches: vec![[1, 1]],
/// };
/// assert_eq!(line.branches.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineCount {
    /// File as the compiler named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Text of the line without its indentation; empty when unknown.
    pub text: String,
    /// How often its most frequent instruction ran.
    pub count: u64,
    /// For each conditional jump of the line: not taken, taken.
    pub branches: Vec<[u64; 2]>,
}

impl Machine {
    /// How often each instruction of a program ran, by its position in the program, and for
    /// conditional jumps how often they were taken.
    pub fn counts(&self, code: &Code) -> Vec<(u32, u64, Option<u64>)> {
        let first = code.counters as usize;
        let counters = self.counters.get(first..first + code.len()).unwrap_or(&[]);
        let mut arrivals = vec![0_u64; code.len() + 1];
        for (step, counter) in code.steps.iter().zip(counters) {
            if counter.taken > 0 {
                arrivals[step.aux as usize] += counter.taken;
            }
        }
        let mut falling = 0_u64;
        let mut counts = Vec::with_capacity(code.len());
        for (position, counter) in counters.iter().enumerate() {
            let step = &code.steps[position];
            let count = falling + arrivals[position] + counter.entered;
            let is_jump = matches!(super::ops::shape(step.op), super::ops::Shape::JumpK)
                || matches!(super::ops::shape(step.op), super::ops::Shape::JumpX);
            counts.push((code.origin[position], count, is_jump.then_some(counter.taken)));
            falling = match step.op {
                Op::Exit | Op::Ja => 0,
                _ => count.saturating_sub(counter.taken).saturating_sub(counter.stopped),
            };
        }
        counts
    }

    /// How often each line of a program ran, ordered by file and line.
    pub fn lines(&self, code: &Code) -> Vec<LineCount> {
        let mut lines: BTreeMap<(&str, u32), LineCount> = BTreeMap::new();
        for (insn, count, taken) in self.counts(code) {
            let Some(line) = code.line_of(insn) else { continue };
            let row = lines.entry((&line.file, line.line)).or_insert_with(|| LineCount {
                file: line.file.clone(),
                line: line.line,
                text: line.text.clone(),
                count: 0,
                branches: Vec::new(),
            });
            row.count = row.count.max(count);
            if let Some(taken) = taken {
                row.branches.push([count.saturating_sub(taken), taken]);
            }
        }
        lines.into_values().collect()
    }
}

/// The lines of programs as lcov's tracefile format has them, one record a file. Programs that
/// share a file are added up.
pub fn lcov(lines: &[LineCount]) -> String {
    let mut files: BTreeMap<&str, BTreeMap<u32, LineCount>> = BTreeMap::new();
    for line in lines {
        let file = files.entry(&line.file).or_default();
        match file.get_mut(&line.line) {
            Some(known) => {
                known.count += line.count;
                known.branches.extend_from_slice(&line.branches);
            }
            None => drop(file.insert(line.line, line.clone())),
        }
    }
    let mut text = String::new();
    for (file, lines) in files {
        let _ = writeln!(text, "TN:\nSF:{file}");
        for line in lines.values() {
            for (number, [not_taken, taken]) in line.branches.iter().enumerate() {
                let _ = writeln!(text, "BRDA:{},{number},0,{not_taken}", line.line);
                let _ = writeln!(text, "BRDA:{},{number},1,{taken}", line.line);
            }
            let _ = writeln!(text, "DA:{},{}", line.line, line.count);
        }
        let hit = lines.values().filter(|line| line.count > 0).count();
        let _ = writeln!(text, "LH:{hit}\nLF:{}\nend_of_record", lines.len());
    }
    text
}
