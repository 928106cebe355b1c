"""Numbers are alike along a tree as the way from one place to the other says."""

from __future__ import annotations

import numpy as np

from bmi_dmx.assimilation.localisation import on_tree
from bmi_dmx.assimilation.operation.tree_paths import TreeCorrelation
from bmi_dmx.space import Tree


def test_correlations_fall_with_the_way_along_the_tree() -> None:
    rng = np.random.default_rng(3)
    places = 60
    below = [int(rng.integers(k + 1, min(k + 5, places))) for k in range(places - 1)]
    # Two trees beside each other.
    below = [*below, -1, *(places + np.array([1, 2, -1 - places])).tolist()]
    tree = Tree([f"p{k}" for k in range(len(below))], below)
    ways = np.where(tree.downstream >= 0, rng.uniform(0.1, 3.0, len(tree)), 0.0)
    # What unit vectors become are the columns of a root of the covariance.
    root = TreeCorrelation(tree, ways, 4.0).of(np.eye(len(tree)))
    everywhere = np.arange(len(tree))
    apart = on_tree(tree, everywhere, everywhere, ways)
    np.testing.assert_allclose(root.T @ root, np.exp(-apart / 4.0), atol=1e-12)
