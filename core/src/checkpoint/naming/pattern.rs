//! Names with numbers in them, as the tables have them.

/// The numbers that a name has where a pattern has letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
    stage: Option<usize>,
    block: Option<usize>,
}

/// The most stages or blocks that a number may stand for.
const MOST: usize = 4096;

/// `name` with what fits `theirs` replaced by `ours`, and the part of three if `ours` has one.
pub(super) fn rename(name: &str, theirs: &str, ours: &str) -> Option<(String, Option<usize>)> {
    let mut rest = name.split('.');
    let mut numbers = Numbers::default();
    for part in theirs.split('.') {
        let found = rest.next()?;
        // Letters before a number are the same in both.
        let (letters, part) = part.split_at(part.find('{').unwrap_or(0));
        let found = found.strip_prefix(letters)?;
        let found_number = || found.parse().ok().filter(|number: &usize| *number <= MOST);
        match part {
            "{s}" => numbers.stage = Some(found_number()?),
            "{s-1}" => numbers.stage = Some(found_number()? + 1),
            "{2s}" => {
                let number = found_number()?;
                numbers.stage = Some(number / 2).filter(|_| number % 2 == 0);
                numbers.stage?;
            }
            "{2s+1}" => {
                let number = found_number()?;
                numbers.stage = Some(number / 2).filter(|_| number % 2 == 1);
                numbers.stage?;
            }
            "{b}" => numbers.block = Some(found_number()?),
            _ if part == found => {}
            _ => return None,
        }
    }
    let (ours, third) = match ours.split_once('#') {
        Some((ours, third)) => (ours, third.parse().ok()),
        None => (ours, None),
    };
    let mut new: Vec<String> = Vec::new();
    for part in ours.split('.') {
        new.push(match part {
            "{s}" => numbers.stage?.to_string(),
            "{b}" => numbers.block?.to_string(),
            _ => part.to_owned(),
        });
    }
    new.extend(rest.map(str::to_owned));
    new.retain(|part| !part.is_empty());
    Some((new.join("."), third))
}

#[cfg(test)]
mod tests {
    use super::rename;

    #[test]
    fn numbers_move_with_their_pattern() {
        let name = |name, theirs, ours| rename(name, theirs, ours).map(|(name, _)| name);
        assert_eq!(
            name(
                "features.5.1.mlp.3.bias",
                "features.{2s+1}.{b}.mlp.3",
                "layers.{s}.blocks.{b}.mlp.fc2"
            )
            .as_deref(),
            Some("layers.2.blocks.1.mlp.fc2.bias")
        );
        assert_eq!(
            name("features.5.1.norm", "features.{2s}", "layers.{s}"),
            None
        );
        assert_eq!(
            name(
                "layers.0.downsample.norm.weight",
                "layers.{s-1}.downsample",
                "layers.{s}.downsample"
            )
            .as_deref(),
            Some("layers.1.downsample.norm.weight")
        );
        assert_eq!(
            name("layers.x.downsample", "layers.{s-1}.downsample", "a"),
            None
        );
        assert_eq!(
            name("layers.99999.downsample", "layers.{s}.downsample", "a"),
            None
        );
        assert_eq!(name("head", "head.fc", "head.fc"), None);
        let numbered = |found| name(found, "norm{s}", "norm");
        assert_eq!(numbered("norm3.weight").as_deref(), Some("norm.weight"));
        for other in ["norm.weight", "norma.weight", "3.weight"] {
            assert_eq!(numbered(other), None, "{other}");
        }
    }

    #[test]
    fn one_of_three_is_told() {
        let found = rename("a.key.bias", "a.key", "qkv#1");
        assert_eq!(found, Some(("qkv.bias".into(), Some(1))));
    }
}
