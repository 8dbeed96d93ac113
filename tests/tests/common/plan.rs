//! Plans of Swin's topology with random integer weights, without any float model.

use intformer::plan::{
    Epilogue, Format, IntWeights, MAX_NORM_LINEAR_CHANNELS, Operation, Plan, Program, Step, Tensor,
    TensorId, layout, pad16,
};

use super::Data;

/// The extents of a plan.
#[derive(Clone, Debug)]
pub struct Extents {
    pub image: [usize; 2],
    pub channels: usize,
    pub patch: usize,
    pub width: usize,
    pub depths: Vec<usize>,
    pub heads: Vec<usize>,
    pub window: [usize; 2],
    pub hidden: usize,
    pub classes: usize,
}

impl Extents {
    /// Swin-T at 224.
    pub fn tiny_224() -> Self {
        Self {
            image: [224, 224],
            channels: 3,
            patch: 4,
            width: 96,
            depths: vec![2, 2, 6, 2],
            heads: vec![3, 6, 12, 24],
            window: [7, 7],
            hidden: 4,
            classes: 1000,
        }
    }

    /// Bytes of an image.
    pub fn image_bytes(&self) -> usize {
        self.image[0] * self.image[1] * self.channels
    }
}

/// A program of these extents with weights drawn from `seed`.
pub fn program(extents: &Extents, seed: u64) -> Program {
    let mut builder = Builder {
        plan: Plan {
            tensors: Vec::new(),
            steps: Vec::new(),
            input: 0,
            output: 0,
            arena_words: 0,
        },
        weights: IntWeights::default(),
        data: Data::new(seed, 0),
    };
    builder.swin(extents);
    layout(&mut builder.plan);
    Program::new(&builder.plan, &builder.weights).expect("the plan is sound")
}

struct Builder {
    plan: Plan,
    weights: IntWeights,
    data: Data,
}

impl Builder {
    fn swin(&mut self, e: &Extents) {
        let exp: Vec<u8> = (0..256).map(|i| 255 - i as u8).collect();
        self.weights.insert("exp".into(), &[256], &exp);
        let table: Vec<i8> = (0..256).map(|_| self.data.int(-127, 127) as i8).collect();
        self.weights.insert("table".into(), &[256], &table);

        let mut map = [e.image[0] / e.patch, e.image[1] / e.patch];
        let mut width = e.width;
        let rows = map[0] * map[1];
        let input = self.tensor("image", Format::Uint8, 1, e.image_bytes());
        let bytes = e.patch * e.patch * e.channels;
        let patches = self.tensor("patches", Format::Int8, rows, bytes);
        let gather = Operation::PatchGather {
            input,
            output: patches,
            grid: map,
            patch: e.patch,
            channels: e.channels,
        };
        self.step("gather", gather);
        let embedded = self.linear("embed", patches, width, Epilogue::Int16);
        let mut stream = self.layer_norm("embed.norm", embedded, Format::Int16, None);

        for (stage, (&depth, &heads)) in e.depths.iter().zip(&e.heads).enumerate() {
            if stage > 0 {
                let merged = format!("merge{stage}");
                let normed =
                    self.layer_norm(&format!("{merged}.norm"), stream, Format::Int8, Some(map));
                map = [map[0] / 2, map[1] / 2];
                width *= 2;
                stream = self.linear(&merged, normed, width, Epilogue::Int16);
            }
            for block in 0..depth {
                let name = format!("stage{stage}.block{block}");
                stream = self.block(&name, stream, map, e, heads, width, block % 2 == 1);
            }
        }
        let normed = self.layer_norm("norm", stream, Format::Int8, None);
        let pooled = self.tensor("pooled", Format::Int8, 1, width);
        self.scales("pool.", pad16(width), 2, 3);
        let pool = Operation::MeanPool {
            input: normed,
            output: pooled,
            weights: "pool".into(),
        };
        self.step("pool", pool);
        let output = self.linear("head", pooled, e.classes, Epilogue::Int32);
        (self.plan.input, self.plan.output) = (input, output);
    }

    #[allow(clippy::too_many_arguments, reason = "the extents of a block")]
    fn block(
        &mut self,
        name: &str,
        stream: TensorId,
        map: [usize; 2],
        e: &Extents,
        heads: usize,
        width: usize,
        shifted: bool,
    ) -> TensorId {
        let window = [e.window[0].min(map[0]), e.window[1].min(map[1])];
        let shift = [0, 1].map(|axis| {
            if shifted && map[axis] > window[axis] {
                window[axis] / 2
            } else {
                0
            }
        });
        let head_words = (width / heads).div_ceil(4);
        let channels = heads * head_words * 4;
        let rows = map[0] * map[1];
        let qkv = self.norm_linear(
            &format!("{name}.qkv"),
            stream,
            3 * channels,
            Epilogue::Int8 { relu: false },
        );
        let attended = self.tensor(&format!("{name}.attended"), Format::Int8, rows, channels);
        let weights = format!("{name}.attention");
        let entries = (2 * window[0] - 1) * (2 * window[1] - 1);
        let bias: Vec<i32> = (0..heads * entries)
            .map(|_| self.data.int(-40000, 40000) as i32)
            .collect();
        let prefix = format!("{weights}.position_bias");
        self.weights.insert(prefix, &[heads, entries], &bias);
        self.scales(&format!("{weights}.head_"), heads, 7, 9);
        self.scales(&format!("{weights}."), channels, 6, 8);
        let attention = Operation::WindowAttention {
            exp: "exp".into(),
            input: qkv,
            output: attended,
            weights,
            map,
            window,
            shift,
            heads,
            head_words,
        };
        self.step(&format!("{name}.attention"), attention);
        let residual = Epilogue::Residual { residual: stream };
        let stream = self.linear(&format!("{name}.projection"), attended, width, residual);
        let hidden = self.norm_linear(
            &format!("{name}.up"),
            stream,
            e.hidden * width,
            Epilogue::Table {
                table: "table".into(),
            },
        );
        let residual = Epilogue::Residual { residual: stream };
        self.linear(&format!("{name}.down"), hidden, width, residual)
    }

