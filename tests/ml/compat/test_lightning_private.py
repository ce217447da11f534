"""Lightning still has the parts that are used, and without them a training goes on all the same."""

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from ml.compat import lightning_private
from ml.compat.lightning_private import HOOK_NAME, TRIED_WITH, QuickHookName, averaged_network

CHANGED = f"Lightning has changed since {TRIED_WITH}: mend ml.compat.lightning_private"


class Line(QuickHookName, pl.LightningModule):
    """A linear module that keeps the hook it was in at its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
        self.hooks: list[object] = []

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        self.hooks.append(self.__dict__.get(HOOK_NAME))
        return self.layer(batch).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.fixture
def trained() -> tuple[Line, WeightAveraging]:
    line, callback = Line(), WeightAveraging()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(line, DataLoader(torch.randn(6, 2), batch_size=2))
    return line, callback


pytestmark = [
    pytest.mark.filterwarnings("ignore:.*treespec.*"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*GPU available but not used.*"),
]


def test_lightning_still_notes_the_hook_it_is_in(trained: tuple[Line, WeightAveraging]) -> None:
    assert trained[0].hooks == ["training_step"] * 3, CHANGED


def test_other_attributes_are_registered_as_torch_does() -> None:
    line = Line()
    line.layer = torch.nn.Linear(2, 3)
    assert line.layer.weight.shape == next(line.parameters()).shape == (3, 2)


def test_without_the_hook_name_attributes_are_set_as_by_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lightning_private, "HOOK_NAME", "_of_another_lightning")
    line = Line()
    setattr(line, HOOK_NAME, "on_fit_start")
    assert getattr(line, HOOK_NAME) == "on_fit_start"


def test_lightning_still_keeps_the_averaged_network(
    trained: tuple[Line, WeightAveraging],
) -> None:
    line, callback = trained
    assert isinstance(callback._average_model, AveragedModel), CHANGED
    assert callback.state_dict()["latest_update_step"] == 3, CHANGED
    network = averaged_network(callback)
    assert isinstance(network, Line)
    assert network is not line


def test_an_averaged_network_under_another_name_is_found_by_its_type(
    trained: tuple[Line, WeightAveraging],
) -> None:
    callback = trained[1]
    expected = averaged_network(callback)
    callback.renamed = callback.__dict__.pop("_average_model")
    assert averaged_network(callback) is expected


def test_before_training_there_is_no_averaged_network() -> None:
    assert averaged_network(WeightAveraging()) is None
