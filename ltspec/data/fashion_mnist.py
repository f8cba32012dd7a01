"""Takes the data directory; gives Fashion-MNIST: 28 x 28 photographs of ten kinds of clothing.

Source: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST", 2017 (MIT licence); the MD5 of the four
files as published in its repository.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ltspec.data.dataset import Dataset
from ltspec.data.download import Remote
from ltspec.data.facts import Facts
from ltspec.data.idx_set import IdxSet

FASHION_MNIST = IdxSet(
    name="fashion-mnist",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    files=(
        Remote(
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        Remote(
            "train-labels-idx1-ubyte.gz",
            29_515,
            "25c81989df183df01b3e8a0aad5dffbe",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        Remote(
            "t10k-images-idx3-ubyte.gz",
            4_422_102,
            "bef4ecab320f06d8554ea6380940ec79",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        Remote(
            "t10k-labels-idx1-ubyte.gz",
            5_148,
            "bb300cfdad3c16e7a12a480ee83cd310",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    content={},
    folders=("fashion-mnist", "FashionMNIST/raw"),
)
"""The second folder is torchvision's place. Not the data directory itself: the files are named as
those of MNIST."""


def read(
    facts: Facts,
    folder: Path | None,
    report: Callable[[str], None],
    mirrors: Sequence[str] | None = None,
) -> Dataset:
    """Fashion-MNIST; raises DataError: LT305 when it is missing and no mirror gives it, LT306 when
    a file is damaged."""
    return FASHION_MNIST.read(facts, folder, report, mirrors)
