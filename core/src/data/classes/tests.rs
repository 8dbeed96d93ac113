//! The rule, case by case.

use proptest::prelude::*;

use super::*;

struct Case {
    count: usize,
    labels: Vec<String>,
    order: Option<ClassOrder>,
    wish: Option<FolderOrder>,
    file: Option<ClassFile>,
    empty: Vec<String>,
}

/// A model of `count` classes without names.
fn bare(count: usize) -> Case {
    Case {
        count,
        labels: Vec::new(),
        order: None,
        wish: None,
        file: None,
        empty: Vec::new(),
    }
}

fn named(labels: &[&str]) -> Case {
    Case {
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..bare(labels.len())
    }
}

/// ImageNet's classes by all their names, as Hugging Face has them.
fn imagenet() -> Case {
    let names = (0..1000).map(|class| imagenet::class(class).unwrap().1.to_owned());
    Case {
        labels: names.collect(),
        ..bare(1000)
    }
}

impl Case {
    fn run<S: AsRef<str>>(&self, folders: &[S]) -> Result<Matching> {
        let empty = |name: &str| self.empty.iter().any(|empty| empty == name);
        let folders: Vec<_> = folders
            .iter()
            .map(|name| ClassFolder {
                name: name.as_ref(),
                empty: empty(name.as_ref()),
            })
            .collect();
        let model = ModelClasses {
            count: self.count,
            labels: &self.labels,
            order: self.order,
        };
        let wish = Wish {
            file: self.file.as_ref(),
            order: self.wish,
        };
        match_classes(&folders, &model, &wish)
    }

    #[track_caller]
    fn gives<S: AsRef<str>>(&self, folders: &[S], rule: &str, classes: &[usize]) {
        let matching = self.run(folders).unwrap();
        let found: Vec<_> = matching
            .classes
            .iter()
            .map(|class| class.unwrap())
            .collect();
        assert_eq!((matching.rule.name(), &found[..]), (rule, classes));
    }

