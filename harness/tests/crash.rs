//! Loss of power: what was synced survives on a right filesystem, and each way to get the order
//! wrong is found.

#[path = "crash/applications.rs"]
mod applications;
#[path = "crash/cases.rs"]
mod cases;
#[path = "crash/families.rs"]
mod families;
#[path = "crash/filesystems.rs"]
mod filesystems;
#[path = "crash/stored.rs"]
mod stored;
