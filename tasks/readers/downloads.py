"""The files that can be downloaded for VTAB-1k and the shifted sets of CIFAR-10, with their sizes and checksums.

Sizes and SHA-256 are those that tensorflow-datasets 4.9.10 publishes (`checksums.tsv` of each builder), with three
exceptions. EuroSAT's first home is gone, so it comes from the copy that torchvision 0.29 uses
(`torchvision/datasets/eurosat.py`). The authors of RESISC45 serve a RAR to people only, so it comes from TorchGeo's
zip, with the SHA-256 that its repository states. Nobody publishes a checksum of dSprites' .npz; it is a zip, which
holds the CRC-32 of its members.
"""

from __future__ import annotations

from bench.source import Download

CIFAR10_1_HOME = "https://github.com/modestyachts/CIFAR-10.1/blob/master/datasets/"
FLOWERS_HOME = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
PETS_HOME = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"
SVHN_HOME = "http://ufldl.stanford.edu/housenumbers/"
CAMELYON_HOME = "https://zenodo.org/records/2546921/files/camelyonpatch_level_2_split_"
EUROSAT_HOME = "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/"
RESISC45_HOME = "https://huggingface.co/datasets/torchgeo/resisc45/resolve/c01546f24de9e8331ecf53bd645b52c8ee2f2e3b/"
KITTI_HOME = "https://s3.eu-central-1.amazonaws.com/avg-kitti/"
DSPRITES_HOME = "https://github.com/google-deepmind/dsprites-dataset/raw/master/"
NORB_HOME = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/smallnorb-5x"

