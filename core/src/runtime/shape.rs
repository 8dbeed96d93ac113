//! What of a dispatch decides how long it takes.

use intformer_shaders::Dispatch;

/// Products (or similar) that a dispatch takes: a rough cost.
#[cfg(feature = "wgpu")]
pub fn work(dispatch: &Dispatch) -> u64 {
    let product = |factors: &[u32]| factors.iter().map(|&f| u64::from(f)).product::<u64>();
    match dispatch {
        Dispatch::PatchGather(p) => product(&[p.rows, p.k_words, 4]),
        Dispatch::Linear(p) | Dispatch::NormLinear(p) => product(&[p.rows, p.cols, p.k_words, 4]),
        Dispatch::LayerNorm(p) => product(&[p.rows, p.out_stride, 4]) * 16,
        Dispatch::WindowAttention(p) => {
            let window = p.window_height * p.window_width;
            product(&[p.batch, p.height * p.width, window, p.heads, p.head_words]) * 12
        }
        Dispatch::ShiftGelu(p) => product(&[p.rows, p.k_words, 4]) * 16,
        #[cfg(feature = "comparison")]
        Dispatch::FloatGelu(p) => product(&[p.rows, p.k_words, 4]) * 16,
        Dispatch::MeanPool(p) => product(&[p.batch, p.tokens, p.stride, 4]),
    }
}

/// `dispatch` without its offsets and numbers of the model: two of the same class take the same
/// time.
pub fn class(mut dispatch: Dispatch) -> Dispatch {
    let offsets: Vec<&mut u32> = match &mut dispatch {
        Dispatch::PatchGather(p) => vec![&mut p.image, &mut p.out],
        Dispatch::Linear(p) | Dispatch::NormLinear(p) => vec![
            &mut p.a,
            &mut p.weight,
            &mut p.channel,
            &mut p.out,
            &mut p.residual,
            &mut p.table,
            &mut p.low,
            &mut p.x,
            &mut p.norm_channel,
            &mut p.norm_epsilon,
            &mut p.scratch,
            &mut p.gelu_clip,
            &mut p.gelu_one,
            &mut p.gelu_scale,
        ],
        Dispatch::LayerNorm(p) => {
            vec![&mut p.x, &mut p.out, &mut p.channel, &mut p.epsilon]
        }
        Dispatch::WindowAttention(p) => vec![
            &mut p.qkv,
            &mut p.out,
            &mut p.bias,
            &mut p.head,
            &mut p.exp,
            &mut p.channel,
            &mut p.padding,
        ],
        Dispatch::ShiftGelu(p) => vec![&mut p.x, &mut p.out, &mut p.unit, &mut p.scale],
        #[cfg(feature = "comparison")]
        Dispatch::FloatGelu(p) => vec![
            &mut p.x,
            &mut p.out,
            &mut p.bias,
            &mut p.input_scale,
            &mut p.output_factor,
        ],
        Dispatch::MeanPool(p) => vec![&mut p.x, &mut p.out, &mut p.channel],
    };
    for offset in offsets {
        *offset = 0;
    }
    dispatch
}

/// The shape of a dispatch for people: rows, inner and output width.
pub fn shape(dispatch: &Dispatch) -> String {
    match dispatch {
        Dispatch::PatchGather(p) => format!("{}x{}", p.rows, p.k_words * 4),
        Dispatch::Linear(p) | Dispatch::NormLinear(p) => {
            format!("{}x{}x{}", p.rows, p.k_words * 4, p.cols)
        }
        Dispatch::LayerNorm(p) => format!("{}x{}", p.rows, p.channels),
        Dispatch::WindowAttention(p) => format!(
            "{}x{}x{}/{}x{}, {} heads of {}",
            p.batch,
            p.height,
            p.width,
            p.window_height,
            p.window_width,
            p.heads,
            p.head_words * 4
        ),
        Dispatch::ShiftGelu(p) => format!("{}x{}", p.rows, p.k_words * 4),
        #[cfg(feature = "comparison")]
        Dispatch::FloatGelu(p) => format!("{}x{}", p.rows, p.k_words * 4),
        Dispatch::MeanPool(p) => format!("{}x{}x{}", p.batch, p.tokens, p.stride * 4),
    }
}
