//! What the operating system has to offer, and its packages.

use std::{
    env,
    io::{Error, Result},
    path::{Path, PathBuf},
    process::Command,
};

use crate::shell;

/// Debian's software Vulkan driver and loader.
pub const VULKAN: &[&str] = &["mesa-vulkan-drivers", "libvulkan1"];

/// Whether a Vulkan loader and a driver, of a GPU or in software, are installed; other systems
/// than Linux bring their own graphics interface.
pub fn has_vulkan() -> bool {
    !cfg!(target_os = "linux") || (has_library("libvulkan.so.1") && has_driver())
}

/// Whether a program of this name is on the path.
pub fn has_program(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Whether the toolchain has the compilation target `name`; true where there is no rustup to ask.
pub fn has_target(name: &str) -> bool {
    let mut list = shell::command("rustup", "target list --installed");
    list.output().map_or(true, |list| {
        String::from_utf8_lossy(&list.stdout).contains(name)
    })
}

/// Adds the compilation target `name` to the toolchain, unless it is there.
///
/// # Errors
/// If rustup cannot.
pub fn add_target(name: &str) -> Result<()> {
    if has_target(name) {
        return Ok(());
    }
    shell::run(&mut shell::command("rustup", &format!("target add {name}")))
        .map_err(|error| Error::other(format!("expected to add the target {name}: {error}")))
}

/// The packages among `fonts`, each with its folder, that are not installed where Debian puts them;
/// other systems bring fonts of their own.
pub fn missing_fonts(fonts: &[(&'static str, &str)]) -> Vec<&'static str> {
    let folder = Path::new("/usr/share/fonts/truetype");
    let missing = |(_, name): &&(_, &str)| cfg!(target_os = "linux") && !folder.join(name).exists();
    fonts
        .iter()
        .filter(missing)
        .map(|(package, _)| *package)
        .collect()
}

/// Installs Debian packages.
///
/// # Errors
/// A sentence with what to do by hand, if this is no Debian, there are no rights, or apt fails.
pub fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if !has_program("apt-get") {
        return Err(Error::other(format!(
            "install what Debian calls {names}: there is no apt-get here"
        )));
    }
    let Some(privilege) = privilege() else {
        return Err(Error::other(format!(
            "run `apt-get install {names}` as root: this user may not"
        )));
    };
    let apt = |arguments: &[&str]| {
        let words = [
            privilege,
            &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"],
            arguments,
        ];
        let words = words.concat();
        shell::run(Command::new(words[0]).args(&words[1..]))
    };
    let arguments = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    // The package lists may be old or absent; they are refreshed if the first attempt fails.
    apt(&arguments)
        .or_else(|_| apt(&["update"]).and_then(|()| apt(&arguments)))
        .map_err(|error| Error::other(format!("expected to install {names}: {error}")))
}

/// What to put before a command to run it as root.
fn privilege() -> Option<&'static [&'static str]> {
    let user = Command::new("id").arg("-u").output().ok()?;
    if user.stdout.trim_ascii() == b"0" {
        Some(&[])
    } else if shell::succeeds(Command::new("sudo").args(["-n", "true"])) {
        Some(&["sudo", "-n"])
    } else {
        None
    }
}

fn has_library(name: &str) -> bool {
    let ldconfig = ["ldconfig", "/sbin/ldconfig"].into_iter();
    let known = ldconfig.filter_map(|program| Command::new(program).arg("-p").output().ok());
    known
        .into_iter()
        .any(|output| String::from_utf8_lossy(&output.stdout).contains(name))
}

/// Whether any folder in which the Vulkan loader looks has a driver's manifest.
fn has_driver() -> bool {
    if ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"]
        .iter()
        .any(|name| env::var_os(name).is_some())
    {
        return true;
    }
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    let fixed = ["/etc", "/usr/share", "/usr/local/share", "/usr/local/etc"].map(PathBuf::from);
    let folders = fixed.into_iter().chain(home);
    folders
        .map(|folder| folder.join("vulkan/icd.d"))
        .any(|folder| {
            folder
                .read_dir()
                .is_ok_and(|mut files| files.next().is_some())
        })
}
