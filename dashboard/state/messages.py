"""Messages between pages and components: sent once, taken once."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

Content = TypeVar("Content")


@dataclass(frozen=True)
class Message(Generic[Content]):
    """One kind of message. At most one waits at a time, for each subject where there are several;
    a newer one replaces it. A message that nobody takes ends with the browser tab."""

    name: str

    def send(self, content: Content, subject: str = "") -> None:
        """Leave ``content`` for whoever takes it next."""
        st.session_state[self.key(subject)] = content

    def take(self, subject: str = "") -> Content | None:
        """The content, which is then gone; None where nothing was sent."""
        content: Content | None = st.session_state.pop(self.key(subject), None)
        return content

    def peek(self, subject: str = "") -> Content | None:
        """The content, which stays; None where nothing was sent."""
        content: Content | None = st.session_state.get(self.key(subject))
        return content

    def key(self, subject: str = "") -> str:
        """Where it lies in session state.

        >>> Message("refused-uploads").key(), Message("wanted-report").key("run-1")
        ('message/refused-uploads', 'message/wanted-report/run-1')
        """
        return "/".join(("message", self.name, *([subject] if subject else ())))


WANTED_DATASET: Message[str] = Message("wanted-dataset")
"""To the form on Train: the data set to choose there. Sent wherever "train on these" is pressed,
and when pictures have been brought in as a new set."""
DATASET_TO_TRAIN: Message[str] = Message("dataset-to-train")
"""From Home to Train: start training on that data set at once, with the usual settings."""
SEARCH_TO_START: Message[dict[str, Any]] = Message("search-to-start")
"""From the form on Tune to itself: the search to start once its pictures have been brought in."""
FINDING_TO_SHOW: Message[str] = Message("finding-to-show")
"""From a finding of the doctor to the explorer on Data: the key of the finding whose pictures are
to be listed."""
WANTED_REPORT: Message[str] = Message("wanted-report")
"""To the report picker on Evaluate, by run id: the report to choose there."""
DELETED_RUNS: Message[list[tuple[str, str]]] = Message("deleted-runs")
"""From a row of Runs to the undo bar: id and title of the runs that were moved to the trash. The
bar peeks until somebody dismisses it."""
RUNS_ERROR: Message[str] = Message("runs-error")
"""To the head of Runs: why the last action on a run failed."""
REFUSED_CHANGE: Message[tuple[str, str]] = Message("refused-change")
"""To the undo bar: the name of a data set, and why the last change of it was refused."""
REFUSED_UPLOADS: Message[list[str]] = Message("refused-uploads")
"""From an upload on Classify to the next drawing of it: a sentence for each refused picture."""
