"""What a photo says beside its pixels (place, serial numbers, names, …), and the same photo without it."""
