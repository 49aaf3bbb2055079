"""Comparing: the best run, what differs, and never more confidence than the data have."""

from __future__ import annotations

import json
import math

import pytest

from tests.unit.query.trained import trained
from tracker.errors import BadInput, RunError


def repeated(folder, name, values, lr, **more):
    """One run for each value, equal but for the seed."""
    return [
        trained(
            folder, f"{name}-{seed}", [9.0, value], config={"lr": lr, "data/seed": seed}, **more
        )
        for seed, value in enumerate(values)
    ]


NEAR = [0.30, 0.32, 0.31]
FAR = [0.10, 0.12, 0.11]


def test_the_best_run_and_its_deltas_to_the_baseline(folder, store):
    base = trained(folder, "base", [1.0, 0.5], more={"acc": 0.7})
    good = trained(folder, "good", [1.0, 0.2], more={"acc": 0.9, "own": 1})
    found = store.compare([base, good], "loss")
    assert found.best_run.id == good
    assert found.metrics_delta == pytest.approx({"loss": -0.3, "acc": 0.2})
    assert [one.id for one in found.runs] == [good, base]
    assert store.compare([base, good], "acc").best_run.id == good
    assert store.compare([base, good], "loss", mode="max").best_run.id == base


def test_the_figure_that_counts_can_be_chosen(folder, store):
    early = trained(folder, "early", [0.1, 0.9])
    late = trained(folder, "late", [0.8, 0.2])
    assert store.compare([early, late], "loss").best_run.id == late
    assert store.compare([early, late], "loss", figure="min").best_run.id == early
    assert store.compare([early, late], "loss", figure="mean").runs[0].values["loss"] == 0.5
    with pytest.raises(BadInput, match="it is one of last, min, max, mean, first"):
        store.compare([early, late], "loss", figure="median")


def test_runs_equal_but_for_the_seed_are_one_group(folder, store):
    near, far = repeated(folder, "near", NEAR, 0.1), repeated(folder, "far", FAR, 0.01)
    found = store.compare([*near, *far], "loss")
    groups = {frozenset(one.id for one in group.runs): group for group in found.groups}
    assert set(groups) == {frozenset(near), frozenset(far)}
    group = groups[frozenset(far)]
    assert (group.spread.n, group.seeds) == (3, 3)
    assert (group.spread.mean, group.spread.std) == pytest.approx((0.11, 0.01))
    contrast = found.contrast_of(group)
    assert (contrast.rule, contrast.inside) == ("welch", False)
    assert found.contrast_of(groups[frozenset(near)]) is None
    assert found.recommendation.startswith("Take far-0 (n = 3): loss is 0.11 against 0.31")
    assert found.advice.confidence == "medium"


def test_a_seed_key_can_be_named(folder, store):
    runs = [trained(folder, f"r{n}", [0.1 * n], config={"lr": 1, "fold": n}) for n in range(1, 4)]
    assert len(store.compare(runs, "loss").groups) == 3
    assert len(store.compare(runs, "loss", seeds=["fold"]).groups) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"about": {"git_commit": "b" * 40}},
        {"used": {"set": "f" * 64}},
        {"config": {"lr": 1, "extra": None, "seed": 2}},
    ],
)
def test_runs_with_other_code_data_or_config_are_no_repeats(folder, store, more):
    plain = {"config": {"lr": 1, "seed": 1}, "about": {"git_commit": "a" * 40}}
    runs = [trained(folder, "a", [0.1], **plain), trained(folder, "b", [0.2], **(plain | more))]
    assert len(store.compare(runs, "loss").groups) == 2


def test_numbers_that_are_equal_are_the_same_setting(folder, store):
    runs = [trained(folder, f"{lr}", [0.1], config={"lr": lr, "seed": lr}) for lr in (1, 1.0)]
    found = store.compare(runs, "loss")
    assert len(found.groups) == 1
    assert not [each for each in found.differences if each.kind == "config"]


def test_runs_without_config_are_never_taken_for_repeats(folder, store):
    runs = [trained(folder, f"r{n}", [0.1 + n]) for n in range(3)]
    assert len(store.compare(runs, "loss").groups) == 3


