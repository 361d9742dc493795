//! Helpers by what bpf-helpers(7) says of each: results, errors, and what they write.

use fuserig_abi::{Caller, Credentials, Errno, Pid, Timespec};

use crate::FilterEnv;
use crate::engine::vectors::assemble;
use crate::engine::{Availability, Code, Limits, Machine};
use crate::program::{MapDef, MapKind, Program, ProgramKind};

/// Where a program has its second block of bytes, and its output.
const SECOND: usize = 32;
const OUT: usize = 64;
/// Makes r6 the context, r7 the second block and r8 the output; r1 is the context.
const BEGIN: &str =
    "mov %r6, %r1\nmov %r7, %r1\nadd %r7, 32\nmov %r8, %r1\nadd %r8, 64\nmov %r1, %r6\n";

fn map(kind: MapKind, key_size: u32, value_size: u32, max_entries: u32) -> MapDef {
    MapDef::new("m", kind, key_size, value_size, max_entries)
}

/// What came of a program.
struct Ran {
    result: Result<i64, String>,
    bytes: Vec<u8>,
    printed: Vec<String>,
    machine: Machine,
}

impl Ran {
    /// The text of the output up to its NUL.
    fn text(&self) -> String {
        let out = self.bytes[OUT..].split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(out).into_owned()
    }

    fn records(&mut self) -> Vec<Vec<u8>> {
        self.machine.maps.drain().map(|(_, bytes)| bytes).collect()
    }
}

/// Runs lines behind [`BEGIN`] on two texts and room for output, which is 0xee before.
fn run(text: &str, [first, second]: [&[u8]; 2], maps: &[MapDef]) -> Ran {
    let mut bytes = vec![0; OUT];
    bytes.resize(OUT + 32, 0xee);
    bytes[..first.len()].copy_from_slice(first);
    bytes[SECOND..SECOND + second.len()].copy_from_slice(second);
    let program = Program {
        name: "test".to_owned(),
        section: "syscall".to_owned(),
        kind: ProgramKind::Syscall,
        insns: assemble(&format!("{BEGIN}{text}\nexit")).expect("assembler"),
        functions: Vec::new(),
        lines: Vec::new(),
    };
    let mut code = Code::decode(&program, &[], Availability::Everything).expect("legal");
    let mut machine = Machine::new(maps, Limits::default()).expect("maps");
    machine.add(&mut code);
    let caller = Caller::new(Credentials::root(), Pid(7), Timespec::from_secs(3));
    let mut env = FilterEnv::new(&caller);
    let result = machine.run_bytes(&code, &mut bytes, &mut env);
    let result = result.map(|code| code as i64).map_err(|trap| trap.kind.to_string());
    Ran { result, bytes, printed: env.printed().to_vec(), machine }
}

fn code(errno: Errno) -> Result<i64, String> {
    Ok(i64::from(errno.negative()))
}

/// "The return value is the number of characters consumed": `strtol` is 105, `strtoul` 106.
#[test]
fn numbers_are_read_as_far_as_they_go() {
    let read = |helper: u32, text: &str, base: u32| {
        let len = text.len();
        let ran = run(
            &format!("mov %r2, {len}\nmov %r3, {base}\nmov %r4, %r8\ncall {helper}"),
            [text.as_bytes(), b""],
            &[],
        );
        let out = ran.bytes[OUT..OUT + 8].try_into().expect("eight bytes");
        (ran.result, u64::from_le_bytes(out))
    };
    const UNTOUCHED: u64 = 0xeeee_eeee_eeee_eeee;
    for (text, base, consumed, value) in [
        ("42", 10, 2, 42),
        (" \t-42xyz", 10, 5, -42),
        ("0x1fg", 0, 4, 31),
        ("017", 0, 3, 15),
        ("19", 0, 2, 19),
        ("ff", 16, 2, 255),
        ("0XfF", 16, 4, 255),
        ("778", 8, 2, 63),
        ("9223372036854775807", 10, 19, i64::MAX),
        ("-9223372036854775808", 10, 20, i64::MIN),
    ] {
        assert_eq!(read(105, text, base), (Ok(consumed), value as u64), "{text}");
    }
    assert_eq!(read(106, "18446744073709551615", 10), (Ok(20), u64::MAX));
    for (helper, text, base, errno) in [
        (105, "", 10, Errno::EINVAL),
        (105, "z", 10, Errno::EINVAL),
        (105, "-", 10, Errno::EINVAL),
        (105, "7", 7, Errno::EINVAL),
        (105, "9223372036854775808", 10, Errno::ERANGE),
        (105, "-9223372036854775809", 10, Errno::ERANGE),
        (105, "99999999999999999999", 10, Errno::ERANGE),
        (106, "18446744073709551616", 10, Errno::ERANGE),
        (106, "-1", 10, Errno::EINVAL),
    ] {
        assert_eq!(read(helper, text, base), (code(errno), UNTOUCHED), "{text}");
    }
}

