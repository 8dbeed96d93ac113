//! Folders and classes that go by the same name.

use std::collections::HashMap;

use super::imagenet::{self, Level};

/// The names of classes, to be looked up.
pub struct Names {
    /// By class, all its names.
    classes: Vec<Vec<String>>,
    exact: HashMap<String, Vec<usize>>,
    any_case: HashMap<String, Vec<usize>>,
    /// Classes by the class of ImageNet that their names mean.
    meant: HashMap<usize, Vec<(Level, usize)>>,
    /// Whether the classes are ImageNet's thousand in order.
    pub imagenet: bool,
}

/// What a name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// One class.
    Class(usize),
    /// No class.
    Nothing,
    /// More than one class, so none can be told.
    Several(Vec<usize>),
}

impl From<&[usize]> for Found {
    fn from(classes: &[usize]) -> Self {
        match classes {
            [] => Self::Nothing,
            [class] => Self::Class(*class),
            several => Self::Several(several.to_vec()),
        }
    }
}

impl Names {
    /// Names by class.
    pub fn new(classes: Vec<Vec<String>>) -> Self {
        let mut names = Self {
            exact: HashMap::new(),
            any_case: HashMap::new(),
            meant: HashMap::new(),
            imagenet: false,
            classes,
        };
        let mut in_order = 0;
        for (class, all) in names.classes.iter().enumerate() {
            let mut agrees = false;
            for name in all {
                enter(&mut names.exact, name.clone(), class);
                enter(&mut names.any_case, any_case(name), class);
                agrees |= imagenet::is_named(class, name);
                if let Some(meaning) = imagenet::meaning(name)
                    && let [meant] = meaning.classes[..]
                {
                    let entry = names.meant.entry(meant).or_default();
                    entry.push((meaning.level, class));
                }
            }
            in_order += usize::from(agrees);
        }
        // Lists differ in the names of some classes, not in their order.
        names.imagenet =
            names.classes.len() == imagenet::CLASSES && in_order >= imagenet::CLASSES / 2;
        names
    }

    /// The class of `name`: by the very name, by ImageNet's ids and names, then whatever the case and
    /// what stands between words.
    pub fn find(&self, name: &str) -> Found {
        if let Some(classes) = self.exact.get(name) {
            return classes.as_slice().into();
        }
        match self.by_imagenet(name) {
            Found::Nothing => {}
            found => return found,
        }
        let classes = self.any_case.get(&any_case(name));
        classes.map_or(Found::Nothing, |classes| classes.as_slice().into())
    }

    /// Whether `name` is the very name of `class`.
    pub fn is(&self, class: usize, name: &str) -> bool {
        self.classes[class].iter().any(|known| known == name)
    }

    fn by_imagenet(&self, name: &str) -> Found {
        let Some(meaning) = imagenet::meaning(name) else {
            return Found::Nothing;
        };
        // Elsewhere a synonym may well mean something else.
        if meaning.level == Level::Synonym && !self.imagenet {
            return Found::Nothing;
        }
        let meant = match meaning.classes[..] {
            [class] => class,
            _ if self.imagenet => return Found::Several(meaning.classes),
            _ => return Found::Nothing,
        };
        if self.imagenet && self.agrees(meant) {
            return Found::Class(meant);
        }
        let Some(classes) = self.meant.get(&meant) else {
            return Found::Nothing;
        };
        let surest = classes.iter().map(|(level, _)| *level).min();
        let mut classes: Vec<usize> = classes
            .iter()
            .filter(|(level, _)| Some(*level) == surest && *level != Level::Synonym)
            .map(|(_, class)| *class)
            .collect();
        classes.dedup();
        classes.as_slice().into()
    }

    /// Whether a name of `class` may mean ImageNet's class of that number.
    fn agrees(&self, class: usize) -> bool {
        let mut names = self.classes[class].iter();
        names.any(|name| imagenet::is_named(class, name))
    }
}

fn enter(names: &mut HashMap<String, Vec<usize>>, name: String, class: usize) {
    let classes = names.entry(name).or_default();
    if classes.last() != Some(&class) {
        classes.push(class);
    }
}

