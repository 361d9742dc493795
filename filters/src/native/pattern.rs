//! Patterns of names, as the command line gives them: `secret,.*,*.tmp`.
//!
//! One star at an end and nothing more: a BPF twin has to do the same with slices of constant
//! length. A comma, a star, a slash or a NUL inside a name cannot be said. A reader would get wrong
//! `.*`: it is a prefix, and no pattern matches `.` and `..`, which no lookup ever asks for and a
//! listing needs.

use crate::Mentions;

/// A list of patterns, each an exact name, `PREFIX*`, `*SUFFIX`, or `*` for every name.
///
/// ```
/// use fuserig_filters::Patterns;
/// let patterns = Patterns::parse("secret,.*,*.tmp").expect("well-formed");
/// assert!(patterns.matches(b".profile") && patterns.matches(b"a.tmp"));
/// assert!(!patterns.matches(b"secrets") && !patterns.matches(b".."));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
}

impl Patterns {
    /// Reads patterns with commas between them.
    ///
    /// # Errors
    /// The first problem and its position in bytes.
    pub fn parse(text: &str) -> Result<Patterns, PatternError> {
        let mut patterns = Vec::new();
        let mut position = 0;
        for item in text.split(',') {
            let parsed = Pattern::parse(item.as_bytes());
            patterns.push(parsed.map_err(|error| error.moved_by(position))?);
            position += item.len() + 1;
        }
        Ok(Patterns { patterns })
    }

    /// Whether a name matches one of the patterns.
    pub fn matches(&self, name: &[u8]) -> bool {
        let special = name == b"." || name == b"..";
        !special && self.patterns.iter().any(|pattern| pattern.matches(name))
    }

    /// The parts without stars, for a filter that is about them.
    pub(super) fn mentions(&self) -> Mentions {
        Mentions::of(self.patterns.iter().map(Pattern::fixed), [])
    }
}

impl Pattern {
    fn parse(text: &[u8]) -> Result<Pattern, PatternError> {
        let error = |position, problem| Err(PatternError { position, problem });
        if text.is_empty() {
            return error(0, PatternProblem::Empty);
        }
        if let Some(position) = text.iter().position(|byte| matches!(byte, b'/' | 0)) {
            return error(position, PatternProblem::NoNameByte);
        }
        let (pattern, first) = match text {
            [b'*', suffix @ ..] => (Pattern::Suffix(suffix.to_vec()), 1),
            [prefix @ .., b'*'] => (Pattern::Prefix(prefix.to_vec()), 0),
            exact => (Pattern::Exact(exact.to_vec()), 0),
        };
        match pattern.fixed().iter().position(|byte| *byte == b'*') {
            Some(position) => error(first + position, PatternProblem::Star),
            None => Ok(pattern),
        }
    }

    /// The part without the star.
    fn fixed(&self) -> &[u8] {
        match self {
            Pattern::Exact(bytes) | Pattern::Prefix(bytes) | Pattern::Suffix(bytes) => bytes,
        }
    }

    fn matches(&self, name: &[u8]) -> bool {
        match self {
            Pattern::Exact(exact) => name == exact,
            Pattern::Prefix(prefix) => name.starts_with(prefix),
            Pattern::Suffix(suffix) => name.ends_with(suffix),
        }
    }
}

/// A pattern that cannot be read, and where.
///
/// ```
/// use fuserig_filters::Patterns;
/// let error = Patterns::parse("a,b*c").unwrap_err();
/// assert_eq!(error.position, 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read pattern at byte {position}: {problem}")]
pub struct PatternError {
    /// Distance from the start of the list in bytes.
    pub position: usize,
    /// What is wrong there.
    pub problem: PatternProblem,
}

impl PatternError {
    fn moved_by(self, distance: usize) -> PatternError {
        PatternError { position: self.position + distance, ..self }
    }
}

/// What is wrong with a pattern.
///
/// ```
/// use fuserig_filters::{PatternProblem, Patterns};
/// let error = Patterns::parse("a,,b").unwrap_err();
/// assert_eq!(error.problem, PatternProblem::Empty);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternProblem {
    /// Nothing between two commas or at an end.
    #[error("no name; write an exact name, PREFIX* or *SUFFIX")]
    Empty,
    /// A star that is not alone at one end.
    #[error("a star stands only at one end: PREFIX* or *SUFFIX")]
    Star,
    /// A slash or a NUL.
    #[error("a name has neither `/` nor NUL; patterns match single names, not paths")]
    NoNameByte,
}

#[cfg(test)]
mod tests {
    use super::{PatternError, PatternProblem, Patterns};

    fn check(patterns: &str, matching: &[&str], others: &[&str]) {
        let parsed = Patterns::parse(patterns).expect("well-formed");
        for name in matching {
            assert!(parsed.matches(name.as_bytes()), "{patterns} matches {name}");
        }
        for name in others {
            assert!(!parsed.matches(name.as_bytes()), "{patterns} does not match {name}");
        }
    }

    #[test]
    fn names_match_exactly_by_prefix_or_by_suffix() {
        check("a", &["a"], &["", "A", "aa", "b"]);
        check("ab*", &["ab", "abc"], &["a", "xab", "AB"]);
        check("*.tmp", &[".tmp", "x.tmp"], &["tmp", "x.tmp2"]);
        check("*", &["a", "..."], &[".", ".."]);
        check(".*", &[".a", "..."], &[".", "..", "a"]);
        check("a,*b", &["a", "xb"], &["ab,", "x"]);
        check("\u{e9}*", &["\u{e9}t\u{e9}"], &["e"]);
    }

    fn check_error(patterns: &str, position: usize, problem: PatternProblem) {
        assert_eq!(Patterns::parse(patterns), Err(PatternError { position, problem }));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_position() {
        check_error("", 0, PatternProblem::Empty);
        check_error("a,", 2, PatternProblem::Empty);
        check_error(",a", 0, PatternProblem::Empty);
        check_error("a,b*c", 3, PatternProblem::Star);
        check_error("*a*", 2, PatternProblem::Star);
        check_error("**", 1, PatternProblem::Star);
        check_error("a,b/c", 3, PatternProblem::NoNameByte);
        check_error("a\0", 1, PatternProblem::NoNameByte);
    }
}
