//! An invented plan over tokens, and texts of random lengths: before there is a model of texts, they drive
//! what such a model will need of plans and executors.

use intformer::{
    plan::operation::Items,
    plan::{
        ATTENTION_EXPONENTIALS, Axis, Epilogue, Format, InputKind, IntWeights, LARGEST_EXPONENTIAL,
        Operation, OutputKind, Plan, Port, Step, Tensor, TensorId, TokenLimits, operation, pad16,
    },
    quant::Random,
    runtime::{Batch, Token},
};

/// A plan under construction, with random weights.
struct Builder {
    plan: Plan,
    weights: IntWeights,
    random: Random,
}

impl Builder {
    fn int(&mut self, low: i64, high: i64) -> i64 {
        low + (self.random.bits() >> 8) as i64 % (high - low + 1)
    }

    fn values<T: TryFrom<i64>>(&mut self, count: usize, low: i64, high: i64) -> Vec<T> {
        let value = |_| T::try_from(self.int(low, high)).ok();
        (0..count).filter_map(value).collect()
    }

    fn tensor(&mut self, name: &str, format: Format, axis: Axis, cols: usize) -> TensorId {
        self.plan.tensors.push(Tensor {
            name: name.to_owned(),
            format,
            axis,
            rows: 1,
            cols,
            stride: pad16(cols) / format.per_word(),
            state: false,
        });
        self.plan.tensors.len() - 1
    }

    fn step(&mut self, name: &str, operation: impl Into<Operation>) {
        self.plan.steps.push(Step {
            name: name.to_owned(),
            operation: operation.into(),
        });
    }

    /// Weights of a product from `inputs` to `outputs` channels, and its name.
    fn product(&mut self, name: &str, inputs: usize, outputs: usize) -> String {
        let [k, cols] = [inputs, outputs].map(pad16);
        let weight: Vec<i8> = self.values(cols * k, -127, 127);
        let bias: Vec<i32> = self.values(cols, -9999, 9999);
        self.weights
            .insert(format!("{name}.weight"), &[cols, k], &weight);
        self.weights.insert(format!("{name}.bias"), &[cols], &bias);
        self.scales(name, cols, [4, 9]);
        name.to_owned()
    }

    fn scales(&mut self, name: &str, count: usize, shifts: [i64; 2]) {
        let multiplier: Vec<u16> = self.values(count, 0, 65535);
        let shift: Vec<u8> = self.values(count, shifts[0], shifts[1]);
        self.weights
            .insert(format!("{name}.multiplier"), &[count], &multiplier);
        self.weights
            .insert(format!("{name}.shift"), &[count], &shift);
    }

    fn norm(&mut self, name: &str, channels: usize) -> String {
        let multiplier: Vec<i16> = self.values(channels, -32767, 32767);
        let shift: Vec<u8> = self.values(channels, 12, 20);
        let exponent: Vec<u8> = self.values(channels, 0, 3);
        let bias: Vec<i32> = self.values(channels, -99_999, 99_999);
        let shape = [channels];
        self.weights
            .insert(format!("{name}.multiplier"), &shape, &multiplier);
        self.weights.insert(format!("{name}.shift"), &shape, &shift);
        self.weights
            .insert(format!("{name}.exponent"), &shape, &exponent);
        self.weights.insert(format!("{name}.bias"), &shape, &bias);
        name.to_owned()
    }
}

