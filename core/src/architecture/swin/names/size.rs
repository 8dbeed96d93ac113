//! The window and the image size that a checkpoint was made for.

use super::SwinConfig;
use crate::{
    Error, HostTensor, Result,
    architecture::names::{Description, Renamed},
};

/// The stage of the attention mask `name`, which Microsoft's files have of each block that shifts.
pub(super) fn stage_of_mask(name: &str) -> Option<usize> {
    let site = name.strip_prefix("layers.")?.strip_suffix(".attn_mask")?;
    site.split_once('.')?.0.parse().ok()
}

/// What the tensors tell of the size of their images.
pub(super) struct Known<'a> {
    /// Entries of the table of position biases of each stage.
    pub(super) tables: &'a [usize],
    pub(super) window_size: usize,
    pub(super) patch_size: usize,
    /// The stage of an attention mask `[windows, tokens, tokens]`, and the mask.
    pub(super) mask: Option<(usize, &'a HostTensor)>,
}

/// Windows that models of one image size alone are published with.
const USUAL: [(usize, usize); 2] = [(7, 224), (12, 384)];

/// The window of the model: that of the largest square table, which `described` must not contradict.
pub(super) fn window(tables: &[usize], described: Option<usize>) -> Result<usize> {
    let sides: Vec<_> = tables.iter().map(|&entries| side(entries)).collect();
    let mut known = sides.iter().flatten();
    if known.clone().zip(known.clone().skip(1)).any(|(a, b)| a < b) {
        return Err(Error::Checkpoint(format!(
            "expected one window for all stages, found windows of {sides:?}, as a Swin S3 has"
        )));
    }
    match (described, known.next()) {
        (Some(given), Some(&found)) if found > given => Err(Error::Checkpoint(format!(
            "expected a window of {given} as config.json says, found {found} in the tensors"
        ))),
        (Some(given), _) => Ok(given),
        (None, Some(&found)) => Ok(found),
        (None, None) => Err(Error::Checkpoint(format!(
            "expected a square window in some stage or a config.json, found bias tables of {tables:?} entries"
        ))),
    }
}

/// The side of the window whose table has this many entries, (2 side - 1)^2.
pub(super) fn side(entries: usize) -> Option<usize> {
    let root = entries.isqrt();
    (root * root == entries && root % 2 == 1).then_some(root.div_ceil(2))
}

/// The first attention mask, `[windows, tokens, tokens]`, and its stage.
pub(super) fn mask(renamed: &Renamed) -> Option<(usize, &HostTensor)> {
    let (name, mask) = renamed.buffer.as_ref()?;
    Some((stage_of_mask(name)?, mask))
}

impl Known<'_> {
    /// The image size: what the preprocessing makes, what the buffers, the description or the tables
    /// tell, or else the usual size of the window, where a model of `config` fits the tables.
    pub(super) fn image_size(
        &self,
        description: &Description,
        config: impl Fn([usize; 2]) -> SwinConfig,
        notes: &mut Vec<String>,
    ) -> Result<[usize; 2]> {
        let masked = match self.mask {
            Some((stage, mask)) => Some(pixels(mask, stage, self.window_size, self.patch_size)?),
            None => None,
        };
        if let (Some(described), Some(masked)) = (description.image_size, masked)
            && described != masked
        {
            return Err(Error::Checkpoint(format!(
                "expected an image size of {described:?} as config.json says, found {masked:?} in the attention masks"
            )));
        }
        let made_for = masked.or(description.image_size);
        if let Some(fed) = description.fed_size {
            if let Some(size) = made_for
                && size != fed
            {
                notes.push(format!(
                    "image size {}, which the preprocessing makes, in place of {}, which the model was made for",
                    shown(fed),
                    shown(size)
                ));
            }
            return Ok(fed);
        }
        if let Some(size) = made_for {
            return Ok(size);
        }
        if let Some(size) = self.shrunk() {
            notes.push(format!(
                "image size {}, as the window shrinks to the last maps (--image-size gives another)",
                shown(size)
            ));
            return Ok(size);
        }
        let usual = USUAL.iter().find(|usual| usual.0 == self.window_size);
        let usual = usual.map(|&(_, side)| [side; 2]);
        match usual.filter(|&size| self.fits(&config(size))) {
            Some(size) => {
                notes.push(format!(
                    "image size {}, the usual one of a window of {}, as nothing in the file tells it \
                     (--image-size gives another)",
                    shown(size),
                    self.window_size
                ));
                Ok(size)
            }
            None => Err(Error::Checkpoint(format!(
                "expected an image size (--image-size) or a config.json, found neither beside a window of {}",
                self.window_size
            ))),
        }
    }

    /// The size at which the window shrinks to the first map that it is larger than.
    fn shrunk(&self) -> Option<[usize; 2]> {
        let sides = self.tables.iter().map(|&entries| side(entries));
        let (stage, map) = sides.enumerate().find_map(|(stage, side)| {
            Some((stage, side.filter(|&side| side < self.window_size)?))
        })?;
        let stride = 1_usize.checked_shl(u32::try_from(stage).ok()?)?;
        let side = stride.checked_mul(self.patch_size)?.checked_mul(map)?;
        Some([side; 2])
    }

    /// Whether a model of `config` has tables of these sizes.
    fn fits(&self, config: &SwinConfig) -> bool {
        config.validate().is_ok()
            && self
                .tables
                .iter()
                .enumerate()
                .all(|(stage, &entries)| config.windows(stage, 0).bias_entries() == entries)
    }
}

/// Height and width as an option has them.
fn shown([height, width]: [usize; 2]) -> String {
    format!("{height}x{width}")
}

/// The image size behind the attention mask `[windows, tokens, tokens]` of stage `stage`: the
/// first window that touches the right edge is the first in which anything is masked.
fn pixels(mask: &HostTensor, stage: usize, window: usize, patch: usize) -> Result<[usize; 2]> {
    let odd = || {
        Error::Checkpoint(format!(
            "expected an attention mask of windows of {window} in stage {stage}, found shape {:?}",
            mask.shape
        ))
    };
    let &[windows, tokens, columns] = mask.shape.as_slice() else {
        return Err(odd());
    };
    if window == 0 || tokens != columns || Some(tokens) != window.checked_mul(window) {
        return Err(odd());
    }
    let masked = mask.data.iter().position(|&value| value != 0.0);
    let across = masked.ok_or_else(odd)? / (tokens * tokens) + 1;
    if windows % across != 0 {
        return Err(odd());
    }
    let scale = u32::try_from(stage)
        .ok()
        .and_then(|stage| 1_usize.checked_shl(stage))
        .and_then(|stride| stride.checked_mul(patch)?.checked_mul(window))
        .ok_or_else(odd)?;
    let [Some(height), Some(width)] = [windows / across, across].map(|n| n.checked_mul(scale))
    else {
        return Err(odd());
    };
    Ok([height, width])
}
