"""python3 -m unittest discover -s benches/peers"""

import unittest

from card import FIXED, STATE, read


class Card(unittest.TestCase):
    def test_a_line_of_nvidia_smi_is_read_by_name(self):
        told = read("NVIDIA H100 80GB HBM3, 580.65.06, 1980, 2619, 700.00\n", FIXED)
        expected = {"name": "NVIDIA H100 80GB HBM3", "driver": "580.65.06"}
        expected |= {"max_multiprocessor_mhz": 1980.0, "max_memory_mhz": 2619.0, "limit_watts": 700.0}
        self.assertEqual(told, expected)

    def test_what_a_card_does_not_tell_is_left_out(self):
        self.assertEqual(read("210, 405, 31, [N/A]\n", STATE), {"multiprocessor_mhz": 210, "memory_mhz": 405, "celsius": 31})
        self.assertEqual(read("No devices were found\n", STATE), {})


if __name__ == "__main__":
    unittest.main()
