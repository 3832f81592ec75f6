"""Our forest against the two that others wrote: rrcf, to the last bit, and AWS's, on average."""

from __future__ import annotations

from typing import Any

import krcf
import numpy as np
import pytest
import rrcf
from numpy.typing import NDArray

from detection.forest import RandomCutForest
from tests.detection.trees import inside

Array = NDArray[np.float64]

_SEEDS = range(1, 13)


def as_rrcf(node: inside.Node) -> rrcf.RCTree:
    """A tree of ours as one of the package rrcf."""
    leaves = inside.leaves_of(node)
    tree = rrcf.RCTree()
    tree.ndim = len(leaves[0].point)
    tree.root = _branch(tree, node, None)
    return tree


def _branch(
    tree: rrcf.RCTree, node: inside.Node, parent: rrcf.Branch | None
) -> rrcf.Branch | rrcf.Leaf:
    if isinstance(node, inside.Leaf):
        point = np.array(node.point)
        leaf = rrcf.Leaf(
            i=node.link, d=_depth(parent) + 1 if parent else 0, u=parent, x=point, n=node.mass
        )
        leaf.b = point.reshape(1, -1)
        tree.leaves[node.link] = leaf
        return leaf
    branch = rrcf.Branch(q=node.dimension, p=node.cut, u=parent)
    branch.l, branch.r = _branch(tree, node.left, branch), _branch(tree, node.right, branch)
    branch.n = branch.l.n + branch.r.n
    points = np.array([leaf.point for leaf in inside.leaves_of(node)])
    branch.b = np.vstack([points.min(axis=0), points.max(axis=0)])
    return branch


def _depth(branch: rrcf.Branch) -> int:
    depth = 0
    while branch.u is not None:
        branch, depth = branch.u, depth + 1
    return depth


@pytest.mark.parametrize("duplicates", [False, True])
def test_displacement_is_that_of_rrcf_to_the_last_bit(duplicates: bool) -> None:
    points = np.random.default_rng(3).normal(size=(120, 3))
    if duplicates:
        points = np.round(points)
    forest = RandomCutForest(3, trees=1, sample_size=64, output_after=1, seed=11)
    forest.update(points)
    node = inside.tree_of(forest, 0)
    assert node is not None
    for leaf in inside.leaves_of(node):
        theirs = as_rrcf(node)
        # The tree holds the point: no cut is drawn, what the tree answers is certain.
        theirs.insert_point(np.array(leaf.point), index="probe")
        assert forest.displacement([leaf.point])[0] == theirs.codisp("probe")


def test_displacement_is_what_rrcf_gives_on_average() -> None:
    generator = np.random.default_rng(5)
    forest = RandomCutForest(2, trees=1, sample_size=32, output_after=1, seed=2)
    forest.update(generator.normal(size=(60, 2)))
    node = inside.tree_of(forest, 0)
    assert node is not None
    np.random.seed(9)
    for probe in generator.normal(size=(6, 2)) * 2:
        drawn = []
        for _ in range(600):
            tree = as_rrcf(node)
            tree.insert_point(probe, index="probe")
            drawn.append(tree.codisp("probe"))
        error = np.std(drawn) / np.sqrt(len(drawn))
        assert abs(forest.displacement([probe])[0] - np.mean(drawn)) < 4 * error + 1e-9


def _streams() -> dict[str, tuple[Array, Array]]:
    """What is learned, and what is then asked: as many usual points as ones that are off."""
    generator = np.random.default_rng(17)
    found = {}
    for name, dimensions in (("noise", 4), ("cycle", 8), ("correlated", 5)):
        count = 3000
        noise = generator.normal(size=(count + 400, dimensions))
        if name == "cycle":
            phase = np.linspace(0, 90, len(noise))[:, None] + np.arange(dimensions)
            points = np.sin(phase) + 0.1 * noise
        elif name == "correlated":
            points = noise @ generator.normal(size=(dimensions, dimensions))
        else:
            points = noise
        probes = points[count:].copy()
        away = generator.choice([-1.0, 1.0], size=(200, dimensions)) * points.std(axis=0)
        probes[200:] += away * np.linspace(0.2, 3, 200)[:, None]
        found[name] = points[:count], probes
    return found


def _area(scores: Array) -> float:
    """Area under the curve: the chance that a point that is off scores above a usual one."""
    usual, off = scores[:200], scores[200:]
    return float((off[:, None] > usual[None, :]).mean())


@pytest.mark.parametrize("name", ["noise", "cycle", "correlated"])
def test_scores_are_those_of_aws_on_average(name: str) -> None:
    learned, probes = _streams()[name]
    sample_size = 128
    ours, theirs, our_shares, their_shares = [], [], [], []
    for seed in _SEEDS:
        forest = RandomCutForest(learned.shape[1], sample_size=sample_size, seed=seed)
        forest.update(learned)
        ours.append(forest.score(probes))
        low, high = forest.attribution(probes[200::10])
        our_shares.append(np.stack([low, high]))
        options: Any = {
            "dimensions": learned.shape[1], "shingle_size": 1, "num_trees": 50,
            "sample_size": sample_size, "lambda": 0.1 / sample_size,
            "initial_accept_fraction": 0.125, "output_after": 1, "random_seed": seed,
            "parallel_execution_enabled": False, "internal_shingling": False,
        }  # fmt: skip
        aws = krcf.RandomCutForest(options)
        for row in learned.tolist():
            aws.update(row)
        theirs.append([aws.score(row) for row in probes.tolist()])
        shares = [aws.attribution(row) for row in probes[200::10].tolist()]
        their_shares.append(
            np.stack([[share["low"] for share in shares], [share["high"] for share in shares]])
        )
    mean, their_mean = np.mean(ours, axis=0), np.mean(theirs, axis=0)
    ranks = [np.argsort(np.argsort(values)) for values in (mean, their_mean)]
    assert np.corrcoef(ranks[0], ranks[1])[0, 1] >= 0.98
    assert abs(mean.mean() / their_mean.mean() - 1) < 0.01
    assert abs(_area(mean) - _area(their_mean)) < 0.01
    shares, others = np.mean(our_shares, axis=0), np.mean(their_shares, axis=0)
    assert np.corrcoef(shares.ravel(), others.ravel())[0, 1] > 0.98
