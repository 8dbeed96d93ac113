//! Files that say which class a folder is.

#[cfg(test)]
mod tests;

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
    ModelClasses, imagenet,
    names::{Found, Names},
    rules::list,
};
use crate::{Error, Result};

/// Bytes that such a file may have.
const MAX_FILE: u64 = 16 << 20;
/// Bytes that a line of it may have.
const MAX_LINE: usize = 4096;

/// Which class a folder is, as a file says: JSON or lines of text.
///
/// JSON is an object of classes (number or name) by folder, an object of folders by class number (a
/// name, or a list of names that all mean the class, as in `imagenet_class_index.json`), or a list of
/// folders in the order of the classes. Lines are `folder class`, with spaces, a tab or a comma
/// between, or a folder each in the order of the classes; lines that begin with # do not count.
///
/// # Examples
///
/// ```
/// use intformer::data::classes::{ClassFile, ClassFolder, ModelClasses, Wish, match_classes};
///
/// let file = ClassFile::parse("# folder, class\nbikes, 2\ncars, 0\n")?;
/// let wish = Wish {
///     file: Some(&file),
///     order: None,
/// };
/// let model = ModelClasses {
///     count: 3,
///     labels: &[],
///     order: None,
/// };
/// let folders = ["bikes", "cars"].map(|name| ClassFolder { name, empty: false });
/// let matching = match_classes(&folders, &model, &wish)?;
/// assert_eq!(matching.classes, [Some(2), Some(0)]);
/// # Ok::<(), intformer::Error>(())
/// ```
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
                if let Some(line) = text.lines().find(|line| line.len() > MAX_LINE) {
                    return fail(format!(
                        "expected lines of at most {MAX_LINE} bytes, found one of {}",
                        line.len()
                    ));
                }
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
    // No model has more classes.
    let most = 1 << 20;
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
