//! The server behind a mount, spoken to directly.

use fuserig::kernel::{World, WorldConfig};
use fuserig::pipeline::{NoDaemon, NullSink};
use fuserig::serve::{Head, Incoming, Outgoing, Server, ServerConfig};
use fuserig_abi::{
    Errno, Fidelity, FuseAttr, FuseCreateIn, FuseEntryOut, FuseFallocateIn, FuseMkdirIn,
    FuseOpenIn, FuseReadIn, FuseReleaseIn, FuseWriteIn, Gid, NodeId, Timespec, Uid,
};
use fuserig_sim_fs::MemFs;

struct Client {
    server: Server,
    now: i64,
}

impl Client {
    fn over(tree: &str) -> Client {
        Client::with(tree, None)
    }

    fn with(tree: &str, filter: Option<&str>) -> Client {
        let lower = Box::new(MemFs::from_tree(tree).expect("the tree is good"));
        let filter = filter.map(|spec| fuserig_filters::builtin(spec).expect("it is built in"));
        let config = WorldConfig { fidelity: Fidelity::Intended, ..WorldConfig::default() };
        let world = World::new(&config, lower, filter, Box::new(NoDaemon), Box::new(NullSink));
        let server = Server::new(world.expect("the root answers"), ServerConfig::default());
        Client { server, now: 100 }
    }

    fn ask(&mut self, nodeid: u64, incoming: Incoming) -> Outgoing {
        self.ask_as(nodeid, (0, 0), incoming)
    }

    fn ask_as(&mut self, nodeid: u64, (uid, gid): (u32, u32), incoming: Incoming) -> Outgoing {
        let (uid, gid) = (Uid(uid), Gid(gid));
        let head = Head { nodeid: NodeId(nodeid), uid, gid, ..Head::default() };
        self.now += 1;
        self.server.handle(&head, incoming, Timespec::from_secs(self.now))
    }

    fn lookup(&mut self, parent: u64, name: &str) -> Result<FuseEntryOut, Errno> {
        match self.ask(parent, Incoming::Lookup { name: name.into() }) {
            Outgoing::Entry(entry) => Ok(entry),
            Outgoing::Error(errno) => Err(errno),
            other => panic!("lookup answered {other:?}"),
        }
    }

    fn node(&mut self, parent: u64, name: &str) -> u64 {
        self.lookup(parent, name).expect("the name is there").nodeid
    }

    fn create(&mut self, parent: u64, name: &str, owner: (u32, u32)) -> (FuseAttr, u64, u64) {
        let input = FuseCreateIn { flags: 2, mode: 0o644, ..FuseCreateIn::default() };
        let incoming = Incoming::Create { input, name: name.into() };
        match self.ask_as(parent, owner, incoming) {
            Outgoing::Create(entry, open) => (entry.attr, entry.nodeid, open.fh),
            other => panic!("create answered {other:?}"),
        }
    }

    fn write(&mut self, node: u64, fh: u64, offset: u64, data: &[u8]) -> Outgoing {
        let size = u32::try_from(data.len()).expect("short");
        let input = FuseWriteIn { fh, offset, size, ..FuseWriteIn::default() };
        self.ask(node, Incoming::Write { input, data: data.to_vec() })
    }

    fn read(&mut self, node: u64, fh: u64) -> Outgoing {
        let input = FuseReadIn { fh, size: 4096, ..FuseReadIn::default() };
        self.ask(node, Incoming::Read { input })
    }

    fn names(&mut self, node: u64, plus: bool, size: u32) -> Vec<String> {
        let open = self.ask(node, Incoming::Opendir { input: FuseOpenIn::default() });
        let Outgoing::Open(open) = open else { panic!("opendir answered {open:?}") };
        let mut names = Vec::new();
        let mut offset = 0;
        loop {
            let input = FuseReadIn { fh: open.fh, offset, size, ..FuseReadIn::default() };
            let incoming = match plus {
                true => Incoming::Readdirplus { input },
                false => Incoming::Readdir { input },
            };
            let listed = self.ask(node, incoming);
            let Outgoing::Records(records) = &listed else { panic!("readdir gave {listed:?}") };
            assert!(listed.encode().len() <= size as usize);
            let Some(last) = records.last() else { break };
            offset = last.off;
            for record in records {
                let name = String::from_utf8(record.name.clone()).expect("ascii");
                let found = record.entry.is_some_and(|entry| entry.nodeid != 0);
                assert_eq!(found, plus && name != "." && name != "..", "{name}");
                names.push(name);
            }
        }
        let input = FuseReleaseIn { fh: open.fh, ..FuseReleaseIn::default() };
        assert_eq!(self.ask(node, Incoming::Releasedir { input }), Outgoing::Done);
        names
    }
}

