"""A commit whose record is kept is decided, and whoever fails to finish it says so."""

from pathlib import Path

import pytest

from qmd_platform.errors import LedgerError
from qmd_platform.lake.store import Lake, Write
from tests.lake.making import JANUARY, candles_at, put
from tests.ledger.talking import asked
from tests.servers import fresh_schema


def test_a_server_that_refuses_the_end_of_a_decided_commit_is_not_believed(postgres: str, tmp_path: Path):
    url = fresh_schema(postgres)
    schema = url.partition("schema=")[2]
    lake = Lake.open(tmp_path / "lake", postgres=url)
    put(lake, Write(JANUARY, candles_at([0]).to_arrow()))
    refuse = "BEGIN RAISE EXCEPTION 'canceling statement' USING ERRCODE = '57014'; END"
    asked(
        url,
        f'CREATE FUNCTION "{schema}".stop() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$',
        f'CREATE CONSTRAINT TRIGGER stop AFTER INSERT ON "{schema}".commit DEFERRABLE INITIALLY DEFERRED '
        f'FOR EACH ROW EXECUTE FUNCTION "{schema}".stop()',
    )
    with pytest.raises(LedgerError, match="commit 2 is decided, and not in the ledger yet") as caught:
        put(lake, Write(JANUARY, candles_at([0, 1]).to_arrow()))
    assert "completes it" in caught.value.hint
    asked(url, f'DROP TRIGGER stop ON "{schema}".commit')
    with Lake.open(tmp_path / "lake", postgres=url) as lake:
        assert (lake.ledger.last_commit(), len(lake.candles(JANUARY.series))) == (2, 2)
        assert lake.verify() == []
