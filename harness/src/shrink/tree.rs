//! Simpler forms of one line of the initial tree: without one attribute, or without contents; and
//! the paths in one.
//!
//! It cuts a line into words as the reader of tree text does, and never takes away what says that
//! a node is a link or a device, nor the path. It refuses to know what words mean. What a reader
//! would get wrong: a form may be no legal line, and then it is no smaller case either, because a
//! tree that cannot be read fails nothing.

/// Words that say what a node is, with the word behind them.
const WITH_OPERAND: [&str; 4] = ["->", "=", "c", "b"];

/// The line without each single word that can be left out, in order.
pub(super) fn plainer(line: &str) -> Vec<String> {
    let words = words(line);
    let mut list = Vec::new();
    let mut place = 1;
    while place < words.len() {
        if WITH_OPERAND.contains(&words[place]) {
            place += 2;
            continue;
        }
        let rest = [&words[..place], &words[place + 1..]].concat();
        if !matches!(words[place], "p" | "s") {
            list.push(rest.join(" "));
        }
        place += 1;
    }
    list
}

/// Words that say where a node leads, with a path behind them.
const WITH_PATH: [&str; 2] = ["->", "="];

/// Whether the word at a place is a path.
fn is_path(words: &[&str], place: usize) -> bool {
    place == 0 || WITH_PATH.contains(&words[place - 1])
}

/// The paths of a line: of the node itself, and where it leads.
pub(super) fn paths(line: &str) -> Vec<&str> {
    let words = words(line);
    (0..words.len()).filter(|place| is_path(&words, *place)).map(|place| words[place]).collect()
}

/// The line with its paths as `map` makes them.
pub(super) fn with_paths(line: &str, map: impl Fn(&str) -> String) -> String {
    let words = words(line);
    let word = |place: usize| match is_path(&words, place) {
        true => map(words[place]),
        false => words[place].to_owned(),
    };
    (0..words.len()).map(word).collect::<Vec<String>>().join(" ")
}

/// The words of a line; a quoted one may have spaces.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii();
    while !rest.is_empty() {
        let (word, tail) = rest.split_at(length(rest));
        words.push(word);
        rest = tail.trim_ascii_start();
    }
    words
}

/// How long the first word is.
fn length(text: &str) -> usize {
    let opens = match text.strip_prefix("xattr.").and_then(|name| name.find("='")) {
        // The name of an attribute has no spaces of its own.
        Some(place) if !text[..place].contains(' ') => Some("xattr.".len() + place + 1),
        _ => text.starts_with('\'').then_some(0),
    };
    let Some(quote) = opens else { return text.find(' ').unwrap_or(text.len()) };
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(quote + 1) {
        match byte {
            b'\'' if !escaped => return at + 1,
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::plainer;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        assert_eq!(plainer(line), expected, "{line}");
    }

    #[test]
    fn a_line_loses_one_attribute_or_its_contents() {
        check("/a mode=0600 uid=7", &["/a uid=7", "/a mode=0600"]);
        check("/a 'two words'", &["/a"]);
        check("/a 'it\\'s' @9 'x'", &["/a @9 'x'", "/a 'it\\'s' 'x'", "/a 'it\\'s' @9"]);
        check("/d/ xattr.user.a='v w' mode=0700", &["/d/ mode=0700", "/d/ xattr.user.a='v w'"]);
        check("/a xattr.user.a=v 'x'", &["/a 'x'", "/a xattr.user.a=v"]);
    }

    #[test]
    fn what_a_node_is_stays() {
        check("/d/", &[]);
        check("/link -> d/a", &[]);
        check("/link -> 'a b' uid=7", &["/link -> 'a b'"]);
        check("/null c 1:3 mode=0666", &["/null c 1:3"]);
        check("/fifo p uid=7", &["/fifo p"]);
        check("/b = /a", &[]);
        check("", &[]);
    }
}
