//! The type information of any ELF file: an object, a module, a kernel image.

use fuserig_abi::btf::Btf;

use super::elf::any_section;
use super::error::{LoadError, LoadPlace, LoadProblem, at, in_section};

/// Reads BTF from the bytes of a raw BTF file or of an ELF file with a section `.BTF`.
///
/// ```
/// use fuserig_abi::btf::Btf;
/// use fuserig_abi::{Abi, AbiTable};
/// use fuserig_filters::object::btf_of;
/// let btf = Btf::of_table(AbiTable::of(Abi::V3));
/// assert_eq!(btf_of(&btf.to_bytes())?.len(), btf.len());
/// assert!(btf_of(b"neither").is_err());
/// # Ok::<(), fuserig_filters::object::LoadError>(())
/// ```
///
/// # Errors
/// Bytes that are neither, an ELF file without `.BTF`, and BTF that cannot be read.
pub fn btf_of(bytes: &[u8]) -> Result<Btf, LoadError> {
    const RAW_MAGIC: [u8; 2] = [0x9f, 0xeb];
    if bytes.starts_with(&RAW_MAGIC) {
        return Btf::read(bytes).map_err(|error| at(LoadPlace::Object, LoadProblem::Btf(error)));
    }
    if !bytes.starts_with(b"\x7fELF") {
        let problem = LoadProblem::NotBpf("neither raw BTF nor an ELF file");
        return Err(at(LoadPlace::Object, problem));
    }
    let section =
        any_section(bytes, ".BTF")?.ok_or_else(|| in_section(".BTF", LoadProblem::NoBtf))?;
    Btf::read(section).map_err(|error| in_section(".BTF", LoadProblem::Btf(error)))
}
