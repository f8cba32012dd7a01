"""Takes nothing; gives every exception of ltspec, and the Diagnostic that a spec's errors carry.

LtspecError                 has a ``code`` that ``ltspec explain`` knows, a message, a hint
├── SpecError               a spec is wrong: all its diagnostics at once            exit 1
├── UsageError              the call is wrong: an option, a missing file or backend  exit 2
│   └── BackendError        a backend is missing, broken, or cannot do it
├── RunError                a run could not go on                                   exit 3
│   ├── InvariantError      a result is not what the plan says
│   ├── DataError           a data set is missing, damaged, or not the same as before
│   ├── TicketError         a ticket file is damaged, or not what it says
│   ├── WeightsError        a file of weights is damaged, or does not fit the network
│   └── StoreError          the store cannot be read or written
├── Interrupted             the person stopped the run                            exit 130
└── GraphError              a network description is not legal
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Path = tuple[str | int, ...]
"""Where in a spec: ``("prune", "schedule", "fraction")``; list items by number from 0."""


# Named tuples are defined several times as fast as frozen dataclasses, at each start of a process.
class Origin(NamedTuple):
    """A text other than the spec's file that a part of the spec was written in: an option, or
    another spec."""

    name: str
    """What is shown in the place of a file name: ``--set train.optimizer.lr=0.03``."""
    text: str
    is_file: bool = False
    """Whether it is a file, in which lines count: another spec that this one names."""


class Position(NamedTuple):
    """A stretch of one line of a text. Lines and columns count from 1, columns in characters."""

    line: int
    column: int
    length: int
    origin: Origin | None = None
    """Where the line is; None is the spec's own file."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong with a spec."""

    code: str
    """``LT203``; :data:`CODES` has its title and ``ltspec explain`` its page."""
    message: str
    """One sentence: what is wrong."""
    path: Path = ()
    """The key that it is about."""
    hint: str = ""
    """One sentence: what to do."""
    label: str = ""
    """A few words that stand beside the caret."""
    at: Literal["key", "value"] = "value"
    """Whether the caret points to the key or to what is written behind it."""
    position: Position | None = None
    """Where in the file; filled in from the path where it is known."""
    severity: Literal["error", "warning"] = "error"


