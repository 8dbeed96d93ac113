//! Files that say which class a folder is.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    fs::File,
    io::Read,
    path::Path,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::{
    ModelClasses, imagenet, list,
    names::{Found, Names},
};
use crate::{Error, Result};

/// Bytes that such a file may have.
const MAX_FILE: u64 = 16 << 20;

/// Which class a folder is, as a file says: JSON or lines of text.
///
/// JSON is an object of classes (number or name) by folder, an object of folders by class number (a
/// name, or a list of names that all mean the class, as in `imagenet_class_index.json`), or a list of
/// folders in the order of the classes. Lines are `folder class`, with spaces, a tab or a comma
/// between, or a folder each in the order of the classes; lines that begin with # do not count.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassFile(Form);

#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// Classes by folder.
    Pairs(Vec<Pair>),
    /// By class, the names of its folder.
    List(Vec<Vec<String>>),
    /// Text by text: classes by folder or folders by class.
    Texts(Vec<(String, String)>),
    /// Lines with their numbers, to be split where the folders are known.
    Lines(Vec<(usize, String)>),
}

#[derive(Clone, Debug, PartialEq)]
struct Pair {
    /// Where it stands: `line 3`.
    place: String,
    folder: String,
    class: Class,
}

#[derive(Clone, Debug, PartialEq)]
enum Class {
    Number(u64),
    /// A name or a number.
    Text(String),
}

/// The entries of a JSON object in their order, names that come twice included.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entries, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(All)
    }
}

impl ClassFile {
    /// Reads the file `path`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] if it has more than 16 MiB, is no UTF-8, or as
    /// [`ClassFile::parse`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let io = |error| Error::io(path, error);
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(io)?;
        file.take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        let parsed = if bytes.len() as u64 > MAX_FILE {
            fail(format!("expected at most {MAX_FILE} bytes, found more"))
        } else {
            match std::str::from_utf8(&bytes) {
                Ok(text) => Self::parse(text),
                Err(_) => fail("expected text in UTF-8, found other bytes".to_owned()),
            }
        };
        parsed.map_err(|error| match error {
            Error::Data(sentence) => Error::Data(format!("{}: {sentence}", path.display())),
            other => other,
        })
    }

    /// Reads `text`.
    ///
    /// # Errors
    /// [`Error::Data`] if it is JSON of another form, or there is nothing in it.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let form = match text.chars().next() {
            Some('{') => object(json::<Entries>(text)?.0)?,
            Some('[') => {
                let entries = json::<Vec<Value>>(text)?;
                let names = entries
                    .into_iter()
                    .map(|entry| all_names(entry, "the list"));
                Form::List(names.collect::<Result<_>>()?)
            }
            _ => {
                let lines = text.lines().enumerate();
                let lines = lines.map(|(at, line)| (at + 1, line.trim().to_owned()));
                Form::Lines(
                    lines
                        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
                        .collect(),
                )
            }
        };
        let empty = match &form {
            Form::Pairs(all) => all.is_empty(),
            Form::List(all) => all.is_empty(),
            Form::Texts(all) => all.is_empty(),
            Form::Lines(all) => all.is_empty(),
        };
        match empty {
            true => fail("expected classes of folders, found none".to_owned()),
            false => Ok(Self(form)),
        }
    }

    /// The class of each of `folders`, if the file tells it; `labels` are the model's.
    ///
    /// # Errors
    /// [`Error::Data`] with the first line that cannot be understood or is no class of the model.
    pub(super) fn classes(
        &self,
        folders: &[&str],
        model: &ModelClasses,
        labels: &Names,
    ) -> Result<Vec<Option<usize>>> {
        let reader = Reader {
            folders,
            model,
            labels,
        };
        match &self.0 {
            Form::Pairs(pairs) => reader.pairs(pairs),
            Form::List(names) => reader.list(names.clone()),
            Form::Texts(texts) => reader.texts(texts),
            Form::Lines(lines) => reader.lines(lines),
        }
    }
}

