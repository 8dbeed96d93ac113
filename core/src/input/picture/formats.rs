//! The formats of image files that this build decodes.

/// The formats that this build decodes, as a sentence names them.
pub const FORMATS: &str = if cfg!(feature = "formats") {
    "PNG, JPEG, WebP, BMP, GIF, TIFF or PNM"
} else if cfg!(feature = "webp") {
    "PNG, JPEG or WebP"
} else {
    "PNG or JPEG"
};

/// Endings of the files that this build decodes, in lower case. A file is decoded by its bytes,
/// whatever its ending: these say which files of a folder are images.
pub const ENDINGS: &[&str] = &[
    "png",
    "jpg",
    "jpeg",
    "jpe",
    "jfif",
    #[cfg(feature = "webp")]
    "webp",
    #[cfg(feature = "formats")]
    "bmp",
    #[cfg(feature = "formats")]
    "gif",
    #[cfg(feature = "formats")]
    "tif",
    #[cfg(feature = "formats")]
    "tiff",
    #[cfg(feature = "formats")]
    "ppm",
    #[cfg(feature = "formats")]
    "pgm",
    #[cfg(feature = "formats")]
    "pbm",
    #[cfg(feature = "formats")]
    "pnm",
    #[cfg(feature = "formats")]
    "pam",
];
