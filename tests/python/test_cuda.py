"""The CUDA backend as Python sees it: without a card what is refused, and with one the bits of the portable backend."""

import numpy as np
import pytest

import faceprint as fp
import faceprint.cuda
from faceprint import _core

REASON = fp.backends()["cuda"]


@pytest.mark.skipif(not REASON, reason="here is a card")
def test_refused_without_a_card():
    x = np.zeros((2, 3), np.float32)
    message = f"^backend 'cuda' cannot run here: {REASON}$"
    before = _core.active_backend()
    with pytest.raises(fp.DeviceError, match=message):
        fp.use_backend("cuda")
    assert _core.active_backend() == before
    for call in (lambda: fp.cuda.send(x), lambda: fp.cuda.distances(x, x), lambda: fp.cuda.nearest(x, x, 1)):
        with pytest.raises(fp.DeviceError, match=message):
            call()


def test_info_says_what_cuda_can_do():
    assert fp.info()["backends"]["cuda"] == (REASON or "runs here")


@pytest.fixture
def on_cuda():
    """Call a function with the CUDA backend in use: on_cuda(function)."""
    if REASON:
        pytest.skip(REASON)
    before = _core.active_backend()

    def call(function):
        _core.use_backend("cuda")
        try:
            return function()
        finally:
            _core.use_backend(before)

    return call


def same(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.cuda
@pytest.mark.parametrize("depth", [1, 7, 128, 129])
def test_distances_have_the_same_bits(on_cuda, unit_rows, depth):
    x, y = unit_rows(70, depth, 1), unit_rows(301, depth, 2)
    same([on_cuda(lambda: fp.distances(x, y))], [fp.distances(x, y)])


@pytest.mark.cuda
@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
@pytest.mark.parametrize("metric", ["squared-euclidean", "cosine", "dot"])
def test_searches_have_the_same_bits(on_cuda, unit_rows, storage, metric):
    gallery = _core.Gallery(64, storage)
    gallery.append(unit_rows(3000, 64, 3))
    limit = 1.4 if metric == "squared-euclidean" else 0.3
    for queries in (unit_rows(2, 64, 4), unit_rows(150, 64, 5)):
        for k in (1, 10, 500):
            same(
                on_cuda(lambda q=queries, k=k: _core.nearest(q, gallery, k, metric)[:2]),
                _core.nearest(queries, gallery, k, metric)[:2],
            )
        same(
            on_cuda(lambda q=queries: _core.within(q, gallery, limit, metric)[:3]),
            _core.within(queries, gallery, limit, metric)[:3],
        )
    if storage != "int8":
        same(on_cuda(lambda: _core.neighbours(gallery, 7, metric)), _core.neighbours(gallery, 7, metric))


@pytest.mark.cuda
def test_searches_see_what_a_gallery_has_become(on_cuda, unit_rows):
    gallery, x = _core.Gallery(16), unit_rows(500, 16, 6)
    gallery.append(x)
    assert on_cuda(lambda: _core.nearest(x[:1], gallery, 1))[1] == 0
    gallery.remove(np.array([0]))
    assert on_cuda(lambda: _core.nearest(x[1:2], gallery, 1))[1] == 0
    gallery.append(x[:1])
    assert on_cuda(lambda: _core.nearest(x[:1], gallery, 1))[1] == 499


class Interface:
    """An array that speaks nothing but __cuda_array_interface__."""

    def __init__(self, array, **changes):
        self.array = array  # keeps the memory
        self.__cuda_array_interface__ = {**array.__cuda_array_interface__, **changes}


@pytest.mark.cuda
@pytest.mark.parametrize("view", [lambda array: array, Interface])
def test_arrays_on_the_card_stay_there(on_cuda, unit_rows, view):
    x, y = unit_rows(40, 33, 7), unit_rows(300, 33, 8)
    queries, gallery = view(fp.cuda.send(x)), view(fp.cuda.send(y))
    found = fp.cuda.distances(queries, gallery)
    assert (found.shape, found.dtype, found.device) == ((40, 300), "float32", 0)
    same([found.numpy()], [fp.distances(x, y)])
    for metric in ("squared-euclidean", "cosine", "dot"):
        answer = fp.cuda.nearest(queries, gallery, 9, metric=metric)
        assert [array.dtype for array in answer] == ["float32", "int64"]
        same([array.numpy() for array in answer], fp.nearest(x, y, 9, metric=metric))


@pytest.mark.cuda
def test_work_may_be_left_to_a_stream(on_cuda, unit_rows):
    x = unit_rows(40, 33, 7)
    card = fp.cuda.send(x)
    stream = card.__cuda_array_interface__["stream"]
    found = fp.cuda.distances(card, card, stream=stream)
    assert found.__cuda_array_interface__["stream"] == stream
    same([found.numpy()], [fp.distances(x, x)])
    del found  # before the stream, which is that of `card`


@pytest.mark.cuda
def test_rows_may_be_some_of_a_larger_array(on_cuda, unit_rows):
    x = unit_rows(20, 12, 9)
    every_second = Interface(fp.cuda.send(x), shape=(10, 12), strides=(96, 4))
    same([fp.cuda.distances(every_second, fp.cuda.send(x)).numpy()], [fp.distances(x[::2], x)])


@pytest.mark.cuda
def test_arrays_on_the_card_are_refused(on_cuda, unit_rows):
    x = unit_rows(4, 8, 10)
    card = fp.cuda.send(x)
    with pytest.raises(TypeError, match=r"^x must speak __dlpack__ or __cuda_array_interface__, not list$"):
        fp.cuda.distances([[1.0]], card)
    with pytest.raises(fp.DeviceError, match=r"^y must lie on a CUDA card, not on DLPack device type 1$"):
        fp.cuda.distances(card, x)
    with pytest.raises(TypeError, match=r"^x must be float32, not <f8$"):
        fp.cuda.distances(Interface(card, typestr="<f8", shape=(4, 4)), card)
    with pytest.raises(TypeError, match=r"^x must be float32, not a type of 64 bits, DLPack code 0$"):
        fp.cuda.distances(fp.cuda.nearest(card, card, 1)[1], card)
    with pytest.raises(ValueError, match=r"^x must have two dimensions, not 1$"):
        fp.cuda.distances(Interface(card, shape=(32,)), card)
    with pytest.raises(ValueError, match=r"^x must have adjacent elements in each row$"):
        fp.cuda.distances(Interface(card, shape=(4, 4), strides=(32, 8)), card)
    with pytest.raises(ValueError, match=r"^y must have shape \(n, 8\), not \(8, 4\)$"):
        fp.cuda.distances(card, Interface(card, shape=(8, 4)))
    with pytest.raises(ValueError, match=r"^k must be in \[1, 4\], not 5$"):
        fp.cuda.nearest(card, card, 5)
    with pytest.raises(ValueError, match=r"^metric must be 'squared-euclidean', 'cosine' or 'dot', not 'l1'$"):
        fp.cuda.nearest(card, card, 1, metric="l1")


@pytest.mark.cuda
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "gallery must be finite: row 2 is not"),
        (np.inf, "gallery must be finite: row 2 is not"),
        (-2e15, r"gallery must lie in \[-1e15, 1e15\]: row 2 does not"),
    ],
)
def test_values_on_the_card_are_checked(on_cuda, unit_rows, value, message):
    x, y = unit_rows(3, 8, 11), unit_rows(50, 8, 12)
    y[2, 7] = y[40, 0] = value
    with pytest.raises(ValueError, match=f"^{message}$"):
        fp.cuda.nearest(fp.cuda.send(x), fp.cuda.send(y), 1)