fn fail<T>(sentence: String) -> Result<T> {
    Err(Error::Data(sentence))
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| Error::Data(format!("expected JSON, found an error: {error}")))
}

fn all_names(value: Value, place: &str) -> Result<Vec<String>> {
    match serde_json::from_value(value.clone()) {
        Ok(names) => Ok(names),
        Err(_) => match value {
            Value::String(name) => Ok(vec![name]),
            other => fail(format!(
                "expected a folder's name or a list of names in {place}, found {other}"
            )),
        },
    }
}

fn object(entries: Vec<(String, Value)>) -> Result<Form> {
    let text = |(key, value): &(String, Value)| Some((key.clone(), value.as_str()?.to_owned()));
    if let Some(texts) = entries.iter().map(text).collect::<Option<Vec<_>>>() {
        return Ok(Form::Texts(texts));
    }
    if entries
        .iter()
        .all(|(_, value)| value.is_array() || value.is_string())
    {
        let numbered = entries.into_iter().map(|(key, value)| {
            let names = all_names(value, &format!("{key:?}"))?;
            match key.parse() {
                Ok(class) => Ok((class, names)),
                Err(_) => fail(format!("expected a class number, found {key:?}")),
            }
        });
        return Ok(Form::List(by_number(numbered.collect::<Result<_>>()?)?));
    }
    let pairs = entries.into_iter().map(|(folder, value)| {
        let class = match (value.as_u64(), value) {
            (Some(number), _) => Class::Number(number),
            (None, Value::String(name)) => Class::Text(name),
            (None, other) => {
                return fail(format!(
                    "expected the number or the name of a class for {folder:?}, found {other}"
                ));
            }
        };
        Ok(Pair {
            place: format!("{folder:?}"),
            folder,
            class,
        })
    });
    Ok(Form::Pairs(pairs.collect::<Result<_>>()?))
}

/// Names by class of classes with numbers, which may be in any order and have gaps.
fn by_number(classes: Vec<(usize, Vec<String>)>) -> Result<Vec<Vec<String>>> {
    // No file has more entries than bytes, so a larger number is none of a model's.
    let most = MAX_FILE as usize;
    let count = classes
        .iter()
        .map(|(class, _)| class.saturating_add(1))
        .max();
    let count = count.unwrap_or(0);
    if count > most {
        return fail(format!(
            "expected class numbers below {most}, found {}",
            count - 1
        ));
    }
    let mut names = vec![Vec::new(); count];
    for (class, of) in classes {
        if !names[class].is_empty() {
            return fail(format!("expected class {class} once, found it twice"));
        }
        names[class] = of;
    }
    Ok(names)
}

/// What is needed to understand a file.
struct Reader<'a> {
    folders: &'a [&'a str],
    model: &'a ModelClasses<'a>,
    labels: &'a Names,
}

