"""Names held against names: cosmetic differences agree. A name never makes two people one.

DICOM writes KHAN^Amina^Bibi; archives also send "Amina Khan", "KHAN, Amina", the two swapped,
accents lost, hyphens dropped, initials, and words that are no name at all.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher

SHORTEST_PART = 3  # letters of "KHAN" in "KHAN-PATEL"; particles such as "de" and "al" are no proof
ALIKE_FAMILY, ALIKE_GIVEN = 0.8, 0.75  # a slip of the pen; Mohammed and Muhammad
PARTICLES = frozenset({"VAN", "VON", "DER", "DEN", "BIN", "DEL", "DOS", "ABU", "MAC", "THE"})
NO_NAMES = frozenset(
    {
        *("UNKNOWN", "UNK", "ANON", "ANONYMOUS", "ANONYMISED", "ANONYMIZED", "NONAME", "NOT"),
        *("KNOWN", "NOTKNOWN", "UNNAMED", "NAME", "MALE", "FEMALE", "PATIENT", "NA", "NIL"),
    }
)
TITLES = frozenset({"MR", "MRS", "MS", "MISS", "DR", "PROF", "MASTER", "SIR"})
TEST_NAME = re.compile(r"(X{2,}|Z{2,})?(TEST(ING|PATIENT)?|PHANTOM|DUMMY|DONOTUSE|QAQC)[0-9]*")
BABY = frozenset({"BABY", "BABYOF", "BOF", "INFANT", "NEWBORN", "NEONATE", "TWIN", "BOY", "GIRL"})
WITHOUT_MARKS = str.maketrans(
    {"Ø": "O", "Æ": "AE", "Œ": "OE", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH"}
)
APOSTROPHES = "'\u2019`\u00b4."  # O'Neill is one word, however it is marked
Words = Sequence[str]
Agrees = Callable[[Words, Words], bool]


def compare(family_name: str, given_names: str, claimed: str) -> list[str]:
    """Codes for a Patient Name (PN) beside the names sought: agrees, differs or not stated."""
    sought = words(family_name), words(given_names)
    said = words(claimed.replace("^", " "))
    evidence = []
    if _is_test(said) and not _is_test([*sought[0], *sought[1]]):
        evidence.append("test-patient")
    if BABY.intersection(said) and not BABY.intersection(sought[1]):
        evidence.append("baby-of")
    family, given = max(_readings(claimed), key=lambda reading: _score(sought, reading))
    named = _code("given-names", sought[1], given, _given_agree)
    if named == "given-names-agrees" and not _given_agree(sought[1], given, shortest=2):
        named = "given-names-initial-agrees"
    return [_code("family-name", sought[0], family, _family_agrees), named, *evidence]


def words(name: str) -> list[str]:
    """Capital letters without marks, word by word: "Ó Néill-Müller" is O, NEILL, MULLER."""
    upper = name.replace("ß", "ss").upper().translate(WITHOUT_MARKS)
    letters = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", upper)
        if not unicodedata.combining(letter) and letter not in APOSTROPHES
    )
    return re.findall(r"[^\W_]+", letters)


def _readings(claimed: str) -> Iterator[tuple[Words, Words]]:
    """(family name, given names): as written, swapped, and where nothing parts them each way."""
    group = next((part for part in claimed.split("=") if part.strip("^ ")), "")
    parts = group.split("^")
    if len(parts) == 1 and "," in group:
        parts = group.split(",", 1)
    family = _names(parts[0])
    given = [word for part in parts[1:3] for word in _names(part)]
    yield family, given
    if given:
        yield given, family
    for at in range(1, len(family) if not given else 0):
        yield family[:at], family[at:]
        yield family[at:], family[:at]


def _names(part: str) -> list[str]:
    return [word for word in words(part) if word not in NO_NAMES | TITLES | BABY]


def _score(sought: tuple[Words, Words], reading: tuple[Words, Words]) -> int:
    """How much agrees: a name read another way than written counts only when all of it does."""
    family = _family_agrees(sought[0], reading[0])
    return 2 * (family and _given_agree(sought[1], reading[1])) + family


def _code(kind: str, sought: Words, claimed: Words, agrees: Agrees) -> str:
    if not sought or not claimed:
        return f"{kind}-not-stated"
    return f"{kind}-agrees" if agrees(sought, claimed) else f"{kind}-differs"


def _family_agrees(sought: Words, claimed: Words) -> bool:
    whole, other = "".join(sought), "".join(claimed)
    if not whole or not other:
        return False
    shared = {word for word in {*sought} & {*claimed} if len(word) >= SHORTEST_PART} - PARTICLES
    return whole == other or bool(shared) or _alike(whole, other) >= ALIKE_FAMILY


def _given_agree(sought: Words, claimed: Words, shortest: int = 1) -> bool:
    """The first of one side among those of the other is enough, of at least so many letters. The
    others agree between twins, and between all who are called Bibi or Singh.
    """
    pairs = [
        (one, other)
        for at, one in enumerate(sought)
        for beside, other in enumerate(claimed)
        if 0 in (at, beside) and min(len(one), len(other)) >= shortest
    ]
    return "".join(sought) == "".join(claimed) or any(_is_one(*pair) for pair in pairs)


def _is_one(one: str, other: str) -> bool:
    """The same given name: as it is, as an initial, cut short, or spelt a little otherwise."""
    shorter = min(len(one), len(other))
    is_cut = one[:shorter] == other[:shorter] and (shorter == 1 or shorter >= SHORTEST_PART)
    return is_cut or _alike(one, other) >= ALIKE_GIVEN


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()


def _is_test(said: Words) -> bool:
    return any(TEST_NAME.fullmatch(word) for word in said) or {"TEST", "PATIENT"} <= {*said}
