//! The ways to run a dispatch, and which is the fastest here.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use cudarc::driver::{CudaFunction, CudaSlice, CudaStream, DriverError, sys::CUevent_flags};
use intformer_shaders::{CudaKernel, Dispatch, Launch};

use super::{
    device::{Device, failure},
    launch::{self, Graph},
};
use crate::{Error, Result};

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

    /// The same for another dispatch, whose extents are the same but for rows.
    pub(super) fn of(&self, device: &Device, dispatch: &Dispatch) -> Result<Self> {
        let dispatches = match (self.parts.as_slice(), dispatch.split()) {
            ([_, _], Some(split)) => split.to_vec(),
            _ => vec![*dispatch],
        };
        let parts = self.parts.iter().zip(dispatches);
        let parts = parts.map(|(part, dispatch)| device.part(part.kernel, dispatch));
        let parts: Option<Vec<_>> = parts.collect();
        Ok(Self {
            parts: parts.ok_or_else(|| none(dispatch))?,
        })
    }

    /// The launches.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
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

/// The choices so far on a device, by [`Dispatch::class`].
#[derive(Default)]
pub(super) struct Choices(HashMap<Dispatch, Chosen>);

impl Choices {
    /// The choice for each of `dispatches`, measured on `weights` and `arena`, whose content is lost.
    pub fn choose(
        &mut self,
        device: &Device,
        stream: &Arc<CudaStream>,
        dispatches: &[Dispatch],
        weights: &CudaSlice<u32>,
        arena: &mut CudaSlice<u32>,
    ) -> Result<Vec<Chosen>> {
        let mut new: Vec<(Dispatch, Vec<Way>)> = Vec::new();
        for dispatch in dispatches {
            let class = dispatch.class();
            if !self.0.contains_key(&class) && new.iter().all(|(known, _)| *known != class) {
                new.push((class, ways(device, dispatch)));
            }
        }
        // All kernels first: compiling between two measurements would let the card's clock sink.
        let tried = if device.probes() { usize::MAX } else { 1 };
        let tried = new.iter().flat_map(|(_, ways)| ways.iter().take(tried));
        device.prepare(tried.flat_map(|way| way.parts.iter().map(|part| part.kernel)));
        let mut warm = false;
        for (class, ways) in new {
            let mut measured = Vec::new();
            if device.probes() && ways.len() > 1 {
                measured = measure(device, stream, &ways, &mut warm, weights, arena)?;
            }
            let best = measured.iter().min_by_key(|(_, time)| *time);
            let way = best.map(|(way, _)| way).or(ways.first());
            let chosen = Chosen {
                shape: format!("{} {}", class.name(), class.shape()),
                way: way.ok_or_else(|| none(&class))?.clone(),
                measured,
            };
            self.0.insert(class, chosen);
        }
        // Others of the same shape have other offsets.
        let choices = dispatches.iter().map(|dispatch| {
            let chosen = &self.0[&dispatch.class()];
            Ok(Chosen {
                way: chosen.way.of(device, dispatch)?,
                ..chosen.clone()
            })
        });
        choices.collect()
    }
}

/// The time of each of `ways`, without those that fail here; there is one at least.
fn measure(
    device: &Device,
    stream: &Arc<CudaStream>,
    ways: &[Way],
    warm: &mut bool,
    weights: &CudaSlice<u32>,
    arena: &mut CudaSlice<u32>,
) -> Result<Vec<(Way, Duration)>> {
    let mut ready = Vec::with_capacity(ways.len());
    let mut last = None;
    let mut unless_lost = |error: Error| match error {
        Error::DeviceLost(_) | Error::OutOfMemory(_) => Err(error),
        error => {
            last = Some(error);
            Ok(())
        }
    };
    for way in ways {
        match way.ready(device) {
            Ok(parts) => ready.push((way, parts)),
            Err(error) => unless_lost(error)?,
        }
    }
    if let Some((_, parts)) = ready.first().filter(|_| !*warm) {
        // What fails here fails when it is measured, too.
        let _ = warm_up(stream, parts, weights, arena);
        *warm = true;
    }
    let parts: Vec<&[_]> = ready.iter().map(|(_, parts)| &parts[..]).collect();
    let times = times(stream, &parts, weights, arena);
    let mut measured = Vec::with_capacity(ways.len());
    for ((way, _), time) in ready.iter().zip(times) {
        match time {
            Ok(time) => measured.push(((*way).clone(), time)),
            Err(error) => {
                let error = failure(&way.label(), error);
                device.leave_out(way.label(), &error);
                unless_lost(error)?;
            }
        }
    }
    match last {
        Some(error) if measured.is_empty() => Err(error),
        _ => Ok(measured),
    }
}

