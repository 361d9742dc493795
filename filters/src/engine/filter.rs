//! A filter whose members are BPF programs.

use core::fmt;

use fuserig_abi::{Abi, AbiTable, ArgKind, CallArgs, Dir, Errno, MetaInfo, Slot, SlotRow};
use thiserror::Error;
use zerocopy::IntoBytes as _;

use super::android;
use super::cross::{Sides, hex};
use super::interp::{ARGUMENT, ARGUMENTS, ARGUMENTS_MAX, Kind, Region, region_address};
use super::{
    Availability, Code, DecodeError, Engine, EngineRefusal, Limits, LineCount, Machine, MapError,
    Trap, TrapKind,
};
use crate::object::{LoadError, load};
use crate::program::{
    DataKind, Linked, MapDef, MapKind, PSEUDO_MAP, PSEUDO_MAP_VALUE, ProgramKind, StructOpsMap,
};
use crate::{Filter, FilterEnv, FilterName, Mentions, RegisterError, grouped};

/// Licences that count as compatible with the GPL, as a kernel compares them.
const GPL_COMPATIBLE: [&str; 6] =
    ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"];

/// An object that is no filter of an ABI.
///
/// ```
/// use fuserig_abi::Abi;
/// use fuserig_filters::engine::{BpfFilter, FilterError, Limits};
/// use fuserig_filters::program::Linked;
/// let error = BpfFilter::new(&Linked::default(), None, Abi::V4, Limits::default()).unwrap_err();
/// assert_eq!(error, FilterError::NoFilter);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FilterError {
    /// No variable of the ABI's struct.
    #[error(
        "the object has no filter; put a variable of type struct fuse_ops into SEC(\".struct_ops\")"
    )]
    NoFilter,
    /// Several, and none was chosen.
    #[error("the object has {} filters; choose one of {}", .0.len(), .0.join(", "))]
    Several(Vec<String>),
    /// None of that name.
    #[error("the object has no filter {wanted}; it has {}", .known.join(", "))]
    Unknown {
        /// The name that was asked for.
        wanted: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// Another struct.
    #[error("{symbol} is a struct {type_name}, and a filter of {abi} is a struct {wanted}")]
    Type {
        /// The variable.
        symbol: String,
        /// Its type.
        type_name: String,
        /// The ABI.
        abi: Abi,
        /// The struct that it has.
        wanted: String,
    },
    /// The name would not be registered.
    #[error("{symbol}: name {name:?}: {error}")]
    Name {
        /// The variable.
        symbol: String,
        /// What its `name` holds.
        name: String,
        /// Why not (SEMANTICS 6.3, REG-4).
        error: RegisterError,
    },
    /// The licence is not compatible with the GPL, which a kernel demands of struct_ops programs.
    #[error(
        "licence {0:?} is not GPL compatible, and struct_ops programs must be; add \
         char LICENSE[] SEC(\"license\") = \"GPL\""
    )]
    License(String),
    /// A member that the ABI does not have.
    #[error("a filter of {abi} has no member {member}")]
    Member {
        /// The ABI.
        abi: Abi,
        /// The member.
        member: String,
    },
    /// A member's program cannot serve it.
    #[error("{member}: {problem}")]
    Program {
        /// The member.
        member: String,
        /// What is wrong.
        problem: String,
    },
    /// An engine that cannot run a member.
    #[error("{member} cannot run on {engine}: {refusal}")]
    Engine {
        /// The member.
        member: String,
        /// The engine.
        engine: Engine,
        /// What is wrong.
        refusal: EngineRefusal,
    },
    /// A program is not legal or calls what is not available.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The object cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A map cannot be made.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// A member that is set.
#[derive(Clone, Copy, Debug)]
struct Member {
    code: usize,
    row: &'static SlotRow,
}

/// A filter whose members are BPF programs, run by the interpreter. A clone is a snapshot: maps,
/// random numbers and coverage go with it.
///
/// ```
/// use fuserig_abi::Abi;
/// use fuserig_filters::engine::{BpfFilter, Limits};
/// use fuserig_filters::program::Linked;
/// assert!(BpfFilter::new(&Linked::default(), None, Abi::V4, Limits::default()).is_err());
/// ```
#[derive(Clone)]
pub struct BpfFilter {
    name: FilterName,
    abi: Abi,
    machine: Machine,
    codes: Vec<Code>,
    members: Vec<Option<Member>>,
    engine: Engine,
    mentions: Mentions,
}

