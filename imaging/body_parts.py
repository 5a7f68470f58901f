"""Which parts of the body a text names: a Body Part Examined, a description, a referral.

    parts_in("CT Neck/Chest/Abdo/Pelvis")    # {"neck", "chest", "abdomen", "pelvis"}
    parts_in("MRCP")                         # {"abdomen.liver", "abdomen.biliary", ...}
    parts_asked("?recurrent GBM")            # {"head.brain"}: words of disease count as well
    parts_reported("Frontal glioma, stable") # {"head.brain"}: of an imaging report
    meet({"abdomen"}, {"abdomen.liver"})     # True: one lies in the other

A part is a region, or an organ within one ("abdomen.liver"); "whole" meets every part. The words
are those of British departments (NICIP names and what is typed instead of them) and the terms of
Body Part Examined (DICOM PS3.16 Annex L, of which CID 4 is a part).
"""

import re
from collections.abc import Collection, Mapping, Sequence

WHOLE = "whole"
Parts = frozenset[str]

_NAMES = {
    "whole": (
        "whole body, wholebody, wb, total body, skull base to mid thigh, skull base to thigh,"
        " base of skull to thigh, vertex to thigh, skeletal survey, bone scan, fdg, psma, dotatate,"
        " dotatoc, octreotide, mibg, choline, wbmri, dwibs, half body, pet, nm bone, bone whole"
    ),
    "head": "head, skull, cranium, cranial, intracranial, headneck, vertex",
    "head.brain": (
        "brain, cerebral, cerebrum, cerebellum, cerebellar, circle of willis, circleofwillis,"
        " stealth, neuronavigation, tractography, fmri, ventricles, posterior fossa, perfusion head"
    ),
    "head.iam": (
        "iam, iams, iac, internal auditory, auditory canal, acoustic, cpa, petrous, mastoid"
    ),
    "head.pituitary": "pituitary, sella, sellar",
    "head.orbit": "orbit, orbits, orbital, eye, eyes, optic",
    "head.face": (
        "face, facial, facial bones, maxillofacial, sinus, sinuses, nose, nasal, maxilla, mandible,"
        " jaw, tmj, tmjoint, opg, opt, orthopantomogram, dental, zygoma, submandibular, parotid,"
        " parotids, salivary, mouth, floor of mouth, oral cavity, tongue, palate"
    ),
    "neck": "neck, headneck, carotid, carotids, soft tissue neck, cervical nodes, supraclavicular",
    "neck.throat": (
        "larynx, pharynx, nasopharynx, oropharynx, hypopharynx, tongue, tonsil, tonsils, palate,"
        " swallow, videofluoroscopy, postnasal space, floor of mouth, parotid, parotids, salivary"
    ),
    "neck.thyroid": "thyroid, thyroids, parathyroid, goitre",
    "chest": (
        "chest, thorax, thoracic, cxr, hrct, ctpa, pulmonary, lung, lungs, mediastinum, pleura,"
        " pleural, trachea, bronchus, ebus, tap, cap, t a p,"
        " c a p, ncap, chestabdomen, chestabdpelvis, neckchest,"
        " ribs, rib, sternum, pe, v q, vq, ventilation perfusion"
    ),
    "chest.heart": "heart, cardiac, coronary, coronaryartery, echo, echocardiogram, muga, tavi",
    "chest.oesophagus": "oesophagus, esophagus, oesophageal, barium swallow, eus, ba swallow",
    "breast": (
        "breast, breasts, mammogram, mammograms, mammography, mammo, tomosynthesis, axilla,"
        " axillae, axillary, nhsbsp, stereotactic"
    ),
    "abdomen": (
        "abdomen, abdo, abd, abdominal, axr, tap, cap,"
        " t a p, c a p, ncap, abdomenpelvis, chestabdomen,"
        " chestabdpelvis, retroperitoneum, aorta, abdominalaorta, ct ap, upper abdo"
    ),
    "abdomen.liver": "liver, hepatic, mrcp, primovist, fibroscan, tace, portal",
    "abdomen.biliary": (
        "biliary, mrcp, ercp, ptc, gallbladder, gall bladder, bile duct, bileduct, hida, eus"
    ),
    "abdomen.pancreas": "pancreas, pancreatic, mrcp, eus, head of pancreas, pancreatic head",
    "abdomen.kidney": (
        "kidney, kidneys, renal, ureter, ureters, urinary tract, renal tract, urogram, ctu, ivu,"
        " kub, dmsa, mag3, nephrostogram, ct ivu, urography"
    ),
    "abdomen.adrenal": "adrenal, adrenals",
    "abdomen.spleen": "spleen, splenic",
    "abdomen.bowel": (
        "bowel, small bowel, colon, colonography, colonoscopy, ctc, ct colonography, colonogram,"
        " stomach, gastric, duodenum, jejunum, ileum, appendix, enterography, enteroclysis, mre,"
        " barium enema, barium meal, gastrografin, largeintestine, oesophagus, esophagus"
    ),
    "pelvis": (
        "pelvis, pelvic, pelv, tap, cap, t a p, c a p,"
        " ncap, abdomenpelvis, chestabdpelvis, ct ap, inguinal, groin,"
        " groins, perineum"
    ),
    "pelvis.prostate": "prostate, trus, mpmri, seminal vesicles, multiparametric",
    "pelvis.bladder": "bladder, cystogram, urethra, kub, ctu, urogram, urinary tract, renal tract",
    "pelvis.rectum": (
        "rectum, rectal, anal, anus, anal canal, proctogram, defaecating, colon, colonography, ctc,"
        " sigmoid, anusrectumsigmd, ct colonography, barium enema, perianal, fistula"
    ),
    "pelvis.female": (
        "uterus, ovary, ovaries, ovarian, endometrium, endometrial, cervix, vagina, vulva, tv,"
        " tvs, tvus, transvaginal, gynae, gynaecological, hysterosalpingogram, adnexa, obstetric"
    ),
    "pelvis.testis": "testis, testes, testicle, testicles, testicular, scrotum, scrotal, penis",
    "pelvis.bone": "sacrum, sspine, sacroiliac, sijoint, si joints, sij, coccyx, ilium, ischium",
    "spine": "spine, spinal, whole spine, vertebra, vertebral, vertebrae, cord, myelogram",
    "spine.cervical": (
        "cspine, c spine, cerv spine, cervical spine, spine cervical, ctspine, odontoid"
    ),
    "spine.thoracic": (
        "tspine, t spine, d spine, thoracic spine, spine thoracic, dorsal spine, tlspine, ctspine,"
        " thoracolumbar, dorsolumbar"
    ),
    "spine.lumbar": (
        "lspine, l spine, lumbar, lumbar spine, lumbosacral, lss, ls spine, lsspine, lumb spine,"
        " tlspine, thoracolumbar, dorsolumbar, sacrum, sspine"
    ),
    "limb.shoulder": (
        "shoulder, shoulders, clavicle, scapula, acj, acjoint, brachial plexus, glenohumeral"
    ),
    "limb.arm": "arm, upper arm, humerus, humeral, upper limb",
    "limb.elbow": "elbow, elbows, radial head",
    "limb.forearm": "forearm, radius, ulna, radiusulna",
    "limb.hand": "wrist, wrists, hand, hands, finger, fingers, thumb, scaphoid",
    "limb.hip": (
        "hip, hips, neck of femur, nof, femoral neck, femoral head, femur neck, buttock, gluteal"
    ),
    "limb.thigh": "thigh, thighs, femur, femoral, femurs, quadriceps, hamstring",
    "limb.knee": "knee, knees, patella, popliteal, tibial plateau",
    "limb.leg": "leg, legs, calf, tibia, fibula, tibiafibula, tib fib, lower leg, lower limb",
    "limb.foot": "ankle, ankles, foot, feet, toe, toes, calcaneus, heel, hindfoot, forefoot",
    "limb": "extremity, extremities, limb, limbs, soft tissue lump",
    "bones": "dexa, dxa, dexa scan, bone density, bone densitometry",
}
#: Longer names that hold the name of another part, and name it not.
_OTHERWISE = {
    "limb.hip": "head of femur, head of the femur, neck of the femur, fractured neck of femur",
    "limb.arm": "head of humerus, humeral head, neck of humerus",
    "abdomen.kidney": "renal pelvis, pelvi ureteric",
    "chest": "thoracic aorta, chest wall, hilar nodes, mediastinal",
    "abdomen": "abdominal wall, abdominal aorta",
    "neck": (
        "cervical lymph nodes, cervical lymphadenopathy, cervical node, cervical nodes, neck lump"
    ),
    "abdomen.bowel": "hepatic flexure, splenic flexure",
    "abdomen.pancreas": (
        "neck of pancreas, neck of the pancreas, head of the pancreas, tail of pancreas"
    ),
    "": "left hand side, right hand side, on the other hand, legacy, head first, feet first",
}
_NECK_TOO = {
    "neck": "ncap, neckchest, neckchestabdomen, neckchestabdpelv, neckchestabdpelvis, hncap"
}
_ALL_OF_THEM = {
    "chest": "neckchestabdomen, neckchestabdpelv, neckchestabdpelvis",
    "abdomen": "neckchestabdomen, neckchestabdpelv, neckchestabdpelvis",
    "pelvis": "neckchestabdpelv, neckchestabdpelvis",
}
#: Words of a referral only: what is there says where it is.
_DISEASES = {
    "head.brain": (
        "glioma, gliomas, glioblastoma, gbm, meningioma, astrocytoma, oligodendroglioma, idh,"
        " ependymoma, medulloblastoma, frontal, parietal, occipital, temporal lobe, left temporal,"
        " right temporal, insular, thalamic, corpus callosum, seizure, seizures, craniotomy,"
        " hydrocephalus, ring enhancing, radionecrosis, pseudoprogression, srs, pcnsl"
    ),
    "head.iam": "vestibular, schwannoma, acoustic neuroma",
    "head.pituitary": "macroadenoma, microadenoma, prolactinoma, acromegaly, craniopharyngioma",
    "head.face": "sinonasal, oral, gingival, buccal, retromolar",
    "neck.throat": (
        "glottic, supraglottic, laryngeal, pharyngeal, tonsillar, oropharyngeal, nasopharyngeal,"
        " hypopharyngeal, vocal cord, laryngectomy, pyriform, base of tongue, oral, pleomorphic"
    ),
    "neck.thyroid": (
        "papillary, follicular thyroid, thy3, thy3f, thy4, thy5, medullary, thyroidectomy"
    ),
    "chest": (
        "nsclc, sclc, mesothelioma, rul, rml, rll, lul, lll, upper lobe, middle lobe, lower lobe,"
        " lobectomy, pneumonectomy, hilar mass, thymoma, endobronchial, haemoptysis, lingula,"
        " lingular, ground glass, spn"
    ),
    "chest.oesophagus": "goj, gastro oesophageal, oesophagectomy",
    "breast": (
        "dcis, lcis, idc, ilc, lobular, ductal, mastectomy, her2, birads, bi rads, nipple, wle,"
        " b3, b5a, b5b, m4, m5, u4, u5, microcalcification, microcalcifications, calcifications,"
        " calcification, implant"
    ),
    "abdomen.liver": (
        "hcc, hepatocellular, hepatoma, cirrhosis, hepatectomy, li rads, lirads, haemangioma, fnh,"
        " segment vi, segment vii, segment viii, segment v, segment iv"
    ),
    "abdomen.biliary": (
        "cholangiocarcinoma, klatskin, jaundice, hilar stricture, ampullary, bile, cbd"
    ),
    "abdomen.pancreas": "ipmn, whipple, whipples, pdac, mcn, insulinoma, pancreatectomy",
    "abdomen.kidney": "rcc, bosniak, nephrectomy, tcc, utuc, oncocytoma, angiomyolipoma, aml renal",
    "abdomen.adrenal": "phaeochromocytoma, phaeo, incidentaloma",
    "abdomen.bowel": (
        "colorectal, caecal, caecum, colonic, hemicolectomy, transverse colon, ascending colon,"
        " descending colon, diverticular, crohns, gist"
    ),
    "pelvis.rectum": (
        "tme, lower rectal, low rectal, emvi, crm, sigmoid, apr, watch and wait rectal"
    ),
    "pelvis.prostate": (
        "psa, gleason, pi rads, pirads, prostatectomy, likert, prostatic, csprostate"
    ),
    "pelvis.bladder": "turbt, cystectomy, haematuria, mibc, nmibc, urothelial",
    "pelvis.female": (
        "ca125, ca 125, hysterectomy, fibroid, fibroids, fallopian, cervical cancer, cervical ca,"
        " cervical scc, vulval, vaginal, rmi, figo, adnexal, leiomyosarcoma uterus, bso,"
        " postmenopausal bleeding, pmb, trachelectomy"
    ),
    "pelvis.testis": "seminoma, nsgct, teratoma, orchidectomy, germ cell",
    "whole": (
        "lymphoma, dlbcl, hodgkin, hodgkins, myeloma,"
        " follicular lymphoma, mantle cell, plasmacytoma,"
        " cup, unknown primary, deauville"
    ),
    "spine": "mscc, cord compression, cauda equina",
}
#: Which of a person's two a study can be of; of the others a side is only where in it.
PAIRED = frozenset(
    {"breast", "limb", "abdomen.kidney", "abdomen.adrenal", "head.orbit", "head.iam"}
    | {"pelvis.testis"}
)

