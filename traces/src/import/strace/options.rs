//! What the caller says about a log.

/// What the caller says about a log.
///
/// ```
/// use fuserig_traces::import::StraceOptions;
/// let options = StraceOptions::new("/srv/work");
/// assert_eq!(options.root, b"/srv/work");
/// assert_eq!(options.start, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StraceOptions {
    /// The directory whose calls are imported: an absolute path without symbolic links, as the
    /// annotations of `-y` have it.
    pub root: Vec<u8>,
    /// The working directory of the first process, for logs of strace before 6.0, which do not
    /// show it. Wrong guesses are put right by the first annotation that tells.
    pub start: Option<Vec<u8>>,
}

impl StraceOptions {
    /// Options for a root.
    pub fn new(root: impl AsRef<[u8]>) -> StraceOptions {
        StraceOptions { root: root.as_ref().to_vec(), start: None }
    }
}
