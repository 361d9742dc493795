//! Attributes, lists and what is inherited.

use fuserig_abi::{Errno, Gid, Timespec, Uid};

use super::{ROOT, root_at, tree, user_at};
use crate::{AttrChanges, LowerExt, SetTime};

const NONE: AttrChanges = AttrChanges {
    permissions: None,
    uid: None,
    gid: None,
    size: None,
    atime: None,
    mtime: None,
    ctime: None,
    kill_suid_sgid: false,
};

/// Applies changes to a file of user 1000 as user `id` (0 is the super-user) and compares the
/// permissions that result.
fn check(mode: u32, id: u32, changes: AttrChanges, expected: Result<u32, Errno>) {
    let mut fs = tree(&format!("/f uid=1000 gid=1000 mode={mode:o} 'x'"));
    let caller = if id == 0 { root_at(9) } else { user_at(id, 9) };
    let node = fs.lookup(&root_at(0), ROOT, b"f").unwrap().ino;
    let found = fs.setattr(&caller, node, changes).map(|stat| stat.permissions);
    assert_eq!(found, expected, "{mode:o} {id} {changes:?}");
    assert_eq!(fs.digest(), fs.digest_from_scratch());
}

#[test]
fn who_may_change_what() {
    let chmod = |mode| AttrChanges { permissions: Some(mode), ..NONE };
    check(0o644, 1000, chmod(0o600), Ok(0o600));
    check(0o644, 1001, chmod(0o600), Err(Errno::EPERM));
    check(0o644, 0, chmod(0o7777), Ok(0o7777));
    let chown = |uid| AttrChanges { uid: Some(Uid(uid)), ..NONE };
    check(0o644, 1000, chown(1000), Ok(0o644));
    check(0o644, 1000, chown(1001), Err(Errno::EPERM));
    check(0o644, 0, chown(1001), Ok(0o644));
    let chgrp = |gid| AttrChanges { gid: Some(Gid(gid)), ..NONE };
    check(0o644, 1000, chgrp(1000), Ok(0o644));
    check(0o644, 1000, chgrp(1001), Err(Errno::EPERM));
    let now = Some(SetTime::Now);
    let touch = AttrChanges { atime: now, mtime: now, ..NONE };
    check(0o644, 1001, touch, Err(Errno::EACCES));
    check(0o646, 1001, touch, Ok(0o646));
    let set = AttrChanges { mtime: Some(SetTime::At(Timespec::ZERO)), ..NONE };
    check(0o646, 1001, set, Err(Errno::EPERM));
    check(0o646, 1001, AttrChanges { size: Some(0), mtime: now, ..NONE }, Ok(0o646));
}

#[test]
fn privileges_go_with_the_reasons_for_them() {
    let chown = AttrChanges { gid: Some(Gid(1000)), ..NONE };
    check(0o6755, 1000, chown, Ok(0o755));
    check(0o6755, 0, chown, Ok(0o755));
    check(0o6745, 0, chown, Ok(0o2745));
    check(0o6755, 0, AttrChanges { size: Some(0), ..NONE }, Ok(0o6755));
    check(0o6755, 1000, AttrChanges { size: Some(0), ..NONE }, Ok(0o755));
    check(0o6755, 0, AttrChanges { kill_suid_sgid: true, ..NONE }, Ok(0o755));
    check(0o6755, 0, AttrChanges { permissions: Some(0o4711), ..chown }, Ok(0o4711));
    let foreign_group = AttrChanges { permissions: Some(0o2755), ..NONE };
    check(0o755, 1000, foreign_group, Ok(0o2755));
}

#[test]
fn nothing_to_kill_changes_nothing() {
    let mut fs = tree("/f mode=0755");
    let node = fs.lookup(&root_at(0), ROOT, b"f").unwrap().ino;
    let stat = fs.setattr(&root_at(9), node, AttrChanges { kill_suid_sgid: true, ..NONE }).unwrap();
    assert_eq!(stat.ctime, Timespec::ZERO);
}

#[test]
fn directories_hand_down_group_and_list() {
    // Owner rwx, user 5 rwx, group r-x, mask rwx, other r-x.
    let list = "\\x02\\x00\\x00\\x00\
        \\x01\\x00\\x07\\x00\\xff\\xff\\xff\\xff\\x02\\x00\\x07\\x00\\x05\\x00\\x00\\x00\
        \\x04\\x00\\x05\\x00\\xff\\xff\\xff\\xff\\x10\\x00\\x07\\x00\\xff\\xff\\xff\\xff\
        \\x20\\x00\\x05\\x00\\xff\\xff\\xff\\xff";
    let text = format!("/d/ mode=2777 gid=50 xattr.system.posix_acl_default='{list}'");
    let mut fs = tree(&text);
    let caller = user_at(1000, 0);
    let d = fs.lookup(&caller, ROOT, b"d").unwrap().ino;
    let file = fs.create(&caller, d, b"f", 0o640).unwrap();
    assert_eq!((file.permissions, file.gid, file.uid), (0o640, Gid(50), Uid(1000)));
    let sub = fs.mkdir(&caller, d, b"s", 0o755).unwrap();
    assert_eq!((sub.permissions, sub.gid), (0o2755, Gid(50)));
    let names = fs.list_xattr(&caller, file.ino, 100).unwrap();
    assert_eq!(names, b"system.posix_acl_access\0");
    let names = fs.list_xattr(&caller, sub.ino, 100).unwrap();
    assert_eq!(names, b"system.posix_acl_access\0system.posix_acl_default\0");
    // User 5 is granted rwx by the list but the mask, the group bits of 0640, leaves r.
    let fifth = user_at(5, 0);
    let access = |fs: &mut crate::MemFs, mask| fs.access(&fifth, file.ino, mask);
    assert_eq!(access(&mut fs, fuserig_abi::AccessMask::READ), Ok(()));
    assert_eq!(access(&mut fs, fuserig_abi::AccessMask::WRITE), Err(Errno::EACCES));
}

#[test]
fn attribute_names_are_listed_lists_first_then_descending() {
    let mut fs = tree("/f xattr.user.a='' xattr.user.bb='' xattr.trusted.t='' xattr.user.c=''");
    let node = fs.lookup(&root_at(0), ROOT, b"f").unwrap().ino;
    let list = |fs: &mut crate::MemFs, caller| {
        String::from_utf8(fs.list_xattr(&caller, node, 99).unwrap()).unwrap()
    };
    assert_eq!(list(&mut fs, root_at(0)), "user.c\0user.bb\0user.a\0trusted.t\0");
    assert_eq!(list(&mut fs, user_at(7, 0)), "user.c\0user.bb\0user.a\0");
}
