//! Activations by tables of 256 entries: where the codes on both sides of them lie, and which channels share a table.

use super::{
    Lowering,
    value::{Bytes, Linear},
};
use crate::{
    Result,
    graph::Activation,
    plan::{Epilogue, SecondTable, pad16},
    quant::{
        rows::{IntRows, Rows},
        scales::FACTOR_MARGIN,
    },
};

/// From where on activations are flat, on the negative side or on both.
const GELU_TAIL: f64 = 4.0;
const TANH_TAIL: f64 = 3.5;

/// How much of the error of an input reaches the output, squared: about the mean square of GELU's slope.
const PASSED: f64 = 0.3;

/// A second table must make the error so much smaller.
const WORTH: f64 = 0.8;

/// What int8 codes stand for: `scale * (code + zero)`.
#[derive(Clone, Copy)]
struct Codes {
    scale: f64,
    zero: f64,
}

impl Codes {
    /// Codes from -127 to 127 for values from `low` to `high`, no finer than `finest`.
    fn over([low, high]: [f64; 2], finest: f64) -> Self {
        let scale = ((high - low) / 254.0).max(finest).max(1e-12);
        let zero = (high + low) / 2.0 / scale;
        Self { scale, zero }
    }

    fn real(self, code: i32) -> f64 {
        self.scale * (f64::from(code) + self.zero)
    }

    fn code(self, real: f64) -> i8 {
        let code = (real / self.scale - self.zero).round();
        code.clamp(-127.0, 127.0) as i8
    }
}

/// The values of a channel on both sides of an activation, lowest and highest.
#[derive(Clone, Copy)]
struct Spans {
    before: [f64; 2],
    after: [f64; 2],
}

impl Spans {
    /// What holds both.
    fn join(self, other: Self) -> Self {
        let join = |a: [f64; 2], b: [f64; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        Self {
            before: join(self.before, other.before),
            after: join(self.after, other.after),
        }
    }

    /// The squared error of a channel that has codes for these values.
    fn error(self) -> f64 {
        let square = |[low, high]: [f64; 2]| (high - low) * (high - low);
        square(self.after) + PASSED * square(self.before)
    }
}

impl Lowering<'_> {
    /// Emits a product with an activation by table, for the rows that take it up.
    ///
    /// Codes need not be symmetric: zeros go into the bias before, and into that of what follows. Channels of large
    /// values, of which encoders of texts have a few, have a table of their own.
    pub(super) fn emit_table(
        &mut self,
        (hidden, site): (&Linear, &str),
        activation: Activation,
        mut rows: IntRows,
        next: &Rows,
    ) -> Result<Bytes> {
        let spans = self.spans_of(hidden, site, activation)?;
        let channels = spans.len();
        // Large values last.
        let mut order: Vec<usize> = (0..channels).collect();
        order.sort_by(|&a, &b| spans[a].after[1].total_cmp(&spans[b].after[1]));
        let from = boundary(&order, &spans, next);
        let groups = [&order[..from], &order[from..]];

        let mut before = vec![0.0; channels];
        let mut after = vec![
            Codes {
                scale: 1.0,
                zero: 0.0
            };
            channels
        ];
        let mut names = Vec::new();
        for group in groups {
            let joined = group.iter().map(|&c| spans[c]).reduce(Spans::join);
            let Some(Spans {
                before: input,
                after: output,
            }) = joined
            else {
                continue;
            };
            let finest = group.iter().map(|&c| rows.unit[c]).fold(0.0, f64::max);
            let input = Codes::over(input, finest * FACTOR_MARGIN);
            let output = Codes::over(output, 0.0);
            let entry = |code: i32| output.code(function(activation, input.real(code)));
            let table: Vec<i8> = (-128..128).map(entry).collect();
            let name = self.fresh_table(site);
            self.weights.insert(name.clone(), &[256], &table);
            names.push(name);
            for &c in group {
                before[c] = input.scale;
                after[c] = output;
                let zero = input.zero * input.scale / rows.unit[c];
                rows.bias[c] = (f64::from(rows.bias[c]) - zero).round() as i32;
            }
        }
        let mut names = names.into_iter();
        let epilogue = Epilogue::Table {
            table: names.next().unwrap_or_default(),
            second: names.next().map(|table| SecondTable { table, from }),
        };
        let columns: Vec<Option<usize>> = (0..pad16(channels))
            .map(|at| order.get(at).copied())
            .collect();
        let tensor = self.emit_columns(hidden, &rows, &before, &columns, epilogue, None)?;
        let shift: Vec<f64> = after.iter().map(|codes| codes.scale * codes.zero).collect();
        let scale: Vec<f64> = after.iter().map(|codes| codes.scale).collect();
        let stats = self.calibration.site(site)?;
        let mean = |c: usize| (stats.mean(c) - shift[c]) / scale[c];
        Ok(Bytes {
            tensor,
            columns,
            means: Some((0..channels).map(mean).collect()),
            scale,
            affine: Some((vec![1.0; channels], shift)),
        })
    }

