"""The typed program that type checkers read: it also runs, and finds what is to be found."""

import consumer
import faceprint as fp


def test_it_runs_on_photographs(model, photos, tmp_path):
    portraits = [photos / name for name in ("obama.jpg", "obama2.jpg", "biden.jpg", "collins.png")]
    (tmp_path / "broken.jpg").write_text("text")
    faces, broken = consumer.faces_of(model, [*portraits, tmp_path / "broken.jpg"])
    assert (faces, len(broken)) == (4, 1)
    assert consumer.same_person(model, *portraits[:2])
    assert not consumer.same_person(model, *portraits[1:3])
    x = model.embed(portraits)
    with consumer.gallery_of(x, ["Obama", "Obama", "Biden", None], tmp_path / "people.faceprint") as gallery:
        assert consumer.nearest_of(x, gallery) == [0, 1, 2, 3]
        assert consumer.names_of(gallery, x) == ["Obama", "Obama", "Biden", None]
    assert consumer.people_of(x) == [[0, 1], [2], [3]]


def test_it_runs_on_embeddings(model):
    made = fp.synthetic.people(60, 12, junk=0, seed=1)
    assert consumer.trained_on(made.embeddings, made.people) > 0
    every, more, *listed = consumer.measured_on(made.embeddings, made.people)
    assert 0 < every <= more <= 1
    assert listed == [every, more]
    sampler, memory = fp.PKSampler(made.people, people=2, faces=2), fp.CrossBatchMemory(9)
    assert consumer.settings_of(model, sampler, memory)[1:] == [9, 2, 2, 0, 0]
    assert "abacus" in consumer.refused()
