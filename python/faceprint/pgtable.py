"""A table of faces in PostgreSQL, its origin and its index: the SQL of `faceprint.postgres`."""

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .entries import Entry
from .errors import GalleryError
from .served import FORMAT, Candidates, Origin, as_candidates, check_origin, made_origin

try:
    import psycopg
    from psycopg import sql
    from psycopg.rows import tuple_row
    from psycopg.types.json import Jsonb
except ImportError as error:
    raise ImportError("faceprint.postgres needs psycopg: pip install 'faceprint[postgres]'") from error

LONGEST = 56  # bytes of a table's name: PostgreSQL's 63 less those of the longest ending
MOST_NUMBERS = 16_000  # of a vector
MOST_INDEXED = 2_000  # numbers of a vector in an HNSW index
LOCK = 0x46507274  # the advisory lock under which one gallery after the other is handed over

COLUMNS = """
    id bigint PRIMARY KEY, embedding vector({dimension}) NOT NULL, label text, metadata jsonb, photo text, quality real
"""
TYPES = ("int8", "bytea", "text", "jsonb", "text", "float4")  # a vector is sent as the bytes that it is
WRITE = """
    INSERT INTO {faces} AS here (id, embedding, label, metadata, photo, quality)
    SELECT id, embedding, label, metadata, photo, quality FROM {given} ON CONFLICT (id) DO UPDATE
    SET (embedding, label, metadata, photo, quality) =
        (excluded.embedding, excluded.label, excluded.metadata, excluded.photo, excluded.quality)
    WHERE (here.embedding, here.label, here.metadata, here.photo, here.quality) IS DISTINCT FROM
        (excluded.embedding, excluded.label, excluded.metadata, excluded.photo, excluded.quality)
"""
REMOVE = "DELETE FROM {faces} AS here WHERE NOT EXISTS (SELECT FROM {given} AS given WHERE given.id = here.id)"
INDEX = "CREATE INDEX {index} ON {faces} USING hnsw (embedding vector_l2_ops) WITH (m = {m}, ef_construction = {ef})"
NEAREST = """
    SELECT id, label, embedding::real[] FROM {faces} ORDER BY embedding <-> %s::float8[]::vector, id LIMIT %s
"""


