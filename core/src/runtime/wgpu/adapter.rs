//! Finding the adapter that was asked for.

use crate::{Error, Result};

/// Which adapter to take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AdapterChoice {
    /// A hardware GPU if there is one, else a software adapter.
    #[default]
    Any,
    /// A hardware GPU or none.
    Hardware,
    /// A software adapter or none.
    Software,
    /// The first adapter whose name contains this, ignoring case.
    Named(String),
}

/// The adapter of `choice`.
pub(super) async fn choose(choice: &AdapterChoice) -> Result<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::PRIMARY;
    let instance = wgpu::Instance::new(descriptor);
    if let AdapterChoice::Named(name) = choice {
        let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
        let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
        let found = adapters
            .into_iter()
            .zip(&names)
            .find(|(_, found)| found.to_lowercase().contains(&name.to_lowercase()));
        return found.map(|(adapter, _)| adapter).ok_or_else(|| {
            Error::NoAdapter(format!(
                "expected an adapter named `{name}`, found {names:?}"
            ))
        });
    }
    let request = |software| wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        force_fallback_adapter: software,
        ..Default::default()
    };
    let software = *choice == AdapterChoice::Software;
    let adapter = instance
        .request_adapter(&request(software))
        .await
        .map_err(|error| Error::NoAdapter(format!("expected a graphics adapter: {error}")))?;
    let info = adapter.get_info();
    if *choice == AdapterChoice::Hardware && info.device_type == wgpu::DeviceType::Cpu {
        return Err(Error::NoAdapter(format!(
            "expected a hardware GPU, found only {}",
            info.name
        )));
    }
    Ok(adapter)
}
