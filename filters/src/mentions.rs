//! The words and numbers in the code of a filter, for whoever draws inputs for it.
//!
//! A filter that compares names with a constant holds that constant: in its read-only data, or, as
//! clang inlines short comparisons, in immediate operands that are text. It refuses to understand
//! the code. What a reader would get wrong: a word need not be a whole name; it may be the
//! beginning of one, or a piece. Filters in Rust say themselves what they mention.

use crate::program::{DataKind, Insn, Linked};

/// Most words and most numbers; programs mention few that matter.
const MENTIONS_MAX: usize = 24;
/// Numbers up to this are too common to mean anything.
const COMMON_MAX: u64 = 8;
/// Numbers above are no sizes that a search can afford.
const NUMBER_MAX: u64 = 1 << 32;
/// A name has at most so many bytes.
const WORD_MAX: usize = 255;
/// What is longer are several texts without an end, of which the first begins with so many bytes.
const PIECE_MAX: usize = 16;
/// So many times the same byte is filling, and what stands beside it is a word of its own.
const FILLING_MIN: usize = 8;

/// What a filter mentions.
///
/// ```
/// use fuserig_filters::{Mentions, program::Linked};
/// let nothing = Mentions::of_linked(&Linked::default());
/// assert_eq!(nothing, Mentions::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Pieces of text of at least two bytes, each once, in the order of the object.
    pub words: Vec<Vec<u8>>,
    /// Numbers above 8, each once, in the order of the object.
    pub numbers: Vec<u64>,
}

impl Mentions {
    /// These words and numbers, for a filter that is no object.
    ///
    /// ```
    /// use fuserig_filters::Mentions;
    /// assert_eq!(Mentions::of([b"secret"], []).words, [b"secret"]);
    /// ```
    pub fn of<W: Into<Vec<u8>>>(
        words: impl IntoIterator<Item = W>,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Mentions {
        let mut mentions = Mentions::default();
        for word in words.into_iter().map(Into::into).filter(|word| !word.is_empty()) {
            if !mentions.words.contains(&word) {
                mentions.words.push(word);
            }
        }
        mentions.numbers.extend(numbers);
        mentions
    }

    /// What the data and the programs of an object mention.
    pub fn of_linked(linked: &Linked) -> Mentions {
        let mut mentions = Mentions::default();
        for map in linked.maps.iter().filter(|map| map.data != DataKind::Map) {
            mentions.add_data(&map.initial);
        }
        for program in &linked.programs {
            mentions.add_code(&program.insns);
        }
        mentions
    }

    fn add_data(&mut self, data: &[u8]) {
        for text in data.split(|byte| *byte == 0) {
            self.add_text(text);
        }
        match *data {
            [a, b, c, d] => self.add_number(u32::from_le_bytes([a, b, c, d]).into()),
            [..] => {
                for word in data.chunks_exact(8).take(MENTIONS_MAX) {
                    let word = word.try_into().expect("eight bytes are eight bytes");
                    self.add_number(u64::from_le_bytes(word));
                }
            }
        }
    }

    fn add_code(&mut self, insns: &[Insn]) {
        // Text in one comparison after the other is one word.
        let mut joined: Vec<u8> = Vec::new();
        let mut is_second = false;
        for (place, insn) in insns.iter().enumerate() {
            if core::mem::take(&mut is_second) {
                continue;
            }
            is_second = insn.code == 0x18;
            let Some(value) = immediate(insn, insns.get(place + 1)) else { continue };
            let bytes = value.to_le_bytes();
            let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if length >= 2 && is_text(&bytes[..length]) {
                self.add_word(&bytes[..length]);
                joined.extend(&bytes[..length]);
            } else {
                self.add_number(value);
            }
        }
        self.add_word(&joined);
    }

    /// A text with nothing between its end and what follows is a word, and so is each of the pieces
    /// between filling.
    fn add_text(&mut self, text: &[u8]) {
        self.add_word(text);
        let (mut start, mut end) = (0, 0);
        for run in text.chunk_by(|one, other| one == other) {
            if run.len() >= FILLING_MIN {
                self.add_piece(&text[start..end]);
                start = end + run.len();
            }
            end += run.len();
        }
        self.add_piece(&text[start..]);
    }

    fn add_piece(&mut self, piece: &[u8]) {
        self.add_word(if piece.len() > WORD_MAX { &piece[..PIECE_MAX] } else { piece });
    }

    fn add_word(&mut self, word: &[u8]) {
        let fits = (2..=WORD_MAX).contains(&word.len()) && self.words.len() < MENTIONS_MAX;
        if fits && is_text(word) && !self.words.iter().any(|known| known == word) {
            self.words.push(word.to_vec());
        }
    }

    fn add_number(&mut self, number: u64) {
        let fits = number > COMMON_MAX && number <= NUMBER_MAX;
        if fits && self.numbers.len() < MENTIONS_MAX && !self.numbers.contains(&number) {
            self.numbers.push(number);
        }
    }
}

/// What may stand in a name and is likely to.
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'/' && *byte != b'%')
}

/// The constant that an instruction compares with or computes with.
fn immediate(insn: &Insn, next: Option<&Insn>) -> Option<u64> {
    let low = u64::from(insn.imm as u32);
    match insn.code & 7 {
        // lddw; a pseudo source says that it is no number.
        0 if insn.code == 0x18 && insn.src == 0 => Some(low | u64::from(next?.imm as u32) << 32),
        // Arithmetic and jumps with an immediate operand, but for calls and exits.
        4..=7 if insn.code & 8 == 0 && insn.imm > 0 && !matches!(insn.code, 0x85 | 0x95 | 0x05) => {
            Some(low)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Abi;

    use super::Mentions;
    use crate::object::load;

    #[test]
    fn filters_of_the_library_mention_what_they_are_about() {
        let of = |object| Mentions::of_linked(&load(object, Abi::V4).expect("a committed object"));
        let guard = of(include_bytes!("../bpf/xattr_guard.o"));
        let mentions = |prefix: &[u8]| {
            guard.words.iter().any(|word| word.starts_with(prefix) || prefix.starts_with(word))
        };
        assert!(mentions(b"user.guard."), "{:?}", guard.words);
        let limit = of(include_bytes!("../bpf/write_limit.o"));
        assert!(limit.numbers.contains(&(1 << 20)), "{:?}", limit.numbers);
        let alias = of(include_bytes!("../bpf/alias_lookup.o"));
        assert!(alias.words.iter().any(|word| word.starts_with(b"cur")), "{:?}", alias.words);
        // Its ending has no NUL behind it, but 256 times the byte that names are filled with.
        let redact = of(include_bytes!("../bpf/redact_list.o"));
        assert!(redact.words.contains(&b".key".to_vec()), "{:?}", redact.words);
    }

    fn check(text: &[u8], words: &[&[u8]]) {
        let mut mentions = Mentions::default();
        mentions.add_text(text);
        assert_eq!(mentions.words, words, "{}", text.escape_ascii());
    }

    #[test]
    fn a_long_text_is_taken_apart_where_it_is_filled() {
        check(b"secret", &[b"secret"]);
        check(&[&b".key"[..], &[b'x'; 256]].concat(), &[b".key"]);
        check(&[&[b'x'; 256], &b".key"[..]].concat(), &[b".key"]);
        check(b"ab--------cd", &[b"ab--------cd", b"ab", b"cd"]);
        check(&b"abcdefgh".repeat(40), &[b"abcdefghabcdefgh"]);
        check(&[b'x'; 256], &[]);
    }
}
