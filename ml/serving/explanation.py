"""Handler of ``why``: what in a picture counted for a class (``ml.explain.why``)."""

from pathlib import Path
from typing import ClassVar

from ml.explain.why import Explainer
from ml.serving.handlers import handler
from ml.serving.model_cache import MAX_THREADS, ModelCache
from ml.serving.pictures import decode_seen
from ml.serving.protocol import ExplainRequest, ExplainResponse


@handler(ExplainRequest)
class ExplainHandler:
    """Explains answers. It keeps the explainer of the last model."""

    unforeseen: ClassVar[str] = "Something unforeseen went wrong. See the server's log."

    def __init__(self, models: ModelCache) -> None:
        self._models = models
        self._explainer: Explainer | None = None

    def __call__(self, request: ExplainRequest) -> ExplainResponse:
        """Answer one request.

        Raises:
            BadInputError: there is no such model, class or method, or the picture is damaged.
        """
        folder = Path(request.folder)
        classifier = self._models.get(folder)
        if self._explainer is None or self._explainer.classifier is not classifier:
            self._explainer = Explainer(classifier, folder, MAX_THREADS)
        explained = self._explainer.explain(
            decode_seen(request.seen), label=request.label, name=request.method
        )
        return ExplainResponse(**explained)
