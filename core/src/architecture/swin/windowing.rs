//! How maps are cut into windows.

use serde::{Deserialize, Serialize};

use super::SwinConfig;
use crate::{architecture::Widths, graph::Windows};

/// How a map is cut into windows that do not divide it, or that are larger than it: libraries differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Windowing {
    /// The window shrinks to a shorter map, side by side; the map is rolled, then padded.
    #[default]
    Timm,
    /// Where one side is no longer than the window, nothing shifts; the map is padded, then rolled.
    Transformers,
    /// The window never shrinks; the map is padded, then rolled.
    Torchvision,
}

impl SwinConfig {
    /// The windows of block `block` of stage `stage`: every second block shifts by half a window
    /// where the map is larger than the window; [`SwinConfig::windowing`] says the rest.
    ///
    /// # Examples
    ///
    /// ```
    /// use intformer::architecture::SwinConfig;
    ///
    /// let windows = SwinConfig::tiny().windows(0, 1);
    /// assert_eq!((windows.counts(), windows.shift), ([8, 8], [3, 3]));
    /// assert!(!windows.pads());
    ///
    /// // 240 pixels are 60 tokens, which windows of 7 do not divide.
    /// let larger = SwinConfig {
    ///     image_size: [240, 240],
    ///     ..SwinConfig::tiny()
    /// };
    /// assert_eq!(larger.windows(0, 1).padded(), [63, 63]);
    /// ```
    pub fn windows(&self, stage: usize, block: usize) -> Windows {
        let map = self.map(stage);
        let side = self.window_size;
        let shortest = map[0].min(map[1]);
        let window = match self.windowing {
            Windowing::Timm => map.map(|extent| extent.min(side)),
            Windowing::Transformers => [side.min(shortest); 2],
            Windowing::Torchvision => [side; 2],
        };
        let whole = self.windowing == Windowing::Transformers && shortest <= side;
        let shift = map.map(|extent| match extent > side && !whole {
            true if block % 2 == 1 => side / 2,
            _ => 0,
        });
        let Widths {
            heads, head_dim, ..
        } = self.widths(stage, block);
        let mut windows = Windows {
            height: map[0],
            width: map[1],
            window,
            shift,
            roll: map,
            heads,
            head_dim,
        };
        if self.windowing != Windowing::Timm {
            let padded = windows.padded();
            windows.roll = [0, 1].map(|axis| match shift[axis] {
                0 => map[axis],
                _ => padded[axis],
            });
        }
        windows
    }

    /// Whether some map is padded: to whole windows, or to an even side before it is merged.
    pub fn pads(&self) -> bool {
        let odd = |stage: usize| self.map(stage).iter().any(|extent| extent % 2 != 0);
        let stages = self.depths.len();
        (0..stages).any(|stage| self.windows(stage, 0).pads() || (stage + 1 < stages && odd(stage)))
    }

    /// The same model as [`Windowing::Timm`], if that cuts its maps alike.
    #[must_use]
    pub fn with_plainest_windowing(self) -> Self {
        let windows = |config: &Self| -> Vec<Windows> {
            let blocks = config.blocks().into_iter();
            blocks
                .map(|at| config.windows(at.stage, at.block))
                .collect()
        };
        let timm = Self {
            windowing: Windowing::Timm,
            ..self.clone()
        };
        match windows(&timm) == windows(&self) {
            true => timm,
            false => self,
        }
    }
}
