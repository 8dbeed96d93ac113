//! What other models are called, so that they are refused by their name.

use crate::architecture::names;

/// Pieces of names that a file must have all of, and what it then is.
const OTHERS: [(&[&str], &str); 17] = [
    (&["lora_A"], "an adapter without the model that it adapts"),
    (&["visual.", "positional_embedding"], "a CLIP model"),
    (&["text_model.", "vision_model."], "a CLIP model"),
    (&["word_embeddings.weight", "encoder.layer.0."], "a BERT"),
    (&["embed_tokens.weight"], "a language model"),
    (&["layer1.0.conv1.weight"], "a ResNet"),
    (&["resnet.encoder.stages"], "a ResNet"),
    (&["stages.0.blocks.0.conv_dw"], "a ConvNeXt"),
    (&["downsample_layers.0.0", "dwconv"], "a ConvNeXt"),
    (&["features.1.0.block.0", "layer_scale"], "a ConvNeXt"),
    (&["convnextv2.encoder"], "a ConvNeXt"),
    (&["convnext.encoder"], "a ConvNeXt"),
    (
        &["conv_stem.weight", "blocks.0.0."],
        "an EfficientNet or MobileNet",
    ),
    (&["features.1.conv.0.0.weight"], "a MobileNet"),
    (&["denseblock1.denselayer1"], "a DenseNet"),
    (
        &["first_stage_model.", "diffusion_model."],
        "a diffusion model",
    ),
    (
        &["features.0.weight", "classifier.6.weight"],
        "a VGG or AlexNet",
    ),
];

/// What a file with these names of tensors is, if that shows.
pub(super) fn other<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    let has = |piece: &str| names.clone().any(|name| name.contains(piece));
    let known = |(pieces, _): &&(&[&str], _)| pieces.iter().all(|piece| has(piece));
    let relatives = names::ALL.iter().flat_map(|names| names.others);
    let mut others = relatives.chain(&OTHERS);
    others.find(known).map(|&(_, what)| what)
}
