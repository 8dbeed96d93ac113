//! What the forward passes of training said of the examples.

use crate::{HostTensor, method::hscore::RunLog};

/// Numbers of an answer in a tensor.
const PARTS: usize = 4;

/// What a model said of an example, before it learned from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// Whether the class of the example had the largest logit, alone.
    pub right: bool,
    /// Probability of its class.
    pub confidence: f32,
    /// That probability less the largest of the other classes, -1 to 1.
    pub margin: f32,
    /// Length of the difference between the probabilities and those of a sure right answer, 0 to the root of 2: what
    /// EL2N is the mean of (arXiv 2107.07075).
    pub error: f32,
}

impl Answer {
    /// Of the logits of an example of the class `class`, which is below their number.
    pub fn new(logits: &[f32], class: usize) -> Self {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exp = logits
            .iter()
            .map(|&logit| f64::from(logit - most).exp())
            .collect::<Vec<_>>();
        let total: f64 = exp.iter().sum();
        let (mut other, mut square) = (0f64, 0.0);
        for (at, exp) in exp.iter().enumerate() {
            let probability = exp / total;
            let target = if at == class { 1.0 } else { 0.0 };
            square += (probability - target) * (probability - target);
            if at != class {
                other = other.max(probability);
            }
        }
        let confidence = exp[class] / total;
        Self {
            right: (0..logits.len()).all(|at| at == class || logits[at] < logits[class]),
            confidence: confidence as f32,
            margin: (confidence - other) as f32,
            error: square.sqrt() as f32,
        }
    }
}

/// The answers of a run, by epoch and by the place of the example in the training data, whatever the order it was
/// shown in.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    examples: usize,
    answers: Vec<Option<Answer>>,
}

impl Answers {
    /// The most that are recorded of a run, over all epochs.
    pub const MOST: usize = RunLog::MOST;

    /// None yet.
    pub(crate) fn new(epochs: usize, examples: usize) -> Self {
        Self {
            examples,
            answers: vec![None; epochs * examples],
        }
    }

    /// Epochs.
    pub fn epochs(&self) -> usize {
        self.answers.len().checked_div(self.examples).unwrap_or(0)
    }

    /// Examples of the training data.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// The answer to the example `index` in the epoch `epoch`; none if it was not shown then, or there is no such.
    pub fn get(&self, epoch: usize, index: usize) -> Option<Answer> {
        let known = index < self.examples;
        let at = epoch.checked_mul(self.examples)?.checked_add(index)?;
        known.then(|| self.answers.get(at).copied().flatten())?
    }

    /// Notes an answer; what is outside is none.
    pub(crate) fn set(&mut self, epoch: usize, index: usize, answer: Answer) {
        if index < self.examples
            && let Some(place) = self.answers.get_mut(epoch * self.examples + index)
        {
            *place = Some(answer);
        }
    }

    /// `[epochs, examples, 4]`: 1 or 0 for right or wrong, confidence, margin, error; not a number where there is none.
    pub(super) fn to_tensor(&self) -> HostTensor {
        let parts = |answer: &Option<Answer>| match answer {
            None => [f32::NAN; PARTS],
            Some(answer) => [
                if answer.right { 1.0 } else { 0.0 },
                answer.confidence,
                answer.margin,
                answer.error,
            ],
        };
        let shape = [self.epochs(), self.examples, PARTS];
        HostTensor::new(shape, self.answers.iter().flat_map(parts).collect())
    }

    /// Of [`Answers::to_tensor`]; none if it is not of this form.
    pub(super) fn from_tensor(tensor: &HostTensor) -> Option<Self> {
        let &[_, examples, PARTS] = tensor.shape.as_slice() else {
            return None;
        };
        let (rows, _) = tensor.data.as_chunks::<PARTS>();
        let answer = |&[right, confidence, margin, error]: &[f32; PARTS]| {
            (!right.is_nan()).then_some(Answer {
                right: right == 1.0,
                confidence,
                margin,
                error,
            })
        };
        Some(Self {
            examples,
            answers: rows.iter().map(answer).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_answer_is_of_the_probabilities(
            logits in prop::collection::vec(-30f32..30.0, 2..9), class in 0usize..9,
        ) {
            let class = class % logits.len();
            let answer = Answer::new(&logits, class);
            let total: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
            let confidence = f64::from(logits[class]).exp() / total;
            prop_assert!((f64::from(answer.confidence) - confidence).abs() < 1e-6);
            // A margin says who is right, unless two are as likely as one another.
            prop_assert!(answer.margin.abs() < 1e-6 || answer.right == (answer.margin > 0.0));
            prop_assert!((0.0..=1.415).contains(&answer.error));
            prop_assert!(answer.error as f64 >= 1.0 - confidence - 1e-6);
        }
    }

    #[test]
    fn two_largest_logits_are_no_right_answer() {
        assert!(!Answer::new(&[1.0, 1.0, 0.0], 0).right);
        assert!(Answer::new(&[1.0, 0.5, 0.0], 0).right);
    }

    #[test]
    fn answers_come_back_from_their_tensor() {
        let mut answers = Answers::new(2, 3);
        answers.set(1, 2, Answer::new(&[0.3, 0.1], 1));
        answers.set(0, 0, Answer::new(&[0.3, 0.1], 0));
        answers.set(0, 3, Answer::new(&[0.3, 0.1], 0));
        answers.set(2, 0, Answer::new(&[0.3, 0.1], 0));
        assert_eq!(
            Answers::from_tensor(&answers.to_tensor()),
            Some(answers.clone())
        );
        let found = [(0, 0), (0, 3), (1, 0), (1, 2), (2, 0)].map(|(e, i)| answers.get(e, i));
        assert_eq!(
            found.map(|answer| answer.is_some()),
            [true, false, false, true, false]
        );
        assert!(Answers::from_tensor(&HostTensor::new([2, 2], vec![0.0; 4])).is_none());
    }
}
