//! Writing files whole or not at all.

use std::{io::Write, path::Path};

use crate::{Error, Result};

/// Writes `bytes` to `path`, where a file is replaced only once all bytes are on the disk.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, true)
}

/// Writes one of many files of a folder that is worthless until it is whole: as [`replace`], but
/// without waiting for the disk.
#[cfg(feature = "data")]
pub(crate) fn replace_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, false)
}

fn write(path: &Path, bytes: &[u8], sync: bool) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    #[cfg_attr(not(unix), expect(unused_mut, reason = "permissions are for Unix"))]
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; this one is to become an ordinary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let failed = |error| Error::io(path, error);
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    if sync {
        file.as_file().sync_all().map_err(failed)?;
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
