//! Folders as people have them.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;
use crate::data::Split;

/// A folder with a file at each of `paths`, which need not be images; those that end in / are folders.
fn folder(paths: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in paths {
        let place = folder.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(place).unwrap();
        } else {
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, "no image").unwrap();
        }
    }
    folder
}

fn names(folder: &TempDir, images: impl IntoIterator<Item = impl AsRef<Path>>) -> Vec<String> {
    let name = |path: &Path| {
        path.strip_prefix(folder.path())
            .unwrap()
            .display()
            .to_string()
    };
    images.into_iter().map(|path| name(path.as_ref())).collect()
}

fn all(folder: &TempDir, images: &ImageFolder) -> Vec<String> {
    names(
        folder,
        (0..images.len()).map(|index| images.path(index).unwrap()),
    )
}

#[test]
fn what_systems_leave_behind_does_not_count() {
    let dir = folder(&[
        "a/0.png",
        "a/._0.png",
        "a/Thumbs.db",
        "a/@eaDir/0.png",
        "b/1.JPEG",
        "b/.DS_Store",
        "__MACOSX/a/._0.png",
        ".ipynb_checkpoints/x.png",
        "lost+found/",
        "README.md",
        "$RECYCLE.BIN/x.png",
    ]);
    let images = ImageFolder::open(dir.path()).unwrap();
    assert_eq!(images.labels(), ["a", "b"]);
    assert_eq!(all(&dir, &images), ["a/0.png", "b/1.JPEG"]);
    assert_eq!(images.findings(), &Findings::default());
    assert_eq!(images.findings().lines(), Vec::<String>::new());
}

