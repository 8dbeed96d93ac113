//! What batches of one size need on the device.

use intformer_shaders::Shader;

use crate::plan::{Counts, Region, Room};

/// All that batches of one size, or texts that fit the same room, need: made once.
pub(super) struct Prepared {
    pub(super) room: Room,
    pub(super) arena: wgpu::Buffer,
    /// Of each plan.
    pub(super) passes: Vec<Pass>,
    pub(super) back: wgpu::Buffer,
    /// The read-back of `trace`, made at its first use.
    pub(super) trace: Option<wgpu::Buffer>,
}

impl Prepared {
    /// Copies the words of `region` in a batch of `live` out of the arena to the place `to`; gives how many.
    pub(super) fn copy(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        (region, live): (Region, Counts),
        back: &wgpu::Buffer,
        to: usize,
    ) -> usize {
        let range = self.room.range(region, live);
        let [from, to, bytes] = [range.start, to, range.len()].map(|words| 4 * words as u64);
        encoder.copy_buffer_to_buffer(&self.arena, from, back, to, bytes);
        range.len()
    }

    /// The words of each of `regions` in a batch of `live`, which stand one after the other.
    pub(super) fn split<'a>(
        &self,
        mut words: &'a [u32],
        regions: &[Region],
        live: Counts,
    ) -> impl Iterator<Item = &'a [u32]> {
        regions.iter().map(move |&region| {
            let (first, after) = words.split_at(self.room.range(region, live).len());
            words = after;
            first
        })
    }

    pub(super) fn buffers(&self) -> impl Iterator<Item = &wgpu::Buffer> {
        [&self.arena, &self.back].into_iter().chain(&self.trace)
    }

    /// Frees the memory now: in a browser it would else wait for the garbage collector.
    pub(super) fn destroy(&self) {
        self.buffers().for_each(wgpu::Buffer::destroy);
    }
}

/// All steps of a plan.
pub(super) struct Pass {
    /// What `launches` and the parameters in `blocks` are for.
    pub(super) live: Counts,
    pub(super) blocks: wgpu::Buffer,
    pub(super) group: wgpu::BindGroup,
    pub(super) launches: Vec<Launch>,
}

pub(super) struct Launch {
    pub(super) shader: &'static Shader,
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) block: u32,
    pub(super) workgroups: [u32; 2],
}

impl Launch {
    pub(super) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, group: &wgpu::BindGroup) {
        let [x, y] = self.workgroups;
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, group, &[self.block]);
        pass.dispatch_workgroups(x, y, 1);
    }
}