/// "Do strncmp() between s1 and s2. s1 doesn't need to be null-terminated": 182.
#[test]
fn strings_are_compared_up_to_a_nul_or_a_size() {
    let compare = |left: &[u8], size: u32, right: &[u8]| {
        let text = format!("mov %r2, {size}\nmov %r3, %r7\ncall 182");
        run(&text, [left, right], &[]).result
    };
    assert_eq!(compare(b"same", 5, b"same\0x"), Ok(0));
    assert_eq!(compare(b"samx", 3, b"samy"), Ok(0));
    assert_eq!(compare(b"a", 9, b"b"), Ok(-1));
    assert_eq!(compare(b"b", 9, b"a"), Ok(1));
    assert_eq!(compare(b"ab", 9, b"a\0"), Ok(1));
    assert_eq!(compare(b"", 0, b"a"), Ok(0));
}

/// "probe_read_kernel ... 0 on success, or a negative error": 113, and with a string 115.
#[test]
fn probes_read_or_clear_what_they_were_given() {
    let probe = |helper: u32, size: u64, from: &str| {
        let text = format!("mov %r1, %r8\nlddw %r2, {size}\n{from}\ncall {helper}");
        run(&text, [b"hello", b""], &[])
    };
    let read = probe(113, 5, "mov %r3, %r6");
    assert_eq!((read.result, &read.bytes[OUT..OUT + 6]), (Ok(0), &b"hello\xee"[..]));
    let wild = probe(113, 4, "mov %r3, 4096");
    assert_eq!(
        (wild.result, &wild.bytes[OUT..OUT + 5]),
        (code(Errno::EFAULT), &b"\0\0\0\0\xee"[..])
    );
    assert_eq!(probe(113, 1 << 21, "mov %r3, %r6").result, code(Errno::E2BIG));
    let text = probe(115, 16, "mov %r3, %r6");
    assert_eq!((&text.result, text.text()), (&Ok(6), "hello".to_owned()));
    let cut = probe(115, 3, "mov %r3, %r6");
    assert_eq!((&cut.result, cut.text()), (&Ok(3), "he".to_owned()));
    let wild = probe(115, 4, "mov %r3, 4096");
    assert_eq!(
        (wild.result, &wild.bytes[OUT..OUT + 5]),
        (code(Errno::EFAULT), &b"\0\0\0\0\xee"[..])
    );
    assert_eq!(probe(115, 0, "mov %r3, %r6").result, Ok(0));
    assert_eq!(probe(115, 1 << 21, "mov %r3, %r6").result, code(Errno::E2BIG));
    // What is written to has to be there.
    let gone = run("mov %r1, 0\nmov %r2, 4\nmov %r3, %r6\ncall 113", [b"hello", b""], &[]);
    assert!(gone.result.expect_err("it is no memory").contains("NULL"));
}

