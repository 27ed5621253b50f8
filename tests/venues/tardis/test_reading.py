"""Tardis's CSV files: the recorded ones field by field, and every way in which a file is not what it promises."""

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from qmd_platform.errors import ArchiveDamaged
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window
from qmd_platform.venues.tardis import reading
from qmd_platform.venues.tardis.datasets import TYPES, DataType, Field
from qmd_platform.venues.tardis.reading import Expected

RECORDED = {
    "bitmex_trades_XBTUSD.csv": "trades",
    "huobi-dm-swap_quotes_BTC-USD.csv": "quotes",
    "deribit_incremental_book_L2_BTC-PERPETUAL.csv": "incremental_book_L2",
    "binance-futures_book_snapshot_5_BTCUSDT.csv": "book_snapshot_5",
    "binance-futures_book_snapshot_25_BTCUSDT.csv": "book_snapshot_25",
}
TRADES = TYPES["trades"]
ROW = "bybit,BTCUSDT,{at},{local},{id},buy,60000.5,0.25\n"
HEADER = ",".join(TRADES.header) + "\n"
AT = 1_790_000_000_000_000
Kept = Callable[..., Path]


def value(field: Field, text: str) -> object:
    """A cell as a person reads it."""
    if text == "":
        return None
    return {"int64": int, "float64": float, "bool": lambda word: word == "true"}.get(field.dtype, str)(text)


@pytest.mark.shared
@pytest.mark.parametrize(("name", "kind"), RECORDED.items())
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_recorded_file_is_read_field_by_field(
    shared_data: Path,
    tmp_path: Path,
    name: str,
    kind: str,
    is_packed: bool,  # noqa: FBT001 - by name
):
    path = shared_data / "tardis_csv" / name
    text = path.read_text("utf-8")
    if is_packed:
        path = tmp_path / f"{name}.gz"
        path.write_bytes(gzip.compress(text.encode()))
    assert TYPES[kind] in reading.types_of(path)
    header, *lines = csv.reader(text.splitlines())
    wanted = [
        {field.name: value(field, cell) for field, cell in zip(TYPES[kind].fields, line, strict=True)} for line in lines
    ]
    assert tuple(header) == TYPES[kind].header
    assert [row for batch in reading.batches(path, TYPES[kind]) for row in batch.to_pylist()] == wanted


