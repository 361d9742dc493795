//! The quirks that the files beside this one show, each in both fidelities: what a few lines give
//! on the kernel as it is and on the kernel as it was meant.

use fuserig::scenario::{Scenario, ScenarioReport, run};
use fuserig_abi::{Abi, Fidelity};
use fuserig_filters::{Filter, builtin, present};

/// What is meant in place of the quirk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Instead {
    /// The quirk is not reported, and these expectations hold in place of the others.
    Otherwise,
    /// The ability is missing in either, or the behaviour is the meant one: the same, for this
    /// reason.
    Same(&'static str),
    /// The quirk is not reported, and the report is its only trace here, for this reason.
    Unseen(&'static str),
}

/// One quirk: a scenario whose lines hold on the kernel as it is. A line that begins with `F:` or
/// `I:` belongs to the faithful or the intended kernel alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Both {
    pub(crate) id: &'static str,
    pub(crate) abi: Abi,
    pub(crate) instead: Instead,
    pub(crate) text: &'static str,
}

pub(crate) const TABLE: &[Both] = &[
    Both {
        id: "GRP-2",
        abi: Abi::V3Grouped,
        instead: Instead::Same("that is what a member of a family is; the cost is its objection"),
        text: "mount filter=f\nfilter f = hide:.*\nlower\n  /a 'x'\nrun\n  chmod(\"/a\", 0600)\n\
               \x20 getxattr(\"/a\", \"user.none\") = ENODATA\n  rmdir(\"/a\") = ENOTDIR\n\
               \x20 removexattr(\"/a\", \"user.none\") = ENODATA\n    quirk GRP-2\n",
    },
    Both {
        id: "LOOK-10",
        abi: Abi::Android,
        instead: Instead::Same("the lower lookup was written for the name of the dentry"),
        text: "mount filter=f\nfilter f rules\n  lookup_prefilter name=\"a\" write name \"b\\0\" -> \
               BACKING\n  lookup_prefilter -> BACKING\nlower\n  /a 'x'\nrun\n  stat(\"/a\") = 0\n\
               \x20   quirk LOOK-10\n",
    },
    Both {
        id: "NEW-2",
        abi: Abi::Android,
        instead: Instead::Unseen("the inode that stood there for a moment shows in no result"),
        text: "mount filter=f\nfilter f rules\n  mkdir_prefilter -> BACKING\nrun\n\
               \x20 symlink(\"a\", \"/l\")\nF:    quirk NEW-2\n",
    },
    Both {
        id: "AND-1",
        abi: Abi::Android,
        instead: Instead::Otherwise,
        text: "mount filter=f\nfilter f rules\n  getattr_prefilter -> EPERM\nlower\n  /a 'x'\nrun\n\
               F:  stat(\"/a\") = EIO\nF:    quirk AND-1\nI:  stat(\"/a\") = EPERM\n",
    },
    Both {
        id: "AND-3",
        abi: Abi::Android,
        // Only the request to the daemon is mended: a program has the window of 256 bytes of its
        // type in either fidelity (AND-2), which shows it all 80 bytes.
        instead: Instead::Otherwise,
        text: "mount filter=f daemon\nfilter f rules\n  statfs_prefilter -> BACKING|POST_FILTER\n\
               \x20 statfs_postfilter -> USER_FILTER\nrun\n  statfs(\"/\") = ?\n\
               F:    daemon STATFS+post -> body \"12345678\"\nF:    quirk AND-3\n\
               I:    daemon STATFS+post -> ok\n",
    },
    Both {
        id: "AND-4",
        abi: Abi::Android,
        // Only the request to the daemon is mended: for a program the data have no address in
        // either fidelity.
        instead: Instead::Otherwise,
        text: "mount filter=f daemon\nfilter f rules\n  write_iter_prefilter -> \
               USER_FILTER|BACKING\nlower\n  /a ''\nrun\n  open(\"/a\", O_WRONLY) = 3\n\
               F:  write(3, \"x\") = crash\nF:    quirk AND-4\nI:  write(3, \"x\") = 1\n\
               I:    daemon WRITE+pre -> ok\n",
    },
    Both {
        id: "AND-6",
        abi: Abi::Android,
        instead: Instead::Otherwise,
        text: "mount filter=f\nfilter f rules\n  read_iter_prefilter -> BACKING|POST_FILTER\n\
               \x20 read_iter_postfilter -> EPERM\nlower\n  /a 'text'\nrun\n\
               \x20 open(\"/a\", O_RDONLY) = 3\nF:  read(3, 9) = 4 \"text\"\nF:    quirk AND-6\n\
               I:  read(3, 9) = EPERM\n",
    },
    Both {
        id: "AND-7",
        abi: Abi::Android,
        instead: Instead::Same("a copy between a lower file and one of the daemon is not offered"),
        text: include_str!("../../scenarios/further/android-copy-elsewhere.scn"),
    },
    Both {
        id: "LOOK-9",
        abi: Abi::V4,
        instead: Instead::Same("the program of an inode can be set once; nobody meant more"),
        text: "mount daemon no_root_dir\nfilter one rules\n  open_prefilter -> CONTINUE\nfilter two \
               rules\n  open_prefilter -> CONTINUE\nlower\n  /d/\nrun\n\
               \x20 open(\"/a\", O_RDONLY|O_DIRECTORY) = 3\n\
               \x20   daemon LOOKUP 1 -> ioctl entry BPF \"one\" entry BACKING \"/d\"\n\
               \x20 open(\"/b\", O_RDONLY|O_DIRECTORY) = EINVAL\n\
               \x20   daemon LOOKUP 1 -> ioctl entry BPF \"two\" entry BACKING \"/d\"\n\
               \x20   quirk LOOK-9\n",
    },
    Both {
        id: "N13",
        abi: Abi::V4,
        instead: Instead::Unseen("a lost inode shows in a message when the mount goes"),
        text: "mount daemon no_root_dir\nfilter one rules\n  open_prefilter -> CONTINUE\nfilter two \
               rules\n  open_prefilter -> CONTINUE\nlower\n  /d/\nrun\n\
               \x20 open(\"/a\", O_RDONLY|O_DIRECTORY) = 3\n\
               \x20   daemon LOOKUP 1 -> ioctl entry BPF \"one\" entry BACKING \"/d\"\n\
               \x20 open(\"/b\", O_RDONLY|O_DIRECTORY) = EINVAL\n\
               \x20   daemon LOOKUP 1 -> ioctl entry BPF \"two\" entry BACKING \"/d\"\n\
               F:    quirk N13\n",
    },
    Both {
        id: "ENT-1",
        abi: Abi::V3,
        instead: Instead::Otherwise,
        text: "mount daemon no_root_dir\nfilter one rules\n  open_prefilter -> CONTINUE\nfilter two \
               rules\n  open_prefilter -> CONTINUE\nlower\n  /d/\nrun\n\
               \x20 open(\"/a\", O_RDONLY|O_DIRECTORY) = 3\n\
               \x20   daemon LOOKUP 1 -> ioctl entry BPF \"one\" entry BACKING \"/d\"\n\
               F:  open(\"/b\", O_RDONLY|O_DIRECTORY) = 4\n\
               I:  open(\"/b\", O_RDONLY|O_DIRECTORY) = EINVAL\n\
               \x20   daemon LOOKUP 1 -> ioctl entry BPF \"two\" entry BACKING \"/d\"\n\
               F:    quirk ENT-1\n",
    },
    Both {
        id: "RDIR-4",
        abi: Abi::V4,
        instead: Instead::Same("READDIRPLUS needs a node that an entry can be filed under"),
        text: "mount daemon no_root_dir init=0x2000\nfilter r = readdir_plus\nlower\n  /d/\nrun\n\
               \x20 open(\"/a\", O_RDONLY|O_DIRECTORY) = 3\n\
               \x20   daemon LOOKUP 1 -> ioctl entry BPF \"readdir_plus\" entry BACKING \"/d\"\n\
               \x20 getdents(3) = EINVAL\n    daemon READDIR 0 -> EINVAL\n    quirk RDIR-4\n",
    },
];

