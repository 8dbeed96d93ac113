//! Descriptions beside the tensors, as timm and Hugging Face write and wrote them.

use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::Filter;

/// The fixture `name` in a folder of its own with `config` in place of its own after `change`.
fn with(name: &str, file: &str, change: impl FnOnce(&mut Value)) -> Result<Loaded> {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = folder.path().join(file);
    let mut value = match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(_) => json!({}),
    };
    change(&mut value);
    fs::write(&path, value.to_string()).unwrap();
    load_noting(folder.path(), &LoadOptions::default())
}

fn timm(change: impl FnOnce(&mut Value)) -> Result<Loaded> {
    with("timm-window3", "config.json", change)
}

fn hugging_face(change: impl FnOnce(&mut Value)) -> Result<Loaded> {
    with("huggingface-window3", "config.json", change)
}

fn processor(change: impl FnOnce(&mut Value)) -> Result<Loaded> {
    with("huggingface-window3", "preprocessor_config.json", change)
}

#[test]
fn names_of_classes_are_a_list_or_a_map() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    for labels in [
        json!(names),
        json!({"0": "a", "1": "b", "2": "c", "3": "d", "4": "e", "5": "f", "6": "g"}),
        json!({"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "f": 5, "g": 6}),
    ] {
        let loaded = timm(|config| config["label_names"] = labels).unwrap();
        assert_eq!(loaded.model.labels, names);
        assert_eq!(loaded.model.class_order, None);
    }
    let described = timm(|config| {
        config["label_names"] = json!(names);
        config["label_descriptions"] = json!({"c": "sea"});
    });
    assert_eq!(described.unwrap().model.labels[2], "sea");
    timm(|config| config["label_names"] = json!(3)).unwrap_err();
}

#[test]
fn a_model_with_fewer_or_more_names_than_classes_is_read() {
    for (labels, expected) in [
        (
            json!({"0": "a", "3": "d"}),
            ["a", "LABEL_1", "LABEL_2", "d", "LABEL_4"],
        ),
        (
            json!({"0": "a", "1": "b", "2": "c", "3": "d", "4": "e", "9": "z"}),
            ["a", "b", "c", "d", "e"],
        ),
    ] {
        let loaded = hugging_face(|config| {
            config["id2label"] = labels;
            config["num_labels"] = 5.into();
        });
        let loaded = loaded.unwrap();
        assert_eq!(loaded.model.labels, expected);
        assert!(loaded.notes[0].contains("5 classes"), "{:?}", loaded.notes);
    }
    let none = hugging_face(|config| config["id2label"] = Value::Null).unwrap();
    assert!(none.model.labels.is_empty());
}

#[test]
fn the_flat_description_of_timm_before_0_9() {
    let flat = timm(|config| {
        let given = config
            .as_object_mut()
            .unwrap()
            .remove("pretrained_cfg")
            .unwrap();
        let names = config
            .as_object_mut()
            .unwrap()
            .remove("label_names")
            .unwrap();
        config["labels"] = names;
        for key in ["mean", "std", "input_size", "interpolation"] {
            config[key] = given[key].clone();
        }
        config["crop_pct"] = 0.8.into();
    });
    let (flat, nested) = (flat.unwrap().model, timm(|_| {}).unwrap().model);
    assert_eq!(flat.config, nested.config);
    assert_eq!(flat.labels, nested.labels);
    assert_eq!(flat.preprocessing.mean, nested.preprocessing.mean);
    assert_eq!(
        flat.preprocessing.resize,
        Resize::CropFraction { crop: 0.8 }
    );
}

#[test]
fn arguments_of_training_change_nothing_and_unknown_ones_are_refused_by_name() {
    let whole = timm(|_| {}).unwrap();
    let trained = timm(|config| {
        config["model_args"]["drop_path_rate"] = 0.2.into();
        config["model_args"]["norm_layer"] = Value::Null;
    });
    assert_eq!(trained.unwrap(), whole);
    let refused = timm(|config| config["model_args"]["act_layer"] = "silu".into());
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("act_layer"), "{refused}");
    for name in ["swinv2_tiny_window8_256", "swin_moe_small", "resnet50"] {
        let refused = timm(|config| config["architecture"] = name.into());
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(name), "{refused}");
    }
    let bare = with("timm-window6", "config.json", |config| {
        config["model_args"] = Value::Null
    });
    // All that it says follows from the tensors and the size of the input.
    let whole = load(fixture("timm-window6")).unwrap();
    assert_eq!(bare.unwrap().model, whole);
}

