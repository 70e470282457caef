"""Tasks whose test sets are shifted: one source to adapt to and to choose by, several other test sets to evaluate on.

`ood/<set>/<domain>` adapts to one domain of a set and evaluates on every other one whole. Everything is chosen on the
source's own validation images: "training-domain validation" in Gulrajani & Lopez-Paz 2021, arXiv:2007.01434.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.registry import TASKS
from bench.source import Source
from bench.spec import Task
from tasks.readers import cifar, cifar10_shifts, downloads
from tasks.readers.cifar10_shifts import FindShift, ShiftedCifar10
from tasks.readers.domains import Domain, DomainReader, DomainSet
from tasks.readers.imagenet import ImageNet
from tasks.readers.origins import Origin
from tasks.readers.raw import Recipe

BOTH = frozenset({"flip", "shift"})  # neither changes the class of an object

SETS = (
    DomainSet(
        "pacs", "PACS", 7,
        {"photo": Domain(1_670, ("photo",)), "art_painting": Domain(2_048, ("art_painting", "art")),
         "cartoon": Domain(2_344, ("cartoon",)), "sketch": Domain(3_929, ("sketch",))},
        "https://sketchx.eecs.qmul.ac.uk/downloads/", "research use", "Li et al. 2017, arXiv:1710.03077", 4,
    ),
    DomainSet(
        "vlcs", "VLCS", 5,
        {"caltech101": Domain(1_415, ("Caltech101", "Caltech")), "labelme": Domain(2_656, ("LabelMe",)),
         "sun09": Domain(3_282, ("SUN09", "SUN")), "voc2007": Domain(3_376, ("VOC2007", "Pascal", "VOC"))},
        "https://github.com/facebookresearch/DomainBed", "research use", "Fang, Xu & Rockmore 2013", 4,
    ),
    DomainSet(
        "officehome", "Office-Home", 65,
        {"art": Domain(2_427, ("Art",)), "clipart": Domain(4_365, ("Clipart",)),
         "product": Domain(4_439, ("Product",)), "real_world": Domain(4_357, ("Real World", "Real"))},
        "https://www.hemanthdv.org/officeHomeDataset.html", "research use",
        "Venkateswara et al. 2017, arXiv:1706.07522", 4,
    ),
    DomainSet(
        "terraincognita", "Terra Incognita", 10,
        {"location_38": Domain(9_736, ("location_38", "L38")), "location_43": Domain(3_970, ("location_43", "L43")),
         "location_46": Domain(5_883, ("location_46", "L46")), "location_100": Domain(4_741, ("location_100", "L100"))},
        "https://github.com/facebookresearch/DomainBed", "CDLA-Permissive-1.0",
        "Beery, Van Horn & Perona 2018, arXiv:1807.04975", 4,
    ),
    DomainSet(
        "domainnet", "DomainNet", 345,
        {"real": Domain(172_947, ("real",)), "sketch": Domain(69_128, ("sketch",)),
         "painting": Domain(72_266, ("painting",)), "clipart": Domain(48_129, ("clipart",)),
         "infograph": Domain(51_605, ("infograph",)), "quickdraw": Domain(172_500, ("quickdraw",))},
        "https://ai.bu.edu/M3SDA/", "research use, non-commercial", "Peng et al. 2019, arXiv:1812.01754", 2,
        shots=(8, 2),
        foreign=("Product",),  # Office-Home has domains Real and Clipart too
    ),
)  # fmt: skip


def domain_task(kind: DomainSet, domain: str) -> Task:
    """A set with one of its domains as the source."""
    name = f"ood/{kind.name}/{domain}"
    others = sum(each.images for other, each in kind.domains.items() if other != domain)
    adapted = f"{sum(kind.shots)} a class of " if kind.shots else ""
    wanted = ", ".join(each.names[0] for each in kind.domains.values())
    source = Source(
        kind.title, kind.link, kind.licence, kind.citation, folder=kind.title,
        files=f"the folders {wanted} of {kind.title} (each with a folder per class)",
    )  # fmt: skip
    return Task(
        name=name,
        group=kind.name,
        classes=kind.classes,
        summary=f"{kind.title}: adapted to {domain}, evaluated on the other domains too",
        find=DomainReader(name, kind, domain, BOTH, source).find,
        size=f"{adapted}{kind.domains[domain].images:,} divided, {others:,} shifted",
        source=source,
    )


CIFAR10 = Source(
    "CIFAR-10", "https://www.cs.toronto.edu/~kriz/cifar.html", "none stated", "Krizhevsky 2009",
    "cifar10", "cifar-10-binary.tar.gz", downloads=downloads.CIFAR10,
)  # fmt: skip
# The 1,000 are drawn as VTAB-1k draws those of CIFAR-100, so that a small set is adapted to here as everywhere.
CIFAR10_ROW = Recipe(
    "ood/cifar10", Origin("cifar10", (), {"train": 50_000, "test": 10_000}, CIFAR10),
    ("train[:800]", "train[45000:45200]", "test"), 10, 10_000,
    "objects, 32 pixels, evaluated on CIFAR-10.1 and STL-10 too", (), BOTH, cifar.cifar10,
)  # fmt: skip
CIFAR10C_ROW = replace(
    CIFAR10_ROW, name="ood/cifar10c", summary="objects, 32 pixels, evaluated under 15 corruptions in 5 severities"
)  # a row of its own, because there are forty times as many test images
SMALL = replace(
    CIFAR10,
    citation="Recht et al. 2018, arXiv:1806.00451; Coates, Ng & Lee 2011",
    files="cifar-10-binary.tar.gz and the files of CIFAR-10.1 (cifar10.1_v6_data.npy and cifar10.1_v6_labels.npy, "
    "https://github.com/modestyachts/CIFAR-10.1) or of STL-10 (stl10_binary.tar.gz unpacked, "
    "https://cs.stanford.edu/~acoates/stl10/)",
    downloads=(*downloads.CIFAR10, *downloads.CIFAR10_1, *downloads.STL10),
)
CORRUPTED = replace(
    CIFAR10,
    citation="Hendrycks & Dietterich 2019, arXiv:1903.12261",
    files="cifar-10-binary.tar.gz and CIFAR-10-C (CIFAR-10-C.tar unpacked, https://zenodo.org/records/2535967)",
    downloads=(*downloads.CIFAR10, *downloads.CIFAR10_C),
)
IMAGENET = Source(
    "ImageNet", "https://www.image-net.org/download.php", "ImageNet terms of access",
    "Russakovsky et al. 2015; Recht et al. 2019, arXiv:1902.10811; Hendrycks et al. 2021, arXiv:2006.16241 and "
    "arXiv:1907.07174; Wang et al. 2019, arXiv:1905.13549",
    "imagenet", "ImageNet's folders train and val (each with a folder per class)",
    manual="and beside them at least one of the folders imagenetv2-matched-frequency-format-val, imagenet-r, "
    "imagenet-a and ImageNet-Sketch",
)  # fmt: skip


def cifar10_task(recipe: Recipe, shifts: Sequence[FindShift], shifted: str, source: Source) -> Task:
    """CIFAR-10 with some shifted sets, which have `shifted` images together."""
    find = ShiftedCifar10(recipe, shifts, source).find
    size = f"800 + 200 / {recipe.tests:,} and {shifted} shifted"
    return Task(recipe.name, "natural", recipe.classes, recipe.summary, find, size, source)


ROWS = (
    *(domain_task(kind, domain) for kind in SETS for domain in kind.domains),
    cifar10_task(CIFAR10_ROW, (cifar10_shifts.cifar10_1, cifar10_shifts.stl10), "9,200", SMALL),
    cifar10_task(CIFAR10C_ROW, (cifar10_shifts.cifar10_c,), "750,000", CORRUPTED),
    Task(
        "ood/imagenet", "natural", 1000, "ImageNet, evaluated on V2, R, A and Sketch too",
        ImageNet("ood/imagenet", 1000, (8, 2), BOTH, IMAGENET).find,
        "8,000 + 2,000 / 50,000 and 98,389 shifted", IMAGENET,
    ),
)  # fmt: skip
for row in ROWS:
    TASKS.add(row.name, row)
