"""The renderer of the chart's templates renders as Go's text/template does."""

from typing import Any

import pytest

from tests.deploy.gotemplate import TemplateError, Templates


def render(text: str, **root: Any) -> str:
    templates = Templates()
    return templates.render(templates.add(text), root)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {{ .word }} b", "a x b"),
        ("a {{- .word -}} b", "axb"),
        ("{{ if .no }}1{{ else }}2{{ end }}", "2"),
        ("{{ with .map }}{{ .b }}{{ $.word }}{{ end }}", "2x"),
        ("{{ range $k, $v := .map }}{{ $k }}={{ $v }};{{ end }}", "a=1;b=2;"),
        ('{{ .word | printf "%s-%s" "y" | quote }}', '"y-x"'),
        ('{{ if not (eq .word "y") }}other{{ end }}', "other"),
        ("{{ add 1 2 3 }}", "6"),
        ('{{ define "t" }}<{{ .b }}>{{ end }}{{ include "t" .map }}', "<2>"),
        ("{{ toYaml .map | nindent 2 }}", "\n  a: 1\n  b: 2"),
        ("{{ .absent }}{{ .yes }}", "true"),
    ],
)
def test_it_renders(text: str, expected: str) -> None:
    assert render(text, word="x", no=False, yes=True, map={"b": 2, "a": 1}) == expected


@pytest.mark.parametrize(
    "text", ['{{ fail "why" }}', "{{ unheard . }}", "{{ if .a }}", "{{ end }}"]
)
def test_what_it_can_not_render_is_an_error(text: str) -> None:
    with pytest.raises(TemplateError):
        render(text, a=1)
