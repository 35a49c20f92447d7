"""Write the golden embedding of a network into the recipe beside it: what each load will hold the network against.

    python tools/networks/golden.py NETWORK.onnx

Do this where the network is known to be right, such as beside the original. The recipe's older one does not count.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from faceprint.golden import make_golden
from faceprint.network import Network
from faceprint.recipe import parse_recipe
from faceprint.runtime import open_session


def main() -> None:
    """Run the network once and write the recipe."""
    path = Path(sys.argv[1])
    recipe = path.with_suffix(".json")
    stored = {**json.loads(recipe.read_text("utf-8")), "golden": None}
    network = Network(open_session(path, sha256=stored["sha256"]), parse_recipe(stored, str(recipe)))
    stored["golden"] = asdict(make_golden(network.golden()))
    recipe.write_text(json.dumps(stored, indent=2) + "\n", "utf-8")
    print(json.dumps(stored["golden"]))


if __name__ == "__main__":
    main()