@pytest.mark.cuda
def test_rows_without_a_direction_have_no_cosine(on_cuda, unit_rows):
    x, y = unit_rows(3, 8, 13), unit_rows(50, 8, 14)
    x[1] = 0
    with pytest.raises(ValueError, match=r"^x must be longer than 1e-15 for the cosine: row 1 is not$"):
        fp.cuda.nearest(fp.cuda.send(x), fp.cuda.send(y), 1, metric="cosine")


@pytest.mark.cuda
def test_dlpack_capsules_are_taken_once(on_cuda, unit_rows):
    card = fp.cuda.send(unit_rows(3, 8, 15))
    assert card.__dlpack_device__() == (2, 0)
    assert "used" not in repr(card.__dlpack__())
    with pytest.raises(BufferError, match=r"^a copy must be made by whoever wants one$"):
        card.__dlpack__(copy=True)
    with pytest.raises(BufferError, match=r"^the array must stay on its card, 0$"):
        card.__dlpack__(dl_device=(1, 0))


@pytest.mark.cuda
@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
@pytest.mark.parametrize("metric", ["squared-euclidean", "cosine", "dot"])
def test_a_gallery_is_searched_by_what_lies_on_the_card(on_cuda, unit_rows, storage, metric):
    gallery = fp.Gallery(storage=storage)
    gallery.add(unit_rows(8300, 24, 21))  # enough for two cards, where there are
    x = unit_rows(40, 24, 22)
    for k in (1, 20):
        found = fp.cuda.nearest(fp.cuda.send(x), gallery, k, metric=metric)
        same([array.numpy() for array in found], fp.nearest(x, gallery, k, metric=metric))
    card = fp.cuda.send(x)
    gallery.remove(ids=[int(gallery.search(x[:1], k=1).ids[0, 0])])
    backwards = Interface(
        card, shape=(20, 24), strides=(-192, 4), data=(card.__cuda_array_interface__["data"][0] + 96 * 38, True)
    )
    found = fp.cuda.nearest(backwards, gallery, 3, metric=metric)
    same([array.numpy() for array in found], fp.nearest(np.ascontiguousarray(x[38::-2]), gallery, 3, metric=metric))


