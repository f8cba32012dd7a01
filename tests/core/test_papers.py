"""The experiments of the papers (``examples/papers``): what they mean, and small versions run.

The numbers of training steps are worked out by hand from the papers' settings; those of stages are
what the plan had when its steps were found right.
"""

from __future__ import annotations

import re
from math import ceil
from pathlib import Path

import pytest
from test_runner import run

from ltspec.language.source import Source, override, read
from ltspec.plan import is_fine, validate
from ltspec.plan.cost import steps_from_scratch, total
from ltspec.plan.passes import compile_spec
from ltspec.results.run_folder import write_results

ROOT = Path(__file__).parents[2]
PAPERS = ROOT / "examples" / "papers"
SPECS = sorted(PAPERS.glob("[0-9]*.yaml"))
NAMES = [path.stem for path in SPECS]

# One training of each recipe, in steps. An epoch has ceil(examples / batch size) of them.
RESNET20_85EP = {batch: 85 * ceil(50_000 / batch) for batch in (64, 128, 256, 512, 1024, 2048)}
EVERY_BATCH = sum(RESNET20_85EP.values())
CONV4 = 75 * 391
LENET_25EP = 25 * 1000
IMAGENET_EPOCH = ceil(1_281_167 / 1024)
IMAGENET = 90 * IMAGENET_EPOCH
P2_RESNET, P2_VGG = 30_000, 112_000
LMC, LMC_LENET = 63_000, 24_000
CIFAR_160EP = 160 * 391
ELASTIC = CIFAR_160EP - 1000
"""A ticket of ResNet on CIFAR-10 that is rewound to step 1000."""
SVHN_160EP = 160 * 573
REWINDS = (0, 12, 25, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 20_000)
AFTER = sum(LMC - k for k in REWINDS)
"""One training from each of 12 rewind points."""
AFTER_LENET = sum(LMC_LENET - k for k in REWINDS)
EPOCHS = (*range(0, 21, 2), 24, 28)
RENDA = 182 * 391