impl BpfFilter {
    /// Makes a filter of a linked object. `map` chooses among several by the variable's symbol or
    /// by the name it registers.
    ///
    /// # Errors
    /// What a kernel of that ABI would refuse when the object is loaded or registered, and what is
    /// not supported.
    pub fn new(
        linked: &Linked,
        map: Option<&str>,
        abi: Abi,
        limits: Limits,
    ) -> Result<BpfFilter, FilterError> {
        BpfFilter::new_on(Engine::Interp, linked, map, abi, limits)
    }

    /// As [`BpfFilter::new`], on an engine.
    ///
    /// # Errors
    /// The same, and what that engine cannot run.
    pub fn new_on(
        engine: Engine,
        linked: &Linked,
        map: Option<&str>,
        abi: Abi,
        limits: Limits,
    ) -> Result<BpfFilter, FilterError> {
        let table = AbiTable::of(abi);
        if abi == Abi::Android {
            return BpfFilter::android(engine, linked, map, limits);
        }
        let map = choose(linked, map, table)?;
        if !GPL_COMPATIBLE.contains(&linked.license.as_str()) {
            return Err(FilterError::License(linked.license.clone()));
        }
        let name = map.name.clone();
        let name = FilterName::parse(&name).map_err(|error| FilterError::Name {
            symbol: map.symbol.clone(),
            name,
            error,
        })?;
        let reached = map.members.values().copied();
        let mut machine = Machine::new(&reached_maps(linked, reached), limits)?;
        machine.refuses_mistakes = abi == Abi::V3Grouped;
        let mut codes = Vec::new();
        let mut members = vec![None; Slot::COUNT];
        let mut served: Vec<usize> = Vec::new();
        for (member, &program) in &map.members {
            let rows: Vec<&SlotRow> = table.slots().filter(|row| row.member == *member).collect();
            if rows.is_empty() {
                return Err(FilterError::Member { abi, member: member.clone() });
            }
            check_program(linked, member, program, &served)?;
            served.push(program);
            let available = Availability::Abi(abi);
            let program = &linked.programs[program];
            let code = Code::decode(program, &linked.kfuncs, available)?;
            let refused = |refusal| FilterError::Engine { member: member.clone(), engine, refusal };
            let mut code = code.on(engine, program).map_err(refused)?;
            machine.add(&mut code);
            for row in rows {
                members[row.slot.index()] = Some(Member { code: codes.len(), row });
            }
            codes.push(code);
        }
        let mentions = Mentions::of_linked(linked);
        Ok(BpfFilter { name, abi, machine, codes, members, engine, mentions })
    }

    /// One program for everything.
    fn android(
        engine: Engine,
        linked: &Linked,
        wanted: Option<&str>,
        limits: Limits,
    ) -> Result<BpfFilter, FilterError> {
        let (program, name) = android::choose(linked, wanted)?;
        let mut machine = Machine::new(&reached_maps(linked, [program].into_iter()), limits)?;
        machine.refuses_mistakes = true;
        let available = Availability::Android;
        let program = &linked.programs[program];
        let code = Code::decode(program, &linked.kfuncs, available)?;
        let refused =
            |refusal| FilterError::Engine { member: program.name.clone(), engine, refusal };
        let mut code = code.on(engine, program).map_err(refused)?;
        machine.add(&mut code);
        let abi = Abi::Android;
        let mut members = vec![None; Slot::COUNT];
        for row in AbiTable::of(abi).slots() {
            members[row.slot.index()] = Some(Member { code: 0, row });
        }
        let mentions = Mentions::of_linked(linked);
        Ok(BpfFilter { name, abi, machine, codes: vec![code], members, engine, mentions })
    }

