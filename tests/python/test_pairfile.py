"""Files of pairs: LFW's, CFP's, and lists of two paths and a label; who is on the photographs, and the folds."""

import re

import numpy as np
import pytest

import faceprint as fp
from faceprint.evaluate import find_people, open_pairs, read_cfp, read_pair_list, read_pairs
from faceprint.evaluate.pairfile import is_cfp


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.fixture
def folder(tmp_path):
    return touch(
        tmp_path / "lfw", "Ann/Ann_0001.jpg", "Ann/Ann_0002.png", "Bob/Bob_0001.jpg", "Bob/Bob_0012.jpg",
        "Cy/Cy_0001.jpg",
    )  # fmt: skip


def named(file):
    return [(file.photos[a].stem, file.photos[b].stem) for a, b in zip(file.pairs.a, file.pairs.b, strict=True)]


def write(path, text):
    path.write_text(text)
    return path


def test_lfw(folder, tmp_path):
    text = "2\t1\nAnn\t1\t2\nAnn\t2\tCy\t1\n\nBob\t1\t12\nBob\t12\tCy\t1\n"
    path = write(tmp_path / "pairs.txt", text)
    found = read_pairs(path, find_people(folder))
    assert named(found) == [
        ("Ann_0001", "Ann_0002"),
        ("Ann_0002", "Cy_0001"),
        ("Bob_0001", "Bob_0012"),
        ("Bob_0012", "Cy_0001"),
    ]
    assert found.pairs.same.tolist() == [True, False, True, False]
    assert found.folds.tolist() == [0, 0, 1, 1]
    assert len(found.photos) == len(found.pairs.people) == 5
    assert named(open_pairs(path, folder)) == named(found)
    for header in ("", "2\n"):  # of View 1, which has no folds
        view = open_pairs(write(path, header + text.partition("\n")[2]), folder)
        assert (named(view), view.folds) == (named(found), None)


@pytest.mark.parametrize(
    ("line", "error", "text"),
    [
        ("Ann\t1\t7", fp.PhotoError, "pairs.txt, line 2: the folder has no photo Ann/Ann_0007"),
        ("Dan\t1\t7", fp.PhotoError, "pairs.txt, line 2: the folder has no photo Dan/Dan_0001"),
        ("Ann 1 2", ValueError, "pairs.txt, line 2: a pair must be NAME 1 2 or NAME 1 OTHER 2, not 'Ann 1 2'"),
        ("Ann\tone\t2", ValueError, "pairs.txt, line 2: a pair must be"),
        ("Ann\t1\tBob\t1\t1", ValueError, "pairs.txt, line 2: a pair must be"),
        ("Ann\t1\t1", ValueError, "pairs.txt, line 2: a pair must be of two photos, not of one with itself"),
    ],
)
def test_lfw_that_cannot_be_read(folder, tmp_path, line, error, text):
    path = write(tmp_path / "pairs.txt", f"Ann\t1\t2\n{line}\n")
    with pytest.raises(error, match=text):
        read_pairs(path, find_people(folder))


def test_folds_must_be_whole(folder, tmp_path):
    path = write(tmp_path / "pairs.txt", "4\t300\nAnn\t1\t2\n")
    with pytest.raises(ValueError, match=r"pairs.txt: 4 folds of twice 300 pairs must be 2,400, not 1$"):
        read_pairs(path, find_people(folder))


def test_lists_of_photographs_in_folders_of_people(folder, tmp_path):
    lines = [
        "1 Ann/Ann_0001.jpg Ann/Ann_0002.png",
        "Bob/Bob_0001.jpg Cy/Cy_0001.jpg 0",
        "0 Bob/Bob_0012.jpg Ann/Ann_0001.jpg",
    ]
    found = open_pairs(write(tmp_path / "list.txt", "\n".join(lines)), folder)
    assert named(found) == [("Ann_0001", "Ann_0002"), ("Bob_0001", "Cy_0001"), ("Bob_0012", "Ann_0001")]
    assert found.pairs.same.tolist() == [True, False, False]
    people = dict(zip((photo.stem for photo in found.photos), found.pairs.people.tolist(), strict=True))
    assert people["Bob_0001"] == people["Bob_0012"]  # by their folder, for no line says so
    assert len({*people.values()}) == 3
    assert found.folds is None


