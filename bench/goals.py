"""What faceprint is to reach, as data: each goal names two contestants, or one and the machine's own limit."""

from dataclasses import dataclass
from typing import Any, Literal

FULL, CERTIFIED, AUTO = "faceprint full", "faceprint certified", "faceprint"
HALVES, CODES = "faceprint float16", "faceprint int8"
BEST_EXACT = "the best exact peer"  # whichever is fastest of those that promise the float32 answer


def best_round_share(told: dict[str, Any]) -> float | None:
    """The share of the machine's limit that a contestant reached in its best round, where it has a limit."""
    share = told["share_of_limit"]
    return None if share is None else float(share * told["seconds"] / min(told["rounds"]))


@dataclass(frozen=True)
class Goal:
    """At least so much: of the machine's limit (`share`), or the time of `other` over ours (`ratio`)."""

    workload: str
    ours: str
    kind: Literal["share", "ratio"]
    least: float
    other: str = "the machine's limit"

    def best_round(self, contestants: list[dict[str, Any]]) -> float | None:
        """For a share, that of the best round: it says more of the code, and the median more of what is had."""
        ours = [entry for entry in contestants if entry["name"] == self.ours]
        return best_round_share(ours[0]) if ours and self.kind == "share" else None

    def reached(self, contestants: list[dict[str, Any]]) -> float | None:
        """What was reached, or None where one of the two did not run."""
        known: dict[str, dict[str, float]] = {entry["name"]: entry for entry in contestants}
        if self.ours not in known:
            return None
        ours = known[self.ours]
        if self.kind == "share":
            return ours["share_of_limit"]
        exact = [e["seconds"] for e in contestants if e["exact"] and not e["name"].startswith("faceprint")]
        if self.other == BEST_EXACT:
            return min(exact) / ours["seconds"] if exact else None
        return known[self.other]["seconds"] / ours["seconds"] if self.other in known else None


GOALS = (
    Goal("many", FULL, "share", 0.85),
    Goal("many", FULL, "ratio", 1.5, "faiss Flat"),
    Goal("many", CERTIFIED, "ratio", 2.5, "faiss Flat"),
    Goal("many", CODES, "ratio", 1.6, FULL),
    Goal("many", CODES, "ratio", 2.0, "faiss SQ8"),
    Goal("few", FULL, "ratio", 1.5, BEST_EXACT),
    Goal("few", CERTIFIED, "ratio", 4.0, BEST_EXACT),
    Goal("one", FULL, "share", 0.95),
    Goal("one", CERTIFIED, "ratio", 8.0, "faiss Flat"),
    Goal("self-join", AUTO, "ratio", 1.9, "faiss Flat"),
    Goal("distances", AUTO, "ratio", 0.95, "numpy matmul alone"),
)
MEMORY_BYTES = 64 * 10**6  # of a call, beyond gallery and outputs
