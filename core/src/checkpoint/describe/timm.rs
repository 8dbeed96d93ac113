//! timm's `config.json`, also as transformers writes it around a model of timm.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Description, MAX_CHANNELS, Size, agree, expected, filter, labels, malformed, side, typed,
};
use crate::{Preprocessing, Resize, Result};

#[derive(Deserialize)]
struct Timm {
    architecture: String,
    num_classes: Option<usize>,
    global_pool: Option<String>,
    pretrained_cfg: Option<Pretrained>,
    model_args: Option<serde_json::Map<String, Value>>,
    label_names: Option<Value>,
    /// What timm before 0.9 calls them.
    labels: Option<Value>,
    label_descriptions: Option<Value>,
    id2label: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Pretrained {
    input_size: Option<[usize; 3]>,
    crop_pct: Option<f64>,
    crop_mode: Option<String>,
    interpolation: Option<String>,
    mean: Option<Vec<f64>>,
    std: Option<Vec<f64>>,
    label_names: Option<Value>,
    labels: Option<Value>,
    label_descriptions: Option<Value>,
}

/// Arguments of timm's model that change what it computes.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    img_size: Option<Size>,
    patch_size: Option<Size>,
    in_chans: Option<usize>,
    num_classes: Option<usize>,
    embed_dim: Option<usize>,
    depths: Option<Vec<usize>>,
    num_heads: Option<Vec<usize>>,
    window_size: Option<Size>,
    mlp_ratio: Option<f64>,
    qkv_bias: Option<bool>,
    global_pool: Option<String>,
    always_partition: Option<bool>,
}

/// Arguments that change nothing of what a trained model computes.
const TRAINING: [&str; 17] = [
    "drop_rate",
    "drop_path_rate",
    "drop_block_rate",
    "proj_drop_rate",
    "attn_drop_rate",
    "pos_drop_rate",
    "strict_img_size",
    "dynamic_img_size",
    "weight_init",
    "pretrained",
    "pretrained_strict",
    "checkpoint_path",
    "scriptable",
    "exportable",
    "no_jit",
    "use_checkpoint",
    "fused_attn",
];

/// What the `config` at `path` says.
pub(super) fn describe(path: &Path, config: Value, notes: &mut Vec<String>) -> Result<Description> {
    // timm before 0.9 keeps all in one object.
    let flat: Pretrained = match config.get("pretrained_cfg") {
        None | Some(Value::Null) => typed(path, config.clone())?,
        Some(_) => Pretrained::default(),
    };
    let config: Timm = typed(path, config)?;
    let name = &config.architecture;
    if !name.starts_with("swin_") || name.starts_with("swin_moe") {
        return Err(expected(
            "an architecture of the Swin V1 family (swin_…)",
            name,
        ));
    }
    let mut arguments = config.model_args.unwrap_or_default();
    arguments.retain(|key, value| !value.is_null() && !TRAINING.contains(&key.as_str()));
    let args: Arguments = serde_json::from_value(Value::Object(arguments))
        .map_err(|error| malformed(path, &error))?;
    let given = config.pretrained_cfg.unwrap_or(flat);
    for pool in [&config.global_pool, &args.global_pool]
        .into_iter()
        .flatten()
    {
        agree("a global_pool", "avg", pool)?;
    }
    if args.always_partition == Some(true) {
        return Err(expected(
            "windows that shrink to the map",
            &"always_partition",
        ));
    }
    let preprocessing = preprocessing(&given, args.in_chans, notes)?;
    let names = [
        config.label_names,
        config.labels,
        given.label_names,
        given.labels,
        config.id2label,
    ];
    let names = labels(names.into_iter().flatten().find(|value| !value.is_null()))?;
    let described = config.label_descriptions.or(given.label_descriptions);
    let labels = describe_labels(names, described)?;
    let image_size = match args.img_size {
        Some(size) => Some(
            size.both()
                .ok_or_else(|| expected("an image size", &size))?,
        ),
        None => given.input_size.map(|[_, height, width]| [height, width]),
    };
    Ok(Description {
        image_size,
        fed_size: None,
        in_channels: args
            .in_chans
            .or(given.input_size.map(|[channels, ..]| channels)),
        patch_size: side(args.patch_size, "patch")?,
        embed_dim: args.embed_dim,
        depths: args.depths,
        heads: args.num_heads,
        window_size: side(args.window_size, "window")?,
        mlp_ratio: args.mlp_ratio,
        classes: args.num_classes.or(config.num_classes),
        qkv_bias: args.qkv_bias,
        activation: None,
        preprocessing,
        labels,
    })
}

/// Descriptions in place of the names that have one: by name, by number, or in the same order.
fn describe_labels(
    names: BTreeMap<usize, String>,
    described: Option<Value>,
) -> Result<BTreeMap<usize, String>> {
    let by_name = match described {
        None | Some(Value::Null) => return Ok(names),
        Some(Value::Object(map)) => map,
        Some(list) => return labels(Some(list)),
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let describe = |(number, name): (usize, String)| {
        let number_text = number.to_string();
        let found = text(by_name.get(&name)).or_else(|| text(by_name.get(&number_text)));
        (number, found.unwrap_or(name))
    };
    Ok(names.into_iter().map(describe).collect())
}

fn preprocessing(
    given: &Pretrained,
    channels: Option<usize>,
    notes: &mut Vec<String>,
) -> Result<Option<Preprocessing>> {
    let (Some(mean), Some(std)) = (&given.mean, &given.std) else {
        return Ok(None);
    };
    let interpolation = given.interpolation.as_deref().unwrap_or("bicubic");
    if interpolation == "random" {
        notes.push("images are resized by the bilinear filter, as timm does for \"random\"".into());
    }
    let crop = given.crop_pct.unwrap_or(0.875);
    let resize = match given.crop_mode.as_deref().unwrap_or("center") {
        "center" => Resize::CropFraction { crop },
        "squash" if crop == 1.0 => Resize::Squash,
        other => {
            return Err(expected(
                "a crop_mode of center, or squash with crop_pct 1",
                &other,
            ));
        }
    };
    // timm repeats a single value for every channel.
    let repeat = |values: &[f64]| match (values, channels) {
        (&[value], Some(channels)) => vec![value; channels.min(MAX_CHANNELS)],
        _ => values.to_vec(),
    };
    Ok(Some(Preprocessing {
        filter: filter(interpolation)?,
        ..Preprocessing::new(resize, repeat(mean), repeat(std))
    }))
}
