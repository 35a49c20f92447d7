"""The page about people: largest first, the representative first, and never more faces than can be looked at."""

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import faceprint as fp
from faceprint.sheets import SHOWN, SHOWN_TOGETHER, spread, write_sheets
from faceprint.table import write_csv


class Outline(HTMLParser):
    """The headings of a page, the captions, alt texts and sources of its pictures, and whatever leads elsewhere."""

    def __init__(self, page):
        super().__init__()
        self.headings, self.captions, self.pictures, self.links, self.at = [], [], [], [], ""
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        self.at = tag
        values = dict(attributes)
        if tag == "img":
            self.pictures.append((values["alt"], values["src"]))
        self.links += [values[name] for name in ("href", "action", "onclick") if name in values]

    def handle_data(self, text):
        if self.at in ("h1", "h2"):
            self.headings.append(text.strip())
        if self.at == "figcaption":
            self.captions.append(text)
        self.at = ""


@pytest.fixture
def page(tmp_path):
    """Write the page of an album and read it."""

    def make(album, people, note=""):
        write_sheets(tmp_path / "page.html", album, people, note)
        return Outline(tmp_path / "page.html")

    return make


def test_people_come_by_size_and_representatives_first(page, album_of):
    photos = {
        Path("a.jpg"): [0, 3],
        Path("b.jpg"): [1],
        Path("c.jpg"): [1, 2],
        Path("d.jpg"): [1, 0],
        Path("e.jpg"): [4],
    }
    album = album_of(photos)
    people = fp.cluster(album.embeddings, junk=np.arange(8) == 7)
    found = page(album, people)
    assert people.labels.tolist() == [0, 1, 2, 2, 3, 2, 0, -1]
    assert found.headings == ["People", "Person 3", "Person 1", "Seen once", "Nobody"]
    names = [album.photos[owner].name for owner in album.owners]
    assert found.captions[0] == f"{names[people.representatives[2]]}: 0.00"
    assert found.captions[3] == f"{names[people.representatives[0]]}: 0.00"
    assert found.captions[5:] == ["person 2: a.jpg", "person 4: c.jpg", "e.jpg"]
    assert [alt for alt, _ in found.pictures][5:] == ["Face on a.jpg", "Face on c.jpg", "Face on e.jpg"]
    assert all(source.startswith("data:image/jpeg;base64,") for _, source in found.pictures)
    assert not found.links


def test_counts(page, tmp_path, album_of):
    album = album_of({Path("a.jpg"): [0, 0], Path("b.jpg"): [0]})
    album.skipped[Path("<u>.jpg")] = "<u>.jpg is not an image"
    page(album, fp.cluster(album.embeddings), "a < b")
    html = (tmp_path / "page.html").read_text("utf-8")
    assert "3 faces on 2 photographs: 1 person, 0 of them seen once." in html
    assert "<p>3 faces on 2 photographs.</p>" in html
    assert "a &lt; b" in html
    assert "&lt;u&gt;.jpg is not an image" in html
    assert "<u>" not in html
    assert "Seen once" not in html
    assert "Nobody" not in html


def test_names_are_escaped(page, tmp_path, album_of):
    name = "<i>&'\".jpg"
    found = page(*grouped(album_of({Path(name): [0], Path("caf\udce9.jpg"): [0]})))
    assert "<i>" not in (tmp_path / "page.html").read_text("utf-8")
    assert {alt for alt, _ in found.pictures} == {f"Face on {name}", "Face on caf\\xe9.jpg"}


def test_sheets_are_bounded_and_show_the_farthest(page, tmp_path, album_of):
    album = album_of({Path(f"{number}.jpg"): [0] for number in range(SHOWN + 10)})
    people = fp.cluster(album.embeddings)
    found = page(album, people)
    assert len(found.pictures) == SHOWN
    assert "and 10 more, left out" in (tmp_path / "page.html").read_text("utf-8")
    far = [float(caption.rpartition(" ")[2]) for caption in found.captions]
    assert far == sorted(far)
    distances = fp.distances(album.embeddings, album.embeddings[people.representatives])
    assert found.captions[-1].startswith(f"{int(distances.argmax())}.jpg: ")


def test_ten_thousand_faces(page, tmp_path, album_of):
    album = album_of({Path("a.jpg"): [0] * 10_000})
    labels = np.full(10_000, -1)
    labels[:2000] = np.arange(2000) // 20  # a hundred people with twenty faces each
    labels[2000:5000] = np.arange(100, 3100)  # and three thousand with one
    found = page(album, SimpleNamespace(labels=labels, representatives=np.unique(labels, return_index=True)[1][1:]))
    assert len(found.headings) == 1 + 100 + 2
    assert len(found.pictures) == 100 * 20 + 2 * SHOWN_TOGETHER
    html = (tmp_path / "page.html").read_text("utf-8")
    assert "<p>3,000 people.</p>" in html
    assert f"and {3000 - SHOWN_TOGETHER:,} more, left out" in html
    assert f"and {5000 - SHOWN_TOGETHER:,} more, left out" in html


def test_spread_has_the_first_and_the_last():
    for number in range(1, 120):
        chosen = spread(number, 24)
        assert (chosen[0], chosen[-1]) == (0, number - 1)
        assert len(np.unique(chosen)) == len(chosen) == min(number, 24)
    assert spread(0, 24).tolist() == []


def test_no_faces(page, album_of):
    album = album_of({Path("a.jpg"): []})
    assert page(*grouped(album)).headings == ["People"]


def test_csv(tmp_path, album_of):
    names = ["=1+1.jpg", "+.jpg", "-.jpg", "@.jpg", 'a,"b;=1.jpg', "é\udce9.jpg", "b.jpg"]
    album = album_of({Path(name): [0] for name in names[:-1]} | {Path(names[-1]): [1, 2]})
    people = fp.cluster(album.embeddings, junk=np.arange(8) == 7)
    write_csv(tmp_path / "faces.csv", album, people)
    lines = (tmp_path / "faces.csv").read_bytes().decode("utf-8").split("\r\n")
    chosen = ["yes" if row in people.representatives else "no" for row in range(6)]
    assert lines == [
        '"photo","left","top","right","bottom","person","representative"',
        f'"\'=1+1.jpg",0.0,0.0,10.0,10.0,1,"{chosen[0]}"',
        f'"\'+.jpg",0.0,0.0,10.0,10.0,1,"{chosen[1]}"',
        f'"\'-.jpg",0.0,0.0,10.0,10.0,1,"{chosen[2]}"',
        f'"\'@.jpg",0.0,0.0,10.0,10.0,1,"{chosen[3]}"',
        f'"a,""b;=1.jpg",0.0,0.0,10.0,10.0,1,"{chosen[4]}"',
        f'"é\\xe9.jpg",0.0,0.0,10.0,10.0,1,"{chosen[5]}"',
        '"b.jpg",0.0,0.0,10.0,10.0,2,"yes"',
        '"b.jpg",0.0,0.0,10.0,10.0,"","no"',
        "",
    ]
    assert chosen.count("yes") == 1
    assert re.fullmatch(r"[^\x00-\x09\x0b\x0c\x0e-\x1f]*", "".join(lines))


def grouped(album):
    return album, fp.cluster(album.embeddings)