    /// Makes a filter of an object as clang made it.
    ///
    /// # Errors
    /// What stands in the way of loading, and everything of [`BpfFilter::new`].
    ///
    /// ```
    /// use fuserig_abi::Abi;
    /// use fuserig_filters::engine::{BpfFilter, FilterError, Limits};
    /// let error = BpfFilter::load(b"", None, Abi::V4, Limits::default()).unwrap_err();
    /// assert!(matches!(error, FilterError::Load(_)));
    /// ```
    pub fn load(
        bytes: &[u8],
        map: Option<&str>,
        abi: Abi,
        limits: Limits,
    ) -> Result<BpfFilter, FilterError> {
        BpfFilter::new(&load(bytes, abi)?, map, abi, limits)
    }

    /// As [`BpfFilter::load`], on an engine.
    ///
    /// # Errors
    /// The same, and what that engine cannot run.
    ///
    /// ```
    /// use fuserig_abi::Abi;
    /// use fuserig_filters::engine::{BpfFilter, Engine, Limits};
    /// assert!(BpfFilter::load_on(Engine::Rbpf, b"", None, Abi::V4, Limits::default()).is_err());
    /// ```
    pub fn load_on(
        engine: Engine,
        bytes: &[u8],
        map: Option<&str>,
        abi: Abi,
        limits: Limits,
    ) -> Result<BpfFilter, FilterError> {
        BpfFilter::new_on(engine, &load(bytes, abi)?, map, abi, limits)
    }