#: From a word that opens a person's history to the end of its sentence.
_HISTORY = re.compile(
    r"\b(?:p?mhx?|hx|history of|previous|prev|background|bg)\b[^.;?\n]*", re.IGNORECASE
)
#: Lines of a report that say why it was asked for, and not what is seen; with the one below them
#: where the heading stands alone.
_ASKED_FOR = re.compile(
    r"^[^\S\n]*(?:clinical|history|indication|request|reason|comparison)[^\n:]{0,40}:"
    r"[^\S\n]*\n?[^\n]*",
    re.IGNORECASE | re.MULTILINE,
)
#: From a word that opens a report's history, comparison, advice or negation to where it turns.
_ASIDE = re.compile(
    r"\b(?:p?mhx?|hx|history|previous(?:ly)?|prev|prior|background|bg|known|compar(?:ed|ison)|"
    r"recommend\w*|advise\w*|no|not|nor|without)\b.*?(?=\b(?:but|however|although)\b|$)",
    re.IGNORECASE,
)
_NOT_SHOWN = re.compile(
    r"\bnot (?:been )?(?:imaged|included|covered|scanned|examined|shown)\b", re.IGNORECASE
)
MOST_READ = 4_000  # characters of a report: what it is of stands near its beginning
_Vocabulary = tuple[re.Pattern[str], Mapping[str, Parts]]


