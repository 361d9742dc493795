//! What fails changes nothing, and neither does what only looks.

use super::judged::Judged;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    let why = match judged.succeeded() {
        false => "fails",
        true if judged.action.only_looks() => "only looks",
        true => return Ok(()),
    };
    if judged.before.digest() != judged.after.digest() {
        return Err(format!("{why} and changes the tree"));
    }
    for node in touched(judged) {
        if let Some((was, is)) = judged.stats(node)
            && (was.mtime, was.ctime) != (is.mtime, is.ctime)
        {
            return Err(format!("{why} and moves the times of node {}", node.0));
        }
    }
    Ok(())
}

/// The nodes that a call is about.
fn touched(judged: &Judged<'_>) -> impl Iterator<Item = fuserig_abi::Ino> {
    let walked = judged.paths.iter().flatten();
    let named = walked.flat_map(|place| [Some(place.directory), place.node]).flatten();
    let open = [judged.file, judged.source].into_iter().flatten().map(|file| file.node);
    named.chain(open)
}
