//! Programs of Android: choosing one, and the context it is called with.

use fuserig_abi::{Arg, CallArgs, Phase, Slot};

use super::filter::FilterError;
use super::interp::{ARGUMENT, ARGUMENTS, ARGUMENTS_MAX, Kind, Machine, Region, region_address};
use crate::FilterName;
use crate::android::{WINDOW, Window, windows, write_back};
use crate::program::{Linked, ProgramKind};

/// Bytes of `struct fuse_bpf_args`.
const CONTEXT: usize = 224;
/// Where its in arguments begin, and its out arguments.
const IN_ARGS: usize = 32;
const OUT_ARGS: usize = 152;
/// Bytes of one of them.
const ARG: usize = 24;
/// Out arguments that the context has room for.
const OUTS_MAX: usize = 3;

/// The program of `SEC("fuse/NAME")` that is called for everything, and its name.
pub(super) fn choose(
    linked: &Linked,
    wanted: Option<&str>,
) -> Result<(usize, FilterName), FilterError> {
    let name_of = |section: &str| {
        section.rsplit('/').next().unwrap_or(section).chars().take(14).collect::<String>()
    };
    let programs: Vec<(usize, &str, String)> = linked
        .programs
        .iter()
        .enumerate()
        .filter(|(_, program)| program.kind == ProgramKind::Android)
        .map(|(index, program)| (index, program.name.as_str(), name_of(&program.section)))
        .collect();
    let names = || programs.iter().map(|(.., name)| name.clone()).collect::<Vec<_>>();
    let chosen = match (wanted, programs.as_slice()) {
        (_, []) => return Err(FilterError::NoFilter),
        (None, [one]) => one,
        (None, _) => return Err(FilterError::Several(names())),
        (Some(wanted), all) => all
            .iter()
            .find(|(_, symbol, name)| *symbol == wanted || name == wanted)
            .ok_or_else(|| FilterError::Unknown { wanted: wanted.to_owned(), known: names() })?,
    };
    let (index, symbol, name) = chosen;
    let name = FilterName::parse(name).map_err(|error| FilterError::Name {
        symbol: (*symbol).to_owned(),
        name: name.clone(),
        error,
    })?;
    Ok((*index, name))
}

/// Lends the arguments of a call; gives the address of the context and the windows.
pub(super) fn lend(machine: &mut Machine, args: &CallArgs, slot: Slot) -> (u64, Vec<Window>) {
    let phase = slot.phase().unwrap_or(Phase::Pre);
    let windows = windows(args, phase);
    let mut context = vec![0; CONTEXT];
    let outs: Vec<usize> = (0..windows.len()).filter(|at| windows[*at].is_out).collect();
    let outs = &outs[..outs.len().min(OUTS_MAX)];
    let mut put = |at: usize, bytes: &[u8]| context[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &args.meta.nodeid.to_le_bytes());
    put(8, &args.meta.opcode.to_le_bytes());
    put(12, &args.meta.error_in.to_le_bytes());
    put(16, &(windows.len() as u32).to_le_bytes());
    put(20, &(outs.len() as u32).to_le_bytes());
    let mut argument = |place: usize, number: usize| {
        let window = &windows[number];
        let value = match window.bytes {
            Some(_) => region_address(ARGUMENT + number),
            None => 0,
        };
        let end = if value == 0 { 0 } else { value + WINDOW as u64 };
        put(place, &window.size.to_le_bytes());
        put(place + 8, &value.to_le_bytes());
        put(place + 16, &end.to_le_bytes());
    };
    for number in 0..windows.len().min(ARGUMENTS_MAX) {
        argument(IN_ARGS + number * ARG, number);
    }
    for (place, number) in outs.iter().enumerate() {
        argument(OUT_ARGS + place * ARG, *number);
    }
    let regions = &mut machine.memory.regions;
    for (number, window) in windows.iter().enumerate().take(ARGUMENTS_MAX) {
        let kind = Kind::Window { is_writable: window.is_out };
        let bytes = window.bytes.clone().unwrap_or_default();
        let owner = format!("argument {number}");
        regions[ARGUMENT + number] = Region::plain(kind, owner, bytes, window.is_out);
    }
    regions[ARGUMENTS] = Region::plain(Kind::Struct { is_const: true }, "ctx", context, false);
    regions[ARGUMENTS].type_name = "fuse_bpf_args";
    (region_address(ARGUMENTS), windows)
}

/// Takes back what the call stored.
pub(super) fn take_back(machine: &Machine, windows: &[Window], args: &mut CallArgs) {
    for (number, window) in windows.iter().enumerate().take(ARGUMENTS_MAX) {
        if window.is_out {
            write_back(args, window, &machine.memory.regions[ARGUMENT + number].bytes);
        }
    }
    debug_assert!(args.ins().iter().all(|arg| *arg != Arg::None), "no argument was lost");
}
