//! Which invariants and which tree fit a filter that is known by name.
//!
//! `hide` must hide, `readonly` must change nothing, `audit` must be transparent; any filter must
//! keep the kernel alive, leak nothing, give everything back and fail only as manual pages say.
//! What a reader would get wrong: a filter of one's own gets the general ones alone; what it
//! promises besides is for its author to say.

use fuserig_abi::{Errno, Uid};
use fuserig_sim_fs::Durability;

use super::{Action, Text};
use crate::invariant::{self, Invariant};

/// What to judge a filter by, and over what.
///
/// ```
/// use fuserig::sim::Fitting;
/// let fitting = Fitting::of("hide:*.jpg");
/// assert_eq!(fitting.names[0].to_string(), "x.jpg");
/// let names: Vec<&str> = fitting.invariants.iter().map(|each| each.name()).collect();
/// assert!(names.contains(&"never_visible"));
/// ```
#[derive(Debug)]
pub struct Fitting {
    /// The invariants.
    pub invariants: Vec<Box<dyn Invariant>>,
    /// Names that the filter is about.
    pub names: Vec<Text>,
    /// A lower tree that holds them.
    pub tree: String,
}

/// What a star stands for in names of which a filter may see a part only.
const LONG: &str = "more-than-a-cache-line-has-and-than-most-have-put-aside-for-a-name";

/// Names that a pattern of the built-in filters matches: a star stands for an `x`, for nothing, for
/// much, and for what begins as the pattern does.
fn samples(pattern: &str) -> impl Iterator<Item = Text> {
    let mut stars = vec!["x".to_owned()];
    if pattern.contains('*') {
        let again = format!("{}x", pattern.replace('*', ""));
        stars.extend([String::new(), LONG.to_owned(), again]);
    }
    let names = stars.into_iter().map(|star| Text(pattern.replace('*', &star).into_bytes()));
    names.filter(|name| is_component(&name.0))
}

/// Names that are almost what a pattern means: a letter is too many, or the letters are capitals.
fn neighbours(pattern: &str) -> impl Iterator<Item = Text> {
    let longer = match pattern.strip_suffix('*') {
        Some(start) => format!("x{start}"),
        None => format!("{}x", pattern.trim_start_matches('*')),
    };
    let capital = pattern.replace('*', "x").to_ascii_uppercase();
    [longer, capital].into_iter().map(|name| Text(name.into_bytes()))
}

/// The bytes and files of `quota`, where they can be read. As [`is_meant`], it has no code in
/// common with the filter.
fn limits(text: &str) -> Option<(u64, Option<u64>)> {
    let (bytes, files) = text.split_once(',').unzip();
    let bytes = bytes.unwrap_or(text);
    let number = bytes.trim_end_matches(['K', 'M', 'G']);
    let shift = match &bytes[number.len()..] {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return None,
    };
    let files = files.map(str::parse).transpose().ok()?;
    Some((number.parse::<u64>().ok()?.checked_mul(1 << shift)?, files))
}

/// Whether a pattern of the built-in filters means a name. The filters have their own code for
/// this: what judges a filter must not have its mistakes.
fn is_meant(pattern: &[u8], name: &[u8]) -> bool {
    let is_special = name == b"." || name == b"..";
    !is_special
        && match pattern {
            [b'*', end @ ..] => name.len() >= end.len() && name[name.len() - end.len()..] == *end,
            [start @ .., b'*'] => name.get(..start.len()) == Some(start),
            exact => name == exact,
        }
}

