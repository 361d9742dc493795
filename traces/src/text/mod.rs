//! The text twin of a trace: one record a line, in both directions, nothing lost.
//!
//! For review, for snapshots, for writing a trace by hand. The module refuses to interpret: what a
//! table of this crate has no words for is printed as numbers or bytes, and read back as such. A
//! reader would get wrong that the forms are for show: whatever `print` writes, `parse` turns into
//! the same records.
//!
//! ```text
//! # frt 1.1 {"payload":"len"}
//! tree 0 "lower" "/a 'hi'\n"
//! note 0 story 0 "found by seed 7"
//! payload ea8f163db38682925e4491c5e58d4bb3 b"hello"
//! op 17-22 +1.204ms 31us pid=812 u=0:0 unique=34 LOOKUP 1 "a\tb" -> ENOENT
//! op 18-20 +1.3ms 9us pid=812 u=0:0 READ 5 {fh=3 size=4096} -> 0 data=len:4096
//! st 17 P3 prefilter_return slot=8 -> ENOENT
//! call 30-31 +2ms 4us c2 openat(AT_FDCWD, "a\tb", O_RDONLY|O_CLOEXEC, 0) = 3
//! ```
//!
//! | part | meaning |
//! |---|---|
//! | `17-22` | sequence numbers of start and end; `17-` when there was no end |
//! | `+1.204ms` `31us` | time after the base of the header, and how long it took; exact |
//! | `u=0:0` | uid and gid |
//! | `LOOKUP 1` | operation and nodeid |
//! | `{fh=3 size=4096}` | the body's fields that are not zero; then names, then the rest |
//! | `"..."` | a name or path; `\\`, `\"`, `\n`, `\t`, `\r` and `\xNN` |
//! | `b"..."`, `x"..."` | bytes, with escapes or in hexadecimal |
//! | `data=len:5`, `data=ref:5:ID`, `data=digest:5:DIGEST` | data by length, by name or by digest |
//! | `-> 0`, `-> ENOENT` | result, an errno by name if it is one |
//!
//! Lines that begin with `#` and empty lines are comments, except the first, which is the header.

mod body;
mod call_form;
mod cursor;
mod error;
mod literal;
mod parse;
mod print;
mod renumber;
mod stream;
mod time;
mod values;

pub use call_form::{CallForm, ExpectedResult};
pub use error::TextError;
pub use print::{header_line, print, record_line};
pub use renumber::Renumber;
pub use stream::{TextReader, parse, parse_line, write_text};
pub(crate) use time::put_time;