CALTECH101 = (
    Download("https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip", 137_414_764,
             "sha256:331234750fc7f77520e50d9565e8b6907b03565e30320da1401130db08c61f91"),
)  # fmt: skip
CIFAR100 = (
    Download("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", 168_513_733,
             "sha256:58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"),
)  # fmt: skip
CIFAR10 = (
    Download("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", 170_052_171,
             "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
)  # fmt: skip
CIFAR10_1 = (
    Download(CIFAR10_1_HOME + "cifar10.1_v6_data.npy?raw=true", 6_144_128,
             "sha256:2997188e5816f5bd545dc77771b6227828c28146049fcecf3fa10775474cacc6"),
    Download(CIFAR10_1_HOME + "cifar10.1_v6_labels.npy?raw=true", 8_128,
             "sha256:ae40beda001693674edc94d925ee8268cfe68905f8f9aff800c8dcdfcd6c9448"),
)  # fmt: skip
CIFAR10_C = (
    Download("https://zenodo.org/record/2535967/files/CIFAR-10-C.tar", 2_918_471_680,
             "sha256:c72763e101c723b7c507b96205f7e938912a5d587376173b825850cf3cb876a7", "tar"),
)  # fmt: skip
STL10 = (
    Download("http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz", 2_640_397_119,
             "sha256:f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866", "tar"),
)  # fmt: skip
DTD = (
    Download("https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz", 625_239_812,
             "sha256:e42855a52a4950a3b59612834602aa253914755c95b0cff9ead6d07395f8e205"),
)  # fmt: skip
FLOWERS102 = (
    Download(FLOWERS_HOME + "102flowers.tgz", 344_862_509,
             "sha256:2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246"),
    Download(FLOWERS_HOME + "imagelabels.mat", 502,
             "sha256:4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d"),
    Download(FLOWERS_HOME + "setid.mat", 14_989,
             "sha256:46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd"),
)  # fmt: skip
PETS = (
    Download(PETS_HOME + "images.tar.gz", 791_918_971,
             "sha256:67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d"),
    Download(PETS_HOME + "annotations.tar.gz", 19_173_078,
             "sha256:52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91"),
)  # fmt: skip
SVHN = (
    Download(SVHN_HOME + "train_32x32.mat", 182_040_794,
             "sha256:435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
    Download(SVHN_HOME + "test_32x32.mat", 64_275_384,
             "sha256:cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
)  # fmt: skip
PATCH_CAMELYON = (
    Download(CAMELYON_HOME + "train_x.h5.gz", 6_421_353_462,
             "sha256:d619e741468a7ab35c7e4a75e6821b7e7e6c9411705d45708f2a0efc8960656c", "gz"),
    Download(CAMELYON_HOME + "train_y.h5.gz", 21_378,
             "sha256:b74126d2c01b20d3661f9b46765d29cf4e4fba6faba29c8e0d09d406331ab75a", "gz"),
    Download(CAMELYON_HOME + "valid_x.h5.gz", 805_965_320,
             "sha256:f82ee1670d027b4ec388048d9eabc2186b77c009655dae76d624c0ecb053ccb2", "gz"),
    Download(CAMELYON_HOME + "valid_y.h5.gz", 3_038,
             "sha256:ce1ae30f08feb468447971cfd0472e7becd0ad96d877c64120c72571439ae48c", "gz"),
    Download(CAMELYON_HOME + "test_x.h5.gz", 800_875_929,
             "sha256:79174c2201ad521602a5888be8f36ee10875f37403dd3f2086caf2182ef87245", "gz"),
    Download(CAMELYON_HOME + "test_y.h5.gz", 3_040,
             "sha256:0a522005fccc8bbd04c5a117bfaf81d8da2676f03a29d7499f71d0a0bd6068ef", "gz"),
)  # fmt: skip
EUROSAT = (
    Download(EUROSAT_HOME + "EuroSAT.zip", 94_280_567,
             "sha256:8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd"),
)  # fmt: skip
RESISC45 = (
    Download(RESISC45_HOME + "NWPU-RESISC45.zip", 427_389_445,
             "sha256:beeecd0b63656290ae6d65cf7763185b0c1c4c54a753ef8088d6fba3faaf1f53"),
)  # fmt: skip
CLEVR = (
    Download("https://dl.fbaipublicfiles.com/clevr/CLEVR_v1.0.zip", 19_021_600_724,
             "sha256:5cd61cf1096ed20944df93c9adb31e74d189b8459a94f54ba00090e5c59936d1"),
)  # fmt: skip
DMLAB = (
    Download("https://storage.googleapis.com/dmlab-vtab/dmlab.tar.gz", 3_017_022_789,
             "sha256:638b18fa69a5d61bbc310cd0b87ac603a39f41de0fdb07b6e77de274a24480a4", "tar"),
)  # fmt: skip
KITTI = (
    Download(KITTI_HOME + "data_object_image_2.zip", 12_569_945_557,
             "sha256:351c5a2aa0cd9238b50174a3a62b846bc5855da256b82a196431d60ff8d43617"),
    Download(KITTI_HOME + "data_object_label_2.zip", 5_601_213,
             "sha256:4efc76220d867e1c31bb980bbf8cbc02599f02a9cb4350effa98dbb04aaed880"),
    Download(KITTI_HOME + "devkit_object.zip", 63_794,
             "sha256:ce0b76b69c0c5f89690a0d65b7302bbbdb962a0c7e8aba6efc7050d1b04b4cf1"),
)  # fmt: skip
DSPRITES = (
    Download(DSPRITES_HOME + "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"),
)  # fmt: skip
SMALLNORB = (
    Download(NORB_HOME + "46789x9x18x6x2x96x96-training-dat.mat.gz", 131_896_188,
             "sha256:5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873"),
    Download(NORB_HOME + "46789x9x18x6x2x96x96-training-info.mat.gz", 71_052,
             "sha256:de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32"),
    Download(NORB_HOME + "01235x9x18x6x2x96x96-testing-dat.mat.gz", 130_799_817,
             "sha256:cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474"),
    Download(NORB_HOME + "01235x9x18x6x2x96x96-testing-info.mat.gz", 10_428,
             "sha256:16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2"),
)  # fmt: skip