/// What the filters of the library promise that have no invariant beside others, and how they
/// refuse the rest.
fn of_library(name: &str, parameters: &str) -> Option<Vec<Box<dyn Invariant>>> {
    let promise: Box<dyn Invariant> = match name {
        "deny_uid" => Box::new(invariant::keeps_out(Uid(parameters.parse().ok()?))),
        "uid_quota" => Box::new(invariant::creates_at_most(parameters.parse().ok()?)),
        "write_limit" => Box::new(invariant::ends_at(parameters.parse().ok()?)),
        "strip_setid" => return Some(vec![Box::new(invariant::never_setid())]),
        "xattr_guard" => Box::new(invariant::guards("user.guard.")),
        _ => return None,
    };
    let filter = name.to_owned();
    let means = move |action: &Action, errno| match (filter.as_str(), action) {
        ("deny_uid", _) => errno == Errno::EACCES,
        ("uid_quota", _) => errno == Errno::EDQUOT,
        ("xattr_guard", Action::Getxattr { .. }) => errno == Errno::ENODATA,
        ("xattr_guard", _) => errno == Errno::EPERM,
        ("write_limit", Action::Open { .. }) => errno == Errno::EPERM,
        ("write_limit", Action::Copy { .. }) => errno == Errno::EINVAL,
        ("write_limit", Action::Fallocate { .. }) => {
            matches!(errno, Errno::EFBIG | Errno::EOPNOTSUPP)
        }
        _ => errno == Errno::EFBIG,
    };
    Some(vec![promise, Box::new(invariant::refuses_only(means))])
}

impl Fitting {
    /// What fits the filter that the command line calls so.
    pub fn of(spec: &str) -> Fitting {
        let mut promised = Fitting::promised(spec);
        promised.invariants.splice(..0, general());
        promised
    }

    /// What the filter of that name promises besides what holds for every filter, and over what.
    fn promised(spec: &str) -> Fitting {
        let (name, parameters) = spec.split_once(':').unwrap_or((spec, ""));
        let patterns = match name {
            "hide" | "redact" => parameters.split(',').filter(|text| !text.is_empty()).collect(),
            _ => Vec::new(),
        };
        let meant = patterns.iter().flat_map(|pattern| samples(pattern));
        let near = patterns.iter().flat_map(|pattern| neighbours(pattern));
        let names: Vec<Text> = meant.chain(near).collect();
        let mut invariants: Vec<Box<dyn Invariant>> = Vec::new();
        let patterns: Vec<Vec<u8>> =
            patterns.iter().map(|pattern| pattern.as_bytes().to_vec()).collect();
        let matches = move |name: &[u8]| patterns.iter().any(|pattern| is_meant(pattern, name));
        match name {
            "hide" => {
                invariants.push(Box::new(invariant::never_visible_where(matches.clone())));
                invariants.push(Box::new(invariant::hides_only(matches)));
                invariants.push(Box::new(invariant::no_data_lost()));
            }
            "readonly" => invariants.push(Box::new(invariant::read_only())),
            "audit" | "audit_ring" | "none" | "" => {
                invariants.push(Box::new(invariant::transparent()));
                invariants.push(Box::new(invariant::no_data_lost()));
                invariants.push(Box::new(invariant::posix()));
                invariants.push(Box::new(invariant::atomic_changes()));
            }
            // They ask a daemon, which agrees.
            "media_view" | "lookup_post" | "readdir_redact" => {
                invariants.push(Box::new(invariant::no_data_lost()));
                invariants.push(Box::new(invariant::posix()));
                invariants.push(Box::new(invariant::atomic_changes()));
            }
            "redact" => {
                // What is shown instead may match as well.
                let meant = matches.clone();
                let shown = move |name: &[u8]| meant(name) && name.iter().any(|b| *b != b'x');
                invariants.push(Box::new(invariant::never_listed(shown)));
                invariants.push(Box::new(invariant::redacts_only(matches)));
                invariants.push(Box::new(invariant::no_data_lost()));
            }
            "quota" => {
                if let Some((bytes, files)) = limits(parameters) {
                    invariants.push(Box::new(invariant::within_quota(bytes, files)));
                }
                // What it cannot count it refuses, so that it is read and written instead.
                let means = |action: &Action, errno| match action {
                    Action::Copy { .. } => errno == Errno::EINVAL,
                    _ => errno == Errno::EDQUOT,
                };
                invariants.push(Box::new(invariant::refuses_only(means)));
                invariants.push(Box::new(invariant::no_data_lost()));
            }
            _ => invariants.extend(of_library(name, parameters).into_iter().flatten()),
        }
        let known = ["hide", "readonly", "audit", "none", "", "redact", "quota"].contains(&name);
        if known {
            invariants.push(Box::new(invariant::tells_errors()));
        }
        let tree = tree(&names);
        Fitting { invariants, names, tree }
    }
}