impl Reader<'_> {
    fn pairs(&self, pairs: &[Pair]) -> Result<Vec<Option<usize>>> {
        let mut classes: HashMap<&str, usize> = HashMap::new();
        for pair in pairs {
            let class = self
                .class(&pair.class)
                .map_err(|error| at(&pair.place, error))?;
            let earlier = classes.insert(&pair.folder, class);
            if let Some(earlier) = earlier.filter(|&earlier| earlier != class) {
                return fail(format!(
                    "{}: expected one class for {:?}, found {earlier} and {class}",
                    pair.place, pair.folder
                ));
            }
        }
        let class = |folder: &&str| classes.get(folder).copied();
        Ok(self.folders.iter().map(class).collect())
    }

    fn list(&self, names: Vec<Vec<String>>) -> Result<Vec<Option<usize>>> {
        let (count, found) = (self.model.count, names.len());
        if found > count {
            return fail(format!(
                "expected at most the model's {count} classes, found {found}"
            ));
        }
        let names = Names::new(names);
        let class = |folder: &&str| match names.find(folder) {
            Found::Class(class) => Ok(Some(class)),
            Found::Nothing => Ok(None),
            Found::Several(classes) => fail(format!(
                "expected one class for {folder:?}, found {}",
                list(&classes, |class| class.to_string())
            )),
        };
        self.folders.iter().map(class).collect()
    }

    /// Both readings are tried; the one that knows all folders counts.
    fn texts(&self, texts: &[(String, String)]) -> Result<Vec<Option<usize>>> {
        let pairs: Vec<_> = texts
            .iter()
            .map(|(folder, class)| Pair {
                place: format!("{folder:?}"),
                folder: folder.clone(),
                class: Class::Text(class.clone()),
            })
            .collect();
        let numbered: Option<Vec<_>> = texts
            .iter()
            .map(|(class, folder)| Some((class.parse().ok()?, vec![folder.clone()])))
            .collect();
        let Some(numbered) = numbered else {
            return self.pairs(&pairs);
        };
        let by_class = by_number(numbered).and_then(|names| self.list(names));
        let by_folder = self.pairs(&pairs);
        let whole = |classes: &Result<Vec<Option<usize>>>| {
            let classes = classes.as_ref().ok();
            classes.is_some_and(|classes| classes.iter().all(Option::is_some))
        };
        match (&by_class, &by_folder) {
            (Ok(a), Ok(b)) if whole(&by_class) && whole(&by_folder) && a != b => fail(
                "expected folders by class or classes by folder, found numbers that may be either"
                    .to_owned(),
            ),
            _ if whole(&by_folder) => by_folder,
            _ => by_class,
        }
    }

    fn lines(&self, lines: &[(usize, String)]) -> Result<Vec<Option<usize>>> {
        let whole: HashSet<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
        let lone = |(_, line): &(usize, String)| !line.contains(separates);
        if self.folders.iter().all(|folder| whole.contains(folder)) || lines.iter().all(lone) {
            let names = lines
                .iter()
                .map(|(_, line)| vec![unquoted(line).to_owned()]);
            return self.list(names.collect());
        }
        let folders: HashSet<&str> = self.folders.iter().copied().collect();
        let pair = |(number, line): &(usize, String)| {
            let place = format!("line {number}");
            match self.split(line, &folders) {
                Some((folder, class)) => Ok(Pair {
                    place,
                    folder: folder.to_owned(),
                    class: Class::Text(class.to_owned()),
                }),
                None => fail(format!(
                    "{place}: expected a folder and a class, found {line:?}"
                )),
            }
        };
        let pairs = lines.iter().map(pair);
        self.pairs(&pairs.collect::<Result<Vec<_>>>()?)
    }

    /// The folder and the class of a line: behind the longest folder that there is, before a number at
    /// its end or the longest name of a class, or else at the first separator.
    fn split<'l>(&self, line: &'l str, folders: &HashSet<&str>) -> Option<(&'l str, &'l str)> {
        let places = line.match_indices(separates);
        let cuts: Vec<(&str, &str)> = places
            .map(|(place, _)| line.split_at(place))
            .map(|(folder, class)| (unquoted(folder), unquoted(class)))
            .filter(|(folder, class)| !folder.is_empty() && !class.is_empty())
            .collect();
        let known = cuts
            .iter()
            .rev()
            .find(|(folder, _)| folders.contains(folder));
        let number = || cuts.last().filter(|(_, class)| digits(class));
        let named = |(_, class): &&(&str, &str)| matches!(self.labels.find(class), Found::Class(_));
        let named = || cuts.iter().find(named);
        let cut = known
            .or_else(number)
            .or_else(named)
            .or_else(|| cuts.first());
        cut.copied()
    }

    fn class(&self, class: &Class) -> Result<usize> {
        let count = self.model.count;
        let number = |number: u64| match usize::try_from(number) {
            Ok(class) if class < count => Ok(class),
            _ => fail(format!("expected a class below {count}, found {number}")),
        };
        let text = match class {
            Class::Number(class) => return number(*class),
            Class::Text(text) => text,
        };
        let named = self.labels.find(text);
        match (named, text.parse()) {
            (Found::Class(named), Ok(class)) if digits(text) && named as u64 != class => {
                fail(format!(
                    "expected the number or the name of a class, found {text:?}, the name of class {named}"
                ))
            }
            (Found::Class(class), _) => Ok(class),
            (_, Ok(class)) if digits(text) => number(class),
            (Found::Several(classes), _) => fail(format!(
                "expected the name of one class, found {text:?}, which may be {}",
                list(&classes, |class| format!("class {class}"))
            )),
            (Found::Nothing, _) => match imagenet::meaning(text) {
                Some(meaning)
                    if self.model.nameless()
                        && count == imagenet::CLASSES
                        && meaning.level == imagenet::Level::Id =>
                {
                    Ok(meaning.classes[0])
                }
                _ if self.model.nameless() => fail(format!(
                    "expected a class number below {count}, for the model has no names of classes, found {text:?}"
                )),
                _ => fail(format!("expected a class of the model, found {text:?}")),
            },
        }
    }
}

