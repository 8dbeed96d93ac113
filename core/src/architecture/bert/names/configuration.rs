//! The configuration that a `config.json` and the shapes of a checkpoint tell.

use serde_json::Value;

use crate::{
    Error, Result,
    architecture::{
        Activation, BertConfig, PerBlock, TextHead, TextPooling,
        names::{Asked, Description, Keys, Renamed, agree, expected, extents},
    },
};

/// The `model_type` of Hugging Face.
pub(super) const MODEL_TYPES: [&str; 6] = [
    "bert",
    "roberta",
    "xlm-roberta",
    "camembert",
    "electra",
    "distilbert",
];

/// The `model_type` of a configuration that tells none. RoBERTa's is BERT's with one segment, and would be taken for one.
pub(super) fn implied_model_type(config: &Value) -> Option<&'static str> {
    let has = |keys: &[&str]| keys.iter().all(|&key| config.get(key).is_some());
    let segments = config.get("type_vocab_size").and_then(Value::as_u64);
    match segments {
        // ALBERT's and ELECTRA's.
        _ if has(&["embedding_size"]) => None,
        Some(2..) if has(&["intermediate_size", "max_position_embeddings"]) => Some("bert"),
        None if has(&["hidden_dim", "n_layers", "n_heads"]) => Some("distilbert"),
        _ => None,
    }
}

/// Classes of transformers whose heads are of another kind.
const OTHER: [&str; 3] = [
    "ForQuestionAnswering",
    "ForMultipleChoice",
    "ForNextSentencePrediction",
];

/// A family, as far as its members compute in different ways.
#[derive(Clone, Copy, PartialEq)]
enum Family {
    Bert,
    /// Positions begin after the id of padding.
    Roberta,
    Electra,
    Distil,
}

impl Family {
    fn of(model_type: &str) -> Self {
        match model_type {
            "roberta" | "xlm-roberta" | "camembert" => Self::Roberta,
            "electra" => Self::Electra,
            "distilbert" => Self::Distil,
            _ => Self::Bert,
        }
    }

    /// The activation of the dense layer in a head of classes.
    fn dense(self) -> Activation {
        match self {
            Self::Bert | Self::Roberta => Activation::Tanh,
            Self::Electra => Activation::Gelu,
            Self::Distil => Activation::Relu,
        }
    }
}

