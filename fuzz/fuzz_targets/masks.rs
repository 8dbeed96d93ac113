//! Any bytes as the mask of an image as large as they say: a refusal or a class for each pixel, never a panic.
#![no_main]

use intformer::{
    ImageShape, Preprocessing, Resize,
    data::{Dataset, MaskFolder, Split},
    dense::IGNORED,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("classes.txt"), "a\nb\nc\n").expect("a file");
    let [images, masks] = ["images", "masks"].map(|kind| {
        let path = folder.path().join("val").join(kind);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    });
    // Width and height of a PNG file; of small ones there is an image.
    let side = |at: usize| match bytes.get(at..at + 4) {
        Some(&[0, 0, 0, side]) => u32::from(side).clamp(1, 64),
        _ => 1,
    };
    image::GrayImage::new(side(16), side(20))
        .save(images.join("a.png"))
        .expect("an image");
    std::fs::write(masks.join("a.png"), bytes).expect("a file");
    let preprocessing = Preprocessing::imagenet(1, Resize::Squash);
    let shape = ImageShape::new(5, 7, 1);
    let data = MaskFolder::open(folder.path(), &[Split::Validation], shape, preprocessing);
    let data = data.expect("a folder with masks");
    let sound = data.check(|| ()).is_ok();
    match data.get(0, 0) {
        Ok((scene, _)) => {
            assert!(sound && scene.mask.len() == 35);
            assert!(scene.mask.iter().all(|&class| class < 3 || class == IGNORED));
        }
        Err(_) => assert!(!sound),
    }
});
