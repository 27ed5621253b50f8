"""A zip from an archive to the bytes of the one file inside, or a refusal: nothing in between.

What lives here: checksums and zips, pure. What does not: downloading (``archive``), the rows (``archive_csv``).
"""

import hashlib
import io
import re
import zipfile
import zlib

from qmd_platform.errors import ArchiveDamaged

_CHECKSUM = re.compile(rb"(?P<digest>[0-9a-fA-F]{64})[ \t]+\*?(?P<name>[^\s]+)\s*")
_BOM = b"\xef\xbb\xbf"


def stated_digest(venue: str, name: str, body: bytes) -> str:
    """The sha256 (lower-case hex) that a checksum file, ``<sha256>  <name>``, states for the zip ``name``.

    Raises:
        ArchiveDamaged: it is not a checksum file, or one of another zip.
    """
    found = _CHECKSUM.fullmatch(body.removeprefix(_BOM))
    if found is None:
        raise ArchiveDamaged(venue, f"the checksum of {name} is not one: {body[:80]!r}")
    stated = found["name"].decode("utf-8", "replace")
    if stated != name:
        raise ArchiveDamaged(venue, f"the checksum of {name} is that of {stated}")
    return found["digest"].decode().lower()


def digest_of(body: bytes) -> str:
    """The sha256 of ``body``, lower-case hex."""
    return hashlib.sha256(body).hexdigest()


def unzipped(venue: str, body: bytes, member: str, most_bytes: int) -> bytes:
    """The content of the one file ``member`` in the zip ``body``.

    Args:
        venue: for messages.
        body: the zip.
        member: the name the file must have; a zip of another market is a mix-up at the venue.
        most_bytes: a larger content is not unpacked: it is not a file of candles.

    Raises:
        ArchiveDamaged: not a zip, cut short, a wrong or second file inside, too large, or its CRC is wrong.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = archive.namelist()
            if names != [member]:
                shown = ", ".join(names[:3]) or "nothing"
                raise ArchiveDamaged(venue, f"the zip holds {shown} where {member} alone is expected")
            size = archive.infolist()[0].file_size
            if size > most_bytes:
                raise ArchiveDamaged(venue, f"{member} says it has {size} bytes, more than {most_bytes}")
            # Never more than it says it has: zipfile stops there, and then the CRC tells that it lied.
            return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        # The last three: a method or an encryption no such file has, and offsets that make no sense.
        raise ArchiveDamaged(venue, f"the zip of {member} is broken: {error}") from error
