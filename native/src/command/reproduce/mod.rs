//! `intformer reproduce`: a paper's claim, shown or not by one command.

mod hscore;
mod optin;
mod relu;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{answer::Answer, cli::Globals};

/// Repeats the study of a paper, as far as this machine can, and reports what came out.
///
/// Example: intformer reproduce relu --out relu-study
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// Which study.
    #[command(subcommand)]
    what: What,
}

/// The studies.
#[derive(Subcommand)]
enum What {
    /// GELU to ReLU by iterative distillation (arXiv 2402.01169), on glyphs or a folder of images.
    ///
    /// Students of the teacher are made in several ways, with several seeds each, made integer-only
    /// and tested; the time of ReLU is measured against each form of GELU. The folder --out gets
    /// report.html and results.json. A run that was cut off goes on where it was when it is started
    /// again with the same options.
    ///
    /// Example: intformer reproduce relu --out relu-study
    ///
    /// Example: intformer reproduce relu --quick --out relu-quick
    ///
    /// Example: intformer reproduce relu --data clothes --teacher clothes-gelu.safetensors --out relu-clothes
    #[command(verbatim_doc_comment)]
    Relu(relu::Relu),
    /// Dataset pruning by H-score (arXiv 2407.08887), on three sets of texts and two of images.
    ///
    /// Each set is scored with its labels as they are and with some of them flipped; then a model is trained on all of
    /// it, on the subsets of the scores and on as many examples by other scores, for as many epochs and for as many
    /// steps. The folder --out gets report.html and results.json. A run that was cut off goes on where it was when it
    /// is started again with the same options.
    ///
    /// Example: intformer reproduce hscore --out hscore-study
    ///
    /// Example: intformer reproduce hscore --quick --sets trec --out hscore-quick
    #[command(verbatim_doc_comment)]
    Hscore(hscore::Hscore),
    /// Pruning of heads and channels without training: OPTIN (arXiv 2403.17921) against Kwon's framework (arXiv
    /// 2204.09656), Fisher information, magnitude, chance and a greedy search.
    ///
    /// Encoders are trained on three sets of texts, and Swins on two of images; each is pruned to several shares of its
    /// multiply-adds in all ways, by several draws of examples, and tested; integer-only models of several shares are
    /// timed in turn. The folder --out gets report.html and results.json. A run that was cut off goes on where it was
    /// when it is started again with the same options.
    ///
    /// Example: intformer reproduce optin --out optin-study
    ///
    /// Example: intformer reproduce optin --quick --tasks glyphs --out optin-quick
    #[command(verbatim_doc_comment)]
    Optin(optin::Optin),
}

impl Options {
    /// Runs the study.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        match &self.what {
            What::Relu(relu) => relu.run(globals),
            What::Hscore(hscore) => hscore.run(globals),
            What::Optin(optin) => optin.run(globals),
        }
    }
}