def test_a_difference_inside_the_noise_is_no_recommendation(folder, store):
    one = repeated(folder, "one", [0.30, 0.34, 0.26], 0.1)
    other = repeated(folder, "other", [0.29, 0.33, 0.25], 0.2)
    found = store.compare([*one, *other], "loss")
    assert "cannot be told apart" in found.recommendation
    assert found.advice.confidence == "none"
    assert found.advice.contrast.inside
    assert any("overlap" in text for text in found.advice.weaknesses)


def test_single_runs_leave_the_noise_unknown_and_that_is_said(folder, store):
    runs = [trained(folder, name, [value], config={"lr": value}) for name, value in
            (("a", 0.5), ("b", 0.4))]  # fmt: skip
    found = store.compare(runs, "loss")
    assert "not known, as each ran once" in found.recommendation
    assert found.advice.confidence == "low"
    assert "b ran once: its own noise is not known" in found.advice.weaknesses
    assert found.to_dict()["contrast"]["inside_noise"] is None


def test_a_single_run_is_held_against_the_scatter_of_many(folder, store):
    many = repeated(folder, "many", NEAR, 0.1)
    far = trained(folder, "far", [9.0, 0.1], config={"lr": 0.2, "seed": 0})
    near = trained(folder, "near", [9.0, 0.305], config={"lr": 0.3, "seed": 0})
    told = {one.id: store.compare([*many, one.id], "loss") for one in map(store.run, (far, near))}
    assert told[far].advice.contrast.rule == "prediction"
    assert (told[far].advice.contrast.inside, told[near].advice.contrast.inside) == (False, True)
    assert told[far].advice.confidence == "low"


def test_five_repeats_of_recorded_code_and_data_are_needed_for_high_confidence(folder, store):
    known = {"about": {"git_commit": "a" * 40}, "used": {"set": "f" * 64}}
    one = repeated(folder, "one", [*NEAR, 0.30, 0.31], 0.1, **known)
    other = repeated(folder, "other", [*FAR, 0.10, 0.12], 0.2, **known)
    found = store.compare([*one, *other], "loss")
    assert (found.advice.confidence, found.advice.weaknesses) == ("high", [])


WEAKER = {
    "used different data": {"used": {"set": "e" * 64}},
    "ran different code": {"about": {"git_commit": "b" * 40}},
    "other-0 failed": {"status": "failed"},
    "other-0 was killed": {"status": "killed"},
    "other-0 crashed": {"status": None},
    "other-0 could not keep all that it logged": {"dropped": {"log": 3}},
}


@pytest.mark.parametrize("weakness", WEAKER)
def test_each_weakness_is_named_and_lowers_confidence(folder, store, weakness):
    known = {"about": {"git_commit": "a" * 40}, "used": {"set": "f" * 64}}
    one = repeated(folder, "one", [*NEAR, 0.30, 0.31], 0.1, **known)
    other = repeated(folder, "other", [*FAR, 0.10, 0.12], 0.2, **(known | WEAKER[weakness]))
    found = store.compare([*one, *other], "loss")
    assert any(weakness in text for text in found.advice.weaknesses)
    assert found.advice.confidence in ("low", "medium")


@pytest.mark.parametrize("other", [{"status": None}, {"metric": "x"}, {"values": [math.nan]}])
def test_other_runs_that_might_be_better_take_one_level(folder, store, other):
    known = {"about": {"git_commit": "a" * 40}, "used": {"set": "f" * 64}}
    runs = repeated(folder, "one", [*NEAR, 0.30, 0.31], 0.1, **known)
    runs += repeated(folder, "two", [*FAR, 0.10, 0.12], 0.2, **known)
    runs.append(trained(folder, "third", **({"values": [5.0]} | other)))
    found = store.compare(runs, "loss")
    assert found.advice.confidence == "medium"
    assert "third" in found.advice.weaknesses[0]


def test_equal_seeds_and_equal_values_are_no_independent_repeats(folder, store):
    same = [trained(folder, f"same-{n}", [0.1], config={"lr": 1, "seed": 0}) for n in range(3)]
    other = [trained(folder, f"o-{n}", [0.2], config={"lr": 2}) for n in range(3)]
    told = store.compare([*other, *same], "loss").advice.weaknesses
    assert "the runs that repeat same-0 have seeds in common" in told
    assert "the runs that repeat o-0 have no seed recorded" in told
    assert any("the very same value" in text for text in told)


