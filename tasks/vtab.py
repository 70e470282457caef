"""The nineteen tasks of VTAB-1k (Zhai et al. 2019, arXiv:1910.04867): which images and labels out of which data set.

The rows restate `task_adaptation`, the reference implementation. Each task trains on 800 images and validates on 200;
its final number comes from the whole test set. The number of classes is stated here, never taken from labels seen.
"""

from __future__ import annotations

from dataclasses import replace

from bench.registry import TASKS
from bench.spec import Task
from tasks.readers import (
    camelyon,
    cifar,
    class_folders,
    clevr,
    dmlab,
    dsprites,
    kitti,
    labels,
    lists,
    matrices,
    origins,
    retinopathy,
)
from tasks.readers.copies import Copies
from tasks.readers.raw import Recipe

# What may be done to a training image without changing its label. A flip spoils digits and positions; a shift spoils
# positions, distances and what lies in the centre of a patch.
FLIP, SHIFT = frozenset({"flip"}), frozenset({"shift"})
BOTH, NEITHER = FLIP | SHIFT, frozenset[str]()

# train800, val200 and test of data sets that have more than one task, or all three splits already.
GIVEN = ("train[:800]", "validation[:200]", "test")
SCENES = ("train[:800]", "train[63000:63200]", "validation")
SPRITES = ("train[:800]", "train[589824:590024]", "train[663552:]")
TOYS = ("train[:800]", "test[:200]", "test[50%:]")

ROWS = (
    Recipe("vtab1k/natural/caltech101", origins.CALTECH101, ("train[:800]", "train[2754:2954]", "test"), 102, 6_084,
           "objects, and a class of background", ("caltech101",), BOTH, class_folders.caltech101),
    Recipe("vtab1k/natural/cifar100", origins.CIFAR100, ("train[:800]", "train[45000:45200]", "test"), 100, 10_000,
           "objects, 32 pixels", ("cifar", "cifar100", "cifar_100"), BOTH, cifar.cifar100),
    Recipe("vtab1k/natural/dtd", origins.DTD, GIVEN, 47, 1_880,
           "textures", ("dtd",), BOTH, lists.dtd),
    Recipe("vtab1k/natural/flowers102", origins.FLOWERS102, GIVEN, 102, 6_149,
           "flowers", ("oxford_flowers102", "flowers102"), BOTH, lists.flowers102),
    Recipe("vtab1k/natural/pets", origins.PETS, ("train[:800]", "train[2944:3144]", "test"), 37, 3_669,
           "breeds of cats and dogs", ("oxford_iiit_pet", "oxford_pet", "pets"), BOTH, lists.pets),
    Recipe("vtab1k/natural/sun397", origins.SUN397, GIVEN, 397, 21_750,
           "scenes", ("sun397",), BOTH, lists.sun397),
    Recipe("vtab1k/natural/svhn", origins.SVHN, ("train[:800]", "train[65931:66131]", "test"), 10, 26_032,
           "the middle digit of a house number, 32 pixels", ("svhn",), SHIFT, matrices.svhn),
    Recipe("vtab1k/specialized/patch_camelyon", origins.PATCH_CAMELYON, GIVEN, 2, 32_768,
           "tumour in the centre of a lymph node patch", ("patch_camelyon",), FLIP, camelyon.patch_camelyon),
    Recipe("vtab1k/specialized/eurosat", origins.EUROSAT, ("train[:800]", "train[16200:16400]", "train[21600:]"),
           10, 5_400, "land use from above, 64 pixels", ("eurosat",), BOTH, class_folders.eurosat),
    Recipe("vtab1k/specialized/resisc45", origins.RESISC45, ("train[:800]", "train[18900:19100]", "train[25200:]"),
           45, 6_300, "scenes from above", ("resisc45",), BOTH, class_folders.resisc45),
    Recipe("vtab1k/specialized/retinopathy", origins.RETINOPATHY, GIVEN, 5, 42_670,
           "grade of a disease of the retina",
           ("diabetic_retinopathy", "diabetic_retinopathy_detection", "retinopathy"), BOTH, retinopathy.retinopathy),
    Recipe("vtab1k/structured/clevr_count", origins.CLEVR, SCENES, 8, 15_000,
           "number of objects, 3 to 10", ("clevr_count",), FLIP, clevr.count, labels.prepared_clevr_count),
    Recipe("vtab1k/structured/clevr_distance", origins.CLEVR, SCENES, 6, 15_000,
           "distance of the closest object", ("clevr_dist", "clevr_distance"), FLIP,
           clevr.distance, labels.prepared_clevr_distance),
    Recipe("vtab1k/structured/dmlab", origins.DMLAB, GIVEN, 6, 22_735,
           "distance and kind of an object in a maze", ("dmlab",), FLIP, dmlab.dmlab),
    Recipe("vtab1k/structured/kitti_distance", origins.KITTI, GIVEN, 4, 711,
           "distance of the closest vehicle", ("kitti", "kitti_distance", "kitti_dist"), FLIP,
           kitti.kitti, labels.prepared_kitti_distance),
    Recipe("vtab1k/structured/dsprites_location", origins.DSPRITES, SPRITES, 16, 73_728,
           "horizontal position of a shape", ("dsprites_loc", "dsprites_location"), NEITHER,
           dsprites.location, labels.prepared_dsprites_location, scale=255),
    Recipe("vtab1k/structured/dsprites_orientation", origins.DSPRITES, SPRITES, 16, 73_728,
           "rotation of a shape", ("dsprites_ori", "dsprites_orientation"), NEITHER,
           dsprites.orientation, labels.prepared_dsprites_orientation, scale=255),
    Recipe("vtab1k/structured/smallnorb_azimuth", origins.SMALLNORB, TOYS, 18, 12_150,
           "azimuth of a toy", ("smallnorb_azi", "smallnorb_azimuth"), NEITHER,
           matrices.smallnorb_azimuth, labels.prepared_smallnorb_azimuth),
    Recipe("vtab1k/structured/smallnorb_elevation", origins.SMALLNORB, TOYS, 9, 12_150,
           "elevation of the camera over a toy", ("smallnorb_ele", "smallnorb_elevation"), BOTH,
           matrices.smallnorb_elevation, labels.prepared_smallnorb_elevation),
)  # fmt: skip


def task(recipe: Recipe) -> Task:
    """A row as the harness knows it."""
    source = replace(recipe.origin.source, portable=f"vtab-1k/{recipe.folders[0]}")
    return Task(
        name=recipe.name,
        group=recipe.name.split("/")[1],
        classes=recipe.classes,
        summary=recipe.summary,
        find=Copies(recipe, source).find,
        size=f"800 + 200 / {recipe.tests:,}",
        source=source,
    )


for row in ROWS:
    TASKS.add(row.name, task(row))