/// The configuration of `renamed`, which `description` must agree with.
pub(super) fn configure(
    renamed: &Renamed,
    description: &Description,
    _: &Asked,
    notes: &mut Vec<String>,
) -> Result<BertConfig> {
    let params = &renamed.params;
    let Some(mut keys) = description.keys.clone() else {
        return Err(Error::Checkpoint(
            "expected a config.json beside a BERT, which tells its heads, found none: name the folder"
                .to_owned(),
        ));
    };
    let family = Family::of(&keys.take::<String>("model_type")?.unwrap_or_default());
    match keys.take::<String>("position_embedding_type")?.as_deref() {
        None | Some("absolute") => {}
        Some(other) => return Err(expected("positions that are absolute", &other)),
    }
    if keys.take("is_decoder")? == Some(true) {
        return Err(expected("an encoder", &"a decoder"));
    }

    let [vocabulary, width] = extents(params, "embeddings.word.weight")?;
    let [rows, _] = extents(params, "embeddings.position.weight")?;
    let segments = match params.find("embeddings.segment.weight") {
        Some(_) => extents::<2>(params, "embeddings.segment.weight")?[0],
        None => 1,
    };
    let [hidden, embed_dim] = extents(params, "blocks.0.mlp.fc1.weight")?;
    let block = |at: usize| params.find(&format!("blocks.{at}.norm1.weight")).is_some();
    let depth = (0..).take_while(|&at| block(at)).count();
    let projected = params.find("embeddings.project.weight").is_some();

    let mut first = |names: [&str; 2]| -> Result<Option<usize>> {
        let found = keys.take(names[0])?;
        Ok(found.or(keys.take(names[1])?))
    };
    let heads = first(["num_attention_heads", "n_heads"])?;
    agree("channels", &first(["hidden_size", "dim"])?, &embed_dim)?;
    agree("blocks", &first(["num_hidden_layers", "n_layers"])?, &depth)?;
    agree(
        "hidden channels",
        &first(["intermediate_size", "hidden_dim"])?,
        &hidden,
    )?;
    let heads = heads.ok_or_else(|| expected("a number of attention heads", &"none"))?;
    let padding = match family {
        Family::Roberta => keys
            .take("pad_token_id")?
            .unwrap_or(1usize)
            .saturating_add(1),
        _ => 0,
    };
    let positions = rows
        .checked_sub(padding)
        .filter(|&positions| positions > 0)
        .ok_or_else(|| expected("positions after those of padding", &rows))?;
    let activation = activation(&mut keys)?;
    let layer_norm_eps = keys.take("layer_norm_eps")?.unwrap_or(1e-12);

    let named: Vec<String> = keys.take("architectures")?.unwrap_or_default();
    let other = |name: &&str| named.iter().any(|found| found.ends_with(*name));
    if OTHER.iter().any(other) {
        return Err(expected(
            "a model of classes of texts or of tokens, or of embeddings",
            &named,
        ));
    }
    if keys.take::<String>("problem_type")?.as_deref() == Some("multi_label_classification") {
        notes.push(
            "its classes do not exclude each other: probabilities here are as if they did"
                .to_owned(),
        );
    }
    let (head, classes) = match params.find("head.out.weight") {
        None => (embedding(description, notes), 0),
        Some(_) => {
            let [classes, _] = extents(params, "head.out.weight")?;
            let dense = ["head.dense.weight", "pooler.dense.weight"];
            let dense = dense.iter().any(|name| params.find(name).is_some());
            let dense = dense.then(|| family.dense());
            (classifier(&named, dense, notes), classes)
        }
    };
    Ok(BertConfig {
        vocabulary,
        positions,
        segments,
        embed_dim,
        embedding_dim: projected.then_some(width),
        depth,
        heads,
        hidden,
        head,
        classes,
        layer_norm_eps,
        activation: PerBlock::All(activation),
        fc1_bias: PerBlock::All(params.find("blocks.0.mlp.fc1.bias").is_some()),
        widths: None,
    })
}

/// The activation of the MLPs.
fn activation(keys: &mut Keys) -> Result<Activation> {
    let found = match keys.take::<String>("hidden_act")? {
        Some(found) => Some(found),
        None => keys.take("activation")?,
    };
    match found.as_deref() {
        None | Some("gelu" | "gelu_python") => Ok(Activation::Gelu),
        Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_fast") => Ok(Activation::GeluTanh),
        Some("relu") => Ok(Activation::Relu),
        Some(other) => Err(expected(
            "a hidden_act of gelu, gelu_new, gelu_pytorch_tanh or relu",
            &other,
        )),
    }
}

/// The head of a model without classes: what sentence-transformers says beside it, or its default.
fn embedding(description: &Description, notes: &mut Vec<String>) -> TextHead {
    description.sentence.unwrap_or_else(|| {
        notes.push(
            "nothing says how a text becomes one vector: the mean of its tokens, as sentence-transformers does then"
                .to_owned(),
        );
        TextHead::Embedding {
            pooling: TextPooling::Mean,
            normalized: false,
        }
    })
}

/// The head of a model with classes: of texts or of tokens, as its class in transformers says.
fn classifier(named: &[String], dense: Option<Activation>, notes: &mut Vec<String>) -> TextHead {
    let is = |what: &str| named.iter().any(|class| class.ends_with(what));
    if is("ForTokenClassification") {
        return TextHead::Tokens;
    }
    if !is("ForSequenceClassification") {
        let of = match dense {
            Some(_) => "texts, as a dense layer stands before them",
            None => "tokens, as no dense layer stands before them",
        };
        notes.push(format!(
            "config.json does not say what the classes are of: of {of}"
        ));
        if dense.is_none() {
            return TextHead::Tokens;
        }
    }
    TextHead::Text {
        pooling: TextPooling::First,
        dense,
    }
}
