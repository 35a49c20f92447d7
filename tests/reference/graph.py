"""Average linkage: again and again the two clusters whose members are nearest to each other on average."""

import numpy as np

from .distance import distances


def average_linkage(x, threshold):
    between = distances(x, x)
    clusters = [[row] for row in range(len(x))]
    while len(clusters) > 1:
        mean, a, b = min(
            (between[np.ix_(clusters[a], clusters[b])].mean(), a, b)
            for a in range(len(clusters))
            for b in range(a + 1, len(clusters))
        )
        if mean > threshold:
            break
        clusters[a] += clusters.pop(b)
    labels = np.empty(len(x), np.int64)
    for label, members in enumerate(sorted(clusters, key=min)):
        labels[members] = label
    return labels
