"""URIs of machina_1's teacher."""

import pytest

from coglab.config.errors import UserError
from coglab.games.machina1.teachers.registry import TEACHERS, parse_teacher_uri


@pytest.mark.parametrize(
    ("uri", "style"),
    [
        ("metta://policy/dinky:v15", "solo"),
        ("dinky", "solo"),
        ("metta://policy/dinky:v15?style=solo", "solo"),
        ("metta://policy/dinky:v15?style=quartet", "quartet"),
    ],
)
def test_a_uri_names_the_style(uri, style):
    spec = parse_teacher_uri(uri)
    assert (spec.name, spec.style) == ("dinky", style)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "dinky:v14",
            "no version `v14`; the only version is `v15`; use `metta://policy/dinky:v15`",
        ),
        ("dinkey:v15", "no teacher `dinkey`.*Did you mean `dinky`"),
        ("dinky:v15?stile=solo", "no parameter `stile`; it takes style.*Did you mean `style`"),
        ("dinky:v15?style=quartett", "expected `solo` or `quartet`.*Did you mean `quartet`"),
        ("dinky:v15?style", "`style` needs a value, for example `style=solo`"),
    ],
)
def test_a_slip_is_answered_with_what_would_have_worked(uri, message):
    with pytest.raises(UserError, match=message):
        parse_teacher_uri(f"metta://policy/{uri}")


def test_the_entry_says_what_the_teacher_is_good_for():
    info = TEACHERS["dinky"]
    assert info.pros
    assert info.cons
    assert parse_teacher_uri(info.uri).style == "solo"
