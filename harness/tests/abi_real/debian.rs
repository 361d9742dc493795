//! Packages of Debian's, fetched by name and kept below the build directory.
//!
//! Nothing is installed: lists and packages have directories of their own. A suite is asked for
//! once; what was taken out of a package stays until the build directory is removed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Tests run side by side, and apt takes one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A suite with its own lists and packages.
struct Suite {
    name: &'static str,
    directory: PathBuf,
}

/// A kernel of a suite.
pub(crate) struct Kernel {
    /// Its release, such as `6.12.95+deb13-cloud-amd64`.
    pub(crate) release: String,
    /// The file with its type information.
    pub(crate) vmlinux: PathBuf,
}

/// The directory `usr` of packages that are unpacked side by side.
pub(crate) fn library(suite: &'static str, packages: &[&str]) -> Result<PathBuf, String> {
    let _turn = ONE_AT_A_TIME.lock().expect("no test panics while it holds it");
    let suite = Suite::open(suite)?;
    let root = suite.directory.join("root");
    let done = suite.directory.join("root.done");
    if !done.exists() {
        suite.update()?;
        for package in packages {
            let file = suite.download(&format!("{package}/{}", suite.name))?;
            succeed(Command::new("dpkg-deb").arg("-x").args([&file, &root]))?;
        }
        write(&done, "")?;
    }
    Ok(root.join("usr"))
}

/// The cloud kernel of a suite: it is small, and its configuration has BTF.
pub(crate) fn kernel(suite: &'static str) -> Result<Kernel, String> {
    let _turn = ONE_AT_A_TIME.lock().expect("no test panics while it holds it");
    let suite = Suite::open(suite)?;
    let vmlinux = suite.directory.join("vmlinux");
    let named = suite.directory.join("release");
    if !named.exists() {
        suite.update()?;
        let image = suite.depends(&format!("linux-image-cloud-amd64/{}", suite.name), "image")?;
        // Since 7.0 the image itself is in a package of its own.
        let package = suite.depends(&image, "binary").unwrap_or_else(|_older| image.clone());
        let file = suite.download(&package)?;
        let unpacked = suite.directory.join("unpacked");
        std::fs::create_dir_all(&unpacked).map_err(|error| error.to_string())?;
        let take = "dpkg-deb --fsys-tarfile \"$1\" | tar -xf - -C \"$2\" --wildcards '*/vmlinuz*'";
        succeed(Command::new("sh").args(["-c", take, "sh"]).args([&file, &unpacked]))?;
        let output = succeed(Command::new("find").arg(&unpacked).args(["-name", "vmlinuz*"]))?;
        let found = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
        let found = found.lines().next().ok_or("the package has no vmlinuz")?;
        let bytes = std::fs::read(found).map_err(|error| error.to_string())?;
        write(&vmlinux, decompressed(&bytes)?)?;
        write(&named, image.trim_start_matches("linux-image-"))?;
        std::fs::remove_file(&file).map_err(|error| error.to_string())?;
    }
    let release = std::fs::read_to_string(named).map_err(|error| error.to_string())?;
    Ok(Kernel { release, vmlinux })
}

/// The mirror that the machine itself uses.
fn mirror() -> Result<String, String> {
    let targets = ["indextargets", "--format", "$(REPO_URI)"];
    let output = succeed(Command::new("apt-get").args(targets))?;
    let text = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    let mut mirrors = text.lines().map(|line| line.trim_end_matches('/'));
    let found = mirrors.find(|mirror| mirror.ends_with("/debian"));
    found.map(str::to_owned).ok_or_else(|| "apt knows no mirror of Debian".to_owned())
}

