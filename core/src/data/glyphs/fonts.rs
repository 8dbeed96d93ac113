//! The text faces installed on a machine, in groups that look alike.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use ab_glyph::{Font, FontRef, Outline};
use fontdb::{Database, FaceInfo, Source, Style, Weight};
use rayon::prelude::*;

use super::{GlyphOptions, draw};
use crate::{Error, Result};

/// Words of family names that make a family no text face.
const SKIPPED: &str = include_str!("skipped_families.txt");

/// First words that stand for a foundry whose families share outlines.
const FOUNDRIES: [&str; 14] = [
    "bitstream",
    "cmu",
    "dejavu",
    "gentium",
    "ipa",
    "latin",
    "liberation",
    "lm",
    "migu",
    "noto",
    "nimbus",
    "stix",
    "takao",
    "wenquanyi",
];

/// Words that tell apart the members of one type family.
const MEMBERS: &str = "sans serif mono monospace slab display text book caption titling narrow \
    condensed cond cn wide semicondensed extended expanded thin light regular medium demi semi \
    bold semibold black heavy italic oblique slanted upright new basic plus compact no2 no3 std \
    pro neue ui code term prop ot otf ttf tt adf ps gwf sil minus variable alternates alta \
    rounded classic unicode small half 1 2 3 1c 1m 1p 2c 2m 2p 10 50 60 b c d e em eem f z o";

/// Side of the small rasters by which glyphs are compared.
const SIDE: usize = 12;

/// Largest mean difference, of 255, between the rasters of families that count as one design.
const ALIKE: u64 = 11;

/// A face with the outlines of all characters.
pub(super) struct Face {
    /// Height of a capital letter in font units.
    pub capital: f32,
    /// Outlines in the order of the characters.
    pub outlines: Vec<Outline>,
    /// Small rasters of some of the characters, end to end.
    signature: Vec<u8>,
}

/// The faces of a family.
pub(super) struct Family {
    /// Its name.
    pub name: String,
    /// Its faces, sorted by style, weight and stretch.
    pub faces: Vec<Face>,
}

/// Families of one design; all of a group are in the same split.
pub(super) struct Group {
    /// The least of the families' root names.
    pub name: String,
    /// The families, sorted by name.
    pub families: Vec<Family>,
}

impl Group {
    /// Names of the families.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.families.iter().map(|family| family.name.as_str())
    }
}

/// What decides which of two equal faces is kept, and their order.
type FaceKey = (String, u8, u16, u16, PathBuf, u32);

/// Finds the text families that `options` ask for and that have all characters.
pub(super) fn discover(options: &GlyphOptions) -> Result<Vec<Group>> {
    let mut database = Database::new();
    if options.roots.is_empty() {
        database.load_system_fonts();
    }
    for root in &options.roots {
        if !root.is_dir() {
            return Err(Error::Data(format!(
                "expected a folder of fonts, found {}",
                root.display()
            )));
        }
        database.load_fonts_dir(root);
    }
    let mut keys: Vec<FaceKey> = database
        .faces()
        .filter_map(|face| key(face, options))
        .collect();
    keys.sort();
    // The same face in two formats or two folders counts once.
    keys.dedup_by(|b, a| (&a.0, a.1, a.2, a.3) == (&b.0, b.1, b.2, b.3));

    let characters = options.characters();
    let faces: Vec<Option<Face>> = keys
        .par_iter()
        .map(|(.., path, index)| read(path, *index, &characters))
        .collect();
    let mut families: BTreeMap<String, Vec<Face>> = BTreeMap::new();
    for (key, face) in keys.into_iter().zip(faces) {
        if let Some(face) = face {
            families.entry(key.0).or_default().push(face);
        }
    }
    let families = families
        .into_iter()
        .map(|(name, faces)| Family { name, faces })
        .collect();
    Ok(group(families))
}

/// The order of a face among the usable ones, or none if it is no upright or slanted text face.
fn key(face: &FaceInfo, options: &GlyphOptions) -> Option<FaceKey> {
    let family = &face.families.first()?.0;
    let wanted = match options.families.is_empty() {
        true => !skipped(family),
        false => options.families.contains(family),
    };
    let weight = (Weight::LIGHT..=Weight::EXTRA_BOLD).contains(&face.weight);
    let path = match &face.source {
        Source::File(path) | Source::SharedFile(path, _) => path.clone(),
        Source::Binary(_) => return None,
    };
    let style = match face.style {
        Style::Normal => 0,
        Style::Italic => 1,
        Style::Oblique => 2,
    };
    (wanted && weight).then(|| {
        let stretch = face.stretch.to_number();
        (
            family.clone(),
            style,
            face.weight.0,
            stretch,
            path,
            face.index,
        )
    })
}