/// "snprintf ... the strictly positive length of the formatted string, including the trailing zero
/// character. If the return value is greater than str_size, str contains a truncated string": 165.
#[test]
fn text_is_formatted_into_a_buffer_or_its_need_is_told() {
    let format = |format: &[u8], size: u32, len: u32| {
        let text = format!(
            "mov %r1, %r8\nmov %r2, {size}\nmov %r3, %r6\nmov %r4, %r7\nmov %r5, {len}\ncall 165"
        );
        let values = [5_u64.to_le_bytes(), 255_u64.to_le_bytes()].concat();
        run(&text, [format, &values], &[])
    };
    let whole = format(b"%d of %x\0", 32, 16);
    assert_eq!((&whole.result, whole.text()), (&Ok(8), "5 of ff".to_owned()));
    let cut = format(b"%d of %x\0", 4, 16);
    assert_eq!((&cut.result, cut.text()), (&Ok(8), "5 o".to_owned()));
    let asked = format(b"%d of %x\0", 0, 16);
    assert_eq!((&asked.result, asked.bytes[OUT]), (&Ok(8), 0xee));
    for (text, len) in [(&b"%d\0"[..], 12), (b"%d\0", 200), (b"%d %d %d\0", 16), (b"%q\0", 8)] {
        assert_eq!(format(text, 32, len).result, code(Errno::EINVAL), "{len}");
    }
    let none = run(
        "mov %r1, %r8\nmov %r2, 32\nmov %r3, %r6\nmov %r4, 0\nmov %r5, 8\ncall 165",
        [b"%d\0", b""],
        &[],
    );
    assert_eq!(none.result, code(Errno::EINVAL), "values at no address");
    // A pointer to a string, and one that leads nowhere.
    let lines = "mov %r2, %r6\nadd %r2, 8\nstxdw [%r7], %r2\nstdw [%r7+8], 4096\nmov %r1, %r8\n\
                 mov %r2, 32\nmov %r3, %r6\nmov %r4, %r7\nmov %r5, 16\ncall 165";
    let text = run(lines, [b"<%s%s>\0\0name\0", b""], &[]);
    assert_eq!((&text.result, text.text()), (&Ok(7), "<name>".to_owned()));
}

/// "Behaves like bpf_trace_printk(), but takes an array of u64": 177.
#[test]
fn lines_are_printed_from_an_array_of_values() {
    let print = |size: u32, len: u32| {
        let text = format!("mov %r2, {size}\nmov %r3, %r7\nmov %r4, {len}\ncall 177");
        run(&text, [b"uid %d\n\0", &9_u64.to_le_bytes()], &[])
    };
    let fine = print(8, 8);
    assert_eq!((fine.result, fine.printed), (Ok(6), vec!["uid 9".to_owned()]));
    for (size, len) in [(7, 8), (0, 8), (8, 7), (8, 0), (8, 104)] {
        let wrong = print(size, len);
        assert_eq!(wrong.result, code(Errno::EINVAL), "{size} {len}");
        assert!(wrong.printed.is_empty());
    }
}

