from io import BytesIO

import pandas as pd
import pytest

from fbn.inference import FrameResult
from fbn.inference.export import table_bytes
from fbn.inference.layouts import LAYOUTS
from tests.ui.conftest import face

RESULTS = [
    FrameResult("webcam", 0, 0.0, (640, 480), (face(0), face(1))),
    FrameResult("webcam", 1, 0.5, (640, 480)),
]


def test_csv_has_the_columns_of_the_command_and_a_row_for_an_empty_frame():
    table = pd.read_csv(BytesIO(table_bytes(RESULTS, ".csv")))
    assert tuple(table.columns) == LAYOUTS["fbn"].columns
    assert table["frame"].tolist() == [0, 0, 1]
    assert table["valence"].isna().tolist() == [False, False, True]
    assert table["AU12"][0] == pytest.approx(0.9)


def test_smoothed_values_come_in_columns_of_their_own():
    smoothed = [FrameResult("webcam", 0, 0.0, (640, 480), (face(0, smoothed=True),))]
    table = pd.read_parquet(BytesIO(table_bytes(smoothed, ".parquet")))
    assert tuple(table.columns) == LAYOUTS["fbn_smooth"].columns
    assert table["valence_smooth"][0] == 0.5