def test_lists_of_photographs_in_one_folder(tmp_path):
    folder = touch(tmp_path / "agedb", *(f"flat/{name}.jpg" for name in "abcde"))
    lines = "1 flat/a.jpg flat/b.jpg\n1 flat/b.jpg flat/c.jpg\n0 flat/a.jpg flat/d.jpg\n0 flat/d.jpg flat/e.jpg\n"
    found = read_pair_list(write(tmp_path / "ann.txt", lines), folder)
    a, b, c, d, e = found.pairs.people.tolist()
    assert a == b == c
    assert len({a, d, e}) == 3
    assert found.pairs.same.tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("line", "error", "text"),
    [
        ("1 a.jpg z.jpg", fp.PhotoError, "ann.txt, line 2: the folder has no photo z.jpg"),
        ("1 a.jpg ../b.jpg", fp.PhotoError, "line 2: a photo must be a path within the folder, not ../b.jpg"),
        ("1 x/../../b.jpg a.jpg", fp.PhotoError, "line 2: a photo must be a path within the folder, not x/../../b.jpg"),
        ("1 a.jpg /dev/zero", fp.PhotoError, "line 2: a photo must be a path within the folder, not /dev/zero"),
        ("1 b.jpg x/../b.jpg", ValueError, "line 2: a pair must be of two photos, not of one with itself"),
        ("1 a.jpg .", fp.PhotoError, "ann.txt, line 2: the folder has no photo ."),
        ("1 a.jpg", ValueError, "ann.txt, line 2: a pair must be two photos and 1 or 0, first or last, not '1 a.jpg'"),
        ("01 a.jpg b.jpg", ValueError, "ann.txt, line 2: a pair must be two photos and 1 or 0"),
        ("a.jpg b.jpg same", ValueError, "ann.txt, line 2: a pair must be two photos and 1 or 0"),
        ("0 b.jpg a.jpg", ValueError, "ann.txt, line 2: b.jpg and a.jpg must be of different people, but other lines"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path, line, error, text):
    folder = touch(tmp_path / "photos", "a.jpg", "b.jpg")
    path = write(tmp_path / "ann.txt", f"1 a.jpg b.jpg\n{line}\n")
    with pytest.raises(error, match=re.escape(text)):
        read_pair_list(path, folder)


@pytest.mark.parametrize("line", ["1\tAnn B/a 1.jpg\tAnn B/a 2.jpg", "Ann B/a 1.jpg\tAnn B/a 2.jpg \t 1"])
def test_names_with_spaces_are_separated_by_tabs(tmp_path, line):
    folder = touch(tmp_path / "photos", "Ann B/a 1.jpg", "Ann B/a 2.jpg")
    found = open_pairs(write(tmp_path / "list.txt", line), folder)
    assert (named(found), found.pairs.same.tolist()) == ([("a 1", "a 2")], [True])


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    "line", ["Ann\t1\t2", "1 Ann/Ann_0001.jpg Ann/Ann_0002.png", "Ann/Ann_0001.jpg\tAnn/Ann_0002.png\t1"]
)
def test_files_as_windows_has_them(folder, tmp_path, mark, line):
    path = tmp_path / "list.txt"
    path.write_bytes(f"{mark}{line}\r\n".encode())
    assert named(open_pairs(path, folder)) == [("Ann_0001", "Ann_0002")]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_text_must_be_utf_8(tmp_path, encoding):
    path = tmp_path / "list.txt"
    path.write_bytes("1 Jörg.jpg b.jpg\n".encode(encoding))
    with pytest.raises(ValueError, match=r"list.txt must be text in UTF-8, not in another encoding$"):
        read_pair_list(path, tmp_path)


