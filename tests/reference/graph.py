"""Average linkage from the definition: always merge the two clusters with the least mean distance over all pairs."""

import numpy as np

from .distance import distances


def average_linkage(embeddings, threshold):
    members = [[row] for row in range(len(embeddings))]
    sums = distances(embeddings, embeddings)  # over all pairs between two clusters
    while len(members) > 1:
        sizes = np.array([len(rows) for rows in members])
        means = np.where(np.triu(np.ones_like(sums), 1), sums / np.outer(sizes, sizes), np.inf)
        kept, merged = np.unravel_index(means.argmin(), means.shape)
        if means[kept, merged] > threshold:
            break
        sums[kept] += sums[merged]
        sums[:, kept] += sums[:, merged]
        sums = np.delete(np.delete(sums, merged, axis=0), merged, axis=1)
        members[kept] += members.pop(merged)
    labels = np.empty(len(embeddings), np.int64)
    for label, rows in enumerate(members):
        labels[rows] = label
    return labels