def _vocabulary(*tables: Mapping[str, str]) -> _Vocabulary:
    """One pattern for all names, the longest first, and the parts that each stands for."""
    parts: dict[str, set[str]] = {}
    for table in tables:
        for part, names in table.items():
            for name in names.upper().split(","):
                parts.setdefault(name.strip(), set()).update({part} - {""})
    longest_first = sorted(parts, key=len, reverse=True)
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")
    return pattern, {name: frozenset(of) for name, of in parts.items()}


#: Every part there is a name for.
PARTS = frozenset().union(_NAMES, _OTHERWISE, _NECK_TOO, _ALL_OF_THEM) - {""}
_STUDIES = _vocabulary(_NAMES, _OTHERWISE, _NECK_TOO, _ALL_OF_THEM)
_QUESTIONS = _vocabulary(_NAMES, _OTHERWISE, _NECK_TOO, _ALL_OF_THEM, _DISEASES)


def parts_in(text: str) -> Parts:
    """The parts that the name or code of a study names; empty: none that is known."""
    return _found(text, _STUDIES)


def parts_asked(text: str) -> Parts:
    """The parts that a referral's question names, by themselves or by a disease of theirs.

    What it tells as history asks nothing. Where history is all there is, it counts.
    """
    return _found(_HISTORY.sub(" ", text), _QUESTIONS) or _found(text, _QUESTIONS)


