//! The inside of a call: descriptor, bytes, result.
//!
//! Reads `read`, `write` and their vectored and positioned forms as strace 4 to 6 print them.
//! Strings may have any escapes (`-x`, `-xx` or none).

use super::super::words::{self, decimal, seconds};

/// The descriptor of a call whose beginning the log does not have; no descriptor is that large.
pub(super) const UNKNOWN_FD: u64 = u64::MAX;

/// A read or write, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Io {
    pub(super) fd: u64,
    /// What `-y` says the descriptor is.
    pub(super) annotation: Option<Vec<u8>>,
    /// The bytes that the log shows, buffers joined.
    pub(super) data: Vec<u8>,
    /// Whether strace left something out (`...`).
    pub(super) cut: bool,
    pub(super) outcome: Outcome,
    /// How long the call took, from `-T`.
    pub(super) took_ns: Option<u64>,
}

/// What a call returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// So many bytes.
    Moved(u64),
    /// The name of an errno.
    Failed(String),
    /// `?`: it did not return.
    Unknown,
}

/// Which way a call moves bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the device: requests.
    In,
    /// To the device: replies and notifications.
    Out,
}

/// The way of a call by its name; `None` for one that moves no bytes through memory.
pub(super) fn way(name: &[u8]) -> Option<Way> {
    match name {
        b"read" | b"readv" | b"pread64" | b"preadv" | b"preadv2" => Some(Way::In),
        b"write" | b"writev" | b"pwrite64" | b"pwritev" | b"pwritev2" => Some(Way::Out),
        _ => None,
    }
}

/// Whether the two halves of a call are worth joining: it moves bytes, or says where they go.
pub(super) fn matters(name: &[u8]) -> bool {
    way(name).is_some() || matches!(name, b"splice" | b"vmsplice" | b"ioctl")
}

/// Why a call could not be read: where in its text, and what was expected.
pub(super) type Trouble = (usize, &'static str);

/// A position in the text behind the `(`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a [u8]) -> Scan<'a> {
        Scan { text, at: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    pub(super) fn eat(&mut self, expected: &[u8]) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    fn need(&mut self, expected: &[u8], why: &'static str) -> Result<(), Trouble> {
        if self.eat(expected) { Ok(()) } else { Err((self.at, why)) }
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let len = rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// `3` or `3</dev/fuse>`.
    pub(super) fn descriptor(&mut self) -> Result<(u64, Option<Vec<u8>>), Trouble> {
        self.blank();
        let at = self.at;
        let fd = decimal(self.take_while(|byte| byte.is_ascii_digit()));
        let fd = fd.ok_or((at, "expected a descriptor"))?;
        if self.peek() != Some(b'<') {
            return Ok((fd, None));
        }
        // `-yy` nests: `</dev/fuse<char 10:229>>`.
        let start = self.at + 1;
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'<' => depth += 1,
                b'>' if depth == 1 => {
                    let inside = &self.text[start..self.at - 1];
                    return Ok((fd, Some(unescape(inside, start)?)));
                }
                b'>' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        Err((start - 1, "the annotation `<` has no `>`"))
    }

    /// `"..."` with escapes, appended to `out`; returns whether `...` follows.
    fn string(&mut self, out: &mut Vec<u8>) -> Result<bool, Trouble> {
        let start = self.at + 1;
        self.need(b"\"", "expected `\"`")?;
        let mut end = start;
        loop {
            match self.text.get(end) {
                None => return Err((start - 1, "the string has no end")),
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
            }
        }
        out.extend_from_slice(&unescape(&self.text[start..end], start)?);
        self.at = end + 1;
        Ok(self.eat(b"..."))
    }

    /// `"..."`, an address, or a list of `{iov_base="...", iov_len=N}`.
    fn buffer(&mut self, out: &mut Vec<u8>) -> Result<bool, Trouble> {
        self.blank();
        match self.peek() {
            Some(b'"') => self.string(out),
            Some(b'[') => self.vector(out),
            // An address: the call failed, or strace could not read it.
            Some(b'0' | b'N') => {
                self.take_while(|byte| byte.is_ascii_alphanumeric());
                Ok(false)
            }
            _ => Err((self.at, "expected a string, a list or an address")),
        }
    }

    fn vector(&mut self, out: &mut Vec<u8>) -> Result<bool, Trouble> {
        self.need(b"[", "expected `[`")?;
        let mut cut = false;
        loop {
            self.blank();
            if self.eat(b"]") {
                return Ok(cut);
            }
            if self.eat(b"...") {
                cut = true;
            } else {
                self.need(b"{", "expected `{`")?;
                self.eat(b"iov_base=");
                cut |= self.buffer_of_vector(out)?;
                self.need(b",", "expected `,`")?;
                self.blank();
                self.eat(b"iov_len=");
                self.take_while(|byte| byte.is_ascii_digit());
                self.need(b"}", "expected `}`")?;
            }
            self.blank();
            if !self.eat(b",") && self.peek() != Some(b']') {
                return Err((self.at, "expected `,` or `]`"));
            }
        }
    }

    fn buffer_of_vector(&mut self, out: &mut Vec<u8>) -> Result<bool, Trouble> {
        self.blank();
        if self.peek() == Some(b'"') {
            return self.string(out);
        }
        self.take_while(|byte| byte.is_ascii_alphanumeric());
        Ok(false)
    }

    /// The rest of the arguments, `)`, and `= result <time>`.
    pub(super) fn ending(&mut self) -> Result<(Outcome, Option<u64>), Trouble> {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return Err((self.at, "expected `)`")),
                Some(b'(') => depth += 1,
                Some(b')') if depth == 0 => break,
                Some(b')') => depth -= 1,
                Some(_) => {}
            }
            self.at += 1;
        }
        self.at += 1;
        self.blank();
        self.need(b"= ", "expected `= `")?;
        let outcome = self.outcome()?;
        let took_ns = self.took();
        Ok((outcome, took_ns))
    }

    fn outcome(&mut self) -> Result<Outcome, Trouble> {
        let at = self.at;
        if self.eat(b"?") {
            return Ok(Outcome::Unknown);
        }
        if self.eat(b"-") {
            self.take_while(|byte| byte.is_ascii_digit());
            self.blank();
            let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return Ok(Outcome::Failed(String::from_utf8_lossy(name).into_owned()));
        }
        let number = decimal(self.take_while(|byte| byte.is_ascii_digit()));
        Ok(Outcome::Moved(number.ok_or((at, "expected a result"))?))
    }

    /// `<0.000123>` at the end.
    fn took(&mut self) -> Option<u64> {
        let rest = self.rest().trim_ascii_end().strip_suffix(b">")?;
        let open = rest.iter().rposition(|byte| *byte == b'<')?;
        seconds(&rest[open + 1..])
    }
}

