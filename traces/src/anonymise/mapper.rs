//! What stands for what: asked twice for everything, to collect and to replace.

use fuserig_abi::{XATTR_POSIX_ACL_ACCESS, XATTR_POSIX_ACL_DEFAULT};

use super::ids::{Clients, Ids};
use super::names::Names;
use super::report::AnonymiseReport;
use super::{AnonymiseError, Policy};
use crate::Header;

/// Where the times of an anonymised trace begin: 2000-01-01, so that nobody takes them for real.
const BASE_SECONDS: i64 = 946_684_800;
/// A date without a base moves by less than this many seconds, about 17 years.
const SHIFT_MAX: u64 = 1 << 29;

/// Replaces what identifies. It is asked about everything twice: the first time it collects, and
/// what it gives back means nothing.
///
/// ```
/// use fuserig_traces::anonymise::{Policy, anonymise};
/// use fuserig_traces::record::TreeRecord;
/// use fuserig_traces::{Header, Trace};
/// let tree = TreeRecord { text: b"/notes.txt".to_vec(), ..TreeRecord::default() };
/// let trace = Trace { header: Header::default(), records: vec![tree.into()] };
/// let key = [7; 32];
/// let (safe, report) = anonymise(&trace, &key, &Policy::default(), &mut |text, mapper| {
///     Ok(mapper.path(text))
/// })?;
/// assert_eq!(report.names, 1);
/// assert_ne!(safe, trace);
/// # Ok::<(), fuserig_traces::anonymise::AnonymiseError>(())
/// ```
#[derive(Debug)]
pub struct Mapper {
    names: Names,
    ids: Ids,
    clients: Clients,
    shift: i64,
    replacing: bool,
    pub(super) report: AnonymiseReport,
}

impl Mapper {
    pub(super) fn new(key: &[u8], policy: &Policy, header: &Header) -> Mapper {
        let key = blake3::derive_key("fuserig trace anonymise 1", key);
        let base_ns = header.clock.and_then(|clock| clock.base_ns);
        let shift = match base_ns {
            _ if policy.times => 0,
            Some(base_ns) => BASE_SECONDS - i64::try_from(base_ns / 1_000_000_000).unwrap_or(0),
            None => {
                let hash = *blake3::keyed_hash(&key, b"times").as_bytes();
                let number = u64::from_le_bytes(hash[..8].try_into().expect("eight of 32 bytes"));
                (number % SHIFT_MAX) as i64 - (SHIFT_MAX / 2) as i64
            }
        };
        Mapper {
            names: Names::new(key, policy.clone()),
            ids: Ids::new(key, policy.kept_ids.clone(), policy.ids),
            clients: Clients::default(),
            shift,
            replacing: false,
            report: AnonymiseReport::new(policy),
        }
    }

    /// Everything was collected; from now on it is replaced.
    pub(super) fn seal(&mut self) -> Result<(), AnonymiseError> {
        self.names.seal()?;
        self.ids.seal();
        self.replacing = true;
        self.report.names = self.names.replaced();
        self.report.ids = self.ids.replaced();
        self.report.clients = self.clients.count();
        self.report.restart();
        Ok(())
    }

    /// One name.
    pub fn component(&mut self, name: &[u8]) -> Vec<u8> {
        if self.replacing {
            return self.names.replace(name);
        }
        self.names.collect(name);
        name.to_vec()
    }

    /// A path: the slashes stay, each name is replaced.
    pub fn path(&mut self, path: &[u8]) -> Vec<u8> {
        let parts: Vec<Vec<u8>> =
            path.split(|&byte| byte == b'/').map(|name| self.component(name)).collect();
        parts.join(&b'/')
    }

    /// A user or a group.
    pub fn id(&mut self, id: u32) -> u32 {
        if self.replacing {
            return self.ids.replace(id);
        }
        self.ids.collect(id);
        id
    }

    /// A client or pid.
    pub fn client(&mut self, client: u32) -> u32 {
        self.clients.replace(client)
    }

    /// Seconds since the epoch; 0 stays, because it stands for no time at all.
    pub fn seconds(&self, seconds: i64) -> i64 {
        if seconds == 0 { 0 } else { seconds.wrapping_add(self.shift) }
    }

    /// The moment that the times of the records count from.
    pub(super) fn base_ns(&self, base_ns: u64) -> u64 {
        base_ns.wrapping_add_signed(self.shift.wrapping_mul(1_000_000_000))
    }

    /// Data: as many zeros.
    pub fn data(&mut self, data: &[u8]) -> Vec<u8> {
        self.report.data_bytes += data.len() as u64;
        vec![0; data.len()]
    }

    /// The name of an extended attribute. Namespaces mean something to the kernel and stay, and so
    /// do the names in all but `user` and `trusted`.
    pub fn attribute(&mut self, name: &[u8]) -> Vec<u8> {
        for space in [&b"user."[..], b"trusted."] {
            if let Some(rest) = name.strip_prefix(space) {
                return [space, &self.component(rest)].concat();
            }
        }
        name.to_vec()
    }

    /// A list of attribute names, each with its zero.
    pub fn attributes(&mut self, list: &[u8]) -> Vec<u8> {
        let names: Vec<Vec<u8>> =
            list.split(|&byte| byte == 0).map(|name| self.attribute(name)).collect();
        names.join(&0)
    }

    /// The value of an attribute: users of access control lists are replaced, what else the kernel
    /// reads stays, all other values are data.
    pub fn attribute_value(&mut self, name: &[u8], value: &[u8]) -> Vec<u8> {
        match name {
            XATTR_POSIX_ACL_ACCESS | XATTR_POSIX_ACL_DEFAULT => self.acl(value),
            b"security.capability" => value.to_vec(),
            _ => self.data(value),
        }
    }

    /// POSIX ACL version 2 (`linux/posix_acl_xattr.h`): four bytes of version, then entries of tag,
    /// permissions and id.
    fn acl(&mut self, value: &[u8]) -> Vec<u8> {
        const USER: u16 = 2;
        const GROUP: u16 = 8;
        let mut made = value.to_vec();
        let Some(entries) = made.get_mut(4..) else { return self.data(value) };
        for entry in entries.chunks_exact_mut(8) {
            let tag = u16::from_le_bytes([entry[0], entry[1]]);
            if matches!(tag, USER | GROUP) {
                let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
                entry[4..].copy_from_slice(&self.id(id).to_le_bytes());
            }
        }
        made
    }
}
