//! Where a path of the log is, seen from the root that is imported.
//!
//! Everything here is about text: `..` is resolved by dropping a component, because a log does not
//! say which components are symbolic links. What a reader would get wrong: the path that is kept
//! is the one *as written* (`./a//b`, `a/../b`), so that a replay walks as the program did; only
//! what leads through the outside is rewritten to begin at the root.

use super::error::ImportError;

/// The directory whose calls are imported.
#[derive(Clone, Debug)]
pub(super) struct Root {
    parts: Vec<Vec<u8>>,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Located {
    /// It is relative to a directory that the log has not told yet.
    Unknown,
    /// Not below the root.
    Outside,
    /// Below the root, or the root.
    Inside {
        /// The path from the root on, normalised: `/` or `/a/b`.
        full: Vec<u8>,
        /// What the trace says: as written, or from the root on when it begins with `/`.
        written: Vec<u8>,
    },
}

impl Root {
    /// Reads `--root`.
    pub(super) fn new(path: &[u8]) -> Result<Root, ImportError> {
        let parts: Vec<Vec<u8>> = components(path).map(<[u8]>::to_vec).collect();
        let is_plain = parts.iter().all(|part| part != b"." && part != b"..");
        if path.first() != Some(&b'/') || !is_plain {
            return Err(ImportError::Root(path.escape_ascii().to_string()));
        }
        Ok(Root { parts })
    }

    /// Whether an absolute path is the root or below it.
    pub(super) fn contains(&self, path: &[u8]) -> bool {
        matches!(self.locate(None, path), Located::Inside { .. })
    }

    /// A path that begins at the root as the log's machine sees it.
    pub(super) fn outer(&self, full: &[u8]) -> Vec<u8> {
        let mut path = Vec::new();
        for part in &self.parts {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        if path.is_empty() || full != b"/" {
            path.extend_from_slice(full);
        }
        path
    }

    /// An absolute path as seen from the root.
    pub(super) fn strip(&self, path: &[u8]) -> Option<Vec<u8>> {
        match self.locate(None, path) {
            Located::Inside { full, .. } => Some(full),
            Located::Unknown | Located::Outside => None,
        }
    }

    /// Where `path` leads from the directory `base` (absolute, as the log's machine sees it).
    pub(super) fn locate(&self, base: Option<&[u8]>, path: &[u8]) -> Located {
        let is_absolute = path.first() == Some(&b'/');
        let mut stack: Vec<&[u8]> = Vec::new();
        if !is_absolute {
            let Some(base) = base else { return Located::Unknown };
            stack.extend(components(base));
        }
        let starts_inside = !is_absolute && self.is_prefix_of(&stack);
        let mut stays_inside = starts_inside;
        // Where in `path` the last way into the root ends.
        let mut entered = self.is_prefix_of(&stack).then_some(0);
        let mut at = 0;
        for part in path.split(|byte| *byte == b'/') {
            let end = at + part.len();
            at = end + 1;
            match part {
                b"" | b"." => continue,
                b".." => {
                    stack.pop();
                }
                _ => stack.push(part),
            }
            if !self.is_prefix_of(&stack) {
                entered = None;
                stays_inside = false;
            } else if entered.is_none() {
                entered = Some(end);
            }
        }
        let Some(entered) = entered else { return Located::Outside };
        let mut full = Vec::with_capacity(path.len());
        for part in &stack[self.parts.len()..] {
            full.push(b'/');
            full.extend_from_slice(part);
        }
        if full.is_empty() {
            full.push(b'/');
        }
        let written = if stays_inside {
            path.to_vec()
        } else {
            let rest = path.get(entered..).unwrap_or_default();
            let rest = if rest.is_empty() { b"/" } else { rest };
            if rest.first() == Some(&b'/') { rest.to_vec() } else { [b"/", rest].concat() }
        };
        Located::Inside { full, written }
    }

    fn is_prefix_of(&self, stack: &[&[u8]]) -> bool {
        stack.len() >= self.parts.len()
            && self.parts.iter().zip(stack).all(|(part, found)| part == found)
    }
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
}

/// An absolute path without `.`, `..` and doubled slashes.
pub(super) fn normalise(path: &[u8]) -> Vec<u8> {
    let mut stack: Vec<&[u8]> = Vec::new();
    for part in components(path) {
        match part {
            b"." => {}
            b".." => {
                stack.pop();
            }
            _ => stack.push(part),
        }
    }
    let mut normal = Vec::with_capacity(path.len());
    for part in &stack {
        normal.push(b'/');
        normal.extend_from_slice(part);
    }
    if normal.is_empty() {
        normal.push(b'/');
    }
    normal
}

/// Where `path` leads from `base`, both as the log's machine sees them; `None` when it is relative
/// and the base is not known.
pub(super) fn join(base: Option<&[u8]>, path: &[u8]) -> Option<Vec<u8>> {
    if path.first() == Some(&b'/') {
        return Some(normalise(path));
    }
    base.map(|base| normalise(&[base, b"/", path].concat()))
}

/// A path without its last component: `/a` of `/a/b`, `/` of `/a`.
pub(super) fn parent(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(0) | None => b"/",
        Some(slash) => &path[..slash],
    }
}

#[cfg(test)]
mod tests {
    use super::{Located, Root, join, normalise, parent};

