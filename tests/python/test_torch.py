"""PyTorch: the same triplets, values and gradients as the core's, and the manners of a torch module."""

import doctest
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import faceprint as fp
import reference

torch = pytest.importorskip("torch")

import faceprint.torch  # noqa: E402
from faceprint.torch import HarmonicTripletLoss, TripletLoss, mine_triplets  # noqa: E402

KINDS = ["semihard", "batch-hard", "batch-all", "hardest-within-batch", "random-in-margin", "easy-positive"]
TRAINING = Path(__file__).parents[2] / "docs" / "training.md"


def batch(rows=24, depth=5, identities=4, seed=0):
    random = torch.Generator().manual_seed(seed)
    x = torch.nn.functional.normalize(torch.randn(rows, depth, generator=random)).requires_grad_()
    return x, torch.arange(rows) % identities


def cost(x, triplets, margin=0.2):
    """The loss over given triplets, written in torch in float64, for torch's own gradient."""
    a, p, n = x.double()[torch.as_tensor(triplets).T]
    return torch.relu((a - p).square().sum(1) - (a - n).square().sum(1) + margin).mean()


def gradient_of(loss, x):
    (gradient,) = torch.autograd.grad(loss, x)
    return gradient


@pytest.mark.parametrize("kind", KINDS)
def test_mines_as_on_arrays(kind):
    x, labels = batch()
    found = mine_triplets(x, labels, kind=kind, margin=0.5, seed=3)
    expected = fp.mine_triplets(x.detach().numpy(), labels.numpy(), kind=kind, margin=0.5, seed=3)
    for part, same in zip(found, expected, strict=True):
        assert part.dtype == torch.int64
        np.testing.assert_array_equal(part, same)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "random-in-margin"])
def test_loss_and_gradient_are_torchs_own(kind):
    x, labels = batch()
    value = TripletLoss(kind=kind)(x, labels)
    expected = cost(x, np.stack(fp.mine_triplets(x.detach().numpy(), labels.numpy(), kind=kind), 1))
    assert (value.shape, value.dtype) == ((), torch.float32)
    torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient_of(3 * value, x), gradient_of(3 * expected, x), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_loss_with_a_memory_is_that_of_the_batch_among_all(kind):
    x, labels = batch(12, seed=1)
    memory = fp.CrossBatchMemory(30)
    for seed in (2, 3):
        earlier, names = batch(18, seed=seed)
        memory.add(earlier.detach(), names)
    torch.manual_seed(5)
    value = TripletLoss(kind=kind)(x, labels, memory)
    torch.manual_seed(5)
    seed = int(torch.randint(2**62, ()))
    rows = torch.cat([x, torch.from_numpy(memory.embeddings)])
    names = [*labels.tolist(), *memory.labels.tolist()]
    triplets = np.stack(fp.mine_triplets(rows.detach().numpy(), names, kind=kind, anchors=12, seed=seed), 1)
    assert triplets[:, 1:].max() >= 12
    expected = cost(rows, triplets)
    torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient_of(value, x), gradient_of(expected, x), rtol=1e-5, atol=1e-7)
    assert len(memory) == 30  # nothing was added


def test_an_empty_memory_changes_nothing():
    x, labels = batch()
    assert TripletLoss()(x, labels, fp.CrossBatchMemory(9)) == TripletLoss()(x, labels)


@pytest.mark.parametrize("kind", ["semihard", "batch-hard", "batch-all", "hardest-within-batch"])
def test_harmonic_loss_mixes_both_versions_and_moves_the_new_one(kind):
    new, labels = batch(12, seed=4)
    old, _ = batch(12, seed=5)
    value = HarmonicTripletLoss(kind=kind)(new, old, labels)
    rows, names = torch.cat([new, old.detach()]), torch.cat([labels, labels])
    triplets = reference.mine_triplets(fp.distances(*[rows.detach().numpy()] * 2), names.numpy(), kind, 0.2)
    mixed = {tuple(places) for places in (triplets < 12).tolist()}
    assert len(mixed) == 8  # new and old in every place
    expected = cost(rows, triplets)
    torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient_of(value, new), gradient_of(expected, new), rtol=1e-5, atol=1e-7)
    HarmonicTripletLoss(kind=kind)(new, old, labels).backward()
    assert old.grad is None


