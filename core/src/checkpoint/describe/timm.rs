//! timm's `config.json`, also as transformers writes it around a model of timm.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use serde_json::Value;

use super::{MAX_CHANNELS, described, filter, labels, plain, same};
use crate::{
    Preprocessing, Resize, Result,
    architecture::names::{self, Description, Keys, Library, Size, expected},
};

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
        None | Some(Value::Null) => plain(path, config.clone())?,
        Some(_) => Pretrained::default(),
    };
    let config: Timm = plain(path, config)?;
    let name = &config.architecture;
    let Some(names) = described(|names| names.timm.is_some_and(|(_, is)| is(name))) else {
        let known = names::ALL.into_iter().filter_map(|names| names.timm);
        let known: Vec<_> = known.map(|(what, _)| what).collect();
        return Err(expected(&known.join(" or "), name));
    };
    let mut map = config.model_args.unwrap_or_default();
    map.retain(|key, value| !value.is_null() && !TRAINING.contains(&key.as_str()));
    let mut keys = Keys {
        library: Library::Timm,
        names,
        path: path.to_owned(),
        map,
    };
    let pools = [config.global_pool, keys.take("global_pool")?];
    if let [Some(outer), Some(inner)] = &pools {
        same("a global_pool", outer, inner)?;
    }
    if let Some(pool) = pools.into_iter().flatten().next() {
        keys.map.insert("global_pool".to_owned(), pool.into());
    }
    let in_channels = keys.take("in_chans")?;
    let classes = keys.take("num_classes")?;
    let given = config.pretrained_cfg.unwrap_or(flat);
    let preprocessing = preprocessing(&given, in_channels, notes)?;
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
    let image_size = match keys.take::<Size>("img_size")? {
        Some(size) => Some(
            size.both()
                .ok_or_else(|| expected("an image size", &size))?,
        ),
        None => given.input_size.map(|[_, height, width]| [height, width]),
    };
    Ok(Description {
        image_size,
        fed_size: None,
        in_channels: in_channels.or(given.input_size.map(|[channels, ..]| channels)),
        classes: classes.or(config.num_classes),
        preprocessing,
        labels,
        keys: Some(keys),
        ..Description::default()
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