@pytest.mark.parametrize("kind", TYPES.values(), ids=lambda one: one.name)
def test_a_file_of_every_type_with_all_that_may_be_empty_left_empty_is_read(kept: Kept, kind: DataType):
    usual = {"exchange": "bybit", "symbol": "BTCUSDT", "is_snapshot": "true", "timestamp": str(AT)}
    usual["local_timestamp"] = str(AT)
    side = "ask" if kind.name == "incremental_book_L2" else "sell"
    cells = ["" if one.nullable else usual.get(one.name, side if one.name == "side" else "1.5") for one in kind.fields]
    path = kept(",".join(kind.header) + "\n" + ",".join(cells) + "\n")
    (row,) = [row for batch in reading.batches(path, kind) for row in batch.to_pylist()]
    assert [name for name, cell in row.items() if cell is None] == [one.name for one in kind.fields if one.nullable]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    def keep(content: str | bytes, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return keep


def rows(count: int, first: int = AT, id_: int = 0) -> str:
    """Trades a millisecond apart."""
    return "".join(ROW.format(at=first + n * 1000, local=first + n * 1000 + 7, id=id_ + n) for n in range(count))


def read(path: Path, kind: DataType = TRADES, expected: Expected | None = None) -> int:
    return sum(batch.num_rows for batch in reading.batches(path, kind, expected))


def test_a_long_file_is_read_in_batches_of_bounded_size(kept: Kept):
    path = kept(gzip.compress((HEADER + rows(40_000)).encode()), "long.csv.gz")
    sizes = [(batch.num_rows, batch.nbytes) for batch in reading.batches(path, TRADES)]
    assert sum(count for count, _ in sizes) == 40_000
    assert len(sizes) > 2
    assert max(size for _, size in sizes) < 3 * reading.BLOCK


def test_a_file_without_a_byte_and_one_without_a_row_are_days_on_which_nothing_came(kept: Kept):
    for content in (b"", gzip.compress(b""), HEADER.encode(), gzip.compress(HEADER.encode())):
        assert read(kept(content)) == 0
    assert reading.types_of(kept(gzip.compress(b""))) == ()


GOOD = ROW.format(at=AT, local=AT, id=1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (HEADER + GOOD + GOOD.replace(str(AT), str(AT // 1000)), "line 3: timestamp does not count microseconds"),
        (HEADER + GOOD + GOOD.replace(f"{AT},1,", f"{AT - 1},1,"), "line 3: local_timestamp is before that of the row"),
        (
            HEADER + GOOD + GOOD.replace("60000.5", "six"),
            "line 3: price: CSV conversion error to double: invalid value 'six'",
        ),
        (HEADER + GOOD + GOOD.replace("60000.5", "nan"), "line 3: price is no finite number"),
        (HEADER + GOOD + GOOD.replace("0.25", "inf"), "line 3: amount is no finite number"),
        (HEADER + GOOD + GOOD.replace("60000.5", ""), "line 3: price is empty"),
        (HEADER + GOOD + GOOD.replace("buy", "up"), "line 3: side 'up' is not one of buy, sell, unknown"),
        (HEADER + GOOD + GOOD.replace(",buy", ""), "line 3: .*Expected 8 columns, got 7"),
        (HEADER + GOOD + GOOD.replace("BTCUSDT", "ETHUSDT"), "line 3: symbol 'ETHUSDT' is not BTCUSDT"),
        (HEADER + GOOD + GOOD.replace("bybit", "okex"), "line 3: exchange 'okex' is not bybit"),
        (GOOD, "line 1: .* is not the header of trades"),
        ("<html>Just a moment</html>", "line 1: <html>.* is not the header of trades"),
        (bytes(range(255, 0, -1)), "line 1: .utf-8. codec can't decode"),
    ],
)
def test_a_row_that_is_not_as_it_must_be_is_refused_with_its_line(kept: Kept, content: str | bytes, why: str):
    with pytest.raises(ArchiveDamaged, match=rf"file\.csv: {why}"):
        read(kept(content), expected=Expected("bybit", "BTCUSDT"))


def test_rows_of_another_day_are_refused_with_their_line(kept: Kept):
    day = Window(AT // 1000, AT // 1000 + 1440 * MINUTE)
    last, later = (GOOD.replace(str(AT), str(day.end * 1000 + us)) for us in (-1, 0))
    assert read(kept(HEADER + GOOD + last), expected=Expected("bybit", "BTCUSDT", day)) == 2
    with pytest.raises(ArchiveDamaged, match="line 4: local_timestamp is not of 2026-"):
        read(kept(HEADER + GOOD + last + later), expected=Expected("bybit", "BTCUSDT", day))


def test_the_line_is_that_of_the_file_and_not_of_the_batch(kept: Kept):
    text = HEADER + rows(30_000) + GOOD.replace(str(AT), str(AT + 10**10)).replace("0.25", "x")
    with pytest.raises(ArchiveDamaged, match="line 30002: "):
        read(kept(text))
    text = HEADER + rows(30_000) + GOOD
    with pytest.raises(ArchiveDamaged, match="line 30002: local_timestamp is before"):
        read(kept(text))


def test_a_cut_file_and_one_with_a_wrong_byte_are_refused(kept: Kept):
    whole = gzip.compress((HEADER + rows(2_000)).encode())
    wrong = bytearray(whole)
    wrong[len(wrong) // 2] ^= 0xFF
    for content in (whole[:-9], whole[: len(whole) // 2], bytes(wrong)):
        with pytest.raises(ArchiveDamaged, match=r"file\.csv: line [12] or later: "):
            read(kept(content))


def test_what_is_behind_a_files_end_is_refused_with_the_line_up_to_which_it_was_read(kept: Kept):
    whole = gzip.compress((HEADER + rows(40_000)).encode())
    with pytest.raises(ArchiveDamaged, match=r"file\.csv: line \d+ or later: "):
        read(kept(whole + b"more"))


def test_columns_of_no_type_are_told_apart_from_those_of_another(kept: Kept):
    path = kept("exchange,symbol\nbybit,BTCUSDT\n")
    with pytest.raises(ArchiveDamaged, match="line 1: no type of data set has the columns exchange,symbol"):
        reading.types_of(path)
    assert [one.name for one in reading.types_of(kept(HEADER))] == ["trades", "liquidations"]