    /// The engine that runs its programs.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The members that are set, in the order of the table.
    pub fn members(&self) -> impl Iterator<Item = Slot> + '_ {
        Slot::all().filter(|slot| self.members[slot.index()].is_some())
    }

    /// The machine: its maps, and how much it executed.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// How often each line of the sources ran so far, member by member.
    pub fn coverage(&self) -> Vec<(Slot, Vec<LineCount>)> {
        let of = |slot: Slot| {
            let member = self.members[slot.index()]?;
            Some((slot, self.machine.lines(&self.codes[member.code])))
        };
        Slot::all().filter_map(of).collect()
    }

    /// The bytes of a map's value under a key, as a program would find them; of one CPU for
    /// per-CPU maps.
    pub fn map_value(&mut self, map: &str, key: &[u8], cpu: u32) -> Option<Vec<u8>> {
        let position = self.machine.maps.position(map)?;
        let (key_size, value_size) = self.machine.maps.sizes(position)?;
        if key.len() != key_size as usize {
            return None;
        }
        let mut untouched = self.machine.maps.clone();
        let regions = &mut self.machine.memory.regions;
        let address = untouched.lookup(position, key, cpu, regions);
        self.machine.memory.slice(address, value_size).map(<[u8]>::to_vec)
    }

    /// Changes every program, for tests that plant mistakes.
    #[cfg(test)]
    pub(super) fn change_codes(&mut self, change: impl Fn(&mut Code)) {
        self.codes.iter_mut().for_each(change);
    }

    /// The first map whose memory or keys differ from those of the same filter on another engine.
    pub(super) fn state_difference(&self, other: &BpfFilter) -> Option<Sides> {
        let (ours, theirs) = (&self.machine, &other.machine);
        for map in 0..ours.maps.len() {
            let number = u32::try_from(map).unwrap_or(u32::MAX);
            let name = ours.maps.name(map).unwrap_or("?");
            let values = (ours.map_bytes(number)?, theirs.map_bytes(number)?);
            if values.0 != values.1 {
                let at = values.0.iter().zip(values.1).take_while(|(one, two)| one == two).count();
                let what = format!("byte {at} of the values of map `{name}`");
                let from = |bytes: &[u8]| hex(bytes.get(at..).unwrap_or_default());
                return Some([what, from(values.0), from(values.1)]);
            }
        }
        if ours.maps != theirs.maps {
            let what = "the set of keys of a map".to_owned();
            return Some([what, "one".to_owned(), "another".to_owned()]);
        }
        (ours.random != theirs.random).then(|| {
            ["the number of random numbers".to_owned(), "one".to_owned(), "another".to_owned()]
        })
    }

    /// Runs a call again from a state, every piece on the interpreter as well, and says where they
    /// part. The machine is left as that run leaves it.
    pub(super) fn first_mismatch(
        &mut self,
        slot: Slot,
        (mut args, machine): (CallArgs, Machine),
        env: &FilterEnv<'_>,
    ) -> Option<String> {
        let member = self.members[slot.index()]?;
        let code = &mut self.codes[member.code];
        let pieces = std::sync::Arc::new(code.pieces.as_ref()?.comparing());
        code.pieces = Some(std::sync::Arc::clone(&pieces));
        self.machine = machine;
        self.call(slot, &mut args, &mut FilterEnv::new(env.caller()));
        let found = pieces.mismatch()?;
        let code = &self.codes[member.code];
        let insn = code.origin_of(found.start);
        let line = code.line_of(insn).map(|line| format!(", {}:{}", line.file, line.line));
        let line = line.unwrap_or_default();
        let function = code.function_of(insn);
        let registers = found.before.iter().enumerate();
        let registers: Vec<String> =
            registers.map(|(number, value)| format!("r{number}={value:#x}")).collect();
        Some(format!(
            "  in what begins at instruction {insn} of {function}{line}: {}\n  before it {}",
            found.what,
            registers.join(" ")
        ))
    }

    /// Lends the arguments of a call to the machine, and gives the address of their array.
    fn lend(&mut self, row: &'static SlotRow, args: &CallArgs) -> u64 {
        let regions = &mut self.machine.memory.regions;
        let mut addresses = core::mem::take(&mut regions[ARGUMENTS].bytes);
        addresses.clear();
        for (index, arg) in row.args.iter().enumerate().take(ARGUMENTS_MAX) {
            let number = ARGUMENT + index;
            let region = &mut regions[number];
            region.owner = std::borrow::Cow::Borrowed(arg.name.as_str());
            region.type_name = arg.type_name.as_str();
            region.is_written = false;
            region.generation = 0;
            let is_there = lend_one(region, arg.kind, arg.is_const, arg.dir, arg.position, args);
            let address = match arg.kind {
                ArgKind::Scalar => u64::from(args.meta.opcode),
                _ if is_there => region_address(number),
                _ => 0,
            };
            addresses.extend_from_slice(&address.to_le_bytes());
        }
        let array = &mut regions[ARGUMENTS];
        array.bytes = addresses;
        array.kind = Kind::Arguments;
        array.owner = std::borrow::Cow::Borrowed("ctx");
        array.limit(u32::try_from(array.bytes.len()).expect("a handful of arguments"));
        array.write_end = 0;
        region_address(ARGUMENTS)
    }

    /// Takes back what the call stored.
    fn take_back(&mut self, row: &'static SlotRow, args: &mut CallArgs) {
        let regions = &self.machine.memory.regions;
        for (index, arg) in row.args.iter().enumerate().take(ARGUMENTS_MAX) {
            let region = &regions[ARGUMENT + index];
            if arg.is_const && !region.is_written {
                continue;
            }
            match (arg.kind, arg.dir) {
                (ArgKind::Meta, _) => {
                    if let Ok(wire) = zerocopy::FromBytes::read_from_bytes(&region.bytes) {
                        args.meta = MetaInfo::from_wire(&wire);
                    }
                }
                (ArgKind::Struct, Some(dir)) => {
                    let target =
                        args.arg_mut(dir, arg.position).and_then(|arg| arg.as_struct_mut());
                    if let Some(target) = target {
                        let len = target.bytes().len().min(region.bytes.len());
                        target.bytes_mut()[..len].copy_from_slice(&region.bytes[..len]);
                    }
                }
                (ArgKind::Struct, None) | (ArgKind::Buffer | ArgKind::Scalar, _) => {}
            }
        }
    }

    /// What a call leaves for readers, and whether it left a record open.
    fn settle(&mut self, env: &mut FilterEnv<'_>) -> Option<TrapKind> {
        let open = self.machine.maps.unfinished().map(|map| {
            TrapKind::Argument(format!(
                "a record of ring buffer `{map}` was neither submitted nor discarded"
            ))
        });
        if self.machine.maps.has_outputs() || open.is_some() {
            for (map, bytes) in self.machine.maps.drain() {
                env.output(map, bytes);
            }
        }
        open
    }
}