/// `ringbuf_output` (130), `reserve` (131), `submit` (132), `discard` (133) and `query` (134).
#[test]
fn a_ring_gives_records_takes_them_back_and_says_what_it_holds() {
    let ring = [map(MapKind::Ringbuf, 0, 0, 4096)];
    let output = |maps: &[MapDef], len: u64, flags: u32| {
        let text =
            format!("ldmap %r1, 0\nmov %r2, %r6\nlddw %r3, {len}\nmov %r4, {flags}\ncall 130");
        run(&text, [b"record", b""], maps)
    };
    let mut whole = output(&ring, 6, 1);
    assert_eq!((whole.result.clone(), whole.records()), (Ok(0), vec![b"record".to_vec()]));
    assert_eq!(output(&ring, 6, 4).result, code(Errno::EINVAL));
    assert_eq!(output(&ring, 1 << 25, 0).result, code(Errno::E2BIG));
    assert_eq!(output(&[map(MapKind::Array, 4, 8, 1)], 6, 0).result, code(Errno::EINVAL));
    let full = "mov %r9, 0\nagain: ldmap %r1, 0\nmov %r2, %r6\nmov %r3, 64\nmov %r4, 0\ncall 130\n\
                add %r9, 1\njeq %r0, 0, again\njne %r9, 57, out\nja end\nout: mov %r0, %r9\nend: \
                mov %r1, 0";
    // 64 bytes and a header of 8: 56 records fit, and the next finds no room.
    assert_eq!(run(full, [b"", b""], &ring).result, code(Errno::EAGAIN));

    let reserve = |size: u32, flags: u32, then: &str| {
        let text = format!(
            "ldmap %r1, 0\nmov %r2, {size}\nmov %r3, {flags}\ncall 131\njeq %r0, 0, out\n{then}\n\
             out: mov %r1, 0"
        );
        run(&text, [b"", b""], &ring)
    };
    let finish = |helper: u32| {
        format!("stdw [%r0], 7\nmov %r9, %r0\nmov %r1, %r0\nmov %r2, 0\ncall {helper}")
    };
    let mut submitted = reserve(8, 0, &finish(132));
    assert_eq!(submitted.records(), [7_u64.to_le_bytes()]);
    assert!(reserve(8, 0, &finish(133)).records().is_empty(), "a discarded one goes to nobody");
    assert_eq!(reserve(8, 1, "mov %r0, 9").result, Ok(0), "no flag is known");
    assert_eq!(reserve(8192, 0, "mov %r0, 9").result, Ok(0), "longer than the ring");
    let twice = format!("{}\nmov %r1, %r9\nmov %r2, 0\ncall 132", finish(132));
    let trap = reserve(8, 0, &twice).result.expect_err("it is gone");
    assert!(trap.contains("is no reserved record"), "{trap}");
    let other = run("mov %r1, %r6\nmov %r2, 0\ncall 133", [b"", b""], &ring);
    assert!(other.result.expect_err("the context is none").contains("is no reserved record"));

    for (flags, expected) in [(0, 16), (1, 4096), (3, 16), (9, 0)] {
        let text = format!(
            "ldmap %r1, 0\nmov %r2, %r6\nmov %r3, 6\nmov %r4, 0\ncall 130\nldmap %r1, 0\n\
             mov %r2, {flags}\ncall 134"
        );
        assert_eq!(run(&text, [b"record", b""], &ring).result, Ok(expected), "{flags}");
    }
}

/// `perf_event_output` (25): the index of a CPU, or the current one.
#[test]
fn events_go_to_the_reader_of_this_processor() {
    let emit = |kind: MapKind, flags: u64| {
        let text = format!("ldmap %r2, 0\nlddw %r3, {flags}\nmov %r4, %r6\nmov %r5, 5\ncall 25");
        run(&text, [b"event", b""], &[map(kind, 4, 4, 4)])
    };
    for flags in [0xffff_ffff, 0] {
        let mut sent = emit(MapKind::PerfEventArray, flags);
        assert_eq!((sent.result.clone(), sent.records()), (Ok(0), vec![b"event".to_vec()]));
    }
    assert_eq!(emit(MapKind::PerfEventArray, 3).result, code(Errno::EOPNOTSUPP));
    assert_eq!(emit(MapKind::PerfEventArray, 1 << 40).result, code(Errno::EINVAL));
    assert_eq!(emit(MapKind::Array, 0).result, code(Errno::EINVAL));
}