#[test]
fn a_new_file_belongs_to_the_caller_and_keeps_what_is_written() {
    let mut client = Client::over("/d/ mode=0777\n");
    let d = client.node(1, "d");
    let (attr, node, fh) = client.create(d, "f", (1000, 100));
    assert_eq!((attr.uid, attr.gid, attr.mode), (1000, 100, 0o100_644));
    let written = client.write(node, fh, 0, b"hello");
    assert!(matches!(written, Outgoing::Write(out) if out.size == 5), "{written:?}");
    assert_eq!(client.read(node, fh), Outgoing::Data(b"hello".to_vec()));
}

/// Somebody below made them since the client looked.
#[test]
fn what_is_no_file_is_not_opened_as_if_it_had_been_created() {
    let mut client = Client::over("/p p\n/d/\n");
    let before = client.server.held();
    for name in ["p", "d"] {
        let input = FuseCreateIn { flags: 2, mode: 0o644, ..FuseCreateIn::default() };
        let answer = client.ask(1, Incoming::Create { input, name: name.into() });
        assert_eq!(answer, Outgoing::Error(Errno::EIO), "{name}");
    }
    assert_eq!(client.server.held(), before, "nothing is left open");
}

#[test]
fn two_names_of_one_file_are_one_node() {
    let mut client = Client::over("/a 'hi'\n/d/\n");
    let (a, d) = (client.node(1, "a"), client.node(1, "d"));
    let link = Incoming::Link { node: NodeId(a), name: b"b".to_vec() };
    let Outgoing::Entry(entry) = client.ask(d, link) else { panic!("link failed") };
    assert_eq!((entry.nodeid, entry.attr.nlink), (a, 2));
    assert_eq!(client.ask(1, Incoming::Unlink { name: b"a".to_vec() }), Outgoing::Done);
    assert_eq!(client.lookup(1, "a"), Err(Errno::ENOENT));
    assert_eq!(client.node(d, "b"), a);
}

#[test]
fn an_unlinked_file_lives_until_it_is_closed_and_forgotten() {
    let mut client = Client::over("/");
    let (_, node, fh) = client.create(1, "f", (0, 0));
    client.write(node, fh, 0, b"still here");
    assert_eq!(client.ask(1, Incoming::Unlink { name: b"f".to_vec() }), Outgoing::Done);
    assert_eq!(client.read(node, fh), Outgoing::Data(b"still here".to_vec()));
    let got = client.ask(node, Incoming::Getattr { flags: 0, fh: 0 });
    assert!(matches!(got, Outgoing::Attr(out) if out.attr.nlink == 0), "{got:?}");
    let input = FuseReleaseIn { fh, ..FuseReleaseIn::default() };
    assert_eq!(client.ask(node, Incoming::Release { input }), Outgoing::Done);
    client.ask(node, Incoming::Forget { nlookup: 1 });
    let gone = client.ask(node, Incoming::Getattr { flags: 0, fh: 0 });
    assert_eq!(gone, Outgoing::Error(Errno::ESTALE));
    assert_eq!(client.server.held(), (1, 0));
}

#[test]
fn what_moves_keeps_its_node_and_what_is_below_it() {
    let mut client = Client::over("/a/\n/a/f 'x'\n/b/\n/c 'y'\n");
    let (a, b, c) = (client.node(1, "a"), client.node(1, "b"), client.node(1, "c"));
    let f = client.node(a, "f");
    let rename = |name: &str, new_parent: u64, new_name: &str, flags: u32| Incoming::Rename {
        name: name.into(),
        new_parent: NodeId(new_parent),
        new_name: new_name.into(),
        flags: (flags != 0).then_some(flags),
    };
    assert_eq!(client.ask(1, rename("a", b, "moved", 0)), Outgoing::Done);
    assert_eq!(client.node(b, "moved"), a);
    assert_eq!(client.node(a, "f"), f);
    let refused = client.ask(a, rename("f", 1, "c", 1));
    assert_eq!(refused, Outgoing::Error(Errno::EEXIST));
    assert_eq!(client.ask(a, rename("f", 1, "c", 2)), Outgoing::Done);
    assert_eq!((client.node(1, "c"), client.node(a, "f")), (f, c));
    assert_eq!(client.ask(a, rename("f", 1, "c", 0)), Outgoing::Done);
    assert_eq!(client.node(1, "c"), c);
}

