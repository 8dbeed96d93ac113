//! Placing tensors in one arena: those that live at once do not overlap.

use std::collections::BTreeMap;

use super::{
    Axis, MAIN, Plan, Tensor, TensorId,
    check::{self, MAX_WORDS},
};
use crate::{Error, Result, order::largest_first};

/// Where the tensors of a plan lie in its arena.
///
/// A tensor lives from the first step that touches it to the last; inputs live from the start, outputs to
/// the end. Each is placed first-fit, larger ones first: model files state the places, and their digests
/// are of that text, so the order stays. State comes before all others and shares its place with nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The first word of each tensor among those of its axis, for one item or one token; a multiple of 4.
    pub offsets: Vec<usize>,
    /// Words of one item.
    pub item_words: usize,
    /// Words of one token.
    pub token_words: usize,
}

impl Layout {
    /// Places the tensors of `plan`.
    ///
    /// # Errors
    /// [`Error::ModelFile`] for tensors and steps that refer to what is not there, or an arena beyond 1 GiB.
    pub fn of(plan: &Plan) -> Result<Self> {
        check::all(&[MAIN], &[plan])?;
        Ok(Self::of_all(&[plan])?.remove(0))
    }

    /// Places the tensors of plans that share an arena.
    ///
    /// # Errors
    /// As [`Layout::of`], or for state that two plans know in different ways.
    pub(super) fn of_all(plans: &[&Plan]) -> Result<Vec<Self>> {
        for plan in plans {
            check::tensors(plan)?;
        }
        let state = State::of(plans)?;
        plans.iter().map(|plan| place(plan, &state)).collect()
    }
}

/// Where the state of plans that share an arena lies.
#[derive(Default)]
struct State<'a> {
    offsets: BTreeMap<&'a str, (&'a Tensor, usize)>,
    /// Words of it, along each axis.
    words: [usize; 2],
}

impl<'a> State<'a> {
    fn of(plans: &[&'a Plan]) -> Result<Self> {
        let mut state = Self::default();
        let tensors = plans.iter().flat_map(|plan| &plan.tensors);
        for tensor in tensors.filter(|tensor| tensor.state) {
            if let Some(&(known, _)) = state.offsets.get(tensor.name.as_str()) {
                check::same_state(known, tensor)?;
                continue;
            }
            let end = &mut state.words[part(tensor.axis)];
            state.offsets.insert(&tensor.name, (tensor, *end));
            *end += tensor.words().next_multiple_of(4);
            bounded(*end, tensor)?;
        }
        Ok(state)
    }
}

/// The place of an axis in a list of both.
fn part(axis: Axis) -> usize {
    match axis {
        Axis::Item => 0,
        Axis::Token => 1,
    }
}

/// Checks where a part of the arena ends of which `tensor` is the last so far.
fn bounded(end: usize, tensor: &Tensor) -> Result<()> {
    match end <= MAX_WORDS {
        true => Ok(()),
        false => Err(Error::ModelFile(format!(
            "expected an arena of at most {MAX_WORDS} words, found no room for {}",
            tensor.name
        ))),
    }
}

/// [`Layout::of`] a plan whose tensors and ports were checked.
fn place(plan: &Plan, state: &State) -> Result<Layout> {
    let lives = lives(plan);
    let sizes = plan.tensors.iter().map(|tensor| tensor.words() as u64);
    let mut offsets = vec![0; plan.tensors.len()];
    let mut ends = state.words;
    // By their offsets.
    let mut placed: Vec<TensorId> = Vec::with_capacity(plan.tensors.len());
    for id in largest_first(sizes) {
        let tensor = &plan.tensors[id];
        if tensor.state {
            (_, offsets[id]) = state.offsets[tensor.name.as_str()];
            continue;
        }
        let words = tensor.words().next_multiple_of(4);
        let mut offset = state.words[part(tensor.axis)];
        let others = placed
            .iter()
            .filter(|&&other| plan.tensors[other].axis == tensor.axis);
        for &other in others {
            if offset + words <= offsets[other] {
                break;
            }
            if lives[id].0 <= lives[other].1 && lives[other].0 <= lives[id].1 {
                let taken = offsets[other] + plan.tensors[other].words();
                offset = offset.max(taken.next_multiple_of(4));
            }
        }
        let end = &mut ends[part(tensor.axis)];
        *end = (*end).max(offset + words);
        bounded(*end, tensor)?;
        offsets[id] = offset;
        let at = placed.partition_point(|&other| offsets[other] <= offset);
        placed.insert(at, id);
    }
    Ok(Layout {
        offsets,
        item_words: ends[0],
        token_words: ends[1],
    })
}

/// First and last step of each tensor.
fn lives(plan: &Plan) -> Vec<(usize, usize)> {
    let mut lives = vec![(usize::MAX, 0); plan.tensors.len()];
    for (at, step) in plan.steps.iter().enumerate() {
        for id in step.operation.tensors() {
            lives[id].0 = lives[id].0.min(at);
            lives[id].1 = lives[id].1.max(at);
        }
    }
    for port in &plan.inputs {
        lives[port.tensor].0 = 0;
    }
    for port in &plan.outputs {
        lives[port.tensor].1 = plan.steps.len();
    }
    lives
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Epilogue, Format, Step, Tensor, operation};
    use proptest::prelude::*;

