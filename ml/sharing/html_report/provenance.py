"""Sections of the report: how the model was made, and how to use it."""

import shlex
from dataclasses import fields
from typing import Any

from markupsafe import Markup

from ml.config import TrainConfig
from ml.data.pixels.pixels import PixelSpec
from ml.errors import BadInputError
from ml.runs.choices import RunChoices
from ml.runs.events import RunEnded, RunStarted
from ml.runs.file_types import Worker
from ml.sharing.html_report.rendering import render
from ml.sharing.html_report.report_data import Subject, described
from ml.text import command_line, report_sentences
from ml.text.format import count, duration
from ml.utils.typed_json import read_typed

DEVICES = {"cpu": "processor (CPU)", "cuda": "graphics card (CUDA)", "mps": "graphics (MPS)"}
PACKAGES = {
    "lensmith": "Lensmith",
    "python": "Python",
    "torch": "PyTorch",
    "onnxruntime": "ONNX Runtime",
}


def making(subject: Subject) -> Markup:
    """Settings that differ from the preset, time and machine, and what to type for the same."""
    config = subject.run.settings
    usual, title = _usual(subject, config)
    changed = command_line.differing(config, usual)
    labels = {item.name: (item.metadata["label"], item.metadata["unit"]) for item in fields(config)}
    rows = [
        [labels[name][0], _valued(value, labels[name][1]), _valued(getattr(usual, name), "")]
        for name, value in changed.items()
    ]
    return render(
        "provenance",
        facts=_facts(subject, config),
        title=title,
        rows=rows,
        command=command_line.command_of(subject.workspace, config),
    )


def _usual(subject: Subject, config: TrainConfig) -> tuple[TrainConfig, str]:
    """What the settings are compared with, and the title of the table that does it."""
    info = described(subject.workspace, config.dataset)
    try:
        if info is not None:
            title = f"Settings that differ from the preset {config.preset}"
            return command_line.of_preset(config, info), title
    except BadInputError:  # a model that is not here any more
        pass
    return TrainConfig(), "Settings that differ from the defaults"


def _valued(value: Any, unit: str) -> str:
    text = (
        {True: "yes", False: "no"}[value] if isinstance(value, bool) else command_line.worded(value)
    )
    return f"{text} {unit}".strip()


def _facts(subject: Subject, config: TrainConfig) -> dict[str, str]:
    """Data, epochs, time, machine and versions, as far as the run tells."""
    events = subject.run.events()[0]
    ends = [event for event in events if isinstance(event, RunEnded)]
    starts = [event for event in events if isinstance(event, RunStarted)]
    counts = subject.run.dataset.get("counts") or {}
    parts = [f"{counts[name]:,} {word}" for name, word in SPLITS.items() if counts.get(name)]
    worker = read_typed(subject.run.folder / "worker.json", Worker) or {}
    choices = RunChoices.from_json(starts[-1].choices) if starts else None
    threads = choices.threads if choices else 0
    machine = [
        str(worker.get("platform") or ""),
        DEVICES.get(starts[-1].device, starts[-1].device) if starts else "",
        count(threads, "thread") if threads else "",
        f"precision {choices.precision}" if choices and choices.precision else "",
    ]
    known = subject.model.get("versions") or {}
    programs = [f"{label} {known[name]}" for name, label in PACKAGES.items() if known.get(name)]
    return {
        "Trained on": f"{subject.run.dataset.get('name')}: {', '.join(parts)}" if parts else "",
        "Preset": config.preset,
        "Epochs": f"{ends[-1].epochs} of {subject.run.epochs}" if ends else "",
        "Time": duration(sum(event.seconds for event in ends)) if ends else "",
        "Machine": ", ".join(part for part in machine if part),
        "Versions": ", ".join(programs),
        "Seed": str(config.seed),
    }


SPLITS = {"train": "to learn from", "val": "to choose by", "test": "to test on"}


def using(subject: Subject) -> Markup:
    """What to type to use it, what its file takes, and under what licence its weights are."""
    return render(
        "using",
        command=f"python -m ml predict {shlex.quote(subject.run.id)} picture.jpg",
        input=_input(subject.model),
        parity=report_sentences.parity(subject.model.get("parity")),
        licence=subject.model.get("licence"),
    )


def _input(model: dict[str, Any]) -> str:
    """What ``model.onnx`` takes and gives."""
    try:
        spec = PixelSpec.from_json(model.get("pixels"))
    except BadInputError:
        return ""
    fit = "the middle of the picture" if spec.fit == "crop" else "the whole picture, squeezed"
    kind = "colour" if spec.colour == "rgb" else "grey"
    return (
        f"Its file model.onnx takes uint8 squares of {spec.size} px in {kind} ({fit}) and gives a "
        "logit for each class; model.json has the names of the classes, in order, and the "
        "temperature to divide logits by."
    )