def test_unfinished_runs_are_shown_but_do_not_count_among_finished_repeats(folder, store):
    done = repeated(folder, "done", FAR, 0.1)
    crashed = trained(folder, "cut", [9.0], config={"lr": 0.1, "data/seed": 7}, status=None)
    other = repeated(folder, "other", NEAR, 0.2)
    found = store.compare([*other, *done, crashed], "loss")
    group = next(group for group in found.groups if len(group.runs) == 4)
    assert crashed not in {one.id for one in group.counted}
    assert "cut crashed" in found.advice.weaknesses
    assert crashed in {run["id"] for run in found.to_dict()["runs"]}


def test_a_lucky_run_of_a_scattering_setting_is_not_what_is_recommended(folder, store):
    lucky = repeated(folder, "lucky", [0.05, 0.9, 0.8], 0.1)
    steady = repeated(folder, "steady", [0.2, 0.21, 0.19], 0.2)
    found = store.compare([*lucky, *steady], "loss")
    assert found.best_run.id == lucky[0]
    assert "steady" in found.recommendation
    assert any("best single value, 0.05, is of lucky-0" in text for text in found.advice.reasons)


def test_nan_and_infinite_values_are_never_the_best(folder, store):
    values = {"nan": math.nan, "low": -math.inf, "high": math.inf, "fine": 0.5}
    ids = {name: trained(folder, name, [value]) for name, value in values.items()}
    found = store.compare(list(ids.values()), "loss")
    assert found.best_run.id == ids["fine"]
    assert found.runs[0].id == ids["fine"]
    (told,) = [text for text in found.advice.weaknesses if "not finite" in text]
    assert all(name in told for name in ("nan (nan)", "low (-inf)", "high (inf)"))
    assert "nothing to hold it against" in found.recommendation


def test_no_finite_value_at_all_is_no_recommendation(folder, store):
    runs = [trained(folder, name, [math.nan]) for name in "ab"]
    found = store.compare(runs, "loss")
    assert found.best_run is None
    assert found.metrics_delta == {}
    assert found.to_dict()["best_run"] is None
    assert "nothing can be recommended" in found.recommendation


def test_runs_without_the_metric_are_named(folder, store):
    a, b = (trained(folder, name, [value]) for name, value in (("a", 0.1), ("b", 0.2)))
    none = trained(folder, "other", [1.0], metric="x")
    found = store.compare([a, b, none], "loss")
    assert "without loss: other" in found.advice.weaknesses
    assert found.runs[-1].id == none


def test_a_metric_that_no_run_has_is_an_error_with_the_nearest(folder, store):
    runs = [trained(folder, name, [0.1], metric="val/loss") for name in "ab"]
    with pytest.raises(BadInput, match=r"none of these 2 runs has a metric 'val/los'.*'val/loss'"):
        store.compare(runs, "val/los")


def test_without_a_metric_the_common_ones_are_named(folder, store):
    a, b = (trained(folder, name, [0.1], more={name: 1}) for name in ("a", "b"))
    with pytest.raises(BadInput, match="--metric NAME, of 'loss'\\."):
        store.compare([a, b])
    x = trained(folder, "x", [0.1], metric="x")
    with pytest.raises(BadInput, match=r"no metric in common\. Some have one: --metric NAME, of"):
        store.compare([a, x])
    with pytest.raises(BadInput, match="They have none"):
        store.compare([trained(folder, name, []) for name in "cd"])


def test_one_run_alone_cannot_be_compared(folder, store):
    a = trained(folder, "a", [0.1])
    for runs in ([], [a], [a, a]):
        with pytest.raises(BadInput, match="two different runs"):
            store.compare(runs, "loss")


