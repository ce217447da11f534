"""The running means of a training, against scikit-learn and hand counts."""

import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss

from ml.training.meter import Meter


def test_the_meter_agrees_with_scikit_learn_over_uneven_batches() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(103, 5, generator=generator)
    labels = torch.randint(0, 5, (103,), generator=generator)
    meter = Meter()
    for start in range(0, 103, 16):
        some, true = logits[start : start + 16], labels[start : start + 16]
        meter.add(torch.nn.functional.cross_entropy(some, true), some, true)
    score = meter.total()
    expected = log_loss(labels.numpy(), logits.double().softmax(1).numpy())
    assert score.loss == pytest.approx(expected, rel=1e-5)
    assert score.accuracy == pytest.approx(accuracy_score(labels, logits.argmax(1)))
    assert score.pictures == 103


def test_the_meter_tells_only_what_came_since_it_was_last_read() -> None:
    meter = Meter()
    one, zero = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    assert meter.since_last_read() is None
    meter.add(torch.tensor(2.0), one, zero)
    assert meter.since_last_read().loss == 2.0
    meter.add(torch.tensor(4.0), one, zero)
    assert meter.since_last_read().loss == 4.0
    assert meter.since_last_read() is None
    assert meter.total().loss == 3.0
