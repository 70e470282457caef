"""Tasks whose test sets are shifted: one source to adapt to and to choose by, several other test sets to be judged on.

`ood/<set>/<domain>` adapts to one domain of a set and judges every other one in full. Whatever is chosen is chosen on
the source's own validation images, "training-domain validation" in Gulrajani & Lopez-Paz 2021, arXiv:2007.01434.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.images.download import Download
from bench.registry import TASKS
from bench.spec import DataMissing, Found, Task
from tasks.domains import divide, found, side_by_side
from tasks.readers import cifar10, downloads, imagenet, raw
from tasks.readers.origins import Origin, together
from tasks.readers.shift import Shift, joined, wholeness

BOTH = frozenset({"flip", "shift"})  # neither moves an object out of its class


@dataclass(frozen=True)
class Domain:
    """One domain: its images as published, and the names its folder goes by."""

    images: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class DomainSet:
    """A set of domains with the same classes."""

    name: str
    title: str
    classes: int
    domains: Mapping[str, Domain]
    link: str
    licence: str
    citation: str
    least: int  # domains that must be there
    shots: tuple[int, int] | None = None  # images a class to train and to validate on, where the source is large
    foreign: tuple[str, ...] = ()  # folders beside which folders of its names are another set's


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


def find_domains(task: Task, data: Path) -> Found:
    """The domain folders under a data folder. Raises DataMissing, and UserError for copies that are not whole."""
    kind: DomainSet = task.facts["set"]
    source: str = task.facts["source"]
    names = {domain: each.names for domain, each in kind.domains.items()}
    held = side_by_side(data, names, source, kind.least, kind.foreign)
    if held is None:
        raise DataMissing(
            f"the images of {task.name} are not under {data}: put {task.facts['files']}, from {kind.link} into "
            f"{data / kind.title} (licence: {kind.licence})"
        )
    divided = divide(held, source, kind.shots)
    counts = {name: len(folder.pictures) for name, folder in {source: divided.source, **divided.shifted}.items()}
    exactness = wholeness("exact", {name: (count, kind.domains[name].images) for name, count in counts.items()})
    return replace(found(divided, task.facts["augment"]), exactness=exactness)


def domain_task(kind: DomainSet, source: str) -> Task:
    """A set with one of its domains as the source."""
    others = sum(domain.images for name, domain in kind.domains.items() if name != source)
    adapted = f"{sum(kind.shots)} a class of " if kind.shots else ""
    wanted = ", ".join(each.names[0] for each in kind.domains.values())
    files = f"the folders {wanted} of {kind.title}, each with a folder a class"
    return Task(
        name=f"ood/{kind.name}/{source}",
        group=kind.name,
        classes=kind.classes,
        summary=f"{kind.title}: adapted to {source}, judged on the other domains too",
        find=find_domains,
        size=f"{adapted}{kind.domains[source].images:,} divided, {others:,} shifted",
        source=kind.link,
        licence=kind.licence,
        citation=kind.citation,
        facts={"set": kind, "source": source, "augment": BOTH, "files": files, "folder": kind.title},
    )


CIFAR10 = Origin(
    "CIFAR-10", "cifar10", (), {"train": 50_000, "test": 10_000},
    "cifar-10-binary.tar.gz", "https://www.cs.toronto.edu/~kriz/cifar.html", "none stated",
    "Krizhevsky 2009", "cifar10",
)  # fmt: skip
# The 1,000 are drawn as VTAB-1k draws those of CIFAR-100, so that a small set is adapted to here as everywhere.
CIFAR10_ROW = raw.Recipe(
    "cifar10", CIFAR10, ("train[:800]", "train[45000:45200]", "test"), 10, 10_000,
    "objects, 32 pixels", (), BOTH, cifar10.cifar10,
)  # fmt: skip
SMALL = (
    "the files of CIFAR-10.1 (cifar10.1_v6_data.npy and cifar10.1_v6_labels.npy, "
    "https://github.com/modestyachts/CIFAR-10.1) or of STL-10 (stl10_binary.tar.gz unpacked, "
    "https://cs.stanford.edu/~acoates/stl10/)"
)
CORRUPTED = "CIFAR-10-C (CIFAR-10-C.tar unpacked, https://zenodo.org/records/2535967)"


IMAGENET = "ImageNet's folders train and val, each with a folder a class"
BESIDE = (
    "beside it any of the folders imagenetv2-matched-frequency-format-val, imagenet-r, imagenet-a and sketch (of "
    "ImageNet-Sketch)"
)


def find_cifar10(task: Task, data: Path) -> Found:
    """CIFAR-10 and those of the row's shifted sets that are there. Raises DataMissing without it or any of them."""
    source = cifar10.cifar10(data)
    shifts = [shift for find in task.facts["shifts"] if (shift := find(data)) is not None]
    if source is None or not shifts:
        raise DataMissing(
            f"the images of {task.name} are not under {data}: put {CIFAR10.files} from {CIFAR10.link} into "
            f"{data / CIFAR10.folder}, and with it {task.facts['wanted']}"
        )
    base = replace(raw.found(task, source), train_images=1000, test_images=CIFAR10_ROW.tests)
    return joined(base, shifts, [cifar10.EACH] * cifar10.CLASSES)


