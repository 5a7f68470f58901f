"""Where a frame's own attributes stand: functional groups of multi-frame objects, or the root."""

from pydicom.dataset import Dataset

from imaging.frames import values


class Groups:
    """The functional groups of a data set, looked up once for all its frames.

    `are_shared`: every frame has the same attributes, since none has a group of its own.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.root = dataset
        self._own = values.items(dataset, "PerFrameFunctionalGroupsSequence")
        self._shared = values.items(dataset, "SharedFunctionalGroupsSequence")[:1]
        self.are_shared = not self._own

    def macro(self, index: int, keyword: str) -> Dataset:
        """The data set that holds the attributes of a functional group for frame `index`, from 0.

        The frame's own group, else the one all frames share (DICOM PS3.3 C.7.6.16), else the
        root of the data set, where single-frame objects keep the same attributes.
        """
        for group in (*self._own[index : index + 1], *self._shared):
            if found := values.items(group, keyword):
                return found[0]
        return self.root
