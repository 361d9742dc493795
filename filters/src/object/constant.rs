//! Constants of an object, as it was compiled and as somebody wants them before it is loaded:
//! what `bpftool gen skeleton` calls `rodata`.

use core::ops::Range;

use super::elf::Elf;

/// Where in a file a variable of `.rodata` has its bytes; none unless there is one of that name
/// with one to eight bytes.
fn place(bytes: &[u8], name: &str) -> Option<Range<usize>> {
    let elf = Elf::read(bytes).ok()?;
    let mut symbols = elf.symbols.iter();
    let (symbol, section) = symbols.find_map(|symbol| {
        let section = elf.sections.get(symbol.section?)?;
        (symbol.name == name && section.name == ".rodata").then_some((symbol, section))
    })?;
    let within = usize::try_from(symbol.value).ok()?;
    let size = usize::try_from(symbol.size).ok().filter(|size| (1..=8).contains(size))?;
    section.bytes.get(within..within.checked_add(size)?)?;
    let start = section.bytes.as_ptr().addr() - bytes.as_ptr().addr() + within;
    Some(start..start + size)
}

/// The unsigned number in a `const volatile` variable.
pub(crate) fn constant(bytes: &[u8], name: &str) -> Option<u64> {
    let value = &bytes[place(bytes, name)?];
    let mut word = [0; 8];
    word[..value.len()].copy_from_slice(value);
    Some(u64::from_le_bytes(word))
}

/// The object with another number in such a variable; none where it does not fit.
pub(crate) fn with_constant(bytes: &[u8], name: &str, number: u64) -> Option<Vec<u8>> {
    let place = place(bytes, name)?;
    let word = number.to_le_bytes();
    let (value, rest) = word.split_at(place.len());
    let mut changed = bytes.to_vec();
    changed[place].copy_from_slice(value);
    rest.iter().all(|byte| *byte == 0).then_some(changed)
}

#[cfg(test)]
mod tests {
    use super::{constant, with_constant};

    #[test]
    fn a_constant_is_read_and_set() {
        let object = include_bytes!("../../bpf/deny_uid.o");
        assert_eq!(constant(object, "denied_uid"), Some(1000));
        let changed = with_constant(object, "denied_uid", 7).expect("it fits");
        assert_eq!(constant(&changed, "denied_uid"), Some(7));
        let differs = object.iter().zip(&changed).filter(|(old, new)| old != new).count();
        assert!((1..=2).contains(&differs), "{differs} bytes of a number and no others");
        assert_eq!(with_constant(object, "denied_uid", 1 << 32), None, "four bytes");
    }

    #[test]
    fn what_is_no_constant_is_none() {
        let object = include_bytes!("../../bpf/deny_uid.o");
        for name in ["", "deny_uid", "denied", "LICENSE"] {
            assert_eq!(constant(object, name), None, "{name}");
        }
        assert_eq!(constant(b"no object", "denied_uid"), None);
        for end in 0..object.len() {
            let _ = constant(&object[..end], "denied_uid");
        }
    }
}