/// A name in lower case, one space between its words whatever stood there. Other signs stay, for they
/// tell classes apart: c and c++, 2 and -2.
fn any_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let inside = |at: usize| {
        let inner = |at: Option<usize>| {
            let letter = at.and_then(|at| letters.get(at));
            letter.is_some_and(|letter| letter.is_alphanumeric())
        };
        inner(at.checked_sub(1)) && inner(at.checked_add(1))
    };
    let spaced = letters
        .iter()
        .enumerate()
        .map(|(at, &letter)| match letter {
            '_' | ',' => ' ',
            '-' if inside(at) => ' ',
            letter => letter,
        });
    let spaced: String = spaced.collect();
    let words: Vec<_> = spaced.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(classes: &[&str]) -> Names {
        Names::new(
            classes
                .iter()
                .map(|name| vec![(*name).to_owned()])
                .collect(),
        )
    }

    fn thousand(name: impl Fn(&str, &str) -> String) -> Names {
        let classes = (0..imagenet::CLASSES).map(|class| {
            let (id, names) = imagenet::class(class).unwrap();
            vec![name(id, names)]
        });
        Names::new(classes.collect())
    }

    #[test]
    fn ids_and_names_of_imagenet_meet() {
        let lists = [
            thousand(|id, _| id.to_owned()),
            thousand(|_, names| names.to_owned()),
            thousand(|id, names| format!("{id} {names}")),
            thousand(|_, names| names.split(", ").next().unwrap().to_owned()),
        ];
        for (list, names) in lists.iter().enumerate() {
            assert!(names.imagenet, "{list}");
            for class in 0..imagenet::CLASSES {
                let (id, all) = imagenet::class(class).unwrap();
                assert_eq!(names.find(id), Found::Class(class), "{list} {id}");
                let crane = Found::Several(vec![134, 517]);
                let expected = match all {
                    "crane" => crane,
                    // The first names of two classes are "maillot", and the short one is 638.
                    _ => Found::Class(class),
                };
                if (list, class) != (3, 638) {
                    assert_eq!(names.find(all), expected, "{list} {all}");
                }
            }
        }
    }

    #[test]
    fn torchvision_tells_the_two_cranes_apart() {
        let names = thousand(|id, names| match (id, names.split(", ").next().unwrap()) {
            ("n02012849", _) => "crane bird".to_owned(),
            ("n03710721", _) => "maillot tank suit".to_owned(),
            (_, first) => first.to_owned(),
        });
        for (name, class) in [
            ("crane", 517),
            ("crane bird", 134),
            ("n02012849", 134),
            ("n03126707", 517),
            ("Cardigan", 264),
            ("cardigan", 474),
            ("maillot", 638),
            ("n03710721", 639),
            ("vat", 876),
        ] {
            assert_eq!(names.find(name), Found::Class(class), "{name}");
        }
        assert_eq!(names.find("CARDIGAN"), Found::Several(vec![264, 474]));
        assert_eq!(names.find("panda"), Found::Several(vec![387, 388]));
    }

    #[test]
    fn a_few_classes_of_imagenet_are_known_as_well() {
        let names = names(&["tench", "English springer", "crane", "Rose garden"]);
        assert!(!names.imagenet);
        assert_eq!(names.find("n01440764"), Found::Class(0));
        assert_eq!(names.find("n02102040"), Found::Class(1));
        assert_eq!(names.find("english_springer"), Found::Class(1));
        // One of the two cranes, but which?
        assert_eq!(names.find("n02012849"), Found::Nothing);
        assert_eq!(names.find("crane"), Found::Class(2));
        assert_eq!(names.find("rose-GARDEN"), Found::Class(3));
        assert_eq!(names.find("Tinca tinca"), Found::Nothing, "a synonym");
        assert_eq!(names.find(""), Found::Nothing);
    }

    #[test]
    fn the_very_name_goes_first() {
        let names = names(&["A", "a", "+", "-"]);
        for (name, class) in [("A", 0), ("a", 1), ("+", 2), ("-", 3)] {
            assert_eq!(names.find(name), Found::Class(class), "{name}");
        }
        assert_eq!(names.find("_a"), Found::Several(vec![0, 1]));
        // Other signs than those between words tell classes apart.
        for name in ["a.", "a+", "-a", "*"] {
            assert_eq!(names.find(name), Found::Nothing, "{name}");
        }
    }
}
