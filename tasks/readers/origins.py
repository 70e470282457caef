"""The data sets behind VTAB-1k: what their authors publish, its terms, and how tensorflow-datasets prepares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.source import Source
from tasks.readers import downloads

UNREPRODUCIBLE = "not reproducible by construction"  # the rule itself gives other images on another machine


@dataclass(frozen=True)
class Origin:
    """A data set as its authors publish it, and as tensorflow-datasets prepares it."""

    builder: str  # of tensorflow-datasets, with its configuration if that is not the first
    versions: tuple[str, ...]  # that give the same images in the same order, the current one first
    sizes: Mapping[str, int]  # images of each prepared split
    source: Source
    tolerance: int = 0  # by how many images honest copies differ
    exactness: str = "exact"  # of the authors' files: the published images, with the published pixels


CALTECH101 = Origin(
    "caltech101", ("3.0.2", "3.0.1", "3.0.0"), {"train": 3060, "test": 6084},
    Source(
        "Caltech-101", "https://data.caltech.edu/records/mzrjq-6wc02", "CC BY 4.0", "Fei-Fei et al. 2004",
        "caltech101", "caltech-101.zip",
        downloads=downloads.CALTECH101,
        caveat="which 30 images of a class are for training depends on the order in which a machine lists folders, so "
        "the authors' files give other images than the published ones; 6,084 test images, 6,085 in vtab-1k folders",
    ),
    tolerance=1, exactness=UNREPRODUCIBLE,
)  # fmt: skip
CIFAR100 = Origin(
    "cifar100", ("3.0.2",), {"train": 50_000, "test": 10_000},
    Source(
        "CIFAR-100", "https://www.cs.toronto.edu/~kriz/cifar.html", "none stated", "Krizhevsky 2009",
        "cifar100", "cifar-100-binary.tar.gz",
        downloads=downloads.CIFAR100,
        caveat="copies whose images were saved as JPEG score about 10 points lower",
    ),
)  # fmt: skip
DTD = Origin(
    "dtd", ("3.0.1",), {"train": 1880, "validation": 1880, "test": 1880},
    Source(
        "Describable Textures", "https://www.robots.ox.ac.uk/~vgg/data/dtd/", "research use", "Cimpoi et al. 2014",
        "dtd", "dtd-r1.0.1.tar.gz",
        downloads=downloads.DTD,
        caveat="the first of ten published folds",
    ),
)  # fmt: skip
FLOWERS102 = Origin(
    "oxford_flowers102", ("2.1.1",), {"train": 1020, "validation": 1020, "test": 6149},
    Source(
        "Oxford Flowers 102", "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        "none stated", "Nilsback & Zisserman 2008",
        "flowers102", "102flowers.tgz, imagelabels.mat and setid.mat",
        downloads=downloads.FLOWERS102,
    ),
)  # fmt: skip
PETS = Origin(
    "oxford_iiit_pet", ("4.0.0", "3.2.0"), {"train": 3680, "test": 3669},
    Source(
        "Oxford-IIIT Pet", "https://www.robots.ox.ac.uk/~vgg/data/pets/", "CC BY-SA 4.0", "Parkhi et al. 2012",
        "pets", "images.tar.gz and annotations.tar.gz",
        downloads=downloads.PETS,
        caveat="tensorflow-datasets 4 compresses twelve damaged files anew; here all are read as they are",
    ),
)  # fmt: skip
SUN397 = Origin(
    "sun397/tfds", ("4.0.0",), {"train": 76_128, "validation": 10_875, "test": 21_750},
    Source(
        "SUN397", "https://vision.princeton.edu/projects/2010/SUN/", "research use", "Xiao et al. 2010",
        "sun397",
        "the folder SUN397 unpacked from SUN397.tar.gz, and sun397_tfds_{tr,va,te}.txt from tensorflow-datasets",
        stated_size="39.1 GB",
        manual="its home has not served it since 2025: look for a mirror; the three lists are part of the Python "
        "package tensorflow-datasets, folder image_classification, and are found there if it is installed",
        caveat="its 1,000 images cover 325 of 397 classes; tensorflow-datasets shrinks them to 120,000 pixels at JPEG "
        "quality 72, while the authors' files are read as they are",
    ),
    tolerance=1, exactness="exact images, larger pixels",
)  # fmt: skip
SVHN = Origin(
    "svhn_cropped", ("3.1.0",), {"train": 73_257, "test": 26_032},
    Source(
        "Street View House Numbers", "http://ufldl.stanford.edu/housenumbers/",
        "non-commercial use", "Netzer et al. 2011",
        "svhn", "train_32x32.mat and test_32x32.mat",
        downloads=downloads.SVHN,
    ),
)  # fmt: skip
PATCH_CAMELYON = Origin(
    "patch_camelyon", ("2.0.0",), {"train": 262_144, "validation": 32_768, "test": 32_768},
    Source(
        "PatchCamelyon", "https://zenodo.org/records/2546921", "CC0", "Veeling et al. 2018",
        "patch_camelyon", "camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5",
        downloads=downloads.PATCH_CAMELYON,
        manual="unpack the .h5.gz files with gunzip",
    ),
)  # fmt: skip
EUROSAT = Origin(
    "eurosat/rgb", ("2.0.0",), {"train": 27_000},
    Source(
        "EuroSAT", "https://github.com/phelber/EuroSAT", "MIT", "Helber et al. 2019",
        "eurosat", "EuroSAT.zip",
        downloads=downloads.EUROSAT,
        caveat="its first home, madm.dfki.de, is gone; the download is the copy that torchvision uses",
    ),
)  # fmt: skip
RESISC45 = Origin(
    "resisc45", ("3.0.0",), {"train": 31_500},
    Source(
        "NWPU-RESISC45", "https://1drv.ms/u/s!AmgKYzARBl5ca3HNaHIlzp_IXjs", "unclear", "Cheng et al. 2017",
        "resisc45", "NWPU-RESISC45.zip, or the folder NWPU-RESISC45 unpacked from NWPU-RESISC45.rar",
        downloads=downloads.RESISC45,
        manual="unpack a RAR with unrar or 7z",
        caveat="the download is TorchGeo's zip of the authors' RAR; mirrors state different licences",
    ),
)  # fmt: skip
RETINOPATHY = Origin(
    "diabetic_retinopathy_detection/btgraham-300", ("3.0.0",),
    {"train": 35_126, "validation": 10_906, "test": 42_670},
    Source(
        "Diabetic Retinopathy", "https://www.kaggle.com/c/diabetic-retinopathy-detection/data",
        "Kaggle competition rules", "Kaggle & EyePACS 2015",
        "retinopathy",
        "trainLabels.csv, retinopathy_solution.csv and the folders train and test of .jpeg images",
        stated_size="about 88 GB",
        manual="accept the rules on Kaggle, join the parts and unpack them; the solution file is attached to the "
        "forum, https://storage.googleapis.com/kaggle-forum-message-attachments/90528/2877/retinopathy_solution.csv",
        caveat="tensorflow-datasets evens the photographs out with OpenCV; here Pillow and scipy do it",
    ),
    exactness="exact images, close pixels",
)  # fmt: skip
CLEVR = Origin(
    "clevr", ("3.1.0", "3.0.0"), {"train": 70_000, "validation": 15_000},
    Source(
        "CLEVR", "https://cs.stanford.edu/people/jcjohns/clevr/", "CC BY 4.0", "Johnson et al. 2017",
        "clevr", "CLEVR_v1.0.zip",
        downloads=downloads.CLEVR,
    ),
)  # fmt: skip
DMLAB = Origin(
    "dmlab", ("2.0.1",), {"train": 65_550, "validation": 22_628, "test": 22_735},
    Source(
        "DMLab frames", "https://github.com/google-research/task_adaptation", "none stated", "Zhai et al. 2019",
        "dmlab", "dmlab.tar.gz",
        downloads=downloads.DMLAB,
        manual="unpack it with `tar -xf dmlab.tar.gz`",
    ),
)  # fmt: skip
KITTI = Origin(
    "kitti", ("3.3.0", "3.2.0"), {"train": 6347, "validation": 423, "test": 711},
    Source(
        "KITTI", "https://www.cvlibs.net/datasets/kitti/eval_object.php", "CC BY-NC-SA 3.0", "Geiger et al. 2012",
        "kitti", "data_object_image_2.zip, data_object_label_2.zip and devkit_object.zip",
        downloads=downloads.KITTI,
        caveat="divided by video, with numpy's legacy generator",
    ),
)  # fmt: skip
DSPRITES = Origin(
    "dsprites", ("2.0.0", "2.1.0"), {"train": 737_280},
    Source(
        "dSprites", "https://github.com/google-deepmind/dsprites-dataset", "Apache 2.0", "Matthey et al. 2017",
        "dsprites", "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
        downloads=downloads.DSPRITES,
        stated_size="about 26 MB",
        caveat="3 GB once unpacked, so it is read as a stream",
    ),
)  # fmt: skip
SMALLNORB = Origin(
    "smallnorb", ("2.0.0", "2.1.0"), {"train": 24_300, "test": 24_300},
    Source(
        "small NORB", "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/", "research use", "LeCun et al. 2004",
        "smallnorb",
        "smallnorb-5x46789x9x18x6x2x96x96-training-{dat,info}.mat.gz and "
        "smallnorb-5x01235x9x18x6x2x96x96-testing-{dat,info}.mat.gz",
        downloads=downloads.SMALLNORB,
        caveat="validation images come from the first half of its test split, test images from the second",
    ),
)  # fmt: skip
