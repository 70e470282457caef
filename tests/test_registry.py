"""Names: folders, globs, commas, short names, and what is said of a name that nothing has."""

from __future__ import annotations

import pytest

from bench.registry import METHODS, Label, Registry
from bench.spec import UserError

NAMES = ["demo/digits", "vtab1k/natural/cifar100", "vtab1k/structured/dsprites_location", "vtab1k/structured/dmlab"]


@pytest.fixture
def tasks() -> Registry[int]:
    registry: Registry[int] = Registry("task")
    for number, name in enumerate(NAMES):
        registry.add(name, number)
    registry.add_scheme("folder", len)
    return registry


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["all"], NAMES),
        (["demo"], NAMES[:1]),
        (["vtab1k"], NAMES[1:]),
        (["vtab1k/structured"], NAMES[2:]),
        (["vtab1k/structured/*"], NAMES[2:]),
        (["vtab1k/cifar100"], NAMES[1:2]),
        (["*/d*", "demo"], [NAMES[0], NAMES[2], NAMES[3]]),
        (["demo,vtab1k/dmlab", "demo/digits"], [NAMES[0], NAMES[3]]),
    ],
)
def test_selection(tasks: Registry[int], patterns: list[str], names: list[str]) -> None:
    assert sorted(tasks.select(patterns)) == sorted(names)


def test_a_scheme_makes_its_item(tasks: Registry[int]) -> None:
    assert tasks.select(["folder:abcd"]) == {"folder:abcd": 4}


def test_a_wrong_name_gets_the_nearest(tasks: Registry[int]) -> None:
    with pytest.raises(UserError, match="no task is called 'vtab1k/cifar10'; did you mean 'vtab1k/cifar100'"):
        tasks.select(["vtab1k/cifar10"])
    with pytest.raises(UserError, match="`list` shows them all"):
        tasks.select(["xyzzy"])
    with pytest.raises(UserError, match="no task was named"):
        tasks.select([","])


def test_two_of_one_name_are_refused(tasks: Registry[int]) -> None:
    with pytest.raises(ValueError, match="two tasks are called 'demo/digits'"):
        tasks.add("demo/digits", 0)


def test_a_short_name_that_is_short_for_two_is_refused() -> None:
    shifted: Registry[int] = Registry("task")
    for name in ("ood/pacs/sketch", "ood/domainnet/sketch", "ood/pacs/photo"):
        shifted.add(name, 0)
    assert list(shifted.select(["ood/photo"])) == ["ood/pacs/photo"]
    with pytest.raises(
        UserError, match="'ood/sketch' is short for ood/pacs/sketch and for ood/domainnet/sketch; write which one"
    ):
        shifted.select(["ood/sketch"])
    assert len(shifted.select(["ood/*/sketch"])) == 2


def test_the_name_in_a_record_leads_to_its_method() -> None:
    names = ("lora", "lora:rank=4", "lora:rank=4:lr=0.01", "lora (oracle)", "lora:rank=4 (oracle)")
    labels = [Label.parse(name) for name in names]
    assert [label.text for label in labels] == [str(label) for label in labels] == list(names)
    assert {label.name for label in labels} == {"lora"}
    assert [label.oracle for label in labels] == [False, False, False, True, True]
    assert Label.parse("lora:rank=4:lr=0.01 (oracle)").fixed == {"rank", "lr"}
    assert Label.parse("lora (oracle)").fixed == set()
    assert Label.parse("lora:rank=4").as_oracle() == Label.parse("lora:rank=4 (oracle)")


@pytest.mark.parametrize("text", ["epochs=x", "epochs=1.5", "lr=nan", "lr=None:batch=None", "epochs=(1, 2)"])
def test_a_hyper_parameter_of_another_type_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"of fine_tune is .*write fine_tune:(epochs|lr|batch)=VALUE"):
        METHODS.select([f"fine_tune:{text}"])
    assert len(METHODS.select(["fine_tune:lr=None,fine_tune:lr=1,fine_tune:lr=0.1:epochs=3"])) == 3


def test_a_negative_hyper_parameter_is_refused() -> None:
    with pytest.raises(UserError, match="l2 of linear_probe cannot be negative, as -1 is"):
        METHODS.select(["linear_probe:l2=-1"])


def of_families() -> Registry[int]:
    """Five items of two families, and one of none."""
    registry: Registry[int] = Registry("method", families=("heads", "low_rank", "others"))
    for number, (name, family) in enumerate([("lora", "low_rank"), ("fact", "low_rank"), ("knn", "heads")]):
        registry.add(name, number, family=family, extra=name == "lora")
    registry.add("mine", 3)
    return registry


def test_a_family_selects_its_items_core_before_extra() -> None:
    registry = of_families()
    assert list(registry.select(["low_rank"])) == ["fact", "lora"]
    assert list(registry.select(["knn,low_rank", "lora"])) == ["knn", "fact", "lora"]
    assert list(registry.select(["others"])) == ["mine"]
    assert list(registry.select(["core"])) == ["fact", "knn", "mine"]
    assert registry.by_family() == {"heads": ["knn"], "low_rank": ["fact", "lora"], "others": ["mine"]}


@pytest.mark.parametrize(("typed", "meant"), [("low-rank", "low_rank"), ("head", "heads"), ("cores", "core")])
def test_a_family_spelt_wrongly_gets_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(UserError, match=f"no method is called '{typed}'; did you mean '{meant}'"):
        of_families().select([typed])


@pytest.mark.parametrize("name", ["heads", "core", "all"])
def test_no_item_is_called_as_what_selects_several(name: str) -> None:
    with pytest.raises(ValueError, match=f"a method cannot be called '{name}'"):
        of_families().add(name, 9)


def test_a_family_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="'ssf' is of no family 'adapter'; choose one of heads, low_rank, others"):
        of_families().add("ssf", 9, family="adapter")


def test_every_method_of_ours_has_a_family() -> None:
    assert set(METHODS.by_family()) <= {"heads", "weights", "adapters", "low_rank"}
