"""Train the networks of drawn people that ship with fbn: ``python -m fbn.studies.faces_networks -o FOLDER``.

Two networks of the study ``faces``, uncoupled and with matching, from the same pictures, first weights and batches. The
folder holds a model folder for each, the table R(identity, attribute), ``people.json`` and a card. A network that
recognises real people is never saved.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fbn.context import Context
from fbn.errors import FbnError
from fbn.models import store
from fbn.resources import make_folder, whole_file
from fbn.studies import engine, faces
from fbn.studies.faces_data import KNOWN, UNKNOWN
from fbn.studies.faces_demo import ABOUT, NETWORKS, TABLE, AboutDrawnPeople
from fbn.training.provenance import revision

#: Small, so that each file of weights has less than 1 MB.
NETWORK = {"widths": (16, 32, 64, 96), "blocks": (1, 1, 1, 1), "dropout": 0.2}
BUDGET = faces.FacesBudget(steps=1200, people=50, pictures=40, changes={"network_args": NETWORK})
SEED = 1
_FIGURES = {
    f"{KNOWN}/identity_accuracy": "who it is: accuracy",
    f"{KNOWN}/attribute_accuracy": "attributes: accuracy",
    f"{KNOWN}/attribute_balanced": "attributes: mean balanced accuracy",
    f"{KNOWN}/implied_balanced": "attributes implied by the identity: mean balanced accuracy",
    f"{UNKNOWN}/attribute_balanced": "attributes of strangers: mean balanced accuracy",
}


def save(request: faces.FacesRequest, folder: Path, context: Context) -> AboutDrawnPeople:
    """Train and save both networks, with their table and card.

    Args:
        request: of the study ``faces``; its first seed is used.
        folder: folder to write; networks of an earlier run are replaced.
        context: temporary folder, progress and cancellation.

    Raises:
        FbnError: the request names a data set of real people, or the folder cannot be written.
    """
    if request.data is not None:
        raise FbnError(
            f"{request.data}: a network that recognises real people is not saved. Leave out the data set to draw "
            "people; fbn study faces --data FOLDER measures such networks and keeps none of them"
        )
    for arm in NETWORKS:
        store.check_folder(make_folder(folder) / arm)
    seed, limits = request.first_seed, request.limits
    data = faces.load(request, seed, context.report)
    made = {"git_sha": revision(), "date": datetime.now(UTC).date().isoformat()}
    figures: dict[str, dict[str, float]] = {}
    chance: dict[str, float] = {}
    for number, arm in enumerate(NETWORKS):
        watched = (context, arm, (number / len(NETWORKS), (number + 1) / len(NETWORKS)))
        trained, _ = engine.train(faces.STUDY, request, (seed, arm), data, watched, precision="32-true")
        measured = faces.measured(trained)
        figures[arm] = {key: round(value, 4) for key, value in measured.figures.items()}
        chance = {key: round(value, 4) for key, value in measured.chance.items()}
        network, recipe = trained.network, trained.training.recipe
        network.spec = replace(network.spec, size=trained.side)
        store.save(
            folder / arm,
            network,
            name=f"drawn-people-{arm}",
            zoo=recipe.network,
            arguments=recipe.network_args,
            card=f"Recognises people drawn by fbn ({trained.arm.description}); see `CARD.md` in the folder above.\n",
            metrics=figures[arm],
            drawn_people=True,
            **made,
        )
    faces.counted(data).write(folder / TABLE)
    about = AboutDrawnPeople(
        people=limits.people,
        pictures=limits.pictures,
        seed=seed,
        steps=limits.steps,
        table_sha256=store.file_sha256(folder / TABLE),
        figures=figures,
        chance=chance,
        command=f"python -m fbn.studies.faces_networks -o FOLDER --steps {limits.steps} --seed {seed}",
        **made,
    )
    files = {ABOUT: about.model_dump_json(indent=1) + "\n", "CARD.md": card(about, len(data.identity), len(data.pool))}
    for name, text in files.items():
        with whole_file(folder / name) as unfinished:
            unfinished.write_text(text, "utf-8")
    return about


def card(about: AboutDrawnPeople, known: int, pictures: int) -> str:
    """Return the networks' card as Markdown.

    Args:
        about: how they were trained and how good they are.
        known: number of people they know.
        pictures: number of training pictures.
    """
    head = ["", *NETWORKS.values(), "chance"]
    rows = [head, ["---"] * len(head)]
    for key, title in _FIGURES.items():
        values = [*(about.figures[arm].get(key) for arm in NETWORKS), about.chance.get(key)]
        rows.append([title, *("" if value is None else f"{value:.3f}" for value in values)])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"""# Two networks that recognise drawn people

For the demonstration "Who is it?" of the app: `none` (uncoupled) and `match` (with distribution matching). Each reads
an aligned 64x64 crop of a face: which of {known} people it is, and its attributes. `table.json` is R(identity,
attribute).

## Nobody real
All people, and all pictures of them, are drawn by fbn. The networks learned from no photograph, and recognise no real
person. fbn ships no network that recognises real people and saves none: `fbn.models.store.save` refuses it.

## Trained on
{pictures} drawn pictures of {known} people in the style of CelebA, on {about.date} with code {about.git_sha[:12]}:
`{about.command}`.
The table was counted from the same pictures. {about.people - known} of the {about.people} people are strangers, of
whom no picture was trained on.

## How good
Held-out pictures of the same drawn people, one seed. Chance: the best constant prediction.

{table}

One seed and one pair of networks: the differences between the two columns may be chance. The study `faces` has several
seeds and intervals. Nothing here says how well such networks would do on photographs.

## Terms
MIT, code and weights alike.
"""


def _print(progress: float, message: str) -> None:
    print(f"\r{progress:4.0%} {message}", end="", flush=True)


def main() -> None:
    """Train, save, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=BUDGET.steps)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--data", type=Path, help="refused: networks that recognise real people are not saved")
    options = parser.parse_args()
    request = faces.FacesRequest(budget=BUDGET, data=options.data, steps=options.steps, first_seed=options.seed)
    try:
        with tempfile.TemporaryDirectory() as work:
            about = save(request, options.out, Context(Path(work), _print))
    except FbnError as error:
        sys.exit(str(error))
    print(about.model_dump_json(indent=1))


if __name__ == "__main__":
    main()