impl Fitting {
    /// The filter is about these names as well; the tree has them.
    #[must_use]
    pub fn about(mut self, names: impl IntoIterator<Item = Text>) -> Fitting {
        for name in names {
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        }
        self.tree = tree(&self.names);
        self
    }

    /// The filter promises what another does, and is about what that one is about; nothing where
    /// the other promises no more than every filter.
    pub(crate) fn promising(self, other: &str) -> Option<Fitting> {
        let promised = Fitting::promised(other);
        let mut fitting = self.about(promised.names);
        (!promised.invariants.is_empty()).then(|| {
            fitting.invariants.extend(promised.invariants);
            fitting
        })
    }

    /// The filter is about this name, and what is almost this name is there as well.
    pub(crate) fn about_name(self, name: &str) -> Fitting {
        self.about([name.into()].into_iter().chain(neighbours(name)))
    }

    /// The tree has the words that a filter mentions, as far as they can be names.
    pub(crate) fn mentioning(&mut self, words: &[Vec<u8>]) {
        let mut names = self.names.clone();
        names.extend(words.iter().take(WORDS_MAX).map(|word| Text(word.clone())));
        self.tree = tree(&names);
        let attributes = words.iter().filter_map(|word| attribute(word)).take(WORDS_MAX);
        let attributes: String = attributes.map(|name| format!(" xattr.{name}='g'")).collect();
        let has = |line: &str| if line.starts_with("/b ") { &attributes[..] } else { "" };
        let lines = self.tree.lines().map(|line| format!("{line}{}\n", has(line)));
        self.tree = lines.collect();
    }

    /// Power may be lost: what was synced must survive, and names must change at once.
    pub(crate) fn expect_crashes(&mut self, durability: Durability) {
        self.invariants.push(Box::new(invariant::durable(durability)));
        self.invariants.push(Box::new(invariant::atomic_names()));
    }
}

/// Words of a filter that the tree has as names.
const WORDS_MAX: usize = 6;

/// The name of an extended attribute, where a word is one or the beginning of one: what a filter
/// keeps clients from making can be there from the start only.
fn attribute(word: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(word).ok()?;
    let rest = text.strip_prefix("user.").or_else(|| text.strip_prefix("trusted."))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = !rest.is_empty() && text.len() < 250 && rest.bytes().all(plain);
    fits.then(|| if text.ends_with('.') { format!("{text}a") } else { text.to_owned() })
}

/// What holds for every filter.
fn general() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(invariant::errno_envelope()),
        Box::new(invariant::no_leak()),
        Box::new(invariant::balance()),
    ]
}

/// Whether a directory can have an entry of that name.
fn is_component(name: &[u8]) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.contains(&b'/') && name != b"." && name != b".."
}