impl Suite {
    fn open(name: &'static str) -> Result<Suite, String> {
        if !Path::new(KEYRING).exists() {
            return Err(format!("{KEYRING} is absent: this is no Debian"));
        }
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian").join(name);
        for below in ["lists/partial", "cache/archives/partial", "packages"] {
            std::fs::create_dir_all(directory.join(below)).map_err(|error| error.to_string())?;
        }
        let mirror = mirror()?;
        let sources = format!("deb [arch=amd64 signed-by={KEYRING}] {mirror} {name} main\n");
        write(&directory.join("sources.list"), sources)?;
        Ok(Suite { name, directory })
    }

    fn apt(&self, program: &str) -> Command {
        let at = |below: &str| self.directory.join(below).display().to_string();
        let mut command = Command::new(program);
        for option in [
            format!("Dir::Etc::sourcelist={}", at("sources.list")),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::lists={}", at("lists")),
            format!("Dir::Cache={}", at("cache")),
            "APT::Sandbox::User=root".to_owned(),
            "APT::Architecture=amd64".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            "Acquire::Retries=0".to_owned(),
            "Acquire::http::Timeout=15".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command.current_dir(self.directory.join("packages"));
        command
    }

    fn update(&self) -> Result<(), String> {
        let mut update = self.apt("apt-get");
        // Without this, apt-get calls a suite that it cannot reach a warning.
        succeed(update.args(["-q", "-o", "APT::Update::Error-Mode=any", "update"]))?;
        Ok(())
    }

    /// The package `linux-KIND-...` that another one depends on.
    fn depends(&self, package: &str, kind: &str) -> Result<String, String> {
        let output = succeed(self.apt("apt-cache").args(["show", "--no-all-versions", package]))?;
        let text = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
        let lines = text.lines().filter_map(|line| line.strip_prefix("Depends: "));
        let mut names =
            lines.flat_map(|line| line.split(", ")).filter_map(|one| one.split(' ').next());
        let wanted = format!("linux-{kind}-");
        let found = names.find(|name| name.starts_with(&wanted));
        found.map(str::to_owned).ok_or_else(|| format!("{package} depends on no {wanted}*"))
    }

    fn download(&self, package: &str) -> Result<PathBuf, String> {
        succeed(self.apt("apt-get").args(["-q", "download", package]))?;
        let name = package.split('/').next().expect("a name");
        let packages = self.directory.join("packages");
        let entries = std::fs::read_dir(packages).map_err(|error| error.to_string())?;
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_it = |path: &PathBuf| {
            let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
            file.is_some_and(|file| file.starts_with(&format!("{name}_")))
        };
        paths.find(is_it).ok_or_else(|| format!("apt-get download {package} left no file"))
    }
}

fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn succeed(command: &mut Command) -> Result<Output, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(output),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{program}: {}", said.lines().next().unwrap_or("failed")))
        }
    }
}

/// The kernel within a compressed image: the payload of the boot protocol, whose last four bytes
/// are its length.
fn decompressed(image: &[u8]) -> Result<Vec<u8>, String> {
    let word = |at: usize| {
        let bytes = image.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(|bytes| u32::from_le_bytes(bytes) as usize).ok_or("the image is too short")
    };
    let setup_sectors = *image.get(0x1f1).ok_or("the image is too short")?;
    let start = (usize::from(setup_sectors) + 1) * 512 + word(0x248)?;
    let payload = image.get(start..start + word(0x24c)?).ok_or("the payload is not there")?;
    let packed = payload.get(..payload.len().saturating_sub(4)).unwrap_or_default();
    match packed {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            zstd::stream::decode_all(packed).map_err(|error| format!("zstd: {error}"))
        }
        [0x02, 0x21, 0x4c, 0x18, ..] => {
            let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
            let [from, to] = ["packed", "plain"].map(|name| directory.path().join(name));
            write(&from, packed)?;
            succeed(Command::new("lz4").args(["-d", "-q"]).args([&from, &to]))?;
            std::fs::read(to).map_err(|error| error.to_string())
        }
        other => Err(format!("unknown compression {:02x?}", &other[..other.len().min(4)])),
    }
}
