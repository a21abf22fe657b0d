"""Profiles under other names: a keyed hash of each id, where a salt is set.

Who holds logs, examples and maps then cannot tell whose they are without the salt. The same id has
the same name everywhere, so draws, joins and look-ups work as before; a name stays what it is when
it is named again, so ids may pass more than one door.
"""

import hashlib
import os
import re

from data.errors import BadInput

VARIABLE = "MARQUEE_PROFILE_SALT"
LEAST_SALT = 16
"""Characters: a short salt is found by trying."""
NAME = re.compile(r"p~[0-9a-f]{32}")


class Pseudonyms:
    """Names profiles.

    Args:
        salt: secret; empty leaves ids as they are.

    Raises:
        BadInput: the salt is too short.
    """

    def __init__(self, salt: str = "") -> None:
        if salt and len(salt) < LEAST_SALT:
            raise BadInput(
                f"{VARIABLE} has {len(salt)} characters; give {LEAST_SALT} or more at random"
            )
        self._key = hashlib.sha256(salt.encode()).digest() if salt else b""

    @classmethod
    def from_environment(cls) -> "Pseudonyms":
        """With the salt that the environment holds."""
        return cls(os.environ.get(VARIABLE, ""))

    def __bool__(self) -> bool:
        """Whether ids get other names."""
        return bool(self._key)

    def of(self, profile_id: str) -> str:
        """The name of a profile, of 34 characters; its id where there is no salt."""
        if not self._key or not profile_id or NAME.fullmatch(profile_id):
            return profile_id
        raw = profile_id.encode(errors="surrogatepass")
        return "p~" + hashlib.blake2b(raw, digest_size=16, key=self._key).hexdigest()
