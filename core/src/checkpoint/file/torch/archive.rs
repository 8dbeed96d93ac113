//! Where torch.save puts the bytes of storages.

use std::{
    collections::HashMap,
    io::{BufReader, Read, Seek, SeekFrom},
    sync::Arc,
};

use zip::{CompressionMethod, ZipArchive, ZipReadOptions};

use super::{super::Source, malformed};
use crate::{Error, Result};

/// A strided view of a storage.
#[derive(Debug)]
pub(in super::super) struct View {
    /// The key of the storage.
    pub(in super::super) storage: String,
    /// The first element.
    pub(super) offset: usize,
    pub(super) strides: Vec<usize>,
}

/// The storages of an open file.
pub(in super::super) struct Archive {
    layout: Layout,
    /// The storage that was read last.
    last: Option<(String, Arc<Vec<u8>>)>,
}

enum Layout {
    Zip(Zip),
    Legacy(Legacy),
}

/// A zip archive with an entry for each storage.
pub(super) struct Zip {
    archive: ZipArchive<BufReader<Box<dyn Source>>>,
    /// What the names of all entries begin with.
    root: String,
    /// Bytes of the file.
    size: u64,
}

/// Storages one after the other.
pub(super) struct Legacy {
    pub(super) source: BufReader<Box<dyn Source>>,
    /// The first byte of a storage's elements and how many bytes there are.
    pub(super) places: HashMap<String, (u64, u64)>,
}

impl Zip {
    /// Opens an archive whose entries are not compressed and no longer than the file.
    pub(super) fn open(source: Box<dyn Source>, size: u64) -> Result<Self> {
        let unreadable = |error| malformed(&format!("no zip archive: {error}"));
        let mut archive = ZipArchive::new(BufReader::new(source)).map_err(unreadable)?;
        let mut root: Option<String> = None;
        let mut script = false;
        let mut keras = false;
        let mut left = size;
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(unreadable)?;
            let name = String::from_utf8_lossy(entry.name_raw());
            script |= name.ends_with("constants.pkl");
            keras |= name == "model.weights.h5";
            if let Some(start) = name.strip_suffix("data.pkl")
                && (start.is_empty() || start.ends_with('/'))
                && root.as_ref().is_none_or(|root| start.len() < root.len())
            {
                root = Some(start.to_owned());
            }
            if entry.compression() != CompressionMethod::Stored {
                return Err(Error::Checkpoint(format!(
                    "expected entries without compression as torch.save writes them, found {}",
                    entry.compression()
                )));
            }
            // Entries may overlap: together they would be longer than the file.
            left = left
                .checked_sub(entry.size())
                .ok_or_else(|| malformed("entries that are longer than the file"))?;
        }
        let other = |what: &str| {
            Err(Error::Checkpoint(format!(
                "expected a file of torch.save, found {what}"
            )))
        };
        if script {
            return other("a TorchScript archive: save the state_dict() of the model instead");
        }
        match root {
            Some(root) => Ok(Self {
                archive,
                root,
                size,
            }),
            None if keras => other("a Keras model"),
            None => other("a zip archive of other files"),
        }
    }

    /// The entry `name` under the archive's root, at most `most` bytes; `None` if there is none.
    pub(super) fn entry(&mut self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let name = format!("{}{name}", self.root);
        let Some(index) = self.archive.index_for_name(&name) else {
            return Ok(None);
        };
        let unreadable = |error: &dyn std::fmt::Display| malformed(&format!("{name}: {error}"));
        let raw = self.archive.by_index_raw(index);
        // torch.save can be told to write no checksum, which then is 0.
        let unchecked = raw.map_err(|error| unreadable(&error))?.crc32() == 0;
        let options = ZipReadOptions::new().ignore_crc32(unchecked);
        let entry = self.archive.by_index_with_options(index, options);
        let entry = entry.map_err(|error| unreadable(&error))?;
        let size = entry.size();
        if size > most.min(self.size) {
            return Err(malformed(&format!(
                "{size} bytes in {name} where at most {most} are expected"
            )));
        }
        let mut bytes = Vec::new();
        // One byte more, so that the end is reached and the checksum looked at.
        let read = entry.take(size + 1).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(&error))?;
        match bytes.len() as u64 == size {
            true => Ok(Some(bytes)),
            false => Err(malformed(&format!(
                "{} of {size} bytes in {name}",
                bytes.len()
            ))),
        }
    }
}

