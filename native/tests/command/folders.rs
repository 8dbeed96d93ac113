//! Image folders as people have them, through `intformer eval`.

use std::{fs, path::Path};

use intformer::{ClassOrder, data::classes::imagenet, plan::IntModel};
use serde_json::{Value, json};

use crate::place::{self, Workplace};

const EVAL: &str = "eval model.safetensors -e reference --data";

/// Puts the image into each of `folders`.
fn show(place: &Workplace, folders: &[&str]) {
    for folder in folders {
        let folder = place.path(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(place.path("image.png"), folder.join("1.png")).unwrap();
    }
}

/// Saves `model`, and returns the class that it sees in the image.
fn use_model(place: &Workplace, mut model: IntModel) -> usize {
    let labels = std::mem::take(&mut model.labels);
    let path = place.path("model.safetensors");
    model.save(&path).unwrap();
    let answer = place.json("classify model.safetensors image.png -e reference --top 1");
    let class = answer["images"][0]["top"][0]["label"].as_str().unwrap();
    model.labels = labels;
    model.save(&path).unwrap();
    class.parse().unwrap()
}

/// The share of right answers, and the rule that matched the classes.
fn right(answer: &Value) -> (f64, &str) {
    let top1 = answer["top1"].as_f64().unwrap();
    (top1, answer["matched"].as_str().unwrap())
}

/// The class that the model of the workplace sees in the image, by name, and another.
fn seen(place: &Workplace) -> [String; 2] {
    let answer = place.json("classify model.safetensors image.png -e reference --top 2");
    [0, 1].map(|rank| {
        let label = &answer["images"][0]["top"][rank]["label"];
        label.as_str().unwrap().to_owned()
    })
}

#[test]
fn imagenets_ids_and_names_are_the_same_classes() {
    let place = Workplace::new();
    let mut model = place::model(1000, 1);
    let class = use_model(&place, model.clone());
    let (id, names) = imagenet::class(class).unwrap();
    let (other, _) = imagenet::class((class + 1) % 1000).unwrap();
    show(&place, &[&format!("ids/{id}"), &format!("ids/{other}")]);
    let name = names.replace(", ", "_").replace(' ', "_");
    show(&place, &[&format!("names/{name}")]);
    // Without names, ids decide alone.
    let answer = place.json(&format!("{EVAL} ids"));
    assert_eq!(right(&answer), (0.5, "wordnet-ids"));
    assert!(
        place
            .refused(&format!("{EVAL} names"))
            .contains("--classes")
    );
    for label in [
        |_: &str, names: &str| names.to_owned(),
        |id: &str, _: &str| id.to_owned(),
    ] {
        let classes = (0..1000).map(|class| imagenet::class(class).unwrap());
        model.labels = classes.map(|(id, names)| label(id, names)).collect();
        use_model(&place, model.clone());
        assert_eq!(right(&place.json(&format!("{EVAL} ids"))).0, 0.5);
        assert_eq!(
            right(&place.json(&format!("{EVAL} names"))),
            (1.0, "alike-names")
        );
    }
    show(&place, &["two/crane"]);
    let sentence = place.refused(&format!("{EVAL} two"));
    assert!(
        sentence.contains("n02012849") && sentence.contains("n03126707"),
        "{sentence}"
    );
    // Of so many classes the ids say nothing.
    place::model(12_000, 1)
        .save(place.path("model.safetensors"))
        .unwrap();
    let sentence = place.refused(&format!("{EVAL} ids"));
    assert!(
        sentence.contains("12000") && sentence.contains("--classes"),
        "{sentence}"
    );
}

#[test]
fn numbers_are_in_the_order_that_is_known() {
    let place = Workplace::new();
    // One for which the orders differ.
    let (mut model, class) = (1..)
        .map(|seed| place::model(12, seed))
        .map(|model| (model.clone(), use_model(&place, model)))
        .find(|(_, class)| *class > 1)
        .unwrap();
    let mut strings: Vec<_> = (0..12).map(|number| number.to_string()).collect();
    for number in &strings {
        fs::create_dir_all(place.path("natural").join(number)).unwrap();
        fs::create_dir_all(place.path("string").join(number)).unwrap();
    }
    strings.sort();
    show(
        &place,
        &[
            &format!("natural/{class}"),
            &format!("string/{}", strings[class]),
        ],
    );
    // Folders without images say nothing of an order, unless it is given.
    let sentence = place.refused(&format!("{EVAL} natural"));
    assert!(sentence.contains("11 of them empty"), "{sentence}");
    let number = place.json(&format!("{EVAL} natural --class-order number"));
    assert_eq!(right(&number), (1.0, "numbers"));
    for (order, name) in [
        (ClassOrder::Natural, "natural"),
        (ClassOrder::String, "string"),
    ] {
        let rule = format!("{name}-order");
        let eval = format!("{EVAL} {name}");
        model.class_order = None;
        model.save(place.path("model.safetensors")).unwrap();
        let told = place.json(&format!("{eval} --class-order {name}"));
        assert_eq!(right(&told), (1.0, rule.as_str()));
        assert_eq!(told["empty"].as_array().unwrap().len(), 11);
        // The same image in every folder is right in one.
        let all: Vec<_> = strings.iter().map(|at| format!("{name}/{at}")).collect();
        show(&place, &all.iter().map(String::as_str).collect::<Vec<_>>());
        let sentence = place.refused(&eval);
        assert!(sentence.contains("--class-order"), "{sentence}");
        model.class_order = Some(order);
        model.save(place.path("model.safetensors")).unwrap();
        let found = place.json(&eval);
        let (top1, matched) = right(&found);
        assert_eq!(((12.0 * top1).round(), matched), (1.0, rule.as_str()));
    }
    show(&place, &[&format!("few/{class}")]);
    assert!(place.refused(&format!("{EVAL} few")).contains("--classes"));
    let number = place.json(&format!("{EVAL} few --class-order number"));
    assert_eq!(right(&number), (1.0, "numbers"));
}

#[test]
fn a_file_says_which_class_a_folder_is() {
    let place = Workplace::new();
    let [best, other] = seen(&place);
    show(&place, &["data/yes", "data/no"]);
    assert!(
        place
            .refused(&format!("{EVAL} data"))
            .contains("\"no\", \"yes\"")
    );
    let number = |label: &str| "abcde".find(label).unwrap();
    for text in [
        format!("# folders\nyes {best}\nno {other}\n"),
        format!("yes,{}\nno,{}\n", number(&best), number(&other)),
        format!("{{\"yes\": \"{best}\", \"no\": {}}}", number(&other)),
        format!(
            "{{\"{}\": \"yes\", \"{}\": \"no\"}}",
            number(&best),
            number(&other)
        ),
    ] {
        fs::write(place.path("classes"), &text).unwrap();
        let answer = place.json(&format!("{EVAL} data --classes classes"));
        assert_eq!(right(&answer), (0.5, "file"), "{text}");
    }
    for (text, part) in [
        (format!("yes {best}\n"), "found none for 1 of 2: \"no\""),
        ("yes a\nno nothing\n".to_owned(), "line 2"),
        ("yes 5\n".to_owned(), "below 5"),
    ] {
        fs::write(place.path("classes"), text).unwrap();
        let sentence = place.refused(&format!("{EVAL} data --classes classes"));
        assert!(sentence.contains(part), "{sentence}");
    }
    place.refused(&format!("{EVAL} data --classes missing"));
}

#[test]
fn what_cannot_be_read_is_counted_and_named() {
    let place = Workplace::new();
    let [best, other] = seen(&place);
    show(&place, &[&format!("data/{best}"), &format!("data/{other}")]);
    let file = |name: &str, text: &str| {
        let path = place.path("data").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    file(&format!("{best}/z.jpg"), "<html>404</html>");
    file(&format!("{other}/z.heic"), "");
    file(&format!("{other}/.DS_Store"), "");
    file(&format!("__MACOSX/{best}/._1.png"), "");
    file(".ipynb_checkpoints/x.png", "");
    fs::create_dir_all(place.path("data/zzz_empty")).unwrap();
    let eval = format!("{EVAL} data");
    let answer = place.json(&eval);
    assert_eq!((&answer["n"], right(&answer)), (&json!(2), (0.5, "names")));
    let skipped = &answer["skipped"];
    assert_eq!(skipped.as_array().unwrap().len(), 1);
    let path = Path::new(skipped[0]["path"].as_str().unwrap());
    assert_eq!(path, Path::new("data").join(&best).join("z.jpg"));
    assert_eq!(answer["left_out"], json!({ "heic": 1 }));
    assert_eq!(answer["empty"], json!(["zzz_empty"]));
    let output = place.run(&eval);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0].starts_with("2 images on reference: top-1 50.00 %"),
        "{text}"
    );
    assert!(
        lines[1].starts_with("1 file could not be read: data"),
        "{text}"
    );
    assert_eq!(
        lines[2..],
        [
            "1 file left out: 1 .heic",
            "1 folder without an image: \"zzz_empty\""
        ]
    );
    let note = String::from_utf8(output.stderr).unwrap();
    assert_eq!(note, "classes by name\n");
    assert!(place.run(&format!("{eval} --quiet")).stderr.is_empty());

    let output = place.run(&format!("{eval} --strict --quiet"));
    assert_eq!(output.status.code(), Some(2));
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(
        sentence.contains("z.jpg") && output.stdout.is_empty(),
        "{sentence}"
    );
    for folder in [&best, &other] {
        file(&format!("{folder}/1.png"), "no image");
    }
    let sentence = String::from_utf8(place.run(&format!("{eval} --quiet")).stderr).unwrap();
    assert!(sentence.contains("found 3 that cannot"), "{sentence}");
}

#[test]
fn the_part_to_validate_with_is_found() {
    let place = Workplace::new();
    let [best, other] = seen(&place);
    let folder = |part: &str, class: &str| format!("data/{part}/{class}");
    show(
        &place,
        &[
            &folder("Train", &other),
            &folder("Val", &best),
            &folder("test", &other),
        ],
    );
    for (arguments, part, top1) in [
        ("", "val", 1.0),
        ("--split val", "val", 1.0),
        ("--split train", "train", 0.0),
        ("--split test", "test", 0.0),
    ] {
        let answer = place.json(&format!("{EVAL} data {arguments}"));
        assert_eq!(
            (&answer["part"], right(&answer)),
            (&json!(part), (top1, "names"))
        );
    }
    assert!(place.json(&format!("{EVAL} data/Val"))["part"].is_null());
    let sentence = place.refused(&format!("{EVAL} data/Val --split val"));
    assert!(sentence.contains("expected parts"), "{sentence}");
    fs::remove_dir_all(place.path("data/Val")).unwrap();
    fs::remove_dir_all(place.path("data/test")).unwrap();
    let sentence = place.refused(&format!("{EVAL} data"));
    assert!(sentence.contains("found train"), "{sentence}");
}