@pytest.mark.cuda
def test_searches_of_a_gallery_are_refused(on_cuda, unit_rows):
    gallery, card = fp.Gallery(), fp.cuda.send(unit_rows(4, 8, 23))
    gallery.add(unit_rows(5, 8, 24))
    with pytest.raises(ValueError, match=r"^k must be in \[1, 5\], not 6$"):
        fp.cuda.nearest(card, gallery, 6)
    with pytest.raises(ValueError, match=r"^x must have shape \(n, 8\), not \(4, 7\)$"):
        fp.cuda.nearest(fp.cuda.send(unit_rows(4, 7, 25)), gallery, 1)
    x = unit_rows(4, 8, 26)
    x[2] = 0
    with pytest.raises(ValueError, match=r"^x must be longer than 1e-15 for the cosine: row 2 is not$"):
        fp.cuda.nearest(fp.cuda.send(x), gallery, 1, metric="cosine")
    gallery.add(np.zeros((1, 8), np.float32))
    with pytest.raises(ValueError, match=r"^rows of the gallery must be longer than 1e-15 for the cosine"):
        fp.cuda.nearest(card, gallery, 1, metric="cosine")


MININGS = [
    {"kind": "semihard"},
    {"kind": "semihard", "choice": "random", "seed": 3},
    {"kind": "batch-hard", "margin": np.inf},
    {"kind": "batch-all", "anchors": 20},
    {"kind": "easy-positive", "margin": 0.5},
]


@pytest.mark.cuda
@pytest.mark.parametrize("options", MININGS)
def test_triplets_of_a_batch_on_the_card(on_cuda, unit_rows, options):
    x, labels = unit_rows(90, 12, 17), np.arange(90) % 11
    same(fp.cuda.mine_triplets(fp.cuda.send(x), labels, **options), fp.mine_triplets(x, labels, **options))


@pytest.mark.cuda
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"reduction": "sum", "anchors": 20},
        {"kind": "semihard", "choice": "random", "seed": 3},
        {"kind": "batch-hard", "margin": "soft"},
    ],
)
def test_losses_and_gradients_of_a_batch_on_the_card(on_cuda, unit_rows, options):
    x, labels = unit_rows(90, 12, 18), [f"person {number}" for number in np.arange(90) % 11]
    value, gradient = fp.cuda.triplet_loss(fp.cuda.send(x), labels, **options)
    expected, expected_gradient = fp.triplet_loss(x, labels, **options)
    assert value == expected
    same([gradient.numpy()], [expected_gradient])


@pytest.mark.cuda
def test_batches_on_the_card_tell_progress_and_are_refused(on_cuda, unit_rows):
    x, labels, seen = fp.cuda.send(unit_rows(20, 4, 19)), np.arange(20) // 2, []
    fp.cuda.mine_triplets(x, labels, progress=seen.append)
    assert (seen[0], seen[-1]) == (0, 1)
    wrong = unit_rows(20, 4, 20)
    wrong[7, 3] = np.nan
    for call in (fp.cuda.mine_triplets, fp.cuda.triplet_loss):
        with pytest.raises(ValueError, match=r"^labels must have length 20, not 19$"):
            call(x, labels[1:])
        with pytest.raises(ValueError, match=r"^margin must be above 0, not 0\.0+$"):
            call(x, labels, margin=0)
        with pytest.raises(ValueError, match=r"^x must be finite: row 7 is not$"):
            call(fp.cuda.send(wrong), labels)
        with pytest.raises(ValueError, match=r"^anchors must be in \[1, 20\], the number of rows, not 21$"):
            call(x, labels, anchors=21)
        with pytest.raises(TypeError, match=r"^x must speak __dlpack__ or __cuda_array_interface__, not list$"):
            call([[1.0]], [1])
    with pytest.raises(ValueError, match=r"^kind must not be 'batch-all' where margin is 'soft': "):
        fp.cuda.triplet_loss(x, labels, margin="soft")
    assert len(fp.cuda.mine_triplets(fp.cuda.send(np.empty((0, 4), np.float32)), [])[0]) == 0
    value, gradient = fp.cuda.triplet_loss(fp.cuda.send(np.empty((0, 4), np.float32)), [])
    assert (value, gradient.shape) == (0, (0, 4))


@pytest.mark.cuda
def test_tensors_of_torch_go_in_and_out(on_cuda, unit_rows):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no card")
    x = unit_rows(30, 128, 16)
    tensor = torch.from_numpy(x).cuda()
    found = torch.from_dlpack(fp.cuda.distances(tensor, tensor, stream=torch.cuda.current_stream().cuda_stream or 1))
    assert found.device.type == "cuda"
    same([found.cpu().numpy()], [fp.distances(x, x)])