#[test]
fn a_listing_is_whole_whatever_the_buffer_holds() {
    let tree: String = (0..300).map(|n| format!("/file-{n:04} 'x'\n")).collect();
    let mut client = Client::over(&tree);
    for plus in [false, true] {
        for size in [4096, 512, 32768] {
            let mut names = client.names(1, plus, size);
            names.sort();
            assert_eq!(names.len(), 302, "plus={plus} size={size}");
            names.dedup();
            assert_eq!(names.len(), 302);
        }
    }
}

#[test]
fn a_listing_counts_the_lookups_it_hands_out_and_no_others() {
    let mut client = Client::over("/a 'x'\n/b 'y'\n/c 'z'\n");
    // Two records with their entries fit, the third is looked up and taken back.
    let names = client.names(1, true, 5 * 160);
    assert_eq!(names.len(), 5);
    let nodes: Vec<u64> = ["a", "b", "c"].map(|name| client.node(1, name)).to_vec();
    for node in nodes {
        client.ask(node, Incoming::Forget { nlookup: 2 });
        assert_eq!(client.ask(node, Incoming::Readlink), Outgoing::Error(Errno::ESTALE));
    }
    assert_eq!(client.server.held(), (1, 0));
}

#[test]
fn names_that_are_too_long_are_refused_wherever_a_name_is_taken() {
    let mut client = Client::over("/f 'x'\n");
    let name = vec![b'n'; 256];
    let f = client.node(1, "f");
    let mkdir = FuseMkdirIn { mode: 0o755, umask: 0 };
    for incoming in [
        Incoming::Lookup { name: name.clone() },
        Incoming::Mkdir { input: mkdir, name: name.clone() },
        Incoming::Symlink { name: name.clone(), target: b"t".to_vec() },
        Incoming::Link { node: NodeId(f), name: name.clone() },
        Incoming::Unlink { name: name.clone() },
        Incoming::Create { input: FuseCreateIn::default(), name },
    ] {
        let answer = client.ask(1, incoming);
        assert_eq!(answer, Outgoing::Error(Errno::ENAMETOOLONG));
    }
}

#[test]
fn what_a_filter_hides_is_hidden_from_the_client() {
    let mut client = Client::with("/keep 'x'\n/a.jpg 'y'\n", Some("hide:*.jpg"));
    assert_eq!(client.lookup(1, "a.jpg"), Err(Errno::ENOENT));
    let mut names = client.names(1, false, 4096);
    names.sort();
    assert_eq!(names, [".", "..", "keep"]);
}

#[test]
fn numbers_that_were_never_handed_out_are_errors() {
    let mut client = Client::over("/f 'x'\n");
    assert_eq!(client.ask(77, Incoming::Readlink), Outgoing::Error(Errno::ESTALE));
    assert_eq!(client.read(1, 99), Outgoing::Error(Errno::EBADF));
    let input = FuseReleaseIn { fh: 99, ..FuseReleaseIn::default() };
    assert_eq!(client.ask(1, Incoming::Release { input }), Outgoing::Error(Errno::EBADF));
}

