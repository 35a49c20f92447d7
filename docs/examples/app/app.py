"""A service that knows people by their faces: enrol, verify, search and erase over HTTP. `docs/app.md` explains it.

    pip install ".[cpu]" flask waitress
    python docs/examples/app/app.py people.faceprint --port 8000

It asks nobody who they are: put it behind something that does, and that speaks TLS.
"""

import argparse
import datetime
import logging
import os
import threading
from pathlib import Path
from typing import Any

import waitress
from flask import Flask, request
from werkzeug.exceptions import BadRequest, Conflict, HTTPException, NotFound, UnprocessableEntity

import faceprint as fp

LARGEST_UPLOAD = 8 * 2**20  # bytes of a request
LIMITS = fp.Limits(pixels=24_000_000, side=8192, bytes=LARGEST_UPLOAD)
LONGEST_NAME = 100
FAR = 1e-4  # of one comparison, on the photographs of the recipe: measure on your own
REJECTED = 0.05  # the share of ordinary faces that are too poor to be enrolled or recognised


def create_app(path: Path, model: fp.Model | None = None) -> Flask:
    """Make the service on a gallery file, which one process may serve at a time."""
    model = model or fp.load(threads=1, limits=LIMITS)  # each request has a thread of the server already
    gallery = fp.Gallery(path, recipe=model.recipe)
    threshold, gate = model.recipe.threshold(FAR), model.recipe.gate(REJECTED)
    enrolling = threading.Lock()
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_UPLOAD

    def read_face() -> fp.Faces:
        """The one face on the photograph that is the body of the request; it is held in memory only."""
        photo = request.get_data(cache=False)
        if not photo:
            raise BadRequest("the body of the request must be a photograph")
        faces = model.faces(photo)
        if len(faces) != 1:
            raise UnprocessableEntity(f"the photo must show one face, not {len(faces)}")
        if faces.quality is not None and faces.quality[0] < gate:
            raise UnprocessableEntity("the face is too small, blurred or covered: take another photo")
        return faces

    def is_same(face: fp.Faces, name: str) -> bool | None:
        """Whether this is the person enrolled under a name, or None where nobody is."""
        found = gallery.search(face, k=1, where={"label": name})
        return bool(found.distances[0, 0] <= threshold) if found.ids.max(initial=-1) >= 0 else None

    @app.put("/people/<name>")
    def enrol(name: str) -> tuple[dict[str, Any], int]:
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise BadRequest(f"a name must have at most {LONGEST_NAME} characters, all of them printable")
        face = read_face()
        with enrolling:  # or two people might become one in the same moment
            if is_same(face, name) is False:
                raise Conflict("somebody else is enrolled under this name")
            gallery.add(face, labels=[name], metadata=[{"enrolled": datetime.date.today().isoformat()}])
        return {"name": name}, 201

    @app.post("/people/<name>/verify")
    def verify(name: str) -> dict[str, Any]:
        same = is_same(read_face(), name)
        if same is None:
            raise NotFound("nobody is enrolled under this name")
        return {"same": same}  # and not the distance, by which a stranger could climb towards the face

    @app.post("/search")
    def search() -> dict[str, Any]:
        found = gallery.identify(read_face(), max_distance=threshold)
        return {"name": found.labels[0, 0] if found.known[0] else None}

    @app.delete("/people/<name>")
    def erase(name: str) -> tuple[str, int]:
        if gallery.remove(label=name) == 0:
            raise NotFound("nobody is enrolled under this name")
        gallery.compact()  # overwrites in the file what was removed
        return "", 204

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> tuple[dict[str, Any], int]:
        return {"error": error.description}, error.code or 500

    @app.errorhandler(fp.PhotoError)
    def refuse_photo(error: fp.PhotoError) -> tuple[dict[str, Any], int]:
        return {"error": str(error)}, 422

    return app


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gallery", type=Path)
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # that requests wait is no news
    waitress.serve(
        create_app(given.gallery),
        listen=f"127.0.0.1:{given.port}",
        threads=2 * (os.cpu_count() or 1),
        max_request_body_size=LARGEST_UPLOAD,
        inbuf_overflow=LARGEST_UPLOAD + 1,  # or photographs would pass through temporary files
        ident=None,
    )


if __name__ == "__main__":
    main()
