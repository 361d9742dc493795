//! Campaigns: lists of work that any batch system can shard, and what came of them.
//!
//! A [`Plan`] is immutable: every [`Work`] has an id that is the hash of what it says, a shard
//! takes the works whose ids fall to it, each work gives one [`WorkResult`], and [`Merged`] is the
//! union of results, whatever the order and however often. The module is pure: it knows no file
//! and no batch system; the command line reads and writes and takes numbers from the environment.
//! What a reader would get wrong: a result holds nothing that varies from run to run (no time, no
//! host), which is why work that was done twice merges into one, and why two results of one id
//! that differ are a finding.

mod merged;
mod plan;
mod result;
mod shard;
mod task;

pub use merged::Merged;
pub use plan::{CampaignError, Plan, Work};
pub use result::{Found, WorkResult};
pub use shard::{Shard, ShardError};
pub use task::{FuzzTask, Task};
