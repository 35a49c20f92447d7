"""How well embeddings tell people apart: VAL and FAR as the paper has them, and how they bear poor photographs.

And how well people were found among faces: pairwise and BCubed F.

Reached as `faceprint.evaluate`, and loaded when first used.
"""

from .calibration import Calibration, calibrate
from .clusters import Agreement, Score, clustering
from .compatibility import Compatibility, measure_compatibility
from .disparity import Disparity, Division, Gap, Group, disparity, sweep
from .fairness import Clusters, FairCalibration, fair_calibrate
from .folds import Folds, verification_folds
from .identification import Identification, identification
from .pairfile import PairFile, open_pairs, read_cfp, read_pair_list, read_pairs
from .pairs import AllPairs, CrossPairs, ListedPairs, Pairs
from .people import People, find_people
from .rates import Change, Roc, Val, roc, val_at_far, val_at_threshold
from .sensitivity import Sensitivity, measure_sensitivity
from .shares import Share
from .slices import Slice, error_slices
from .splits import SplitVals, val_over_splits
from .strangers import FalseAccepts, false_accept_rate
from .structure import Kept, Structure, structure, structure_kept
from .verification import EqualError, Verification, equal_error, measure_verification

__all__ = [
    "Agreement",
    "AllPairs",
    "Calibration",
    "Change",
    "Clusters",
    "Compatibility",
    "CrossPairs",
    "Disparity",
    "Division",
    "EqualError",
    "FairCalibration",
    "FalseAccepts",
    "Folds",
    "Gap",
    "Group",
    "Identification",
    "Kept",
    "ListedPairs",
    "PairFile",
    "Pairs",
    "People",
    "Roc",
    "Score",
    "Sensitivity",
    "Share",
    "Slice",
    "SplitVals",
    "Structure",
    "Val",
    "Verification",
    "calibrate",
    "clustering",
    "disparity",
    "equal_error",
    "error_slices",
    "fair_calibrate",
    "false_accept_rate",
    "find_people",
    "identification",
    "measure_compatibility",
    "measure_sensitivity",
    "measure_verification",
    "open_pairs",
    "read_cfp",
    "read_pair_list",
    "read_pairs",
    "roc",
    "structure",
    "structure_kept",
    "sweep",
    "val_at_far",
    "val_at_threshold",
    "val_over_splits",
    "verification_folds",
]
