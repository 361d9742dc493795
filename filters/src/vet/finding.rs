//! What the check finds.

use core::fmt;

use fuserig_abi::Quirk;

/// How bad a finding is, the worst first.
///
/// ```
/// use fuserig_filters::vet::VetClass;
/// assert!(VetClass::Refused < VetClass::Ignored);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VetClass {
    /// A kernel refuses the program.
    Refused,
    /// The kernel crashes when it happens.
    Crash,
    /// Accepted, and not what it says.
    Wrong,
    /// Accepted, and without effect.
    Ignored,
    /// Never runs.
    Never,
    /// Not followed; the checks at run time cover it.
    Unproven,
}

impl VetClass {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            VetClass::Refused => "refused",
            VetClass::Crash => "crash",
            VetClass::Wrong => "wrong",
            VetClass::Ignored => "ignored",
            VetClass::Never => "never runs",
            VetClass::Unproven => "unproven",
        }
    }
}

/// One finding about one member.
///
/// ```
/// use fuserig_abi::Quirk;
/// use fuserig_filters::vet::{VetClass, VetFinding};
/// let finding = VetFinding {
///     class: VetClass::Never,
///     quirk: Some(Quirk::DISP_3),
///     filter: "audit".into(),
///     member: "release_prefilter".into(),
///     line: None,
///     text: "v4 sends every release to releasedir".into(),
/// };
/// assert_eq!(
///     finding.to_string(),
///     "audit.release_prefilter: never runs [DISP-3]: v4 sends every release to releasedir"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VetFinding {
    /// The name of the filter.
    pub filter: String,
    /// The member, or the program when it serves none.
    pub member: String,
    /// File, line and text of the C source, where one line is to blame.
    pub line: Option<(String, u32, String)>,
    /// How bad it is.
    pub class: VetClass,
    /// The quirk of the kernel that makes it so.
    pub quirk: Option<Quirk>,
    /// What happens, in the terms of the filter.
    pub text: String,
}

impl fmt::Display for VetFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}: {}", self.filter, self.member, self.class.name())?;
        if let Some(quirk) = self.quirk {
            write!(f, " [{quirk}]")?;
        }
        write!(f, ": {}", self.text)?;
        match &self.line {
            Some((file, line, _)) => write!(f, " ({file}:{line})"),
            None => Ok(()),
        }
    }
}