def parts_reported(report: str) -> Parts:
    """The parts that an imaging report says its pictures are of: by its first line, which mostly
    is its title, else by what it says is seen.
    """
    told = told_by(report)
    return parts_in(told.partition("\n")[0]) or _found(told, _QUESTIONS)


def told_by(report: str) -> str:
    """What a report says of its own pictures: not the history it tells, what it compares with
    or advises, nor what it says is not there.
    """
    lines = _ASKED_FOR.sub("", report[:MOST_READ]).splitlines()
    kept = (". ".join(map(_seen, re.split(r"[.;?]", line))).strip(" .") for line in lines)
    return "\n".join(filter(None, kept))


def parts_of(code: str, description: str, report: str = "") -> Parts:
    """The parts of a study by its Body Part Examined and its description, which both err.

    A code is often the machine's default and wide; a description is often cut short. So both
    count, but a coded region is dropped where the description names organs in it. Where the
    description names no part, its report stands for it.
    """
    described = parts_in(description) or parts_reported(report)
    coded = {part for part in parts_in(code) if not any(_holds(part, one) for one in described)}
    return described | coded


def meet(ones: Collection[str], others: Collection[str]) -> bool:
    """Whether any of `ones` is, holds or lies in any of `others`."""
    if WHOLE in ones or WHOLE in others:
        return bool(ones and others)
    return any(one == o or _holds(one, o) or _holds(o, one) for one in ones for o in others)


