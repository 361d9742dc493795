//! What a filter that the command line names is judged by, and beside what it runs.
//!
//! It is judged by what fits its name, by what the user requires, and by its twin when it is one
//! of the library's: a filter is written in C and in Rust, and both must decide alike. Beside it
//! runs a daemon that agrees with everything, because there is no other that fits any filter. What
//! a reader would get wrong: an object is known by the name that it registers, so that a changed
//! copy of a filter of the library is found to be changed.

use fuserig_abi::Abi;
use fuserig_filters::twin_of_builtin;

use super::exit::{Exit, Failure};
use super::maker::{FilterSpec, Maker};
use crate::invariant::{self, Invariant};
use crate::sim::{Fitting, Subject};

/// What can be required, for help texts and errors.
pub(super) const REQUIRE_HELP: &str = "\
Also require this: `never_visible:NAME`, `read_only`, `never_setid`, `ends_at:BYTES`, \
`guards:PREFIX`, `transparent`, `no_data_lost`, `posix`, `tells_errors`, `atomic_changes`, \
`linearizable`, `promises:FILTER`, all that a filter of the library is judged by, such as \
`promises:hide:*.tmp` or `promises:quota:64K`, or `twins_agree:FILTER`, that all calls end as with \
another filter, such as the version before; may be given several times";

/// What fits the filter, and what the user asks for besides.
///
/// # Errors
/// An invariant that does not exist, and a twin that cannot be read or loaded.
pub(super) fn fitting(
    spec: &str,
    require: &[String],
    abi: Abi,
    maker: &Maker,
) -> Result<Fitting, Failure> {
    let mut fitting = Fitting::of(&promises(spec, maker));
    let mut twin = twin(maker, abi);
    let mut is_required = false;
    for text in require {
        let (name, parameter) = text.split_once(':').unwrap_or((text, ""));
        let invariant: Box<dyn Invariant> = match (name, parameter) {
            ("never_visible", name) if !name.is_empty() => {
                fitting = fitting.about_name(name);
                Box::new(invariant::never_visible(name))
            }
            ("twins_agree", other) if !other.is_empty() => {
                let maker = FilterSpec::read(other)?.maker_or_fail(abi)?;
                fitting = fitting.about(Fitting::of(&promises(other, &maker)).names);
                twin = Some((other.to_owned(), maker));
                is_required = true;
                continue;
            }
            ("promises", other) if !other.is_empty() => {
                let maker = FilterSpec::read(other)?.maker_or_fail(abi)?;
                let promised = fitting.promising(&promises(other, &maker));
                fitting = promised.ok_or_else(|| nothing_promised(other))?;
                continue;
            }
            ("ends_at", bytes) => {
                Box::new(invariant::ends_at(bytes.parse().ok().ok_or_else(|| unknown("ends_at"))?))
            }
            ("guards", prefix) if !prefix.is_empty() => {
                fitting.mentioning(&[prefix.as_bytes().to_vec()]);
                Box::new(invariant::guards(prefix))
            }
            ("never_setid", "") => Box::new(invariant::never_setid()),
            ("read_only", "") => Box::new(invariant::read_only()),
            ("transparent", "") => Box::new(invariant::transparent()),
            ("no_data_lost", "") => Box::new(invariant::no_data_lost()),
            ("tells_errors", "") => Box::new(invariant::tells_errors()),
            ("posix", "") => Box::new(invariant::posix()),
            ("atomic_changes", "") => Box::new(invariant::atomic_changes()),
            ("linearizable", "") => Box::new(invariant::linearizable()),
            _ => return Err(unknown(text)),
        };
        fitting.invariants.push(invariant);
    }
    if let Some((name, other)) = twin {
        let agree = invariant::TwinsAgree::with(&name, move || other.make());
        // What a user requires is that calls end alike.
        let agree = if is_required { agree } else { agree.and_ask_alike() };
        fitting.invariants.push(Box::new(agree));
    }
    if let Some(filter) = maker.make() {
        fitting.mentioning(&filter.mentions().words);
    }
    Ok(fitting)
}