    fn tensor(&mut self, name: &str, format: Format, rows: usize, cols: usize) -> TensorId {
        self.plan.tensors.push(Tensor {
            name: name.into(),
            format,
            rows,
            cols,
            stride: pad16(cols) / format.per_word(),
            offset: 0,
        });
        self.plan.tensors.len() - 1
    }

    fn step(&mut self, name: &str, operation: Operation) {
        self.plan.steps.push(Step {
            name: name.into(),
            operation,
        });
    }

    fn linear(&mut self, name: &str, input: TensorId, cols: usize, epilogue: Epilogue) -> TensorId {
        let output = self.product(name, input, cols, &epilogue);
        let linear = Operation::Linear {
            input,
            output,
            weights: name.into(),
            epilogue,
        };
        self.step(name, linear);
        output
    }

    /// As the lowering: rows too wide for `norm_linear` are normalized by a step of their own.
    fn norm_linear(
        &mut self,
        name: &str,
        input: TensorId,
        cols: usize,
        epilogue: Epilogue,
    ) -> TensorId {
        let (rows, channels) = (self.plan.tensors[input].rows, self.plan.tensors[input].cols);
        if pad16(channels) > MAX_NORM_LINEAR_CHANNELS {
            let normed = self.layer_norm(&format!("{name}.norm"), input, Format::Int8, None);
            return self.linear(name, normed, cols, epilogue);
        }
        let norm = format!("{name}.norm");
        self.norm(&norm, channels);
        let scratch = self.tensor(&format!("{name}.scratch"), Format::Int8, rows, channels);
        let output = self.product(name, scratch, cols, &epilogue);
        let both = Operation::NormLinear {
            input,
            output,
            scratch,
            norm,
            epsilon: 77,
            weights: name.into(),
            epilogue,
        };
        self.step(name, both);
        output
    }

    fn layer_norm(
        &mut self,
        name: &str,
        input: TensorId,
        format: Format,
        merge: Option<[usize; 2]>,
    ) -> TensorId {
        let (rows, cols) = (self.plan.tensors[input].rows, self.plan.tensors[input].cols);
        let (rows, cols) = match merge {
            Some(_) => (rows / 4, 4 * cols),
            None => (rows, cols),
        };
        self.norm(name, cols);
        let output = self.tensor(name, format, rows, cols);
        let norm = Operation::LayerNorm {
            input,
            output,
            norm: name.into(),
            epsilon: 77,
            merge,
        };
        self.step(name, norm);
        output
    }

    /// The output and weights of a matrix product.
    fn product(
        &mut self,
        name: &str,
        input: TensorId,
        cols: usize,
        epilogue: &Epilogue,
    ) -> TensorId {
        let input = &self.plan.tensors[input];
        let (rows, k) = (input.rows, input.padded_cols());
        let output = self.tensor(&format!("{name}.out"), epilogue.format(), rows, cols);
        let padded = pad16(cols);
        let weight: Vec<i8> = (0..padded * k)
            .map(|_| self.data.int(-127, 127) as i8)
            .collect();
        self.weights
            .insert(format!("{name}.weight"), &[padded, k], &weight);
        let bias: Vec<i32> = (0..padded)
            .map(|_| self.data.int(-5000, 5000) as i32)
            .collect();
        self.weights
            .insert(format!("{name}.bias"), &[padded], &bias);
        // A sum of k products is around 5000 * sqrt(k); int8 wants about 60, int16 1000.
        let shift = (k as u64).ilog2() as i64 / 2;
        let shift = match epilogue.format() {
            Format::Int8 => 6 + shift,
            _ => 2 + shift,
        };
        self.scales(&format!("{name}."), padded, shift, shift + 1);
        output
    }

    fn scales(&mut self, prefix: &str, count: usize, low: i64, high: i64) {
        let multiplier: Vec<u16> = (0..count)
            .map(|_| self.data.int(32768, 65535) as u16)
            .collect();
        let shift: Vec<u8> = (0..count).map(|_| self.data.int(low, high) as u8).collect();
        self.weights
            .insert(format!("{prefix}multiplier"), &[count], &multiplier);
        self.weights
            .insert(format!("{prefix}shift"), &[count], &shift);
    }

    fn norm(&mut self, name: &str, channels: usize) {
        let data = &mut self.data;
        let mut draw =
            |low, high| -> Vec<i64> { (0..channels).map(|_| data.int(low, high)).collect() };
        let multiplier: Vec<i16> = draw(8000, 32767).iter().map(|&v| v as i16).collect();
        let exponent: Vec<u8> = draw(0, 3).iter().map(|&v| v as u8).collect();
        let bias: Vec<i32> = draw(-100_000, 100_000).iter().map(|&v| v as i32).collect();
        // A unit is 2^15 / sqrt(channels) on average; int8 wants about 50.
        let shift = 23 - (channels as u64).ilog2() as i64 / 2;
        let shift: Vec<u8> = draw(shift - 1, shift).iter().map(|&v| v as u8).collect();
        let insert = [channels];
        self.weights
            .insert(format!("{name}.multiplier"), &insert, &multiplier);
        self.weights
            .insert(format!("{name}.shift"), &insert, &shift);
        self.weights
            .insert(format!("{name}.exponent"), &insert, &exponent);
        self.weights.insert(format!("{name}.bias"), &insert, &bias);
    }
}
