"""The vocabulary's orders and sets are contracts: shipped weights and tables rely on them."""

from fbn.vocabulary import (
    ACTION_UNIT_BY_NUMBER,
    ACTION_UNITS,
    ACTION_UNITS_BY_DATASET,
    AU_INDEX,
    AU_NUMBERS,
    CLASSES_EMOTIONET,
    COMPOUND_EXPRESSIONS,
    COMPOUND_RAFDB,
    DECISION,
    EXPRESSION_INDEX,
    EXPRESSIONS,
    POSITIVE_VALENCE_COMPOUNDS,
)


def test_output_orders() -> None:
    assert AU_NUMBERS == (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26)
    assert [str(e) for e in EXPRESSIONS] == ["neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise"]
    assert [AU_INDEX[unit.number] for unit in ACTION_UNITS] == list(range(17))
    assert [EXPRESSION_INDEX[e] for e in EXPRESSIONS] == list(range(7))


def test_codes() -> None:
    assert [ACTION_UNIT_BY_NUMBER[n].code for n in (1, 11, 26)] == ["AU01", "AU11", "AU26"]
    assert ACTION_UNIT_BY_NUMBER[6].short == "AU6"
    assert all(unit.name and unit.muscle and unit.description for unit in ACTION_UNIT_BY_NUMBER.values())


def test_au11_is_known_but_not_predicted() -> None:
    assert 11 in ACTION_UNIT_BY_NUMBER
    assert 11 not in AU_INDEX


def test_compounds_are_made_of_two_basic_expressions() -> None:
    assert len(COMPOUND_EXPRESSIONS) == 15
    for name, compound in COMPOUND_EXPRESSIONS.items():
        assert compound.name == name
        assert compound.first != compound.second
        assert "neutral" not in (compound.first, compound.second)


def test_label_sets_use_known_words() -> None:
    assert len(COMPOUND_RAFDB) == len(set(COMPOUND_RAFDB)) == 11
    assert set(COMPOUND_RAFDB) <= set(COMPOUND_EXPRESSIONS)
    assert len(CLASSES_EMOTIONET) == len(set(CLASSES_EMOTIONET)) == 16
    assert set(CLASSES_EMOTIONET) <= set(COMPOUND_EXPRESSIONS) | set(EXPRESSION_INDEX)
    for numbers in ACTION_UNITS_BY_DATASET.values():
        assert list(numbers) == sorted(set(numbers) & set(AU_NUMBERS))


def test_label_sets_word_for_word() -> None:
    assert tuple(EXPRESSION_INDEX) == ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
    assert POSITIVE_VALENCE_COMPOUNDS == ("happily surprised", "happily disgusted")


def test_an_action_unit_is_active_from_one_half_on() -> None:
    assert DECISION == 0.5