#[test]
fn a_node_that_was_given_back_is_found_by_its_number_unless_it_is_gone_or_hidden() {
    let tree = "/a/ mode=0755\n/a/b/ mode=0755\n/a/b/f 'deep'\n/a/b/secret 'x'\n/z 'last'\n";
    for filter in [None, Some("hide:secret")] {
        let mut client = Client::with(tree, filter);
        let itself = |client: &mut Client, node| client.lookup(node, ".").map(|e| e.nodeid);
        let a = client.node(1, "a");
        let b = client.node(a, "b");
        let f = client.node(b, "f");
        for node in [1, a, b, f] {
            assert_eq!(itself(&mut client, node), Ok(node));
            client.ask(node, Incoming::Forget { nlookup: 1 });
        }
        for node in [f, b, a] {
            client.ask(node, Incoming::Forget { nlookup: 1 });
            let gone = client.ask(node, Incoming::Readlink);
            assert_eq!(gone, Outgoing::Error(Errno::ESTALE), "it was given back");
        }
        let held = client.server.held();
        assert_eq!(itself(&mut client, f), Ok(f), "found again, {filter:?}");
        assert_eq!(client.lookup(f, "..").map(|entry| entry.nodeid), Ok(b));
        assert_eq!(client.lookup(b, "..").map(|entry| entry.nodeid), Ok(a));
        let hidden = itself(&mut client, f + 1);
        assert_eq!(hidden, if filter.is_some() { Err(Errno::ESTALE) } else { Ok(f + 1) });
        assert_eq!(itself(&mut client, 99), Err(Errno::ESTALE));
        for node in [f, f + 1, b, a] {
            client.ask(node, Incoming::Forget { nlookup: 1 });
        }
        assert_eq!(client.server.held(), held, "nothing is kept");
        assert_eq!(itself(&mut client, b), Ok(b));
        assert_eq!(client.ask(b, Incoming::Unlink { name: b"f".to_vec() }), Outgoing::Done);
        assert_eq!(itself(&mut client, f), Err(Errno::ESTALE), "it has no name any more");
    }
}

#[test]
fn who_is_not_of_the_group_takes_setgid_away_with_an_access_list() {
    // u::rwx, g::rwx, o::rwx (linux/posix_acl_xattr.h).
    let acl: Vec<u8> = [0x0002_u32, 0x0007_0001, u32::MAX, 0x0007_0004, u32::MAX]
        .into_iter()
        .chain([0x0007_0020, u32::MAX])
        .flat_map(u32::to_le_bytes)
        .collect();
    for ((uid, gid), mode) in [((100, 100), 0o2777), ((100, 101), 0o777), ((0, 0), 0o2777)] {
        let mut client = Client::over("/f 'x' mode=02755 uid=100 gid=100\n");
        let node = client.node(1, "f");
        let name = b"system.posix_acl_access".to_vec();
        let incoming = Incoming::Setxattr { name, value: acl.clone(), flags: 0 };
        assert_eq!(client.ask_as(node, (uid, gid), incoming), Outgoing::Done);
        let found = client.lookup(1, "f").expect("there").attr.mode & 0o7777;
        assert_eq!(found, mode, "as {uid}:{gid}: {found:o}");
    }
}

#[test]
fn a_change_that_takes_setuid_away_says_so() {
    let write = |fh, write_flags| {
        let input = FuseWriteIn { fh, size: 1, write_flags, ..FuseWriteIn::default() };
        Incoming::Write { input, data: b"y".to_vec() }
    };
    let fallocate = |fh| {
        let input = FuseFallocateIn { fh, length: 4, ..FuseFallocateIn::default() };
        Incoming::Fallocate { input }
    };
    let kill = 1 << 2;
    for (name, uid, expected) in [("f", 100, true), ("f", 0, false), ("plain", 100, false)] {
        for how in ["write", "fallocate"] {
            let mut client = Client::over("/f 'x' mode=06755\n/plain 'x' mode=0755\n");
            let node = client.node(1, name);
            let input = FuseOpenIn { flags: 1, ..FuseOpenIn::default() };
            let Outgoing::Open(open) = client.ask(node, Incoming::Open { input }) else { panic!() };
            let incoming = match (how, uid) {
                ("write", 0) => write(open.fh, 0),
                ("write", _) => write(open.fh, kill),
                _ => fallocate(open.fh),
            };
            let answer = client.ask_as(node, (uid, uid), incoming);
            assert!(!matches!(answer, Outgoing::Error(_)), "{answer:?}");
            let stale = client.server.take_stale();
            assert_eq!(stale, expected.then_some(NodeId(node)), "{how} of {name} by {uid}");
            let setuid = client.lookup(1, name).expect("there").attr.mode & 0o6000 != 0;
            assert_eq!(setuid, name == "f" && !expected, "{how} of {name} by {uid}");
        }
    }
}
