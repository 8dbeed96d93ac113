//! No word about displays from a command that has none.

use std::{env, os::unix::process::CommandExt, path::Path, process::Command};

/// Starts the command anew with a Wayland display that cannot be reached, where none can be.
///
/// wgpu prepares for windows, so Mesa's layer that orders devices (VK_LAYER_MESA_device_select) asks
/// libwayland for a display. Without a folder for sockets that writes "error: XDG_RUNTIME_DIR is
/// invalid or not set in the environment." on the standard error; where the display is named by its
/// path, it does not. A running program cannot safely change its environment, hence the new start.
pub fn quieten() {
    let is_path = |name| env::var_os(name).is_some_and(|value| Path::new(&value).is_absolute());
    if is_path("XDG_RUNTIME_DIR") || is_path("WAYLAND_DISPLAY") {
        return;
    }
    let mut words = env::args_os();
    let program = env::current_exe().ok();
    // Started through the system's loader (ld-linux.so), the program would be that.
    let is_loader = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("ld") && name.contains(".so")
    };
    let program = program.filter(|path| !is_loader(path));
    if let (Some(program), Some(name)) = (program, words.next()) {
        let mut command = Command::new(program);
        command.arg0(name).args(words);
        // It comes back only if it fails; then there is a line too many, and all else is well.
        let _ = command.env("WAYLAND_DISPLAY", "/dev/null").exec();
    }
}
