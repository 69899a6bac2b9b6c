"""Mazes: which algorithm made them, and whether two marked cells are connected."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from advisor._meta_data.sources.drawn import Pixels, drawn

ALGORITHMS = ("binary-tree", "depth-first", "kruskal", "prim", "sidewinder")
Cell = tuple[int, int]


def _neighbours(cell: Cell, n: int) -> list[Cell]:
    row, column = cell
    around = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    return [(r, c) for r, c in around if 0 <= r < n and 0 <= c < n]


def _grown(n: int, newest: bool, rng: np.random.Generator) -> Iterator[tuple[Cell, Cell]]:
    """Grow a tree from a cell: from the newest cell that can grow (depth first) or from any (Prim)."""
    active: list[Cell] = [(int(rng.integers(n)), int(rng.integers(n)))]
    seen = set(active)
    while active:
        place = len(active) - 1 if newest else int(rng.integers(len(active)))
        free = [cell for cell in _neighbours(active[place], n) if cell not in seen]
        if not free:
            active.pop(place)
            continue
        chosen = free[int(rng.integers(len(free)))]
        seen.add(chosen)
        yield active[place], chosen
        active.append(chosen)


def _kruskal(n: int, rng: np.random.Generator) -> Iterator[tuple[Cell, Cell]]:
    cells = [(row, column) for row in range(n) for column in range(n)]
    root = {cell: cell for cell in cells}
    edges = [(cell, other) for cell in cells for other in _neighbours(cell, n) if cell < other]
    for index in rng.permutation(len(edges)):
        first, second = edges[index]
        while root[first] != first:
            first = root[first]
        while root[second] != second:
            second = root[second]
        if first != second:
            root[first] = second
            yield edges[index]


def _binary_tree(n: int, rng: np.random.Generator) -> Iterator[tuple[Cell, Cell]]:
    for row in range(n):
        for column in range(n):
            options = [(r, c) for r, c in ((row - 1, column), (row, column - 1)) if r >= 0 and c >= 0]
            if options:
                yield (row, column), options[int(rng.integers(len(options)))]


def _sidewinder(n: int, rng: np.random.Generator) -> Iterator[tuple[Cell, Cell]]:
    for row in range(n):
        start = 0
        for column in range(n):
            if column < n - 1 and (row == 0 or rng.uniform() < 0.5):
                yield (row, column), (row, column + 1)
            else:
                if row:
                    door = int(rng.integers(start, column + 1))
                    yield (row, door), (row - 1, door)
                start = column + 1


def _passages(algorithm: str, n: int, rng: np.random.Generator) -> list[tuple[Cell, Cell]]:
    if algorithm in ("depth-first", "prim"):
        return list(_grown(n, algorithm == "depth-first", rng))
    return list({"kruskal": _kruskal, "binary-tree": _binary_tree, "sidewinder": _sidewinder}[algorithm](n, rng))


def _grid(passages: list[tuple[Cell, Cell]], n: int) -> Pixels:
    """Return walls 0 and free places 1, of shape (2 n + 1, 2 n + 1)."""
    free = np.zeros((2 * n + 1, 2 * n + 1))
    for (row, column), (other_row, other_column) in passages:
        for r, c in (
            (2 * row, 2 * column),
            (row + other_row, column + other_column),
            (2 * other_row, 2 * other_column),
        ):
            free[r + 1, c + 1] = 1
    return free


def _by_algorithm(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    """Draw a maze turned by quarters, its walls at most 60 grey levels above the noise."""
    n = (size // 3 - 1) // 2
    grid = np.rot90(_grid(_passages(ALGORITHMS[index], n, rng), n), int(rng.integers(4)))
    pixels = np.full((size, size), 128.0)
    enlarged = np.kron(grid, np.ones((3, 3)))
    corner = rng.integers(0, size - len(enlarged) + 1, 2)
    window = pixels[corner[0] : corner[0] + len(enlarged), corner[1] : corner[1] + len(enlarged)]
    window[:] = 128 + rng.uniform(40, 110) * (2 * enlarged - 1)
    return pixels + rng.normal(0, noise, pixels.shape)


def _connected(index: int, walls: float, size: int, rng: np.random.Generator) -> Pixels:
    """Draw a maze with some passages closed and two marked cells; class 1 has a way between them."""
    n = 7
    while True:
        passages = [p for p in _passages("kruskal", n, rng) if rng.uniform() > walls]
        start: Cell = (int(rng.integers(n)), int(rng.integers(n)))
        reached, frontier = {start}, [start]
        while frontier:
            cell = frontier.pop()
            joined = [b if a == cell else a for a, b in passages if cell in (a, b)]
            frontier += [other for other in joined if other not in reached]
            reached.update(joined)
        wanted = [
            (row, column)
            for row in range(n)
            for column in range(n)
            if ((row, column) in reached) == bool(index) and (row, column) != start
        ]
        if wanted:
            break
    goal = wanted[int(rng.integers(len(wanted)))]
    scale = size // (2 * n + 1)
    colours = np.repeat(_grid(passages, n)[..., None] * 215 + 20, 3, axis=2)
    for row, column in (start, goal):
        colours[2 * row + 1, 2 * column + 1] = (220, 30, 30)
    pixels = np.full((size, size, 3), 20.0)
    enlarged = np.kron(colours, np.ones((scale, scale, 1)))
    pixels[: len(enlarged), : len(enlarged)] = enlarged
    return pixels + rng.normal(0, 5, pixels.shape)


SPECS = (
    drawn("mazes-algorithm", "how the maze was made", _by_algorithm, ALGORITHMS, 20, img_size=48, n_train=750),
    drawn(
        "mazes-algorithm-faint",
        "how the maze was made, under noise",
        _by_algorithm,
        ALGORITHMS,
        70,
        img_size=64,
        n_train=500,
    ),
    drawn(
        "mazes-connected",
        "whether a way joins the marks",
        _connected,
        ("apart", "joined"),
        0.15,
        img_size=32,
        n_train=4000,
    ),
)
