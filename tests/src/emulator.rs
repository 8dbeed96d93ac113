//! The emulator of the CUDA driver, a library that is loaded where there is no card.

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    path::{Path, PathBuf},
};

/// Whether this machine seems to have an NVIDIA card: its device file, or that of Windows' Linux.
pub fn has_card() -> bool {
    ["/dev/nvidia0", "/dev/dxg"]
        .iter()
        .any(|name| Path::new(name).exists())
}

/// Where cargo put the emulator, beside the running test.
///
/// # Errors
/// If it is not there.
pub fn library() -> Result<PathBuf, String> {
    let name = format!("{DLL_PREFIX}intformer_cuda_emulator{DLL_SUFFIX}");
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut folders = test.ancestors().skip(1).take(2);
    folders
        .find_map(|folder| {
            let places = [folder.join(&name), folder.join("deps").join(&name)];
            places.into_iter().find(|place| place.is_file())
        })
        .ok_or_else(|| format!("expected {name} beside {}, found none", test.display()))
}
