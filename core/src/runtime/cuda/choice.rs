//! The ways to run a dispatch, and which is the fastest here.

use std::{collections::HashMap, sync::Arc, time::Duration};

use cudarc::driver::{CudaFunction, CudaSlice, CudaStream, DriverError, sys::CUevent_flags};
use intformer_shaders::{CudaKernel, Dispatch, Launch};

use super::{
    device::{Device, failure},
    launch::{self, Graph},
};
use crate::{
    Error, Result,
    runtime::shape::{class, shape},
};

/// One launch of a kernel.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub kernel: &'static CudaKernel,
    pub dispatch: Dispatch,
    pub launch: Launch,
}

/// A way to run one dispatch: one kernel, or two one after the other.
#[derive(Clone, Debug)]
pub struct Way {
    parts: Vec<Part>,
}

impl Way {
    /// The kernels in their order, as in `layer_norm/channels_384 + linear/tile_64x64`.
    pub fn label(&self) -> String {
        let labels: Vec<_> = self.parts.iter().map(|part| part.kernel.label()).collect();
        labels.join(" + ")
    }

    /// The launches, with their compiled kernels.
    pub(super) fn ready(&self, device: &Device) -> Result<Vec<(Part, CudaFunction)>> {
        let parts = self.parts.iter();
        parts
            .map(|part| Ok((part.clone(), device.function(part.kernel)?)))
            .collect()
    }
}

/// A way that was chosen for all dispatches of one shape.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The shape, for people.
    pub shape: String,
    /// The way.
    pub way: Way,
    /// The time of each way tried; empty if nothing was measured.
    pub measured: Vec<(Way, Duration)>,
}

/// The choices so far.
#[derive(Default)]
pub(super) struct Choices {
    /// By [`class`].
    chosen: HashMap<Dispatch, Chosen>,
}

impl Choices {
    /// The choices, in a stable order.
    pub fn all(&self) -> Vec<&Chosen> {
        let mut all: Vec<_> = self.chosen.values().collect();
        all.sort_by(|a, b| a.shape.cmp(&b.shape));
        all
    }

    /// The way for each of `dispatches`, measured on `weights` and `arena`, whose content is lost.
    pub fn choose(
        &mut self,
        device: &Device,
        stream: &Arc<CudaStream>,
        dispatches: &[Dispatch],
        weights: &CudaSlice<u32>,
        arena: &mut CudaSlice<u32>,
    ) -> Result<Vec<Way>> {
        let mut found = Vec::with_capacity(dispatches.len());
        for dispatch in dispatches {
            let class = class(*dispatch);
            if let Some(chosen) = self.chosen.get(&class) {
                // Of the same shape, but with other offsets.
                let way = same_way(device, &chosen.way, dispatch);
                found.push(way.ok_or_else(|| none(dispatch))?);
                continue;
            }
            let ways = ways(device, dispatch);
            let mut measured = Vec::new();
            if device.probes() && ways.len() > 1 {
                for way in &ways {
                    let time = time(stream, &way.ready(device)?, weights, arena);
                    let time = time.map_err(|error| failure(&way.label(), error))?;
                    measured.push((way.clone(), time));
                }
            }
            let best = measured.iter().min_by_key(|(_, time)| *time);
            let likeliest = ways.first();
            let way = best.map(|(way, _)| way).or(likeliest);
            let way = way.ok_or_else(|| none(dispatch))?;
            found.push(way.clone());
            let chosen = Chosen {
                shape: format!("{} {}", dispatch.name(), shape(dispatch)),
                way: way.clone(),
                measured,
            };
            self.chosen.insert(class, chosen);
        }
        Ok(found)
    }
}

fn none(dispatch: &Dispatch) -> Error {
    let (name, shape) = (dispatch.name(), shape(dispatch));
    Error::Device(format!("no {name} takes the shape {shape}"))
}

