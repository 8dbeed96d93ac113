//! Places tensors in one arena so that tensors alive at the same time do not overlap.

use super::{Plan, TensorId};

/// Sets the offsets of all tensors and the size of the arena.
///
/// A tensor lives from the step that writes it first (the input: from the start) to the step that
/// uses it last (the output: to the end). Each is placed first-fit, larger ones first.
pub fn layout(plan: &mut Plan) {
    let lives = lives(plan);
    let mut order: Vec<TensorId> = (0..plan.tensors.len()).collect();
    order.sort_by_key(|&id| (std::cmp::Reverse(plan.tensors[id].words()), id));

    let mut placed: Vec<TensorId> = Vec::new();
    for id in order {
        let words = plan.tensors[id].words().next_multiple_of(4);
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|&&other| lives[id].0 <= lives[other].1 && lives[other].0 <= lives[id].1)
            .map(|&other| {
                let tensor = &plan.tensors[other];
                (tensor.offset, tensor.offset + tensor.words())
            })
            .collect();
        taken.sort_unstable();
        let mut offset = 0;
        for (start, end) in taken {
            if offset + words <= start {
                break;
            }
            offset = offset.max(end.next_multiple_of(4));
        }
        plan.tensors[id].offset = offset;
        placed.push(id);
    }
    plan.arena_words = plan
        .tensors
        .iter()
        .map(|tensor| tensor.offset + tensor.words().next_multiple_of(4))
        .max()
        .unwrap_or(0);
}

/// First and last step of each tensor.
fn lives(plan: &Plan) -> Vec<(usize, usize)> {
    let mut lives = vec![(usize::MAX, 0); plan.tensors.len()];
    for (at, step) in plan.steps.iter().enumerate() {
        let operation = &step.operation;
        let used = operation.inputs().into_iter();
        for id in used.chain(operation.scratch()).chain([operation.output()]) {
            lives[id].0 = lives[id].0.min(at);
            lives[id].1 = lives[id].1.max(at);
        }
    }
    lives[plan.input].0 = 0;
    lives[plan.output].1 = plan.steps.len();
    lives
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Epilogue, Format, Step, Tensor, operation};
    use proptest::prelude::*;

    proptest! {
        /// In a chain, no two neighbours overlap, and the arena holds at most the largest triple.
        #[test]
        fn neighbours_do_not_overlap(rows in prop::collection::vec(1usize..100, 2..20)) {
            let tensors: Vec<_> = rows.iter().enumerate().map(|(i, &rows)| Tensor {
                name: i.to_string(), format: Format::Int8, rows, cols: 16, stride: 4, offset: 0,
            }).collect();
            let steps = (1..rows.len()).map(|i| Step {
                name: i.to_string(),
                operation: operation::Linear {
                    input: i - 1, output: i, weights: String::new(),
                    epilogue: Epilogue::Int8 { relu: false },
                }.into(),
            }).collect();
            let last = rows.len() - 1;
            let mut plan = Plan { tensors, steps, input: 0, output: last, arena_words: 0 };
            layout(&mut plan);
            for pair in plan.tensors.windows(2) {
                let (a, b) = (&pair[0], &pair[1]);
                prop_assert!(a.offset + a.words() <= b.offset || b.offset + b.words() <= a.offset);
            }
            let most = rows.windows(2).map(|pair| 4 * (pair[0] + pair[1])).max().unwrap();
            prop_assert!(plan.arena_words <= 2 * most);
        }
    }
}
