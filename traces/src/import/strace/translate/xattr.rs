//! Extended attributes, in their three forms: by path, by path without following, by descriptor.

use super::super::error::Trouble;
use super::super::paths::{AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, Spot};
use super::super::report::LossKind;
use super::super::session::{Descriptor, Draft, Outcome, Scene, Session};
use super::Translate;
use super::data::with_output;
use crate::calls::{ArgKind, CallNr, OutField};
use crate::record::{CallFlags, Value};

pub(super) const TRANSLATORS: &[(&str, Translate)] = &[
    ("getxattr", |session, scene| get(session, scene, Form::Follow)),
    ("lgetxattr", |session, scene| get(session, scene, Form::NoFollow)),
    ("fgetxattr", |session, scene| get(session, scene, Form::Descriptor)),
    ("setxattr", |session, scene| set(session, scene, Form::Follow)),
    ("lsetxattr", |session, scene| set(session, scene, Form::NoFollow)),
    ("fsetxattr", |session, scene| set(session, scene, Form::Descriptor)),
    ("listxattr", |session, scene| list(session, scene, Form::Follow)),
    ("llistxattr", |session, scene| list(session, scene, Form::NoFollow)),
    ("flistxattr", |session, scene| list(session, scene, Form::Descriptor)),
    ("removexattr", |session, scene| remove(session, scene, Form::Follow)),
    ("lremovexattr", |session, scene| remove(session, scene, Form::NoFollow)),
    ("fremovexattr", |session, scene| remove(session, scene, Form::Descriptor)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Follow,
    NoFollow,
    Descriptor,
}

/// The three leading arguments of the rows, and whether the path was rewritten.
type Leading = (Vec<Value>, bool);

fn file(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    form: Form,
) -> Result<Result<Leading, Outcome>, Trouble> {
    let flags = match form {
        Form::Follow => 0,
        Form::NoFollow => AT_SYMLINK_NOFOLLOW,
        Form::Descriptor => {
            let fd = match session.descriptor(scene, 0)? {
                Descriptor::Inside(fd) => fd,
                Descriptor::Outside => return Ok(Err(Outcome::Outside)),
                Descriptor::Stranger => return Ok(Err(Outcome::Lost)),
            };
            let leading =
                vec![Value::Int(fd), Value::Bytes(Vec::new()), Value::UInt(AT_EMPTY_PATH)];
            return Ok(Ok((leading, true)));
        }
    };
    let Spot::Inside(place) = session.spot(scene, None, 0, form == Form::Follow)? else {
        return Ok(Err(Outcome::Outside));
    };
    let [dirfd, path] = place.values();
    Ok(Ok((vec![dirfd, path, place.at_flags(flags)], place.rewritten)))
}

/// A leading part, or return what is answered instead.
macro_rules! leading_or_return {
    ($file:expr) => {
        match $file {
            Ok(leading) => leading,
            Err(outcome) => return Ok(outcome),
        }
    };
}

/// Every form is normalised: the rows are named after calls that Linux has only since 6.13.
fn draft(nr: CallNr, args: Vec<Value>) -> Draft {
    Draft::new(nr, args).mark(CallFlags::NORMALISED)
}

/// The attribute's name; `None` when the call failed before it was read.
fn name(scene: &Scene<'_>) -> Result<Option<Value>, Trouble> {
    Ok(scene.call.whole(1)?.map(Value::Bytes))
}

fn get(session: &mut Session<'_>, scene: &Scene<'_>, form: Form) -> Result<Outcome, Trouble> {
    let (mut args, _) = leading_or_return!(file(session, scene, form)?);
    let Some(name) = name(scene)? else { return Ok(Outcome::Quiet) };
    args.extend([name, Value::UInt(scene.call.uint(3)?)]);
    let mut draft = draft(CallNr::GETXATTRAT, args);
    // With a size of 0 the call asks for the length only.
    if scene.call.succeeded()
        && let Some(data) = scene.call.data(2)?
    {
        draft = with_output(draft, OutField::DATA, data, scene.call.ret.value);
    }
    session.record(scene, draft)
}

fn set(session: &mut Session<'_>, scene: &Scene<'_>, form: Form) -> Result<Outcome, Trouble> {
    let (mut args, _) = leading_or_return!(file(session, scene, form)?);
    let Some(name) = name(scene)? else { return Ok(Outcome::Quiet) };
    let size = scene.call.uint(3)?;
    let Some(mut data) = scene.call.data(2)?.or_else(|| (size == 0).then(Default::default)) else {
        return Ok(Outcome::Quiet);
    };
    data.cut |= (data.bytes.len() as u64) < size;
    if data.cut && scene.call.succeeded() {
        let what = String::from_utf8_lossy(name.as_bytes().unwrap_or_default()).into_owned();
        session.lose(scene, LossKind::CutData, what);
    }
    let flags = scene.call.flags(4, ArgKind::XattrFlags)?;
    args.extend([name, Value::Bytes(data.bytes), Value::UInt(flags)]);
    let draft = draft(CallNr::SETXATTRAT, args).mark_if(data.cut, CallFlags::TRUNCATED);
    session.record(scene, draft)
}

fn list(session: &mut Session<'_>, scene: &Scene<'_>, form: Form) -> Result<Outcome, Trouble> {
    let (mut args, _) = leading_or_return!(file(session, scene, form)?);
    args.push(Value::UInt(scene.call.uint(2)?));
    let mut draft = draft(CallNr::LISTXATTRAT, args);
    // With a size of 0 the call asks for the length only.
    if scene.call.succeeded()
        && let Some(data) = scene.call.data(1)?
    {
        draft = with_output(draft, OutField::DATA, data, scene.call.ret.value);
    }
    session.record(scene, draft)
}

fn remove(session: &mut Session<'_>, scene: &Scene<'_>, form: Form) -> Result<Outcome, Trouble> {
    let (mut args, _) = leading_or_return!(file(session, scene, form)?);
    let Some(name) = name(scene)? else { return Ok(Outcome::Quiet) };
    args.push(name);
    session.record(scene, draft(CallNr::REMOVEXATTRAT, args))
}