#[test]
fn images_lie_at_any_depth_and_other_kinds_are_counted() {
    let dir = folder(&[
        "a/x/é y/2.jpg",
        "a/0.tif",
        "a/notes.txt",
        "a/p.heic",
        "b/q.HEIC",
        "b/r.avif",
        "b/1.png",
        "zzz/",
        "loose.jpg",
    ]);
    let images = ImageFolder::open(dir.path()).unwrap();
    assert_eq!(images.labels(), ["a", "b", "zzz"]);
    assert_eq!(all(&dir, &images), ["a/0.tif", "a/x/é y/2.jpg", "b/1.png"]);
    assert_eq!(
        (images.class(1), images.class(2), images.class(3)),
        (Some(0), Some(1), None)
    );
    let lines = images.findings().lines();
    assert_eq!(
        lines,
        [
            "3 files left out: 1 .avif, 2 .heic",
            "1 image beside the folders of the classes left out",
            "1 folder without an image: \"zzz\"",
        ]
    );
    let images = images.without_empty();
    assert_eq!(images.labels(), ["a", "b"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;

    let dir = folder(&["data/a/0.png", "elsewhere/1.png"]);
    let data = dir.path().join("data");
    symlink(dir.path().join("elsewhere"), data.join("b")).unwrap();
    symlink(data.join("a/0.png"), data.join("a/link.png")).unwrap();
    symlink(dir.path().join("nowhere.png"), data.join("a/gone.png")).unwrap();
    symlink(dir.path().join("nowhere"), data.join("c")).unwrap();
    symlink(&data, data.join("a/up")).unwrap();
    symlink(data.join("a"), data.join("b/side")).unwrap();
    let images = ImageFolder::open(&data).unwrap();
    assert_eq!(images.labels(), ["a", "b", "c"]);
    assert_eq!(
        all(&dir, &images),
        [
            "data/a/0.png",
            "data/a/link.png",
            "data/b/1.png",
            "data/b/side/0.png",
            "data/b/side/link.png",
        ]
    );
    let skipped = images.findings().skipped.iter();
    let skipped: Vec<_> = skipped
        .map(|one| (names(&dir, [&one.path]).remove(0), one.reason.as_str()))
        .collect();
    let (nowhere, circle) = (
        "a link that leads nowhere",
        "a link to a folder that it is in",
    );
    for expected in [
        ("data/a/gone.png", nowhere),
        ("data/a/up", circle),
        ("data/b/side/gone.png", nowhere),
        ("data/b/side/up", circle),
        ("data/c", nowhere),
    ] {
        assert!(
            skipped
                .iter()
                .any(|(path, reason)| (path.as_str(), *reason) == expected)
        );
    }
    assert_eq!(skipped.len(), 5, "{skipped:?}");
    assert_eq!(images.findings().empty, ["c"]);
}

#[test]
fn folders_without_images_are_refused() {
    for (paths, part) in [
        (&["1.png"] as &[_], "expected a folder for each class"),
        (&["a/", "b/"], "expected images"),
        (&["a/x.heic"], "1 file left out: 1 .heic"),
    ] {
        let dir = folder(paths);
        let sentence = ImageFolder::open(dir.path()).unwrap_err().to_string();
        assert!(sentence.contains(part), "{sentence}");
    }
    let deep = folder(&[&format!("{}x.png", "a/".repeat(40))]);
    let sentence = ImageFolder::open(deep.path()).unwrap_err().to_string();
    assert!(sentence.contains("deep"), "{sentence}");
}

#[test]
fn parts_are_found_where_there_are_nothing_but_parts() {
    let (train, validation, test) = (Split::Train, Split::Validation, Split::Test);
    let find =
        |dir: &TempDir, splits: &[Split]| parts::find(dir.path(), splits).map(|part| part.name);
    let dir = folder(&[
        "Train/a/1.png",
        "valid/a/1.png",
        "test/a/1.png",
        ".git/x",
        "README",
    ]);
    assert_eq!(find(&dir, &[train]).unwrap().unwrap(), "train");
    assert_eq!(find(&dir, &[validation, test]).unwrap().unwrap(), "valid");
    let found = parts::find(dir.path(), &[train]).unwrap();
    assert_eq!(found.path, dir.path().join("Train"));
    let (a, b) = parts::find_training(dir.path()).unwrap();
    assert_eq!(
        (a.name.unwrap(), b.unwrap().name.unwrap()),
        ("train".into(), "valid".into())
    );

    let dir = folder(&["train/a/1.png"]);
    let (alone, none) = parts::find_training(dir.path()).unwrap();
    assert_eq!((alone.name.as_deref(), none), (Some("train"), None));
    let classes = folder(&["a/1.png", "b/1.png"]);
    let (whole, none) = parts::find_training(classes.path()).unwrap();
    assert_eq!((whole.name, none), (None, None));
    assert_eq!(whole.path, classes.path());
    assert!(parts::find_training(folder(&["val/a/1.png"]).path()).is_err());
    let above = folder(&[
        "cars/a/1.png",
        "flowers/train/a/1.png",
        "flowers/val/a/1.png",
    ]);
    let sentence = parts::find_training(above.path()).unwrap_err().to_string();
    assert!(sentence.contains("found a folder train in"), "{sentence}");
    let sentence = find(&dir, &[validation, test]).unwrap_err().to_string();
    assert!(
        sentence.contains("expected a folder val or validation"),
        "{sentence}"
    );
    assert!(sentence.contains("found train"), "{sentence}");
    // Classes that are called like parts.
    for classes in [
        &["train/1.png", "test/1.png"] as &[_],
        &["train/a/1.png", "bus/1.png"],
    ] {
        let dir = folder(classes);
        assert_eq!(find(&dir, &[validation]).unwrap(), None);
    }
    assert!(parts::find_training(folder(&["train/a/1.png", "bus/1.png"]).path()).is_err());
    let dir = folder(&["train/a/1.png", "val/a/1.png", "notes/x.txt"]);
    let sentence = find(&dir, &[validation]).unwrap_err().to_string();
    assert!(
        sentence.contains("expected either parts or classes"),
        "{sentence}"
    );
    parts::find_training(dir.path()).unwrap();
}

#[test]
fn some_of_each_class_are_held_out() {
    let files: Vec<_> = (0..40)
        .map(|at| format!("{}/{at}.png", ["a", "b", "b", "b"][at % 4]))
        .collect();
    let files: Vec<&str> = files
        .iter()
        .map(String::as_str)
        .chain(["c/1.png", "notes.txt"])
        .collect();
    let dir = folder(&files);
    let open = || ImageFolder::open(dir.path()).unwrap();
    let [kept, held] = open().held_out(0.2, 3).unwrap();
    let classes = |folder: &ImageFolder| {
        let of = |class: usize| {
            (0..folder.len())
                .filter(|&at| folder.class(at) == Some(class))
                .count()
        };
        [of(0), of(1), of(2)]
    };
    // The only one of a class stays.
    assert_eq!((classes(&kept), classes(&held)), ([8, 24, 1], [2, 6, 0]));
    assert_eq!(kept.labels(), held.labels());
    let paths = |folder: &ImageFolder| -> Vec<_> {
        (0..folder.len())
            .map(|at| folder.path(at).unwrap().to_owned())
            .collect()
    };
    assert!(paths(&held).iter().all(|path| !paths(&kept).contains(path)));
    assert!(paths(&kept).is_sorted() && paths(&held).is_sorted());
    assert_eq!(paths(&open().held_out(0.2, 3).unwrap()[1]), paths(&held));
    assert_ne!(paths(&open().held_out(0.2, 4).unwrap()[1]), paths(&held));
    for share in [0.0, 1.0, -0.1, f64::NAN, 0.001] {
        assert!(open().held_out(share, 0).is_err(), "{share}");
    }
}

#[test]
fn calibration_takes_files_as_they_come() {
    let dir = folder(&[
        "photos/1.jpg",
        "photos/deep/er/2.png",
        "photos/3.heic",
        "4",
        "lists/list.txt",
        "empty/",
    ]);
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::write(
        path("lists/list.txt"),
        "# a comment\n../photos/1.jpg\r\n\n../4\n../photos\ngone.png\n",
    )
    .unwrap();
    let open = |sources: &[&str]| {
        let sources: Vec<_> = sources.iter().map(|source| path(source)).collect();
        ImageFiles::open(&sources)
    };
    let files = open(&["photos"]).unwrap();
    assert_eq!(
        names(&dir, &files.paths),
        ["photos/1.jpg", "photos/deep/er/2.png"]
    );
    assert_eq!(files.findings.left_out["heic"], 1);
    let files = open(&["4", "photos/1.jpg"]).unwrap();
    assert_eq!(names(&dir, &files.paths), ["4", "photos/1.jpg"]);
    for list in [
        path("lists/list.txt"),
        format!("@{}", path("lists/list.txt")),
    ] {
        let files = ImageFiles::open(&[list]).unwrap();
        assert_eq!(files.paths.len(), 4, "{:?}", files.paths);
        assert_eq!(files.findings.skipped.len(), 1);
    }
    open(&["missing"]).unwrap_err();
    open(&["missing.txt"]).unwrap_err();
    let sentence = open(&["empty"]).unwrap_err().to_string();
    assert!(sentence.contains("expected images in"), "{sentence}");
}

fn small() -> (ImageShape, Preprocessing) {
    let preprocessing = Preprocessing::imagenet(3, crate::Resize::Squash);
    (ImageShape::new(32, 32, 3), preprocessing)
}

fn draw(path: &Path, level: u8) {
    let image = image::RgbImage::from_pixel(8, 8, image::Rgb([level; 3]));
    image.save(path).unwrap();
}

#[test]
fn the_place_of_a_damaged_image_is_taken_by_the_next_of_its_class() {
    let dir = folder(&[
        "a/0.png", "a/1.png", "a/2.png", "b/3.png", "b/4.png", "c/5.png",
    ]);
    for (name, level) in [("a/1.png", 10), ("b/3.png", 30)] {
        draw(&dir.path().join(name), level);
    }
    let (shape, preprocessing) = small();
    let images = ImageFolder::open(dir.path()).unwrap();
    let sturdy = Sturdy::new(images.clone().dataset(shape, preprocessing.clone()));
    let read = |index| {
        sturdy
            .get(0, index)
            .map(|(pixels, class)| (pixels.data[0], class))
    };
    for _ in 0..2 {
        for (index, expected) in [
            (0, (10, 0)),
            (1, (10, 0)),
            (2, (10, 0)),
            (3, (30, 1)),
            (4, (30, 1)),
        ] {
            assert_eq!(read(index).unwrap(), expected, "{index}");
        }
    }
    assert_eq!(sturdy.damaged().len(), 3);
    let sentence = read(5).unwrap_err().to_string();
    assert!(sentence.contains("class \"c\""), "{sentence}");
    assert!(read(6).is_err());

    let bad = |index: usize| {
        let error = Error::Image(format!("{}: bad", images.path(index).unwrap().display()));
        (index, Skipped::new(images.path(index).unwrap(), &error))
    };
    let rest = images
        .clone()
        .without(&[bad(5), bad(0), bad(2), bad(4)])
        .unwrap();
    assert_eq!(all(&dir, &rest), ["a/1.png", "b/3.png"]);
    assert_eq!(rest.findings().skipped[0].reason, "bad");
    assert_eq!(rest.findings().empty, ["c"]);
    let none: Vec<_> = (0..6).map(bad).collect();
    assert!(images.clone().without(&none).is_err());

    let more: Vec<_> = ["c", "0", "a", "b"].map(str::to_owned).to_vec();
    let named = images.clone().with_labels(&more).unwrap();
    assert_eq!((named.class(0), named.class(5)), (Some(0), Some(3)));
    let sentence = images
        .clone()
        .with_labels(&more[..3])
        .unwrap_err()
        .to_string();
    assert!(sentence.contains("found \"b\""), "{sentence}");

    let labels: Vec<_> = ["x", "y", "z"].map(str::to_owned).to_vec();
    let turned = images
        .clone()
        .relabelled(labels.clone(), &[Some(2), Some(0), Some(1)])
        .unwrap();
    assert_eq!(all(&dir, &turned)[..2], ["b/3.png", "b/4.png"]);
    assert_eq!((turned.class(0), turned.class(5)), (Some(0), Some(2)));
    assert!(
        images
            .clone()
            .relabelled(labels, &[Some(2), None, Some(1)])
            .is_err()
    );
}
