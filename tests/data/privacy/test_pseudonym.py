"""Names in place of ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput
from data.privacy.pseudonym import NAME, Pseudonyms

NAMES = Pseudonyms("a secret of some length")
OTHERS = Pseudonyms("another one, as long too")


@given(st.text(min_size=1))
def test_a_name_tells_nothing_of_the_id_and_stays_what_it_is(profile):
    name = NAMES.of(profile)
    assert NAME.fullmatch(name)
    assert NAMES.of(name) == name
    assert Pseudonyms("a secret of some length").of(profile) == name
    assert NAME.fullmatch(profile) or OTHERS.of(profile) != name
    assert Pseudonyms().of(profile) == profile


def test_a_salt_that_can_be_guessed_is_refused():
    with pytest.raises(BadInput, match="16"):
        Pseudonyms("short")