/// `map_update_elem` (2) with `BPF_NOEXIST` (1) and `BPF_EXIST` (2), and `map_delete_elem` (3).
#[test]
fn maps_keep_their_rules_of_flags_and_room() {
    let update = |kind: MapKind, calls: &[(u32, u32)]| {
        let entries = 2;
        let lines: Vec<String> = calls
            .iter()
            .map(|(key, flags)| {
                format!(
                    "stw [%r7], {key}\nldmap %r1, 0\nmov %r2, %r7\nmov %r3, %r6\nmov %r4, {flags}\n\
                     call 2"
                )
            })
            .collect();
        run(&lines.join("\n"), [b"12345678", b""], &[map(kind, 4, 8, entries)]).result
    };
    assert_eq!(update(MapKind::Array, &[(1, 0)]), Ok(0));
    assert_eq!(update(MapKind::Array, &[(1, 2)]), Ok(0));
    assert_eq!(update(MapKind::Array, &[(1, 1)]), code(Errno::EEXIST));
    assert_eq!(update(MapKind::Array, &[(2, 0)]), code(Errno::E2BIG));
    assert_eq!(update(MapKind::Array, &[(1, 3)]), code(Errno::EINVAL));
    for kind in [MapKind::Hash, MapKind::PercpuHash] {
        assert_eq!(update(kind, &[(7, 1)]), Ok(0));
        assert_eq!(update(kind, &[(7, 2)]), code(Errno::ENOENT));
        assert_eq!(update(kind, &[(7, 0), (7, 1)]), code(Errno::EEXIST));
        assert_eq!(update(kind, &[(7, 0), (7, 2)]), Ok(0));
        assert_eq!(update(kind, &[(7, 0), (8, 0), (9, 0)]), code(Errno::E2BIG));
    }
    assert_eq!(update(MapKind::LruHash, &[(7, 0), (8, 0), (9, 0)]), Ok(0), "the oldest goes");

    let delete = |kind: MapKind, before: &str| {
        let text = format!("stw [%r7], 1\n{before}\nldmap %r1, 0\nmov %r2, %r7\ncall 3");
        run(&text, [b"12345678", b""], &[map(kind, 4, 8, 2)]).result
    };
    let add = "ldmap %r1, 0\nmov %r2, %r7\nmov %r3, %r6\nmov %r4, 0\ncall 2";
    assert_eq!(delete(MapKind::Hash, add), Ok(0));
    assert_eq!(delete(MapKind::Hash, ""), code(Errno::ENOENT));
    assert_eq!(delete(MapKind::Array, add), code(Errno::EINVAL));
    let wild = run("mov %r1, 5\nmov %r2, %r7\ncall 3", [b"", b""], &[]);
    assert!(wild.result.expect_err("5 is no map").contains("is no map"));

    // Of another processor: `map_lookup_percpu_elem` is 195.
    let on = |cpu: u32| {
        let text = format!(
            "stw [%r7], 1\nldmap %r1, 0\nmov %r2, %r7\nmov %r3, {cpu}\ncall 195\njeq %r0, 0, out\n\
             mov %r0, 1\nout: mov %r1, 0"
        );
        run(&text, [b"", b""], &[map(MapKind::PercpuArray, 4, 8, 2)]).result
    };
    assert_eq!((on(0), on(4096)), (Ok(1), Ok(0)));
}

/// Who calls, and when: all of it is the simulation's.
#[test]
fn the_caller_and_the_clock_are_those_of_the_run() {
    let ask = |helper: u32| run(&format!("call {helper}"), [b"", b""], &[]).result;
    for clock in [5, 125, 208, 160] {
        assert_eq!(ask(clock), Ok(3_000_000_000), "{clock}");
    }
    // Five minutes before they wrap, at 250 a second, and three seconds.
    assert_eq!(ask(118), Ok(0xffff_ffff - 300 * 250 + 1 + 3 * 250));
    assert_eq!((ask(8), ask(42)), (Ok(0), Ok(0)));
    assert_eq!((ask(14), ask(15)), (Ok(7 << 32 | 7), Ok(0)));
    let name = |size: u32| run(&format!("mov %r1, %r8\nmov %r2, {size}\ncall 16"), [b"", b""], &[]);
    let (whole, cut) = (name(16), name(4));
    assert_eq!((&whole.result, whole.text()), (&Ok(0), "fuserig".to_owned()));
    assert_eq!((&cut.result, cut.text()), (&Ok(0), "fus".to_owned()));
    assert_eq!(name(0).result, code(Errno::EINVAL));
}
