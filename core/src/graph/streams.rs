//! Which layers write each residual stream: all of them share its scales.

use super::{Graph, Layer, NodeId};

/// The layers that write one residual stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Their outputs as calibration names them, the one that starts it first.
    pub sites: Vec<String>,
    /// Channels of the stream.
    pub channels: usize,
}

/// The residual streams of a model, in the order in which they start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Streams {
    all: Vec<Stream>,
    /// The stream that each node writes.
    of: Vec<Option<usize>>,
}

impl Streams {
    /// The streams of `graph`: a branch stays in the stream that it is added to, and some tokens of a stream in it.
    pub fn of(graph: &Graph) -> Self {
        let mut streams = Self::default();
        for (id, node) in graph.nodes().iter().enumerate() {
            let stream = match node.layer {
                Layer::Add | Layer::Select { .. } => streams.of[node.inputs[0]],
                _ if graph.is_residual(id) => {
                    streams.all.push(Stream {
                        channels: node.channels,
                        ..Stream::default()
                    });
                    Some(streams.all.len() - 1)
                }
                _ => None,
            };
            if let Some(stream) = stream {
                streams.all[stream].sites.push(node.observed());
            }
            streams.of.push(stream);
        }
        streams
    }

    /// All streams.
    pub fn all(&self) -> &[Stream] {
        &self.all
    }

    /// The stream that node `id` writes.
    pub fn written_by(&self, id: NodeId) -> Option<usize> {
        self.of[id]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::SwinConfig;

    #[test]
    fn swin_has_a_stream_a_stage() {
        let streams = Streams::of(&SwinConfig::tiny().graph());
        let streams = streams.all();
        let starts: Vec<_> = streams.iter().map(|s| s.sites[0].as_str()).collect();
        assert_eq!(
            starts,
            [
                "patch_embed.norm.out",
                "layers.1.downsample.reduction",
                "layers.2.downsample.reduction",
                "layers.3.downsample.reduction"
            ]
        );
        let sites: Vec<_> = streams.iter().map(|s| s.sites.len()).collect();
        assert_eq!(sites, [5, 5, 13, 5]);
        assert_eq!(streams[3].channels, 768);
    }
}
