"""The HTML page: names are escaped, boxes lie on the faces, large tables are left out."""

import re
import shutil

import numpy as np
import pytest

import faceprint as fp
from faceprint.album import Album, read_album
from faceprint.markup import COLOURS, GREY
from faceprint.page import write_page


def test_names_are_escaped_and_boxes_lie_on_the_faces(model, photos, tmp_path):
    evil, broken = tmp_path / "<i>&'.jpg", tmp_path / "<u>.jpg"
    shutil.copy(photos / "obama.jpg", evil)
    shutil.copy(photos / "biden.jpg", tmp_path / "z.jpg")
    broken.write_text("text")
    album = read_album(model, [evil, broken, tmp_path / "z.jpg"])
    write_page(tmp_path / "page.html", "People", album, fp.cluster(album.embeddings), 0.1, [])
    html = (tmp_path / "page.html").read_text("utf-8")
    assert "<i>" not in html
    assert "<u>" not in html
    assert "&lt;u&gt;" in html
    assert html.count("&lt;i&gt;&amp;&#x27;.jpg") == 5  # photograph, chip and its text, column and row of the table
    assert html.count("class=same") == 2  # each with itself
    height, width = fp.read_photo(evil).shape[:2]
    left, top, right, bottom = album.faces[0].boxes[0] * 100 / [width, height, width, height]
    style = r"left:([\d.]+)%;top:([\d.]+)%;width:([\d.]+)%;height:([\d.]+)%;border-color:(#\w+)"
    *numbers, colour = re.search(style, html).groups()
    assert list(map(float, numbers)) == pytest.approx([left, top, right - left, bottom - top], abs=0.1)
    assert colour == COLOURS[0]


def test_junk_is_on_no_sheet(model, photos, tmp_path):
    album = read_album(model, [photos / "obama.jpg", photos / "biden.jpg"])
    people = fp.cluster(album.embeddings, junk=np.array([True, False]))
    write_page(tmp_path / "page.html", "People", album, people, 0.1, [])
    html = (tmp_path / "page.html").read_text("utf-8")
    assert re.findall(r"border-color:(#\w+)", html) == [GREY, COLOURS[0]]
    assert html.count("<figure>") == 3  # both photographs, one chip


def test_a_large_table_is_left_out(model, photos, tmp_path):
    faces = model.faces(photos / "collins.png")
    album = Album([photos / "collins.png"] * 41, [faces] * 41)
    write_page(tmp_path / "page.html", "People", album, fp.cluster(album.embeddings), 0.1, [])
    assert "Left out: more than 40 faces" in (tmp_path / "page.html").read_text("utf-8")
