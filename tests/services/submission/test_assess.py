"""An assessment is shared by requests that differ only in their prompt, and by no others."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.capability import Capabilities
from gateway.domain.catalog import parse_catalog
from gateway.domain.data_url import lift
from gateway.domain.pricing import Estimate
from gateway.domain.team import Principal
from gateway.domain.video import VideoRequest, parse_request
from gateway.services.submission.assess import Assessment, Assessor
from tests.services.books import in_force

RED = Principal("red", "ci")
BLUE = Principal("blue", "ci")
LIVE = in_force({}).current
GROK = "x-ai/grok-imagine-video"
MODELS = Path(__file__).parents[2] / "data" / "models.json"
MODEL: Capabilities = parse_catalog(json.loads(MODELS.read_text())["data"]).models[GROK]


def asked(**fields: Any) -> VideoRequest:
    request = parse_request({"model": GROK, "prompt": "a fox", "duration": 2, **fields})
    assert isinstance(request, VideoRequest)
    return request


def assessed(assessor: Assessor, request: VideoRequest, who: Principal = RED) -> Assessment:
    return assessor.assess(who, request, "main", MODEL, LIVE)


def test_another_prompt_has_the_same_assessment() -> None:
    assessor = Assessor()

    assert assessed(assessor, asked()) is assessed(assessor, asked(prompt="an owl"))


@pytest.mark.parametrize(
    "fields",
    [
        {"duration": 3},
        {"resolution": "480p"},
        {"prompt": " "},
        {"seed": 7},
        {"a_new_field": 1},
        {"a_new_field": True},
        {"provider": {"options": {"xai": {"quality": "high"}}}},
        {"frame_images": [{"type": "image_url", "image_url": {"url": "https://h.example/a.png"},
                           "frame_type": "first_frame"}]},
    ],
)  # fmt: skip
def test_any_other_difference_is_assessed_by_itself(fields: dict[str, Any]) -> None:
    assessor = Assessor()
    before = assessed(assessor, asked())

    found = assessed(assessor, asked(**fields))

    assert found is not before
    assert repr(found) == repr(assessed(Assessor(), asked(**fields)))


def test_another_team_configuration_or_catalog_is_assessed_anew() -> None:
    assessor = Assessor()
    request, before = asked(), assessed(assessor, asked())
    reloaded = in_force({}).current
    changed = replace(MODEL)

    assert assessed(assessor, request, BLUE) is not before
    assert assessor.assess(RED, request, "main", MODEL, reloaded).in_force is reloaded
    assert assessor.assess(RED, request, "main", changed, LIVE).capabilities is changed
    assert assessor.assess(RED, request, "other", MODEL, LIVE).rule_results[0].allowed == "other"


def test_no_part_of_a_prompt_is_kept() -> None:
    assessor = Assessor()

    found = assessed(assessor, asked(prompt="a marker that nobody else writes"))

    assert isinstance(found.priced, Estimate)
    assert "marker" not in repr((found.rule_results, found.priced, found.profile))
    assert "marker" not in repr(assessor.__dict__)


def test_a_refused_request_is_assessed_each_time() -> None:
    assessor = Assessor()
    one, two = (assessed(assessor, asked(resolution="9999p")) for _ in range(2))

    assert [str(r.refusal) for r in one.rule_results] == [str(r.refusal) for r in two.rule_results]
    assert not {id(r.refusal) for r in one.rule_results if r.refusal} & {
        id(r.refusal) for r in two.rule_results if r.refusal
    }


def test_a_large_request_is_assessed_each_time_and_alike() -> None:
    assessor = Assessor()
    url = f"https://h.example/{'a' * 3_000}.png"
    request = asked(input_references=[{"type": "image_url", "image_url": {"url": url}}])

    assert assessed(assessor, request) is not assessed(assessor, request)
    assert repr(assessed(assessor, request)) == repr(assessed(Assessor(), request))


def test_images_inside_the_body_are_assessed_by_their_own_size() -> None:
    assessor = Assessor()

    def with_image(size: int) -> VideoRequest:
        lifted = lift(b'"data:image/png;base64,' + b"A" * size + b'"')
        image = {"type": "image_url", "image_url": {"url": lifted.urls[0]}}
        return asked(input_references=[image])

    small, large = (
        assessed(assessor, with_image(20_000)),
        assessed(assessor, with_image(30_000_000)),
    )

    refused = [rule.rule for rule in large.rule_results if rule.refusal is not None]
    assert "limits.max_image_mb" in refused
    assert "limits.max_image_mb" not in [r.rule for r in small.rule_results if r.refusal]


def test_memory_is_bounded() -> None:
    assessor = Assessor()
    first = assessed(assessor, asked(seed=0))
    for seed in range(1, 2_100):
        assessed(assessor, asked(seed=seed))

    assert assessed(assessor, asked(seed=0)) is not first
    assert len(vars(assessor)["_kept"]) <= 2_048
