//! What can be wrong with tree text.

use fuserig_abi::Errno;
use thiserror::Error;

/// A mistake in tree text, with its place.
///
/// ```
/// use fuserig_sim_fs::{MemFs, TreeProblem};
/// let error = MemFs::from_tree("/a 'x'\n/b mode=9").unwrap_err();
/// assert_eq!((error.line, error.column), (2, 4));
/// assert_eq!(error.problem, TreeProblem::Number("mode", "an octal number up to 7777"));
/// assert_eq!(error.to_string(), "line 2, column 4: mode needs an octal number up to 7777");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct TreeError {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
    /// What is wrong there.
    #[source]
    pub problem: TreeProblem,
}

/// What is wrong with a line of tree text.
///
/// ```
/// use fuserig_sim_fs::TreeProblem;
/// let problem = TreeProblem::UnknownAttribute("color".to_owned());
/// assert!(problem.to_string().starts_with("unknown attribute color"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TreeProblem {
    /// A line that does not begin with a path.
    #[error("a line begins with an absolute path; write /name")]
    NotAPath,
    /// A component that no directory can hold.
    #[error("a path has an empty component, a dot component, or a NUL byte")]
    BadComponent,
    /// An escape that does not exist.
    #[error("unknown escape; use \\xNN, \\n, \\\\ or \\'")]
    BadEscape,
    /// A quote without an end.
    #[error("the quote does not end on its line; close it with ' and write line ends as \\n")]
    OpenQuote,
    /// Something that is no attribute and no contents.
    #[error("unexpected {0}; attributes are key=value, contents are quoted")]
    Unexpected(String),
    /// An attribute that does not exist.
    #[error("unknown attribute {0}; known are mode, uid, gid, mtime, size, alloc and xattr.NAME")]
    UnknownAttribute(String),
    /// A number that cannot be read.
    #[error("{0} needs {1}")]
    Number(&'static str, &'static str),
    /// Something after `->`, `=`, `c` or `b` is missing.
    #[error("{0} is missing after {1}")]
    Missing(&'static str, &'static str),
    /// Two things that cannot both be true of one node.
    #[error("the line says that the node is {0} and that it is {1}")]
    Conflict(&'static str, &'static str),
    /// A path that an earlier line has made already.
    #[error("the path exists already")]
    Exists,
    /// A hard link to nothing.
    #[error("no earlier line makes the path that the link names")]
    NoLinkSource,
    /// The filesystem refuses, with the errno that it would give the super-user.
    #[error("the filesystem refuses: {0}")]
    Refused(Errno),
}
