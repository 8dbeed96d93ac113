//! The thousand classes of ImageNet-1k by their WordNet ids and names.
//!
//! ```
//! use intformer::data::classes::imagenet;
//!
//! let tench = ("n01440764", "tench, Tinca tinca");
//! assert_eq!(imagenet::class(0), Some(tench));
//!
//! let classes = |name| imagenet::meaning(name).map(|meaning| meaning.classes);
//! assert_eq!(classes("n02085620-Chihuahua"), Some(vec![151]));
//! assert_eq!(classes("great_white_shark"), Some(vec![2]));
//! // A bird or a machine?
//! assert_eq!(classes("crane"), Some(vec![134, 517]));
//! assert_eq!(classes("unicorn"), None);
//! ```

use std::{collections::HashMap, sync::OnceLock};

/// How many classes there are.
pub const CLASSES: usize = 1000;

/// What a name says of ImageNet's classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// How the name was understood.
    pub level: Level,
    /// The classes that it may stand for, ascending; at least one.
    pub classes: Vec<usize>,
}

/// How a name is understood, the surest way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// By a WordNet id in it.
    Id,
    /// All names of the class, in its case: "tench, Tinca tinca".
    Whole,
    /// The first name, or torchvision's: "tench".
    Short,
    /// Either of them, whatever the case.
    AnyCase,
    /// Any of the names, whatever the case.
    Synonym,
}

/// The classes and the names that they have at each level.
struct Table {
    classes: Vec<(&'static str, &'static str)>,
    ids: HashMap<&'static str, usize>,
    levels: [(Level, HashMap<String, Vec<usize>>); 4],
}

/// The WordNet id and the names of `class`, below [`CLASSES`].
pub fn class(class: usize) -> Option<(&'static str, &'static str)> {
    table().classes.get(class).copied()
}

/// The classes that `name` may stand for, by the surest level that knows it.
pub fn meaning(name: &str) -> Option<Meaning> {
    let table = table();
    if let Some(id) = wordnet_id(name) {
        let &class = table.ids.get(id)?;
        return Some(Meaning {
            level: Level::Id,
            classes: vec![class],
        });
    }
    // Some lists tell what a name means behind a colon.
    let name = name.split_once(": ").map_or(name, |(name, _)| name);
    let key = key(name);
    let found = |(level, names): &(Level, HashMap<String, Vec<usize>>)| {
        let key = match level {
            Level::AnyCase | Level::Synonym => &key.to_lowercase(),
            _ => &key,
        };
        let classes = names.get(key)?.clone();
        Some(Meaning {
            level: *level,
            classes,
        })
    };
    table.levels.iter().find_map(found)
}

/// Whether `name` is one of the names of `class`, or its id.
pub fn is_named(class: usize, name: &str) -> bool {
    let levels = table().levels.iter();
    let [plain, lower] = [key(name), key(name).to_lowercase()];
    meaning(name).is_some_and(|meaning| meaning.classes.contains(&class))
        || levels
            .flat_map(|(_, names)| [names.get(&plain), names.get(&lower)])
            .flatten()
            .any(|classes| classes.contains(&class))
}

/// The only WordNet id of a noun (n and eight digits) among the words of `name`.
pub fn wordnet_id(name: &str) -> Option<&str> {
    let id = |word: &&str| {
        let digits = word.strip_prefix('n');
        digits.is_some_and(|d| d.len() == 8 && d.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut ids = name.split(|c: char| !c.is_alphanumeric()).filter(id);
    ids.next().filter(|_| ids.next().is_none())
}

/// The words of a name with a space between: commas, underscores, hyphens and the like are left out.
pub fn key(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let lines = include_str!("imagenet.txt").lines();
        let lines = lines.filter(|line| !line.starts_with('#'));
        let mut table = Table {
            classes: Vec::new(),
            ids: HashMap::new(),
            levels: [Level::Whole, Level::Short, Level::AnyCase, Level::Synonym]
                .map(|level| (level, HashMap::new())),
        };
        for (class, line) in lines.enumerate() {
            let mut fields = line.split('\t');
            let id = fields.next().unwrap_or_default();
            let names = fields.next().unwrap_or_default();
            let all: Vec<_> = names.split(", ").collect();
            let short = fields.next().unwrap_or(all[0]);
            table.classes.push((id, names));
            table.ids.insert(id, class);
            for (level, known) in &mut table.levels {
                let meant: &[&str] = match level {
                    Level::Id | Level::Whole => &[names],
                    Level::Short => &[short],
                    Level::AnyCase => &[names, short],
                    Level::Synonym => &all,
                };
                for name in meant {
                    let mut key = key(name);
                    if matches!(level, Level::AnyCase | Level::Synonym) {
                        key = key.to_lowercase();
                    }
                    let classes: &mut Vec<usize> = known.entry(key).or_default();
                    if classes.last() != Some(&class) {
                        classes.push(class);
                    }
                }
            }
        }
        table
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_sorted() {
        let classes = &table().classes;
        assert_eq!(classes.len(), CLASSES);
        assert!(classes.is_sorted_by(|a, b| a.0 < b.0));
        for (place, (id, names)) in classes.iter().enumerate() {
            assert_eq!(wordnet_id(id), Some(*id));
            assert!(!names.is_empty() && names.trim() == *names, "{names:?}");
            // "crane" is two classes; every other whole name is one.
            let meaning = meaning(names).unwrap();
            let expected = match *names {
                "crane" => vec![134, 517],
                _ => vec![place],
            };
            assert_eq!((meaning.level, meaning.classes), (Level::Whole, expected));
        }
        assert_eq!(class(0), Some(("n01440764", "tench, Tinca tinca")));
        assert_eq!(class(999).map(|(id, _)| id), Some("n15075141"));
        assert_eq!(class(1000), None);
    }

    #[test]
    fn names_are_understood_as_people_write_them() {
        let understood = |name: &str| meaning(name).map(|found| (found.level, found.classes));
        for (name, level, classes) in [
            ("n01440764", Level::Id, vec![0]),
            ("n02085620-Chihuahua", Level::Id, vec![151]),
            ("000.n01440764 tench", Level::Id, vec![0]),
            ("tench_Tinca_tinca", Level::Whole, vec![0]),
            (
                "tench, Tinca tinca: a fish of fresh water",
                Level::Whole,
                vec![0],
            ),
            ("tench", Level::Short, vec![0]),
            ("great_white_shark", Level::Short, vec![2]),
            ("Great White Shark", Level::AnyCase, vec![2]),
            ("Carcharodon carcharias", Level::Synonym, vec![2]),
            // Names of more than one class.
            ("crane", Level::Whole, vec![134, 517]),
            ("crane bird", Level::Short, vec![134]),
            ("maillot", Level::Whole, vec![638]),
            ("maillot tank suit", Level::Whole, vec![639]),
            ("cardigan", Level::Whole, vec![474]),
            ("Cardigan", Level::Short, vec![264]),
            ("CARDIGAN", Level::AnyCase, vec![264, 474]),
            ("panther", Level::Synonym, vec![286, 290]),
        ] {
            assert_eq!(understood(name), Some((level, classes)), "{name}");
        }
        for name in ["", "n00000000", "nine", "unheard of", "n01440764 n01443537"] {
            assert_eq!(understood(name), None, "{name}");
        }
    }
}
