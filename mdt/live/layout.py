"""How a case is hung when it opens: the current study, beside the prior of its kind."""

from collections.abc import Mapping, Sequence

from imaging.models import Series
from mdt.meetings.sources import ShownStudy
from mdt.protocol import Layout, Pane

Pictures = Mapping[int, Sequence[Series]]  # by study: its series that can be shown now


def suggested(studies: Sequence[ShownStudy], pictures: Pictures) -> Layout:
    """Current on the left and prior on the right, or one pane, or none.

    Where neither has a picture yet, the first chosen study that has: something to look at is
    better than waiting. `studies` are newest first.
    """
    ready = [shown for shown in studies if pictures.get(shown.study.pk)]
    named = {shown.role: shown for shown in ready if shown.role}
    hung = [named[role] for role in ("current", "prior") if role in named] or ready[:1]
    panes: list[Pane] = []
    like: Series | None = None
    for name, shown in zip("ab", hung, strict=False):
        like = _main(pictures[shown.study.pk], like)
        panes.append(Pane(id=name, kind="stack", series=like.public_id, version=like.version))
    return Layout(panes=tuple(panes), active="a" if panes else "")


def _main(series: Sequence[Series], like: Series | None) -> Series:
    """The series one looks at first: of the same sort as the one beside it, then the longest."""

    def rank(one: Series) -> tuple[bool, bool, int]:
        is_modality = like is not None and one.modality == like.modality
        is_named = like is not None and one.description == like.description
        return is_modality, is_named, one.frame_count  # type: ignore[attr-defined]

    return max(series, key=rank)
