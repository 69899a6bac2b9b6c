"""Images in memory: arrays, datasets and loaders of torch and timm."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.describe.dataset import describe, draw_sample, open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.errors import DatasetError


def _arrays(n=30, channels_first=False, dtype=np.uint8):
    images = np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3))
    images = images if dtype == np.uint8 else images / 255
    images = images.transpose(0, 3, 1, 2) if channels_first else images
    return images.astype(dtype), np.arange(n) % 3


@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_arrays_of_every_layout_show_the_same(channels_first, dtype):
    sample = draw_sample(open_dataset(_arrays(channels_first=channels_first, dtype=dtype)))
    expected = draw_sample(open_dataset(_arrays()))
    assert np.abs(sample.train.thumbnails.astype(int) - expected.train.thumbnails).max() <= 1
    assert sample.train.sizes.tolist() == [[16, 16]] * 30


def test_arrays_with_a_split_and_one_hot_labels():
    images, labels = _arrays()
    dataset = open_dataset(((images[:20], np.eye(3)[labels[:20]]), (images[20:], np.eye(3)[labels[20:]])))
    assert (dataset.n_train, dataset.n_eval, dataset.classes) == (20, 10, ("0", "1", "2"))


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (np.arange(30) / 7, "measurements"),
        (np.ones((30, 3)), "several labels"),
        (np.arange(29) % 3, "do not fit"),
        (np.zeros(30, int), "one class only"),
        (np.full(30, np.nan), "have no label"),
    ],
)
def test_arrays_that_are_no_single_label_classification(labels, problem):
    with pytest.raises(DatasetError) as caught:
        open_dataset((_arrays()[0], labels))
    assert problem in caught.value.problem


class Noise:
    """A map-style Dataset as torch's are."""

    def __init__(self, n: int, items) -> None:
        self.n, self.items = n, items

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int):
        return self.items(index)


@pytest.fixture
def labelled(picture):
    """Makes an item of two classes in turn."""
    return lambda i: (picture(i), i % 2)


def test_a_dataset_of_python_objects(labelled):
    dataset = open_dataset((Noise(8, labelled), Noise(4, labelled)))
    assert (dataset.kind, dataset.n_train, dataset.n_eval, dataset.classes) == ("dataset", 8, 4, ("0", "1"))
    assert len(draw_sample(dataset).train) == 8


def test_items_that_are_no_pictures_are_counted(picture):
    dataset = open_dataset(Noise(6, lambda i: (np.zeros((2, 3, 4, 5)) if i == 3 else picture(i), i % 2)))
    assert [path for path, _ in draw_sample(dataset).unreadable] == ["train/000003"]


def test_items_without_labels_are_refused(picture):
    with pytest.raises(DatasetError, match="not \\(image, label\\)"):
        open_dataset(Noise(4, picture))


def test_torch_datasets_and_subsets(pets):
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    folder = torchvision.datasets.ImageFolder(str(pets / "train"), torchvision.transforms.ToTensor())
    dataset = open_dataset((folder, torch.utils.data.Subset(folder, [0, 6])))
    assert (dataset.n_train, dataset.n_eval, dataset.classes) == (7, 2, ("cat", "dog"))
    exact = draw_sample(open_dataset(pets)).train.thumbnails
    assert np.abs(draw_sample(dataset).train.thumbnails.astype(int) - exact).max() <= 1


def test_loaders_are_their_datasets_and_augmented_images_the_files_they_are_made_of(pets, labelled):
    torch = pytest.importorskip("torch")
    transforms = pytest.importorskip("torchvision.transforms")
    folder = pytest.importorskip("torchvision.datasets").ImageFolder
    varied = transforms.Compose([transforms.RandomResizedCrop(8), transforms.ToTensor()])
    training = torch.utils.data.DataLoader(folder(str(pets / "train"), varied), batch_size=2)
    validation = torch.utils.data.DataLoader(folder(str(pets / "val"), varied))
    assert open_dataset(training).n_train == 7
    assert describe((training, validation)).dataset.dataset_id == describe(pets).dataset.dataset_id
    assert open_dataset(torch.utils.data.DataLoader(Noise(6, labelled))).n_train == 6


class ByHand:
    """A Dataset as many write it: the paths of the images and their labels, opened and varied item by item."""

    def __init__(self, root):
        self.files = sorted(root.rglob("*.png"))
        self.labels = [path.parent.name for path in self.files]

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        raise AssertionError("its images would be as training varies them")


def test_a_dataset_that_holds_a_list_of_files_is_known_by_them(pets):
    in_python = open_dataset((ByHand(pets / "train"), ByHand(pets / "val")))
    assert take_fingerprint(in_python).dataset_id == take_fingerprint(open_dataset(pets)).dataset_id


def test_two_lists_of_files_do_not_tell_which_are_the_images(pets):
    class WithMasks(ByHand):
        def __init__(self, root):
            super().__init__(root)
            self.masks = self.files[::-1]

    with pytest.raises(AssertionError, match="as training varies them"):
        describe(WithMasks(pets / "train"))


def test_timm_datasets_are_not_decoded_for_their_labels(pets):
    timm_data = pytest.importorskip("timm.data")
    theirs = timm_data.create_dataset("", str(pets), split="train")
    (pets / "train" / "cat" / "000.png").write_bytes(b"")
    assert open_dataset(theirs).n_train == 7


def test_labels_may_be_a_column():
    images, labels = _arrays()
    for column in (labels[:, None], labels[:, None].astype(np.uint8), labels[:, None].tolist()):
        assert open_dataset((images, column)).classes == ("0", "1", "2")


def test_items_may_hold_their_label_in_an_array(picture):
    dataset = open_dataset(Noise(8, lambda i: (picture(i), np.array([i % 2]))))
    assert dataset.classes == ("0", "1")


def test_hidden_labels_are_no_validation():
    images, labels = _arrays()
    dataset = open_dataset(((images[:20], labels[:20]), (images[20:], np.full(10, -1))))
    assert (dataset.n_eval, dataset.classes, dataset.unlabelled) == (0, ("0", "1", "2"), ("validation",))


def test_images_that_a_dataset_holds_are_read_as_they_are_and_not_as_training_varies_them():
    """torchvision's sets in memory and TensorDataset, alone, in part and in a loader: the same id."""
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, Subset, TensorDataset

    images, labels = _arrays()

    class Varied:
        """As torchvision's CIFAR10: images in ``data``, and a transform that draws."""

        data, targets, classes = images, labels.tolist(), ["a", "b", "c"]
        transform = staticmethod(np.random.default_rng().permutation)

        def __len__(self):
            return len(self.data)

        def __getitem__(self, index):
            return self.transform(self.data[index]), self.targets[index]

    expected = describe((images, labels)).dataset.dataset_id
    tensors = TensorDataset(torch.tensor(images), torch.tensor(labels))
    for source in (Varied(), tensors, Subset(tensors, range(30)), DataLoader(tensors, 8, shuffle=True)):
        assert describe(source).dataset.dataset_id == expected