fn nothing_promised(filter: &str) -> Failure {
    let message = format!(
        "{filter} promises no more than every filter is judged by; require what promises \
         something, such as promises:hide:NAME, promises:redact:NAME or promises:quota:BYTES"
    );
    Failure::new(Exit::Usage, message)
}

fn unknown(text: &str) -> Failure {
    let message = match text {
        "never_visible" => "never_visible needs a name: never_visible:NAME".to_owned(),
        "ends_at" => "ends_at needs a number of bytes: ends_at:BYTES".to_owned(),
        "guards" => "guards needs what the names begin with: guards:PREFIX".to_owned(),
        "promises" => "promises needs a filter of the library: promises:FILTER".to_owned(),
        "twins_agree" => "twins_agree needs a filter: twins_agree:FILTER".to_owned(),
        _ => format!(
            "no invariant {text} can be required; there are never_visible:NAME, read_only, \
             never_setid, ends_at:BYTES, guards:PREFIX, transparent, no_data_lost, posix, \
             tells_errors, atomic_changes, linearizable, promises:FILTER, twins_agree:FILTER"
        ),
    };
    Failure::new(Exit::Usage, message)
}

/// What every filter is judged by, whatever it is for.
const OF_ANY: [&str; 5] = ["errno_envelope", "no_leak", "balance", "durable", "atomic_names"];

/// What to do about a filter that was judged by nothing that it promises.
pub(super) fn hint(judges: &[String]) -> Option<&'static str> {
    let of_any = judges.iter().all(|name| OF_ANY.contains(&name.as_str()));
    of_any.then_some(
        "what this filter promises is not known; say it with --require, such as \
         never_visible:NAME, read_only, promises:FILTER or twins_agree:FILTER",
    )
}

/// The filter whose promises these are: an object of the library promises what its twin does.
fn promises(spec: &str, maker: &Maker) -> String {
    match maker {
        Maker::Object { twin: Some(twin), .. } => twin.clone(),
        Maker::Metered { inner, .. } => promises(spec, inner),
        Maker::None | Maker::Native(..) | Maker::Object { .. } => spec.to_owned(),
    }
}

/// The other form of a filter of the library, and what it is called; none for another filter, and
/// where the other form does not load.
fn twin(maker: &Maker, abi: Abi) -> Option<(String, Maker)> {
    match maker {
        Maker::None => None,
        Maker::Native(spec, _) => {
            let (name, bytes) = twin_of_builtin(spec)?;
            let (path, bytes) = (format!("{name}.o").into(), bytes.into_owned());
            let object = FilterSpec::Object { path, name: Some(name.to_owned()), bytes };
            Some((format!("{name}.o of the library"), object.maker(abi).ok()?))
        }
        Maker::Object { twin, .. } => {
            let spec = twin.clone()?;
            Some((format!("{spec} of the library"), Maker::Native(spec, abi)))
        }
        Maker::Metered { inner, .. } => twin(inner, abi),
    }
}

/// The subject with a filter that the command line names: every run has a fresh one.
pub(super) fn subject(spec: &str, abi: Abi, maker: Maker) -> Subject {
    let named = if spec.is_empty() { "none" } else { spec };
    Subject::boxed(abi, move || maker.make()).named(named).agreeing_daemon()
}

#[cfg(test)]
mod tests {
    use super::hint;
    use crate::sim::Fitting;

    #[test]
    fn a_filter_that_nobody_knows_has_a_hint_and_others_have_none() {
        let judged = |spec: &str| {
            let fitting = Fitting::of(spec);
            fitting.invariants.iter().map(|each| each.name().to_owned()).collect::<Vec<_>>()
        };
        assert!(hint(&judged("mine.o")).expect("nothing is known").contains("--require"));
        for spec in ["none", "hide:a", "readonly", "redact:a", "quota:1"] {
            assert_eq!(hint(&judged(spec)), None, "{spec}");
        }
    }
}