def test_harmonic_loss_takes_names():
    new, old = batch(8, seed=1)[0], batch(8, seed=2)[0]
    names = ["Ann", "Ben", "Cid", "Dan"] * 2
    assert HarmonicTripletLoss()(new, old, names) == HarmonicTripletLoss()(new, old, torch.arange(8) % 4)


def test_contiguous_float32_is_read_where_it_lies(monkeypatch):
    core, seen = fp.triplet_loss, []

    def watched(rows, labels, **options):
        seen.append(rows)
        return core(rows, labels, **options)

    loss, (x, labels) = TripletLoss(), batch()
    monkeypatch.setattr(faceprint.torch.triplets, "triplet_loss", watched)
    loss(x, labels)
    loss(x.detach()[4:], labels[4:])
    assert len(seen) == 2
    assert all(np.shares_memory(rows, x.detach().numpy()) for rows in seen)


@pytest.mark.parametrize(
    "layout",
    [
        lambda x: x.t().contiguous().t(),
        lambda x: torch.cat([x, x], 1)[:, : x.shape[1]],
        lambda x: torch.stack([x, x], 1)[:, 0],
        lambda x: x.flip(0).flip(0),
    ],
    ids=["columns", "of wider rows", "every other row", "flipped twice"],
)
def test_other_layouts_give_the_same(layout):
    x, labels = batch()
    value = TripletLoss(kind="batch-all")(x, labels)
    other = TripletLoss(kind="batch-all")(layout(x), labels)
    assert value == other
    assert torch.equal(gradient_of(other, x), gradient_of(value, x))
    for part, same in zip(mine_triplets(layout(x), labels), mine_triplets(x, labels), strict=True):
        assert torch.equal(part, same)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_and_its_gradient_rounded_back(dtype):
    x, labels = batch()
    half = x.detach().to(dtype).requires_grad_()
    wide = half.detach().float().requires_grad_()
    value, expected = TripletLoss()(half, labels), TripletLoss()(wide, labels)
    assert value.dtype == torch.float32
    assert value == expected
    gradient = gradient_of(value, half)
    assert gradient.dtype == dtype
    assert torch.equal(gradient, gradient_of(expected, wide).to(dtype))


def test_runs_under_autocast():
    torch.manual_seed(0)
    network, labels = torch.nn.Linear(6, 4), torch.arange(16) % 4
    with torch.autocast("cpu", torch.bfloat16):
        embeddings = network(torch.randn(16, 6))
        assert embeddings.dtype == torch.bfloat16
        value = TripletLoss(kind="batch-all")(embeddings, labels)
    value.backward()
    assert value.dtype == network.weight.grad.dtype == torch.float32
    assert network.weight.grad.abs().max() > 0


def test_refuses_float64_other_devices_and_what_is_no_tensor():
    x, labels = batch()
    message = "embeddings must be float32, float16 or bfloat16, not float64"
    with pytest.raises(TypeError, match=f"^{message}$"):
        TripletLoss()(x.double(), labels)
    with pytest.raises(TypeError, match=r"^embeddings must be float32, float16 or bfloat16, not int64$"):
        TripletLoss()(labels[:, None], labels)
    with pytest.raises(TypeError, match=r"^embeddings must be a torch\.Tensor, not ndarray$"):
        TripletLoss()(x.detach().numpy(), labels)
    elsewhere = torch.empty(24, 5, device="meta")
    text = "must be in CPU memory, not on meta: the core has no backend there; use .cpu()"
    with pytest.raises(fp.DeviceError, match=f"^embeddings {re.escape(text)}$"):
        TripletLoss()(elsewhere, labels)
    with pytest.raises(fp.DeviceError, match=f"^x {re.escape(text)}$"):
        mine_triplets(elsewhere, labels)
    with pytest.raises(fp.DeviceError, match=f"^old {re.escape(text)}$"):
        HarmonicTripletLoss()(x, elsewhere, labels)


