"""The models of the real service, as recorded in data/models.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Model:
    """One entry of GET /videos/models. None: not reported."""

    entry: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Return the id that requests use."""
        return str(self.entry["id"])

    @property
    def slug(self) -> str:
        """Return the dated id that some messages use."""
        return str(self.entry["canonical_slug"])

    @property
    def vendor(self) -> str:
        """Return the vendor's name in recorded messages: `xAI`, else the text before the colon."""
        known = {"x-ai": "xAI"}
        vendor = self.id.split("/", 1)[0]
        return known.get(vendor, str(self.entry["name"]).split(":", 1)[0])

    @property
    def durations(self) -> tuple[int, ...] | None:
        """Return the supported durations in seconds, ascending."""
        listed = self.entry["supported_durations"]
        return tuple(sorted(listed)) if listed is not None else None

    @property
    def resolutions(self) -> tuple[str, ...] | None:
        """Return the supported resolutions, in the listed order."""
        return self._listed("supported_resolutions")

    @property
    def aspect_ratios(self) -> tuple[str, ...] | None:
        """Return the supported aspect ratios, in the listed order."""
        return self._listed("supported_aspect_ratios")

    @property
    def sizes(self) -> tuple[str, ...] | None:
        """Return the supported sizes, in the listed order."""
        return self._listed("supported_sizes")

    @property
    def frame_types(self) -> tuple[str, ...] | None:
        """Return the types of frame that may be given as images."""
        return self._listed("supported_frame_images")

    @property
    def creativity(self) -> tuple[int, ...] | None:
        """Return the supported creativity levels; upscalers only."""
        listed = self.entry["creativity"]
        return tuple(listed) if listed is not None else None

    @property
    def upscale(self) -> Mapping[str, Any] | None:
        """Return the range of upscale factors, `min` and `max`; upscalers only."""
        value: Mapping[str, Any] | None = self.entry["upscale_factor"]
        return value

    @property
    def audio(self) -> bool | None:
        """Whether it can generate audio."""
        value: bool | None = self.entry["generate_audio"]
        return value

    @property
    def seed(self) -> bool | None:
        """Whether it supports a seed."""
        value: bool | None = self.entry["seed"]
        return value

    @property
    def skus(self) -> Mapping[str, str]:
        """Return the prices by key (docs/openrouter-contract.md section 6)."""
        return self.entry.get("pricing_skus") or {}

    @property
    def needs_source(self) -> bool:
        """Whether the output is as long as the input: edit, upscale and avatar models."""
        return self.durations is None

    @property
    def can_continue(self) -> bool:
        """Whether it supports `previous_job_id`.

        The catalog does not say so. Models with a price for it do, and models that edit a clip.
        """
        edits = self.needs_source and "duration_seconds" not in self.skus
        return edits or any("video_continuation" in key for key in self.skus)

    def _listed(self, key: str) -> tuple[str, ...] | None:
        listed = self.entry[key]
        return tuple(listed) if listed is not None else None


@dataclass(frozen=True)
class Catalog:
    """All models, in the order of the service."""

    document: Mapping[str, Any]

    @classmethod
    def recorded(cls) -> "Catalog":
        """Load the 30 models recorded on 2026-10-02."""
        text = files("gateway.sandbox").joinpath("data/models.json").read_text(encoding="utf-8")
        return cls(json.loads(text))

    @cached_property
    def models(self) -> Mapping[str, Model]:
        """Return the models by id; a dated slug is not an id."""
        return {entry["id"]: Model(entry) for entry in self.document["data"]}

    @cached_property
    def general_rows(self) -> tuple[Mapping[str, Any], ...]:
        """Return the models in the format of GET /models."""
        return tuple(_general_row(model) for model in self.models.values())


def _general_row(model: Model) -> Mapping[str, Any]:
    entry = model.entry
    inputs = ["text"] if model.frame_types is None and not model.needs_source else ["text", "image"]
    return {
        "id": model.id,
        "canonical_slug": model.slug,
        "hugging_face_id": entry.get("hugging_face_id"),
        "name": entry["name"],
        "created": entry["created"],
        "description": entry.get("description", ""),
        "context_length": 0,
        "architecture": {
            "modality": f"{'+'.join(inputs)}->video",
            "input_modalities": inputs,
            "output_modalities": ["video"],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": {"prompt": "0", "completion": "0"},  # always zero, as on the real service
        "top_provider": {
            "context_length": None,
            "max_completion_tokens": None,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": ["seed"] if model.seed else [],
        "default_parameters": None,
        "supported_voices": None,
        "knowledge_cutoff": None,
        "expiration_date": None,
        "links": {"details": f"/api/v1/models/{model.slug}/endpoints"},
    }