@pytest.fixture
def cfp(tmp_path):
    """Two people with two frontal photographs and one profile, in one fold of each kind and a second of FP."""
    protocol = tmp_path / "Protocol"
    frontal = [f"{person:03}/frontal/{number:02}.jpg" for person in (1, 2) for number in (1, 2)]
    profile = [f"{person:03}/profile/01.jpg" for person in (1, 2)]
    touch(tmp_path / "Data" / "Images", *frontal, *profile)
    for fold in ("FF/01", "FP/01", "FP/02"):
        (protocol / "Split" / fold).mkdir(parents=True)
    for name, photos in (("Pair_list_F.txt", frontal), ("Pair_list_P.txt", profile)):
        write(protocol / name, "".join(f"{at} ../Data/Images/{photo}  \n" for at, photo in enumerate(photos, 1)))
    folds = {"FF/01": ("1,2\n", "1,3\n"), "FP/01": ("1,1\n2,1\n", "3,1\n"), "FP/02": ("4,2\n", "1,2\n")}
    for fold, (same, different) in folds.items():
        write(protocol / "Split" / fold / "same.txt", same)
        write(protocol / "Split" / fold / "diff.txt", different)
    return protocol / "Split"


def test_cfp(cfp):
    found = read_cfp(cfp / "FP")
    names = ["/".join(photo.parts[-3:]) for photo in found.photos]
    ends = [(names[a], names[b]) for a, b in zip(found.pairs.a, found.pairs.b, strict=True)]
    assert ends == [
        ("001/frontal/01.jpg", "001/profile/01.jpg"),
        ("001/frontal/02.jpg", "001/profile/01.jpg"),
        ("002/frontal/01.jpg", "001/profile/01.jpg"),
        ("002/frontal/02.jpg", "002/profile/01.jpg"),
        ("001/frontal/01.jpg", "002/profile/01.jpg"),
    ]
    assert found.pairs.same.tolist() == [True, True, False, True, False]
    assert found.folds.tolist() == [0, 0, 0, 1, 1]
    assert len(np.unique(found.pairs.people)) == 2
    both = open_pairs(cfp / "FF")
    assert both.pairs.same.tolist() == [True, False]
    assert {photo.parent.name for photo in both.photos} == {"frontal"}


def test_cfp_from_where_it_lies(cfp, monkeypatch):
    monkeypatch.chdir(cfp)
    (cfp / "FP" / ".x").mkdir()  # which is no fold
    assert read_cfp("FP").folds.tolist() == [0, 0, 0, 1, 1]


def test_cfp_that_cannot_be_read(cfp):
    path = write(cfp / "FP" / "02" / "diff.txt", "1,2\n1;2\n")
    with pytest.raises(ValueError, match=r"diff.txt, line 2: a pair must be two numbers of the lists, .* not '1;2'$"):
        read_cfp(cfp / "FP")
    write(path, "1,9\n")
    with pytest.raises(ValueError, match=r"diff.txt, line 1: a pair must be two numbers of the lists"):
        read_cfp(cfp / "FP")
    write(path, "1,2\n")
    (cfp.parents[1] / "Data" / "Images" / "002" / "profile" / "01.jpg").unlink()
    with pytest.raises(fp.PhotoError, match=r"same.txt, line 1: the folder has no photo .*002/profile/01.jpg$"):
        read_cfp(cfp / "FP")
    write(cfp / "FF" / "01" / "diff.txt", "3,3\n")
    with pytest.raises(ValueError, match=r"diff.txt, line 1: a pair must be of two photos, not of one with itself$"):
        read_cfp(cfp / "FF")
    write(cfp.parent / "Pair_list_P.txt", "".join(f"{number} ../../x.jpg\n" for number in (1, 2)))
    with pytest.raises(fp.PhotoError, match=r"line 1: a photo must be a path within the folder, not .*x.jpg$"):
        read_cfp(cfp / "FP")
    write(cfp.parent / "Pair_list_P.txt", "1\n")
    with pytest.raises(ValueError, match=r"Pair_list_P.txt, line 1: must be a number and a path, not '1'$"):
        read_cfp(cfp / "FP")


def test_a_folder_at_the_top_is_none_of_cfp(tmp_path):
    *_, top, root = tmp_path.resolve().parents
    assert not is_cfp(top)
    assert not is_cfp(root)


def test_photographs_must_be_somewhere(tmp_path):
    path = write(tmp_path / "list.txt", "1 a.jpg b.jpg\n")
    text = "^the photos that .*list.txt compares must lie in a folder: give folder, or --photos$"
    with pytest.raises(ValueError, match=text):
        open_pairs(path)
