//! Which of several numbers is the largest.

/// The place of the largest, of equal ones the first; 0 if there are none.
pub fn largest<T: PartialOrd>(row: &[T]) -> usize {
    (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lower_place() {
        assert_eq!(largest(&[1, 3, 3, 2]), 1);
        assert_eq!(largest(&[0.5]), 0);
        assert_eq!(largest::<f32>(&[]), 0);
    }
}
