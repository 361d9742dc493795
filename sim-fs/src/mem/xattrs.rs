//! The extended attributes of one inode, access control lists included.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    acl::Acl,
    digest::{hash, mix},
};

pub(super) use fuserig_abi::{
    XATTR_POSIX_ACL_ACCESS as ACL_ACCESS, XATTR_POSIX_ACL_DEFAULT as ACL_DEFAULT,
};

pub(super) const CAPABILITY: &[u8] = b"security.capability";

#[derive(Clone, Debug, Default)]
pub(super) struct Xattrs {
    pub(super) values: BTreeMap<Box<[u8]>, Arc<[u8]>>,
    pub(super) acl_access: Option<Acl>,
    pub(super) acl_default: Option<Acl>,
    digest: u128,
}

impl Xattrs {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.acl_access.is_none() && self.acl_default.is_none()
    }

    /// The names as `listxattr` orders them on tmpfs: lists first, then descending.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        let lists = [(&self.acl_access, ACL_ACCESS), (&self.acl_default, ACL_DEFAULT)];
        let lists = lists.into_iter().filter(|(acl, _)| acl.is_some()).map(|(_, name)| name);
        lists.chain(self.values.keys().rev().map(|name| &**name))
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<Vec<u8>> {
        match name {
            ACL_ACCESS => self.acl_access.as_ref().map(Acl::encode),
            ACL_DEFAULT => self.acl_default.as_ref().map(Acl::encode),
            _ => self.values.get(name).map(|value| value.to_vec()),
        }
    }

    /// The digest as of the last [`Xattrs::refresh_digest`].
    pub(super) fn digest(&self) -> u128 {
        self.digest
    }

    pub(super) fn refresh_digest(&mut self) {
        self.digest = self.digest_from_scratch();
    }

    pub(super) fn digest_from_scratch(&self) -> u128 {
        self.names().fold(0, |sum: u128, name| {
            let value = self.get(name).expect("names lists what get finds");
            sum.wrapping_add(mix(hash(name), hash(&value)))
        })
    }
}