STEPS = {
    # The dense network, then 25 levels of tickets and as many of fresh weights.
    "01_batch_size": 3 * 2 * EVERY_BATCH * (1 + 25 + 25),
    "01b_conv4": 3 * (2 * CONV4 + 75 * 3125) * (1 + 25 + 25),
    # 15 levels, and two copies at three of them.
    "02_batch_instability": 3 * EVERY_BATCH * (1 + 15 + 3 * 2),
    # The dense network is the same with the term of the loss and without.
    "03_repellent": 3
    * (RESNET20_85EP[2048] + RESNET20_85EP[128] + CONV4 + LENET_25EP)
    * (1 + 2 * (25 + 25)),
    # With one solution to remember, level 1 is the same.
    "04_repel_last": 3 * RESNET20_85EP[2048] * (1 + 1 + 2 * 9),
    "05_distance_matrices": 3
    * (sum(RESNET20_85EP[batch] for batch in (64, 128, 1024, 2048)) + LENET_25EP)
    * (1 + 25 + 25),
    "06_weight_histograms": 3
    * (RESNET20_85EP[128] + RESNET20_85EP[2048] + CONV4 + LENET_25EP)
    * (1 + 10 + 1),
    "07_thresholds": 3 * 2 * RESNET20_85EP[512] * (1 + 25),
    "08_successive_barriers": 3 * (RESNET20_85EP[2048] + CONV4 + LENET_25EP) * (1 + 25 + 25),
    "09_resnet50_rates": 2 * IMAGENET * (1 + 1),
    # Two networks with three recipes; the standard one has its dense network once for both points.
    "10_variants": 3
    * (
        3 * P2_RESNET * (1 + 17 + 17)
        + (P2_RESNET - 500) * (17 + 17)
        + 3 * P2_VGG * (1 + 17 + 17)
        + (P2_VGG - 100) * (17 + 17)
    ),
    # Dense, levels, a random mask, four copies of it and of the ticket. From step 0, the training
    # inside the whole network is the dense network's own.
    "11_stability": 3
    * (50_000 * (1 + 10 + 1 + 8) + 3 * P2_RESNET * (1 + 8 + 1 + 8) + 3 * P2_VGG * (1 + 17 + 1 + 8)),
    # From a later step it is a training of its own: momentum is fresh.
    "12_stability_by_rewind": 3
    * (
        P2_RESNET
        + P2_RESNET * (8 + 1 + 8)
        + sum(P2_RESNET - k for k in (100, 250, 500, 1000, 2000, 4000, 8000, 16_000))
        * (8 + 1 + 8 + 1)
    ),
    "12b_fixed_mask": 3
    * (P2_RESNET * (1 + 8 + 4) + sum(P2_RESNET - k for k in (100, 500, 2000, 8000)) * (1 + 4 + 1)),
    "13_imagenet_rewind": 3
    * (
        IMAGENET
        + sum(IMAGENET - k * IMAGENET_EPOCH for k in (0, 2, 4, 6, 8, 10))
        + 8 * (IMAGENET - 6 * IMAGENET_EPOCH)
    ),
    "14_snip_comparison": 3 * (P2_RESNET + P2_VGG) * (1 + 20 + 20 + 20),
    # The network itself and three copies.
    "15_error_on_the_line": 3 * (1 + 3) * (LMC_LENET + 6 * LMC + IMAGENET),
    # Three copies from each point of one trunk, which is trained once.
    "16_dense_instability": 3
    * (
        6 * (LMC + 3 * AFTER)
        + (LMC_LENET + 3 * AFTER_LENET)
        + IMAGENET
        + 3 * sum(IMAGENET - k * IMAGENET_EPOCH for k in EPOCHS)
    ),
    # One pre-training, left at 8 points; from each the network and three copies of full length.
    "17_full_length": 3 * (20_000 + 8 * (1 + 3) * LMC),
    # Dense, levels, two controls at the last, and three copies of all three lines there.
    "18_sparse_from_start": 3
    * (
        LMC_LENET * (1 + 15 + 2 + 9)
        + LMC * sum(1 + levels + 2 + 9 for levels in (8, 11, 11, 19, 13, 19))
    ),
    "19_sparse_by_rewind": 3
    * (
        LMC_LENET
        + AFTER_LENET * (15 + 2 + 9)
        + 6 * LMC
        + AFTER * sum(levels + 2 + 9 for levels in (8, 11, 11, 19, 13, 19))
    ),
    # At each level the ticket, the random mask, and three copies of both.
    "20_first_stable_step": 3 * (2 * LMC + AFTER * (12 + 20) * 2 * (1 + 3)),
    # Copies of the dense network from four points, of the ticket from two.
    "21_function_space": 3
    * (
        2 * (LMC + 3 * sum(LMC - k for k in (0, 500, 1000, 2000)))
        + (LMC + LMC - 1000) * (8 + 3 + 19 + 3)
    ),
    # Dense, the target's own rewind point, tickets and five branches at 16 levels.
    "22_mask_or_weights": 3 * (CIFAR_160EP + 1000 + ELASTIC * 16 * (1 + 5)),
    "23_stretch": 3 * (CIFAR_160EP + ELASTIC * 16 * (1 + 13)),
    "23b_squeeze": 3 * (CIFAR_160EP + ELASTIC * 16 * (1 + 11)),
    # Level 1 of one-shot magnitude pruning is the ticket's own.
    # A ticket on its own network is itself: four of five targets are trained.
    "24_all_pairs": 3 * 5 * (CIFAR_160EP + ELASTIC * (16 * (1 + 5 + 4) - 1)),
    "25_imagenet_transfer": 3
    * (IMAGENET + (IMAGENET - 5 * IMAGENET_EPOCH) * (6 + 5 + 2) + 5 * IMAGENET),
    # 0.8^10 > 0.1 > 0.8^11 and 0.8^13 > 0.05 > 0.8^14: 11 and 14 levels, of which 10 are shared;
    # and the dense ResNet-56.
    "26_off_the_grid": 3 * (3 * (CIFAR_160EP + ELASTIC * (10 + 1 + 4 + 2)) + CIFAR_160EP),
    "27_transferred_connectivity": 3 * (3 * (CIFAR_160EP + ELASTIC * (10 + 2)) + ELASTIC * 2),
    "28_other_units": 3
    * 3
    * (40 * 469 * (1 + 10 + 2) + CIFAR_160EP + (CIFAR_160EP - 200) * (10 + 2)),
    # Tickets of both networks on both data sets; what is carried elsewhere is trained in full.
    "29_other_data": 3
    * (
        2 * (SVHN_160EP + (SVHN_160EP - 1000) * 10)
        + 2 * (CIFAR_160EP + ELASTIC * 10)
        + (SVHN_160EP - 1000)
        + ELASTIC
        + 2 * (SVHN_160EP + CIFAR_160EP)
    ),
    # At level 1, shorter fine-tunings are the beginning of the longest one.
    "30_rewinding": 3
    * (
        RENDA
        + 10 * 391 * (182 + 170 + 91 + 23)
        + 10 * 391 * (182 + 91 + 23)
        + 9 * 391 * (182 + 91 + 23)
        + 391 * 182
    ),
    "30b_rewinding_one_shot": 3 * (RENDA + 10 * 391 * (170 + 3 * 182)),
    # Two networks, five criteria, six densities.
    "31_compression": 3 * 2 * CIFAR_160EP * (1 + 5 * 6),
    "32_sanity_checks": 3 * LMC * (1 + 6 * 3 * (1 + 3)),
    "33_early_phase": 3 * (LMC + 8 * (1 + 7) * sum(LMC - k for k in (0, 500, 2000))),
    "33b_pretraining": 3 * 5 * (2000 + LMC * (1 + 8)),
    "34_masks_that_change": 3 * 250 * 391 * (1 + 6 * 2),
}