fn none(dispatch: &Dispatch) -> Error {
    let (name, shape) = (dispatch.name(), dispatch.shape());
    Error::Device(format!("no {name} takes the shape {shape}"))
}

/// All ways to run `dispatch` on the device, the likeliest first.
pub(super) fn ways(device: &Device, dispatch: &Dispatch) -> Vec<Way> {
    let alone = |dispatch: Dispatch| {
        let kernels = CudaKernel::of(dispatch.name());
        let mut parts: Vec<Part> = kernels
            .filter_map(|kernel| device.part(kernel, dispatch))
            .collect();
        // Variants for larger rows or windows are slower where a smaller one will do; whether a row
        // has few lanes or twice as many depends on how many rows there are.
        match dispatch {
            Dispatch::Linear(_) | Dispatch::NormLinear(_) => {}
            Dispatch::LayerNorm(_) => {
                parts.dedup_by_key(|part| part.kernel.constant("ROW_LANES"));
                parts.truncate(2);
            }
            _ => parts.truncate(1),
        }
        parts
    };
    let single = alone(*dispatch).into_iter();
    let mut ways: Vec<Way> = single.map(|part| Way { parts: vec![part] }).collect();
    if let Some([norm, product]) = dispatch.split() {
        let products = alone(product);
        for norm in alone(norm) {
            ways.extend(products.iter().map(|product| Way {
                parts: vec![norm.clone(), product.clone()],
            }));
        }
    }
    ways.sort_by_key(|way| cost(way, device.processors()));
    ways
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

/// Measurements of what is short, of which the least counts.
const ROUNDS: usize = 3;

/// How long a card works before the first measurement: it raises its clock when it has work.
const WARM_UP: Duration = Duration::from_millis(50);

fn warm_up(
    stream: &Arc<CudaStream>,
    parts: &[(Part, CudaFunction)],
    weights: &CudaSlice<u32>,
    arena: &mut CudaSlice<u32>,
) -> Result<(), DriverError> {
    let mut graph = repeated(stream, parts, REPEATS, weights, arena)?;
    let start = Instant::now();
    while start.elapsed() < WARM_UP {
        graph.start()?;
        stream.synchronize()?;
    }
    Ok(())
}

/// The time of one run of each of `ways` by the card's clock, after a first run: of what is short,
/// the least of [`ROUNDS`] averages over [`REPEATS`] runs in a graph, all ways in turn.
pub(super) fn times(
    stream: &Arc<CudaStream>,
    ways: &[&[(Part, CudaFunction)]],
    weights: &CudaSlice<u32>,
    arena: &mut CudaSlice<u32>,
) -> Vec<Result<Duration, DriverError>> {
    let mut times = Vec::with_capacity(ways.len());
    let mut graphs = Vec::with_capacity(ways.len());
    for parts in ways {
        let mut graph = None;
        let mut measure = || {
            let mut once = repeated(stream, parts, 1, weights, arena)?;
            let time = clocked(stream, &mut once)?;
            if time > SHORT {
                return Ok(time);
            }
            graph = Some(repeated(stream, parts, REPEATS, weights, arena)?);
            Ok(Duration::MAX)
        };
        times.push(measure());
        graphs.push(graph);
    }
    for _ in 0..ROUNDS {
        for (time, graph) in times.iter_mut().zip(&mut graphs) {
            let (Ok(least), Some(graph)) = (&mut *time, graph) else {
                continue;
            };
            match clocked(stream, graph) {
                Ok(total) => *least = (*least).min(total / REPEATS),
                Err(error) => *time = Err(error),
            }
        }
    }
    times
}

/// `count` runs of `parts`, one after the other, in a graph.
fn repeated(
    stream: &Arc<CudaStream>,
    parts: &[(Part, CudaFunction)],
    count: u32,
    weights: &CudaSlice<u32>,
    arena: &mut CudaSlice<u32>,
) -> Result<Graph, DriverError> {
    Graph::capture(stream, || {
        for (part, function) in (0..count).flat_map(|_| parts) {
            launch::launch(stream, function, part, weights, arena)?;
        }
        Ok(())
    })
}

/// The time of one start of a graph by the card's clock. It is started once before, so that the host
/// is done with the measured start before the card gets to it.
fn clocked(stream: &CudaStream, graph: &mut Graph) -> Result<Duration, DriverError> {
    let timed = Some(CUevent_flags::CU_EVENT_DEFAULT);
    let [start, end] = [
        stream.context().new_event(timed)?,
        stream.context().new_event(timed)?,
    ];
    graph.start()?;
    start.record(stream)?;
    graph.start()?;
    end.record(stream)?;
    let elapsed = start.elapsed_ms(&end)?;
    Ok(Duration::from_secs_f64(f64::from(elapsed) / 1e3))
}