fn at(place: &str, error: Error) -> Error {
    match error {
        Error::Data(sentence) => Error::Data(format!("{place}: {sentence}")),
        other => other,
    }
}

fn separates(c: char) -> bool {
    c == ',' || c.is_whitespace()
}

fn unquoted(field: &str) -> &str {
    let field = field.trim_matches(separates);
    let inner = field
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(field)
}

/// Whether a field is a number.
fn digits(field: &str) -> bool {
    field.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, folders: &[&str], labels: &[&str]) -> Result<Vec<Option<usize>>> {
        let labels: Vec<_> = labels.iter().map(|label| (*label).to_owned()).collect();
        let model = ModelClasses {
            count: 12,
            labels: &labels,
            order: None,
        };
        ClassFile::parse(text)?.classes(folders, &model, &model.names())
    }

    #[track_caller]
    fn refused(text: &str, folders: &[&str], labels: &[&str], part: &str) {
        let sentence = read(text, folders, labels).unwrap_err().to_string();
        assert!(sentence.contains(part), "{sentence}");
        assert_eq!(sentence.lines().count(), 1);
    }

    #[test]
    fn every_form_says_the_same() {
        let folders = ["cat", "big dog"];
        let labels = ["a", "b", "puss", "d", "e", "hound"];
        for text in [
            r#"{"cat": 2, "big dog": 5}"#,
            r#"{"cat": "puss", "big dog": 5}"#,
            r#"{"cat": "puss", "big dog": "hound"}"#,
            r#"{"2": "cat", "5": "big dog"}"#,
            r#"{"5": ["x", "big dog"], "2": ["cat", "n02123045"]}"#,
            r#"["", "", "cat", "", "", "big dog"]"#,
            "# a comment\n\ncat 2\nbig dog 5\n",
            "cat\tpuss\r\nbig dog\thound\r\n",
            "cat,2\n\"big dog\",5",
            "\u{feff}cat , puss\nbig dog,hound\nelsewhere,3",
            "a\nb\ncat\nd\ne\nbig dog",
        ] {
            let classes = read(text, &folders, &labels).unwrap();
            assert_eq!(classes, [Some(2), Some(5)], "{text}");
        }
        assert_eq!(read("cat 2", &folders, &labels).unwrap(), [Some(2), None]);
    }

    #[test]
    fn names_with_commas_are_split_where_the_folder_ends() {
        let folders = ["tench, Tinca tinca", "n01443537"];
        let labels = ["goldfish, Carassius auratus", "tench"];
        let text = "tench, Tinca tinca,1\nn01443537,goldfish, Carassius auratus";
        assert_eq!(read(text, &folders, &labels).unwrap(), [Some(1), Some(0)]);
        // Folders that are not there are split all the same.
        let text =
            "eft 3\nn01443537 0\nn01484850 goldfish, Carassius auratus\ntench, Tinca tinca 1";
        assert_eq!(read(text, &folders, &labels).unwrap(), [Some(1), Some(0)]);
    }

    #[test]
    fn bad_lines_are_named() {
        let (folders, labels) = (["cat", "dog"], ["a", "b", "1"]);
        refused(
            "cat 0\n\ndog 12",
            &folders,
            &[],
            "line 3: expected a class below 12",
        );
        refused(
            "cat 0\ndog",
            &folders,
            &[],
            "line 2: expected a folder and a class",
        );
        refused(
            "cat 0\ndog x",
            &folders,
            &labels,
            "line 2: expected a class of the model",
        );
        refused("cat 0\ndog x", &folders, &[], "has no names of classes");
        refused("cat 0\ncat 3", &folders, &[], "line 2: expected one class");
        refused("cat 1", &folders, &labels, "the name of class 2");
        refused("dog 99999999999999999999", &folders, &[], "line 1");
        refused("# nothing", &folders, &[], "found none");
        refused("{}", &folders, &[], "found none");
        refused("{\"cat\": 0, \"cat\": 1}", &folders, &[], "found 0 and 1");
        refused("{\"cat\": -1}", &folders, &[], "found -1");
        refused(
            "{\"cat\": [\"x\"]}",
            &folders,
            &[],
            "expected a class number",
        );
        refused(
            "{\"999999999999\": [\"cat\"]}",
            &folders,
            &[],
            "expected class numbers below",
        );
        refused(
            "{\"0\": [\"cat\"], \"0\": [\"dog\"]}",
            &folders,
            &[],
            "once",
        );
        refused("[1]", &folders, &[], "found 1");
        refused("[\"cat\", \"cat\"]", &folders, &[], "expected one class");
        refused("{\"cat\": 0", &folders, &[], "line 1");
        refused(
            "{\"0\": \"1\", \"1\": \"2\", \"2\": \"0\"}",
            &["0", "1", "2"],
            &[],
            "either",
        );
        let many: Vec<_> = (0..13).map(|n| format!("\"{n}\"")).collect();
        refused(
            &format!("[{}]", many.join(",")),
            &folders,
            &[],
            "at most the model's 12",
        );
    }

    #[test]
    fn numbers_by_numbers_are_read_where_there_is_no_doubt() {
        let same = r#"{"0": "0", "1": "1"}"#;
        assert_eq!(read(same, &["0", "1"], &[]).unwrap(), [Some(0), Some(1)]);
        let number = r#"{"0": 1, "1": 0}"#;
        assert_eq!(read(number, &["0", "1"], &[]).unwrap(), [Some(1), Some(0)]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-b0-2 ,\t\n\"{}:\\[\\]#]{0,40}", folder in "[a-b0-2 ,]{0,5}") {
            let _ = read(&text, &[&folder], &["a", "b"]);
        }

        #[test]
        fn pairs_come_back(
            classes in prop::collection::btree_map("[a-z][a-z0-9._-]{0,8}", 0..12usize, 1..8),
            separator in prop::sample::select(vec![" ", "\t", ",", " , ", "   "]),
        ) {
            let folders: Vec<&str> = classes.keys().map(String::as_str).collect();
            let lines: Vec<_> = classes.iter().map(|(f, c)| format!("{f}{separator}{c}")).collect();
            let expected: Vec<_> = classes.values().map(|&class| Some(class)).collect();
            prop_assert_eq!(read(&lines.join("\n"), &folders, &[]).unwrap(), expected.clone());
            let json = serde_json::to_string(&classes).unwrap();
            prop_assert_eq!(read(&json, &folders, &[]).unwrap(), expected);
        }
    }
}
