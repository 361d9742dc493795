//! Simpler forms of a whole case in its names: one that is shorter wherever it stands, or one
//! directory less on every way through it.
//!
//! A name stands in paths and in what symbolic links lead to, of the tree and of the calls. What a
//! reader would get wrong: nothing here knows whether a name means something to the filter; where
//! it does, the simpler case fails no longer.

use std::collections::BTreeSet;

use super::simpler::with_path;
use super::tree::{paths, with_paths};
use crate::sim::{Action, Case, Text};

/// Every case that has one name shorter, or one directory less.
pub(super) fn joint(case: &Case) -> Vec<Case> {
    let names = names(case);
    let letter = (b'a'..=b'z').map(|letter| char::from(letter).to_string());
    let free = letter.into_iter().find(|letter| !names.contains(letter));
    let mut cases = Vec::new();
    for name in names.iter().filter(|name| name.len() > 1) {
        let Some(free) = &free else { break };
        cases.push(mapped(case, |path| renamed(path, name, free)));
    }
    cases.extend(names.iter().map(|name| mapped(case, |path| without_directory(path, name))));
    cases.retain(|simpler| simpler != case);
    cases
}

/// The names in a case, as they are written there.
fn names(case: &Case) -> BTreeSet<String> {
    let lines = case.tree.lines().flat_map(paths).map(str::to_owned);
    let actions = case.clients.iter().flat_map(|program| &program.actions);
    let named = actions.flat_map(|action| (0..PLACES).filter_map(|place| path_at(action, place)));
    let all = lines.chain(named.map(Text::to_string));
    let names = all.flat_map(|path| path.split('/').map(str::to_owned).collect::<Vec<String>>());
    names.filter(|name| !matches!(name.as_str(), "" | "." | "..")).collect()
}

/// A path with another name where that one stands.
fn renamed(path: &str, name: &str, to: &str) -> String {
    let names = path.split('/').map(|other| if other == name { to } else { other });
    names.collect::<Vec<&str>>().join("/")
}

/// A path that goes through no directory of that name.
fn without_directory(path: &str, name: &str) -> String {
    let names: Vec<&str> = path.split('/').collect();
    let ends = |place: usize| names[place + 1..].iter().all(|rest| rest.is_empty());
    let kept = (0..names.len()).filter(|place| names[*place] != name || ends(*place));
    kept.map(|place| names[place]).collect::<Vec<&str>>().join("/")
}

/// Paths of an action, what a symbolic link leads to included.
const PLACES: usize = 2;

fn path_at(action: &Action, place: usize) -> Option<&Text> {
    match action {
        Action::Symlink { target, .. } if place == 1 => Some(target),
        _ => action.named_paths()[place],
    }
}

fn with_path_at(action: &Action, place: usize, to: Text) -> Action {
    match action {
        Action::Symlink { path, .. } if place == 1 => {
            Action::Symlink { target: to, path: path.clone() }
        }
        _ => with_path(action, place, to),
    }
}

/// The case with every path as `map` makes it.
fn mapped(case: &Case, map: impl Fn(&str) -> String) -> Case {
    let mut case = case.clone();
    let lines: Vec<String> = case.tree.lines().map(|line| with_paths(line, &map)).collect();
    case.tree = lines.join("\n");
    for action in case.clients.iter_mut().flat_map(|program| &mut program.actions) {
        for place in 0..PLACES {
            let to = path_at(action, place).and_then(|path| Text::parse(&map(&path.to_string())));
            if let Some(to) = to {
                *action = with_path_at(action, place, to);
            }
        }
    }
    case
}

#[cfg(test)]
mod tests {
    use super::joint;
    use crate::sim::{Action, Case, Program};

    fn case(tree: &str, actions: Vec<Action>) -> Case {
        Case { tree: tree.to_owned(), clients: vec![Program::of(0, actions)], ..Case::default() }
    }

    #[test]
    fn a_name_is_shorter_wherever_it_stands() {
        let link = Action::Symlink { target: "dir/file".into(), path: "a".into() };
        let mv = Action::Rename { old: "dir/file".into(), new: "dir/a".into(), flags: 0 };
        let old = case("/dir/\n/dir/file 'dir'\n/l -> dir/file", vec![link, mv]);
        let link = Action::Symlink { target: "b/file".into(), path: "a".into() };
        let mv = Action::Rename { old: "b/file".into(), new: "b/a".into(), flags: 0 };
        let new = case("/b/\n/b/file 'dir'\n/l -> b/file", vec![link, mv]);
        assert!(joint(&old).contains(&new), "{:?}", joint(&old));
    }

    #[test]
    fn what_was_in_a_directory_is_where_the_directory_is() {
        let stat = Action::Stat { path: "/d/e/f".into(), follow: true };
        let old = case("/d/\n/d/e/\n/d/e/f 'd/e'\n/g = /d/e/f", vec![stat]);
        let stat = Action::Stat { path: "/e/f".into(), follow: true };
        let new = case("/d/\n/e/\n/e/f 'd/e'\n/g = /e/f", vec![stat]);
        assert_eq!(joint(&old)[0], new, "{:?}", joint(&old));
    }

    #[test]
    fn the_plainest_case_has_no_simpler_form() {
        assert_eq!(joint(&case("/a ''\n/b -> a", vec![])), []);
    }
}
