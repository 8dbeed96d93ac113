//! Which units stay, block by block.

use anyhow::Result;

use super::{
    super::{
        results::TaskResults,
        tasks::{Arm, CLAIM},
    },
    colour,
};
use crate::study::{
    chart::{self, Parts},
    html::{Text, figure},
};

/// A picture for each published method: what is left of each block at [`CLAIM`], of the first draw.
pub fn html(task: &TaskResults) -> Result<String> {
    let mut html = String::new();
    for arm in Arm::ONE_SHOT {
        let cells = task.cells(arm, CLAIM);
        let Some(cell) = cells.first() else { continue };
        let rows = cell.blocks.iter().map(|block| Parts {
            name: block.site.clone(),
            cells: [block.heads, block.hidden]
                .iter()
                .map(|[before, after]| [*after, *before])
                .collect(),
        });
        let rows: Vec<_> = rows.collect();
        if let Some(image) = chart::parts(&["heads", "hidden channels"], &rows, colour(arm))? {
            let caption = format!(
                "What {} leaves of each block at 60&#160;% of the multiply-adds, of the first draw.",
                Text(arm.name())
            );
            let alt = format!("Bars of the heads and channels that {} leaves", arm.name());
            html += &figure(&image, &alt, &caption);
        }
    }
    if html.is_empty() {
        html += "<p>60&#160;% was not among the shares.</p>\n";
    }
    Ok(html)
}