/// Fills the region of one argument; whether the argument is there.
fn lend_one(
    region: &mut Region,
    kind: ArgKind,
    is_const: bool,
    dir: Option<Dir>,
    position: usize,
    args: &CallArgs,
) -> bool {
    let (bytes, is_there): (&[u8], bool) = match (kind, dir) {
        (ArgKind::Meta, _) => {
            region.kind = Kind::Struct { is_const };
            let wire = args.meta.to_wire();
            region.bytes.clear();
            region.bytes.extend_from_slice(wire.as_bytes());
            region.limit(META_LEN);
            if is_const {
                region.write_end = 0;
            }
            return true;
        }
        (ArgKind::Struct, Some(dir)) => {
            region.kind = Kind::Struct { is_const };
            match args.arg(dir, position).and_then(|arg| arg.as_struct()) {
                Some(arg) => (arg.bytes(), true),
                None => (&[], false),
            }
        }
        (ArgKind::Buffer, Some(dir)) => {
            region.kind = Kind::Buffer { dir, position };
            region.limit(0);
            region.len = BUFFER_LEN;
            region.bytes.clear();
            return args.arg(dir, position).is_some_and(|arg| arg.as_buffer().is_some());
        }
        (ArgKind::Struct | ArgKind::Buffer, None) | (ArgKind::Scalar, _) => (&[], false),
    };
    region.bytes.clear();
    region.bytes.extend_from_slice(bytes);
    region.limit(u32::try_from(bytes.len()).expect("at most 128 bytes"));
    if is_const {
        region.write_end = 0;
    }
    is_there
}

/// Bytes of `struct bpf_fuse_meta_info`.
const META_LEN: u32 = 24;
/// Bytes of `struct fuse_buffer` in a kernel.
const BUFFER_LEN: u32 = 24;

fn choose<'l>(
    linked: &'l Linked,
    wanted: Option<&str>,
    table: &AbiTable,
) -> Result<&'l StructOpsMap, FilterError> {
    let names = || linked.struct_ops.iter().map(|map| map.symbol.clone()).collect::<Vec<_>>();
    let map = match (wanted, linked.struct_ops.as_slice()) {
        (_, []) => return Err(FilterError::NoFilter),
        (None, [map]) => map,
        (None, _) => return Err(FilterError::Several(names())),
        (Some(wanted), maps) => maps
            .iter()
            .find(|map| map.symbol == wanted)
            .or_else(|| maps.iter().find(|map| map.name == wanted))
            .ok_or_else(|| FilterError::Unknown { wanted: wanted.to_owned(), known: names() })?,
    };
    let wanted = &table.description().attach.r#struct;
    if map.type_name != *wanted {
        return Err(FilterError::Type {
            symbol: map.symbol.clone(),
            type_name: map.type_name.clone(),
            abi: table.abi(),
            wanted: wanted.clone(),
        });
    }
    Ok(map)
}

/// The maps, of which those that no member reaches have no memory: an object may hold maps for
/// other programs, and of types that are not supported.
fn reached_maps(linked: &Linked, programs: impl Iterator<Item = usize>) -> Vec<MapDef> {
    let mut is_reached = vec![false; linked.maps.len()];
    let programs = programs.filter_map(|program| linked.programs.get(program));
    for insn in programs.flat_map(|program| &program.insns) {
        if insn.code == 0x18 && matches!(insn.src, PSEUDO_MAP | PSEUDO_MAP_VALUE) {
            let index = usize::try_from(insn.imm).unwrap_or(usize::MAX);
            if let Some(reached) = is_reached.get_mut(index) {
                *reached = true;
            }
        }
    }
    let made = linked.maps.iter().zip(is_reached).map(|(def, is_reached)| {
        if is_reached {
            return def.clone();
        }
        let (kind, data) = (MapKind::PerfEventArray, DataKind::Map);
        MapDef { kind, data, initial: Vec::new(), inner: None, ..def.clone() }
    });
    made.collect()
}