impl Archive {
    pub(super) fn zip(zip: Zip) -> Self {
        Self {
            layout: Layout::Zip(zip),
            last: None,
        }
    }

    pub(super) fn legacy(legacy: Legacy) -> Self {
        Self {
            layout: Layout::Legacy(legacy),
            last: None,
        }
    }

    /// The elements of `size` bytes each of the tensor `name`, in the order of its indices.
    pub(in super::super) fn read(
        &mut self,
        name: &str,
        view: &View,
        shape: &[usize],
        size: usize,
    ) -> Result<Vec<u8>> {
        let short = || malformed(&format!("the tensor {name} beyond the end of its storage"));
        let elements: usize = shape.iter().product();
        if elements == 0 {
            return Ok(Vec::new());
        }
        if shape.len() != view.strides.len() {
            return Err(malformed(&format!(
                "a tensor {name} without a stride for each side"
            )));
        }
        let mut end = Some(view.offset);
        for (&extent, &stride) in shape.iter().zip(&view.strides) {
            let last = (extent - 1).checked_mul(stride);
            end = end.and_then(|end| end.checked_add(last?));
        }
        let end = end
            .and_then(|end| end.checked_add(1)?.checked_mul(size))
            .ok_or_else(short)?;
        let storage = self.storage(&view.storage)?;
        let bytes = storage.get(..end).ok_or_else(short)?;

        let mut stride = 1;
        let in_order = shape
            .iter()
            .zip(&view.strides)
            .rev()
            .all(|(&extent, &found)| {
                let expected = stride;
                stride *= extent;
                extent == 1 || found == expected
            });
        if in_order {
            return Ok(bytes[view.offset * size..].to_vec());
        }
        let mut out = Vec::with_capacity(elements * size);
        let mut index = vec![0; shape.len()];
        let mut at = view.offset;
        loop {
            out.extend_from_slice(&bytes[at * size..][..size]);
            let mut side = shape.len();
            loop {
                let Some(next) = side.checked_sub(1) else {
                    return Ok(out);
                };
                side = next;
                index[side] += 1;
                at += view.strides[side];
                if index[side] < shape[side] {
                    break;
                }
                at -= view.strides[side] * shape[side];
                index[side] = 0;
            }
        }
    }

    fn storage(&mut self, key: &str) -> Result<Arc<Vec<u8>>> {
        if let Some((last, bytes)) = &self.last
            && last == key
        {
            return Ok(bytes.clone());
        }
        let bytes = match &mut self.layout {
            Layout::Zip(zip) => zip
                .entry(&format!("data/{key}"), u64::MAX)?
                .ok_or_else(|| malformed(&format!("no storage {key}")))?,
            Layout::Legacy(legacy) => legacy.storage(key)?,
        };
        let bytes = Arc::new(bytes);
        self.last = Some((key.to_owned(), bytes.clone()));
        Ok(bytes)
    }
}

impl Legacy {
    fn storage(&mut self, key: &str) -> Result<Vec<u8>> {
        let &(start, length) = self
            .places
            .get(key)
            .ok_or_else(|| malformed(&format!("no storage {key}")))?;
        let unreadable = |error| malformed(&format!("storage {key}: {error}"));
        let moved = self.source.seek(SeekFrom::Start(start));
        moved.map_err(unreadable)?;
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(length).read_to_end(&mut bytes);
        read.map_err(unreadable)?;
        match bytes.len() as u64 == length {
            true => Ok(bytes),
            false => Err(malformed(&format!("the end inside of storage {key}"))),
        }
    }
}
