"""Which photos show the same thing: equal, nearly equal, mirrored or turned copies."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from scipy import sparse
from tqdm import tqdm

# Bits of 64 in which the perceptual hashes of two pictures of one photo differ at most.
MAX_DISTANCE: Final = 6
HASH_INPUT: Final = 32
ROWS: Final = 512
Hashes = npt.NDArray[np.uint64]


def groups(paths: Sequence[Path]) -> npt.NDArray[np.int64]:
    """A group number for each photo; photos are in one group when a chain of lookalikes joins them."""
    with ThreadPoolExecutor() as threads:
        hashed = list(tqdm(threads.map(_hashes, paths), "comparing photos", len(paths), unit="photo"))
    views = np.array(hashed, dtype=np.uint64).reshape(len(paths), 8)
    pairs = np.concatenate(list(_alike(views)))
    joined = sparse.coo_array((np.ones(len(pairs), dtype=bool), pairs.T), shape=(len(paths), len(paths)))
    numbers: npt.NDArray[np.int64] = sparse.csgraph.connected_components(joined, directed=False)[1]
    return numbers


def _hashes(path: Path) -> list[int]:
    """The perceptual hashes of a photo in its eight positions: four quarter turns, plain and mirrored."""
    with Image.open(path) as image:
        image.draft("L", (8 * HASH_INPUT, 8 * HASH_INPUT))
        upright = ImageOps.exif_transpose(image).convert("L").resize((HASH_INPUT, HASH_INPUT))
    positions = [side.rotate(turn) for side in (upright, ImageOps.mirror(upright)) for turn in (0, 90, 180, 270)]
    return [int(str(imagehash.phash(position)), 16) for position in positions]


def _alike(views: Hashes) -> Iterator[npt.NDArray[np.int64]]:
    """Pairs of photos of which the first, in any position, looks like the second."""
    plain = views[:, 0]
    for start in range(0, len(views), ROWS):
        near = np.zeros((len(views[start : start + ROWS]), len(plain)), dtype=bool)
        for position in range(views.shape[1]):
            distance = np.bitwise_count(views[start : start + ROWS, position, np.newaxis] ^ plain)
            near |= distance <= MAX_DISTANCE
        yield np.argwhere(near) + np.array([start, 0])