def cifar10_facts(
    wanted: str, shifts: Sequence[Callable[[Path], Shift | None]], files: Sequence[Download]
) -> Mapping[str, Any]:
    """What a row of CIFAR-10 needs to know, and what `data get` fetches for it."""
    fetched = (*downloads.CIFAR10, *files)
    return {
        "recipe": CIFAR10_ROW, "shifts": shifts, "wanted": wanted, "augment": BOTH,
        "downloads": fetched, "download": together(fetched), "folder": CIFAR10.folder,
    }  # fmt: skip


def find_imagenet(task: Task, data: Path) -> Found:
    """ImageNet and those of its shifted sets that are there. Raises DataMissing without it or any of them."""
    held = imagenet.imagenet(task, data)
    if held is None:
        raise DataMissing(
            f"the images of {task.name} are not under {data}: put {task.facts['files']}, from {task.source} into "
            f"{data / 'imagenet'}, and {task.facts['manual']}"
        )
    return held


OTHERS = (
    Task(
        "ood/cifar10", "natural", 10, "objects, 32 pixels, judged on CIFAR-10.1 and STL-10 too", find_cifar10,
        "800 + 200 / 10,000 and 9,200 shifted", CIFAR10.link, CIFAR10.licence,
        "Recht et al. 2018, arXiv:1806.00451; Coates, Ng & Lee 2011",
        cifar10_facts(SMALL, (cifar10.cifar10_1, cifar10.stl10), (*downloads.CIFAR10_1, *downloads.STL10)),
    ),
    Task(  # a row of its own, because there are forty times as many images to judge
        "ood/cifar10c", "natural", 10, "objects, 32 pixels, judged under 15 corruptions in 5 severities", find_cifar10,
        "800 + 200 / 10,000 and 750,000 shifted", CIFAR10.link, CIFAR10.licence,
        "Hendrycks & Dietterich 2019, arXiv:1903.12261",
        cifar10_facts(CORRUPTED, (cifar10.cifar10_c,), downloads.CIFAR10_C),
    ),
    Task(
        "ood/imagenet", "natural", 1000, "ImageNet, judged on V2, R, A and Sketch too", find_imagenet,
        "8,000 + 2,000 / 50,000 and 98,389 shifted", "https://www.image-net.org/download.php",
        "ImageNet terms of access",
        "Russakovsky et al. 2015; Recht et al. 2019, arXiv:1902.10811; Hendrycks et al. 2021, arXiv:2006.16241 and "
        "arXiv:1907.07174; Wang et al. 2019, arXiv:1905.13549",
        {"shots": (8, 2), "augment": BOTH, "files": IMAGENET, "folder": "imagenet", "manual": BESIDE},
    ),
)  # fmt: skip

for each in (*(domain_task(kind, source) for kind in SETS for source in kind.domains), *OTHERS):
    TASKS.add(each.name, each)