@pytest.mark.parametrize("shape", [(24,), (), (2, 3, 4)])
def test_refuses_other_shapes(shape):
    with pytest.raises(
        ValueError, match=f"^embeddings must have shape \\(n, dimension\\), not {re.escape(str(shape))}$"
    ):
        TripletLoss()(torch.zeros(shape), [0] * 24)


def test_refuses_versions_of_different_shape_and_labels_of_another_number():
    x, labels = batch()
    with pytest.raises(ValueError, match=r"^old must have the shape of new, \(24, 5\), not \(24, 4\)$"):
        HarmonicTripletLoss()(x, x[:, :4], labels)
    with pytest.raises(ValueError, match=r"^labels must have shape \(24,\), one for each row, not \(23,\)$"):
        HarmonicTripletLoss()(x, x, labels[1:])
    with pytest.raises(ValueError, match=r"^labels must have shape \(24,\), one for each row, not \(23,\)$"):
        TripletLoss()(x, labels[1:])


@pytest.mark.parametrize("module", [TripletLoss, HarmonicTripletLoss])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": 0}, r"^margin must be above 0, not 0"),
        ({"kind": "hard"}, r"^kind must be 'semihard', "),
        ({"kind": "batch-hard", "choice": "random"}, r"^choice must be 'hardest' where kind is 'batch-hard'"),
        ({"reduction": "none"}, r"^reduction must be 'mean' or 'sum', not 'none'$"),
        ({"margin": "soft", "kind": "batch-all"}, r"^kind must not be 'batch-all' where margin is 'soft': "),
    ],
)
def test_refuses_wrong_options_at_once(module, options, message):
    with pytest.raises(ValueError, match=message):
        module(**options)


def test_the_memory_is_one():
    with pytest.raises(TypeError, match=r"^memory must be a CrossBatchMemory, not int$"):
        TripletLoss()(*batch(), 100)


def test_there_is_no_second_derivative():
    x, labels = batch()
    value = TripletLoss()(x, labels)
    message = r"^the triplet loss has no second derivative: create_graph must be False, not True$"
    with pytest.raises(RuntimeError, match=message):
        torch.autograd.grad(value, x, create_graph=True)


def test_runs_without_gradients():
    x, labels = batch()
    with torch.no_grad():
        value = TripletLoss()(x, labels)
    assert not value.requires_grad
    assert not TripletLoss()(x.detach(), labels).requires_grad
    with torch.inference_mode():
        assert TripletLoss()(x.detach().clone(), labels) == value


def test_runs_backward_twice_where_the_graph_is_retained():
    x, labels = batch()
    value = TripletLoss()(x, labels)
    value.backward(retain_graph=True)
    once = x.grad.clone()
    value.backward()
    assert torch.equal(x.grad, 2 * once)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        value.backward()


def test_a_batch_without_triplets_costs_nothing():
    x = torch.zeros(0, 4, requires_grad=True)
    value = TripletLoss()(x, torch.empty(0, dtype=torch.int64))
    value.backward()
    assert value == 0
    assert x.grad.shape == (0, 4)
    memory = fp.CrossBatchMemory(3)
    memory.add(np.eye(3, 4, dtype=np.float32), [1, 1, 2])
    assert TripletLoss()(x, torch.empty(0, dtype=torch.int64), memory) == 0


@pytest.mark.parametrize("options", [{"choice": "random"}, {"kind": "random-in-margin"}])
def test_chance_follows_torchs_seed(options):
    x, labels = batch(60)
    loss = TripletLoss(margin=2, **options)
    torch.manual_seed(1)
    values = [loss(x, labels).item() for _ in range(5)]
    torch.manual_seed(1)
    assert [loss(x, labels).item() for _ in range(5)] == values
    assert len(set(values)) > 1


def test_leaves_torchs_chance_alone_where_nothing_is_drawn():
    x, labels = batch()
    before = torch.get_rng_state()
    TripletLoss()(x, labels)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
