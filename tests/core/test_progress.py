"""What a run says of itself where it is shown on no terminal: into a log file."""

import io
from collections.abc import Iterator

from rich.console import Console
from specs import plan_of

from ltspec.cli.progress import LiveBar, PlainLines, opening
from ltspec.plan.stages import Stage


def training() -> Stage:
    return next(stage for stage, _ in plan_of("train.duration=30it").trainings())


def said_of(ticks: Iterator[float]) -> list[str]:
    """Three pieces of a training of 30 steps, of 120 to be done."""
    stage = training()
    file = io.StringIO()
    watch = PlainLines(Console(file=file, width=200), lambda: next(ticks))
    watch.began(4, 0, 120, 0)
    watch.stage_began(stage, 0, 0)
    for step in (10, 20, 30):
        watch.trained(stage, step, 10, 1.0)
    return file.getvalue().splitlines()


def test_a_long_training_says_once_a_minute_how_far_it_is() -> None:
    # The lines are made at 0, begun at 0, the training at 0; pieces end at 59, 61 and 130 seconds.
    ticks = iter([0.0, 0.0, 0.0, 59.0, 61.0, 61.0, 130.0])
    first, *rest = said_of(ticks)
    assert first == "4 stages to do; 120 training steps"
    # 20 of 120 steps took 61 s, so 100 take five times as long. Its end
    # is said elsewhere.
    assert rest == [f"{training().label}: step 20 of 30, about 5 min 05 s left in all"]
    assert list(ticks) == []


def test_what_checkpoints_have_is_not_counted_as_left() -> None:
    assert opening(62, 21, 23_040, 600) == (
        "62 stages to do, 21 are in the store; 22,440 training steps (600 more are in checkpoints)"
    )
    assert opening(1, 1, 40, 0) == "1 stage to do, 1 is in the store; 40 training steps"


def test_a_bar_needs_no_such_lines() -> None:
    assert LiveBar.reached is not PlainLines.reached
