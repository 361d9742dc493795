//! What a case is, before it runs.

use super::outcome::Expected;

/// One conformance case.
///
/// The commands a step can have, with `NODE` an existing file, `PLACE` a name in a directory and
/// `H` the name of an open file:
///
/// | command | operation |
/// |---|---|
/// | `lookup PLACE`, `stat NODE`, `parent NODE`, `forget NODE` | answers attributes |
/// | `node NAME NODE` | remembers a node as `@NAME` |
/// | `same NODE NODE` | answers `same=yes` or `same=no` |
/// | `create PLACE [MODE]`, `mkdir PLACE [MODE]`, `symlink PLACE TARGET` | |
/// | `mknod PLACE KIND [MODE] [MAJOR:MINOR]` | `KIND` is one of `f p s c b d l` |
/// | `link NODE PLACE`, `unlink PLACE`, `rmdir PLACE`, `readlink NODE` | |
/// | `rename PLACE PLACE [noreplace] [exchange] [whiteout] [bits=N]` | |
/// | `setattr NODE [mode=] [uid=] [gid=] [size=] [atime=] [mtime=] [kill]` | |
/// | `access NODE r\|w\|x...` | |
/// | `open H NODE FLAGS... [granted]`, `createopen H PLACE MODE FLAGS...` | see below |
/// | `tmpfile H NODE MODE FLAGS...` | also remembers the file as `@H` |
/// | `release H`, `flush H OWNER`, `fsync H [data]` | |
/// | `read H OFFSET SIZE`, `write H OFFSET DATA` | |
/// | `fallocate H OFFSET LENGTH [keep] [punch] [zero] [collapse] [insert] [bits=N]` | |
/// | `seek H set\|cur\|end\|data\|hole OFFSET [POSITION]` | answers `at=` |
/// | `copy H OFFSET H OFFSET LENGTH [FLAGS]` | answers `count=` |
/// | `readdir H start\|end\|at:NAME\|N MAX` | answers names in order, `.` and `..` too |
/// | `statfs NODE` | |
/// | `getxattr NODE NAME [SIZE]`, `listxattr NODE [SIZE]` | |
/// | `setxattr NODE NAME VALUE [create] [replace] [bits=N]`, `removexattr NODE NAME` | |
/// | `getlock H`, `setlock H` with `r\|w\|u OWNER FIRST LAST`, `flock H r\|w\|u OWNER` | |
/// | `put PLACE DATA [MODE]`, `cat NODE`, `list NODE`, `segments NODE` | helpers, as root |
/// | `mark NODE`, `moved NODE` | which of the times `a m c` moved since the mark |
/// | `scan NODE BATCH unlink\|create` | names met while the directory changes under the reader |
///
/// Times are seconds, `seconds.nanoseconds` or `now`. Open flags are `r w rw none` for the access
/// modes 0 to 3, and `append trunc creat excl directory nofollow noatime path`.
///
/// ```
/// let text = "case a new file is empty\nrule POSIX open: length 0\n  create /f\n  cat /f -> ''\n";
/// let cases = fuserig_sim_fs::conformance::parse(text)?;
/// assert_eq!(cases[0].name, "a new file is empty");
/// assert_eq!(cases[0].steps.len(), 2);
/// # Ok::<(), fuserig_sim_fs::conformance::CaseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// A sentence.
    pub name: String,
    /// The clause it pins, in our words, with its source.
    pub rule: String,
    /// The arms it runs on; empty means all.
    pub only: Vec<String>,
    /// Arms it does not run on, each with the reason.
    pub skip: Vec<(String, String)>,
    /// What is done and what must come of it.
    pub steps: Vec<Step>,
}

/// One line of a case.
///
/// ```
/// let text = "case c\nrule r\n  mkdir /d -> mode=0755\n";
/// let cases = fuserig_sim_fs::conformance::parse(text)?;
/// assert_eq!(cases[0].steps[0].line, 3);
/// assert_eq!(cases[0].steps[0].words, ["mkdir", "/d"]);
/// # Ok::<(), fuserig_sim_fs::conformance::CaseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Line number in the source, from 1.
    pub line: usize,
    /// Who asks; empty means root.
    pub caller: String,
    /// The command and its arguments, escapes still in.
    pub words: Vec<String>,
    pub(super) expected: Expected,
    pub(super) except: Vec<(String, Expected)>,
}

impl Step {
    /// What must come of this step on an arm.
    pub(super) fn expected_on(&self, arm: &str) -> &Expected {
        self.except
            .iter()
            .find(|(name, _)| name == arm)
            .map_or(&self.expected, |(_, expected)| expected)
    }
}

/// A case that cannot be read or carried out as written.
///
/// ```
/// let error = fuserig_sim_fs::conformance::parse("case c\n  mkdir /d\n").expect_err("no rule");
/// assert_eq!(error.to_string(), "line 1: case without a rule (quote the clause it pins)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct CaseError {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub problem: String,
}

impl CaseError {
    pub(super) fn new(line: usize, problem: impl Into<String>) -> CaseError {
        CaseError { line, problem: problem.into() }
    }
}
