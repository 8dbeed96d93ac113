//! How the steps of students are named.

use super::super::results::ArmRun;

/// Steps as they are named under the axis: `2.1` for block 1 of layer 2; a number if there is no
/// short name that all students share.
pub fn steps(runs: &[ArmRun]) -> Vec<String> {
    let longest = runs.iter().map(|run| run.course.len()).max().unwrap_or(0);
    let name = |at: usize| {
        let mut names = runs
            .iter()
            .filter_map(|run| Some(short(&run.course.get(at)?.label)));
        let first = names.next()?;
        (first.chars().count() <= 8 && names.all(|name| name == first)).then_some(first)
    };
    (0..longest)
        .map(|at| name(at).unwrap_or_else(|| at.to_string()))
        .collect()
}

fn short(label: &str) -> String {
    let block = |name: &str| {
        let (layer, block) = name.strip_prefix("layers.")?.split_once(".blocks.")?;
        Some(format!("{layer}.{block}"))
    };
    let names: Option<Vec<_>> = label
        .split([' ', ','])
        .filter(|n| !n.is_empty())
        .map(block)
        .collect();
    match names {
        Some(names) if !names.is_empty() => names.join("+"),
        _ => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    #[test]
    fn blocks_have_short_names() {
        assert_eq!(short("layers.2.blocks.1"), "2.1");
        assert_eq!(short("layers.0.blocks.1 layers.0.blocks.0"), "0.1+0.0");
        assert_eq!(short("teacher"), "teacher");
        assert_eq!(short(""), "");
    }

    #[test]
    fn steps_that_seeds_order_differently_are_numbered() {
        let mut runs = sample::arm("", true, &[0.9, 0.9]).runs;
        assert_eq!(
            steps(&runs),
            ["teacher", "1.1", "1.0", "0.1", "0.0", "finish"]
        );
        runs[1].course[2].label = "layers.0.blocks.1 layers.1.blocks.0".into();
        runs[1].course.truncate(3);
        assert_eq!(
            steps(&runs),
            ["teacher", "1.1", "2", "0.1", "0.0", "finish"]
        );
    }
}