def are_paired(parts: Collection[str]) -> bool:
    """Whether all of these parts are such as come in pairs, so that a side tells two apart."""
    return bool(parts) and all(
        part in PAIRED or any(_holds(pair, part) for pair in PAIRED) for part in parts
    )


def in_words(parts: Collection[str]) -> str:
    """As people say it: "chest and abdomen", "liver"; empty for no part."""
    return listed(sorted({NAMES_SAID.get(part, part.rsplit(".", 1)[-1]) for part in parts}))


def listed(names: Sequence[str]) -> str:
    """'a, b and c'."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


NAMES_SAID = {
    "whole": "whole body",
    "head.iam": "internal auditory canals",
    "neck.throat": "throat",
    "pelvis.female": "uterus and ovaries",
    "pelvis.bone": "sacrum",
    "limb": "arm or leg",
    "bones": "bone density",
    "spine.cervical": "cervical spine",
    "spine.thoracic": "thoracic spine",
    "spine.lumbar": "lumbar spine",
}


def _found(text: str, vocabulary: _Vocabulary) -> Parts:
    pattern, parts = vocabulary
    plain = " ".join(re.findall(r"[A-Z0-9]+", text.upper()))
    return frozenset().union(*(parts[name] for name in pattern.findall(plain)))


def _seen(clause: str) -> str:
    return "" if _NOT_SHOWN.search(clause) else _ASIDE.sub(" ", clause)


def _holds(one: str, other: str) -> bool:
    return other.startswith(f"{one}.")
