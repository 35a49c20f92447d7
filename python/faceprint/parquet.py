"""The columns of a gallery as a Parquet file: whole, or some of them without the others."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CODES = ("scale", "error", "norm")  # the numbers behind the codes of a row, and their columns
KEY = "faceprint"  # under which the schema keeps the facts


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What stands in a file of an exported gallery, as it is there: `facts` are JSON."""

    facts: Any
    ids: NDArray[Any]
    embeddings: NDArray[Any]
    numbers: NDArray[Any] | None
    labels: Any
    metadata: Any
    photos: Any
    quality: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some columns by their names, a pyarrow ChunkedArray each; the facts, and the `rows` of the whole file."""

    facts: Any
    rows: int
    columns: dict[str, Any]


def write_parquet(target: Any, columns: Columns) -> None:
    """Write a row a face to a file that is open for writing."""
    pa = import_pyarrow()
    width = columns.embeddings.shape[1]
    numbers = np.empty((0, 0), np.float32) if columns.numbers is None else columns.numbers
    metadata = [None if what is None else json.dumps(what) for what in columns.metadata]
    table = pa.table(
        {
            "id": columns.ids,
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(columns.embeddings.ravel()), width),
            **{name: pa.array(column) for name, column in zip(CODES, numbers.T, strict=False)},
            "label": pa.array(columns.labels, pa.string()),
            "metadata": pa.array(metadata, pa.string()),
            "photo": pa.array(columns.photos, pa.string()),
            "quality": pa.array(columns.quality, mask=np.isnan(columns.quality)),
        }
    )
    table = table.replace_schema_metadata({KEY: json.dumps(columns.facts)})
    pa.parquet.write_table(table, target, use_dictionary=["label"], write_page_checksum=True)


def read_parquet(source: Any) -> Columns:
    """Read a file that is open for reading; of one that `write_parquet` did not write, anything may be raised."""
    part = read_part(source)
    embeddings, numbers = rows_of(part)
    metadata = [None if text is None else json.loads(text) for text in part.columns["metadata"].to_pylist()]
    return Columns(
        part.facts,
        part.columns["id"].to_numpy(),
        embeddings,
        numbers,
        part.columns["label"].to_pylist(),
        metadata,
        part.columns["photo"].to_pylist(),
        part.columns["quality"].to_numpy(),
    )


def read_part(source: Any, names: Sequence[str] | None = None) -> Part:
    """Read some columns, or all, of a file that is open for reading; raises as `read_parquet`."""
    pa = import_pyarrow()
    with pa.parquet.ParquetFile(source, page_checksum_verification=True) as file:
        table = file.read(columns=names, use_threads=False).combine_chunks()  # one of them is nearly all of it
        rows = file.metadata.num_rows
    facts = json.loads((table.schema.metadata or {})[KEY.encode()])
    return Part(facts, rows, {name: table[name] for name in table.column_names})


def rows_of(part: Part) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Rows (n, dimension) as they are stored, and of codes the numbers behind them; as `split_stored`."""
    rows = part.columns["embedding"].combine_chunks()
    numbers = None
    if part.facts["storage"] == "int8":
        numbers = np.stack([part.columns[name].to_numpy() for name in CODES], axis=1)
    return rows.flatten().to_numpy(zero_copy_only=False).reshape(-1, rows.type.list_size), numbers


def import_pyarrow() -> Any:
    """The package, with its submodule for Parquet."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ModuleNotFoundError("Parquet needs pyarrow: pip install 'faceprint[parquet]'") from error
    return pyarrow