def test_trains_from_a_data_loader(workers):
    torch.manual_seed(0)
    identities = torch.arange(80) % 8
    inputs = torch.randn(8, 10)[identities] + 0.8 * torch.randn(80, 10)
    data = torch.utils.data.TensorDataset(inputs, identities)
    sampler = fp.PKSampler(identities, people=4, faces=5)
    loader = torch.utils.data.DataLoader(data, batch_sampler=sampler, num_workers=workers)
    network, loss = torch.nn.Linear(10, 6), TripletLoss(kind="batch-all")
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    values = []
    for epoch in range(30 if not workers else 2):
        sampler.set_epoch(epoch)
        for x, labels in loader:
            assert np.unique(labels, return_counts=True)[1].tolist() == [5] * 4
            optimizer.zero_grad()
            value = loss(torch.nn.functional.normalize(network(x)), labels)
            value.backward()
            optimizer.step()
            values.append(value.item())
    assert len(loader) == 2
    if not workers:
        assert np.mean(values[-6:]) < 0.8 * np.mean(values[:6])


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch.compile hides it otherwise
def test_compiled_code_gives_the_same():
    network, loss = torch.nn.Linear(5, 4), TripletLoss(kind="batch-all")

    def step(x, labels):
        return loss(torch.nn.functional.normalize(network(x)), labels) + 1

    x, labels = torch.randn(16, 5), torch.arange(16) % 4
    expected = step(x, labels)
    expected.backward()
    gradient, network.weight.grad = network.weight.grad, None
    compiled = torch.compile(step, backend="aot_eager")
    for _ in range(2):
        network.weight.grad = None
        value = compiled(x, labels)
        value.backward()
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(network.weight.grad, gradient)


def test_a_graph_without_breaks_is_refused():
    x, labels = batch()
    with pytest.raises(torch._dynamo.exc.Unsupported):
        torch.compile(TripletLoss(), backend="eager", fullgraph=True)(x, labels)


def test_says_what_it_is():
    assert repr(TripletLoss(0.3)) == "TripletLoss(margin=0.3, kind='semihard', choice='hardest', reduction='mean')"


def test_examples_of_module():
    failed, attempted = doctest.testmod(faceprint.torch)
    assert failed == 0
    assert attempted >= 8


@pytest.mark.parametrize("autocast", [False, True])
def test_code_of_the_guide_runs(tmp_path, monkeypatch, autocast):
    monkeypatch.chdir(tmp_path)
    names = {}
    blocks = re.findall(r"```python\n(?!>>>)(.*?)```", TRAINING.read_text("utf-8"), re.DOTALL)
    assert blocks
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        for block in blocks:
            exec(block, names)


def test_warns_where_all_embeddings_are_one(monkeypatch):
    x = torch.full((4, 4), 0.5)
    with pytest.warns(fp.CollapseWarning, match=r"^the embeddings of the batch lie 0 apart on average, next to"):
        assert TripletLoss()(x, [0, 0, 1, 1]) == 0
    monkeypatch.setattr(faceprint.torch, "_stream", lambda rows: 1)
    monkeypatch.setattr(faceprint.torch.cuda, "triplet_loss", lambda rows, labels, **options: (0.0, rows))
    with pytest.warns(fp.CollapseWarning, match=r"^the embeddings of the batch lie 0 apart on average, next to"):
        faceprint.torch._loss_on_card(x, [0, 0, 1, 1], threads=None, margin=0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        faceprint.torch._loss_on_card(x, [0, 1, 2, 3], threads=None, margin=0.2)


@pytest.mark.cuda
@pytest.mark.parametrize("kind", ["semihard", "batch-all"])
def test_batches_on_a_card_are_worked_on_there(kind):
    if fp.backends()["cuda"] or not torch.cuda.is_available():
        pytest.skip("no card, or one of the two was built without CUDA")
    x, labels = torch.nn.functional.normalize(torch.randn(60, 16)), torch.arange(60) % 7
    here, there = x.clone().requires_grad_(), x.cuda().requires_grad_()
    for rows, numbers in ((here, labels), (there, labels.cuda())):
        TripletLoss(kind=kind)(rows, numbers).backward()
    assert there.grad.is_cuda
    assert torch.equal(there.grad.cpu(), here.grad)
    found = mine_triplets(x.cuda(), labels.cuda(), kind=kind)
    assert all(rows.is_cuda for rows in found)
    assert all(torch.equal(a.cpu(), b) for a, b in zip(found, mine_triplets(x, labels, kind=kind), strict=True))
