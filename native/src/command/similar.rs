//! `intformer similar`: the texts that are nearest to one.

use std::{fmt::Write, path::PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::embed::embed;
use crate::{
    answer::Answer,
    cli::{Globals, count},
    executor::{Choice, Logits},
    model::Model,
    reading::Reading,
    texts::{Column, encode, tokenizer_of},
};

/// Finds the texts of a file that are nearest to a query, by the cosine of their embeddings.
///
/// Cosines are of integers: sums of products are exact, so the order is the same everywhere.
///
/// Example: intformer similar minilm.safetensors "How do I get my money back?" --in questions.txt
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// The model's file, a checkpoint's folder, or a Hugging Face id.
    model: String,
    /// The text to compare with.
    query: String,
    #[command(flatten)]
    reading: Reading,
    /// The texts: one a line, or the column --column of a .csv, .tsv, .jsonl or .parquet.
    #[arg(long = "in", short = 'i', value_name = "FILE")]
    texts: PathBuf,
    #[command(flatten)]
    column: Column,
    /// What runs the model.
    #[arg(long, short, value_enum, default_value_t = Choice::Auto)]
    executor: Choice,
    /// How many texts to show.
    #[arg(long, short = 'k', default_value_t = 5, value_parser = count())]
    top: usize,
}

impl Options {
    /// Compares the texts.
    pub fn run(&self, globals: &Globals) -> Result<Answer> {
        let model = Model::load(&self.model, &self.reading, globals)?;
        let table = self.column.read(&self.texts)?;
        let mut all = vec![self.query.clone()];
        all.extend(table.texts);
        let texts = encode(&tokenizer_of(&model)?, all, globals)?;
        let embedded = embed(&model, &texts, self.executor, globals)?;
        let query = &embedded.vectors[0];
        let others = texts.iter().zip(&embedded.vectors).skip(1);
        let mut found: Vec<_> = others
            .zip(table.places)
            .map(|((text, vector), line)| (cosine(query, vector), line, &text.text))
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(self.top);
        let mut text = String::new();
        let mut list = Vec::new();
        for (cosine, line, found) in found {
            writeln!(text, "{cosine:7.4}  {found}")?;
            list.push(json!({ "text": found, "line": line, "cosine": cosine }));
        }
        let digest = query.digest();
        Answer::new(
            text,
            &json!({ "similar": list, "digest": digest, "executor": embedded.executor }),
        )
    }
}

/// The cosine of two vectors, 0 if one is all zeros.
fn cosine(a: &Logits, b: &Logits) -> f64 {
    let [dot, a, b] = match (a, b) {
        (Logits::Integer(a), Logits::Integer(b)) => {
            let dot = |a: &[i32], b: &[i32]| -> f64 {
                let products = a.iter().zip(b).map(|(&a, &b)| i64::from(a) * i64::from(b));
                products.sum::<i64>() as f64
            };
            [dot(a, b), dot(a, a), dot(b, b)]
        }
        #[cfg(feature = "float")]
        _ => {
            let (a, b) = (a.real(1.0), b.real(1.0));
            let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
            [dot(&a, &b), dot(&a, &a), dot(&b, &b)]
        }
    };
    let lengths = (a * b).sqrt();
    if lengths > 0.0 { dot / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_of_integers() {
        let vector = |values: &[i32]| Logits::Integer(values.to_vec());
        assert_eq!(cosine(&vector(&[3, 4]), &vector(&[3, 4])), 1.0);
        assert_eq!(cosine(&vector(&[3, 4]), &vector(&[-6, -8])), -1.0);
        assert_eq!(cosine(&vector(&[1, 0]), &vector(&[0, 7])), 0.0);
        assert_eq!(cosine(&vector(&[0, 0]), &vector(&[5, 1])), 0.0);
        let large = vector(&[32767; 4096]);
        assert_eq!(cosine(&large, &large), 1.0);
    }
}
