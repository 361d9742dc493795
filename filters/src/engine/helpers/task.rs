//! The calling process.

use fuserig_abi::Errno;

use crate::engine::interp::{CRED, Code, Context, Kind, Region, Stopped, TASK, region_address};

type Answer = Result<u64, Stopped>;

/// `TASK_COMM_LEN`.
const COMM_LEN: usize = 16;
/// The name of every simulated process.
const COMM: &[u8] = b"fuserig";

pub(super) fn pid_tgid(context: &mut Context<'_, '_>, _: &Code, _: [u64; 5]) -> Answer {
    let pid = u64::from(context.env.caller().pid.0);
    Ok(pid << 32 | pid)
}

pub(super) fn uid_gid(context: &mut Context<'_, '_>, _: &Code, _: [u64; 5]) -> Answer {
    let credentials = &context.env.caller().credentials;
    Ok(u64::from(credentials.gid.0) << 32 | u64::from(credentials.uid.0))
}

pub(super) fn comm(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let len = usize::try_from(args[1]).unwrap_or(usize::MAX).min(COMM_LEN);
    if args[1] == 0 {
        return Ok(Errno::EINVAL.negative() as i64 as u64);
    }
    let mut name = [0; COMM_LEN];
    name[..COMM.len()].copy_from_slice(COMM);
    name[len - 1] = 0;
    context.write_from(args[0], &name[..len])?;
    Ok(0)
}

/// `struct task_struct` of the caller, in the layout of the ABI's type information (72 bytes, and
/// 40 bytes of `struct cred`), from which programs take their offsets.
pub(super) fn task(context: &mut Context<'_, '_>, _: &Code, _: [u64; 5]) -> Answer {
    let caller = context.env.caller();
    let mut cred = vec![0; 40];
    cred[0..8].copy_from_slice(&1_u64.to_le_bytes());
    for first in (8..40).step_by(8) {
        cred[first..first + 4].copy_from_slice(&caller.credentials.uid.0.to_le_bytes());
        cred[first + 4..first + 8].copy_from_slice(&caller.credentials.gid.0.to_le_bytes());
    }
    let mut task = vec![0; 72];
    let own = region_address(TASK).to_le_bytes();
    task[8..12].copy_from_slice(&caller.pid.0.to_le_bytes());
    task[12..16].copy_from_slice(&caller.pid.0.to_le_bytes());
    task[16..24].copy_from_slice(&own);
    task[24..32].copy_from_slice(&own);
    task[32..40].copy_from_slice(&region_address(CRED).to_le_bytes());
    task[40..48].copy_from_slice(&region_address(CRED).to_le_bytes());
    task[48..48 + COMM.len()].copy_from_slice(COMM);
    let regions = &mut context.machine.memory.regions;
    regions[CRED] = Region::plain(Kind::Kernel, "cred", cred, false);
    regions[TASK] = Region::plain(Kind::Kernel, "task", task, false);
    regions[CRED].type_name = "cred";
    regions[TASK].type_name = "task_struct";
    Ok(region_address(TASK))
}
