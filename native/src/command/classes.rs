//! Which of a model's classes the folders of a data set are.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use intformer::{
    ClassOrder,
    data::classes::{ClassFile, FolderOrder, Wish},
};

/// How folders are matched to the classes of a model.
#[derive(Args)]
#[command(next_help_heading = "Classes")]
pub struct ClassArguments {
    /// A file that says which class a folder is: JSON ({"cat": 3}, {"3": "cat"}, {"3": ["n02123045",
    /// "tabby"]}, ["first", "second"]) or lines (cat 3). A class is its number or its name.
    #[arg(long, value_name = "FILE", conflicts_with = "class_order")]
    classes: Option<PathBuf>,
    /// How folders of a model without names of classes are numbered, where names do not decide.
    #[arg(long, value_enum)]
    class_order: Option<OrderArgument>,
}

/// The ways to number folders.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum OrderArgument {
    /// Sorted as strings, 0 1 10 2, as torchvision trains.
    String,
    /// Sorted by number, 0 1 2 10, as timm trains.
    Natural,
    /// Each by its name, as in ImageNetV2.
    Number,
}

/// What the arguments say.
#[derive(Default)]
pub struct Said {
    file: Option<ClassFile>,
    order: Option<FolderOrder>,
}

impl ClassArguments {
    /// Reads the file, if there is one.
    pub fn read(&self) -> Result<Said> {
        Ok(Said {
            file: self.classes.as_ref().map(ClassFile::read).transpose()?,
            order: self.class_order.map(|order| match order {
                OrderArgument::String => FolderOrder::Sorted(ClassOrder::String),
                OrderArgument::Natural => FolderOrder::Sorted(ClassOrder::Natural),
                OrderArgument::Number => FolderOrder::Number,
            }),
        })
    }
}

impl Said {
    /// As the library takes it.
    pub fn wish(&self) -> Wish<'_> {
        Wish {
            file: self.file.as_ref(),
            order: self.order,
        }
    }
}