STAGES = {
    "01_batch_size": 6_450,
    "01b_conv4": 1_671,
    "02_batch_instability": 1_335,
    "03_repellent": 4_422,
    "04_repel_last": 618,
    "05_distance_matrices": 13_326,
    "06_weight_histograms": 582,
    "07_thresholds": 765,
    "08_successive_barriers": 2_277,
    "09_resnet50_rates": 13,
    "10_variants": 2_994,
    "11_stability": 1_617,
    "12_stability_by_rewind": 1_599,
    "12b_fixed_mask": 330,
    "13_imagenet_rewind": 177,
    "14_snip_comparison": 1_458,
    "15_error_on_the_line": 348,
    "16_dense_instability": 3_018,
    "17_full_length": 363,
    "18_sparse_from_start": 1_743,
    "19_sparse_by_rewind": 20_190,
    "20_first_stable_step": 22_992,
    "21_function_space": 1_200,
    "22_mask_or_weights": 1_077,
    "23_stretch": 2_736,
    "23b_squeeze": 2_349,
    "24_all_pairs": 9_660,
    "25_imagenet_transfer": 189,
    "26_off_the_grid": 675,
    "27_transferred_connectivity": 453,
    "28_other_units": 963,
    "29_other_data": 576,
    "30_rewinding": 1_176,
    "30b_rewinding_one_shot": 375,
    "31_compression": 738,
    "32_sanity_checks": 822,
    "33_early_phase": 2_259,
    "33b_pretraining": 534,
    "34_masks_that_change": 141,
}

# Small versions, that differ from the papers' in what is written here: tiny networks on digits, a
# few steps and levels. What the sweep of a file sets cannot be set beside it, so some begin with
# a sweep of their own.
TRAIN = (
    "train={duration: 4it, batch_size: 32, lr_schedule: {name: constant}, "
    "optimizer: {name: sgd, lr: 0.05, momentum: 0.9}}"
)
DIGITS = ("data={name: digits}", TRAIN, "replicates=1")
RESNET = ("model={family: cifar-resnet, depth: 8, width: 2}", *DIGITS)
PLAIN = ("data={name: digits, augment: none}", TRAIN, "replicates=1")
BOTTLENECKS = ("model={family: imagenet-resnet, depth: 50, width: 1, stem: cifar}", *PLAIN)
LENET = "lenet: {model: {family: lenet, widths: [8]}}"
OWN_SWEEP = "sweep={}"
LEVELS = "prune.schedule.levels=2"
START = "prune.rewind.to=0it"
SECOND = ("prune.rewind.to=2it",)