fn check_program(
    linked: &Linked,
    member: &str,
    program: usize,
    served: &[usize],
) -> Result<(), FilterError> {
    let error = |problem: String| FilterError::Program { member: member.to_owned(), problem };
    let Some(found) = linked.programs.get(program) else {
        return Err(error(format!("program {program} does not exist in this object")));
    };
    if found.kind != ProgramKind::StructOps {
        return Err(error(format!(
            "program {} stands in section {}; a member's program stands in struct_ops/NAME",
            found.name, found.section
        )));
    }
    if served.contains(&program) {
        return Err(error(format!("program {} serves another member already", found.name)));
    }
    Ok(())
}

impl Filter for BpfFilter {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn has(&self, slot: Slot) -> bool {
        self.members[slot.index()].is_some()
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let member = self.members[slot.index()];
        let member = member.expect("the pipeline calls only members that are set");
        let result = match (self.abi, slot) {
            (Abi::V3Grouped, Slot::Member(op, phase)) => {
                let row = grouped::row(op);
                let mut frame = grouped::open(args, row, phase);
                let result = self.run(member, &mut frame, env);
                grouped::close(frame, args, row);
                result
            }
            (Abi::Android, slot) => {
                let (address, windows) = android::lend(&mut self.machine, args, slot);
                let code = &self.codes[member.code];
                let result = self.machine.run(code, args, env, [address, 0]);
                android::take_back(&self.machine, &windows, args);
                result
            }
            _ => self.run(member, args, env),
        };
        let open = self.settle(env);
        match (result, open) {
            (Ok(code), None) => code as u32,
            (Err(mut trap), _) => {
                trap.member = slot.name().to_owned();
                env.report_trap(trap);
                Errno::EFAULT.negative() as u32
            }
            (Ok(code), Some(kind)) => {
                env.report_trap(self.at_exit(slot, member.code, code, kind));
                Errno::EFAULT.negative() as u32
            }
        }
    }

    fn executed(&self) -> Option<u64> {
        Some(self.machine.executed())
    }

    fn helper_calls(&self) -> Option<u64> {
        Some(self.machine.helper_calls())
    }

    fn lines(&self) -> Vec<LineCount> {
        self.coverage().into_iter().flat_map(|(_, lines)| lines).collect()
    }

    fn programs(&self) -> usize {
        self.codes.len()
    }

    /// Every instruction that ran, and each direction in which a jump went: the number of the
    /// program, the position, and 0 for run, 1 for taken, 2 for not taken.
    fn reached(&self) -> Vec<u64> {
        let mut points = Vec::new();
        for (number, code) in (0_u64..).zip(&self.codes) {
            for (insn, count, taken) in self.machine.counts(code) {
                let place = number << 34 | u64::from(insn) << 2;
                let ways =
                    taken.map_or([count, 0, 0], |taken| [count, taken, count - taken.min(count)]);
                let went = (0_u64..).zip(ways).filter(|(_, times)| *times > 0);
                points.extend(went.map(|(way, _)| place | way));
            }
        }
        points
    }

    fn mentions(&self) -> Mentions {
        self.mentions.clone()
    }
}

impl BpfFilter {
    /// Runs the program of a member on arguments in the shape of its ABI.
    fn run(
        &mut self,
        member: Member,
        args: &mut CallArgs,
        env: &mut FilterEnv<'_>,
    ) -> Result<u64, Box<Trap>> {
        let address = self.lend(member.row, args);
        if env.is_watched() {
            env.tells_touches();
            self.machine.watch_maps();
        }
        let result = self.machine.run(&self.codes[member.code], args, env, [address, 0]);
        self.machine.unwatch_maps();
        self.take_back(member.row, args);
        result
    }

    /// A trap that is found only after the exit.
    fn at_exit(&self, slot: Slot, code: usize, r0: u64, kind: TrapKind) -> Box<Trap> {
        let program = self.codes[code].name().to_owned();
        let mut registers = [0; 11];
        registers[0] = r0;
        Box::new(Trap {
            member: slot.name().to_owned(),
            function: program.clone(),
            program,
            insn: 0,
            line: None,
            registers,
            branches: Vec::new(),
            kind,
        })
    }
}

impl fmt::Debug for BpfFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.members().map(Slot::name).collect();
        f.debug_struct("BpfFilter")
            .field("name", &self.name.as_str())
            .field("members", &names)
            .finish_non_exhaustive()
    }
}