    proptest! {
        /// Those that live at once do not overlap; in a chain, the arena holds at most the largest triple.
        #[test]
        fn what_lives_at_once_lies_apart(
            rows in prop::collection::vec(1usize..100, 2..20),
            back in prop::collection::vec(1usize..4, 20),
            by_token in prop::collection::vec(any::<bool>(), 20),
        ) {
            let axis = |i: usize| if by_token[i] { Axis::Token } else { Axis::Item };
            let tensors = |axis: &dyn Fn(usize) -> Axis| rows.iter().enumerate().map(|(i, &rows)| Tensor {
                name: i.to_string(), format: Format::Int8, axis: axis(i), rows, cols: 16, stride: 4, state: i % 5 == 3,
            }).collect::<Vec<_>>();
            let chain = |back: &[usize], axis: &dyn Fn(usize) -> Axis| Plan {
                tensors: tensors(axis),
                steps: (1..rows.len()).map(|i| Step {
                    name: i.to_string(),
                    operation: operation::Linear {
                        input: i - back[i].min(i), output: i, weights: String::new(),
                        epilogue: Epilogue::Int8 { relu: false },
                    }.into(),
                }).collect(),
                ..Plan::default()
            };
            let plan = chain(&back, &axis);
            let state = State::of(&[&plan]).unwrap();
            let layout = place(&plan, &state).unwrap();
            let lives = lives(&plan);
            for (a, b) in (0..rows.len()).flat_map(|b| (0..b).map(move |a| (a, b))) {
                let [first, second] = [a, b].map(|id| {
                    layout.offsets[id]..layout.offsets[id] + plan.tensors[id].words()
                });
                let apart = first.end <= second.start || second.end <= first.start;
                let apart = apart || axis(a) != axis(b);
                let state = plan.tensors[a].state || plan.tensors[b].state;
                let in_turn = lives[a].1 < lives[b].0 || lives[b].1 < lives[a].0;
                prop_assert!(apart || !state && in_turn);
                let words = |id| match axis(id) {
                    Axis::Item => layout.item_words,
                    Axis::Token => layout.token_words,
                };
                prop_assert!(first.end <= words(a) && second.end <= words(b));
            }
            let mut plan = chain(&[1; 20], &|_| Axis::Item);
            plan.tensors.iter_mut().for_each(|tensor| tensor.state = false);
            let most = rows.windows(2).map(|pair| 4 * (pair[0] + pair[1])).max().unwrap();
            prop_assert!(place(&plan, &State::default()).unwrap().item_words <= 2 * most);
        }
    }
}