SMALL = {
    "01_batch_size": (
        *RESNET,
        LEVELS,
        "sweep.train.batch_size=[32, 64]",
        "sweep.train.lr_schedule.warmup=[0it, 2it]",
    ),
    "01b_conv4": (
        OWN_SWEEP,
        "model={family: lenet, widths: [8]}",
        *DIGITS,
        LEVELS,
        "sweep.recipe={stable: {}, unstable: {train.batch_size: 16}}",
    ),
    "02_batch_instability": (
        *RESNET,
        LEVELS,
        "sweep.train.batch_size=[32, 64]",
        "measure.0.levels=[1, 2]",
        "measure.0.alphas=3",
    ),
    "03_repellent": (
        OWN_SWEEP,
        *RESNET,
        LEVELS,
        "sweep.setting={plain: {}, repelled: {prune.repel: {strength: 2.0}}, "
        "attracted: {prune.repel: {strength: -1.0}}, " + LENET + "}",
    ),
    "04_repel_last": (*RESNET, "prune.schedule.levels=3"),
    "05_distance_matrices": (
        OWN_SWEEP,
        *RESNET,
        LEVELS,
        "sweep.setting={small: {train.batch_size: 16}, " + LENET + "}",
    ),
    "06_weight_histograms": (
        OWN_SWEEP,
        *RESNET,
        LEVELS,
        "branches.reinit.levels=[2]",
        "measure.0.levels=[2]",
        "sweep.setting={small: {train.batch_size: 16}, " + LENET + "}",
    ),
    "07_thresholds": (*RESNET, LEVELS),
    "08_successive_barriers": (
        OWN_SWEEP,
        *RESNET,
        LEVELS,
        "measure.0.alphas=3",
        "measure.0.reach=0.5",
        "sweep.network={resnet: {}, " + LENET + "}",
    ),
    "09_resnet50_rates": BOTTLENECKS,
    "10_variants": (
        OWN_SWEEP,
        *RESNET,
        LEVELS,
        "sweep.setting={standard: {}, late: {prune.rewind.to: 2it}, "
        "low: {train.optimizer.lr: 0.005}, " + LENET + "}",
    ),
    "11_stability": (
        OWN_SWEEP,
        *RESNET,
        LEVELS,
        "branches.random.levels=[2]",
        "measure.0.levels=[2]",
        "sweep.network={resnet: {}, low: {train.optimizer.lr: 0.005}, " + LENET + "}",
    ),
    "12_stability_by_rewind": (
        *RESNET,
        LEVELS,
        "branches.random.levels=[2]",
        "measure.0.levels=[2]",
        "measure.0.siblings=2",
        "sweep.prune.rewind.to=[0it, 2it]",
    ),
    "12b_fixed_mask": (
        *RESNET,
        LEVELS,
        (
            "branches={step-1: {kind: rewind, rewind: {to: 1it}, levels: [2]}, "
            "step-2: {kind: rewind, rewind: {to: 2it}, levels: [2]}}"
        ),
        "measure.0.of=[ticket, step-1, step-2]",
        "measure.0.levels=[2]",
        "measure.0.siblings=2",
    ),
    "13_imagenet_rewind": (
        *BOTTLENECKS,
        (
            "sweep.setting={zero: {prune.rewind.to: 0it}, two: {prune.rewind.to: 2it}, "
            "iterative: {prune.rewind.to: 2it, prune.schedule: {name: iterative, levels: 2}}}"
        ),
    ),
    "14_snip_comparison": (OWN_SWEEP, *RESNET, LEVELS, "sweep.network={resnet: {}, " + LENET + "}"),
    "15_error_on_the_line": (
        OWN_SWEEP,
        *RESNET,
        "measure.0.alphas=3",
        "sweep.network={resnet: {}, " + LENET + "}",
    ),
    "16_dense_instability": (
        OWN_SWEEP,
        *RESNET,
        "measure.0.alphas=3",
        "measure.0.at=[0it, 1it, 2it]",
        "sweep.network={resnet: {measure.0.at: [0it, 2it]}, " + LENET + "}",
    ),
    "17_full_length": (
        *RESNET,
        "pretrain.data={name: digits}",
        "measure.0.alphas=3",
        "sweep.pretrain.train.duration=[1it, 2it]",
    ),
    "18_sparse_from_start": (
        OWN_SWEEP,
        *RESNET,
        LEVELS,
        "branches.random.levels=[2]",
        "branches.reinit.levels=[2]",
        "measure.0.levels=[2]",
        "measure.0.alphas=3",
        "sweep.network={resnet: {}, " + LENET + "}",
    ),
    "19_sparse_by_rewind": (
        OWN_SWEEP,
        *RESNET,
        LEVELS,
        "branches.random.levels=[2]",
        "branches.reinit.levels=[2]",
        "measure.0.levels=[2]",
        "measure.0.alphas=3",
        "measure.0.siblings=2",
        "sweep.network={resnet: {}, " + LENET + "}",
        "sweep.prune.rewind.to=[0it, 2it]",
    ),
    "20_first_stable_step": (
        OWN_SWEEP,
        *RESNET,
        "measure.0.alphas=3",
        "measure.0.siblings=2",
        "sweep.network={resnet: {prune.schedule.levels: 2}}",
        "sweep.prune.rewind.to=[0it, 2it]",
    ),
    "21_function_space": (
        OWN_SWEEP,
        *RESNET,
        LEVELS,
        "measure.0.at=[0it, 2it]",
        "measure.1.levels=[2]",
        "measure.2.at=[0it, 2it]",
        "measure.3.levels=[2]",
        "sweep.network={resnet: {}, " + LENET + "}",
        "sweep.prune.rewind.to=[0it, 2it]",
    ),
    "22_mask_or_weights": (
        "model={family: cifar-resnet, depth: 14, width: 2}",
        *DIGITS,
        LEVELS,
        *SECOND,
        *(
            f"branches.{name}.to.depth=20"
            for name in ("both", "mask-only", "weights-only", "neither", "snip")
        ),
        "branches.snip.mask.criterion.examples=20",
    ),
    "23_stretch": (
        "model={family: cifar-resnet, depth: 32, width: 1}",
        *DIGITS,
        "prune.schedule.levels=1",
        *SECOND,
    ),
    "23b_squeeze": (
        "model={family: cifar-resnet, depth: 56, width: 1}",
        *DIGITS,
        "prune.schedule.levels=1",
        *SECOND,
    ),
    "24_all_pairs": (
        "model={family: cifar-resnet, depth: 14, width: 2}",
        *DIGITS,
        "prune.schedule.levels=2",
        *SECOND,
        "branches.grasp.criterion.examples_per_class=2",
        "branches.snip.criterion.examples=20",
        *(f"branches.to-{depth}.levels=[2]" for depth in (14, 20, 32, 44, 56)),
        "sweep.model.depth=[14, 20]",
    ),
    "25_imagenet_transfer": (
        "model={family: imagenet-resnet, depth: 26, width: 1, stem: cifar}",
        *PLAIN,
        LEVELS,
        *SECOND,
        "branches.grasp.criterion.examples_per_class=2",
        "branches.snip.criterion.examples=20",
        *(
            f"branches.{name}.levels=[2]"
            for name in (
                "reinit",
                "random",
                "magnitude",
                "snip",
                "grasp",
                "to-18",
                "to-26",
                "to-34",
            )
        ),
        "branches.rigl-5x.levels=[2]",
        "branches.rigl-5x.schedule.every=2it",
        "sweep.model.depth=[18, 34]",
        TRAIN.replace("train", "branches.rigl-5x.train", 1).replace("4it", "20it"),
    ),
    "26_off_the_grid": (
        OWN_SWEEP,
        "model={family: cifar-resnet, depth: 14, width: 2}",
        *DIGITS,
        "branches.carried.to.depth=20",
        *SECOND,
        "prune.schedule.density=0.6",
        "branches.carried.levels=[3]",
        (
            "sweep.setting={shallow: {}, deep: {model.depth: 20, branches.carried.to.depth: 26}, "
            "sparse: {prune.schedule.density: 0.5, branches.carried.levels: [4]}, "
            "dense: {model.depth: 26, prune: {schedule: {name: one-shot, density: 0.6}, "
            "rewind: none}, branches: {}}}"
        ),
    ),
    "27_transferred_connectivity": (
        "model={family: cifar-resnet, depth: 20, width: 2}",
        *DIGITS,
        LEVELS,
        *SECOND,
        "measure.0.levels=[2]",
        "measure.0.alphas=3",
        (
            "sweep.source={itself: {}, shallow: {model.depth: 14, measure.0.of: [carried], "
            "branches: {carried: {kind: transfer, levels: [2], to: {depth: 20}}}}}"
        ),
    ),
    "28_other_units": (
        OWN_SWEEP,
        "model={family: lenet, widths: [8, 8, 6]}",
        *DIGITS,
        LEVELS,
        (
            "branches={to-2: {kind: transfer, levels: [2], to: {widths: [8, 8, 6]}}, "
            "to-3: {kind: transfer, levels: [2], to: {widths: [8, 8, 8, 6]}}}"
        ),
        "sweep.source={mlp-2: {}, mlp-3: {model.widths: [8, 8, 8, 6], prune.exempt: [fc5.weight]}}",
    ),
    "29_other_data": (
        OWN_SWEEP,
        "model={family: cifar-resnet, depth: 14, width: 2}",
        *DIGITS,
        LEVELS,
        *SECOND,
        "branches.deeper.levels=[2]",
        "branches.deeper.to.depth=20",
        "branches.elsewhere.levels=[2]",
        "branches.elsewhere.data={name: digits, blur: 2}",
        "branches.deeper-elsewhere.levels=[2]",
        "branches.deeper-elsewhere.to.depth=20",
        "branches.deeper-elsewhere.data={name: digits, blur: 2}",
        (
            "sweep.source={digits: {}, blurred: {data: {name: digits, blur: 2}, "
            "branches.elsewhere.data: {name: digits}, "
            "branches.deeper-elsewhere.data: {name: digits}}}"
        ),
    ),
    "30_rewinding": (
        *RESNET,
        LEVELS,
        (
            "sweep.method={weights: {prune.rewind: {to: 2it}}, "
            "rate: {prune.rewind: {weights: end, schedule: 0it}}, "
            "fine-tuning: {prune.rewind: {weights: end, schedule: end, retrain: 2it}}}"
        ),
    ),
    "30b_rewinding_one_shot": (
        *RESNET,
        *SECOND,
        "branches.fine-tuning.rewind.retrain=2it",
        "sweep.prune.schedule.density=[0.5, 0.2]",
    ),
    "31_compression": (
        *RESNET,
        "sweep.model.depth=[8, 14]",
        "sweep.prune.schedule.density=[0.1]",
    ),
    "32_sanity_checks": (*RESNET, START, "sweep.prune.schedule.density=[0.2]"),
    "33_early_phase": (*RESNET, LEVELS, "sweep.prune.rewind.to=[0it, 2it]"),
    "33b_pretraining": (
        *RESNET,
        LEVELS,
        "pretrain.data={name: digits}",
        "pretrain.train.duration=2it",
        "pretrain.train.batch_size=32",
        (
            "sweep.pretrain.data=[{name: digits}, {name: digits, random_labels: 1}, "
            "{name: digits, rotation: true}, {name: digits, blur: 2}, "
            "{name: digits, subsample: 0.1}]"
        ),
    ),
    "34_masks_that_change": (
        *RESNET,
        "train.duration=12it",
        (
            "sweep.method={gradual: {prune.schedule.name: gradual, prune.schedule.until: 75%, "
            "prune.schedule.every: 2it}, "
            "set: {prune.schedule.name: set, prune.schedule.every: 2it}, "
            "rigl: {prune.schedule.every: 2it}, "
            "uniform: {prune.schedule.every: 2it, prune.schedule.layers: uniform}}"
        ),
    ),
}


