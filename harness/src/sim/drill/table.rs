//! The courses, and the programs that they are run as.

use super::course::Course;
use super::{bytes, locks, metadata, names, places, processes, rights, safety, sends, slots};
use crate::sim::meet::Meeting;
use crate::sim::{Program, Rng, WorkloadConfig};

/// How many courses there are.
pub(in crate::sim) const COUNT: usize = 47;

/// Every course, in the order in which a campaign goes through them.
const COURSES: [fn() -> Course; COUNT] = [
    bytes::lengths,
    names::renames,
    rights::modes,
    places::listings,
    metadata::changes,
    locks::whole,
    bytes::space,
    names::links,
    rights::programs,
    places::symlinks,
    metadata::attributes,
    rights::lists,
    bytes::ends,
    names::exchanges,
    rights::owners,
    places::directories,
    metadata::moves,
    locks::ranges,
    bytes::holes,
    names::kinds,
    rights::defaults,
    places::lengths,
    metadata::stamps,
    rights::sticky,
    bytes::copies,
    places::targets,
    rights::made,
    metadata::room,
    rights::directories,
    rights::capabilities,
    locks::shared,
    bytes::descriptors,
    bytes::flags,
    rights::setgid,
    names::slashes,
    places::moved,
    sends::files,
    locks::asked,
    slots::replaced,
    slots::locked,
    processes::shared,
    processes::standing,
    processes::locked,
    processes::executed,
    locks::awaited,
    locks::in_rings,
    locks::awaited_whole,
];

/// The programs of a course by its number, and who moves when; none when there is no such course,
/// or when it needs others, users or operations that there are not, or waits where nobody may.
pub(in crate::sim) fn draw(
    number: usize,
    config: &WorkloadConfig,
    rng: &mut Rng,
) -> Option<(Vec<Program>, Meeting)> {
    fitting(COURSES.get(number)?(), config, rng)
}

/// The same of a course that ends with a promise, of which there is one for every number.
pub(in crate::sim) fn draw_safe(
    number: usize,
    config: &WorkloadConfig,
    rng: &mut Rng,
) -> Option<(Vec<Program>, Meeting)> {
    fitting(safety::numbered(number, rng), config, rng)
}

fn fitting(
    course: Course,
    config: &WorkloadConfig,
    rng: &mut Rng,
) -> Option<(Vec<Program>, Meeting)> {
    // Where there are two there may be a third.
    let clients = course.programs.len() == 1 || config.clients > 1;
    let users = config.users || course.programs.iter().all(|program| program.uid == 0);
    let waits = config.waits || !course.waits();
    let fits = clients && users && waits && course.operations() <= config.operations;
    fits.then(|| course.start(config.clients, rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_course_fits_the_defaults() {
        let config = WorkloadConfig::default();
        for (number, course) in COURSES.iter().enumerate() {
            let course = course();
            let operations = course.operations();
            assert!(operations <= config.operations, "course {number} has {operations} operations");
            assert!(course.programs.len() <= 3, "course {number}");
        }
        assert!(draw(COURSES.len(), &config, &mut crate::sim::Seed(1).rng()).is_none());
    }

    #[test]
    fn a_course_that_does_not_fit_is_left_out() {
        let small = WorkloadConfig { operations: 5, ..WorkloadConfig::default() };
        let alone = WorkloadConfig { clients: 1, ..WorkloadConfig::default() };
        let rng = &mut crate::sim::Seed(1).rng();
        assert!(draw(0, &small, rng).is_none());
        assert!(draw(2, &alone, rng).is_none(), "two clients are needed");
        assert!(draw(0, &alone, rng).is_some());
    }
}