/// A plan from tokens to a vector for each token, numbers for each, and numbers for each item, with its
/// weights: an embedding, attention, an MLP, the first token's row.
pub fn plan(seed: u64) -> (Plan, IntWeights, TokenLimits) {
    let mut b = Builder {
        plan: Plan::default(),
        weights: IntWeights::default(),
        random: Random(seed),
    };
    let (channels, hidden) = (b.int(1, 50) as usize, b.int(1, 70) as usize);
    let (classes, labels) = (b.int(1, 20) as usize, b.int(1, 9) as usize);
    let limits = TokenLimits {
        vocabulary: b.int(1, 40) as u32,
        positions: b.int(1, 40) as u32,
        segments: b.int(1, 2) as u32,
    };
    let tokens = b.tensor("tokens", Format::Int32, Axis::Token, 4);
    let spans = b.tensor("spans", Format::Int32, Axis::Item, 4);
    // The port is 4 words wide, whatever rows are padded to.
    for id in [tokens, spans] {
        b.plan.tensors[id].stride = 4;
    }
    b.plan.inputs = vec![
        Port {
            kind: InputKind::Tokens(limits),
            tensor: tokens,
        },
        Port {
            kind: InputKind::Spans,
            tensor: spans,
        },
    ];

    let padded = pad16(channels);
    let rows = [limits.vocabulary, limits.positions, limits.segments].map(|count| count as usize);
    let word: Vec<i8> = b.values(rows[0] * padded, -127, 127);
    b.weights
        .insert("embed.word".into(), &[rows[0], padded], &word);
    b.scales("embed", rows[0], [1, 12]);
    for (name, rows) in [("embed.position", rows[1]), ("embed.segment", rows[2])] {
        let half: Vec<i16> = b.values(rows * padded, -32768, 32767);
        b.weights.insert(name.into(), &[rows, padded], &half);
    }
    let stream = b.tensor("stream", Format::Int16, Axis::Token, channels);
    let weights = "embed".to_owned();
    b.step(
        "embed",
        operation::Embedding {
            input: tokens,
            output: stream,
            weights,
        },
    );

    attend(&mut b, stream, channels, Items { tokens, spans });

    let act = b.tensor("act", Format::Int8, Axis::Token, hidden);
    let scratch = b.tensor("scratch", Format::Int8, Axis::Token, channels);
    let (norm, weights) = (b.norm("norm", channels), b.product("fc1", channels, hidden));
    let epilogue = Epilogue::Int8 {
        relu: seed.is_multiple_of(2),
    };
    b.step(
        "fc1",
        operation::NormLinear {
            input: stream,
            scratch,
            output: act,
            norm,
            epsilon: 5,
            weights,
            epilogue,
        },
    );
    let gelu = b.tensor("gelu", Format::Int8, Axis::Token, hidden);
    b.step(
        "gelu",
        operation::ShiftGelu {
            input: act,
            output: gelu,
            unit: 19,
            multiplier: 40_000,
            shift: 7,
        },
    );
    let weights = b.product("fc2", hidden, channels);
    b.step(
        "fc2",
        operation::Linear {
            input: gelu,
            output: stream,
            weights,
            epilogue: Epilogue::Residual { residual: stream },
        },
    );

    let vectors = b.tensor("vectors", Format::Int8, Axis::Token, channels);
    let norm = b.norm("last", channels);
    let last = |input, output, norm: &str| operation::LayerNorm {
        input,
        output,
        norm: norm.to_owned(),
        epsilon: 5,
        merge: None,
    };
    b.step("last", last(stream, vectors, &norm));
    let first = b.tensor("first", Format::Int16, Axis::Item, channels);
    b.step(
        "first",
        operation::GatherRows {
            input: stream,
            index: Some(spans),
            tokens: Vec::new(),
            output: first,
        },
    );
    let pooled = b.tensor("pooled", Format::Int8, Axis::Item, channels);
    b.step("pooled", last(first, pooled, &norm));
    for (kind, input, axis, cols) in [
        (OutputKind::Sequence, vectors, Axis::Token, channels),
        (OutputKind::TokenLogits, vectors, Axis::Token, labels),
        (OutputKind::Logits, pooled, Axis::Item, classes),
    ] {
        let name = format!("{kind:?}");
        let output = b.tensor(&name, Format::Int32, axis, cols);
        let weights = b.product(&name, channels, cols);
        let epilogue = Epilogue::Int32;
        b.step(
            &name,
            operation::Linear {
                input,
                output,
                weights,
                epilogue,
            },
        );
        b.plan.outputs.push(Port {
            kind,
            tensor: output,
        });
    }
    (b.plan, b.weights, limits)
}

/// Attention of each token to those of its item, added to `stream`.
fn attend(b: &mut Builder, stream: TensorId, channels: usize, items: Items) {
    let (heads, head_words) = (b.int(1, 3) as usize, b.int(1, 5) as usize);
    let words = heads * head_words;
    let qkv = b.tensor("qkv", Format::Int8, Axis::Token, 12 * words);
    let scratch = b.tensor("before", Format::Int8, Axis::Token, channels);
    let (norm, weights) = (
        b.norm("before", channels),
        b.product("qkv", channels, 12 * words),
    );
    b.step(
        "qkv",
        operation::NormLinear {
            input: stream,
            scratch,
            output: qkv,
            norm,
            epsilon: 5,
            weights,
            epilogue: Epilogue::Int8 { relu: false },
        },
    );
    let attended = b.tensor("attended", Format::Int8, Axis::Token, 4 * words);
    let multiplier: Vec<u16> = b.values(heads, 0, 65535);
    let shift: Vec<u8> = b.values(heads, 1, 14);
    b.weights
        .insert("attn.head_multiplier".into(), &[heads], &multiplier);
    b.weights.insert("attn.head_shift".into(), &[heads], &shift);
    b.scales("attn", 4 * words, [1, 18]);
    let mut exp: Vec<u16> = b.values(ATTENTION_EXPONENTIALS, 0, LARGEST_EXPONENTIAL.into());
    exp[0] = LARGEST_EXPONENTIAL;
    b.weights
        .insert("softmax".into(), &[ATTENTION_EXPONENTIALS], &exp);
    b.step(
        "attn",
        operation::Attention {
            inputs: [qkv; 3],
            starts: [0, words, 2 * words],
            items: Some(items),
            output: attended,
            weights: "attn".to_owned(),
            exp: "softmax".to_owned(),
            heads,
            head_words,
        },
    );
    let weights = b.product("proj", 4 * words, channels);
    b.step(
        "proj",
        operation::Linear {
            input: attended,
            output: stream,
            weights,
            epilogue: Epilogue::Residual { residual: stream },
        },
    );
}

/// Texts, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// All tokens.
    pub tokens: Vec<Token>,
    /// Where each text begins, and the end.
    pub starts: Vec<usize>,
}

impl Texts {
    /// `items` texts of any lengths that `limits` allow, often of the shortest or the longest.
    pub fn random(limits: TokenLimits, items: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut texts = Self::default();
        texts.starts.push(0);
        let most = u64::from(limits.positions);
        for _ in 0..items {
            let length = match random.bits() % 4 {
                0 => 1,
                1 => most,
                _ => 1 + random.bits() % most,
            };
            let token = |_| Token {
                id: (random.bits() % u64::from(limits.vocabulary)) as u32,
                segment: (random.bits() % u64::from(limits.segments)) as u32,
            };
            texts.tokens.extend((0..length).map(token));
            texts.starts.push(texts.tokens.len());
        }
        texts
    }

    /// For a run.
    pub fn batch(&self) -> Batch<'_> {
        Batch::texts(&self.tokens, &self.starts)
    }
}