def source_of(name: str, *changes: str) -> Source:
    """A paper's spec with ``--set`` changes."""
    found = read(PAPERS / f"{name}.yaml")
    for change in changes:
        found = override(found, change)
    return found


def written_table() -> dict[str, tuple[int, int, int, int, str]]:
    """Points, stages, steps, steps from scratch and factor of each spec, of docs/results.md."""
    cells = r" ([\d,]+) \|" * 4 + r" ([\d.]+) \|$"
    row = re.compile(r"^\| \[(\w+)\]\(\.\./examples/papers/\1\.yaml\) \|" + cells, re.MULTILINE)
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    found = {}
    for name, *numbers, factor in row.findall(text):
        points, stages, steps, scratch = (int(each.replace(",", "")) for each in numbers)
        assert name not in found
        found[name] = (points, stages, steps, scratch, factor)
    return found


TABLE = written_table()


def test_every_row_is_there() -> None:
    assert {int(name[:2]) for name in NAMES} == set(range(1, 35))
    assert set(NAMES) == set(STEPS) == set(STAGES) == set(SMALL)
    assert list(TABLE) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_paper_means_what_its_settings_say(name: str) -> None:
    assert is_fine(source_of(name))
    plan = compile_spec(validate(source_of(name)))
    assert (len(plan.stages), total(plan).steps) == (STAGES[name], STEPS[name])
    scratch = steps_from_scratch(plan)
    assert scratch >= STEPS[name]
    # The row of the documentation.
    points, stages, steps, apart, factor = TABLE[name]
    assert (points, stages, steps) == (len(plan.points), STAGES[name], STEPS[name])
    assert (apart, factor) == (scratch, f"{scratch / STEPS[name]:.2f}")


