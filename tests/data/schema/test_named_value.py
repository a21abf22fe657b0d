"""Words of `--facts`."""

import pytest

from data.errors import BadInput
from data.schema.named_value import named_value


def test_a_fact_is_a_name_and_a_value_and_two_are_two_words():
    assert named_value("country=DE") == ("country", "DE")
    assert named_value("own=a,b") == ("own", "a,b")
    for text in ("country", "country=DE,row=2", "country=DE, row=2"):
        with pytest.raises(BadInput, match="spaces between"):
            named_value(text)