#[test]
fn a_description_of_other_types_or_that_contradicts_itself_is_refused() {
    for (outer, inner) in [("max", "avg"), ("avg", "max"), ("max", "max")] {
        let refused = timm(|config| {
            config["global_pool"] = outer.into();
            config["model_args"]["global_pool"] = inner.into();
        });
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("global_pool"),
            "{outer} {inner}: {refused}"
        );
    }
    let refused = timm(|config| config["model_args"]["global_pool"] = 5.into());
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("expected the JSON of a Swin V1"),
        "{refused}"
    );
    for (value, found) in [(5.into(), "invalid type"), (Value::Null, "invalid type")] {
        let refused = with("huggingface-window3", "config.json", |config| {
            config["model_type"] = value;
        });
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(found), "{refused}");
    }
}

#[test]
fn transformers_around_timm() {
    let folder = tempfile::tempdir().unwrap();
    let wrapped = load(fixture("timm-window3")).unwrap();
    let config = fs::read_to_string(fixture("timm-window3/config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["model_type"] = "timm_wrapper".into();
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let names = wrapped.params.0.iter().map(|(name, tensor)| {
        let bytes: Vec<u8> = tensor.data.iter().flat_map(|x| x.to_le_bytes()).collect();
        (format!("timm_model.{name}"), tensor.shape.clone(), bytes)
    });
    let names: Vec<_> = names.collect();
    let views = names.iter().map(|(name, shape, bytes)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    assert_eq!(load(folder.path()).unwrap(), wrapped);
}

#[test]
fn filters_of_both_libraries() {
    for (name, filter) in [
        ("nearest", Filter::Nearest),
        ("bilinear", Filter::Bilinear),
        ("bicubic", Filter::Bicubic),
        ("lanczos", Filter::Lanczos),
        ("random", Filter::Bilinear),
    ] {
        let loaded = timm(|config| config["pretrained_cfg"]["interpolation"] = name.into());
        assert_eq!(loaded.unwrap().model.preprocessing.filter, filter, "{name}");
    }
    timm(|config| config["pretrained_cfg"]["interpolation"] = "cubic".into()).unwrap_err();
    for (resample, filter) in [
        (json!(0), Filter::Nearest),
        (json!(1), Filter::Lanczos),
        (json!(2), Filter::Bilinear),
        (json!(3), Filter::Bicubic),
        (json!(4), Filter::Box),
        (json!(5), Filter::Hamming),
        (json!("bilinear"), Filter::Bilinear),
        (Value::Null, Filter::Bilinear),
    ] {
        let loaded = processor(|config| config["resample"] = resample.clone());
        assert_eq!(
            loaded.unwrap().model.preprocessing.filter,
            filter,
            "{resample}"
        );
    }
}

#[test]
fn a_model_runs_at_the_size_that_its_preprocessing_makes() {
    let other = processor(|config| config["size"] = json!({"height": 48, "width": 24})).unwrap();
    assert_eq!(other.model.config.image().unwrap().size(), [48, 24]);
    assert!(other.notes[0].contains("48x24"), "{:?}", other.notes);
    let nested = with("huggingface-window3", "processor_config.json", |config| {
        *config = json!({"image_processor": {"size": 48, "resample": 2}});
    });
    // The file of the older name comes first.
    assert_eq!(
        nested.unwrap().model.config.image().unwrap().size(),
        [24, 24]
    );
}
