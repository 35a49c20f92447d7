"""Galleries whose calls are broken off: by a signal behind any statement, or by a crash while a journal is written."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from faceprint import Gallery, GalleryError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.faceprint"


def told(gallery):
    """All that a gallery tells of its faces."""
    entries = list(gallery.iterate())
    assert [entry.id for entry in entries] == gallery.ids.tolist()
    assert [entry.label for entry in entries] == gallery.labels.tolist()
    assert len(gallery.embeddings()) == len(gallery)
    return [(entry.id, entry.label, entry.metadata, entry.embedding.tolist()) for entry in entries]


CHANGES = {
    "add": lambda gallery, x: gallery.add(x, ["Dan"] * len(x)),
    "remove": lambda gallery, _: gallery.remove(label="Ann"),
    "update": lambda gallery, _: gallery.update([0], labels=["Eve"], metadata=[{"a": 1}]),
    "rename": lambda gallery, _: gallery.rename("Ann", "Anna"),
    "merge": lambda gallery, _: gallery.merge(["Ann"], "Ben"),
    "compact": lambda gallery, _: gallery.compact(),
}


class Interrupted:
    """A connection during, or right behind, one of whose statements Ctrl-C arrives."""

    def __init__(self, connection, statement):
        self.connection, self.statement = connection, statement

    def execute(self, statement, values=()):
        done = self.connection.execute(statement, values)
        if statement.startswith(self.statement):
            raise KeyboardInterrupt
        return done

    def __getattr__(self, name):
        return getattr(self.connection, name)


@contextmanager
def interrupted(change):
    """Ctrl-C arrives when it is stored, and its call has not returned yet."""
    with change:
        yield
    raise KeyboardInterrupt


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "INSERT", "DELETE", "COMMIT", "none"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("filed", [True, False])
def test_a_signal_leaves_a_gallery_that_is_what_it_tells(unit_rows, path, monkeypatch, filed, change, statement):
    x, states = unit_rows(6, 4), []
    for end in ("unchanged", "interrupted", "changed"):
        kept = path.with_name(f"{end}.faceprint") if filed else None
        with Gallery(kept) as gallery:
            gallery.add(x[:4], ["Ann", "Ben", "Ann", None], metadata=[{"b": 2}, None, None, None])
            store = gallery._held.store
            if end == "interrupted":
                connection = store._connection
                store._connection = Interrupted(connection, statement)
                if statement == "none":
                    monkeypatch.setattr(store, "writing", lambda writing=store.writing: interrupted(writing()))
                try:
                    CHANGES[change](gallery, x[4:])
                    assert statement in ("INSERT", "DELETE")  # which not every change needs
                    return
                except KeyboardInterrupt:
                    store._connection = connection
                    monkeypatch.undo()
            elif end == "changed":
                CHANGES[change](gallery, x[4:])
            gallery.export(path.with_suffix(".npz"))
            states.append(told(gallery))
            exported = Gallery()
            exported.import_from(path.with_suffix(".npz"))
            assert [entry[:3] for entry in told(exported)] == [entry[:3] for entry in states[-1]]
            if filed:
                with Gallery(kept) as other:
                    assert told(other) == states[-1]
            ids = gallery.add(x[:1], ["Fay"])
            assert gallery.search(x[:1], k=9, where={"label": "Fay"}).ids[0, 0] == ids[0]
        if filed:
            with Gallery(kept) as again:
                assert told(again)[:-1] == states[-1]
                assert again.ids[-1] == ids[0]
    assert states[1] == (states[2] if statement in ("COMMIT", "none") else states[0])


def test_a_call_that_is_still_held_is_told_of(unit_rows, path):
    """As `sys.last_traceback` may, after Ctrl-C: its transaction ends when it is freed."""
    with Gallery(path) as gallery:
        held = gallery._held.changing()
        held.__enter__()
        with pytest.raises(GalleryError) as raised:
            gallery.add(unit_rows(1))
        assert str(raised.value) == (
            f"gallery {path} is still in a call that was interrupted: close it, and open it again"
        )
    del held
    with Gallery(path) as gallery:
        assert gallery.add(unit_rows(1)).tolist() == [0]


def test_a_file_is_whole_while_its_journal_goes_into_it(unit_rows, path):
    """After a crash in the middle of that, too: its first page tells already of those that are not there yet."""
    x, journal = unit_rows(600, 256), Path(f"{path}-wal")
    with Gallery(path) as gallery:
        gallery.add(x, ["Ann"] * len(x))
        kept = journal.read_bytes()
    content = path.read_bytes()
    path.write_bytes(content[: 2 * 65_536])
    journal.write_bytes(kept)
    with Gallery(path) as gallery:
        assert len(gallery) == 600
    assert path.read_bytes() == content