def test_the_baseline_is_the_first_or_a_run_or_a_tag_and_need_not_be_among_them(folder, store):
    a, b, c = (trained(folder, n, [v], tags=t) for n, v, t in
               (("a", 0.1, None), ("b", 0.2, None), ("c", 0.4, {"reference": ""})))  # fmt: skip
    assert store.compare([b, a], "loss").baseline.id == b
    found = store.compare([a, b], "loss", "reference")
    assert found.baseline.id == c
    assert found.metrics_delta["loss"] == pytest.approx(-0.3)
    assert store.compare([a, b], "loss", "a").baseline.id == a
    with pytest.raises(RunError, match="no run 'refrence'"):
        store.compare([a, b], "loss", "refrence")
    trained(folder, "d", [0.4], tags={"reference": ""})
    with pytest.raises(RunError, match="2 runs have the tag 'reference'"):
        store.compare([a, b], "loss", "reference")


def test_what_differs_is_told_by_kind(folder, store):
    a = trained(
        folder, "a", [0.1], config={"lr": 1, "same": [1]}, used={"set": "a" * 64},
        about={"git_commit": "a", "pid": 1}, logged={"model": ("model", "1" * 64)},
    )  # fmt: skip
    b = trained(
        folder, "b", [0.1], config={"lr": 2, "same": [1], "new": True}, used={"set": "b" * 64},
        about={"git_commit": "b", "pid": 2, "host": "there", "python": "3.12"},
        logged={"model": ("model", "2" * 64), "wandb-metadata.json": ("run-file", "3" * 64)},
    )  # fmt: skip
    found = store.compare([a, b], "loss")
    assert [(each.kind, each.key) for each in found.differences] == [
        ("config", "lr"), ("config", "new"), ("code", "git_commit"), ("environment", "python"),
        ("data", "set"), ("output", "model"), ("host", "host"),
    ]  # fmt: skip
    values = {each.key: each.values for each in found.differences}
    assert values["lr"] == {a: 1, b: 2}
    assert values["new"] == {b: True}
    assert values["set"] == {a: "a" * 64, b: "b" * 64}


def test_names_that_several_runs_have_are_told_apart(folder, store):
    runs = [trained(folder, "twin", [value]) for value in (0.1, 0.2)]
    found = store.compare(runs, "loss")
    assert len(set(found.labels.values())) == 2
    assert all(label.startswith("twin (") for label in found.labels.values())


def test_json_has_the_shape_and_is_strict(folder, store):
    runs = [*repeated(folder, "near", NEAR, 0.1), *repeated(folder, "far", FAR, 0.01)]
    runs.append(trained(folder, "odd", [math.nan], more={"up": math.inf}))
    told = store.compare(runs, "loss").to_dict()
    assert list(told)[:3] == ["best_run", "metrics_delta", "recommendation"]
    assert set(told) == {
        "best_run", "metrics_delta", "recommendation", "confidence", "reasons", "weaknesses",
        "metric", "figure", "mode", "mode_source", "baseline", "contrast", "runs", "groups",
        "differences",
    }  # fmt: skip
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    (odd,) = [run for run in told["runs"] if run["name"] == "odd"]
    assert (odd["value"], odd["metrics"]["up"]) == ("NaN", "Infinity")


def test_damaged_runs_are_said(folder, store):
    a, b, c = (trained(folder, name, [0.1 * n]) for n, name in enumerate("abc", 1))
    (segment,) = [file for file in folder.run(b).rglob("*") if file.is_file()]
    content = bytearray(segment.read_bytes())
    content[content.index(b"loss")] ^= 0xFF
    segment.write_bytes(content)
    found = store.compare([a, b, c], "loss")
    assert (found.runs[-1].id, found.runs[-1].incomplete) == (b, ["has damaged records"])
    assert "without loss: b" in found.advice.weaknesses


def test_the_best_run_is_found_among_any_number(folder, store):
    ids = [trained(folder, f"r{n}", [abs(n - 5) + 0.5]) for n in range(10)]
    trained(folder, "nan", [math.nan])
    found = store.best(store.runs(), "loss")
    assert (found.run.id, found.value, found.step) == (ids[5], 0.5, 0)
    assert (found.of, found.ranked, found.second_value) == (11, 10, 1.5)
    assert store.best([ids[0]], "loss").second is None
    with pytest.raises(BadInput, match="finite value"):
        store.best(["nan"], "loss")
    with pytest.raises(BadInput, match="Nearest: 'loss'"):
        store.best(store.runs(), "los")
