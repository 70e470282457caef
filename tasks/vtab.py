"""The nineteen tasks of VTAB-1k (Zhai et al. 2019, arXiv:1910.04867): which images and labels out of which data set.

The rows restate `task_adaptation`, the reference implementation. Each task trains on 800 images and validates on 200;
its final number comes from the whole test set. The width of the head is stated here and never taken from labels seen.
"""

from __future__ import annotations

from bench.registry import TASKS
from bench.spec import Task
from tasks.readers import (
    camelyon,
    classes,
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
from tasks.readers.copies import find
from tasks.readers.raw import Recipe

# What may be done to a training image without changing its label. A flip would make a 2 look like no digit and swap
# positions; a shift moves what position, distance and the centre of a patch are about.
FLIP, SHIFT = frozenset({"flip"}), frozenset({"shift"})
BOTH, NEITHER = FLIP | SHIFT, frozenset[str]()

# train800, val200 and test of the data sets that have more than one task, or all three splits already.
GIVEN = ("train[:800]", "validation[:200]", "test")
SCENES = ("train[:800]", "train[63000:63200]", "validation")
SPRITES = ("train[:800]", "train[589824:590024]", "train[663552:]")
TOYS = ("train[:800]", "test[:200]", "test[50%:]")

ROWS = (
    Recipe("natural/caltech101", origins.CALTECH101, ("train[:800]", "train[2754:2954]", "test"), 102, 6_084,
           "objects, and a class of background", ("caltech101",), BOTH, classes.caltech101),
    Recipe("natural/cifar100", origins.CIFAR100, ("train[:800]", "train[45000:45200]", "test"), 100, 10_000,
           "objects, 32 pixels", ("cifar", "cifar100", "cifar_100"), BOTH, matrices.cifar100),
    Recipe("natural/dtd", origins.DTD, GIVEN, 47, 1_880,
           "textures", ("dtd",), BOTH, lists.dtd),
    Recipe("natural/flowers102", origins.FLOWERS102, GIVEN, 102, 6_149,
           "flowers", ("oxford_flowers102", "flowers102"), BOTH, lists.flowers102),
    Recipe("natural/pets", origins.PETS, ("train[:800]", "train[2944:3144]", "test"), 37, 3_669,
           "breeds of cats and dogs", ("oxford_iiit_pet", "oxford_pet", "pets"), BOTH, lists.pets),
    Recipe("natural/sun397", origins.SUN397, GIVEN, 397, 21_750,
           "scenes", ("sun397",), BOTH, lists.sun397),
    Recipe("natural/svhn", origins.SVHN, ("train[:800]", "train[65931:66131]", "test"), 10, 26_032,
           "the middle digit of a house number, 32 pixels", ("svhn",), SHIFT, matrices.svhn),
    Recipe("specialized/patch_camelyon", origins.PATCH_CAMELYON, GIVEN, 2, 32_768,
           "tumour in the centre of a lymph node patch", ("patch_camelyon",), FLIP, camelyon.patch_camelyon),
    Recipe("specialized/eurosat", origins.EUROSAT, ("train[:800]", "train[16200:16400]", "train[21600:]"), 10, 5_400,
           "land use from above, 64 pixels", ("eurosat",), BOTH, classes.eurosat),
    Recipe("specialized/resisc45", origins.RESISC45, ("train[:800]", "train[18900:19100]", "train[25200:]"), 45, 6_300,
           "scenes from above", ("resisc45",), BOTH, classes.resisc45),
    Recipe("specialized/retinopathy", origins.RETINOPATHY, GIVEN, 5, 42_670,
           "grade of a disease of the retina",
           ("diabetic_retinopathy", "diabetic_retinopathy_detection", "retinopathy"), BOTH, retinopathy.retinopathy),
    Recipe("structured/clevr_count", origins.CLEVR, SCENES, 8, 15_000,
           "number of objects, 3 to 10", ("clevr_count",), FLIP, clevr.count, labels.prepared_clevr_count),
    Recipe("structured/clevr_distance", origins.CLEVR, SCENES, 6, 15_000,
           "distance of the closest object", ("clevr_dist", "clevr_distance"), FLIP,
           clevr.distance, labels.prepared_clevr_distance),
    Recipe("structured/dmlab", origins.DMLAB, GIVEN, 6, 22_735,
           "distance and kind of an object in a maze", ("dmlab",), FLIP, dmlab.dmlab),
    Recipe("structured/kitti_distance", origins.KITTI, GIVEN, 4, 711,
           "distance of the closest vehicle", ("kitti", "kitti_distance", "kitti_dist"), FLIP,
           kitti.kitti, labels.prepared_kitti_distance),
    Recipe("structured/dsprites_location", origins.DSPRITES, SPRITES, 16, 73_728,
           "horizontal position of a shape", ("dsprites_loc", "dsprites_location"), NEITHER,
           dsprites.location, labels.prepared_dsprites_location, scale=255),
    Recipe("structured/dsprites_orientation", origins.DSPRITES, SPRITES, 16, 73_728,
           "rotation of a shape", ("dsprites_ori", "dsprites_orientation"), NEITHER,
           dsprites.orientation, labels.prepared_dsprites_orientation, scale=255),
    Recipe("structured/smallnorb_azimuth", origins.SMALLNORB, TOYS, 18, 12_150,
           "azimuth of a toy", ("smallnorb_azi", "smallnorb_azimuth"), NEITHER,
           matrices.smallnorb_azimuth, labels.prepared_smallnorb_azimuth),
    Recipe("structured/smallnorb_elevation", origins.SMALLNORB, TOYS, 9, 12_150,
           "elevation of the camera over a toy", ("smallnorb_ele", "smallnorb_elevation"), BOTH,
           matrices.smallnorb_elevation, labels.prepared_smallnorb_elevation),
)  # fmt: skip


def task(recipe: Recipe) -> Task:
    """A row as the harness knows it; its reader finds the recipe, and the listing the rest, in `facts`."""
    origin = recipe.origin
    return Task(
        name=f"vtab1k/{recipe.name}",
        group=recipe.name.partition("/")[0],
        classes=recipe.classes,
        summary=recipe.summary,
        find=find,
        size=f"800 + 200 / {recipe.tests:,}",
        source=origin.link,
        licence=origin.licence,
        citation=origin.citation,
        facts={
            "recipe": recipe,
            "builder": f"{origin.builder} {origin.versions[0]}",
            "download": origin.download,
            "downloads": origin.downloads,
            "files": origin.files,
            "folder": origin.folder,
            "portable": recipe.popular[0],
            "manual": origin.manual,
            "awkward": origin.awkward,
            "augment": recipe.augment,
        },
    )


for each in map(task, ROWS):
    TASKS.add(each.name, each)