    fn check(base: &str, path: &str, expected: Option<(&str, &str)>) {
        let root = Root::new(b"/srv/work").unwrap();
        let found = root.locate(Some(base.as_bytes()), path.as_bytes());
        let expected = expected.map_or(Located::Outside, |(full, written)| Located::Inside {
            full: full.into(),
            written: written.into(),
        });
        assert_eq!(found, expected, "{path} from {base}");
    }

    #[test]
    fn paths_inside_are_kept_as_written() {
        check("/srv/work", "a", Some(("/a", "a")));
        check("/srv/work", "", Some(("/", "")));
        check("/srv/work", ".", Some(("/", ".")));
        check("/srv/work/d", "../a//./b/", Some(("/a/b", "../a//./b/")));
        check("/srv/work/d", "..", Some(("/", "..")));
    }

    #[test]
    fn absolute_paths_begin_at_the_root() {
        check("/", "/srv/work", Some(("/", "/")));
        check("/", "/srv/work/", Some(("/", "/")));
        check("/", "/srv//work/./a", Some(("/a", "/./a")));
        check("/", "/srv/x/../work/a/../b", Some(("/b", "/a/../b")));
        check("/", "/srv/workshop", None);
        check("/", "/srv/work/..", None);
        check("/", "/srv", None);
    }

    #[test]
    fn a_way_through_the_outside_is_rewritten() {
        check("/srv", "work/a", Some(("/a", "/a")));
        check("/srv/work/d", "../../work/a", Some(("/a", "/a")));
        check("/srv/work/d", "../..", None);
        check("/srv/work/d", "../../../etc/passwd", None);
        check("/srv/work", "/srv/work/../work/./a", Some(("/a", "/./a")));
    }

    #[test]
    fn the_whole_tree_can_be_the_root() {
        let root = Root::new(b"/").unwrap();
        assert!(root.contains(b"/etc"));
        assert_eq!(root.strip(b"/etc/passwd"), Some(b"/etc/passwd".to_vec()));
        assert_eq!(root.strip(b"/"), Some(b"/".to_vec()));
        assert_eq!(root.locate(None, b"a"), Located::Unknown);
    }

    #[test]
    fn a_root_that_is_not_absolute_is_refused() {
        for path in ["", "srv", "/srv/../x", "/srv/./x"] {
            assert!(Root::new(path.as_bytes()).is_err(), "{path}");
        }
        assert!(Root::new(b"/srv/work/").is_ok());
    }

    #[test]
    fn joining_resolves_dots() {
        assert_eq!(join(Some(b"/a/b"), b"../c/./d/"), Some(b"/a/c/d".to_vec()));
        assert_eq!(join(None, b"/x//y/.."), Some(b"/x".to_vec()));
        assert_eq!(join(None, b"x"), None);
        assert_eq!(normalise(b"/../.."), b"/");
        let root = Root::new(b"/srv/work").unwrap();
        assert_eq!(root.outer(b"/a"), b"/srv/work/a");
        assert_eq!(root.outer(b"/"), b"/srv/work");
        assert_eq!(Root::new(b"/").unwrap().outer(b"/"), b"/");
    }

    #[test]
    fn a_parent_is_a_path() {
        assert_eq!(parent(b"/a/b"), b"/a");
        assert_eq!(parent(b"/a"), b"/");
    }
}
