"""Up to which distance a search of a gallery answers: one that is given, or that of a false accept rate."""

from .distance import as_farthest
from .embedded import Embedded
from .errors import GalleryError
from .held import check_fingerprint
from .known import bundled_recipe
from .recipe import Recipe
from .state import State


def farthest(
    far: float | None, max_distance: float | None, recipe: Recipe | None, state: State, given: Embedded
) -> float:
    """The squared distance, infinite where neither is given; `recipe` is the gallery's, None for the bundled one.

    ValueError for both, GalleryError where the recipe is not known or not that of all embeddings that are compared,
    RecipeError for a rate that it does not state.
    """
    if far is None:
        return as_farthest(max_distance)
    if max_distance is not None:
        raise ValueError("search takes either far or max_distance")
    if recipe is None and state.fingerprint == bundled_recipe().fingerprint:
        recipe = bundled_recipe()
    if recipe is None:
        network = "an unknown network" if state.fingerprint is None else f"network {state.fingerprint}"
        raise GalleryError(f"far needs the recipe of {network}: Gallery(recipe=model.recipe), or give max_distance")
    check_fingerprint(state, recipe.fingerprint)
    probes = given.upgraded_from or given.fingerprint or recipe.fingerprint
    if others := sorted({*state.sources, probes} - {recipe.fingerprint}):
        raise GalleryError(
            f"far is that of network {recipe.fingerprint}, and some embeddings were upgraded from {others[0]}: "
            "give max_distance"
        )
    return recipe.threshold(far)