def lines_of(name: str) -> dict[str, set[tuple[str, int]]]:
    """The networks in the table of a paper's spec, line and level, by setting."""
    plan = compile_spec(validate(source_of(name)))
    found: dict[str, set[tuple[str, int]]] = {}
    for row in plan.outcomes:
        (setting, *_) = plan.point(row.point).columns.values()
        found.setdefault(str(setting), set()).add((row.branch, row.level))
    return found


def test_row_26_has_the_dense_network_of_every_target() -> None:
    """The published number is the drop from the dense target."""
    found = lines_of("26_off_the_grid")
    for sparsity, level in (("90", 11), ("95", 14)):
        for pair in ("14-to-20", "20-to-32", "32-to-56"):
            assert ("carried", level) in found[f"{pair}-at-{sparsity}"]
    dense = {
        spec.model.depth
        for point, spec in validate(source_of("26_off_the_grid")).points
        if ("dense", 0) in found[str(point.columns["setting"])]
    }
    assert {20, 32, 56} <= dense


def test_row_34_trains_before_it_exchanges_half_of_the_weights() -> None:
    """As the presets of the same paper, whose calls have it; RigL's own begins at step 0."""
    plan = compile_spec(validate(source_of("34_masks_that_change")))
    begun = {}
    for stage in plan.stages:
        schedule = getattr(stage.work, "masks", None)
        if schedule is not None:
            name = schedule.method, schedule.fraction, schedule.every
            begun[name] = schedule.begin, schedule.end_fraction
            # Zhu and Gupta sort the weights of each layer on their own.
            assert len(schedule.keep) == len(schedule.tensors)
    assert begun == {
        ("gradual", 0.0, 100): (0, 0),
        ("set", 0.3, 391): (391, 0),
        ("rigl", 0.3, 100): (0, 0),
        ("set", 0.5, 1500): (1500, 0.005),
        ("rigl", 0.5, 4000): (4000, 0.005),
    }


