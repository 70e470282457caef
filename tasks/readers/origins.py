"""The sixteen data sets behind VTAB-1k: what their authors publish, under which terms, and where it is to be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.images.download import Download
from tasks.readers import downloads

UNREPRODUCIBLE = "not reproducible by construction"  # the rule itself gives other images on another machine


@dataclass(frozen=True)
class Origin:
    """A data set as its authors publish it, and as tensorflow-datasets prepares it."""

    title: str
    builder: str  # tensorflow-datasets' builder, with its config if it is not the first
    versions: tuple[str, ...]  # prepared versions that give the same images in the same order, the current one first
    sizes: Mapping[str, int]  # images of each prepared split
    files: str  # what to put into the data folder
    link: str
    licence: str
    citation: str
    folder: str  # where messages say to put it
    stated: str = ""  # size of what is to be got, where `downloads` do not say it
    manual: str = ""  # what has to be done by hand beyond a download
    awkward: str = ""  # what is known to go wrong or to differ
    tolerance: int = 0  # by how many images honest copies differ
    exactness: str = "exact"  # of the authors' files: the published images, with the published pixels
    downloads: tuple[Download, ...] = ()  # empty when it can only be had by hand

    @property
    def download(self) -> str:
        """Size of what is to be got."""
        return self.stated or together(self.downloads)


def together(downloads: Sequence[Download]) -> str:
    """The size of all, such as "169 MB" (10^6 bytes)."""
    total = sum(each.size for each in downloads)
    return f"{total / 1e9:.1f} GB" if total >= 1e9 else f"{total / 1e6:.0f} MB"


CALTECH101 = Origin(
    "Caltech-101", "caltech101", ("3.0.2", "3.0.1", "3.0.0"), {"train": 3060, "test": 6084},
    "caltech-101.zip", "https://data.caltech.edu/records/mzrjq-6wc02", "CC BY 4.0", "Fei-Fei et al. 2004",
    "caltech101", tolerance=1,
    awkward="which 30 images of a class are for training depends on the order in which a machine lists folders, so a "
    "raw copy gives other images than the published ones; 6,084 test images, 6,085 in the popular copies",
    downloads=downloads.CALTECH101,
    exactness=UNREPRODUCIBLE,
)  # fmt: skip
CIFAR100 = Origin(
    "CIFAR-100", "cifar100", ("3.0.2",), {"train": 50_000, "test": 10_000},
    "cifar-100-binary.tar.gz", "https://www.cs.toronto.edu/~kriz/cifar.html", "none stated",
    "Krizhevsky 2009", "cifar100", awkward="copies whose images were saved as JPEG score about 10 points lower",
    downloads=downloads.CIFAR100,
)  # fmt: skip
DTD = Origin(
    "Describable Textures", "dtd", ("3.0.1",), {"train": 1880, "validation": 1880, "test": 1880},
    "dtd-r1.0.1.tar.gz", "https://www.robots.ox.ac.uk/~vgg/data/dtd/", "research use", "Cimpoi et al. 2014",
    "dtd", awkward="the first of ten published folds",
    downloads=downloads.DTD,
)  # fmt: skip
FLOWERS102 = Origin(
    "Oxford Flowers 102", "oxford_flowers102", ("2.1.1",), {"train": 1020, "validation": 1020, "test": 6149},
    "102flowers.tgz, imagelabels.mat and setid.mat", "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
    "none stated", "Nilsback & Zisserman 2008", "flowers102",
    downloads=downloads.FLOWERS102,
)  # fmt: skip
PETS = Origin(
    "Oxford-IIIT Pet", "oxford_iiit_pet", ("4.0.0", "3.2.0"), {"train": 3680, "test": 3669},
    "images.tar.gz and annotations.tar.gz", "https://www.robots.ox.ac.uk/~vgg/data/pets/", "CC BY-SA 4.0",
    "Parkhi et al. 2012", "pets",
    downloads=downloads.PETS,
    awkward="tensorflow-datasets 4 compresses twelve damaged files anew, here all are read as they are",
)  # fmt: skip
SUN397 = Origin(
    "SUN397", "sun397/tfds", ("4.0.0",), {"train": 76_128, "validation": 10_875, "test": 21_750},
    "the folder SUN397 unpacked from SUN397.tar.gz, and sun397_tfds_{tr,va,te}.txt from tensorflow-datasets",
    "https://vision.princeton.edu/projects/2010/SUN/", "research use", "Xiao et al. 2010", "sun397", "39.1 GB",
    tolerance=1,  # tensorflow-datasets now leaves out one that it cannot decode, far behind the first 800
    manual="its home no longer serves it since 2025: look for a mirror; the three lists are part of the Python package "
    "tensorflow-datasets, folder image_classification, and are found there if it is installed",
    awkward="its 1,000 images cover 325 of 397 classes; tensorflow-datasets shrinks them to 120,000 pixels at JPEG "
    "quality 72, while the authors' files are read as they are",
    exactness="exact images, larger pixels",
)  # fmt: skip
SVHN = Origin(
    "Street View House Numbers", "svhn_cropped", ("3.1.0",), {"train": 73_257, "test": 26_032},
    "train_32x32.mat and test_32x32.mat", "http://ufldl.stanford.edu/housenumbers/", "non-commercial use",
    "Netzer et al. 2011", "svhn",
    downloads=downloads.SVHN,
)  # fmt: skip
PATCH_CAMELYON = Origin(
    "PatchCamelyon", "patch_camelyon", ("2.0.0",), {"train": 262_144, "validation": 32_768, "test": 32_768},
    "camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5", "https://zenodo.org/records/2546921", "CC0",
    "Veeling et al. 2018", "patch_camelyon", manual="unpack the .h5.gz files with gunzip",
    downloads=downloads.PATCH_CAMELYON,
)  # fmt: skip
EUROSAT = Origin(
    "EuroSAT", "eurosat/rgb", ("2.0.0",), {"train": 27_000},
    "EuroSAT.zip", "https://github.com/phelber/EuroSAT", "MIT", "Helber et al. 2019",
    "eurosat", awkward="its first home, madm.dfki.de, is given up; the download is the copy that torchvision uses",
    downloads=downloads.EUROSAT,
)  # fmt: skip
RESISC45 = Origin(
    "NWPU-RESISC45", "resisc45", ("3.0.0",), {"train": 31_500},
    "NWPU-RESISC45.zip, or the folder NWPU-RESISC45 unpacked from NWPU-RESISC45.rar",
    "https://1drv.ms/u/s!AmgKYzARBl5ca3HNaHIlzp_IXjs", "unclear", "Cheng et al. 2017", "resisc45",
    manual="unpack a RAR with unrar or 7z",
    awkward="the download is TorchGeo's zip of the authors' RAR; mirrors state different licences",
    downloads=downloads.RESISC45,
)  # fmt: skip
RETINOPATHY = Origin(
    "Diabetic Retinopathy", "diabetic_retinopathy_detection/btgraham-300", ("3.0.0",),
    {"train": 35_126, "validation": 10_906, "test": 42_670},
    "trainLabels.csv, retinopathy_solution.csv and the folders train and test of .jpeg images",
    "https://www.kaggle.com/c/diabetic-retinopathy-detection/data", "Kaggle competition rules",
    "Kaggle & EyePACS 2015", "retinopathy", "about 88 GB",
    manual="accept the rules on Kaggle, join the parts and unpack them; the solution file is attached to its forum, "
    "https://storage.googleapis.com/kaggle-forum-message-attachments/90528/2877/retinopathy_solution.csv",
    awkward="tensorflow-datasets evens the pictures out with OpenCV, here it is done with Pillow and scipy",
    exactness="exact images, close pixels",
)  # fmt: skip
CLEVR = Origin(
    "CLEVR", "clevr", ("3.1.0", "3.0.0"), {"train": 70_000, "validation": 15_000},
    "CLEVR_v1.0.zip", "https://cs.stanford.edu/people/jcjohns/clevr/", "CC BY 4.0",
    "Johnson et al. 2017", "clevr",
    downloads=downloads.CLEVR,
)  # fmt: skip
DMLAB = Origin(
    "DMLab frames", "dmlab", ("2.0.1",), {"train": 65_550, "validation": 22_628, "test": 22_735},
    "dmlab.tar.gz", "https://github.com/google-research/task_adaptation", "none stated", "Zhai et al. 2019",
    "dmlab", manual="unpack it with `tar -xf dmlab.tar.gz`",
    downloads=downloads.DMLAB,
)  # fmt: skip
KITTI = Origin(
    "KITTI", "kitti", ("3.3.0", "3.2.0"), {"train": 6347, "validation": 423, "test": 711},
    "data_object_image_2.zip, data_object_label_2.zip and devkit_object.zip",
    "https://www.cvlibs.net/datasets/kitti/eval_object.php", "CC BY-NC-SA 3.0", "Geiger et al. 2012",
    "kitti", awkward="split by video, drawn with numpy's legacy generator",
    downloads=downloads.KITTI,
)  # fmt: skip
DSPRITES = Origin(
    "dSprites", "dsprites", ("2.0.0", "2.1.0"), {"train": 737_280},
    "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz", "https://github.com/google-deepmind/dsprites-dataset",
    "Apache 2.0", "Matthey et al. 2017", "dsprites", "about 26 MB",
    awkward="3 GB once unpacked: it is read as a stream",
    downloads=downloads.DSPRITES,
)  # fmt: skip
SMALLNORB = Origin(
    "small NORB", "smallnorb", ("2.0.0", "2.1.0"), {"train": 24_300, "test": 24_300},
    "smallnorb-5x46789x9x18x6x2x96x96-training-{dat,info}.mat.gz and "
    "smallnorb-5x01235x9x18x6x2x96x96-testing-{dat,info}.mat.gz",
    "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/", "research use", "LeCun et al. 2004", "smallnorb",
    awkward="validation images come from the first half of its test split, test images from the second",
    downloads=downloads.SMALLNORB,
)  # fmt: skip
