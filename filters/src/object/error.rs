//! Why an object is not loaded: where, what, and what to do.

use core::fmt;

use fuserig_abi::btf::BtfError;

/// Why an object is not loaded.
///
/// ```
/// use fuserig_abi::Abi;
/// use fuserig_filters::object::{LoadPlace, load};
/// let error = load(b"#!/bin/sh", Abi::V4).unwrap_err();
/// assert_eq!(error.place(), &LoadPlace::Object);
/// assert!(error.to_string().starts_with("load object: not an ELF file"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LoadError {
    // Boxed, because every step of the loader returns one.
    parts: Box<(LoadPlace, LoadProblem)>,
}

impl LoadError {
    /// Where.
    pub fn place(&self) -> &LoadPlace {
        &self.parts.0
    }

    /// What.
    pub fn problem(&self) -> &LoadProblem {
        &self.parts.1
    }

    pub(super) fn place_mut(&mut self) -> &mut LoadPlace {
        &mut self.parts.0
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, problem) = &*self.parts;
        match place {
            LoadPlace::Object => write!(f, "load object: {problem}"),
            place => write!(f, "load object: {place}: {problem}"),
        }
    }
}

/// What part of an object an error is about.
///
/// ```
/// use fuserig_filters::object::LoadPlace;
/// let place = LoadPlace::Member { variable: "hide_ops".into(), member: "name".into() };
/// assert_eq!(place.to_string(), "member name of hide_ops");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadPlace {
    /// All of it.
    Object,
    /// A section.
    Section(String),
    /// A symbol.
    Symbol(String),
    /// A map, by its symbol.
    Map(String),
    /// An instruction.
    Insn {
        /// Its section.
        section: String,
        /// The function it stands in; empty when there is none.
        function: String,
        /// Its position in the section, in instructions.
        insn: usize,
        /// File and line of the source, where known.
        line: Option<(String, u32)>,
    },
    /// A member of a struct_ops variable.
    Member {
        /// The variable.
        variable: String,
        /// The member.
        member: String,
    },
}

impl fmt::Display for LoadPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadPlace::Object => f.write_str("object"),
            LoadPlace::Section(name) => write!(f, "section {name}"),
            LoadPlace::Symbol(name) => write!(f, "symbol {name}"),
            LoadPlace::Map(name) => write!(f, "map {name}"),
            LoadPlace::Insn { section, function, insn, line } => {
                write!(f, "section {section}, instruction {insn}")?;
                if !function.is_empty() {
                    write!(f, " of {function}")?;
                }
                match line {
                    Some((file, line)) => write!(f, " ({file}:{line})"),
                    None => Ok(()),
                }
            }
            LoadPlace::Member { variable, member } => write!(f, "member {member} of {variable}"),
        }
    }
}

/// What is wrong, continued by what to do where that is known.
///
/// ```
/// use fuserig_filters::object::LoadProblem;
/// let problem = LoadProblem::Unsupported { feature: "arenas", instead: "use an array map" };
/// assert_eq!(problem.to_string(), "arenas are not supported; use an array map");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadProblem {
    /// Not an object of BPF.
    #[error("{0}")]
    NotBpf(&'static str),
    /// An ELF file that contradicts itself.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Type information that cannot be read.
    #[error("{0}")]
    Btf(#[from] BtfError),
    /// There is no type information where it is needed.
    #[error("there is no type information for it; compile with -g")]
    NoBtf,
    /// More than this build accepts.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A feature that is known and not supported.
    #[error("{feature} are not supported; {instead}")]
    Unsupported {
        /// The feature, in the plural.
        feature: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A relocation that means nothing.
    #[error("relocation against {symbol}: {problem}")]
    Relocation {
        /// The symbol.
        symbol: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A kernel function or variable that the ABI does not have.
    #[error("{name} does not exist in {abi}; {hint}")]
    UnknownKernelSymbol {
        /// Its name.
        name: String,
        /// The ABI.
        abi: String,
        /// What to do.
        hint: String,
    },
    /// A kernel function that is declared otherwise than it is.
    #[error("declared as `{declared}`, but in {abi} it is `{actual}`")]
    Prototype {
        /// The declaration in the object.
        declared: String,
        /// The ABI.
        abi: String,
        /// The declaration of the ABI.
        actual: String,
    },
    /// A CO-RE relocation that cannot be made sense of.
    #[error("CO-RE relocation of {spec}: {problem}")]
    Core {
        /// What is relocated, as C spells it.
        spec: String,
        /// What is wrong.
        problem: String,
    },
    /// A map definition that says too little or the wrong thing.
    #[error("map definition: {0}")]
    Map(String),
    /// A variable of struct_ops or one of its members that the ABI does not take.
    #[error("{problem} (libbpf and the kernel say {errno})")]
    StructOps {
        /// What is wrong and what to do.
        problem: String,
        /// What libbpf or the kernel return.
        errno: &'static str,
    },
}

/// An error at a place.
pub(super) fn at(place: LoadPlace, problem: LoadProblem) -> LoadError {
    LoadError { parts: Box::new((place, problem)) }
}

/// An error of a section.
pub(super) fn in_section(name: &str, problem: LoadProblem) -> LoadError {
    at(LoadPlace::Section(name.to_owned()), problem)
}

/// A section that contradicts itself.
pub(super) fn damaged(section: &str, what: impl Into<String>) -> LoadError {
    in_section(section, LoadProblem::Damaged(what.into()))
}