/// The outlines of `characters` in a face; none if one is missing, empty or drawn like another.
fn read(path: &Path, index: u32, characters: &[char]) -> Option<Face> {
    /// No text font is as large, but a broken link to something else may be.
    const LARGEST: u64 = 64 << 20;
    if std::fs::metadata(path).ok()?.len() > LARGEST {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let font = FontRef::try_from_slice_and_index(&bytes, index).ok()?;
    let mut outlines = Vec::with_capacity(characters.len());
    let mut rasters = Vec::with_capacity(characters.len());
    for &character in characters {
        let id = font.glyph_id(character);
        if id.0 == 0 {
            return None;
        }
        let outline = font.outline(id)?;
        rasters.push(draw::signature(&outline, SIDE)?);
        outlines.push(outline);
    }
    // Letters that are all the same box, or capitals and small letters that are one another, are
    // looks without meaning; `0` and `O` may be equal.
    let distinct: BTreeSet<&Vec<u8>> = rasters.iter().collect();
    if distinct.len() * 4 < rasters.len() * 3 {
        return None;
    }
    let capital = font.outline(font.glyph_id('H'))?.bounds;
    let capital = (capital.max.y - capital.min.y).abs();
    if capital.is_nan() || capital <= 0.0 {
        return None;
    }
    // Every third character is enough to tell designs apart.
    let signature = rasters.into_iter().step_by(3).flatten().collect();
    Some(Face {
        capital,
        outlines,
        signature,
    })
}

/// The words of a family name, in lower case.
fn words(family: &str) -> Vec<String> {
    family
        .to_lowercase()
        .split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a family is on the list of those that are no text faces.
fn skipped(family: &str) -> bool {
    let words = words(family);
    SKIPPED
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .any(|line| {
            line.split(' ')
                .all(|wanted| words.iter().any(|word| word == wanted))
        })
}

/// The name that the members of a type family share.
fn root(family: &str) -> String {
    let words = words(family);
    let first = words.first().cloned().unwrap_or_default();
    if FOUNDRIES.contains(&first.as_str()) {
        return first;
    }
    let members: BTreeSet<&str> = MEMBERS.split_whitespace().collect();
    let kept: Vec<&str> = words
        .iter()
        .skip(1)
        .map(String::as_str)
        .filter(|word| !members.contains(word))
        .collect();
    [vec![first.as_str()], kept].concat().join(" ")
}

/// Whether two faces have one design: metric clones and renamed copies do.
fn alike(a: &Face, b: &Face) -> bool {
    let (a, b) = (&a.signature, &b.signature);
    let most = ALIKE * a.len() as u64;
    let mut sum = 0;
    for (a, b) in a.chunks(SIDE * SIDE).zip(b.chunks(SIDE * SIDE)) {
        sum += a
            .iter()
            .zip(b)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum::<u64>();
        if sum > most {
            return false;
        }
    }
    true
}

/// Puts families with one root name, or with faces that look alike, into one group.
fn group(families: Vec<Family>) -> Vec<Group> {
    let roots: Vec<String> = families.iter().map(|family| root(&family.name)).collect();
    let joined: Vec<(usize, usize)> = (0..families.len())
        .into_par_iter()
        .flat_map_iter(|a| {
            let (families, roots) = (&families, &roots);
            (0..a)
                .filter(move |&b| {
                    roots[a] == roots[b]
                        || families[a]
                            .faces
                            .iter()
                            .any(|face| families[b].faces.iter().any(|other| alike(face, other)))
                })
                .map(move |b| (a, b))
        })
        .collect();
    let mut leader: Vec<usize> = (0..families.len()).collect();
    fn find(leader: &mut [usize], mut at: usize) -> usize {
        while leader[at] != at {
            leader[at] = leader[leader[at]];
            at = leader[at];
        }
        at
    }
    for (a, b) in joined {
        let (a, b) = (find(&mut leader, a), find(&mut leader, b));
        leader[a.max(b)] = a.min(b);
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (index, family) in families.into_iter().enumerate() {
        let first = find(&mut leader, index);
        let group = groups.entry(first).or_insert_with(|| Group {
            name: roots[index].clone(),
            families: Vec::new(),
        });
        group.name = group.name.clone().min(roots[index].clone());
        group.families.push(family);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    groups
}
