//! Special registers.

/// A register whose value depends on the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    /// `%tid`, by axis.
    Thread(usize),
    /// `%ntid`, by axis.
    Threads(usize),
    /// `%ctaid`, by axis.
    Block(usize),
    /// `%nctaid`, by axis.
    Blocks(usize),
    /// `%laneid`.
    Lane,
    /// `%warpid`.
    Warp,
    /// `%nwarpid`.
    Warps,
    /// `%lanemask_eq`, `_lt`, `_le`, `_gt`, `_ge`: the mask that lane 0 has, shifted by the lane.
    LaneMask(LaneMask),
    /// `%dynamic_smem_size`.
    DynamicShared,
    /// `%total_smem_size`.
    TotalShared,
    /// `%clock`, `%smid` and others that say nothing here: always this.
    Fixed(u32),
}

/// Which lanes a `%lanemask_…` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneMask {
    /// The lane itself.
    Equal,
    /// Lower lanes.
    Less,
    /// Lower lanes and itself.
    LessEqual,
    /// Higher lanes.
    Greater,
    /// Higher lanes and itself.
    GreaterEqual,
}

impl Special {
    /// The special register `name`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let axis = |name: &str| match name.rsplit('.').next() {
            Some("x") => Some(0),
            Some("y") => Some(1),
            Some("z") => Some(2),
            _ => None,
        };
        Some(match name.split('.').next()? {
            "%tid" => Special::Thread(axis(name)?),
            "%ntid" => Special::Threads(axis(name)?),
            "%ctaid" => Special::Block(axis(name)?),
            "%nctaid" => Special::Blocks(axis(name)?),
            "%laneid" => Special::Lane,
            "%warpid" => Special::Warp,
            "%nwarpid" => Special::Warps,
            "%lanemask_eq" => Special::LaneMask(LaneMask::Equal),
            "%lanemask_lt" => Special::LaneMask(LaneMask::Less),
            "%lanemask_le" => Special::LaneMask(LaneMask::LessEqual),
            "%lanemask_gt" => Special::LaneMask(LaneMask::Greater),
            "%lanemask_ge" => Special::LaneMask(LaneMask::GreaterEqual),
            "%dynamic_smem_size" => Special::DynamicShared,
            "%total_smem_size" => Special::TotalShared,
            "%smid" | "%clock" | "%gridid" => Special::Fixed(0),
            "%nsmid" => Special::Fixed(1),
            _ => return None,
        })
    }
}
