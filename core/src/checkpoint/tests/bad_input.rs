//! Every bad file is an error with a sentence.

use std::{fs, io::Write};

use proptest::prelude::*;
use safetensors::{Dtype, tensor::TensorView};

use super::{fixture, load, read_bytes, save};
use crate::{HostTensor, Params};

const SAFE: &str = "huggingface-window5/model.safetensors";
const PICKLE: &str = "microsoft-window5/checkpoint.pth";

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

fn sentence(bytes: &[u8]) -> String {
    let error = read_bytes(bytes).err();
    let text = error.expect("an error").to_string();
    assert!(!text.contains('\n') && text.len() < 1000, "{text}");
    text
}

/// A file with the parameters of the Hugging Face fixture after `change`.
fn changed(name: &str, change: impl FnOnce(&mut Params)) -> Vec<u8> {
    let mut params = params(name);
    change(&mut params);
    write(&params, Dtype::F32, |value| value.to_le_bytes().to_vec())
}

/// All float tensors of a fixture by the names of its file.
fn params(name: &str) -> Params {
    let mut tensors = super::Tensors::open(&[fixture(name)]).unwrap();
    let names: Vec<_> = tensors.all.keys().cloned().collect();
    let names = names.iter().map(String::as_str).collect();
    tensors.read(&names).unwrap()
}