    /// A name for a table of `site` that is not there yet: groups and readers have their own.
    fn fresh_table(&self, site: &str) -> String {
        let others = (2..).map(|count| format!("{site}.table.{count}"));
        let mut names = std::iter::once(format!("{site}.table")).chain(others);
        names
            .find(|name| !self.weights.0.contains_key(name))
            .expect("there is no end of names")
    }

    /// The values of each channel on both sides of the activation at `site`, as far as it is not flat.
    fn spans_of(&self, hidden: &Linear, site: &str, activation: Activation) -> Result<Vec<Spans>> {
        let [inside, outside] = [&hidden.site, site].map(|site| self.calibration.site(site));
        let (inside, outside) = (inside?, outside?);
        let range = |site: &str| self.calibration.ranges(site, self.options.range);
        let (most, kept) = (range(&hidden.site)?, range(site)?);
        let [low, high] = match activation {
            Activation::Tanh => [TANH_TAIL; 2],
            _ => [GELU_TAIL, f64::INFINITY],
        };
        let span = |c: usize| {
            let within = |value: f32, range: f64| f64::from(value).clamp(-range, range);
            Spans {
                before: [
                    within(inside.min[c], most[c].min(low)).min(0.0),
                    within(inside.max[c], most[c].min(high)).max(0.0),
                ],
                after: [
                    within(outside.min[c], kept[c]).min(0.0),
                    within(outside.max[c], kept[c]).max(0.0),
                ],
            }
        };
        Ok((0..most.len()).map(span).collect())
    }
}

/// How many of the channels in `order`, which are by their largest values, share the first table: all of them, or a
/// multiple of 16.
fn boundary(order: &[usize], spans: &[Spans], next: &Rows) -> usize {
    // What an error of each channel comes to in what follows.
    let mut energies = vec![0f64; spans.len()];
    for row in &next.weight {
        for (energy, weight) in energies.iter_mut().zip(row) {
            *energy += weight * weight;
        }
    }
    // Of the first so many, and of the others.
    let sums = |order: &mut dyn Iterator<Item = &usize>| -> Vec<f64> {
        let mut joined: Option<Spans> = None;
        let mut energy = 0.0;
        let error = order.map(|&c| {
            let all = joined.map_or(spans[c], |joined| joined.join(spans[c]));
            joined = Some(all);
            energy += energies[c];
            energy * all.error()
        });
        std::iter::once(0.0).chain(error).collect()
    };
    let first = sums(&mut order.iter());
    let mut last = sums(&mut order.iter().rev());
    last.reverse();
    let whole = order.len();
    let best = (16..whole)
        .step_by(16)
        .map(|from| (first[from] + last[from], from))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((error, from)) if error < WORTH * first[whole] => from,
        _ => whole,
    }
}

/// The value of an activation.
fn function(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Gelu => 0.5 * x * (1.0 + libm::erf(x / std::f64::consts::SQRT_2)),
        Activation::GeluTanh => {
            let inner = std::f64::consts::FRAC_2_PI.sqrt() * (x + 0.044715 * x.powi(3));
            0.5 * x * (1.0 + libm::tanh(inner))
        }
        Activation::Relu => x.max(0.0),
        Activation::Tanh => libm::tanh(x),
    }
}
