"""python3 -m unittest discover -s benches/peers"""

import unittest

from rounds import median, median_interval, quartiles, ratios, relative_error, turns


class Rounds(unittest.TestCase):
    def test_quartiles_are_those_of_intformer_bench(self):
        self.assertEqual(quartiles([4, 1, 3, 2]), [1.75, 2.5, 3.25])
        self.assertEqual(quartiles([1]), [1, 1, 1])
        self.assertEqual(median([5, 1]), 3)

    def test_intervals_are_those_of_the_sign_test(self):
        """Ranks from tables, as in `intformer bench --compare-activations`."""

        def ranks(count):
            return median_interval(range(count, 0, -1))

        self.assertEqual(ranks(1), [1, 1, 1])
        self.assertEqual(ranks(5), [1, 3, 5])
        self.assertEqual(ranks(6), [1, 3.5, 6])
        self.assertEqual(ranks(9), [2, 5, 8])
        self.assertEqual(ranks(20), [6, 10.5, 15])
        self.assertEqual(ranks(100), [40, 50.5, 61])
        # Beyond what a float's exponent holds.
        self.assertEqual(ranks(2001)[1], 1001)

    def test_ratios_pair_rounds_and_skip_those_that_failed(self):
        self.assertEqual(ratios([2.0, None, 9.0, 4.0], [1.0, 1.0, 3.0, None]), [2.0, 3.0])

    def test_every_other_round_goes_backwards(self):
        self.assertEqual([turns("abc", number) for number in range(3)], [list("abc"), list("cba"), list("abc")])

    def test_the_error_is_relative(self):
        self.assertEqual(relative_error([3.0, 4.0], [3.0, 4.0]), 0.0)
        self.assertAlmostEqual(relative_error([0.0, 0.0], [3.0, 4.0]), 1.0)
        with self.assertRaises(ValueError):
            relative_error([1.0], [1.0, 2.0])


if __name__ == "__main__":
    unittest.main()