    #[track_caller]
    fn refuses<S: AsRef<str>>(&self, folders: &[S], part: &str) {
        let sentence = self.run(folders).unwrap_err().to_string();
        assert!(sentence.contains(part), "{sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
    }
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

/// Numbers as folders are listed: sorted as strings.
fn listed(count: usize) -> Vec<String> {
    let mut names = numbers(count);
    names.sort();
    names
}

const NATURAL: Option<ClassOrder> = Some(ClassOrder::Natural);
const STRING: Option<ClassOrder> = Some(ClassOrder::String);
const TWELVE: [usize; 12] = [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9];

#[test]
fn names_go_first() {
    let model = named(&["b", "a", "c"]);
    model.gives(&["a", "b", "c"], "names", &[1, 0, 2]);
    model.gives(&["c"], "names", &[2]);
    model.gives(&["A", "b"], "alike-names", &[1, 0]);
    model.refuses(&["a", "x", "y"], "found 2 of 3 with others: \"x\", \"y\"");
    model.refuses(&["v", "w", "x", "y", "z"], "\"v\", \"w\", \"x\" and 2 more");
    let wished = Case {
        wish: Some(FolderOrder::Sorted(ClassOrder::String)),
        ..named(&["b", "a", "c"])
    };
    wished.gives(&["a", "b", "c"], "names", &[1, 0, 2]);
    wished.gives(&["x", "y", "z"], "string-order", &[0, 1, 2]);
    wished.refuses(&["a", "y", "z"], "found 2 of 3");
}

#[test]
fn wordnet_ids_and_imagenets_names_meet() {
    let folders = ["n01440764", "n01443537", "n02012849"];
    imagenet().gives(&folders, "alike-names", &[0, 1, 134]);
    bare(1000).gives(&folders, "wordnet-ids", &[0, 1, 134]);
    imagenet().gives(&["tench", "goldfish"], "alike-names", &[0, 1]);
    imagenet().refuses(
        &["crane"],
        "class 134 (n02012849 crane), class 517 (n03126707 crane)",
    );
    bare(1000).refuses(&["n00004475", "n01440764"], "found 1 of 2 others");
    bare(1000).refuses(&["tench", "goldfish"], "expected WordNet ids");
    // As many folders as classes are in order, whatever they are called, where orders agree.
    bare(3).gives(&folders, "string-order", &[0, 1, 2]);
    bare(200).refuses(&folders, "200 classes the WordNet ids of 3 folders");
    bare(21841).refuses(&folders, "--classes");
    let many: Vec<_> = (0..21841).map(|n| format!("n{n:08}")).collect();
    bare(21841).refuses(&many, "--classes");
}

#[test]
fn orders_that_differ_need_a_word() {
    bare(12).refuses(&listed(12), "--class-order");
    for (order, rule, classes) in [
        (NATURAL, "natural-order", &TWELVE),
        (
            STRING,
            "string-order",
            &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        ),
    ] {
        let model = Case { order, ..bare(12) };
        model.gives(&listed(12), rule, classes);
        model.refuses(&listed(11), "found 11");
        let wish = order.map(FolderOrder::Sorted);
        let told = Case { wish, ..bare(12) };
        told.gives(&listed(12), rule, classes);
        told.refuses(&listed(13), "12 classes, which have no names, found 13");
    }
    let padded: Vec<_> = (0..12).map(|n| format!("{n:02}")).collect();
    bare(12).gives(
        &padded,
        "string-order",
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    );
    bare(2).refuses(&["B", "a"], "--class-order");
    let natural = Case {
        order: NATURAL,
        ..bare(2)
    };
    natural.gives(&["B", "a"], "natural-order", &[1, 0]);
    natural.refuses(&["A", "a"], "two of the same");
}

#[test]
fn numbers_are_classes_where_they_must_be_or_are_said_to_be() {
    let number = |case| Case {
        wish: Some(FolderOrder::Number),
        ..case
    };
    number(bare(12)).gives(&["007", "11"], "numbers", &[7, 11]);
    number(bare(12)).refuses(&["7", "12"], "below 12, found \"12\"");
    number(bare(12)).refuses(&["7", "x"], "found \"x\"");
    number(named(&["x", "y"])).gives(&["1"], "numbers", &[1]);
    // The layout of ImageNetV2.
    let classes: Vec<usize> = listed(1000).iter().map(|n| n.parse().unwrap()).collect();
    imagenet().gives(&listed(1000), "numbers", &classes);
    imagenet().refuses(&listed(999), "with others");
    let timm = Case {
        order: NATURAL,
        ..bare(1000)
    };
    timm.gives(&listed(1000), "natural-order", &classes);
    // A trainer that sorts strings saw WordNet ids, or these numbers: no telling.
    let torchvision = Case {
        order: STRING,
        ..bare(1000)
    };
    torchvision.refuses(&listed(1000), "--class-order");
    // A part of the numbers may begin at 1 where the model was trained.
    for order in [NATURAL, STRING, None] {
        let model = Case { order, ..bare(12) };
        model.refuses(&["1", "5"], "found 2");
    }
    // Names that only repeat the number are none.
    let labels = (0..12).map(|n| format!("LABEL_{n}")).collect();
    let generic = Case { labels, ..bare(12) };
    generic.refuses(&listed(12), "--class-order");
    let labels = numbers(12);
    Case { labels, ..bare(12) }.gives(&listed(12), "names", &TWELVE);
    // Other names do not say what number a folder is, but where every reading is the same.
    let letters = ["a", "b", "c"];
    named(&letters).gives(&["0", "1", "2"], "string-order", &[0, 1, 2]);
    named(&letters).refuses(&["1", "2", "3"], "with others");
}

#[test]
fn empty_folders_count_where_that_makes_sense() {
    let empty = |name: &str, case| Case {
        empty: vec![name.to_owned()],
        ..case
    };
    let classes = |case: Case, folders: &[&str]| case.run(folders).map(|found| found.classes);
    // As many folders as classes: the empty one keeps its place if the user says the order.
    empty("b", bare(3)).refuses(&["a", "b", "c"], "found 3, 1 of them empty");
    let wished = Case {
        wish: Some(FolderOrder::Sorted(ClassOrder::String)),
        ..empty("b", bare(3))
    };
    let found = classes(wished, &["a", "b", "c"]).unwrap();
    assert_eq!(found, [Some(0), Some(1), Some(2)]);
    // One too many: it is no class.
    let found = classes(empty("b", bare(2)), &["a", "b", "c"]).unwrap();
    assert_eq!(found, [Some(0), None, Some(1)]);
    empty("b", bare(4)).refuses(&["a", "b", "c"], "found 3, 1 of them empty");
    let found = classes(empty("zzz", named(&["a", "b"])), &["a", "zzz"]).unwrap();
    assert_eq!(found, [Some(0), None]);
    let found = classes(empty("zzz", bare(1000)), &["n01443537", "zzz"]);
    // With a name that is no WordNet id, but without images.
    assert_eq!(found.unwrap(), [Some(1), None]);
}

#[test]
fn a_file_decides_before_all() {
    let file = |text: &str, case| Case {
        file: Some(ClassFile::parse(text).unwrap()),
        ..case
    };
    file("a 2\nb 0", named(&["a", "b", "c"])).gives(&["a", "b"], "file", &[2, 0]);
    let index = r#"{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}"#;
    file(index, bare(5)).gives(&["goldfish", "n01440764"], "file", &[1, 0]);
    file("a 0", bare(5)).refuses(&["a", "b", "c"], "none for 2 of 3: \"b\", \"c\"");
    file("a n01443537", bare(1000)).gives(&["a"], "file", &[1]);
    let text = "a tench\nb 3";
    file(text, imagenet()).gives(&["a", "b"], "file", &[0, 3]);
}

proptest! {
    /// Whatever decides without a word of the user, no two folders are the same class, and a model
    /// without names is only read in full.
    #[test]
    fn nothing_is_guessed(
        folders in prop::collection::btree_set("[aB0-2]{1,3}", 1..8),
        count in 1..8usize,
        order in prop::sample::select(vec![None, NATURAL, STRING]),
    ) {
        let folders: Vec<_> = folders.into_iter().collect();
        if let Ok(matching) = (Case { order, ..bare(count) }).run(&folders) {
            prop_assert_eq!(folders.len(), count);
            let mut classes: Vec<_> = matching.classes.iter().flatten().copied().collect();
            classes.sort_unstable();
            prop_assert_eq!(classes, (0..count).collect::<Vec<_>>());
            if order.is_none() {
                prop_assert_eq!(order::places(&folders, ClassOrder::String), order::places(&folders, ClassOrder::Natural));
            }
        }
    }

    #[test]
    fn folders_of_some_of_imagenets_classes_are_those(classes in prop::collection::btree_set(0..1000usize, 1..30)) {
        let ids: Vec<_> = classes.iter().map(|&class| imagenet::class(class).unwrap().0).collect();
        let expected: Vec<_> = classes.iter().map(|&class| Some(class)).collect();
        prop_assert_eq!(bare(1000).run(&ids).unwrap().classes, expected.clone());
        prop_assert_eq!(imagenet().run(&ids).unwrap().classes, expected);
    }
}