class Table:
    """The table through a connection; its methods are called inside a transaction."""

    def __init__(self, connection: "psycopg.Connection[Any]", table: str) -> None:
        if not isinstance(connection, psycopg.Connection):
            raise TypeError(f"connection must be a psycopg.Connection, not {type(connection).__name__}")
        if not isinstance(table, str):
            raise TypeError(f"table must be a str, not {type(table).__name__}")
        if {"\0", "%"} & {*table} or not 1 <= len(table.encode()) <= LONGEST:  # % is psycopg's sign of a value
            raise ValueError(f"table must have 1 to {LONGEST} bytes and neither NUL nor %, not {table!r}")
        self.name = f"table {table}"
        self._cursor = psycopg.Cursor(connection, row_factory=tuple_row)  # whatever the connection's own are
        self._names = {
            "faces": sql.Identifier(table),
            "origin": sql.Identifier(f"{table}_origin"),
            "index": sql.Identifier(f"{table}_hnsw"),
            "given": sql.Identifier("pg_temp", "faceprint_given"),
        }

    def lock(self) -> None:
        """Wait until nobody else hands over to this database, and keep others from it to the end of the transaction."""
        self._run("SELECT pg_advisory_xact_lock(%s)", LOCK)

    def made_origin(self) -> Origin:
        """The origin of the faces that are there; GalleryError where there is no table."""
        return made_origin(self._origin(), self.name)

    def make(self, origin: Origin) -> None:
        """Make the tables that are not there, and an empty one for the faces that are sent."""
        there = self._origin()
        if there is None:
            self._run(f"CREATE TABLE {{faces}} ({COLUMNS})", dimension=origin.dimension)
            self._run("CREATE TABLE {origin} (dimension integer NOT NULL, fingerprint text, format integer NOT NULL)")
            self._run("INSERT INTO {origin} VALUES (%s, %s, %s)", origin.dimension, origin.fingerprint, FORMAT)
        else:
            check_origin(there, origin, self.name)
            self._run("UPDATE {origin} SET fingerprint = %s", origin.fingerprint)
        self._run(f"CREATE TABLE {{given}} ({COLUMNS})", dimension=origin.dimension)

    def send(self, faces: Iterable[list[Entry]], dimension: int) -> None:
        """Send faces as they come."""
        head = struct.pack(">HH", dimension, 0)  # before the numbers of a vector; the second is reserved
        with self._saying(), self._cursor.copy(self._composed("COPY {given} FROM STDIN (FORMAT binary)")) as copy:
            copy.set_types(TYPES)
            for portion in faces:
                for face in portion:
                    embedding = head + face.embedding.astype(">f4").tobytes()
                    metadata = None if face.metadata is None else Jsonb(face.metadata)
                    copy.write_row((face.id, embedding, face.label, metadata, face.photo, face.quality))

    def take_over(self) -> tuple[int, int]:
        """Put those that were sent in the place of those that are there: how many were removed, and written."""
        changed = []
        for statement in (REMOVE, WRITE):
            self._run(statement)
            changed.append(self._cursor.rowcount)
        self._run("DROP TABLE {given}")
        return changed[0], changed[1]

    def make_index(self, connectivity: int, expansion: int) -> None:
        """Make the index, unless there is one like that."""
        there = self._run("SELECT reloptions FROM pg_class WHERE oid = to_regclass(%s)", self._quoted("index"))
        if there and {*(there[0][0] or ())} == {f"m={connectivity}", f"ef_construction={expansion}"}:
            return
        self._run("DROP INDEX IF EXISTS {index}")
        self._run(INDEX, m=connectivity, ef=expansion)

    def choose_plan(self, expansion: int | None) -> None:
        """Have the rest of the transaction search exactly, or by the index where an expansion is given."""
        if expansion is None:
            settings = {"enable_seqscan": "on", "enable_indexscan": "off"}
        elif not self._there("index"):
            raise GalleryError(f"{self.name} has no index: hand_over(index=True) makes one")
        else:
            settings = {
                "enable_seqscan": "off",
                "enable_indexscan": "on",
                "hnsw.ef_search": str(expansion),
                "hnsw.iterative_scan": "strict_order",  # goes on where it came upon deleted faces
            }
        for name, value in settings.items():
            self._run("SELECT set_config(%s, %s, true)", name, value)

    def count_to(self, most: int) -> int:
        """How many faces there are, counted no further than that."""
        ((count,),) = self._run("SELECT count(*) FROM (SELECT FROM {faces} LIMIT %s) AS few", most)
        return int(count)

    def nearest(self, probe: NDArray[np.float32], most: int) -> Candidates:
        """So many faces that lie near the probe."""
        return as_candidates(self._run(NEAREST, probe.tolist(), most), len(probe))

    def compact(self) -> None:
        """Write the table and its indexes anew; not inside a transaction."""
        self._run("VACUUM (FULL, ANALYZE) {faces}")

    def _run(self, statement: str, *values: Any, **parts: int) -> list[tuple[Any, ...]]:
        """Run a statement, in which names and `parts` stand in braces, and fetch what it answers.

        Not prepared, for a plan that is kept outlives the settings that it was made under.
        """
        self._cursor.execute(self._composed(statement, **parts), values or None, binary=True, prepare=False)
        return self._cursor.fetchall() if self._cursor.description else []

    def _origin(self) -> Origin | None:
        version = self._run("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        if not version or tuple(int(part) for part in version[0][0].split(".")[:2]) < (0, 8):
            has = f"has {version[0][0]}" if version else "does not have it"
            raise GalleryError(f"the database must have pgvector 0.8 or later (CREATE EXTENSION vector), and {has}")
        there = self._there("faces"), self._there("origin")
        if not any(there):
            return None
        found = self._run("SELECT dimension, fingerprint, format FROM {origin}") if all(there) else []
        if len(found) != 1:
            raise GalleryError(f"{self.name} is there, but is none that hand_over made")
        return Origin(*found[0])

    def _there(self, what: str) -> bool:
        return bool(self._run("SELECT to_regclass(%s) IS NOT NULL", self._quoted(what))[0][0])

    def _quoted(self, what: str) -> str:
        return self._names[what].as_string(self._cursor)

    def _composed(self, statement: str, **parts: int) -> sql.Composed:
        return sql.SQL(statement).format(**self._names, **{name: sql.Literal(part) for name, part in parts.items()})

    @contextmanager
    def _saying(self) -> Iterator[None]:
        """Say in words of galleries what PostgreSQL says of values."""
        try:
            yield
        except psycopg.DataError as error:
            raise GalleryError(f"{self.name} cannot hold all that the gallery holds: {error}") from error


def check_dimension(dimension: int, index: bool) -> None:
    """GalleryError where embeddings have more numbers than pgvector takes."""
    most, what = (MOST_INDEXED, "an index") if index else (MOST_NUMBERS, "a vector")
    if dimension > most:
        raise GalleryError(f"{what} of pgvector holds up to {most:,} numbers of an embedding, not {dimension:,}")