CODES: dict[str, str] = {
    # 0: the file
    "LT001": "the file cannot be read",
    "LT002": "the file is too large for a spec",
    "LT003": "the file is not UTF-8 text",
    "LT004": "the file is not valid YAML",
    "LT005": "a key is written twice",
    "LT006": "nested too deeply",
    "LT007": "aliases expand to too much",
    "LT008": "a YAML feature that specs do not use",
    "LT009": "the file is not a spec",
    # 1: one key
    "LT101": "unknown key",
    "LT102": "a key is missing",
    "LT103": "wrong type of value",
    "LT104": "not one of the choices",
    "LT105": "value out of range",
    "LT106": "not a duration",
    "LT107": "keys that exclude each other",
    "LT108": "a version of the language that this ltspec does not know",
    # 2: keys that do not fit together
    "LT201": "the batch is larger than the data",
    "LT202": "the training has no steps",
    "LT203": "the rewind point is not before the end of training",
    "LT204": "a milestone lies outside of the training",
    "LT205": "warm-up is longer than the training",
    "LT206": "milestones do not go up",
    "LT207": "a level would leave nothing",
    "LT208": "a pattern matches no tensor",
    "LT209": "nothing is left to prune",
    "LT210": "a level that the schedule does not have",
    "LT211": "seeds and replicates do not agree",
    "LT212": "two replicates are the same",
    "LT213": "a branch does not say where its schedule begins",
    "LT214": "a level would prune nothing",
    "LT215": "the name of a branch is taken",
    "LT216": "too much for one plan",
    "LT217": "the images are too small for the network",
    "LT218": "a depth that the family does not have",
    "LT219": "a function does not give a network",
    "LT220": "a folder of images cannot be used",
    "LT230": "a measured network is not there",
    "LT231": "a measure that does not apply",
    "LT235": "there are no two networks to compare",
    "LT236": "running statistics cannot be recalibrated",
    "LT232": "there are not two to compare",
    "LT233": "there is no whole network to compare with",
    "LT234": "the criterion does not cut at a magnitude",
    "LT238": "a question whose answer is not measured",
    "LT239": "a question that cannot be asked",
    "LT240": "a branch needs weights that were not rewound",
    "LT241": "a branch's data does not fit the network",
    "LT242": "there is no other seed",
    "LT243": "a class has too few examples to be scored on",
    "LT244": "there is no such other mask to read",
    "LT250": "an entry of a sweep that is neither a list nor an axis",
    "LT251": "a key that cannot be swept",
    "LT252": "lists of a sweep that go together are of different lengths",
    "LT253": "a key is swept twice",
    "LT254": "two points of a sweep are the same",
    "LT255": "there is no such preset",
    "LT260": "updates of the mask lie outside of the training",
    "LT261": "a network whose mask changes is not trained",
    "LT262": "updates of the mask would change nothing",
    "LT265": "a pre-training's data does not fit the network",
    "LT270": "a size that the family does not have",
    "LT271": "a map that does not cover the target",
    "LT272": "a stage that cannot be stretched or squeezed so",
    "LT273": "blocks that do not fit",
    "LT274": "networks without the same stages",
    "LT275": "a spec that another one names is wrong",
    "LT276": "a spec that is named by itself",
    "LT277": "tickets of another spec that cannot be carried",
    "LT278": "a control without a ticket to match",
    "LT285": "a file of weights cannot be read",
    "LT286": "not a sound safetensors file",
    "LT287": "weights that do not fit the network",
    "LT288": "the classifier of a file of weights",
    "LT289": "a branch whose network the weights are not for",
    # 3: the call, the backend, the data
    "LT301": "no such backend",
    "LT302": "the backend's framework is not installed",
    "LT303": "no such device",
    "LT304": "the backend cannot do what the spec asks for",
    "LT305": "data is missing and could not be downloaded",
    "LT306": "the data is damaged",
    "LT307": "the data is not what this store has seen",
    "LT308": "not a plan file of this version",
    "LT309": "an option cannot be used so",
    "LT310": "the backend is broken",
    # 4: the run and the store
    "LT401": "the training diverged",
    "LT402": "a result breaks a promise",
    "LT403": "the store cannot be written",
    "LT404": "the folder is not a store of this version",
    "LT405": "the run was interrupted",
    "LT406": "memory ran out",
    "LT407": "a worker process ended",
    "LT410": "a ticket file cannot be read",
    "LT411": "not a ticket file of this version",
    "LT412": "a ticket file is damaged",
    "LT413": "a ticket's manifest is wrong",
    "LT414": "a ticket's arrays do not fit its network",
    "LT415": "a ticket breaks a promise",
    "LT416": "a ticket does not fit the spec",
    "LT417": "a ticket cannot be trained again",
    "LT418": "a ticket that was trained again ends elsewhere",
    "LT419": "two tickets cannot be compared",
    "LT420": "the folder to export to cannot be used",
    "LT421": "torchvision has no such network",
    "LT422": "an export cannot be written",
    # 9: ltspec itself
    "LT901": "a mistake in ltspec",
}
"""Every code and its title. A code is never used again for something else."""


class LtspecError(Exception):
    """What ltspec raises. ``code`` is a key of :data:`CODES`."""

    exit_code = 3

    def __init__(self, message: str, *, code: str = "LT901", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint


class SpecError(LtspecError):
    """A spec is wrong. Carries every diagnostic that was found, in the order of the file."""

    exit_code = 1
    """2 where the file itself cannot be read (LT001): then the call is wrong."""

    def __init__(self, diagnostics: Sequence[Diagnostic], file: str = "", text: str = "") -> None:
        first = diagnostics[0]
        if first.code == "LT001":
            self.exit_code = 2
        super().__init__(first.message, code=first.code, hint=first.hint)
        self.diagnostics = tuple(diagnostics)
        self.file = file
        self.text = text
        """The file's text, for the lines that are shown; empty when it could not be read."""


class UsageError(LtspecError):
    """The call is wrong."""

    exit_code = 2


class BackendError(UsageError):
    """A backend is missing, broken, or cannot do what is asked."""


class RunError(LtspecError):
    """A run could not go on."""


class InvariantError(RunError):
    """A result is not what the plan says; never stored."""

    def __init__(self, message: str, *, code: str = "LT402", hint: str = "") -> None:
        super().__init__(message, code=code, hint=hint)


class DataError(RunError):
    """A data set is missing, damaged, or not the same as before."""


class TicketError(RunError):
    """A ticket file is damaged, is not what it says, or does not fit."""


class WeightsError(RunError):
    """A file of weights is damaged, or does not fit the network that is to begin with it."""


class StoreError(RunError):
    """The store cannot be read or written."""


class Interrupted(LtspecError):  # noqa: N818  (a person's wish, not an error)
    """The person stopped the run; what was done is kept."""

    exit_code = 130

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, code="LT405", hint=hint)


class GraphError(LtspecError):
    """A network description is not legal."""

    def __init__(self, message: str, *, code: str = "LT901", hint: str = "", key: str = "") -> None:
        super().__init__(message, code=code, hint=hint)
        self.key = key
        """The key of a spec's model that is to blame; empty for a mistake in a family."""