fn write(params: &Params, dtype: Dtype, convert: impl Fn(&f32) -> Vec<u8>) -> Vec<u8> {
    let data: Vec<(_, _, Vec<u8>)> = params
        .0
        .iter()
        .map(|(name, tensor)| {
            let bytes = tensor.data.iter().flat_map(&convert).collect();
            (name, tensor.shape.clone(), bytes)
        })
        .collect();
    let views = data
        .iter()
        .map(|(name, shape, bytes)| (*name, TensorView::new(dtype, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn truncated_files() {
    for name in [SAFE, PICKLE] {
        let bytes = bytes(name);
        let early = 0..bytes.len().min(300);
        for end in early.chain((300..bytes.len()).step_by(bytes.len() / 97)) {
            sentence(&bytes[..end]);
        }
        sentence(&bytes[..bytes.len() - 1]);
    }
}

#[test]
fn headers_that_lie() {
    let file = bytes("timm-window3/model.safetensors");
    for length in [
        0,
        1,
        7,
        u64::MAX,
        u64::MAX / 2,
        file.len() as u64,
        100_000_001,
    ] {
        let mut file = file.clone();
        file[..8].copy_from_slice(&length.to_le_bytes());
        sentence(&file);
    }
    let header = |json: &str| {
        let mut file = (json.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(json.as_bytes());
        file.extend_from_slice(&[0; 8]);
        file
    };
    for json in [
        r#"{"head.weight":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,8]}}"#,
        r#"{"head.weight":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
        r#"{"head.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}}"#,
        r#"{"head.weight":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}}"#,
        r#"{"head.weight":{"dtype":"Q7","shape":[2],"data_offsets":[0,8]}}"#,
        r#"{"head.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
        r#"{"head.weight":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#,
        r#"{"__metadata__":{"intformer.float":"{}"}}"#,
        r#"{"__metadata__":{"intformer.float":"{\"version\":2,\"new\":1}"}}"#,
    ] {
        sentence(&header(json));
    }
}

#[test]
fn other_formats_are_refused_by_what_they_are() {
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    for (bytes, found) in [
        (&b"\x89HDF\r\n\x1a\n0000"[..], "an HDF5 file"),
        (b"GGUF\x03\0\0\0", "a GGUF file"),
        (b"\x08\x07\x12\x07pytorch", "an ONNX file"),
        (b"\x1c\0\0\0TFL3", "a TensorFlow Lite file"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"\x80\x04}.", "a pickle that torch.save did not write"),
        (b"{\"weight_map\": {}}", "the index"),
        (b"", "an empty file"),
        (b"weights", "neither"),
        (&tar, "a tar archive"),
        (&zip("notes.txt", b"hello"), "a zip archive of other files"),
        (&zip("m/constants.pkl", b"."), "a TorchScript archive"),
    ] {
        let refused = sentence(bytes);
        assert!(refused.contains(found), "{refused} instead of {found}");
    }
    for pickle in [
        &b"]".repeat(100_000)[..],
        b"((((((((((((((l.",
        b"",
        b".",
        b"Vx\n.",
    ] {
        sentence(&zip("archive/data.pkl", pickle));
    }
    let many = sentence(&zip("archive/data.pkl", &vec![b'N'; 5 << 20]));
    assert!(many.contains("too many values"), "{many}");
    let folder = tempfile::tempdir().unwrap();
    let refused = load(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("one file of weights"), "{refused}");
    let refused = load(folder.path().join("none.pth"))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("none.pth"), "{refused}");
}

#[test]
fn code_in_a_pickle_is_never_run() {
    let folder = tempfile::tempdir().unwrap();
    let witness = folder.path().join("ran");
    let command = format!("touch {}", witness.display());
    let reduce = format!("cposix\nsystem\n(V{command}\ntR");
    let nested = format!("(Vmodel\n(Vhook\n{reduce}dd.");
    let refused = sentence(nested.as_bytes());
    assert!(refused.contains("found neither"), "{refused}");

    for pickle in [&nested, &format!("{reduce}.")] {
        let refused = sentence(&zip("archive/data.pkl", pickle.as_bytes()));
        assert!(refused.contains("found 0 other tensors"), "{refused}");
    }
    assert!(!witness.exists());
}

#[test]
fn a_pickle_that_grows_is_refused() {
    // Each list holds the one before twice: 2^40 values to walk, a hundred to keep.
    let mut twice = b"(Va\n]p0\n".to_vec();
    for _ in 0..40 {
        twice.extend(b"0(g0\ng0\nlp0\n");
    }
    twice.extend(b"d.");
    let refused = sentence(&zip("archive/data.pkl", &twice));
    assert!(refused.contains("without end"), "{refused}");
    // A list that holds itself.
    let refused = sentence(&zip("archive/data.pkl", b"(Va\n]p0\ng0\nad."));
    assert!(refused.contains("without end"), "{refused}");
    // A dictionary that is made again and again from one list of pairs.
    let mut again = b"](".to_vec();
    again.extend(b"K\x01K\x02\x86".repeat(1000));
    again.extend(b"e\x85p1\n0");
    again.extend(b"ccollections\nOrderedDict\ng1\nR0".repeat(3000));
    again.extend(b"}.");
    let refused = sentence(&zip("archive/data.pkl", &again));
    assert!(refused.contains("too many values"), "{refused}");
}

/// A zip archive of one stored file.
fn zip(name: &str, data: &[u8]) -> Vec<u8> {
    let crc = data.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    });
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for number in [!crc, data.len() as u32, data.len() as u32] {
        common.extend(number.to_le_bytes());
    }
    common.extend((name.len() as u16).to_le_bytes());
    common.extend([0, 0]);
    let mut file = b"PK\x03\x04".to_vec();
    file.extend(&common);
    file.extend(name.as_bytes());
    file.extend(data);
    let start = file.len() as u32;
    file.extend(b"PK\x01\x02\x14\x00");
    file.extend(&common);
    file.extend([0; 14]);
    file.extend(name.as_bytes());
    let size = file.len() as u32 - start;
    file.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    file.extend(size.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}

#[test]
fn a_view_that_repeats_one_element_takes_no_memory() {
    // _rebuild_tensor_v2 of one stored float with strides of 0 and a shape of 2^31 elements.
    let storage = "(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI1\ntQ";
    let tensor = format!(
        "ctorch._utils\n_rebuild_tensor_v2\n({storage}I0\n(I32768\nI65536\nt(I0\nI0\ntI00\n(dtR"
    );
    let anchor = "layers.0.blocks.0.attn.relative_position_bias_table";
    let pickle = format!("(V{anchor}\n{tensor}d.");
    let refused = sentence(&zip("archive/data.pkl", pickle.as_bytes()));
    assert!(refused.contains("twice the file"), "{refused}");
}

#[test]
fn tensors_that_do_not_fit() {
    type Change = fn(&mut Params);
    let cases: [(Change, &str); 9] = [
        (
            |params| drop(params.0.remove("swin.layernorm.bias")),
            "norm.bias is missing",
        ),
        (
            |params| {
                let extra = HostTensor::new([4, 24], vec![0.0; 96]);
                drop(params.0.remove("classifier.weight"));
                drop(params.0.insert("fc.weight".into(), extra));
            },
            "expected a classifier called as its library does",
        ),
        (
            |params| {
                let extra = HostTensor::new([1], vec![0.0]);
                drop(params.0.insert("swin.encoder.layers.0.extra".into(), extra));
            },
            "layers.0.extra belongs to no layer",
        ),
        (
            |params| {
                let key = "swin.encoder.layers.0.blocks.0.attention.self.key.weight";
                drop(params.0.remove(key));
            },
            "expected query, key and value",
        ),
        (
            |params| {
                let key = "swin.encoder.layers.1.blocks.0.attention.self.key.weight";
                params.0.get_mut(key).unwrap().shape.reverse();
                params.0.get_mut(key).unwrap().shape.push(1);
            },
            "of one shape",
        ),
        (
            |params| params.0.get_mut("swin.layernorm.weight").unwrap().data[3] = f32::NAN,
            "norm.weight should be finite, found NaN at element 3",
        ),
        (
            |params| params.0.get_mut("swin.layernorm.weight").unwrap().data[3] = f32::INFINITY,
            "norm.weight should be finite, found inf",
        ),
        (
            |params| {
                let name = "swin.embeddings.patch_embeddings.projection.weight";
                params.0.get_mut(name).unwrap().shape = vec![12, 4];
            },
            "should have 4 dimensions",
        ),
        (
            |params| params.0.clear(),
            "expected the tensors of a Swin V1 or a ViT or a BERT, found 0",
        ),
    ];
    for (change, expected) in cases {
        let refused = sentence(&changed_window7(change));
        assert!(
            refused.contains(expected),
            "{refused} instead of {expected}"
        );
    }
}

/// The Hugging Face fixture with room for the usual image of a window of 7.
fn changed_window7(change: impl FnOnce(&mut Params)) -> Vec<u8> {
    changed(SAFE, |params| {
        for (name, tensor) in &mut params.0 {
            if name.ends_with("bias_table") {
                let heads = tensor.shape[1];
                *tensor = HostTensor::new([169, heads], vec![0.5; 169 * heads]);
            }
        }
        change(params);
    })
}

#[test]
fn contradictions_of_the_description() {
    let folder = tempfile::tempdir().unwrap();
    let source = fixture("huggingface-window3");
    let weights = "model.safetensors";
    fs::copy(source.join(weights), folder.path().join(weights)).unwrap();
    let config = fs::read_to_string(source.join("config.json")).unwrap();
    let original: serde_json::Value = serde_json::from_str(&config).unwrap();
    let number = |number: usize| serde_json::Value::from(number);
    for (key, value, expected) in [
        ("embed_dim", number(16), "expected an embedding of 16"),
        ("window_size", number(2), "expected a window of 2"),
        ("window_size", number(7), "found those of a window of 3"),
        ("num_channels", number(1), "expected input channels of 1"),
        ("patch_size", number(4), "expected a patch size of 4"),
        (
            "depths",
            vec![2, 2, 2].into(),
            "expected depths of [2, 2, 2]",
        ),
        (
            "num_heads",
            vec![2, 2, 2].into(),
            "expected heads of [2, 2, 2]",
        ),
        ("qkv_bias", false.into(), "expected a bias"),
        ("mlp_ratio", 3.0.into(), "should have shape"),
        ("image_size", number(4), "found those of a window of 3"),
        ("image_size", number(0), "found"),
        ("hidden_act", "silu".into(), "hidden_act of gelu or relu"),
        (
            "model_type",
            "swinv2".into(),
            "expected a model_type of swin or vit or deit or dinov2",
        ),
        ("layer_norm_eps", 1e-3.into(), "layer_norm_eps of 1e-5"),
        (
            "id2label",
            serde_json::json!({"0": ["a"]}),
            "names of classes by their numbers",
        ),
        ("depths", "two".into(), "expected the JSON of a Swin"),
    ] {
        let mut changed = original.clone();
        changed[key] = value;
        if key == "window_size" && changed[key] == 7 {
            changed["image_size"] = 56.into();
        }
        let text = serde_json::to_string(&changed).unwrap();
        fs::write(folder.path().join("config.json"), text).unwrap();
        let refused = load(folder.path()).unwrap_err().to_string();
        assert!(
            refused.contains(expected),
            "{key}: {refused} instead of {expected}"
        );
    }
}

#[test]
fn preprocessing_without_a_rule_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = fixture("huggingface-window3");
    for file in ["model.safetensors", "config.json"] {
        fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    let config = fs::read_to_string(source.join("preprocessor_config.json")).unwrap();
    let original: serde_json::Value = serde_json::from_str(&config).unwrap();
    let set = |key: &str, value: serde_json::Value| {
        let mut changed = original.clone();
        changed[key] = value;
        let text = serde_json::to_string(&changed).unwrap();
        fs::write(folder.path().join("preprocessor_config.json"), text).unwrap();
        load(folder.path())
    };
    for (key, value) in [
        ("resample", 6.into()),
        ("resample", "cubic".into()),
        ("do_rescale", false.into()),
        ("rescale_factor", 1.into()),
        ("size", serde_json::json!({"height": 33, "width": 33})),
        ("size", serde_json::json!({"shortest_edge": 32})),
        ("image_std", vec![0.0, 1.0, 1.0].into()),
        ("image_mean", vec![0.0, 1.0].into()),
    ] {
        assert!(set(key, value).is_err(), "{key}");
    }
    assert_eq!(
        set("size", 24.into())
            .unwrap()
            .config
            .image()
            .unwrap()
            .size(),
        [24, 24]
    );
    let plain = set("do_normalize", false.into()).unwrap().preprocessing;
    assert_eq!((plain.mean, plain.std), (vec![0.0; 3], vec![1.0; 3]));
}

#[test]
fn a_model_that_cannot_be_saved_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = load(fixture("timm-window3")).unwrap();
    assert!(save(&model, folder.path().join("float.pth")).is_err());
    assert!(save(&model, folder.path().join("none/float.safetensors")).is_err());
    model.labels.pop();
    assert!(save(&model, folder.path().join("float.safetensors")).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn floats_of_other_widths_are_converted() {
    use half::{bf16, f16};
    let folder = tempfile::tempdir().unwrap();
    let source = fixture("huggingface-window5");
    for file in ["config.json", "preprocessor_config.json"] {
        fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    let whole = load(&source).unwrap();
    let raw = params(SAFE);
    type Convert = fn(&f32) -> Vec<u8>;
    let widths: [(Dtype, Convert, f32); 3] = [
        (Dtype::F64, |&x| f64::from(x).to_le_bytes().to_vec(), 0.0),
        (
            Dtype::F16,
            |&x| f16::from_f32(x).to_le_bytes().to_vec(),
            5e-4,
        ),
        (
            Dtype::BF16,
            |&x| bf16::from_f32(x).to_le_bytes().to_vec(),
            4e-3,
        ),
    ];
    for (dtype, convert, tolerance) in widths {
        let mut file = fs::File::create(folder.path().join("model.safetensors")).unwrap();
        file.write_all(&write(&raw, dtype, convert)).unwrap();
        let model = load(folder.path()).unwrap();
        for (name, tensor) in &model.params.0 {
            for (a, b) in tensor.data.iter().zip(&whole.params.0[name].data) {
                assert!(
                    (a - b).abs() <= tolerance * b.abs() + 1e-7,
                    "{dtype:?} {name}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Bytes of the headers and of the directory at the end matter most, so they are hit most.
    #[test]
    fn changed_bytes_never_panic(
        pickle in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..12),
    ) {
        let name = if pickle { PICKLE } else { SAFE };
        let mut file = bytes(name);
        for (index, part, byte) in changes {
            let length = file.len();
            let at = match part {
                0 => index.index(length),
                1 | 2 => index.index(length.min(12_000)),
                _ => length - 1 - index.index(length.min(12_000)),
            };
            file[at] = byte;
        }
        if let Err(error) = read_bytes(&file) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
