//! Points and lines over two shares.

use anyhow::Result;
use plotters::{
    element::DashedPathElement,
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{GRID, axes, percents, range, svg, text};

/// Points of one colour.
pub struct Series {
    /// Colour of the points.
    pub colour: RGBColor,
    /// The points.
    pub points: Vec<(f64, f64)>,
    /// Half the height of a line through each, if there is one.
    pub spread: Vec<f64>,
    /// Whether they are joined in place of being drawn as dots.
    pub joined: bool,
}

/// Draws all series over axes with these names, and a dashed line at a height if it is given; None without points.
pub fn plane(
    series: &[Series],
    [x_name, y_name]: [&str; 2],
    height: Option<f64>,
) -> Result<Option<String>> {
    let points = || {
        series
            .iter()
            .flat_map(|series| series.points.iter().copied())
    };
    let finite = |value: &f64| value.is_finite();
    let ends = series.iter().flat_map(|series| {
        let spreads = series.spread.iter().copied().chain(std::iter::repeat(0.0));
        let pairs = series.points.iter().zip(spreads);
        pairs.flat_map(|((_, y), spread)| [y - spread, y + spread])
    });
    let Some(y) = range(ends.chain(height).filter(finite)) else {
        return Ok(None);
    };
    let Some(x) = range(points().map(|(x, _)| x).chain([0.0])) else {
        return Ok(None);
    };
    let size = (860, 340);
    let image = svg(size, |area| {
        let percents = [percents(&x), percents(&y)];
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .margin_top(26)
            .margin_right(22)
            .margin_bottom(24)
            .x_label_area_size(26)
            .y_label_area_size(58)
            .build_cartesian_2d(x.clone(), y.clone())?;
        axes(&mut chart, [&percents[0], &percents[1]], [5, 6])?;
        if let Some(height) = height {
            let ends = [x.start, x.end].map(|x| (x, height));
            chart.draw_series([DashedPathElement::new(ends, 6, 4, GRID.stroke_width(2))])?;
        }
        for Series {
            colour,
            points,
            spread,
            joined,
        } in series
        {
            if *joined {
                let line = PathElement::new(points.clone(), colour.stroke_width(2));
                chart.draw_series([line])?;
                continue;
            }
            for (&(x, y), &spread) in points.iter().zip(spread) {
                let ends = vec![(x, y - spread), (x, y + spread)];
                chart.draw_series([PathElement::new(ends, colour.stroke_width(1))])?;
            }
            let dots = points
                .iter()
                .map(|&point| Circle::new(point, 5, colour.mix(0.8).filled()));
            chart.draw_series(dots)?;
        }
        let under = text(12, HPos::Center, VPos::Bottom);
        area.draw_text(x_name, &under, (size.0 as i32 / 2, size.1 as i32 - 4))?;
        area.draw_text(y_name, &text(12, HPos::Left, VPos::Top), (8, 6))?;
        Ok(())
    })?;
    Ok(Some(image))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::chart::BLUE;

    #[test]
    fn points_need_numbers() {
        let series = |points: &[(f64, f64)]| Series {
            colour: BLUE,
            points: points.to_vec(),
            spread: vec![0.01; points.len()],
            joined: false,
        };
        let drawn =
            |points: &[(f64, f64)]| plane(&[series(points)], ["x", "y"], Some(0.9)).unwrap();
        assert!(drawn(&[(0.5, 0.8)]).unwrap().contains("<circle"));
        assert!(plane(&[series(&[])], ["x", "y"], None).unwrap().is_none());
    }
}
