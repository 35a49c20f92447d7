"""What is taken where nothing is said: whoever changes a default changes the answers that programs get."""

import inspect

import faceprint as fp

DEFAULTS = {
    "assign": {"threshold": 0.14},
    "overlap": {"threshold": 0.14},
    "ApproximateIndex.recall": {"k": 10},
    "ApproximateIndex.search": {"k": 10},
    "Clustering.add": {"penalty": 1.0},
    "Clustering.again": {"penalty": 1.0},
    "Gallery": {"wait": 10.0, "read_only": False},
    "Gallery.approximate": {"connectivity": 16, "expansion_add": 128, "expansion_search": 64},
    "Gallery.identify": {"k": 1, "score": "best", "together": False},
    "Gallery.search": {"k": 10, "min_distance": 0.0},
    "Limits": {"pixels": 64_000_000, "side": 16_384, "bytes": 64 * 2**20},
    "Matches": {"reranked": 0},
    "Model": {"threads": 0},
    "Model.embed": {"choose": "prominent"},
    "Model.faces": {"errors": "raise"},
    "Model.template": {"choose": "prominent"},
    "Model.verify": {"far": 0.001, "choose": "prominent"},
    "NetworkLimits": {"memory": 4 * 2**30, "seconds": 60.0},
    "PKSampler": {"people": 45, "faces": 40, "negatives": 0, "seed": 0},
    "Recipe": {"zooms": (1.0,)},
    "Shards.create": {"rows": 131_072, "storage": "float32"},
    "Upgrade.fit": {"refine": 0, "far": 0.001, "tolerance": 0.0, "folds": 5},
    "VideoLimits": {"pixels": 64_000_000, "side": 16_384, "frames": 1_000_000},
    "choose": {"hidden": 0.2, "seed": 0},
    "clean": {"threshold": 0.14},
    "cluster": {
        "method": "map_equation",
        "threshold": 0.14,
        "k": 80,
        "least": 0.35,
        "resolution": 1.0,
        "balanced": False,
        "penalty": 1.0,
    },
    "draft_recipe": {"untrusted": False},
    "equity_weights": {"eta": 1.0, "gamma": 5.0},
    "evaluate.Calibration.probability": {"prior": 0.5},
    "evaluate.calibrate": {"far": 0.001, "description": ""},
    "evaluate.error_slices": {"fewest": 5},
    "evaluate.fair_calibrate": {"far": 0.001, "clusters": 8, "seed": 0, "description": ""},
    "evaluate.identification": {"rates": (0.1, 0.03, 0.01, 0.003, 0.001)},
    "evaluate.measure_compatibility": {"far": 0.001},
    "evaluate.measure_sensitivity": {"far": 0.001, "reduction": "pca"},
    "evaluate.measure_verification": {"fars": (0.01, 0.001, 0.0001)},
    "evaluate.val_at_far": {"far": 0.001},
    "evaluate.val_over_splits": {"far": 0.001, "splits": 5, "seed": 0},
    "info": {"untrusted": False},
    "load": {"device": "cpu", "untrusted": False},
    "mine_triplets": {"margin": 0.2, "kind": "semihard", "choice": "hardest", "seed": 0},
    "nearest": {"k": 10, "metric": "squared-euclidean"},
    "neighbours": {"k": 80, "metric": "squared-euclidean"},
    "read_face_recognition": {"network": "face_recognition"},
    "read_features": {"dimension": 256},
    "read_video": {"every": 0.0},
    "stability": {"step": 0.1},
    "synthetic.people": {
        "faces": 40_000,
        "people": 2_500,
        "dimension": 128,
        "seed": 0,
        "apart": 0.287,
        "spread": 0.085,
        "uneven": 0.25,
        "effective": 29.5,
        "tail": 1.5,
        "lobed": 0.1,
        "lobes": 2,
        "hard": 0.1,
        "junk": 0.02,
        "groups": 4,
        "unequal": 0.2,
        "label_noise": 0.02,
    },
    "track_faces": {"overlap": 0.3, "patience": 1.0},
    "triplet_loss": {"margin": 0.2, "kind": "batch-all", "choice": "hardest", "seed": 0, "reduction": "mean"},
    "within": {"metric": "squared-euclidean"},
    "write_shards": {"rows": 131_072},
}


def public():
    """The functions, classes and methods that programs call, by name."""
    for module in (fp, fp.evaluate, fp.synthetic):
        for name in dir(module):
            each = getattr(module, name)
            if callable(each) and not name.startswith("_") and each.__module__.startswith("faceprint"):
                called = f"{module.__name__}.{name}".removeprefix("faceprint.")
                yield called, each
                for method in vars(each) if inspect.isclass(each) else ():
                    if callable(getattr(each, method)) and not method.startswith("_"):
                        yield f"{called}.{method}", getattr(each, method)


def defaults(function):
    """The plain values among a function"s defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {one.name: one.default for one in parameters if isinstance(one.default, bool | int | float | str | tuple)}


def test_defaults_are_those_that_were_promised():
    named = {name: defaults(each) for name, each in public() if not str(each).endswith(("Error'>", "Warning'>"))}
    assert {name: values for name, values in named.items() if values} == DEFAULTS