/// Reads a whole call from the text behind its `(`.
pub(super) fn parse(text: &[u8]) -> Result<Io, Trouble> {
    let mut scan = Scan::new(text);
    let (fd, annotation) = scan.descriptor()?;
    scan.blank();
    scan.need(b",", "expected `,`")?;
    let mut data = Vec::new();
    let cut = scan.buffer(&mut data)?;
    let (outcome, took_ns) = scan.ending()?;
    Ok(Io { fd, annotation, data, cut, outcome, took_ns })
}

/// Reads the end of a read whose beginning the log does not have, from the text behind
/// `resumed>`: everything is there but the descriptor.
pub(super) fn parse_end(text: &[u8]) -> Option<Io> {
    let mut scan = Scan::new(text);
    let mut data = Vec::new();
    let cut = scan.buffer(&mut data).ok()?;
    let (outcome, took_ns) = scan.ending().ok()?;
    Some(Io { fd: UNKNOWN_FD, annotation: None, data, cut, outcome, took_ns })
}

/// Decodes the escapes of C; `shift` is where the text begins.
fn unescape(text: &[u8], shift: usize) -> Result<Vec<u8>, Trouble> {
    words::unescape(text).map_err(|(at, why)| (shift + at, why))
}

#[cfg(test)]
mod tests {
    use super::{Io, Outcome, parse};

    fn check(text: &str, data: &[u8], cut: bool, outcome: Outcome) {
        let io = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let expected = Io { data: data.to_vec(), cut, outcome, ..io.clone() };
        assert_eq!(io, expected, "{text}");
        assert_eq!(io.fd, 3, "{text}");
    }

    #[test]
    fn calls_are_read_as_every_strace_prints_them() {
        let moved = Outcome::Moved;
        check(r#"3, "\x61\x62", 9) = 2"#, b"ab", false, moved(2));
        check(r#"3</dev/fuse>, "a\0b\n", 9) = 4 <0.000010>"#, b"a\0b\n", false, moved(4));
        check(r#"3, "ab"..., 9) = 8"#, b"ab", true, moved(8));
        let named = r#"3, [{iov_base="ab", iov_len=2}, {iov_base="c", iov_len=1}], 2) = 3"#;
        check(named, b"abc", false, moved(3));
        check(r#"3, [{"ab", 2}, {"c"..., 5}], 2) = 7"#, b"abc", true, moved(7));
        check(r#"3, [{iov_base="ab", iov_len=2}, ...], 9) = 3"#, b"ab", true, moved(3));
        check("3, 0x7f36, 9) = -1 ENODEV (No such device)", b"", false, failed("ENODEV"));
        check("3, 0x7f36, 9) = ? ERESTARTSYS (To be restarted)", b"", false, Outcome::Unknown);
        check(r#"3, "\x28)", 2) = 2"#, b"()", false, moved(2));
        check("3, [], 0) = 0", b"", false, moved(0));
    }

    fn failed(name: &str) -> Outcome {
        Outcome::Failed(name.to_owned())
    }

    #[test]
    fn annotations_may_be_nested_and_escaped() {
        let note = |text: &str| parse(text.as_bytes()).unwrap().annotation;
        let device = Some(b"/dev/fuse".to_vec());
        assert_eq!(note(r#"3</dev/fuse>, "", 9) = 0"#), device);
        let escaped = r#"3<\x2f\x64\x65\x76\x2f\x66\x75\x73\x65>, "", 9) = 0"#;
        assert_eq!(note(escaped), device);
        let nested = note(r#"3</dev/fuse<char 10:229>>, "", 9) = 0"#);
        assert_eq!(nested, Some(b"/dev/fuse<char 10:229>".to_vec()));
        assert_eq!(note(r#"3, "", 9) = 0"#), None);
    }

    #[test]
    fn what_is_missing_is_named_with_its_place() {
        for (text, at) in [
            ("", 0),
            ("3", 1),
            (r#"3, "ab"#, 3),
            (r#"3, "a\q", 1) = 1"#, 5),
            (r#"3, "a", 1"#, 9),
            (r#"3, "a", 1) 1"#, 11),
            (r#"3, [{iov_base="a""#, 17),
            ("3</dev/fuse, 1) = 1", 1),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().0, at, "{text}");
        }
    }
}