fn lines(text: &str, fidelity: Fidelity) -> String {
    let (own, other) = match fidelity {
        Fidelity::Faithful => ("F:", "I:"),
        Fidelity::Intended => ("I:", "F:"),
    };
    let kept = text.lines().filter(|line| !line.starts_with(other));
    kept.map(|line| format!("{}\n", line.strip_prefix(own).unwrap_or(line))).collect()
}

impl Both {
    /// What is expected but for reports of quirks, which belong to the kernel as it is.
    pub(crate) fn expected(&self, fidelity: Fidelity) -> String {
        let text = lines(self.text, fidelity);
        let kept = text.lines().filter(|line| !line.trim_start().starts_with("quirk "));
        kept.map(|line| format!("{line}\n")).collect()
    }

    pub(crate) fn play(&self, fidelity: Fidelity) -> ScenarioReport {
        let text = match fidelity {
            Fidelity::Faithful => lines(self.text, fidelity),
            Fidelity::Intended => self.expected(fidelity),
        };
        let mut scenario =
            Scenario::parse(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", self.id));
        scenario.fidelity = fidelity;
        let resolve = |spec: &str| -> Result<Box<dyn Filter>, String> {
            let filter = builtin(spec).map_err(|error| error.to_string())?;
            Ok(present(filter, Abi::V4, self.abi))
        };
        run(&scenario, self.abi, &resolve).unwrap_or_else(|error| panic!("{}: {error}", self.id))
    }
}