/// All ways to run `dispatch` on the device, the likeliest first.
pub(super) fn ways(device: &Device, dispatch: &Dispatch) -> Vec<Way> {
    let alone = |dispatch: Dispatch| {
        let parts =
            CudaKernel::of(dispatch.name()).filter_map(move |kernel| device.part(kernel, dispatch));
        // Variants for larger rows or windows are slower where a smaller one will do.
        let enough = match dispatch {
            Dispatch::Linear(_) | Dispatch::NormLinear(_) => usize::MAX,
            _ => 1,
        };
        parts.take(enough)
    };
    let mut ways: Vec<Way> = alone(*dispatch)
        .map(|part| Way { parts: vec![part] })
        .collect();
    if let Some([norm, product]) = dispatch.split() {
        let norm: Option<Part> = alone(norm).next();
        ways.extend(norm.iter().flat_map(|norm| {
            alone(product).map(|product| Way {
                parts: vec![norm.clone(), product],
            })
        }));
    }
    ways.sort_by_key(|way| cost(way, device.processors()));
    ways
}

/// `way`, for another dispatch of the same class.
fn same_way(device: &Device, way: &Way, dispatch: &Dispatch) -> Option<Way> {
    let label = way.label();
    ways(device, dispatch)
        .into_iter()
        .find(|other| other.label() == label)
}

/// A rough cost: rounds of blocks over the multiprocessors, times the work of a block.
fn cost(way: &Way, processors: u32) -> u64 {
    let of_part = |part: &Part| {
        let [x, y] = part.launch.grid.map(u64::from);
        let rounds = (x * y).div_ceil(u64::from(processors));
        let constant = |name| u64::from(part.kernel.constant(name));
        let [rows, cols] = [constant("TILE_ROWS"), constant("TILE_COLS")];
        // Products go by the area of a tile, copies by its sides.
        let tile = rows * cols / 64 + rows + cols;
        let work = match part.dispatch {
            Dispatch::Linear(p) => tile * u64::from(p.k_words),
            Dispatch::NormLinear(p) => {
                let tiles = u64::from(p.cols).div_ceil(cols).div_ceil(y);
                (tiles * tile + 2 * rows) * u64::from(p.k_words)
            }
            _ => 1,
        };
        // A launch costs as much as some thousand words.
        rounds * work + 4096
    };
    way.parts.iter().map(of_part).sum()
}

/// Runs in one measurement of what is short: the card's clock has steps of half a microsecond.
const REPEATS: u32 = 20;

/// A run that takes longer than this is not short.
const SHORT: Duration = Duration::from_millis(1);

/// The time of one run of `parts` by the card's clock, after a first run: of what is short, the least
/// of three averages over [`REPEATS`] runs in a graph.
pub(super) fn time(
    stream: &Arc<CudaStream>,
    parts: &[(Part, CudaFunction)],
    weights: &CudaSlice<u32>,
    arena: &mut CudaSlice<u32>,
) -> Result<Duration, DriverError> {
    let mut measure = |repeats| {
        let mut graph = Graph::capture(stream, || {
            for (part, function) in (0..repeats).flat_map(|_| parts) {
                launch::launch(stream, function, part, weights, arena)?;
            }
            Ok::<_, DriverError>(())
        })?;
        clocked(stream, &mut graph)?;
        clocked(stream, &mut graph)
    };
    let once = measure(1)?;
    if once > SHORT {
        return Ok(once);
    }
    let mut least = Duration::MAX;
    for _ in 0..3 {
        least = least.min(measure(REPEATS)? / REPEATS);
    }
    Ok(least)
}

/// The time of one start of a graph by the card's clock.
fn clocked(stream: &CudaStream, graph: &mut Graph) -> Result<Duration, DriverError> {
    let timed = Some(CUevent_flags::CU_EVENT_DEFAULT);
    let [start, end] = [
        stream.context().new_event(timed)?,
        stream.context().new_event(timed)?,
    ];
    start.record(stream)?;
    graph.start()?;
    end.record(stream)?;
    let elapsed = start.elapsed_ms(&end)?;
    Ok(Duration::from_secs_f64(f64::from(elapsed) / 1e3))
}
