"""Makes of the asset `reactions` a folder that can be read as it is, with reactions to try it on.

    python reactions.py REACTIONS FOLDER

REACTIONS is what `assets.py` took from the package rxnfp. The model there, a BERT with a head of 50 classes of reactions, has
a list of tokens alone, and two names of classes for all: its tokenizer, which splits SMILES by a pattern, and the other
names are written here. The package carries no reactions: those of train.csv and test.csv are enumerated from templates
of textbook reactions, with substituents, reagents and solvents drawn by a seed. Their label is the template; a study that
asks how often a pruned model agrees with the whole one does not need it.
"""

import csv
import json
import pathlib
import random
import shutil
import sys

# As arXiv 1811.02633 splits SMILES.
PATTERN = (
    r"(\[[^\]]+\]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$|%[0-9]{2}|[0-9])"
)

GROUPS = [
    "C", "CC", "CCC", "CC(C)", "CCCC", "CC(C)C", "C1CC1", "C1CCCC1", "C1CCCCC1", "c1ccccc1", "Cc1ccc(cc1)", "COc1ccc(cc1)",
    "Fc1ccc(cc1)", "Clc1ccc(cc1)", "c1ccncc1", "c1ccc2ccccc2c1", "c1ccsc1", "c1ccoc1", "FC(F)(F)c1ccc(cc1)", "N#Cc1ccc(cc1)",
]
ENDS = [
    "C", "CC", "CCC", "C(C)C", "CCCC", "CC(C)C", "C1CC1", "C1CCCC1", "C1CCCCC1", "c1ccccc1", "c1ccc(C)cc1", "c1ccc(OC)cc1",
    "c1ccc(F)cc1", "c1ccc(Cl)cc1", "c1ccncc1", "Cc1ccccc1", "CCc1ccccc1", "CCOC", "CCN(C)C", "c1ccc(C#N)cc1",
]
SOLVENTS = ["CN(C)C=O", "ClCCl", "C1CCOC1", "CO", "CCO", "CC#N", "C1COCCO1", "O", "Cc1ccccc1", "CS(C)=O"]

# The name, reactants and product of a group {a} and an end {b}, and reagents of which one or two are drawn.
TEMPLATES = [
    ("amide", "{a}C(=O)O.N{b}", "{a}C(=O)N{b}", ["CCN(CC)CC", "CCN(C(C)C)C(C)C", "On1nnc2ccccc21", "CN(C)c1ccncc1"]),
    ("acylation", "{a}C(=O)Cl.N{b}", "{a}C(=O)N{b}", ["CCN(CC)CC", "c1ccncc1", "O=C([O-])[O-].[K+].[K+]"]),
    ("esterification", "{a}C(=O)O.O{b}", "{a}C(=O)O{b}", ["O=S(Cl)Cl", "O=S(=O)(O)O", "CN(C)c1ccncc1"]),
    ("hydrolysis", "{a}C(=O)OC", "{a}C(=O)O", ["[Na+].[OH-]", "[Li+].[OH-]", "Cl"]),
    ("sulfonamide", "{a}S(=O)(=O)Cl.N{b}", "{a}S(=O)(=O)N{b}", ["CCN(CC)CC", "c1ccncc1"]),
    ("reductive amination", "{a}C=O.N{b}", "{a}CN{b}", ["[BH4-].[Na+]", "CC(=O)O", "CC(=O)O[BH-](OC(C)=O)OC(C)=O.[Na+]"]),
    ("reduction", "{a}C(=O)OCC", "{a}CO", ["[AlH4-].[Li+]", "[BH4-].[Li+]"]),
    ("oxidation", "{a}CO", "{a}C=O", ["O=[Mn]=O", "CC(=O)OI1(OC(C)=O)(OC(C)=O)OC(=O)c2ccccc21"]),
    ("alkylation", "{a}O.BrC{b}", "{a}OC{b}", ["O=C([O-])[O-].[K+].[K+]", "[H-].[Na+]"]),
    ("suzuki", "OB(O){a}.Brc6ccc({b})cc6", "{a}-c6ccc({b})cc6", ["O=C([O-])[O-].[Na+].[Na+]", "[Pd]", "O=C([O-])[O-].[K+].[K+]"]),
    ("protection", "{a}N.CC(C)(C)OC(=O)OC(=O)OC(C)(C)C", "{a}NC(=O)OC(C)(C)C", ["CCN(CC)CC", "CN(C)c1ccncc1"]),
    ("deprotection", "{a}NC(=O)OC(C)(C)C", "{a}N", ["O=C(O)C(F)(F)F", "Cl"]),
    ("nitro reduction", "O=[N+]([O-])c6ccc({b})cc6", "Nc6ccc({b})cc6", ["[Fe]", "[Pd]", "[H][H]"]),
]


def reaction(draw):
    name, reactants, product, reagents = draw.choice(TEMPLATES)
    a, b = draw.choice(GROUPS), draw.choice(ENDS)
    others = draw.sample(reagents, draw.randint(1, min(2, len(reagents)))) + [draw.choice(SOLVENTS)]
    draw.shuffle(others)
    left = ".".join([reactants.format(a=a, b=b), *others])
    return f"{left}>>{product.format(a=a, b=b)}", name


def tokenizer(vocabulary):
    ids = {token: at for at, token in enumerate(vocabulary)}
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    one = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
           {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    two = one + [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": ids[token], "content": token, **added} for token in special],
        "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing", "single": one, "pair": two,
            "special_tokens": {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in ("[CLS]", "[SEP]")},
        },
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": ids, "unk_token": "[UNK]"},
    }


def main(source, out):
    source = source / "bert_ft_10k_25s"
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "pytorch_model.bin", out / "pytorch_model.bin")
    config = json.loads((source / "config.json").read_text())
    names = [f"class {at}" for at in range(config["num_labels"])]
    config["id2label"] = {str(at): name for at, name in enumerate(names)}
    config["label2id"] = {name: at for at, name in enumerate(names)}
    (out / "config.json").write_text(json.dumps(config, indent=2))
    vocabulary = (source / "vocab.txt").read_text().splitlines()
    (out / "tokenizer.json").write_text(json.dumps(tokenizer(vocabulary), indent=1))
    draw, seen = random.Random(0), set()
    for part, count in (("train", 4000), ("test", 1000)):
        rows = []
        while len(rows) < count:
            row = reaction(draw)
            if row[0] not in seen:
                seen.add(row[0])
                rows.append(row)
        with open(out / f"{part}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows(rows)
        print(f"  {part}.csv: {len(rows)} reactions of {len(TEMPLATES)} templates")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*map(pathlib.Path, sys.argv[1:]))
