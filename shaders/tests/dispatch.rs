//! What follows from a declaration, over examples of every operation.

use intformer_shaders::{
    Dispatch,
    declare::{Field, Kind, Parameters},
    op::{linear::Linear, mean_pool::MeanPool},
};
use proptest::prelude::*;

/// An example of any operation at places of its own, from `numbers`.
fn example(numbers: Vec<u64>) -> Dispatch {
    let mut numbers = numbers.into_iter();
    let mut draw = |low: u32, high: u32| {
        let number = numbers.next().unwrap_or(0);
        low + (number % (u64::from(high - low) + 1)) as u32
    };
    let names = Dispatch::NAMES;
    let name = names[draw(0, names.len() as u32 - 1) as usize];
    let mut next = 4;
    Dispatch::example(name, &mut draw).placed(|region| {
        let at = next;
        next += (region.words as u32).next_multiple_of(4);
        at
    })
}

fn numbers() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 48)
}

/// Words of each place.
fn words(dispatch: &Dispatch) -> Vec<u64> {
    let regions = dispatch.regions();
    regions.iter().map(|region| region.words).collect()
}

proptest! {
    #[test]
    fn a_batch_has_so_many_times_the_arena_and_the_same_weights(
        numbers in numbers(),
        count in 1u32..9,
    ) {
        let one = example(numbers);
        let many = one.times(count, count);
        for (one, many) in one.regions().iter().zip(many.regions()) {
            let factor = if one.kind.is_arena() { count } else { 1 };
            prop_assert_eq!(many.offset, one.offset, "{}", one.field);
            prop_assert_eq!(many.words, one.words * u64::from(factor), "{}", one.field);
        }
        prop_assert_eq!(many.work(), one.work() * u64::from(count));
    }

    #[test]
    fn a_class_is_blind_to_places_alone_and_keeps_the_extents(numbers in numbers()) {
        let one = example(numbers);
        let elsewhere = one.placed(|region| region.offset + 400);
        prop_assert_eq!(one.class(), elsewhere.class());
        prop_assert_eq!(words(&one), words(&one.class()));
        prop_assert_eq!(one.class().work(), one.work());
    }

    #[test]
    fn nothing_grows_when_it_shrinks(numbers in numbers(), limit in 0u64..1 << 40) {
        let one = example(numbers);
        let less = one.shrunk(limit);
        prop_assert!(0 < less.work() && less.work() <= one.work());
        prop_assert!(words(&less).iter().zip(words(&one)).all(|(&less, more)| less <= more));
    }

    #[test]
    fn places_end_with_the_buffers(numbers in numbers()) {
        let one = example(numbers);
        let end = |arena: bool| {
            let regions = one.regions();
            let used = regions.iter().filter(|r| r.words > 0 && r.kind.is_arena() == arena);
            used.map(|r| r.words as usize + r.offset as usize).max().unwrap_or(0)
        };
        let [weights, arena] = [false, true].map(end);
        prop_assert_eq!(one.outside(weights, arena), None);
        let found = one.outside(weights, arena - 1).map(|region| region.kind.is_arena());
        prop_assert_eq!(found, Some(true));
        if weights > 0 {
            let found = one.outside(weights - 1, arena).map(|region| region.kind);
            prop_assert_eq!(found, Some(Kind::Weights));
        }
    }
}

#[test]
fn a_place_that_no_buffer_reaches_is_outside() {
    let pool = MeanPool {
        x: u32::MAX,
        stride: u32::MAX,
        tokens: u32::MAX,
        batch: 1,
        ..MeanPool::default()
    };
    let outside = Dispatch::MeanPool(pool).outside(usize::MAX, 1 << 31);
    assert_eq!(outside.map(|region| region.field), Some("x"));
    // A place that is not used may be anywhere.
    let linear = Linear {
        table: u32::MAX,
        ..Linear::default()
    };
    assert_eq!(Dispatch::Linear(linear).outside(0, 0), None);
}

#[test]
fn fields_are_mapped_in_their_order() {
    let mapped = MeanPool::default().map(&|field: &Field, _| field.name.len() as u32);
    assert_eq!(mapped.stride, 6);
    assert_eq!(mapped.words()[..3], [1, 3, 6]);
}
