//! Training that outlives a damaged file.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{FolderDataset, Skipped, unread};
use crate::{Error, Pixels, Result, data::Dataset};

/// A folder in which the place of an image that cannot be read is taken by the next one of its class.
///
/// So the images of an epoch are as many as before, and the same whenever a run goes on, as long as
/// the files are.
#[derive(Debug)]
pub struct Sturdy {
    data: FolderDataset,
    /// Images that could not be read.
    damaged: Mutex<BTreeMap<usize, Skipped>>,
}

impl Sturdy {
    /// The images of `data`.
    pub fn new(data: FolderDataset) -> Self {
        Self {
            data,
            damaged: Mutex::default(),
        }
    }

    /// The images themselves.
    pub fn data(&self) -> &FolderDataset {
        &self.data
    }

    /// The images that could not be read so far, by index.
    pub fn damaged(&self) -> Vec<Skipped> {
        let damaged = self.damaged.lock();
        let damaged = damaged.unwrap_or_else(PoisonError::into_inner);
        damaged.values().cloned().collect()
    }

    /// The image at `index`; `None` if it cannot be read, which is noted.
    fn read(&self, epoch: u64, index: usize) -> Result<Option<(Pixels, usize)>> {
        let damaged = || self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        if damaged().contains_key(&index) {
            return Ok(None);
        }
        match self.data.get(epoch, index) {
            Err(error) if error.is_file() => {
                let path = self.data.folder().path(index).unwrap_or("".as_ref());
                damaged().insert(index, Skipped::new(path, &error));
                Ok(None)
            }
            read => read.map(Some),
        }
    }
}

impl Dataset for Sturdy {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn labels(&self) -> &[String] {
        self.data.labels()
    }

    fn get(&self, epoch: u64, index: usize) -> Result<(Pixels, usize)> {
        let folder = self.data.folder();
        let Some(class) = folder.class(index) else {
            return self.data.get(epoch, index);
        };
        // Images of a class lie together.
        let start = folder.images.partition_point(|&(_, other)| other < class);
        let end = folder.images.partition_point(|&(_, other)| other <= class);
        for index in (index..end).chain(start..index) {
            if let Some(read) = self.read(epoch, index)? {
                return Ok(read);
            }
        }
        let label = &self.labels()[class];
        Err(Error::Data(format!(
            "class {label:?}: {}",
            match unread(&self.damaged()) {
                Error::Data(sentence) => sentence,
                other => other.to_string(),
            }
        )))
    }
}
