//! One model in many forms: prefixes, wrappers, containers, names.

use std::{collections::BTreeMap, fs};

use safetensors::{Dtype, tensor::TensorView};

use super::{super::file::Element, *};
use crate::{ClassOrder, HostTensor, Params};

const BASE: &str = "forms/base.safetensors";

/// The parameters of the base, by timm's names.
fn base() -> Params {
    load(fixture(BASE)).unwrap().params
}

/// A safetensors file of `tensors`.
fn file<'a>(tensors: impl IntoIterator<Item = (String, &'a HostTensor)>) -> Vec<u8> {
    let bytes: Vec<_> = tensors
        .into_iter()
        .map(|(name, tensor)| {
            let bytes: Vec<u8> = tensor.data.iter().flat_map(|x| x.to_le_bytes()).collect();
            (name, tensor.shape.clone(), bytes)
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

/// A file of the base whose tensors have the names that `rename` gives them, if any.
fn renamed(rename: impl Fn(&str) -> Option<String>) -> Vec<u8> {
    let base = base();
    let tensors = base.0.iter();
    file(tensors.filter_map(|(name, tensor)| Some((rename(name)?, tensor))))
}

/// timm's name as Microsoft has it; two stages.
fn microsoft(name: &str) -> String {
    name.replace("layers.1.downsample.", "layers.0.downsample.")
        .replace("head.fc.", "head.")
}

fn sentence(bytes: &[u8], options: &LoadOptions) -> String {
    read_bytes_noting(bytes, options).unwrap_err().to_string()
}

#[test]
fn every_form_holds_the_same_model() {
    let base = load(fixture(BASE)).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(fixture("forms")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "expected.safetensors" {
            continue;
        }
        let model = load(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let config = swin(&model).clone().with_plainest_windowing();
        assert_eq!(&config, swin(&base), "{name}");
        assert!(model.params == base.params, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn a_choice_of_weights_is_noted_and_can_be_made() {
    let path = fixture("forms/model_best.pth.tar");
    let read = |weights| {
        let options = LoadOptions {
            weights,
            ..LoadOptions::default()
        };
        load_noting(&path, &options).unwrap()
    };
    let usual = read(None);
    assert!(
        usual
            .notes
            .iter()
            .any(|note| note.contains("averaged weights are read"))
    );
    assert_eq!(usual.model, read(Some(Weights::Ema)).model);
    let raw = read(Some(Weights::Raw));
    assert!(
        raw.notes
            .iter()
            .any(|note| note.contains("raw weights are read"))
    );
    assert_ne!(raw.model.params, usual.model.params);

    let options = |weights| LoadOptions {
        weights: Some(weights),
        ..LoadOptions::default()
    };
    let bare = fs::read(fixture(BASE)).unwrap();
    let refused = sentence(&bare, &options(Weights::Ema));
    assert!(refused.contains("found none"), "{refused}");
    let averaged = renamed(|name| Some(format!("ema.{name}")));
    let refused = sentence(&averaged, &options(Weights::Raw));
    assert!(refused.contains("averaged ones alone"), "{refused}");
    assert!(read_bytes(&averaged).unwrap().params == usual.model.params);
}

#[test]
fn mmengine_keeps_the_average_as_the_state_dict() {
    let base = base();
    let mut zero = base.clone();
    for tensor in zero.0.values_mut() {
        tensor.data.fill(0.0);
    }
    let name = |prefix: &str, name: &str| {
        let name = microsoft(name).replace("layers.", "stages.");
        let name = name
            .replace("patch_embed.proj.", "patch_embed.projection.")
            .replace(".attn.", ".attn.w_msa.")
            .replace(".mlp.fc1.", ".ffn.layers.0.0.")
            .replace(".mlp.fc2.", ".ffn.layers.1.");
        match name.strip_prefix("head.") {
            Some(rest) => format!("{prefix}head.fc.{rest}"),
            None => format!("{prefix}backbone.{name}"),
        }
    };
    let average = base
        .0
        .iter()
        .map(|(key, tensor)| (name("state_dict.", key), tensor));
    let trained = zero
        .0
        .iter()
        .map(|(key, tensor)| (name("ema_state_dict.module.", key), tensor));
    let both = file(average.chain(trained));
    // Neither numbered norms nor buffers: the order of the merged channels is timm's.
    assert!(read_bytes(&both).unwrap().params == base);
}

#[test]
fn state_of_an_optimizer_is_no_model() {
    let base = base();
    let state = |prefix: &str| {
        let moved = base
            .0
            .iter()
            .map(|(name, tensor)| (format!("{prefix}{name}"), tensor));
        moved.collect::<Vec<_>>()
    };
    let prefixes = ["module.", "optimizer.state.exp_avg.", "optim.exp_avg_sq."];
    let all = file(prefixes.into_iter().flat_map(state));
    assert!(read_bytes(&all).unwrap().params == base);
    let refused = sentence(&file(state("optimizer.")), &LoadOptions::default());
    assert!(
        refused.contains("expected the tensors of a Swin V1"),
        "{refused}"
    );
}

#[test]
fn two_models_are_one_too_many() {
    let base = base();
    let both = ["student.", "teacher."];
    let both = both.into_iter().flat_map(|prefix| {
        let tensors = base.0.iter();
        tensors.map(move |(name, tensor)| (format!("{prefix}{name}"), tensor))
    });
    let refused = sentence(&file(both), &LoadOptions::default());
    assert!(
        refused.contains("found 2: student.*, teacher.*"),
        "{refused}"
    );
    let one = renamed(|name| Some(format!("net.student.{name}")));
    assert!(read_bytes(&one).unwrap().params == base);
}

#[test]
fn a_model_without_a_head_gives_features() {
    let timm = |name: &str| (!name.starts_with("head.")).then(|| name.to_owned());
    let old = |name: &str| timm(name).map(|name| microsoft(&name));
    for bytes in [renamed(timm), renamed(old)] {
        assert_eq!(read_bytes(&bytes).unwrap().config.classes(), 0);
    }
    // A head that someone put around it is not lost in silence.
    let around = renamed(|name| match name.strip_prefix("head.fc.") {
        Some(rest) => Some(format!("classifier.{rest}")),
        None => Some(format!("backbone.{name}")),
    });
    let refused = sentence(&around, &LoadOptions::default());
    assert!(refused.contains("classifier.bias beside it"), "{refused}");
}

#[test]
fn a_mask_without_a_stage_tells_nothing() {
    let path = fixture("microsoft-window5/checkpoint.pth");
    let expected = load(&path).unwrap();
    let mut tensors = Tensors::open(&[path]).unwrap();
    let names: Vec<_> = tensors.all.keys().cloned().collect();
    let floats = names
        .iter()
        .filter(|name| matches!(tensors.all[*name].element, Element::Float(_)));
    let wanted = floats.map(String::as_str).collect();
    let read = tensors.read(&wanted).unwrap();
    let odd = HostTensor::new([1, 4, 4], vec![-100.0; 16]);
    let named = read.0.iter().map(|(name, tensor)| (name.clone(), tensor));
    let anchor = "layers.0.blocks.0.attn.relative_position_bias_table";
    let mut prefixes = names.iter().filter_map(|name| name.strip_suffix(anchor));
    let name = format!("{}head.extra.attn_mask", prefixes.next().unwrap());
    let bytes = file(named.chain([(name, &odd)]));
    let found = read_bytes(&bytes).unwrap();
    assert_eq!(
        found.config.image().unwrap(),
        expected.config.image().unwrap()
    );
}

#[test]
fn other_models_are_refused_by_their_names() {
    let tensor = HostTensor::new([1], vec![0.0]);
    for (names, found) in [
        (
            &["pos_embed", "attn_pool.latent"][..],
            "a ViT with attention pooling",
        ),
        (&["module.layer1.0.conv1.weight"], "a ResNet"),
        (
            &[
                "layers.0.blocks.0.attn.logit_scale",
                "layers.0.blocks.0.attn.cpb_mlp.0.weight",
            ],
            "a Swin V2",
        ),
        (
            &[
                "encoder.layer.0.output.dense.weight",
                "embeddings.word_embeddings.weight",
            ],
            "a BERT",
        ),
        (
            &["something.weight"],
            "found 1 other tensors, first something.weight",
        ),
    ] {
        let named = names.iter().map(|name| ((*name).to_owned(), &tensor));
        let refused = sentence(&file(named), &LoadOptions::default());
        assert!(refused.contains(found), "{refused} instead of {found}");
    }
    let with = |extra: &str, keep: fn(&str) -> bool| {
        let base = base();
        let kept = base.0.iter().filter(|(name, _)| keep(name));
        let named = kept.map(|(name, tensor)| (name.clone(), tensor));
        let bytes = file(named.chain([(extra.to_owned(), &tensor)]));
        sentence(&bytes, &LoadOptions::default())
    };
    let headless = |name: &str| !name.starts_with("head.");
    for (extra, keep, found) in [
        (
            "layers.0.blocks.0.mlp._moe_layer.gates.0.wg.weight",
            (|_| true) as fn(&str) -> bool,
            "a Swin MoE",
        ),
        (
            "absolute_pos_embed",
            |_| true,
            "absolute position embeddings",
        ),
        ("mask_token", headless, "a SimMIM model"),
        (
            "layers.0.blocks.0.attn.extra",
            |_| true,
            "belongs to no layer",
        ),
    ] {
        let refused = with(extra, keep);
        assert!(refused.contains(found), "{refused} instead of {found}");
    }
    let refused = load(fixture("module.pth")).unwrap_err().to_string();
    assert!(
        refused.contains("whole module (torch.nn.modules.linear.Linear)"),
        "{refused}"
    );
    assert!(refused.contains("model.state_dict()"), "{refused}");
}

#[test]
fn fake_quantizers_are_left_out() {
    let base = base();
    let amax = HostTensor::new([1], vec![3.0]);
    let extra = "layers.0.blocks.0.attn.qkv._input_quantizer._amax".to_owned();
    let named = base.0.iter().map(|(name, tensor)| (name.clone(), tensor));
    let bytes = file(named.chain([(extra, &amax)]));
    let loaded = read_bytes_noting(&bytes, &LoadOptions::default()).unwrap();
    assert!(loaded.model.params == base);
    assert!(
        loaded
            .notes
            .iter()
            .any(|note| note.contains("1 tensors of fake quantizers"))
    );
}

#[test]
fn a_checkpoint_in_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let base = base();
    let mut map = BTreeMap::new();
    for (shard, part) in ["a.safetensors", "b.safetensors"].iter().zip([true, false]) {
        let kept = base
            .0
            .iter()
            .filter(|(name, _)| name.starts_with("layers.0.") == part);
        let kept: Vec<_> = kept.map(|(name, tensor)| (name.clone(), tensor)).collect();
        map.extend(
            kept.iter()
                .map(|(name, _)| (name.clone(), (*shard).to_owned())),
        );
        fs::write(folder.path().join(shard), file(kept)).unwrap();
    }
    let index = folder.path().join("model.safetensors.index.json");
    let write = |map: &BTreeMap<String, String>| {
        let text = serde_json::json!({ "metadata": {}, "weight_map": map }).to_string();
        fs::write(&index, text).unwrap();
    };
    write(&map);
    for source in [folder.path(), &index] {
        assert!(load(source).unwrap().params == base);
    }
    for (name, shard, found) in [
        (
            "norm.weight",
            "../a.safetensors",
            "the file name \"../a.safetensors\"",
        ),
        ("norm.weight", "/etc/hosts", "the file name \"/etc/hosts\""),
        ("norm.weight", "c.safetensors", "no file c.safetensors"),
        (
            "other.weight",
            "a.safetensors",
            "other.weight is in the index and missing",
        ),
    ] {
        let mut map = map.clone();
        map.insert(name.to_owned(), shard.to_owned());
        write(&map);
        let refused = load(folder.path()).unwrap_err().to_string();
        assert!(refused.contains(found), "{refused} instead of {found}");
    }
}

#[test]
fn an_index_without_its_files_is_refused() {
    let refused = load(fixture("without-files.index.json")).unwrap_err();
    let found = "no file model-00001-of-00002.safetensors beside it";
    assert!(refused.to_string().contains(found), "{refused}");
}

#[test]
fn the_only_weights_of_a_folder_are_found() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(
        fixture("forms/trainer.CKPT"),
        folder.path().join("last.CKPT"),
    )
    .unwrap();
    assert!(load(folder.path()).unwrap().params == base());
    fs::copy(fixture(BASE), folder.path().join("best.safetensors")).unwrap();
    let refused = load(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("2 of other names"), "{refused}");
}

#[test]
fn sizes_are_told_guessed_with_a_note_or_asked_for() {
    let bytes = fs::read(fixture(BASE)).unwrap();
    let read = |image_size, window_size| {
        let options = LoadOptions {
            image_size,
            window_size,
            ..LoadOptions::default()
        };
        read_bytes_noting(&bytes, &options)
    };
    let usual = read(None, None).unwrap();
    assert_eq!(usual.model.config.image().unwrap().size(), [224, 224]);
    assert!(usual.notes[0].contains("--image-size"), "{:?}", usual.notes);
    let other = read(Some([112, 168]), None).unwrap();
    assert_eq!(other.model.config.image().unwrap().size(), [112, 168]);
    assert_eq!(other.notes.len(), 1, "{:?}", other.notes);
    assert!(
        other.notes[0].contains("timm published"),
        "{:?}",
        other.notes
    );
    let refused = read(Some([32, 32]), None).unwrap_err().to_string();
    assert!(refused.contains("--window-size 7"), "{refused}");
    let small = read(Some([32, 32]), Some(7)).unwrap();
    let last = "layers.1.blocks.0.attn.relative_position_bias_table";
    assert_eq!(small.model.params.0[last].shape, [49, 2]);
    let wide = read(Some([224, 224]), Some(8)).unwrap().model;
    assert_eq!(swin(&wide).window_size, 8);
    assert_eq!(wide.params.0[last].shape, [225, 2]);

    // The window of the last stage is the map, which tells the size; other windows do not.
    let options = LoadOptions::default();
    let tables = |second: usize| {
        let mut params = base();
        let heads = 2;
        let table = HostTensor::new([second, heads], vec![0.5; second * heads]);
        params.0.insert(last.to_owned(), table);
        file(params.0.iter().map(|(name, tensor)| (name.clone(), tensor)))
    };
    let loaded = read_bytes_noting(&tables(49), &options).unwrap();
    assert_eq!(loaded.model.config.image().unwrap().size(), [32, 32]);
    assert!(loaded.notes[0].contains("shrinks"), "{:?}", loaded.notes);
    let refused = sentence(&tables(225), &options);
    assert!(refused.contains("Swin S3"), "{refused}");
}

#[test]
fn the_configuration_of_torchvision() {
    let model = load(fixture("torchvision-window7/checkpoint.pth")).unwrap();
    assert_eq!(model.config.image().unwrap().size(), [224, 224]);
    assert_eq!(model.config.depths(), [2, 2]);
    assert_eq!(swin(&model).windowing, Windowing::Torchvision);
    let plain = swin(&model).clone().with_plainest_windowing();
    assert_eq!(plain.windowing, Windowing::Timm);
    assert_eq!(
        model.preprocessing.resize,
        Resize::ShorterSide { size: 232 }
    );
    assert_eq!(model.class_order, Some(ClassOrder::String));
    assert_eq!(
        load(fixture(BASE)).unwrap().class_order,
        Some(ClassOrder::Natural)
    );
}

/// Modules of transformers since 5 have other names than its files.
#[test]
fn modules_of_newer_transformers_are_known() {
    let path = fixture("huggingface-window3");
    let expected = load(&path).unwrap();
    let mut tensors = Tensors::open(&[path.join("model.safetensors")]).unwrap();
    let names: Vec<_> = tensors.all.keys().cloned().collect();
    let read = tensors
        .read(&names.iter().map(String::as_str).collect())
        .unwrap();
    let newer = |name: &str| {
        [
            (
                "attention.self.relative_position_bias_table",
                "attention.relative_position_bias.relative_position_bias_table",
            ),
            ("attention.self.query", "attention.q_proj"),
            ("attention.self.key", "attention.k_proj"),
            ("attention.self.value", "attention.v_proj"),
            ("attention.output.dense", "attention.o_proj"),
            ("intermediate.dense", "mlp.fc1"),
            ("output.dense", "mlp.fc2"),
        ]
        .iter()
        .fold(name.to_owned(), |name, (old, new)| name.replace(old, new))
    };
    let bytes = file(read.0.iter().map(|(name, tensor)| (newer(name), tensor)));
    let options = LoadOptions {
        image_size: Some(expected.config.image().unwrap().size()),
        ..LoadOptions::default()
    };
    let found = read_bytes_noting(&bytes, &options).unwrap().model;
    assert!(found.params == expected.params);
}

/// A classifier behind a model is the answer that its author means, wherever it stands.
#[test]
fn a_classifier_outside_of_the_model_is_not_dropped() {
    let base = base();
    let outer = HostTensor::new([2, 3], vec![0.5; 6]);
    for (headless, prefix, head) in [
        (false, "backbone.", "fc.weight"),
        (false, "0.", "1.weight"),
        (
            false,
            "model.backbone.timm_model.",
            "model.classifier.weight",
        ),
        (true, "backbone.timm_model.", "head.weight"),
        (true, "backbone.", "neck.weight"),
    ] {
        let kept = base.0.iter();
        let kept = kept.filter(|(name, _)| !headless || !name.starts_with("head."));
        let inside = kept.map(|(name, tensor)| (format!("{prefix}{name}"), tensor));
        let bytes = file(inside.chain([(head.to_owned(), &outer)]));
        let refused = sentence(&bytes, &LoadOptions::default());
        assert!(refused.contains(&format!("{head} beside it")), "{refused}");
    }
    // What a loss keeps is no classifier.
    let inside = base.0.iter();
    let inside = inside.map(|(name, tensor)| (format!("model.{name}"), tensor));
    let bytes = file(inside.chain([("criterion.weight".to_owned(), &outer)]));
    read_bytes_noting(&bytes, &LoadOptions::default()).unwrap();
}