/// A small tree with a bit of everything, and each name in two places, and a directory of that
/// name in a third.
fn tree(names: &[Text]) -> String {
    let mut lines = vec![
        "/notes.txt 'hello'".to_owned(),
        "/d/".to_owned(),
        "/d/a 'abc' xattr.user.a='v' xattr.trusted.t='t'".to_owned(),
        "/d/c/".to_owned(),
        "/d/.h/".to_owned(),
        "/d/.h/a 'within'".to_owned(),
        "/.x 'dot'".to_owned(),
        "/b mode=0666 'bbb' @4090 'over the edge' xattr.trusted.t='t'".to_owned(),
        "/c mode=0777 uid=1000 gid=1000 'c'".to_owned(),
        "/link -> d/a".to_owned(),
        "/e/ mode=0777".to_owned(),
        "/t/ mode=01777".to_owned(),
        "/t/mine mode=0600 uid=1000 gid=1000 'mine'".to_owned(),
    ];
    for name in names.iter().filter(|name| is_component(&name.0)) {
        let name = name.to_string().replace(' ', "\\x20");
        let top = (format!("/{name}"), "top");
        let below = (format!("/d/{name}"), "below");
        let within = (format!("/e/{name}/a"), "within");
        for (path, content) in [top, below, within] {
            let is_there = |line: &String| {
                line.strip_prefix(&path).is_some_and(|rest| rest.starts_with([' ', '/']))
            };
            if !lines.iter().any(is_there) {
                lines.push(format!("{path} '{content}'"));
            }
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use fuserig_filters::{Patterns, QuotaLimits};
    use fuserig_sim_fs::MemFs;

    use super::{Fitting, Text, is_meant, limits};

    #[test]
    fn a_file_has_the_attributes_that_a_filter_mentions() {
        let mut fitting = Fitting::of("xattr_guard");
        fitting.mentioning(&[b"user.guard.".to_vec(), b"user.".to_vec(), b"user.x y".to_vec()]);
        let fs = MemFs::from_tree(&fitting.tree).expect("a tree");
        let file = fs.find(b"/b").expect("it is there").ino;
        let names: Vec<_> = fs.xattrs_of(file).keys().map(|name| name.to_vec()).collect();
        assert_eq!(names, [b"trusted.t".to_vec(), b"user.guard.a".to_vec()]);
    }

    #[test]
    fn what_the_library_promises_can_be_asked_of_others() {
        let of_mine = || Fitting::of("mine.o");
        for promised in ["deny_uid:7", "uid_quota:2", "write_limit:9", "xattr_guard", "hide:a"] {
            let judges = of_mine().promising(promised).expect("it promises something").invariants;
            assert!(judges.len() > of_mine().invariants.len(), "{promised}");
        }
        for unknown in ["trace_ops", "uid_quota:x", "mine.o"] {
            assert!(of_mine().promising(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn every_pattern_has_a_tree() {
        let twice = ["hide:.secret,*.tmp", "hide:a,a*,*a"];
        let taken = ["hide:a", "hide:b,c,d", "hide:link,notes.txt,e", "hide:.h,.x"];
        for spec in twice.into_iter().chain(taken).chain(["hide:a/b,.,..", "redact:a b"]) {
            let tree = Fitting::of(spec).tree;
            assert!(MemFs::from_tree(&tree).is_ok(), "{spec}: {tree}");
        }
    }

    #[test]
    fn limits_are_those_of_the_filter() {
        for text in ["0", "1", "16K", "3M,7", "2G,0", "64K,3", "7,x", "", "K", "1KK", "1k", "1,2,3"]
        {
            let of_filter = QuotaLimits::parse(text).map(|limits| (limits.bytes, limits.files));
            assert_eq!(limits(text), of_filter.ok(), "{text}");
        }
    }

    #[test]
    fn a_pattern_means_what_its_filter_matches() {
        let names = ["", ".", "..", "a", "ab", "ba", "aba", "b", "x.tmp", ".tmp", "tmp", ".tmpx"];
        for pattern in ["a", "a*", "*a", "*", "*.tmp", ".*", "ab*"] {
            let filter = Patterns::parse(pattern).expect("well-formed");
            for name in names.map(str::as_bytes) {
                let meant = is_meant(pattern.as_bytes(), name);
                assert_eq!(meant, filter.matches(name), "{pattern} {}", name.escape_ascii());
            }
        }
    }

    #[test]
    fn the_tree_has_what_a_filter_is_about_besides() {
        let tree = Fitting::of("readonly").about([".secret".into()]).tree;
        assert!(tree.contains("/.secret 'top'\n/d/.secret 'below'"), "{tree}");
        let mut fitting = Fitting::of("hide:b");
        fitting.mentioning(&[b"user.a".to_vec(), b"x/y".to_vec(), b"a b".to_vec()]);
        assert!(fitting.tree.contains("/user.a 'top'"), "{}", fitting.tree);
        assert!(MemFs::from_tree(&fitting.tree).is_ok(), "{}", fitting.tree);
        let names: Vec<String> = fitting.names.iter().map(Text::to_string).collect();
        assert_eq!(names, ["b", "bx", "B"], "words are no names of interest");
    }
}