def asked(source: Source) -> set[tuple[str, str]]:
    """The kinds of branches, measures and questions, at all points."""
    points = [spec for _, spec in validate(source).points]
    branches = {("branch", branch.kind) for spec in points for branch in spec.branches.values()}
    measures = {("measure", entry.kind) for spec in points for entry in spec.measure}
    return branches | measures | {("ask", entry.kind) for spec in points for entry in spec.ask}


@pytest.mark.parametrize("name", NAMES)
def test_a_small_version_runs(name: str, tmp_path: Path) -> None:
    small = source_of(name, *SMALL[name])
    assert asked(small) == asked(source_of(name))
    plan = compile_spec(validate(small))
    opened, diary = run(plan, tmp_path)
    assert len(diary.done) == len(plan.stages)
    assert diary.steps == total(plan).steps
    folder, _, rows = write_results(plan, opened)
    assert {(row.point, row.replicate, row.branch, row.level) for row in rows} == {
        (outcome.point, outcome.replicate, outcome.branch, outcome.level)
        for outcome in plan.outcomes
    }
    written = {path.stem for path in folder.glob("*.csv")} - {"table", "histograms"}
    assert ("answers" in written) == any(kind == "ask" for kind, _ in asked(small))
    if "transfers" in written:  # the square of source and target
        assert ("branch", "transfer") in asked(small)
    measured = {what for kind, what in asked(small) if kind == "measure"}
    assert written - {"answers", "transfers"} == measured
