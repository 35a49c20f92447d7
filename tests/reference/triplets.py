"""Triplets by three nested loops."""

import numpy as np

MASK = 2**64 - 1


def mixed(bits):
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & MASK
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & MASK
    return bits ^ bits >> 31


def draw(seed, anchor, positive, count):
    step = 0x9E3779B97F4A7C15
    bits = mixed(seed + step & MASK)
    bits = mixed(bits + step * (anchor + 1) & MASK)
    bits = mixed(bits + step * (positive + 1) & MASK)
    return (bits >> 32) * count >> 32


def mine_triplets(apart, labels, kind, margin, choice="hardest", seed=0, anchors=None):
    """Of the matrix of distances `apart`, as they are in float32."""
    apart = np.asarray(apart, np.float64)
    rows, found = range(len(labels)), []
    for a in rows if anchors is None else range(anchors):
        positives = [p for p in rows if p != a and labels[p] == labels[a]]
        if kind == "batch-hard" and positives:
            positives = [max(positives, key=lambda p: (apart[a, p], -p))]
        if kind == "easy-positive" and positives:
            positives = [min(positives, key=lambda p: (apart[a, p], p))]
        farther = kind in ("semihard", "easy-positive")
        limits = sorted(
            [(apart[a, p], False) for p in positives if farther] + [(apart[a, p] + margin, True) for p in positives]
        )
        # how many limits of the anchor's pairs each row reaches
        reached = [sum(d >= at if upper else d > at for at, upper in limits) for d in apart[a]]
        for p in positives:
            fit = []
            for n in rows:
                if labels[n] == labels[a] or not apart[a, n] < apart[a, p] + margin:
                    continue
                if not farther or apart[a, n] > apart[a, p]:
                    fit.append(n)
            if kind == "batch-all":
                found += [(a, p, n) for n in fit]
            elif fit and (kind == "random-in-margin" or choice == "random"):
                fit.sort(key=lambda n: (reached[n], n))
                found.append((a, p, fit[draw(seed, a, p, len(fit))]))
            elif fit:
                found.append((a, p, min(fit, key=lambda n: (apart[a, n], n))))
    return np.array(found, np.int64).reshape(-1, 3)


def triplet_loss(x, labels, triplets, margin, reduction="mean"):
    """Value and gradient over the given triplets, in float64."""
    x = np.asarray(x, np.float64)
    value, gradient = 0.0, np.zeros_like(x)
    for a, p, n in triplets:
        excess = np.square(x[a] - x[p]).sum() - np.square(x[a] - x[n]).sum()
        if margin == "soft":
            value += np.logaddexp(0, excess)
            weight = 1 / (1 + np.exp(-excess))
        else:
            value += max(excess + margin, 0)
            weight = float(excess + margin > 0)
        gradient[a] += 2 * weight * (x[n] - x[p])
        gradient[p] += 2 * weight * (x[p] - x[a])
        gradient[n] += 2 * weight * (x[a] - x[n])
    count = max(len(triplets), 1) if reduction == "mean" else 1
    return value / count, gradient / count
