//! What a shader must fulfil: naga's rules without any optional capability, the shared bindings,
//! the uniform block of its kernel, the limits of every WebGPU device, and the no-float lint.

use super::no_float;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable, Module, StorageAccess, TypeInner};

/// Workgroup memory and invocations that every WebGPU device offers.
const WORKGROUP_BYTES: u32 = 16384;
const INVOCATIONS: u32 = 256;

/// Facts about a shader that passed.
#[derive(Debug)]
pub struct Facts {
    /// Invocations of a workgroup in each direction.
    pub workgroup_size: [u32; 3],
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Fields of the uniform block, each a u32.
    pub fields: Vec<String>,
}

/// Whether a shader may have floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floats {
    /// It is of the integer path.
    Refused,
    /// It is there to measure against.
    Allowed,
}

/// Checks `source`; the errors are whole sentences.
pub fn inspect(source: &str, floats: Floats) -> Result<Facts, Vec<String>> {
    let module =
        naga::front::wgsl::parse_str(source).map_err(|error| vec![error.emit_to_string(source)])?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .map_err(|error| vec![error.emit_to_string(source)])?;

    let mut errors = match floats {
        Floats::Refused => no_float::violations(&module, &info, source),
        Floats::Allowed => Vec::new(),
    };
    let fields = bindings(&module, &mut errors);

    let [entry] = module.entry_points.as_slice() else {
        errors.push(format!(
            "{} entry points, not one",
            module.entry_points.len()
        ));
        return Err(errors);
    };
    if entry.name != "main" {
        errors.push(format!("the entry point is `{}`, not `main`", entry.name));
    }
    if !module.overrides.is_empty() {
        errors.push("an override, which executors never set".to_string());
    }
    let invocations: u32 = entry.workgroup_size.iter().product();
    if invocations > INVOCATIONS {
        errors.push(format!(
            "{invocations} invocations, more than {INVOCATIONS}"
        ));
    }
    let workgroup_bytes = (module.global_variables.iter())
        .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup)
        .map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx()))
        .sum();
    if workgroup_bytes > WORKGROUP_BYTES {
        errors.push(format!(
            "{workgroup_bytes} bytes of workgroup memory, more than {WORKGROUP_BYTES}"
        ));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Facts {
        workgroup_size: entry.workgroup_size,
        workgroup_bytes,
        fields,
    })
}

/// Group 0: binding 0 weights, 1 arena, 2 the uniform block; returns its fields.
fn bindings(module: &Module, errors: &mut Vec<String>) -> Vec<String> {
    let mut found = [false; 3];
    let mut fields = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let name = variable.name.as_deref().unwrap_or_default();
        let Some(binding) = &variable.binding else {
            continue;
        };
        let fits = match (binding.group, binding.binding) {
            (0, 0) => name == "weights" && words(module, variable, StorageAccess::LOAD),
            (0, 1) => {
                let access = StorageAccess::LOAD | StorageAccess::STORE;
                name == "arena" && words(module, variable, access)
            }
            (0, 2) => {
                fields = block(module, variable, errors);
                name == "p" && variable.space == AddressSpace::Uniform
            }
            _ => false,
        };
        if !fits {
            errors.push(format!(
                "`{name}` at group {} binding {} is none of weights, arena, p",
                binding.group, binding.binding
            ));
        } else {
            found[binding.binding as usize] = true;
        }
    }
    // A kernel without weights still lists the binding: the layout is one for all.
    if found != [true; 3] {
        errors.push("bindings weights, arena and p must all be declared".to_string());
    }
    fields
}

/// Whether `variable` is a run-time array of words, or of four words, in storage with `access`.
fn words(module: &Module, variable: &GlobalVariable, access: StorageAccess) -> bool {
    let TypeInner::Array { base, size, .. } = module.types[variable.ty].inner else {
        return false;
    };
    let word = match module.types[base].inner {
        TypeInner::Scalar(scalar) => scalar == naga::Scalar::U32,
        TypeInner::Vector { scalar, size } => {
            scalar == naga::Scalar::U32 && size == naga::VectorSize::Quad
        }
        _ => false,
    };
    word && size == naga::ArraySize::Dynamic && variable.space == AddressSpace::Storage { access }
}

/// The fields of the uniform block.
fn block(module: &Module, variable: &GlobalVariable, errors: &mut Vec<String>) -> Vec<String> {
    let TypeInner::Struct { members, .. } = &module.types[variable.ty].inner else {
        errors.push("the uniform block is no struct".to_string());
        return Vec::new();
    };
    for member in members {
        let scalar = TypeInner::Scalar(naga::Scalar::U32);
        if module.types[member.ty].inner != scalar {
            errors.push(format!("the uniform field {:?} is no u32", member.name));
        }
    }
    let name = |member: &naga::StructMember| member.name.clone().unwrap_or_default();
    members.iter().map(name).collect()
}
