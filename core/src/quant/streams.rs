//! Which sites write each residual stream: all of them share its scales.

use crate::{
    Result,
    model::{Activation, LinearShape, Ops, SwinConfig, Windows, swin},
};

/// The sites that write one residual stream, the one that starts it first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stream {
    /// Sites as calibration names them.
    pub(super) sites: Vec<String>,
    /// Channels of the stream.
    pub(super) channels: usize,
}

/// The residual streams of a model, in the order of the forward pass.
pub(super) fn streams(config: &SwinConfig) -> Result<Vec<Stream>> {
    let mut streams = Streams(Vec::new());
    swin(&mut streams, config, Value::Other)?;
    Ok(streams.0)
}

struct Streams(Vec<Stream>);

#[derive(Clone, Copy)]
enum Value {
    /// The embedded patches before their normalization.
    Embedded,
    /// A residual stream.
    Stream(usize),
    /// A merged map, also normalized.
    Merged,
    Other,
}

impl Streams {
    fn start(&mut self, site: String, channels: usize) -> Value {
        let sites = vec![site];
        self.0.push(Stream { sites, channels });
        Value::Stream(self.0.len() - 1)
    }
}

impl Ops for Streams {
    type Tensor = Value;

    fn patch_embed(&mut self, _: &str, _: Value, _: &SwinConfig) -> Result<Value> {
        Ok(Value::Embedded)
    }

    fn layer_norm(&mut self, site: &str, x: &Value, channels: usize, _: f64) -> Result<Value> {
        Ok(match x {
            Value::Embedded => self.start(format!("{site}.out"), channels),
            Value::Merged => Value::Merged,
            _ => Value::Other,
        })
    }

    fn linear(&mut self, site: &str, x: &Value, shape: LinearShape) -> Result<Value> {
        Ok(match x {
            Value::Merged => self.start(site.to_owned(), shape.outputs),
            _ => Value::Other,
        })
    }

    fn window_attention(&mut self, _: &str, _: &Value, _: &Windows) -> Result<Value> {
        Ok(Value::Other)
    }

    fn activation(&mut self, _: &str, _: &Value, _: Activation) -> Result<Value> {
        Ok(Value::Other)
    }

    fn add(&mut self, site: &str, x: &Value, _: &Value) -> Result<Value> {
        if let Value::Stream(stream) = *x {
            self.0[stream].sites.push(site.to_owned());
        }
        Ok(*x)
    }

    fn patch_merge(&mut self, _: &str, _: &Value, _: [usize; 2]) -> Result<Value> {
        Ok(Value::Merged)
    }

    fn mean_pool(&mut self, _: &str, _: &Value) -> Result<Value> {
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swin_has_a_stream_a_stage() {
        let streams = streams(&SwinConfig::tiny()).unwrap();
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
