//! Symbolic links, for the sake of those that leave the path they stand in: absolute ones.
//!
//! The trace begins at the imported root, so an absolute target means another place there than it
//! meant on the log's machine. The links that the log shows being made or read are remembered
//! here, and paths through an absolute one are rewritten to where they lead: to a path from the
//! root on, or out of it. What a reader would get wrong: relative links are kept only because they
//! may lead to an absolute one; a path through relative links alone stays as it is, for a replay
//! follows them as the program did. A link that the log never shows stays unknown.

use std::collections::BTreeMap;

/// As many links as a path may follow (man 7 path_resolution).
const FOLLOW_MAX: u32 = 40;
/// Links remembered; a log with more is still imported, without the help of the later ones.
const LINKS_MAX: usize = 100_000;

/// Links below the root: where they stand (absolute), and where they lead (as written).
#[derive(Debug, Default)]
pub(super) struct Links {
    targets: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Whether any was ever absolute.
    has_absolute: bool,
}

impl Links {
    /// A link stands at `path` (absolute, normalised) and leads to `target`.
    pub(super) fn learn(&mut self, path: Vec<u8>, target: &[u8]) {
        self.has_absolute |= target.first() == Some(&b'/');
        if self.targets.len() < LINKS_MAX || self.targets.contains_key(&path) {
            self.targets.insert(path, target.to_vec());
        }
    }

    /// Whatever stood at `path` or below it stands there no more.
    pub(super) fn forget(&mut self, path: &[u8]) {
        for path in self.below(path) {
            self.targets.remove(&path);
        }
    }

    /// What stood at `from` or below it stands at `to` now.
    pub(super) fn rename(&mut self, from: &[u8], to: &[u8]) {
        let moved: Vec<_> = self
            .below(from)
            .into_iter()
            .filter_map(|path| self.targets.remove_entry(&path))
            .collect();
        self.forget(to);
        for (path, target) in moved {
            self.targets.insert([to, &path[from.len()..]].concat(), target);
        }
    }

    /// The two places are exchanged.
    pub(super) fn exchange(&mut self, left: &[u8], right: &[u8]) {
        // No path has a NUL byte, so nothing stands there.
        let aside = b"\0";
        self.rename(left, aside);
        self.rename(right, left);
        self.rename(aside, right);
    }

    /// Where `path` (absolute, normalised) leads when it goes through a known absolute link; `None`
    /// when it goes through none. The last component is followed only if `follow` says so.
    pub(super) fn resolve(&self, path: &[u8], follow: bool) -> Option<Vec<u8>> {
        if !self.has_absolute {
            return None;
        }
        let mut current = path.to_vec();
        let mut changed = false;
        for _ in 0..FOLLOW_MAX {
            let ends = (1..=current.len())
                .filter(|end| *end == current.len() || current[*end] == b'/')
                .filter(|end| follow || *end < current.len());
            let found =
                ends.filter_map(|end| Some((end, self.targets.get(&current[..end])?))).next();
            let Some((end, target)) = found else {
                return changed.then_some(current);
            };
            let is_absolute = target.first() == Some(&b'/');
            let mut next = match is_absolute {
                true => Vec::new(),
                false => [super::root::parent(&current[..end]), b"/"].concat(),
            };
            next.extend_from_slice(target);
            next.extend_from_slice(&current[end..]);
            current = super::root::normalise(&next);
            changed |= is_absolute;
        }
        None
    }

    fn below(&self, path: &[u8]) -> Vec<Vec<u8>> {
        self.targets
            .range(path.to_vec()..)
            .map(|(known, _)| known)
            .take_while(|known| known.starts_with(path))
            .filter(|known| known.len() == path.len() || known[path.len()] == b'/')
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Links;

    fn check(links: &Links, path: &str, follow: bool, expected: Option<&str>) {
        let found = links.resolve(path.as_bytes(), follow);
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{path}");
    }

    #[test]
    fn paths_through_absolute_links_lead_elsewhere() {
        let mut links = Links::default();
        links.learn(b"/w/abs".to_vec(), b"/w/d");
        links.learn(b"/w/out".to_vec(), b"/etc/../usr");
        links.learn(b"/w/d/again".to_vec(), b"/w/abs/x");
        links.learn(b"/w/rel".to_vec(), b"d");
        check(&links, "/w/abs/a", true, Some("/w/d/a"));
        check(&links, "/w/abs", true, Some("/w/d"));
        check(&links, "/w/abs", false, None);
        check(&links, "/w/out/lib", false, Some("/usr/lib"));
        check(&links, "/w/abs/again", true, Some("/w/d/x"));
        check(&links, "/w/rel/a", true, None);
        check(&links, "/w/absolutely", true, None);
        links.learn(b"/w/d/up".to_vec(), b"../out");
        check(&links, "/w/d/up", true, Some("/usr"));
        check(&links, "/w/d/up", false, None);
        check(&links, "/w/d/up/bin", false, Some("/usr/bin"));
    }

    #[test]
    fn a_loop_has_an_end() {
        let mut links = Links::default();
        links.learn(b"/w/a".to_vec(), b"/w/b");
        links.learn(b"/w/b".to_vec(), b"/w/a");
        check(&links, "/w/a", true, None);
    }

    #[test]
    fn links_move_and_vanish_with_their_directories() {
        let mut links = Links::default();
        links.learn(b"/w/d/abs".to_vec(), b"/w/x");
        links.learn(b"/w/dd".to_vec(), b"/w/y");
        links.rename(b"/w/d", b"/w/e");
        check(&links, "/w/d/abs", true, None);
        check(&links, "/w/e/abs", true, Some("/w/x"));
        check(&links, "/w/dd", true, Some("/w/y"));
        links.exchange(b"/w/e/abs", b"/w/dd");
        check(&links, "/w/dd", true, Some("/w/x"));
        check(&links, "/w/e/abs", true, Some("/w/y"));
        links.forget(b"/w/e");
        check(&links, "/w/e/abs", true, None);
    }
}
